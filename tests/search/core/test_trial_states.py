"""What Optuna is told of how a trial ended."""

import math

import pytest
from optuna.trial import TrialState

from search.core.target import LastReport
from search.core.trial_states import OptunaResult, to_optuna
from search.records.reader import UNFINISHED

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


def test_unfinished_trials_run_for_optuna() -> None:
    assert {state for state in TOLD if TOLD[state] == TrialState.RUNNING} == set(UNFINISHED)


@pytest.mark.parametrize(("state", "told"), TOLD.items())
@pytest.mark.parametrize("values", [(1.0,), (1.0, -2.5)])
def test_only_completed_trials_have_values(
    state: str, told: TrialState, values: tuple[float, ...]
) -> None:
    expected = OptunaResult(told, values if state == "completed" else None)
    if state == "pruned" and len(values) == 1:
        expected = OptunaResult(told, last={3: values[0]})
    assert to_optuna(state, LastReport(values, 3)) == expected


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_pruned_before_anything_was_measured(value: float | None) -> None:
    assert to_optuna("pruned", LastReport((value,))) == OptunaResult(TrialState.PRUNED)


@pytest.mark.parametrize(
    "values", [(None,), (math.nan,), (math.inf,), (1.0, None), (-math.inf, 1.0), (None, None)]
)
def test_completed_without_a_finite_value_for_each_objective_is_diverged(
    values: tuple[float | None, ...],
) -> None:
    assert to_optuna("completed", LastReport(values)) == OptunaResult(TrialState.PRUNED)


@pytest.mark.parametrize("state", ["completed", "pruned"])
def test_what_was_measured_of_bounds_is_told(state: str) -> None:
    report = LastReport((5.0,), 2, {"a": -1.0, "b": 0.5, "c": None})
    assert to_optuna(state, report).excess == {"a": -1.0, "b": 0.5}


@pytest.mark.parametrize(("state", "value"), [("diverged", 5.0), ("oom", 5.0), ("completed", None)])
def test_a_lost_trial_violates_every_bound(state: str, value: float | None) -> None:
    """TPE would take it for one that meets them, and so for better than all that do not."""
    report = LastReport((value,), 2, {"a": -1.0, "b": None})
    assert to_optuna(state, report).excess == {"a": math.inf, "b": math.inf}
