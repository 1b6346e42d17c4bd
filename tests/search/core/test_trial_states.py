"""What Optuna is told of how a trial ended."""

import math

import pytest
from optuna.trial import TrialState

from search.core.trial_states import Verdict, verdict
from search.records.reader import STATES, UNFINISHED

TOLD = {
    "running": TrialState.RUNNING,
    "preempted": TrialState.RUNNING,
    "completed": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "diverged": TrialState.PRUNED,
    "oom": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "stalled": TrialState.FAIL,
    "cancelled": TrialState.FAIL,
}


def test_every_state_has_its_verdict() -> None:
    assert set(TOLD) == set(STATES)
    assert {state for state in TOLD if TOLD[state] == TrialState.RUNNING} == set(UNFINISHED)


@pytest.mark.parametrize(("state", "told"), TOLD.items())
@pytest.mark.parametrize("values", [(1.0,), (1.0, -2.5)])
def test_only_completed_trials_have_values(
    state: str, told: TrialState, values: tuple[float, ...]
) -> None:
    expected = Verdict(told, values if state == "completed" else None)
    if state == "pruned" and len(values) == 1:
        expected = Verdict(told, last=values[0])
    assert verdict(state, values) == expected


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_pruned_before_anything_was_measured(value: float | None) -> None:
    assert verdict("pruned", (value,)) == Verdict(TrialState.PRUNED)


@pytest.mark.parametrize(
    "values", [(None,), (math.nan,), (math.inf,), (1.0, None), (-math.inf, 1.0), (None, None)]
)
def test_completed_without_a_finite_value_for_each_objective_is_diverged(
    values: tuple[float | None, ...],
) -> None:
    assert verdict("completed", values) == Verdict(TrialState.PRUNED)
