"""What is said twice is refused, with both places that say it."""

from collections.abc import Callable
from typing import Any

import pytest

from colornet.errors import InputError
from spaces.dimensions import Dimension
from spaces.overlaps import needs
from spaces.study import Study

LOSS, L1, SMOOTH = "loss.adversarial", "loss.l1_weight", "loss.label_smoothing"
DROPOUT, IMAGES, EPOCHS = "generator.dropout", "training.images", "training.epochs"
WEIGHT: dict[str, Any] = {"loguniform": [1, 100]}
PART: dict[str, Any] = {"bundle": {"a": {L1: 3.0}, "b": {DROPOUT: 0.5}}}
WHOLE: dict[str, Any] = {"bundle": {"a": {L1: 3.0}, "b": {L1: 5.0}}}
Load = Callable[..., Study]


def refused(load: Load, *args: Any, **more: Any) -> str:
    with pytest.raises(InputError) as caught:
        load(*args, **more)
    assert len(str(caught.value).split("\n")) <= 3
    return str(caught.value).rpartition("mine.yaml: ")[2]


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({L1: WEIGHT, "how": PART}, f"space.how and space.{L1}: both set {L1}."),
        ({"x": WHOLE, "how": PART}, f"space.how and space.x: both set {L1}."),
        (
            {IMAGES: {"choice": [64, 128]}, EPOCHS: {"choice": [1, 2]}},
            f"space.{IMAGES} and space.{EPOCHS}: both set {IMAGES} and {EPOCHS}.",
        ),
        (
            {
                "discriminator.width": {"int": [8, 16]},
                "net": {"bundle": {"none": {"discriminator": None}, "b": {DROPOUT: 0.5}}},
            },
            "space.discriminator.width and space.net: both set discriminator.width and "
            "discriminator.",
        ),
        (
            {"data.fraction": {"uniform": [0.1, 1]}, "data.train_pictures": {"int": [8, 9]}},
            "space.data.fraction and space.data.train_pictures: both set",
        ),
        (
            {L1: {**WEIGHT, "when": {"how": ["a", "b"]}}, "how": PART},
            f"space.{L1} and space.how: both set {L1}.",
        ),
    ],
)
def test_two_dimensions_that_set_one_path(load: Load, space: dict[str, Any], said: str) -> None:
    assert refused(load, space).startswith(said)


@pytest.mark.parametrize(
    "space",
    [
        {L1: {**WEIGHT, "when": {"how": "b"}}, "how": PART},
        {
            LOSS: {"choice": ["bce", "hinge"]},
            L1: {**WEIGHT, "when": {LOSS: "bce"}},
            "how": {**WHOLE, "when": {LOSS: "hinge"}},
        },
        {  # a condition of a condition keeps them apart
            LOSS: {"choice": ["bce", "hinge"]},
            SMOOTH: {"choice": [0.0, 0.1], "when": {LOSS: "bce"}},
            L1: {**WEIGHT, "when": {SMOOTH: 0.1}},
            "how": {**WHOLE, "when": {LOSS: "hinge"}},
        },
        {"how": PART, "loss.mse_weight": WEIGHT},
    ],
)
def test_those_that_never_meet_are_fine(load: Load, space: dict[str, Any]) -> None:
    assert set(load(space).space) == set(space)


@pytest.mark.parametrize(
    ("space", "fixed", "said"),
    [
        ({L1: WEIGHT}, {L1: 5.0}, f"fixed.{L1}: 5.0: no trial would have it, as space.{L1} sets"),
        ({"how": WHOLE}, {L1: 5.0}, f"fixed.{L1}: 5.0: no trial would have it, as space.how sets"),
        ({EPOCHS: {"choice": [1, 2]}}, {IMAGES: 64}, f"fixed.{IMAGES}: 64: no trial would have it"),
    ],
)
def test_what_is_fixed_in_vain(
    load: Load, space: dict[str, Any], fixed: dict[str, Any], said: str
) -> None:
    assert refused(load, space, fixed=fixed).startswith(said)


def test_what_is_fixed_for_some_trials(load: Load) -> None:
    assert load({"how": PART}, fixed={L1: 5.0}).config({"how": "b"}, 0).loss.l1_weight == 5.0
    smooth = {"uniform": [0.1, 0.3], "when": {LOSS: "bce"}}
    space = {LOSS: {"choice": ["bce", "lsgan"]}, SMOOTH: smooth}
    study = load(space, fixed={SMOOTH: 0.05})
    assert study.config({LOSS: "lsgan"}, 0).loss.label_smoothing == 0.05


def test_what_is_fixed_for_the_pictures_that_judge(load: Load) -> None:
    """`evaluate_on` starts from the base config's pictures, which no trial may have."""
    space = {"data.image_size": {"choice": [16, 32]}}
    more: dict[str, Any] = {"fixed": {"data.image_size": 32}}
    assert refused(load, space, **more).startswith("fixed.data.image_size: 32: no trial would")
    more |= {"evaluate_on": {"data.seed": 9}, "objectives": {"eval_ab_mae": "minimize"}}
    assert load(space, **more).base_config["evaluate_on"]["image_size"] == 32


