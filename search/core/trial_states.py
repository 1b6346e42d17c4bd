"""The states of a trial, and what Optuna is told of each."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from optuna.trial import FixedTrial, FrozenTrial, TrialState, create_trial

from colornet.config.validation import parse_bound
from colornet.errors import InputError, error_summary
from spaces.dimensions import Dimension, draw, sampler_params
from spaces.study import Study

# A point that diverged or needs too much memory is bad, which a sampler should learn: PRUNED counts
# for TPE as worse than every completed trial, FAIL is passed over.
_TO_OPTUNA = {
    "completed": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "diverged": TrialState.PRUNED,
    "oom": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "stalled": TrialState.FAIL,
    "cancelled": TrialState.FAIL,
}


class LastReport(NamedTuple):
    """What a trial reported last.

    Attributes:
        values: its objectives, in the study's order; None for what it has not measured.
        tick: the tick at which it did.
        excess: by how much it violates each constraint; 0 or less meets it.
    """

    values: Sequence[float | None]
    tick: int = 0
    excess: Mapping[str, float] = {}


class OptunaResult(NamedTuple):
    """What Optuna is told of a trial.

    Attributes:
        values: the objectives, only for COMPLETE.
        last: what a trial that was stopped early had reached; only with one objective, as Optuna
            takes no intermediate value with several, and fails to ask when it finds one.
    """

    state: TrialState
    values: tuple[float, ...] | None = None
    last: float | None = None


def last_report(study: Study, metrics: Mapping[str, Any]) -> LastReport:
    """A tick's columns as Optuna needs them."""
    excess = {}
    for column, bound in study.file.constraints.items():
        sign, limit = parse_bound(bound)
        value = metrics.get(column)
        if value is not None and math.isfinite(value):
            over = value - limit if sign.startswith("<") else limit - value
            # Optuna takes 0 for met, which a strict bound does not.
            excess[column] = math.nextafter(over, 1) if over == 0 and len(sign) == 1 else over
    values = tuple(metrics.get(name) for name in study.file.objectives)
    return LastReport(values, int(metrics.get("tick") or 0), excess)


def to_optuna(state: str, values: Sequence[float | None]) -> OptunaResult:
    """What Optuna is told of a trial that is in `state`.

    A diverged trial becomes PRUNED without values, so that it ranks last and the sampler keeps
    away; an unfinished one stays RUNNING. A completed one without a finite value for each
    objective counts as diverged.
    """
    if state not in _TO_OPTUNA:
        return OptunaResult(TrialState.RUNNING)
    finite = tuple(value for value in values if value is not None and math.isfinite(value))
    if state == "pruned" and len(values) == len(finite) == 1:
        return OptunaResult(TrialState.PRUNED, last=finite[0])
    if state != "completed":
        return OptunaResult(_TO_OPTUNA[state])
    if len(finite) < len(values):
        return OptunaResult(TrialState.PRUNED)
    return OptunaResult(TrialState.COMPLETE, finite)


def recorded_trial(
    trial_id: str, point: Mapping[str, Any], dimensions: Sequence[Dimension]
) -> FixedTrial:
    """Optuna's view of a recorded point: its parameters and distributions in a space.

    Raises:
        InputError: the point is none of this space.
    """
    fixed = FixedTrial(sampler_params(point, dimensions))
    try:
        draw(fixed, dimensions)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{trial_id}: its recorded point does not fit the study's space: "
            f"{error_summary(error)}.\n"
            "Take the sweep's own study.yaml, or leave the sweep to `report`."
        ) from None
    return fixed


def frozen_trial(
    study: Study,
    row: Mapping[str, Any],
    report: LastReport,
    curve: Mapping[int, float] | None = None,
    user_attrs: Mapping[str, Any] | None = None,
) -> FrozenTrial:
    """Rebuild Optuna's trial from its row of the records.

    Distributions are those of the study as it is now: a range that was widened since is wider for
    old trials, too.

    Args:
        curve: values by tick, instead of the last one of a pruned trial.

    Raises:
        InputError: the point is none of the study's space.
    """
    result = to_optuna(row["state"], report.values)
    fixed = recorded_trial(row["trial_id"], json.loads(row["point"]), study.dimensions)
    if curve is None:
        curve = {report.tick: result.last} if result.last is not None else {}
    return create_trial(
        state=result.state,
        values=list(result.values) if result.values else None,
        params=fixed.params,
        distributions=fixed.distributions,
        user_attrs=dict(user_attrs or {}),
        system_attrs=json.loads(row["system_attrs"] or "{}"),
        intermediate_values=dict(curve) or None,
        constraints=dict(report.excess) if result.state.is_finished() else None,
    )
