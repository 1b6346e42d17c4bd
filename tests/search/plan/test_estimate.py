"""Time and GPU hours, from what trainings took."""

from dataclasses import replace

import pytest

from search.plan.estimate import ACTOR_START, RAY_START, Measured, Speed, Work, hours
from search.plan.workload import TrialLength, Workload

ONE = Measured(gmac=1.0, picture=0.01, judged=0.002, diagnosis=0.5, checkpoint=0.25, overhead=2.0)
WORK = Work(gmac=1.0, held_out=100, tested=50, checkpoint_every=5)
FULL = TrialLength(config=0, ticks=10, images=1000)
TRIAL = 1000 * 0.01 + 10 * (100 * 0.002 + 0.5) + 2 * 0.25 + 2.0


def load(*lives: TrialLength, confirm: tuple[TrialLength, ...] = ()) -> Workload:
    return Workload([], [], [*lives], [*lives], [[*lives]], [*confirm])


def test_a_trial_is_its_pictures_ticks_checkpoints_and_what_is_beside() -> None:
    assert Speed([ONE]).seconds(WORK, FULL) == pytest.approx(TRIAL)
    assert Speed([ONE]).seconds(WORK, FULL, tested=True) == pytest.approx(TRIAL + 50 * 0.002)


def test_a_stopped_trial_takes_less() -> None:
    short = TrialLength(config=0, ticks=4, images=400)
    wanted = 400 * 0.01 + 4 * (100 * 0.002 + 0.5) + 2.0  # before its first checkpoint
    assert Speed([ONE]).seconds(WORK, short) == pytest.approx(wanted)


@pytest.mark.parametrize("gmac", [0.1, 1.0, 30.0])
def test_time_is_proportional_to_work_beyond_what_was_measured(gmac: float) -> None:
    bare = Measured(1.0, 0.01, 0.0, 0.0, 0.0, 0.0)
    assert Speed([bare]).seconds(replace(WORK, gmac=gmac), FULL) == pytest.approx(10 * gmac)


def test_between_two_sizes_time_is_interpolated() -> None:
    small = Measured(1.0, 0.02, 0.0, 0.0, 0.0, 0.0)  # 0.02 s per GMAC
    large = Measured(100.0, 1.0, 0.0, 0.0, 0.0, 0.0)  # 0.01
    middle = Speed([small, large]).seconds(replace(WORK, gmac=10.0), FULL)
    assert middle == pytest.approx(1000 * 10 * 0.015)


def test_equal_trainings_give_median_and_tenths() -> None:
    measured = [replace(ONE, picture=0.01 * factor) for factor in (0.5, 0.8, 1.0, 1.2, 3.0)]
    speed = Speed(measured)
    assert speed.seconds(WORK, FULL) == pytest.approx(TRIAL)
    assert speed.low == pytest.approx(0.62)
    assert speed.high == pytest.approx(2.28)


def test_a_single_measurement_still_leaves_room() -> None:
    assert (Speed([ONE]).low, Speed([ONE]).high) == (0.9, 1.1)


def test_hours_of_one_trial() -> None:
    found = hours(Speed([ONE]), load(FULL), [WORK], slots=2)
    assert found.training.expected * 3600 == pytest.approx(TRIAL)
    assert found.busy.expected * 3600 == pytest.approx(TRIAL + ACTOR_START)
    assert found.wall.expected * 3600 == pytest.approx(TRIAL + ACTOR_START + RAY_START)
    assert found.training.low == pytest.approx(0.9 * found.training.expected)
    assert found.training.high == pytest.approx(1.1 * found.training.expected)


def test_where_an_actor_starts_slowly_so_does_ray() -> None:
    slow = replace(ONE, start=3 * ACTOR_START)
    found = hours(Speed([ONE, slow, slow]), load(FULL), [WORK], slots=2)
    assert found.busy.expected * 3600 == pytest.approx(TRIAL + 3 * ACTOR_START)
    wall = TRIAL + 3 * (ACTOR_START + RAY_START)
    assert found.wall.expected * 3600 == pytest.approx(wall)


def test_confirmation_waits_for_the_whole_search() -> None:
    tested = TRIAL + 50 * 0.002
    found = hours(Speed([ONE]), load(FULL, FULL, FULL, confirm=(FULL,)), [WORK], slots=2)
    assert found.busy.expected * 3600 == pytest.approx(2 * TRIAL + tested + ACTOR_START)
    assert found.training.expected * 3600 == pytest.approx(3 * TRIAL + tested)


def test_each_trial_costs_what_its_config_costs() -> None:
    bare = Speed([Measured(1.0, 0.01, 0.0, 0.0, 0.0, 0.0)])
    other = replace(FULL, config=1)
    found = hours(bare, load(FULL, other), [WORK, replace(WORK, gmac=3.0)], slots=1)
    assert found.training.expected * 3600 == pytest.approx(10 + 30)
