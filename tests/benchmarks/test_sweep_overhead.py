"""What a sweep costs beside its trainings: seconds a trial, files a sweep."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colornet.config.catalog import to_yaml
from search.records.reader import read_sweep
from search.records.writer import create_sweep
from spaces.loading import load_study

pytestmark = [pytest.mark.ray, pytest.mark.slow]

TRIALS = 40
GENEROUS = 30.0
"""Seconds that 40 trials which do nothing may take; 10 on two idle cores."""
MANY_TRIALS, MANY_TICKS, MANY_FILES = 200, 20, 200


def new_sweep(folder: Path, trials: int) -> Path:
    study = {
        "version": 1,
        "question": "What does it cost?",
        "base": "unet-small",
        "space": {"optimizer.generator_lr": {"loguniform": [1e-5, 1e-1]}},
        "objectives": {"val_ab_mae": "minimize"},
        "sampler": "random",
        "budget": {"trials": trials},
    }
    folder.mkdir()
    (folder / "file.yaml").write_text(to_yaml(study))
    create_sweep(folder / "sweep", load_study(str(folder / "file.yaml")).to_data(), {})
    return folder / "sweep"


def training(ticks: int) -> Callable[..., None]:
    """A training that only reports; made in here, so that Ray ships it by value."""

    def train(config: Any, report: Any, resume: Any, *, folder: Any = None) -> None:
        for tick in range(1, ticks + 1):
            report({"tick": tick, "images": tick, "seconds": 0.1, "val_ab_mae": 1.0 / tick}, None)

    return train


def test_40_trials_that_do_nothing(local_ray: None, tmp_path: Path) -> None:
    from search.run import sweep

    folder = new_sweep(tmp_path / "forty", TRIALS)
    started = time.monotonic()
    sweep.run(folder, train=training(3))
    seconds = time.monotonic() - started
    print(f"{TRIALS} trials in {seconds:.1f} s")
    assert set(read_sweep(folder).trials["state"]) == {"completed"}
    assert seconds < GENEROUS


def test_200_trials_leave_few_files(local_ray: None, tmp_path: Path) -> None:
    from search.run import sweep

    folder = new_sweep(tmp_path / "many", MANY_TRIALS)
    started = time.monotonic()
    sweep.run(folder, train=training(MANY_TICKS))
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    seconds = time.monotonic() - started
    print(f"{MANY_TRIALS} trials in {seconds:.1f} s, {len(files)} files, {size:.2f} MB")
    assert len(files) < MANY_FILES
    assert len(read_sweep(folder).ticks) == MANY_TRIALS * MANY_TICKS
