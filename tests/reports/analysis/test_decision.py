"""What is chosen and how sure that is."""

import math

import numpy as np
import pytest

from reports.analysis.decision import (
    Cheaper,
    Decision,
    cheaper_data,
    decide,
    leaders,
    points_data,
    replicates,
)
from reports.answers.recommendation import caveats, confirm_command

LR, LOSS = "optimizer.generator_lr", "loss.adversarial"


def test_nothing_to_choose(awkward) -> None:
    decision = decide(awkward)
    assert (decision is None) == awkward.ranked.empty
    if decision is not None:
        assert caveats(decision, awkward)
        assert len(points_data(decision)) == len(awkward.ranked)
        assert decision.points["trial_id"].tolist() == awkward.ranked["trial_id"].tolist()


def test_a_single_trial(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0)
    tables = sweep.tables()
    decision = decide(tables)
    assert decision is not None and decision.overstated is None
    assert leading(decision) == [True] and points_data(decision)[0]["tie"] is False
    assert caveats(decision, tables) == [
        "Not confirmed: a single configuration, trained once with one seed."
    ]
    assert (
        confirm_command(decision, tables)
        == f"colorsweep confirm {sweep.folder} --top 1 --replicates 3"
    )


def searched(build, noise: float, count: int = 30):
    """A search over a smooth surface; trials differ by noise beside it."""
    sweep, rng = build(), np.random.default_rng(0)
    for index in range(count):
        rate = float(10 ** rng.uniform(-5, -3))
        value = 9.0 + (math.log10(rate) + 4) ** 2 + noise * rng.normal()
        sweep.trial({LR: rate, LOSS: ["bce", "hinge"][index % 2]}, value)
    return sweep.tables()


def test_how_much_luck_is_likely_in_a_search(build) -> None:
    decision = decide(searched(build, noise=0.5))
    assert decision is not None and decision.overstated is not None
    assert 0.4 < decision.overstated < 1.4
    text = caveats(decision, searched(build, noise=0.5))[0]
    assert "one lucky draw among" in text and "overstate itself by about" in text
    assert "Lab units" in text


def test_without_noise_there_is_no_luck(build) -> None:
    tables = searched(build, noise=0.0)
    decision = decide(tables)
    assert decision is not None and decision.overstated == pytest.approx(0, abs=1e-6)
    assert "too small to matter" in caveats(decision, tables)[0]


def confirmed(build, values: dict[str, list[float | None]], seconds: dict[str, float], **more):
    sweep = build(**more)
    for index, point in enumerate(values):
        sweep.trial({LR: 1e-4 * (index + 1)}, 9.0 + index, point_id=point)
    for index, (point, own) in enumerate(values.items()):
        sweep.confirm(point, {LR: 1e-4 * (index + 1)}, own, seconds=seconds.get(point, 10.0))
    return sweep.tables()


def leading(decision: Decision | None) -> list[bool]:
    assert decision is not None
    return decision.points["leader"].tolist()


NEAR = {"a": [6.0, 7.0, 8.0], "b": [6.1, 7.2, 7.9]}
"""Differ by 0.07 with a bound of 0.32."""


def test_a_little_cheaper_is_not_cheaper(build) -> None:
    for seconds, proposed in ((9.5, 0), (5.0, 1)):
        name = f"sweep{proposed}"
        decision = decide(confirmed(build, NEAR, {"b": seconds}, name=name, difference=0.5))
        assert leading(decision) == [True, True]
        assert decision is not None and decision.proposed == proposed
        assert (decision.cheaper is None) == (proposed == 0)


def test_a_cheaper_one_that_may_be_worse_is_not_taken(build) -> None:
    """Not being told from the first does not show that it is as good."""
    tables = confirmed(build, NEAR, {"b": 5.0}, difference=0.3)
    decision = decide(tables)
    assert leading(decision) == [True, True] and decision is not None
    assert decision.proposed == 0 and decision.cheaper is not None
    assert decision.cheaper == Cheaper(1, {"val_ab_mae": 0.3}, shown=False, more=1)
    assert caveats(decision, tables)[-1] == (
        "#2 cannot be told from #1. #2 is cheaper (5.0 s instead of 10 s a training) and may be as "
        "good, but is not surely within 0.3 Lab units of the best: about 1 more replicate would "
        "tell."
    )
    assert cheaper_data(decision) == {
        "rank": 2,
        "trial": "t00001",
        "differences": {"val_ab_mae": 0.3},
        "shown": False,
        "replicates_needed": 1,
    }


def test_without_a_difference_of_the_study_it_is_a_share_of_the_spread(build) -> None:
    """Of trials of 9 and 10, whose standard deviation is 0.71."""
    decision = decide(confirmed(build, NEAR, {"b": 5.0}))
    assert decision is not None and decision.cheaper is not None and decision.proposed == 0
    assert decision.cheaper.differences == {"val_ab_mae": pytest.approx(0.25 * 0.5**0.5)}


