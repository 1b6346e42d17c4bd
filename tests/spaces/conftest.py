"""A study file that uses every key, and a way to write it with changes."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colornet.config.catalog import to_yaml
from spaces.loading import load_study
from spaces.study import Study

FULL: dict[str, Any] = {
    "version": 1,
    "question": "Does every key work?",
    "asked_in": ["000"],
    "base": "pix2pix-small",
    "fixed": {"training.images": 640, "training.ticks": 2},
    "space": {
        "loss.label_smoothing": {"uniform": [0.0, 0.3], "when": {"loss.adversarial": ["bce"]}},
        "optimizer.generator_lr": {"loguniform": [1e-4, 1e-2]},
        "loss.adversarial": {"choice": ["bce", "lsgan"]},
        "loss.l1_weight": {"loguniform": [1, 300], "or": 0},
        "generator.width": {"logint": [4, 16]},
        "batch": {
            "bundle": {"large": {"training.batch_size": 64}, "small": {"training.batch_size": 8}}
        },
    },
    "start_from": [{"optimizer.generator_lr": 1e-3, "loss.l1_weight": 0}, {"batch": "small"}],
    "objectives": {"val_ab_mae": "minimize", "val_psnr": "maximize"},
    "decide": {"by": "val_ab_mae", "subject_to": {"val_colorfulness_gap": "<= 15"}},
    "constraints": {"gmac_per_picture": "< 2"},
    "evaluate_on": {"data.seed": 1},
    "final": {"training.images": 1280},
    "design": "search",
    "difference": 0.25,
    "stopping": {"rule": "hyperband", "grace": 0.25, "factor": 3},
    "confirm": {"top": 2, "replicates": 4},
    "sampler": "tpe",
    "seed": 3,
    "seeds": "fresh",
    "budget": {"trials": 8},
    "resources": {"workers": 1, "gpus": 0.5, "concurrent": 2},
    "quick": {"budget.trials": 2, "training.images": 320},
}


@pytest.fixture
def full() -> dict[str, Any]:
    """The study as data, to be changed at will."""
    return copy.deepcopy(FULL)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], str]:
    """Write a study file; returns its path."""

    def to_file(values: Any) -> str:
        path = tmp_path / "mine.yaml"
        path.write_text(values if isinstance(values, str) else to_yaml(values))
        return str(path)

    return to_file


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Study]:
    """Loads a study of a space, with `--set` options and more keys."""

    def from_space(
        space: dict[str, Any], given: dict[str, Any] | None = None, **more: Any
    ) -> Study:
        path = tmp_path / "mine.yaml"
        values = {
            "version": 1,
            "question": "Which?",
            "base": "pix2pix-small",
            "space": space,
            "objectives": {"val_ab_mae": "minimize"},
            "budget": {"trials": 4},
            **more,
        }
        path.write_text(to_yaml(values))
        return load_study(str(path), given)

    return from_space
