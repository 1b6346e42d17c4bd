"""How long trials may be silent, by a clock that is set."""

import pandas as pd
import pytest

from search.run.heartbeats import LEAST, LEAST_FIRST, TICKS, UNKNOWN, Heartbeats, longest_tick


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def limit(heartbeats: Heartbeats, clock: Clock) -> float:
    """Seconds after which the one running trial is called silent, to a minute."""
    for seconds in range(0, 50_000, 60):
        clock.now += 60
        if heartbeats.newly_stalled():
            return seconds + 60
    raise AssertionError


def test_nobody_runs() -> None:
    assert Heartbeats().newly_stalled() == []


@pytest.mark.parametrize(
    ("longest", "expected"), [(0.0, UNKNOWN), (5.0, LEAST_FIRST), (1200.0, TICKS * 1200.0)]
)
def test_before_its_first_tick(longest: float, expected: float) -> None:
    clock = Clock()
    heartbeats = Heartbeats(longest, clock)
    heartbeats.beat("a")
    assert limit(heartbeats, clock) == expected + 60


@pytest.mark.parametrize(("took", "expected"), [(3.0, LEAST), (300.0, TICKS * 300.0)])
def test_a_trial_is_measured_by_its_own_ticks(took: float, expected: float) -> None:
    clock = Clock()
    heartbeats = Heartbeats(10_000.0, clock)
    heartbeats.beat("a")
    for _ in range(2):
        clock.now += took
        heartbeats.beat("a")
    assert limit(heartbeats, clock) == expected + 60


def test_what_others_took_counts_for_a_first_tick() -> None:
    clock = Clock()
    heartbeats = Heartbeats(0.0, clock)
    heartbeats.beat("a")
    clock.now += 900.0
    heartbeats.beat("a")
    heartbeats.stop("a")
    heartbeats.beat("b")
    assert limit(heartbeats, clock) == TICKS * 900.0 + 60


def test_a_silent_trial_is_named_once_and_forgotten_at_its_end() -> None:
    clock = Clock()
    heartbeats = Heartbeats(1.0, clock)
    heartbeats.beat("a")
    clock.now += LEAST_FIRST + 1
    assert heartbeats.newly_stalled() == ["a"]
    assert heartbeats.newly_stalled() == []
    assert heartbeats.stalled == {"a": "stalled: nothing was heard of it for 3601 s"}
    heartbeats.stop("a")
    assert heartbeats.stalled == {}
    heartbeats.beat("unknown")  # a report that comes late


def test_the_longest_recorded_tick() -> None:
    assert longest_tick(pd.DataFrame({"trial_id": [], "seconds": []})) == 0.0
    seconds = [7.0, 9.0, None, 4.0, 12.0]
    frame = pd.DataFrame({"trial_id": ["a", "a", "a", "b", "b"], "seconds": seconds})
    assert longest_tick(frame) == 8.0
    assert longest_tick(frame.assign(seconds=float("nan"))) == 0.0
