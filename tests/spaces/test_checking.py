"""What a study may ask of its trials, and weights that mean the same in all of them."""

from pathlib import Path
from typing import Any

import pytest

from colornet.config.catalog import to_yaml
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


def refused(folder: Path, space: dict[str, Any], **more: Any) -> str:
    path = study(folder, space, **more)
    with pytest.raises(InputError) as caught:
        load_study(path)
    assert len(str(caught.value).split("\n")) <= 3
    return str(caught.value).replace(path, "mine.yaml")


COMPARE: dict[str, Any] = {"design": "compare", "budget": {}}
GRID: dict[str, Any] = {"sampler": "grid"}
TWO = {"loss.adversarial": {"choice": ["bce", "lsgan"]}}


@pytest.mark.parametrize("more", [COMPARE, GRID])
@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"loss.l1_weight": WEIGHT}, "space.loss.l1_weight: "),
        ({**TWO, "loss.l1_weight": {**WEIGHT, "or": 0}}, "needs levels, and a loguniform has none"),
        ({"generator.width": {"int": [4, 64]}}, "needs levels, and a int has none"),
        (
            {
                "generator.width": {"int": [1, 32]},
                "discriminator.width": {"int": [1, 32]},
                "training.batch_size": {"int": [1, 10]},
            },
            "more than 10,000 combinations",
        ),
    ],
)
def test_levels_are_needed(
    tmp_path: Path, space: dict[str, Any], said: str, more: dict[str, Any]
) -> None:
    found = refused(tmp_path, space, **more)
    assert said in found
    assert ("design compare" if more is COMPARE else "sampler grid") in found


def test_ten_thousand_combinations_are_planned(tmp_path: Path) -> None:
    space = {
        "generator.width": {"int": [1, 25]},
        "discriminator.width": {"int": [1, 25]},
        "training.batch_size": {"int": [1, 16]},
    }
    assert load_study(study(tmp_path, space, sampler="grid", budget={})).trials == 10_000


def test_one_level_is_no_comparison(tmp_path: Path) -> None:
    one = {"loss.adversarial": {"choice": ["bce"]}}
    assert "design compare needs at least two levels" in refused(tmp_path, one, **COMPARE)
    assert load_study(study(tmp_path, one, sampler="grid")).trials == 1


LENGTHS = {"training.images": {"choice": [640, 1280]}}


@pytest.mark.parametrize("rule", ["asha", "hyperband", "median"])
@pytest.mark.parametrize(
    "space",
    [
        LENGTHS,
        {"training.epochs": {"uniform": [1, 2]}},
        {"method": {"bundle": {"a": {"training.images": 640}, "b": {"loss.l1_weight": 1.0}}}},
    ],
)
def test_trainings_of_unequal_length_are_not_stopped(
    tmp_path: Path, space: dict[str, Any], rule: str
) -> None:
    found = refused(tmp_path, space, stopping={"rule": rule})
    assert f"stopping.rule: {rule}: compares trials after equally many pictures" in found
    unstopped = load_study(study(tmp_path, space, stopping={"rule": "none"}))
    assert unstopped.file.budget.trials == 4


def test_trainings_of_equal_length_are(tmp_path: Path) -> None:
    fixed = {"training.images": 640}
    loaded = load_study(study(tmp_path, TWO, fixed=fixed, stopping={"rule": "asha"}))
    assert loaded.file.stopping.rule == "asha"


CLASSES = {
    "pictures": {"bundle": {"sea": {"data.classes": ["sea"]}, "all": {"data.classes": None}}}
}
EVAL: dict[str, Any] = {
    "evaluate_on": {"data.classes": ["sea"]},
    "objectives": {"eval_ab_mae": "minimize"},
}


class TestCommonPictures:
    @pytest.mark.parametrize(
        "space",
        [CLASSES, {"data.image_size": {"choice": [32, 64]}}, {"data.seed": {"int": [0, 3]}}],
    )
    def test_other_held_out_pictures_are_not_compared(
        self, tmp_path: Path, space: dict[str, Any]
    ) -> None:
        found = refused(tmp_path, space)
        assert "val_ab_mae: the space varies data." in found
        assert "Give evaluate_on, and compare eval_ab_mae" in found
        assert "val_ab_mae" in refused(tmp_path, space, evaluate_on={})  # and not compared by it
        assert load_study(study(tmp_path, space, **EVAL)).file.evaluate_on

    def test_nor_decided_by(self, tmp_path: Path) -> None:
        found = refused(tmp_path, CLASSES, **EVAL, decide={"by": "val_psnr"})
        assert "val_psnr: the space varies data.classes" in found

    @pytest.mark.parametrize("path", ["data.train_pictures", "data.fraction"])
    def test_fewer_training_pictures_leave_them(self, tmp_path: Path, path: str) -> None:
        levels = [64, 128] if path == "data.train_pictures" else [0.5, 1.0]
        assert load_study(study(tmp_path, {path: {"choice": levels}}))

    def test_they_are_whole_whatever_is_trained_on(self, tmp_path: Path) -> None:
        fixed = {"data.train_pictures": 100}
        common = load_study(study(tmp_path, CLASSES, fixed=fixed, **EVAL)).base_config
        assert common["data"]["train_pictures"] == 100
        assert common["evaluate_on"]["train_pictures"] is None
        assert common["evaluate_on"]["classes"] == ["sea"]

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"training.images": 3}, "evaluate_on: training.images: is no path of data"),
            ({"data.clases": 3}, "evaluate_on: data.clases"),
            ({"data.image_size": "64"}, "is text, not a number"),
            ({"data.source": "folder"}, "root: is missing"),
            ([], "evaluate_on: []"),
        ],
    )
    def test_what_they_cannot_be(self, tmp_path: Path, changes: Any, said: str) -> None:
        assert said in refused(tmp_path, CLASSES, **{**EVAL, "evaluate_on": changes})

    def test_without_them_nothing_is_measured_on_them(self, tmp_path: Path) -> None:
        found = refused(tmp_path, TWO, objectives={"eval_ab_mae": "minimize"})
        assert "objectives: eval_ab_mae: unknown metric" in found


@pytest.mark.parametrize(
    ("constraints", "said"),
    [
        ({"gmac": "< 2"}, "constraints: gmac: unknown metric"),
        ({"val_ab_mea": "< 2"}, "Did you mean 'val_ab_mae'?"),
        ({"test_ab_mae": "< 2"}, "constraints: test_ab_mae: unknown metric"),
        ({"gmac_per_picture": "about 2"}, "gmac_per_picture: 'about 2' is no bound"),
        ({"gmac_per_picture": "2"}, "Write a comparison and a number"),
        ({"val_ab_mae": "<"}, "constraints.val_ab_mae"),
        ({"val_ab_mae": 2}, "constraints.val_ab_mae: 2"),
        ([], "constraints: []"),
    ],
)
def test_bounds_that_nothing_can_meet(tmp_path: Path, constraints: Any, said: str) -> None:
    assert said in refused(tmp_path, TWO, constraints=constraints)


def test_costs_are_bounded_by_their_short_names(tmp_path: Path) -> None:
    bounds = {"gmac_per_picture": "< 2", "val_colorfulness_gap": "<= 8", "cost_peak_memory": "< 1"}
    loaded = load_study(study(tmp_path, TWO, constraints=bounds))
    assert loaded.file.constraints == {
        "cost_gmac_per_picture": "< 2",
        "val_colorfulness_gap": "<= 8",
        "cost_peak_memory": "< 1",
    }
