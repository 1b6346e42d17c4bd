"""Weights are compared only where they mean the same."""

from pathlib import Path
from typing import Any

import pytest

from colornet.catalog import to_yaml
from colornet.errors import InputError
from spaces.loading import load_study

RGB = {"generator.predicts": "rgb", "generator.head": "sigmoid", "loss.on": "rgb"}
AB = {"loss.on": "ab"}


def study(folder: Path, space: dict[str, Any], **more: Any) -> str:
    path = folder / "mine.yaml"
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
    return str(path)


WEIGHT = {"loguniform": [1, 100]}
SYSTEMS = {"bundle": {"lab": AB, "rgb": RGB}}


def test_a_weight_across_units_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_study(study(tmp_path, {"loss.l1_weight": WEIGHT, "system": SYSTEMS}))
    assert "space.loss.l1_weight: system changes loss.on (ab, rgb)" in str(caught.value)
    assert len(str(caught.value).split("\n")) <= 3


def test_a_weight_under_one_unit_is_compared(tmp_path: Path) -> None:
    weight = {**WEIGHT, "when": {"system": ["lab"]}}
    loaded = load_study(study(tmp_path, {"loss.l1_weight": weight, "system": SYSTEMS}))
    assert set(loaded.space) == {"loss.l1_weight", "system"}


def test_other_dimensions_across_units_are_fine(tmp_path: Path) -> None:
    space = {"optimizer.lr_ratio": WEIGHT, "system": SYSTEMS}
    assert set(load_study(study(tmp_path, space)).space) == set(space)


def test_a_method_without_the_comparison_is_no_other_unit(tmp_path: Path) -> None:
    methods = {"bundle": {"gan": {"loss.method": "gan"}, "cycle": {"loss.method": "cyclegan"}}}
    weight = {**WEIGHT, "when": {"method": ["gan"]}}
    assert load_study(study(tmp_path, {"loss.l1_weight": weight, "method": methods}))


@pytest.mark.parametrize("column", ["cost_gmac_per_picture", "cost_images_per_second"])
def test_costs_can_be_objectives(tmp_path: Path, column: str) -> None:
    goal = "minimize" if "gmac" in column else "maximize"
    objectives = {"val_ab_mae": "minimize", column: goal}
    assert load_study(
        study(tmp_path, {"loss.l1_weight": WEIGHT}, objectives=objectives, decide=None)
    )
