"""Which trials are run once more, and how often."""

from types import SimpleNamespace
from typing import Any

import pytest

from search.core.ask_tell import Assignment
from search.run.retries import MAX_DEATHS, MAX_STALLS, Outcome, Retries


@pytest.fixture
def trial() -> Assignment:
    config: Any = SimpleNamespace()
    return Assignment("t00000", 0, 0, 0, "search", {}, "p", config)


def states(outcomes: list[Outcome]) -> list[tuple[str, bool]]:
    return [(outcome.state, outcome.retry is not None) for outcome in outcomes]


def test_a_trial_may_die_a_few_times(trial: Assignment) -> None:
    retries = Retries()
    outcomes = [retries.died(trial, "its process died") for _ in range(MAX_DEATHS)]
    assert states(outcomes) == [("preempted", True)] * (MAX_DEATHS - 1) + [("failed", False)]
    assert outcomes[-1].reason == f"its process died ({MAX_DEATHS} attempts)"
    assert outcomes[0].retry is not None and outcomes[0].retry.attempt == 1


def test_a_lost_node_uses_up_no_attempt(trial: Assignment) -> None:
    retries = Retries()
    outcomes = [retries.died(trial, "its node", may_be_own_fault=False) for _ in range(20)]
    assert states(outcomes) == [("preempted", True)] * 20


def test_a_trial_that_stalls_again_is_given_up(trial: Assignment) -> None:
    retries = Retries()
    outcomes = [retries.died(trial, "died", stalled="stalled") for _ in range(MAX_STALLS)]
    assert states(outcomes) == [("preempted", True)] * (MAX_STALLS - 1) + [("stalled", False)]
    assert outcomes[-1].reason == "stalled"


def test_nothing_is_tried_again_when_the_sweep_stops(trial: Assignment) -> None:
    retries = Retries()
    outcomes = [retries.died(trial, "died", sweep_ends=True) for _ in range(MAX_DEATHS + 1)]
    assert set(states(outcomes)) == {("preempted", False)}
    ended = [
        retries.ended(trial, state, None, gpus=0.5, sweep_ends=True)
        for state in ("oom", "preempted")
    ]
    assert states(ended) == [("oom", False), ("preempted", False)]


@pytest.mark.parametrize(
    ("state", "gpus", "expected"),
    [
        ("completed", 0.5, ("completed", False)),
        ("failed", 0.5, ("failed", False)),
        ("preempted", 1.0, ("preempted", True)),
        ("oom", 0.0, ("oom", False)),
        ("oom", 0.5, ("preempted", True)),
        ("oom", 1.0, ("oom", False)),
    ],
)
def test_how_it_ended_by_itself(
    trial: Assignment, state: str, gpus: float, expected: tuple[str, bool]
) -> None:
    outcome = Retries().ended(trial, state, "why", gpus=gpus, sweep_ends=False)
    assert states([outcome]) == [expected]
    if outcome.retry is not None:
        assert outcome.retry.alone is (state == "oom")


def test_a_trial_that_had_its_card_to_itself_is_not_tried_again_for_memory(
    trial: Assignment,
) -> None:
    first = Retries().ended(trial, "oom", "why", gpus=0.5, sweep_ends=False)
    assert first.retry is not None
    again = Retries().ended(first.retry, "oom", "why", gpus=0.5, sweep_ends=False)
    assert (again.state, again.retry) == ("oom", None)
