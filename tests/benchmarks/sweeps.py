"""Large sweeps through the real records writer, with what a real one holds.

```
python tests/benchmarks/sweeps.py FOLDER TRIALS TICKS      # to look at one
```
"""

import io
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from colornet.config.catalog import to_yaml
from colornet.config.columns import COSTS, DIAGNOSTICS, LOSSES, METRICS
from search.records.writer import RecordsWriter, create_sweep
from spaces.dimensions import Dimension, point_id
from spaces.loading import load_study

SPACE = {
    "optimizer.generator_lr": {"loguniform": [1e-5, 2e-3]},
    "optimizer.lr_ratio": {"loguniform": [0.05, 10]},
    "loss.l1_weight": {"loguniform": [1, 300], "or": 0},
    "loss.adversarial": {"choice": ["bce", "lsgan", "hinge"]},
    "loss.label_smoothing": {"uniform": [0.0, 0.3], "when": {"loss.adversarial": ["bce", "lsgan"]}},
    "generator.dropout": {"uniform": [0.0, 0.5]},
    "generator.width": {"logint": [8, 64]},
    "optimizer.ema_decay": {"choice": [0.0, 0.99, 0.999]},
}
STATES = ("completed", "pruned", "diverged", "failed", "oom", "running")
SHARES = (0.55, 0.35, 0.05, 0.02, 0.02, 0.01)
HOSTS = ("node-a", "node-b", "node-c", "node-d")
FIXED, HELD_OUT = 6, 24
BATCH = 50
"""Trials whose rows are committed together."""
METRIC_COLUMNS = (
    *(f"val_{name}" for name in METRICS),
    "val_ab_mae_baseline",
    *(f"train_{name}" for name in LOSSES),
    *(f"diag_{name}" for name in DIAGNOSTICS),
    *(f"cost_{name}" for name in COSTS),
)


