"""Fixture sweeps, written through the real records writer."""

import io
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reports.tables import SweepTables, tables_of
from search.records.reader import read_sweep
from search.records.writer import RecordsWriter, create_sweep

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium; Playwright keeps an event loop running for as long."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if not os.path.exists(CHROMIUM):
        pytest.skip("no chromium here")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


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
    "training": {"images": 1000, "ticks": 4},
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
        "constraints": {},
        "evaluate_on": None,
        "final": {"training.images": 5000},
        "design": "search",
        "replicates": 5,
        "difference": None,
        "sampler": "random",
        "seed": 0,
        "seeds": "shared",
        "stopping": {"rule": "none", "grace": 0.5, "factor": 2.0},
        "budget": {"trials": 8},
        "trials": 8,
        "confirm": None,
        "resources": {"gpus": "auto", "concurrent": "auto"},
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
        label: str = "picture",
        seed: int = 0,
        point_id: str | None = None,
        seconds: float = 10.0,
        split: str = "val",
    ) -> str:
        """A trial that ended in `state`; `value` None means that it never reported.

        `metrics` are what it reached at its last tick; `test_…` are reported only there.
        `seconds` are those of four ticks.
        """
        number, trial_id = self.number, f"t{self.number:05d}"
        self.number += 1
        common = {"trial_id": trial_id, "number": number, "attempt": 1, "seed": seed}
        point = dict(point or {})
        for tick in range(1, ticks + 1) if value is not None else ():
            row = self._tick(tick, value, metrics or {})
            if tick < ticks:
                row = {name: one for name, one in row.items() if not name.startswith("test_")}
            self.writer.add("ticks", {**common, **row, "seconds": seconds * tick / 4})
        for index in range(pictures):
            self._pictures({**common, "split": split}, index, ticks, f"{label} {index}")
        self.writer.add(
            "trials",
            {
                **common,
                "state": state,
                "reason": reason,
                "origin": origin,
                "point_id": point_id or f"p{number}",
                "point": point,
                "distributions": {},
                "system_attrs": {},
                "config": self._config(point),
                "host": "h",
                "pid": 1,
            },
        )
        return trial_id

    def confirm(
        self, point_id: str, point: Mapping[str, Any], values: list[float | None], **more: Any
    ) -> list[str]:
        """Replicates of a point with the seeds 1, 2, …; None for one that diverged."""
        return [
            self.trial(
                point,
                1.0 if value is None else value,
                "diverged" if value is None else "completed",
                metrics={"test_ab_mae": math.nan if value is None else value},
                origin="confirm",
                point_id=point_id,
                seed=seed,
                **more,
            )
            for seed, value in enumerate(values, start=1)
        ]

    def compare(self, levels: Mapping[str, list[float | None]], dimension: str, **more: Any):
        """A compared design: level by level within each seed; None for one that diverged."""
        for seed in range(max(map(len, levels.values()))):
            for level, values in levels.items():
                if seed < len(values):
                    value = values[seed]
                    self.trial(
                        {dimension: level},
                        1.0 if value is None else value,
                        "diverged" if value is None else "completed",
                        origin="compare",
                        point_id=f"p-{level}",
                        seed=seed,
                        **more,
                    )
        return self

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
            "val_ab_mae": value * share,
            "val_ab_mae_baseline": 20.0,
            "train_loss_generator": 0.3 * share,
            "train_loss_discriminator": 0.7 / share,
            **{name: number * share for name, number in metrics.items()},
        }

    def _pictures(self, common: Mapping[str, Any], index: int, tick: int, name: str) -> None:
        for kind, gray in (("grey", 1.0), ("truth", 0.0), ("prediction", 0.4)):
            self.writer.add(
                "pictures",
                {
                    **common,
                    "tick": tick,
                    "kind": kind,
                    "picture": name,
                    "picture_hash": f"h{index}",
                    "fixed": True,
                    "webp": picture(index, gray),
                    "ab_mae": 12.5 * gray,
                    "colorfulness": 30.0 * (1 - gray),
                },
            )

    def tables(self) -> SweepTables:
        """The sweep as the reports read it."""
        self.writer.commit()
        return tables_of(read_sweep(self.folder))


Build = Callable[..., SweepBuilder]


