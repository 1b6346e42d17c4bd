"""How long trials may be silent, by a clock that is set."""

import pandas as pd
import pytest

from search.core.trial_states import MAX_ATTEMPTS
from search.run.heartbeats import LEAST, LEAST_FIRST, STALLS, TICKS, UNKNOWN, Hearing, longest_tick


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def limit(hearing: Hearing, clock: Clock) -> float:
    """Seconds after which the one running trial is called silent, to a minute."""
    for seconds in range(0, 50_000, 60):
        clock.now += 60
        if hearing.newly_silent():
            return seconds + 60
    raise AssertionError


def test_nobody_runs() -> None:
    assert Hearing().newly_silent() == []


@pytest.mark.parametrize(
    ("longest", "expected"), [(0.0, UNKNOWN), (5.0, LEAST_FIRST), (1200.0, TICKS * 1200.0)]
)
def test_before_its_first_tick(longest: float, expected: float) -> None:
    clock = Clock()
    hearing = Hearing(longest, clock)
    hearing.begin("a")
    assert limit(hearing, clock) == expected + 60


@pytest.mark.parametrize(("took", "expected"), [(3.0, LEAST), (300.0, TICKS * 300.0)])
def test_a_trial_is_measured_by_its_own_ticks(took: float, expected: float) -> None:
    clock = Clock()
    hearing = Hearing(10_000.0, clock)
    hearing.begin("a")
    for _ in range(2):
        clock.now += took
        hearing.word("a")
    assert limit(hearing, clock) == expected + 60


def test_what_others_took_counts_for_a_first_tick() -> None:
    clock = Clock()
    hearing = Hearing(0.0, clock)
    hearing.begin("a")
    clock.now += 900.0
    hearing.word("a")
    hearing.end("a")
    hearing.begin("b")
    assert limit(hearing, clock) == TICKS * 900.0 + 60


def test_a_silent_trial_is_named_once_and_forgotten_at_its_end() -> None:
    clock = Clock()
    hearing = Hearing(1.0, clock)
    hearing.begin("a")
    clock.now += LEAST_FIRST + 1
    assert hearing.newly_silent() == ["a"]
    assert hearing.newly_silent() == []
    assert hearing.silent == {"a": "stalled: nothing was heard of it for 3601 s"}
    hearing.end("a")
    assert hearing.silent == {}
    hearing.word("unknown")  # a word that comes late


def test_what_becomes_of_the_lost() -> None:
    clock = Clock()
    hearing = Hearing(1.0, clock)
    died = [hearing.lost("a", "its process died", counts=True)[0] for _ in range(MAX_ATTEMPTS)]
    assert died == ["preempted"] * (MAX_ATTEMPTS - 1) + ["failed"]
    nodes = [hearing.lost("b", "its node has died", counts=False)[0] for _ in range(20)]
    assert nodes == ["preempted"] * 20
    stalled = []
    for _ in range(STALLS):
        hearing.begin("c")
        clock.now += LEAST_FIRST + 1
        hearing.newly_silent()
        stalled.append(hearing.lost("c", "its process died", counts=True)[0])
        hearing.end("c")
    assert stalled == ["preempted", "stalled"]


def test_the_longest_recorded_tick() -> None:
    assert longest_tick(pd.DataFrame({"trial_id": [], "seconds": []})) == 0.0
    seconds = [7.0, 9.0, None, 4.0, 12.0]
    frame = pd.DataFrame({"trial_id": ["a", "a", "a", "b", "b"], "seconds": seconds})
    assert longest_tick(frame) == 8.0
    assert longest_tick(frame.assign(seconds=float("nan"))) == 0.0
