"""What Optuna is told of how a trial ended."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from optuna.trial import TrialState

from search.core.trial_states import OptunaResult, last_report, to_optuna
from search.records.reader import UNFINISHED
from spaces.study import Study

MakeStudy = Callable[..., Study]

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
        expected = OptunaResult(told, last=values[0])
    assert to_optuna(state, values) == expected


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_pruned_before_anything_was_measured(value: float | None) -> None:
    assert to_optuna("pruned", (value,)) == OptunaResult(TrialState.PRUNED)


@pytest.mark.parametrize(
    "values", [(None,), (math.nan,), (math.inf,), (1.0, None), (-math.inf, 1.0), (None, None)]
)
def test_completed_without_a_finite_value_for_each_objective_is_diverged(
    values: tuple[float | None, ...],
) -> None:
    assert to_optuna("completed", values) == OptunaResult(TrialState.PRUNED)


@pytest.mark.parametrize(
    ("bound", "value", "excess"),
    [
        ("<= 2", 2.0, 0.0),
        ("<= 2", 3.0, 1.0),
        (">= 2", 3.0, -1.0),
        (">= 2", 1.5, 0.5),
        ("< 2", 1.0, -1.0),
    ],
)
def test_by_how_much_a_bound_is_missed(
    make_study: MakeStudy, bound: str, value: float, excess: float
) -> None:
    study = make_study(3, constraints={"gmac_per_picture": bound})
    report = last_report(study, {"tick": 2, "val_ab_mae": 5.0, "cost_gmac_per_picture": value})
    assert report == ((5.0,), 2, {"cost_gmac_per_picture": excess})


@pytest.mark.parametrize("bound", ["< 2", "> 2"])
def test_a_strict_bound_is_not_met_by_equality(make_study: MakeStudy, bound: str) -> None:
    study = make_study(3, constraints={"gmac_per_picture": bound})
    report = last_report(study, {"cost_gmac_per_picture": 2.0})
    assert report.excess["cost_gmac_per_picture"] > 0


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_was_not_measured_violates_nothing(make_study: MakeStudy, value: Any) -> None:
    study = make_study(3, constraints={"gmac_per_picture": "< 2"})
    assert last_report(study, {"cost_gmac_per_picture": value}) == ((None,), 0, {})