def study_data(folder: Path) -> dict[str, Any]:
    """A resolved study over eight dimensions: conditional, special, whole, chosen."""
    study = {
        "version": 1,
        "question": "What do thousands of trials cost a reader?",
        "base": "pix2pix-small",
        "space": SPACE,
        "objectives": {"val_ab_mae": "minimize", "val_colorfulness_gap": "minimize"},
        "decide": {"by": "val_ab_mae", "subject_to": {"val_colorfulness_gap": "<= 20"}},
        "sampler": "random",
        "stopping": {"rule": "asha", "grace": 0.25, "factor": 2},
        "budget": {"trials": 10},
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "large.yaml"
    path.write_text(to_yaml(study))
    data = load_study(str(path)).to_data()
    path.unlink()
    return data


def write_sweep(folder: Path, trials: int, ticks: int, *, pictures: bool = True) -> Path:
    """A sweep of `trials` trials, of which those that completed have `ticks` ticks.

    Args:
        pictures: whether those that completed leave colorized pictures, as they do.
    """
    study = study_data(folder.with_name(f"{folder.name}-study"))
    folder.with_name(f"{folder.name}-study").rmdir()
    provenance = {"version": 1, "git_commit": "0" * 40, "data_hash": "d" * 64, "host": HOSTS[0]}
    create_sweep(folder, study, provenance)
    rng = np.random.default_rng(0)
    writer = RecordsWriter(folder)
    shown = _pictures(rng) if pictures else []
    for number in range(trials):
        _write_trial(writer, study, rng, number, ticks, shown)
        if number % BATCH == BATCH - 1:
            writer.commit()
    writer.commit()
    return folder


def _write_trial(
    writer: RecordsWriter,
    study: dict[str, Any],
    rng: np.random.Generator,
    number: int,
    ticks: int,
    shown: list[bytes],
) -> None:
    point = _point(rng, study)
    state = str(rng.choice(STATES, p=SHARES))
    identity = {"trial_id": f"t{number:05d}", "number": number, "attempt": 0, "seed": 0}
    row = {
        **identity,
        "origin": "search",
        "point_id": point_id(point),
        "point": point,
        "distributions": {},
        "system_attrs": {},
        "config": study["base_config"],
        "host": HOSTS[number % len(HOSTS)],
        "pid": 1000 + number,
        "gpus": 0.0,
    }
    writer.add("trials", {**row, "state": "running", "reason": None})
    last = ticks if state == "completed" else int(rng.integers(1, ticks))
    level = _level(point) + rng.normal(0, 0.2)
    for tick, values in enumerate(_values(rng, level, last, ticks), start=1):
        images, seconds = tick * 256, tick * 2.0
        writer.add(
            "ticks", {**identity, "tick": tick, "images": images, "seconds": seconds} | values
        )
    if state == "completed" and shown:
        for picture in _picture_rows(rng, shown):
            writer.add("pictures", {**identity, "tick": last, **picture})
    if state != "running":
        reason = None if state == "completed" else f"it was {state} at tick {last}"
        writer.add("trials", {**row, "state": state, "reason": reason})


def _point(rng: np.random.Generator, study: dict[str, Any]) -> dict[str, Any]:
    point: dict[str, Any] = {}
    for name, data in study["space"].items():
        dimension = Dimension.from_data(name, data)
        if not dimension.is_active(point):
            continue
        if dimension.choices:
            point[name] = dimension.choices[rng.integers(len(dimension.choices))]
        elif dimension.special and rng.random() < 0.2:
            point[name] = dimension.special[0]
        else:
            low, high = dimension.low or 0.0, dimension.high or 0.0
            share = rng.random()
            value = low * (high / low) ** share if dimension.is_log else low + share * (high - low)
            point[name] = int(value) if dimension.is_int else float(value)
    return point


def _level(point: dict[str, Any]) -> float:
    """What a point ends at: a valley in the rates, and a little of everything."""
    rate = math.log10(point["optimizer.generator_lr"]) + 3.5
    return 8 + rate**2 + 0.3 * math.log10(point["optimizer.lr_ratio"]) ** 2


def _values(
    rng: np.random.Generator, level: float, last: int, ticks: int
) -> list[dict[str, float | None]]:
    falls = level * (1 + 0.5 * np.exp(-3 * np.arange(1, last + 1) / ticks))
    table = falls[:, None] * rng.normal(1, 0.05, (last, len(METRIC_COLUMNS)))
    table[:, METRIC_COLUMNS.index("val_ab_mae_baseline")] = 20.0
    return [dict(zip(METRIC_COLUMNS, row, strict=True)) for row in table.tolist()]


def _pictures(rng: np.random.Generator) -> list[bytes]:
    """Lossless pictures of 64 pixels with some noise, so that they take what photographs take."""
    found = []
    for _ in range(40):
        small = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(small).resize((64, 64), Image.Resampling.BICUBIC))
        rough = np.clip(smooth.astype(int) + rng.integers(-6, 6, smooth.shape), 0, 255)
        stream = io.BytesIO()
        Image.fromarray(rough.astype(np.uint8)).save(stream, "WEBP", lossless=True)
        found.append(stream.getvalue())
    return found


def _picture_rows(rng: np.random.Generator, shown: list[bytes]) -> list[dict[str, Any]]:
    """Predictions of all held-out pictures; of the fixed ones also as pictures, beside others."""
    rows = []
    for index in range(HELD_OUT):
        kinds = ("prediction", "truth", "grey") if index < FIXED else ("prediction",)
        for kind in kinds:
            place = int(rng.integers(12, len(shown))) if kind == "prediction" else index
            webp = shown[place + (FIXED if kind == "grey" else 0)] if index < FIXED else None
            if webp and kind == "prediction":
                webp += rng.bytes(8)  # no two are alike
            rows.append(
                {
                    "kind": kind,
                    "picture": f"picture {index}",
                    "picture_hash": f"{index:064x}",
                    "split": "val",
                    "fixed": index < FIXED,
                    "webp": webp,
                    **{name: float(rng.normal(10, 2)) for name in METRICS},
                }
            )
    return rows


if __name__ == "__main__":
    write_sweep(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
