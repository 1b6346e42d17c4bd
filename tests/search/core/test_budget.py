"""What is counted against a sweep's budgets."""

import time
from typing import Any

import pandas as pd
import pytest

from search.core.budget import BudgetTracker, busy_seconds
from search.records.reader import CHANGE, SweepRecords
from spaces.study import Budget

NO_STATES = pd.DataFrame(columns=CHANGE)
NO_TICKS = pd.DataFrame(columns=["trial_id", "attempt", "images", "seconds", "time"])
START = pd.Timestamp("2026-01-01", tz="UTC")


def at(seconds: float) -> pd.Timestamp:
    return START + pd.Timedelta(seconds=seconds)


def states(*rows: tuple[Any, ...]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["trial_id", "attempt", "state", "seconds"])
    return frame.assign(time=[at(one) for one in frame["seconds"]])


def ticks(*rows: tuple[Any, ...]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["trial_id", "attempt", "images", "seconds", "at"])
    return frame.assign(time=[at(one) for one in frame["at"]])


def sweep(states: pd.DataFrame, ticks: pd.DataFrame) -> SweepRecords:
    states = states.reindex(columns=CHANGE)
    trials = states.drop_duplicates("trial_id", keep="last")
    return SweepRecords("s", {}, {}, trials, ticks, states=states)


def tracker(**budget: Any) -> BudgetTracker:
    return BudgetTracker(Budget(**budget), sweep(NO_STATES, NO_TICKS))


def test_nothing_is_spent() -> None:
    found = tracker(images=100)
    assert set(found.spent().values()) == {0.0}
    assert found.spent_text() is None
    assert found.spent_text(1e9, 1e9) is None  # how much it would be is not known yet


def test_without_budgets_nothing_is_over() -> None:
    found = tracker()
    found.add("a", 10**9, 10.0**9, 8.0)
    assert found.spent_text() is None


def test_pictures_count_once_for_a_trial() -> None:
    found = tracker(images=1000)
    found.add("a", 300, 1.0)
    found.add("a", 600, 2.0)
    found.add("a", 400, 2.5)  # an attempt that goes on from an older checkpoint
    found.add("b", 399, 1.0)
    assert found.spent()["images"] == 999
    assert found.spent_text() is None
    found.add("b", 400, 1.0)
    assert found.spent_text() == "the budget of 1000 images is spent"


def test_room_is_left_for_what_runs_and_for_confirming() -> None:
    found = tracker(images=1000)
    found.add("a", 500, 1.0)
    assert found.spent_text(running=499) is None
    assert found.spent_text(running=500) is not None
    assert found.spent_text(running=100, reserved=400) is not None


def test_gpu_hours_and_money_follow_the_cards_of_a_trial() -> None:
    found = tracker(gpu_hours=2, money=3.0, price_per_gpu_hour=2.0)
    found.gpus = 0.25
    found.add("a", 10, 3600.0)
    assert (found.spent()["gpu_hours"], found.spent()["money"]) == (0.25, 0.5)
    found.add("b", 10, 3600.0, 1.0)
    assert found.spent_text() is None
    found.gpus = 1.0
    found.add("c", 10, 900.0)
    assert found.spent_text() == "the budget of 3 money is spent"
    assert found.spent_text(reserved=0) == found.spent_text()


def test_confirming_is_reckoned_at_the_rates_so_far() -> None:
    found = tracker(gpu_hours=1)
    found.add("a", 100, 1800.0, 1.0)
    assert found.spent_text(reserved=99) is None
    assert found.spent_text(reserved=100) == "the budget of 1 gpu hours is spent"


def test_a_resumed_sweep_goes_on_counting() -> None:
    recorded = ticks(("a", 0, 100, 5.0, 5), ("a", 0, 200, 10.0, 10), ("b", 0, 100, 6.0, 16))
    rows = states(("a", 0, "running", 0), ("a", 0, "completed", 10), ("b", 0, "running", 10))
    found = BudgetTracker(Budget(), sweep(rows.assign(gpus=2.0), recorded))
    spent = found.spent()
    assert spent["images"] == 300
    assert spent["gpu_hours"] == pytest.approx(16 * 2 / 3600)
    assert spent["wall_hours"] == pytest.approx(16 / 3600)
    found.start()
    time.sleep(0.01)
    assert found.spent()["wall_hours"] > spent["wall_hours"]


def test_records_without_a_word_of_cards_had_none() -> None:
    found = BudgetTracker(Budget(), sweep(NO_STATES, ticks(("a", 0, 100, 5.0, 5))))
    assert found.spent()["gpu_hours"] == 0


class TestBusy:
    def test_nothing(self) -> None:
        assert busy_seconds(sweep(NO_STATES, NO_TICKS).attempts) == 0

    def test_side_by_side_counts_once_and_pauses_do_not(self) -> None:
        rows = states(
            ("a", 0, "running", 0),
            ("b", 0, "running", 2),
            ("a", 0, "completed", 10),
            ("b", 0, "failed", 12),
            ("c", 0, "running", 100),
            ("c", 0, "pruned", 103),
        )
        assert busy_seconds(sweep(rows, NO_TICKS).attempts) == 15

    def test_a_killed_driver_s_trials_ran_until_their_last_tick(self) -> None:
        rows = states(
            ("a", 0, "running", 0), ("a", 1, "running", 1000), ("a", 1, "completed", 1005)
        )
        assert busy_seconds(sweep(rows, ticks(("a", 0, 10, 4.0, 4))).attempts) == 9
        assert busy_seconds(sweep(rows, NO_TICKS).attempts) == 5

    def test_a_trial_without_a_recorded_beginning_ran_as_long_as_it_says(self) -> None:
        rows = states(("a", 0, "completed", 10))
        assert busy_seconds(sweep(rows.assign(number=0, host="h"), NO_TICKS).attempts) == 0
        first = ticks(("a", 0, 10, 4.0, 6))
        assert busy_seconds(sweep(rows.assign(number=0, host="h"), first).attempts) == 8

    def test_clocks_that_differ_take_nothing_away(self) -> None:
        rows = states(("a", 0, "running", 10), ("a", 0, "completed", 7), ("b", 0, "running", 8))
        assert busy_seconds(sweep(rows.assign(number=0, host="h"), NO_TICKS).attempts) == 0
