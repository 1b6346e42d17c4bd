"""Which trials a study trains, how far each goes, and when they are done."""

from collections.abc import Callable
from dataclasses import replace
from math import ceil
from typing import get_args

import pytest

from search.plan.workload import TrialLength, make_workload, schedule
from spaces.dimensions import Dimension
from spaces.study import Stopping, Study

MakeStudy = Callable[..., Study]
TWO = {"optimizer.generator_lr": {"choice": [1e-3, 1e-4]}}


def seen(lengths: list[TrialLength]) -> list[int]:
    return [length.images for length in lengths]


def test_without_stopping_every_trial_is_trained_in_full(make_study: MakeStudy) -> None:
    load = make_workload(make_study(5))
    assert seen(load.high) == [64] * 5
    assert load.low == load.high == load.simulated[0]
    assert (load.images.low, load.images.expected, load.images.high) == (320, 320, 320)
    assert load.confirm == []


def test_a_space_of_one_point_is_searched_once(make_study: MakeStudy) -> None:
    study = make_study(
        8,
        space={"loss.adversarial": {"choice": ["bce"]}},
        confirm={"top": 5, "replicates": 3},
    )
    assert (study.trials, study.confirming) == (1, 3)
    assert len(make_workload(study).points) == 32  # all the same
    assert seen(make_workload(study).high) == [64]


def test_confirmation_is_trained_in_full_whatever_is_stopped(make_study: MakeStudy) -> None:
    study = make_study(8, stopping={"rule": "asha"}, confirm={"top": 2, "replicates": 3})
    load = make_workload(study)
    assert seen(load.confirm) == [64] * 6
    assert load.images.high == 64 * 14
    assert load.images.low == 64 * 6 + 64 * 4 + 32 * 4


def test_expected_survivors_are_those_of_the_rule(make_study: MakeStudy) -> None:
    """With one objective the k-th at a rung goes on with probability ceil(k / factor) / k."""
    load = make_workload(make_study(32, stopping={"rule": "asha", "grace": 0.5, "factor": 2}))
    exact = sum(ceil(k / 2) / k for k in range(1, 33))
    assert load.at_least(32) == 32
    assert load.at_least(64) == pytest.approx(exact, abs=2)


def test_with_promotion_as_many_go_on_as_the_rung_has_places(make_study: MakeStudy) -> None:
    stopping = {"rule": "asha", "grace": 0.5, "factor": 2}
    stopped = make_workload(make_study(32, stopping=stopping))
    promoted = make_workload(make_study(32, stopping={**stopping, "promote": True}))
    assert promoted.at_least(32) == 32
    assert stopped.at_least(64) < promoted.at_least(64) < 32
    assert promoted.images.expected > stopped.images.expected
    assert (promoted.images.low, promoted.images.high) == (stopped.images.low, stopped.images.high)


def test_a_dominated_trial_only_is_stopped_where_objectives_are_two(make_study: MakeStudy) -> None:
    asked = {"stopping": {"rule": "asha"}, "objectives": {"val_ab_mae": "minimize"}}
    one = make_workload(make_study(32, **asked))
    asked["objectives"] = {"val_ab_mae": "minimize", "val_psnr": "maximize"}
    assert make_workload(make_study(32, **asked)).at_least(64) > one.at_least(64)


@pytest.mark.parametrize("rule", get_args(Stopping.model_fields["rule"].annotation))
@pytest.mark.parametrize("trials", [1, 3, 64, 150])
def test_what_is_expected_lies_between_the_ends(
    make_study: MakeStudy, rule: str, trials: int
) -> None:
    fixed = {"data.pictures": 40, "data.image_size": 16, "training.images": 640}
    stopping = {"rule": rule, "grace": 0.2, "factor": 2}
    load = make_workload(
        make_study(trials, stopping=stopping, fixed={**fixed, "training.ticks": 10})
    )
    assert load.images.low <= load.images.expected <= load.images.high == 640 * trials
    assert {len(load.low), len(load.high), *map(len, load.simulated)} == {trials}
    assert all(length.images >= 128 for length in load.low)  # nothing is stopped before its grace