def builder_in(folder: Path) -> Build:
    def begin(space: Mapping[str, Any] | None = None, name: str = "sweep", **changes: Any):
        return SweepBuilder(folder / name, study_of(space, **changes))

    return begin


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Begins a sweep in a folder `name`, for a study over `space` with some keys changed."""
    return builder_in(tmp_path)


@pytest.fixture
def build_confirmed(build: Build) -> Callable[..., SweepTables]:
    """A sweep whose best point is confirmed with these values, by the seeds 1, 2, …"""

    def make(name: str, values: list[float], **changes: Any) -> SweepTables:
        sweep = build(name=name, confirm={"top": 1, "replicates": 3}, **changes)
        sweep.trial({LR: 1e-3, LOSS: "bce"}, 6.0, pictures=2)
        sweep.trial({LR: 2e-3, LOSS: "bce"}, 8.0)
        sweep.confirm("p0", {LR: 1e-3, LOSS: "bce"}, values)
        return sweep.tables()

    return make


@pytest.fixture(scope="module")
def build_once(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """As `build`, for the sweeps that all tests of a module read."""
    return builder_in(tmp_path_factory.mktemp("module"))


HOSTILE = "</script><img src=x onerror=alert(1)>\"'&{{7*7}}<b>=1+1"
LR, LOSS = "optimizer.generator_lr", "loss.adversarial"


def _no_trial(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    return begin()


def _one_trial(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    sweep = begin()
    sweep.trial({LR: 1e-3, LOSS: "bce"}, 9.0, pictures=2)
    return sweep


def _only(state: str, value: float | None) -> Callable[..., SweepBuilder]:
    def fill(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
        sweep = begin()
        for index in range(3):
            sweep.trial({LR: 1e-4 * (index + 1), LOSS: "bce"}, value, state, ticks=2)
        return sweep

    return fill


def _all_equal(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    sweep = begin()
    for index in range(9):
        sweep.trial({LR: 1e-4 * (index + 1), LOSS: "bce"}, 9.0)
    return sweep


def _constant_dimension(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    sweep = begin({LR: {"type": "uniform", "low": 0.1, "high": 0.1}, **SPACE_LOSS})
    for index in range(9):
        sweep.trial({LR: 0.1, LOSS: ["bce", "hinge"][index % 2]}, 9.0 + index)
    return sweep


SPACE_LOSS = {LOSS: SPACE[LOSS]}


def _conditional(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    smoothing = {"type": "uniform", "low": 0.0, "high": 0.3, "when": {LOSS: ["bce"]}}
    sweep = begin({**SPACE_LOSS, "loss.label_smoothing": smoothing})
    for index in range(12):
        point: dict[str, Any] = {LOSS: ["bce", "hinge", "lsgan"][index % 3]}
        if point[LOSS] == "bce":
            point["loss.label_smoothing"] = 0.02 * index
        sweep.trial(point, 9.0 + index % 5)
    return sweep


def _nan_values(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    sweep = begin()
    for index in range(4):
        sweep.trial({LR: 1e-4, LOSS: "bce"}, math.nan if index % 2 else 9.0)
    return sweep


def _two_objectives(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    sweep = begin(objectives={"val_ab_mae": "minimize", "val_psnr": "maximize"})
    for index in range(9):
        state = "pruned" if index == 4 else "completed"
        psnr = {"val_psnr": 20.0 + index % 4}
        sweep.trial({LR: 1e-4 * (index + 1), LOSS: "bce"}, 9.0 + index, state, metrics=psnr)
    return sweep


def _special(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    sweep = begin({"loss.l1_weight": {"type": "loguniform", "low": 1, "high": 300, "special": 0}})
    for index in range(10):
        sweep.trial({"loss.l1_weight": 0 if index % 3 == 0 else 10.0 * index}, 9.0 + index)
    return sweep


def _null_beside_a_range(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    """As `or: null` makes it, together with a dimension that is not always active."""
    clip = {"type": "loguniform", "low": 0.1, "high": 100, "special": None}
    warmup = {"type": "int", "low": 1, "high": 9, "special": None, "when": {LOSS: ["bce", "hinge"]}}
    sweep = begin({**SPACE_LOSS, "optimizer.clip_norm": clip, "schedule.warmup": warmup})
    for index in range(24):
        point: dict[str, Any] = {LOSS: ["bce", "hinge", "lsgan"][index % 3]}
        point["optimizer.clip_norm"] = None if index % 4 == 0 else 0.2 * 1.3**index
        if point[LOSS] != "lsgan":
            point["schedule.warmup"] = None if index % 5 == 0 else 1 + index % 9
        sweep.trial(point, 9.0 + index % 5, "diverged" if index % 8 == 0 else "completed")
    return sweep


def _bundle(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    labels = {"landscapes": {"data.classes": ["sea"]}, "streets": {"data.classes": ["street"]}}
    sweep = begin({"pictures": {"type": "bundle", "labels": labels}})
    for index in range(8):
        sweep.trial({"pictures": list(labels)[index % 2]}, 9.0 + index % 3)
    return sweep


def _no_dimension(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    sweep = begin({})
    sweep.trial({}, 9.0)
    return sweep


def _many(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    sweep = begin({"generator.width": {"type": "int", "low": 8, "high": 64}})
    for index in range(45):
        sweep.trial({"generator.width": 8 + index}, 9.0 + index % 7)
    return sweep


def _hostile(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    space = {HOSTILE: {"type": "choice", "choices": [HOSTILE, "@SUM(A1)", None, True, [1, 2]]}}
    metrics = {"ab_mae": {"unit": HOSTILE, "goal": "minimize", "label": HOSTILE}}
    sweep = begin(space, name=HOSTILE.replace("/", "|"), question=HOSTILE, metrics=metrics)
    for index, value in enumerate([HOSTILE, "@SUM(A1)", None, True, [1, 2]] * 2):
        sweep.trial({HOSTILE: value}, 9.0 + index, origin=HOSTILE, pictures=1, label=HOSTILE)
    sweep.trial({HOSTILE: HOSTILE}, 9.0, "failed", reason=HOSTILE)
    return sweep


def _pruned_search(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    sweep = begin(stopping={"rule": "asha", "grace": 0.25, "factor": 2.0})
    for index in range(12):
        pruned = index % 3 == 2
        sweep.trial(
            {LR: 1e-4 * (index + 1), LOSS: "bce"},
            9.0 + index % 5,
            "pruned" if pruned else "completed",
            ticks=2 if pruned else 4,
        )
    return sweep


def _confirmed(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    sweep = begin(confirm={"top": 3, "replicates": 3})
    points = [{LR: 1e-4 * (index + 1), LOSS: ["bce", "hinge"][index % 2]} for index in range(10)]
    for index, point in enumerate(points):
        sweep.trial(point, 6.0 + (index * 7) % 10, pictures=1 if index < 2 else 0)
    sweep.confirm("p0", points[0], [7.0, 7.4, 7.9])
    sweep.confirm("p3", points[3], [6.8, 7.5, None])
    sweep.confirm("p6", points[6], [7.1, 7.5])
    sweep.trial(points[6], 9.0, "running", ticks=1, origin="confirm", point_id="p6", seed=3)
    return sweep


def _only_confirming(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    sweep = begin(confirm={"top": 1, "replicates": 2})
    sweep.confirm("p0", {LR: 1e-3, LOSS: "bce"}, [7.0, 7.4])
    return sweep


def _compared(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    sweep = begin(SPACE_LOSS, design="compare", replicates=4, difference=0.5)
    levels = {"bce": [9.0, 9.5, 8.7], "lsgan": [9.2, 9.4, 9.3, 8.8], "hinge": [11.0, None]}
    return sweep.compare(levels, LOSS, pictures=1)


def _compared_once(begin: Callable[..., SweepBuilder]) -> SweepBuilder:
    sweep = begin(SPACE_LOSS, design="compare", replicates=4)
    return sweep.compare({"bce": [9.0], "hinge": [None], "lsgan": [math.nan]}, LOSS)


AWKWARD: dict[str, Callable[[Callable[..., SweepBuilder]], SweepBuilder]] = {
    "no trial": _no_trial,
    "one trial": _one_trial,
    "only failed": _only("failed", None),
    "only diverged": _only("diverged", 12.0),
    "only pruned": _only("pruned", 12.0),
    "only running": _only("running", 12.0),
    "all equal": _all_equal,
    "constant dimension": _constant_dimension,
    "conditional": _conditional,
    "null beside a range": _null_beside_a_range,
    "nan values": _nan_values,
    "two objectives": _two_objectives,
    "special": _special,
    "bundle": _bundle,
    "no dimension": _no_dimension,
    "many": _many,
    "hostile": _hostile,
    "pruned search": _pruned_search,
    "confirmed": _confirmed,
    "only confirming": _only_confirming,
    "compared": _compared,
    "compared once": _compared_once,
}


@pytest.fixture(scope="session", params=sorted(AWKWARD))
def awkward(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """Every sweep that a page or chart might stumble over, one after the other."""
    folder = tmp_path_factory.mktemp("awkward")
    return _awkward(request.param, folder)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> SweepTables:
    """A sweep with markup and formulas wherever a user may write."""
    return _awkward("hostile", tmp_path_factory.mktemp("hostile"))


LARGE_SPACE = {
    "optimizer.generator_lr": {"type": "loguniform", "low": 1e-5, "high": 2e-3},
    "optimizer.lr_ratio": {"type": "loguniform", "low": 0.05, "high": 10},
    "loss.l1_weight": {"type": "loguniform", "low": 1, "high": 300, "special": 0},
    LOSS: SPACE[LOSS],
    "loss.label_smoothing": {
        "type": "uniform",
        "low": 0.0,
        "high": 0.3,
        "when": {LOSS: ["bce", "lsgan"]},
    },
    "generator.width": {"type": "logint", "low": 8, "high": 64},
    "generator.dropout": {"type": "uniform", "low": 0.0, "high": 0.5},
    "training.batch_size": {"type": "choice", "choices": [8, 16, 32]},
}
"""Eight dimensions of every kind."""


def random_point(rng: np.random.Generator) -> dict[str, Any]:
    """A point of `LARGE_SPACE`."""
    point: dict[str, Any] = {
        "optimizer.generator_lr": float(10 ** rng.uniform(-5, -2.7)),
        "optimizer.lr_ratio": float(10 ** rng.uniform(-1.3, 1)),
        "loss.l1_weight": 0 if rng.random() < 0.2 else float(10 ** rng.uniform(0, 2.47)),
        LOSS: str(rng.choice(["bce", "lsgan", "hinge"])),
        "generator.width": int(2 ** rng.uniform(3, 6)),
        "generator.dropout": float(rng.uniform(0, 0.5)),
        "training.batch_size": int(rng.choice([8, 16, 32])),
    }
    if point[LOSS] != "hinge":
        point["loss.label_smoothing"] = float(rng.uniform(0, 0.3))
    return point


def fill_at_random(sweep: SweepBuilder, trials: int, ticks: int) -> SweepBuilder:
    """Trials over `LARGE_SPACE`: the balance of the rates decides, each sixth was stopped early,
    each tenth failed in one of four ways."""
    rng = np.random.default_rng(0)
    ways = ("diverged", "oom", "stalled", "failed")
    for number in range(trials):
        point = random_point(rng)
        off = math.log10(point["optimizer.generator_lr"] * point["optimizer.lr_ratio"]) + 4
        value = 9.0 + off**2 + 0.3 * (point[LOSS] == "hinge") + float(rng.normal(0, 0.3))
        state, seen = "completed", ticks
        if number % 10 == 9:
            state, seen = ways[number // 10 % 4], max(1, ticks // 2)
        elif number % 6 == 5:
            state, seen = "pruned", max(1, ticks // 2)
        metrics = {"val_psnr": 30.0 - value + float(rng.normal(0, 0.5))}
        sweep.trial(point, value, state, ticks=seen, metrics=metrics)
    return sweep


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> SweepTables:
    """10,000 trials over eight dimensions with two objectives."""
    objectives = {"val_ab_mae": "minimize", "val_psnr": "maximize"}
    study = study_of(LARGE_SPACE, objectives=objectives)
    return fill_at_random(
        SweepBuilder(tmp_path_factory.mktemp("large") / "sweep", study), 10_000, ticks=2
    ).tables()


def _awkward(name: str, folder: Path) -> SweepTables:
    def begin(space: Mapping[str, Any] | None = None, name: str = "sweep", **changes: Any):
        return SweepBuilder(folder / name, study_of(space, **changes))

    return AWKWARD[name](begin).tables()