@pytest.mark.parametrize("key", ["fixed", "final"])
def test_rivals_in_one_part(load: Load, key: str) -> None:
    found = refused(load, {L1: WEIGHT}, **{key: {IMAGES: 64, EPOCHS: 1}})
    assert found == f"{key}: {EPOCHS} and {IMAGES}: set the same thing.\nRemove one of the two."


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"evaluate_on": {"data.fraction": 0.5, "data.train_pictures": 9}}, "evaluate_on: "),
        ({"fixed": {"discriminator": None, "discriminator.width": 8}}, "fixed: "),
        ({"quick": {"budget": {"trials": 2}, "budget.trials": 3}}, "quick: "),
        ({"quick": {"budget.trials": 3, "budget": {"trials": 2}}}, "quick: "),
        ({"quick": {L1: 2.0, f"space.{L1}": {"choice": [1, 2]}}}, "quick: "),
        ({"quick": {IMAGES: 64, EPOCHS: 2}}, "quick: "),
    ],
)
def test_a_part_and_what_it_lies_in(load: Load, more: dict[str, Any], said: str) -> None:
    found = refused(load, {L1: WEIGHT, DROPOUT: {"choice": [0.0, 0.5]}}, **more)
    assert found.startswith(said)
    assert "set the same thing" in found


def test_rivals_in_one_label(load: Load) -> None:
    space = {"how": {"bundle": {"a": {IMAGES: 64, EPOCHS: None}, "b": {IMAGES: 128}}}}
    assert refused(load, space).startswith("space.how.bundle.a: training.epochs and")


def test_a_bundle_has_a_name_of_its_own(load: Load) -> None:
    space = {L1: {"bundle": {"a": {"loss.mse_weight": 3.0}, "b": {"loss.mse_weight": 5.0}}}}
    assert "is a config path; a bundle has a name of its own" in refused(load, space)


class TestOptions:
    """The command line wins, and says what it changes."""

    def test_a_searched_path_is_fixed(self, load: Load) -> None:
        study = load({L1: WEIGHT, DROPOUT: {"choice": [0.0, 0.5]}}, {L1: 5.0})
        assert set(study.space) == {DROPOUT}
        assert study.notes == (f"{L1} is fixed at 5.0 and no longer searched",)

    def test_what_a_bundle_always_sets_cannot_be(self, load: Load) -> None:
        found = refused(load, {"how": WHOLE}, {L1: 7.0})
        assert found.startswith(f"--set: {L1}: 7.0: no trial would have it, as space.how sets")

    def test_what_a_bundle_sometimes_sets_is_said(self, load: Load) -> None:
        assert load({"how": PART}, {L1: 7.0}).notes == (f"{L1} is 7.0, but not where how is a",)

    def test_the_last_of_rivals_wins(self, load: Load) -> None:
        fixed = {IMAGES: 64}
        study = load({L1: WEIGHT}, {EPOCHS: 1.0, IMAGES: 128}, fixed=fixed)
        assert study.base_config["training"]["images"] == 128
        study = load({L1: WEIGHT}, {IMAGES: 128, EPOCHS: 1.0}, fixed=fixed)
        assert study.base_config["training"]["epochs"] == 1.0
        assert study.file.fixed == {EPOCHS: 1.0}

    def test_a_whole_replaces_its_parts(self, load: Load) -> None:
        fixed = {"discriminator.width": 8}
        study = load(
            {L1: WEIGHT}, {"discriminator": None, "loss.method": "regression"}, fixed=fixed
        )
        assert study.base_config["discriminator"] is None


def test_what_a_dimension_needs() -> None:
    a = Dimension("a", "choice", choices=("x", "y", "z"))
    b = Dimension("b", "choice", choices=(1, 2), when={"a": ("x", "y")})
    c = Dimension("c", "choice", choices=(1, 2), when={"b": (2,), "a": ("y", "z")})
    d = Dimension("d", "choice", choices=(1, 2), when={"b": (1,), "a": ("z",)})
    space = {one.name: one for one in (a, b, c, d)}
    assert needs(a, space) == {}
    assert needs(c, space) == {"b": (2,), "a": ("y",)}
    assert needs(c, space, (1,)) == {"c": (1,), "b": (2,), "a": ("y",)}
    assert needs(d, space) is None


SEED = "training.seed"


@pytest.mark.parametrize(
    ("space", "more", "where"),
    [
        ({SEED: {"choice": [1, 2]}}, {}, f"space.{SEED}"),
        ({SEED: {"int": [1, 9]}, L1: WEIGHT}, {}, f"space.{SEED}"),
        ({"x": {"bundle": {"a": {SEED: 1}, "b": {L1: 5.0}}}}, {}, f"space.x.bundle.a.{SEED}"),
        ({L1: {**WEIGHT, "when": {SEED: 0}}}, {}, f"space.{L1}.when.{SEED}"),
        ({L1: WEIGHT}, {"fixed": {SEED: 5}}, f"fixed.{SEED}"),
        ({L1: WEIGHT}, {"quick": {SEED: 5}}, f"quick: fixed.{SEED}"),
    ],
)
def test_a_trials_seed_is_no_setting(
    load: Load, space: dict[str, Any], more: dict[str, Any], where: str
) -> None:
    said = refused(load, space, **more)
    assert f"{where}: each trial gets its seed from the study" in said
    assert "`seed`" in said
    assert "replicates" in said


def test_a_trials_seed_is_not_set(load: Load) -> None:
    said = refused(load, {L1: WEIGHT}, {SEED: 5})
    assert said.startswith(f"--set: {SEED}: each trial gets its seed from the study.")