def test_at_each_rung_one_in_factor_goes_on_at_the_least(make_study: MakeStudy) -> None:
    fixed = {"data.pictures": 40, "data.image_size": 16, "training.images": 640}
    stopping = {"rule": "asha", "grace": 0.25, "factor": 2}
    load = make_workload(make_study(16, stopping=stopping, fixed={**fixed, "training.ticks": 4}))
    assert sorted(seen(load.low)) == [160] * 8 + [320] * 4 + [640] * 4


def test_a_tick_that_ends_a_little_before_its_rung_counts(make_study: MakeStudy) -> None:
    fixed = {"data.pictures": 80, "data.image_size": 16, "training.images": 4000}
    fixed |= {"training.ticks": 10}  # the fifth ends with 62 steps, 1984 pictures
    load = make_workload(make_study(16, stopping={"rule": "asha"}, fixed=fixed))
    assert {1984, 4000} == set(seen(load.low)) == set(seen(load.simulated[0]))
    assert load.at_least(2000 - 16) == 16


def test_a_comparison_trains_every_level_with_every_seed(make_study: MakeStudy) -> None:
    study = make_study(budget={}, space=TWO, design="compare", replicates=3)
    load = make_workload(study)
    assert [point["optimizer.generator_lr"] for point in load.points] == [1e-3, 1e-4]
    assert [length.config for length in load.high] == [0, 1, 0, 1, 0, 1]


def test_a_long_grid_is_seen_evenly(make_study: MakeStudy) -> None:
    space = {
        "optimizer.generator_lr": {"choice": [1e-3, 1e-4]},
        "generator.width": {"int": [4, 35]},
    }
    load = make_workload(make_study(budget={}, space=space, sampler="grid"))
    assert len(load.high) == 64
    assert len(load.points) == 32
    rates = [point["optimizer.generator_lr"] for point in load.points]
    assert rates == [1e-3] * 16 + [1e-4] * 16


def test_random_points_respect_conditions(make_study: MakeStudy) -> None:
    points = make_workload(make_study()).points
    smoothed = {"loss.label_smoothing" in point for point in points}
    assert smoothed == {True, False}
    for point in points:
        assert ("loss.label_smoothing" in point) == (point["loss.adversarial"] == "bce")


@pytest.mark.parametrize(
    ("seconds", "slots", "end"),
    [([], 2, 5.0), ([3.0], 2, 8.0), ([3.0, 1.0, 1.0], 2, 8.0), ([2.0, 2.0, 2.0], 1, 11.0)],
)
def test_each_trial_takes_the_first_free_slot(seconds: list[float], slots: int, end: float) -> None:
    assert schedule(seconds, slots, begin=5.0) == end


def test_a_slot_begins_once() -> None:
    assert schedule([1.0, 1.0, 1.0], 2, each_slot=10.0) == 12.0


def test_epochs_of_other_pictures_are_each_trials_own(make_study: MakeStudy) -> None:
    fixed = {"data.pictures": 80, "data.image_size": 16, "training.epochs": 4}
    fixed |= {"training.ticks": 2, "training.batch_size": 4}
    space = {"data.fraction": {"choice": [0.5, 1.0]}}
    study = make_study(budget={}, space=space, fixed=fixed, design="compare", replicates=2)
    half, whole = (length.images for length in make_workload(study).high[:2])
    assert half == pytest.approx(whole / 2, abs=4)


def test_points_that_are_no_configs_are_passed_over(make_study: MakeStudy) -> None:
    l1 = Dimension("loss.l1_weight", "choice", choices=(0, 1))
    loss = Dimension("loss.adversarial", "choice", choices=("none", "bce"))
    study = replace(make_study(4), space={one.name: one for one in (l1, loss)})
    points = make_workload(study).points
    assert len(points) == 32
    assert {l1.name: 0, loss.name: "none"} not in points