def test_where_no_number_of_replicates_would_tell_that_is_said(build) -> None:
    tables = confirmed(build, NEAR, {"b": 5.0}, difference=0.01)
    decision = decide(tables)
    assert decision is not None and decision.cheaper is not None and decision.proposed == 0
    assert decision.cheaper.more is None
    assert caveats(decision, tables)[-1].endswith(
        "not surely within 0.01 Lab units of the best; more than 30 more replicates would be "
        "needed to tell."
    )


def test_the_cheapest_that_is_shown_is_taken_before_a_cheaper_one_that_is_not(build) -> None:
    values = {
        "a": [6.0, 7.0, 8.0, 9.0],
        "near": [6.1, 7.1, 7.95, 9.05],
        "far": [6.3, 7.9, 8.0, 9.2],
    }
    decision = decide(confirmed(build, values, {"near": 5.0, "far": 1.0}, difference=0.6))
    assert leading(decision) == [True, True, True]
    assert decision is not None and decision.points["point_id"].tolist() == ["a", "near", "far"]
    assert decision.proposed == 1 and decision.cheaper == Cheaper(
        1, {"val_ab_mae": 0.6}, shown=True, more=None
    )


def test_times_that_may_be_chance_are_not_cheaper(build) -> None:
    sweep, times = build(difference=9.0), ([10.0, 16.0, 12.0], [9.0, 14.0, 6.0])
    for index, own in enumerate(times):
        point = {LR: 1e-4 * (index + 1)}
        sweep.trial(point, 9.0, point_id=f"p{index}")
        for seed, seconds in enumerate(own, start=1):
            metrics = {"test_ab_mae": 6.0 + seed + 0.1 * index * (seed - 1)}
            sweep.trial(point, 9.0, metrics=metrics, origin="confirm", point_id=f"p{index}",
                        seed=seed, seconds=seconds)  # fmt: skip
    decision = decide(sweep.tables())
    assert leading(decision) == [True, True] and decision is not None
    assert decision.points["seconds"].iloc[1] < 0.8 * decision.points["seconds"].iloc[0]
    assert decision.proposed == 0 and decision.cheaper is None


def test_what_is_worse_is_no_tie_however_cheap(build) -> None:
    values = {"a": [6.0, 7.0, 8.0], "b": [8.1, 9.2, 10.0]}
    tables = confirmed(build, values, {"b": 1.0})
    decision = decide(tables)
    assert decision is not None and decision.proposed == 0 and len(leaders(decision.points)) == 1
    said = caveats(decision, tables)
    assert len(said) == 1
    assert said[0].startswith(
        "#1, confirmed with 3 fresh seeds: test ab MAE 7.000 [4.516, 9.484] Lab"
    )
    assert confirm_command(decision, tables) is None


def test_a_point_that_lost_a_replicate_is_no_tie(build) -> None:
    tables = confirmed(build, {"a": [6.0, None, 8.0], "b": [6.1, 7.2, 7.9]}, {"a": 1.0})
    decision = decide(tables)
    assert decision is not None and decision.points["point_id"].tolist() == ["b", "a"]
    assert len(leaders(decision.points)) == 1 and decision.proposed == 0


def test_a_lost_replicate_of_the_first_is_said(build) -> None:
    tables = confirmed(build, {"a": [6.0, None, 8.0]}, {})
    assert "1 training of it was lost." in caveats(decide(tables), tables)


@pytest.mark.parametrize(("worse", "tie"), [(0.0, True), (3.0, False)])
def test_ties_of_several_objectives_are_such_in_each(build, worse: float, tie: bool) -> None:
    objectives = {"val_ab_mae": "minimize", "val_colorfulness_gap": "minimize"}
    sweep = build(objectives=objectives)
    for index in range(2):
        point = {LR: 1e-4 * (index + 1)}
        gap = {"val_colorfulness_gap": 1.0 + index}
        sweep.trial(point, 9.0 + index, metrics=gap, point_id=f"p{index}")
        for seed, value in enumerate((6.0, 7.0, 8.2), start=1):
            judged = {
                "test_ab_mae": value + 0.02 * index * (-1) ** seed,
                "test_colorfulness_gap": 1.0 + 0.1 * seed + index * (worse + 0.03 * (seed - 2)),
            }
            sweep.trial(point, 9.0, metrics=judged, origin="confirm", point_id=f"p{index}",
                        seed=seed)  # fmt: skip
    decision = decide(sweep.tables())
    assert decision is not None and decision.basis == "confirm" and len(decision.points) == 2
    assert leading(decision) == [True, tie]


