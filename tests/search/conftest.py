"""Small studies, sweeps without Ray, and one Ray for all tests that need it."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from colornet.catalog import to_yaml
from search.records import create_sweep
from spaces.study import Study, load_study

STUDY: dict[str, Any] = {
    "version": 1,
    "question": "Which rate is best?",
    "base": "pix2pix-small",
    "fixed": {
        "data.pictures": 40,
        "data.image_size": 16,
        "training.images": 64,
        "training.ticks": 2,
    },
    "space": {
        "optimizer.generator_lr": {"loguniform": [1e-5, 1e-1]},
        "loss.l1_weight": {"loguniform": [1, 300], "or": 0},
        "loss.adversarial": {"choice": ["bce", "lsgan"]},
        "loss.label_smoothing": {"uniform": [0.0, 0.4], "when": {"loss.adversarial": "bce"}},
        "generator.width": {"logint": [4, 64]},
    },
    "objectives": {"val_ab_mae": "minimize"},
    "budget": {"trials": 8},
}
TWO_OBJECTIVES = {"val_ab_mae": "minimize", "val_psnr": "maximize"}


@pytest.fixture
def make_study(tmp_path: Path) -> Callable[..., Study]:
    """A function of changed keys that gives a study over five dimensions, one conditional."""

    def make(trials: int = 8, **changes: Any) -> Study:
        values = {**STUDY, "budget": {"trials": trials}, **changes}
        path = tmp_path / "study-file.yaml"
        path.write_text(to_yaml(values))
        return load_study(str(path))

    return make


@pytest.fixture
def make_sweep(make_study: Callable[..., Study], tmp_path: Path) -> Callable[..., Path]:
    """A function that gives the folder of a sweep which has not begun."""

    def make(trials: int = 8, name: str = "sweep", **changes: Any) -> Path:
        create_sweep(tmp_path / name, make_study(trials, **changes).to_data(), {"host": "here"})
        return tmp_path / name

    return make


@functools.cache
def _start_ray() -> Any:
    import ray

    ray.init(address="local", include_dashboard=False, log_to_driver=False, num_cpus=2)
    return ray


@pytest.fixture(scope="session")
def local_ray() -> Iterator[Any]:
    """A Ray of two CPUs for the whole run; tests that use it are marked `ray`."""
    yield _start_ray()
    _start_ray().shutdown()
