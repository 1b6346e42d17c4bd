"""A space whose points are only sometimes no configs is refused before anything starts."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from colornet.errors import InputError
from spaces.dimensions import Dimension
from spaces.study import Study
from spaces.trial_configs import MOST_PAIRED, check_configs

LOSS, L1, SIZE = "loss.adversarial", "loss.l1_weight", "data.image_size"
RATE, DROPOUT = "optimizer.generator_lr", "generator.dropout"
RATES: dict[str, Any] = {"loguniform": [1e-4, 1e-2]}
WEIGHTS: dict[str, Any] = {"choice": list(range(31))}
LOSSES: dict[str, Any] = {"choice": ["none", "bce", "lsgan", "hinge"]}
COMMON: dict[str, Any] = {
    "evaluate_on": {SIZE: 32},
    "objectives": {"eval_ab_mae": "minimize"},
}
Load = Callable[..., Study]


@pytest.mark.parametrize(
    ("space", "more", "point", "why"),
    [
        ({SIZE: {"int": [32, 64]}}, COMMON, f"{SIZE} 33", "33 is not divisible by 16"),
        ({SIZE: {"int": [32, 64]}, RATE: RATES}, COMMON, f"{SIZE} ", "is not divisible by 16"),
        ({L1: WEIGHTS, LOSS: LOSSES}, {}, f"{L1} 0, {LOSS} none", "nothing to learn"),
        ({L1: WEIGHTS, LOSS: LOSSES, RATE: RATES}, {}, f"{L1} 0, {LOSS} none", "nothing to learn"),
        (
            {L1: {"loguniform": [1, 9], "or": 0}, LOSS: LOSSES, RATE: RATES},
            {},
            f"{L1} 0, {LOSS} none",
            "nothing to learn",
        ),
        (
            {
                LOSS: LOSSES,
                L1: {**WEIGHTS, "when": {LOSS: ["bce", "none"]}},
                RATE: RATES,
                DROPOUT: {"uniform": [0.0, 0.5], "when": {L1: [0, 1]}},
            },
            {},
            f"{LOSS} none, {L1} 0",
            "nothing to learn",
        ),
    ],
)
def test_points_that_are_no_configs_are_refused(
    load: Load, space: dict[str, Any], more: dict[str, Any], point: str, why: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(space, **more)
    said = str(caught.value)
    assert "mine.yaml: space: " in said
    assert point in said
    assert why in said
    assert len(said.split("\n")) <= 3


def test_a_large_space_is_tried_in_a_second(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    study = load({RATE: RATES})
    space = {f"x{at}": Dimension(f"x{at}", "int", 0, 200) for at in range(12)}
    large = Study(study.name, study.file, space, study.base_config)
    asked = []
    monkeypatch.setattr(Study, "config", lambda _, point, seed: asked.append(point))
    started = time.process_time()
    check_configs(large, "mine")
    assert time.process_time() - started < 3
    assert len(asked) <= MOST_PAIRED + 24
    assert {point["x3"] for point in asked if "x3" in point} == set(range(201))


@pytest.mark.parametrize(
    ("starts", "notes"),
    [
        (4, ()),
        (5, ("start_from[4] is not tried: budget.trials is 4",)),
        (7, ("start_from[4] to start_from[6] are not tried: budget.trials is 4",)),
    ],
)
def test_starting_points_beyond_the_trials_are_said(
    load: Load, starts: int, notes: tuple[str, ...]
) -> None:
    points = [{L1: 2.0 + at} for at in range(starts)]
    assert load({L1: {"loguniform": [1, 100]}}, start_from=points).notes == notes


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({L1: 1}, {L1: 1.0}),
        ({L1: 1, LOSS: "hinge"}, {LOSS: "hinge", L1: 1}),
        ({LOSS: "bce"}, {LOSS: "bce", "loss.label_smoothing": 0.1}),
        ({LOSS: "bce"}, {DROPOUT: 0.0}),
    ],
)
def test_labels_with_the_same_settings_are_refused(
    load: Load, one: dict[str, Any], other: dict[str, Any]
) -> None:
    labels = {"x": one, "y": {L1: 7.0}, "z": other}
    with pytest.raises(InputError) as caught:
        load({"how": {"bundle": labels}})
    assert "space.how: x and z: are one level: their settings are the same." in str(caught.value)


def test_a_label_may_be_there_for_what_is_searched_under_it(load: Load) -> None:
    labels = {"plain": {L1: 7.0}, "dropped": {L1: 7}}
    space = {
        "how": {"bundle": labels},
        DROPOUT: {"uniform": [0.1, 0.5], "when": {"how": ["dropped"]}},
    }
    assert list(load(space).space) == ["how", DROPOUT]