def test_a_single_point_of_several_objectives_has_no_tie(build) -> None:
    objectives = {"val_ab_mae": "minimize", "val_colorfulness_gap": "minimize"}
    sweep = build(objectives=objectives)
    sweep.trial({}, 9.0, metrics={"val_colorfulness_gap": 1.0})
    for seed in (1, 2):
        sweep.trial({}, 9.0, metrics={"test_ab_mae": 9.0 + seed, "test_colorfulness_gap": 1.0},
                    origin="confirm", point_id="p0", seed=seed)  # fmt: skip
    decision = decide(sweep.tables())
    assert decision is not None and decision.basis == "confirm"
    assert len(leaders(decision.points)) == 1


@pytest.mark.parametrize("decides", [None, {"by": "val_ab_mae"}])
def test_what_one_objective_would_tell_apart_is_a_tie_among_two(build, decides) -> None:
    """Paired differences with p = .035: below .05, and above the .025 of each of two objectives."""
    objectives = {"val_ab_mae": "minimize", "val_colorfulness_gap": "minimize"}
    sweep = build(objectives=objectives, decide=decides)
    for index in range(2):
        point = {LR: 1e-4 * (index + 1)}
        gap = {"val_colorfulness_gap": 1.0 + index}
        sweep.trial(point, 9.0 + index, metrics=gap, point_id=f"p{index}")
        for seed, worse in enumerate((0.667, 1.0, 1.333), start=1):
            judged = {
                "test_ab_mae": 6.0 + seed + index * worse,
                "test_colorfulness_gap": 1.0 + 0.1 * seed + index * 0.03 * (seed - 2),
            }
            sweep.trial(point, 9.0, metrics=judged, origin="confirm", point_id=f"p{index}",
                        seed=seed)  # fmt: skip
    decision = decide(sweep.tables())
    assert leading(decision) == [True, decides is None]


def test_what_a_failed_replicate_measured_is_no_replicate(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0, point_id="a")
    for seed, state in ((1, "completed"), (2, "completed"), (3, "failed")):
        sweep.trial({}, 9.0, state, metrics={"test_ab_mae": 5.0 + seed}, origin="confirm",
                    point_id="a", seed=seed)  # fmt: skip
    tables = sweep.tables()
    decision = decide(tables)
    assert decision is not None
    assert replicates(tables, decision.points, "val_ab_mae") == {0: {1: 6.0, 2: 7.0}}


def test_the_luck_of_a_confirmed_best_is_said(build) -> None:
    rng = np.random.default_rng(0)
    values = {f"p{index}": (7.0 + 0.5 * rng.normal(size=3)).tolist() for index in range(5)}
    tables = confirmed(build, values, {})
    decision = decide(tables)
    assert decision is not None and decision.overstated is not None
    assert 0.1 < decision.overstated < 0.6
    assert (
        "as the best of 5 it is likely to overstate itself by about 0."
        in caveats(decision, tables)[0]
    )


def test_one_that_was_confirmed_alone_was_not_chosen_by_it(build) -> None:
    tables = confirmed(build, {"a": [6.0, 7.0, 8.0]}, {})
    decision = decide(tables)
    assert decision is not None and decision.overstated is None
    assert "overstate" not in caveats(decision, tables)[0]


def test_what_is_shown_to_be_worse_by_too_little_to_matter_is_not_taken(build) -> None:
    """It is cheaper and within the difference, but the first is better for sure."""
    values = {"a": [6.0, 7.0, 8.0], "b": [6.1, 7.1, 8.101]}
    decision = decide(confirmed(build, values, {"b": 1.0}, difference=0.5))
    assert leading(decision) == [True, False]
    assert decision is not None and decision.proposed == 0 and decision.cheaper is None


def test_several_objectives_each_have_to_be_near(build) -> None:
    objectives = {"val_ab_mae": "minimize", "val_colorfulness_gap": "minimize"}
    for gap_noise, taken in ((0.001, 1), (3.0, 0)):
        sweep = build(objectives=objectives, name=f"s{taken}")
        for index in range(4):
            gap = {"val_colorfulness_gap": 1.0 + 4 * index}
            sweep.trial(
                {LR: 1e-4 * (index + 1)}, 9.0 + 4 * index, metrics=gap, point_id=f"p{index}"
            )
        for index in range(2):
            for seed in range(1, 5):
                wobble = (-1) ** seed * index
                judged = {
                    "test_ab_mae": 6.0 + seed + 0.01 * wobble,
                    "test_colorfulness_gap": 1.0 + 0.1 * seed + gap_noise * wobble,
                }
                sweep.trial({LR: 1e-4 * (index + 1)}, 9.0, metrics=judged, origin="confirm",
                            point_id=f"p{index}", seed=seed, seconds=10.0 - 5 * index)  # fmt: skip
        tables = sweep.tables()
        decision = decide(tables)
        assert leading(decision) == [True, True, False, False] and decision is not None
        assert decision.proposed == taken and decision.cheaper is not None
        assert list(decision.cheaper.differences) == list(objectives)
        assert "what matters of the best in each objective" in caveats(decision, tables)[-1]
