"""Fixture sweeps, written through the real records writer."""

import io
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reports.tables import SweepTables, tables_of
from search.records import RecordsWriter, create_sweep, read_sweep

METRICS = {
    "ab_mae": {"unit": "Lab units", "goal": "minimize", "label": "ab MAE"},
    "psnr": {"unit": "dB", "goal": "maximize", "label": "PSNR"},
    "colorfulness": {"unit": "", "goal": None, "label": "Colorfulness"},
    "colorfulness_gap": {"unit": "", "goal": "minimize", "label": "Colorfulness gap"},
    "loss_generator": {"unit": "", "goal": None, "label": "Generator loss"},
    "loss_discriminator": {"unit": "", "goal": None, "label": "Discriminator loss"},
}
BASE_CONFIG = {
    "version": 1,
    "data": {"source": "scenes"},
    "generator": {"kind": "unet"},
    "discriminator": {"kind": "patch"},
    "loss": {"method": "gan", "adversarial": "bce"},
    "optimizer": {"generator_lr": 0.001},
    "training": {"images": 1000},
}
SPACE = {
    "optimizer.generator_lr": {"type": "loguniform", "low": 1e-5, "high": 2e-3},
    "loss.adversarial": {"type": "choice", "choices": ["bce", "lsgan", "hinge"]},
}


def study_of(space: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A resolved study over `space` with one objective."""
    study = {
        "version": 1,
        "name": "demo",
        "question": "How should the two learning rates be balanced?",
        "asked_in": ["000"],
        "base": "pix2pix-small",
        "fixed": {},
        "space": dict(SPACE if space is None else space),
        "start_from": [],
        "objectives": {"val_ab_mae": "minimize"},
        "decide": None,
        "final": {"training.images": 5000},
        "sampler": "random",
        "seed": 0,
        "seeds": "shared",
        "budget": {"trials": 8},
        "resources": {},
        "base_config": BASE_CONFIG,
        "metrics": METRICS,
    }
    return {**study, **changes}


def picture(seed: int, gray: float = 0.0, size: int = 32) -> bytes:
    """A small lossless WebP; `gray` in [0, 1] takes the color away."""
    y, x = np.mgrid[0:size, 0:size] / size
    phase = 2 * math.pi * seed / 8
    rgb = np.stack([np.cos(phase + 3 * x), np.cos(phase + 2 + 3 * y), np.cos(phase + 4 + x)], -1)
    rgb = rgb * 0.5 + 0.5
    rgb = rgb * (1 - gray) + rgb.mean(-1, keepdims=True) * gray
    stream = io.BytesIO()
    Image.fromarray((rgb * 255).astype(np.uint8)).save(stream, "WEBP", lossless=True)
    return stream.getvalue()


class SweepBuilder:
    """Builds one sweep, trial by trial."""

    def __init__(self, folder: Path, study: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.study = study or study_of()
        create_sweep(folder, self.study, {"git_commit": "abc123", "data_hash": "d1", "host": "h"})
        self.writer = RecordsWriter(folder)
        self.number = 0

    def trial(
        self,
        point: Mapping[str, Any] | None = None,
        value: float | None = 10.0,
        state: str = "completed",
        *,
        ticks: int = 4,
        reason: str | None = None,
        metrics: Mapping[str, float] | None = None,
        pictures: int = 0,
        origin: str = "search",
    ) -> str:
        """A trial that ended in `state`; `value` None means that it never reported."""
        number, trial_id = self.number, f"t{self.number:05d}"
        self.number += 1
        common = {"trial_id": trial_id, "number": number, "attempt": 1, "seed": 0}
        point = dict(point or {})
        for tick in range(1, ticks + 1) if value is not None else ():
            self.writer.tick({**common, **self._tick(tick, value, metrics or {})})
        for index in range(pictures):
            self._pictures(common, index, ticks)
        self.writer.trial(
            {
                **common,
                "state": state,
                "reason": reason,
                "origin": origin,
                "point_id": f"p{number}",
                "point": point,
                "distributions": {},
                "system_attrs": {},
                "config": self._config(point),
                "host": "h",
                "pid": 1,
            }
        )
        return trial_id

    def _config(self, point: Mapping[str, Any]) -> dict[str, Any]:
        config = json.loads(json.dumps(BASE_CONFIG))
        if "optimizer.generator_lr" in point:
            config["optimizer"]["generator_lr"] = point["optimizer.generator_lr"]
        return config

    def _tick(self, tick: int, value: float, metrics: Mapping[str, float]) -> dict[str, Any]:
        share = 1 + 1 / tick - 1 / 4
        return {
            "tick": tick,
            "images": 250 * tick,
            "seconds": 2.5 * tick,
            "val_ab_mae": value * share,
            "val_ab_mae_baseline": 20.0,
            "train_loss_generator": 0.3 * share,
            "train_loss_discriminator": 0.7 / share,
            **{name: number * share for name, number in metrics.items()},
        }

    def _pictures(self, common: Mapping[str, Any], index: int, tick: int) -> None:
        for kind, gray in (("grey", 1.0), ("truth", 0.0), ("prediction", 0.4)):
            self.writer.picture(
                {
                    **common,
                    "tick": tick,
                    "kind": kind,
                    "split": "val",
                    "picture": f"picture {index}",
                    "picture_hash": f"h{index}",
                    "fixed": True,
                    "webp": picture(index, gray),
                    "ab_mae": 12.5 * gray,
                    "colorfulness": 30.0 * (1 - gray),
                }
            )

    def tables(self) -> SweepTables:
        """The sweep as the reports read it."""
        self.writer.commit()
        return tables_of(read_sweep(self.folder))


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., SweepBuilder]:
    """A builder of a sweep named `sweep` for a study."""
    return lambda study=None: SweepBuilder(tmp_path / "sweep", study)
