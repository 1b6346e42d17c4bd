"""Settings that do not reach every training are said, and refused where they reach none."""

from collections.abc import Callable
from typing import Any

import pytest

from colornet.errors import InputError
from spaces.study import Study

LOSS, SMOOTH, L1 = "loss.adversarial", "loss.label_smoothing", "loss.l1_weight"
KIND, DEPTH, WIDTH = "generator.kind", "generator.depth", "discriminator.width"
KINDS: dict[str, Any] = {"choice": ["unet", "deconv_unet"]}
SMALL: dict[str, Any] = {"kind": "patch", "width": 8}
Load = Callable[..., Study]


def refused(load: Load, *args: Any, **more: Any) -> str:
    with pytest.raises(InputError) as caught:
        load(*args, **more)
    assert len(str(caught.value).split("\n")) <= 3
    return str(caught.value).removeprefix("mine.yaml: ").rpartition("mine.yaml: ")[2]


@pytest.mark.parametrize(
    ("space", "path", "value", "where"),
    [
        ({KIND: KINDS}, DEPTH, 3, f"{KIND} is deconv_unet"),
        (
            {LOSS: {"choice": ["bce", "hinge", "wgan_gp"]}},
            SMOOTH,
            0.1,
            f"{LOSS} is hinge or wgan_gp",
        ),
        (
            {"net": {"bundle": {"a": {KIND: "deconv_unet"}, "b": {KIND: "unet"}}}},
            DEPTH,
            3,
            "net is a",
        ),
    ],
)
def test_what_is_fixed_and_leaves_with_a_tag(
    load: Load, space: dict[str, Any], path: str, value: Any, where: str
) -> None:
    said = (f"{path} is {value!r}, but not where {where}",)
    assert load(space, fixed={path: value}).notes == said
    assert load(space, {path: value}).notes == said


def test_the_value_below_a_condition_is_the_one_that_is_named(load: Load) -> None:
    space = {L1: {"choice": [1, 2]}, KIND: {**KINDS, "when": {L1: [2]}}}
    said = (f"{DEPTH} is 3, but not where {KIND} is deconv_unet",)
    assert load(space, fixed={DEPTH: 3}).notes == said


def test_options_of_another_method_are_told_to_who_gives_them_now(load: Load) -> None:
    space = {"loss.method": {"choice": ["gan", "regression"]}}
    assert load(space, fixed={WIDTH: 8}).notes == ()
    said = (f"{WIDTH} is 8, but not where loss.method is regression",)
    assert load(space, {WIDTH: 8}).notes == said


@pytest.mark.parametrize(
    ("space", "fixed", "said"),
    [
        (
            {KIND: {"choice": ["deconv_unet"]}, L1: {"choice": [1, 2]}},
            {DEPTH: 3},
            f"{DEPTH}: 3: no trial would have it, as space.{KIND} leaves no place for it.",
        ),
        (
            {WIDTH: {"choice": [4, 16]}},
            {"discriminator": SMALL},
            f"{WIDTH}: 8: no trial would have it, as space.{WIDTH} sets",
        ),
        (
            {"d": {"bundle": {"a": {WIDTH: 4}, "b": {WIDTH: 16}}}},
            {"discriminator": SMALL},
            f"{WIDTH}: 8: no trial would have it, as space.d sets {WIDTH} in each.",
        ),
    ],
)
def test_what_is_fixed_in_vain(
    load: Load, space: dict[str, Any], fixed: dict[str, Any], said: str
) -> None:
    assert refused(load, space, fixed=fixed).startswith(f"fixed.{said}")
    assert refused(load, space, fixed).startswith(f"--set: {said}")


def test_a_section_beside_what_it_does_not_hold(load: Load) -> None:
    space = {WIDTH: {"choice": [4, 16]}}
    study = load(space, fixed={"discriminator": {"kind": "patch", "layers": 2}})
    assert study.notes == ()
    assert study.config({WIDTH: 4}, 0).to_dict()["discriminator"]["layers"] == 2


@pytest.mark.parametrize(
    ("space", "final", "searched"),
    [
        ({L1: {"choice": [1, 2]}}, {L1: 3}, L1),
        ({"how": {"bundle": {"a": {L1: 1}, "b": {L1: 2}}}}, {L1: 3}, "how"),
        ({SMOOTH: {"uniform": [0, 0.3]}}, {LOSS: "hinge"}, SMOOTH),
        ({LOSS: {"choice": ["bce", "hinge"]}}, {"loss.method": "regression"}, LOSS),
    ],
)
def test_a_final_training_that_is_not_what_was_searched(
    load: Load, space: dict[str, Any], final: dict[str, Any], searched: str
) -> None:
    said = (f"the final training changes {searched}, which is searched",)
    assert load(space, final=final).notes == said


def test_a_final_training_of_more_pictures(load: Load) -> None:
    final = {"training.images": 40_000, "training.ticks": 9}
    assert load({L1: {"choice": [1, 2]}}, final=final).notes == ()


@pytest.mark.parametrize(
    ("space", "final", "said"),
    [
        ({KIND: KINDS}, {DEPTH: 3}, f"where {KIND} is deconv_unet: {DEPTH}: unknown key"),
        ({DEPTH: {"int": [2, 5]}}, {"data.image_size": 48}, f"where {DEPTH} is 5: data.image_size"),
        (
            {LOSS: {"choice": ["bce", "hinge"]}},
            {SMOOTH: 0.1},
            f"where {LOSS} is hinge: loss: label",
        ),
    ],
)
def test_a_final_training_is_possible_from_every_trial(
    load: Load, space: dict[str, Any], final: dict[str, Any], said: str
) -> None:
    """Else it is refused when the sweep has ended."""
    assert refused(load, space, final=final).startswith(f"final: {said}")
