"""The states of a trial, and what Optuna is told of each."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from optuna.trial import FixedTrial, FrozenTrial, TrialState, create_trial

from colornet.errors import InputError, error_summary
from search.core.ranking import LOST
from search.core.target import LastReport
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


class OptunaResult(NamedTuple):
    """What Optuna is told of a trial.

    Attributes:
        values: the objectives, only for COMPLETE.
        last: what a trial that was stopped early had reached, by tick; only with one objective, as
            Optuna takes no intermediate value with several, and fails to ask when it finds one.
        excess: by how much it violates each bound.
    """

    state: TrialState
    values: tuple[float, ...] | None = None
    last: Mapping[int, float] = {}
    excess: Mapping[str, float] = {}


def to_optuna(state: str, report: LastReport) -> OptunaResult:
    """What Optuna is told of a trial that is in `state`.

    A lost trial becomes PRUNED without values, so that it ranks last and the sampler keeps away;
    an unfinished one stays RUNNING. A completed one without a finite value for each objective
    counts as diverged.
    """
    if state not in _TO_OPTUNA:
        return OptunaResult(TrialState.RUNNING)
    finite = tuple(value for value in report.values if value is not None and math.isfinite(value))
    excess = {column: over for column, over in report.excess.items() if over is not None}
    is_whole = len(finite) == len(report.values)
    if state in LOST or (state == "completed" and not is_whole):
        # TPE takes a trial that lacks a constraint for one that meets it, and one that violates
        # none for better than all that do, whatever else is known of it.
        return OptunaResult(TrialState.PRUNED, excess=dict.fromkeys(report.excess, math.inf))
    if state == "pruned" and is_whole and len(finite) == 1:
        return OptunaResult(TrialState.PRUNED, last={report.tick: finite[0]}, excess=excess)
    return OptunaResult(_TO_OPTUNA[state], finite if state == "completed" else None, excess=excess)


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
    result: OptunaResult,
    user_attrs: Mapping[str, Any] | None = None,
) -> FrozenTrial:
    """Rebuild Optuna's trial from its row of the records, with what Optuna is told of it.

    Distributions are those of the study as it is now: a range that was widened since is wider for
    old trials, too.

    Raises:
        InputError: the point is none of the study's space.
    """
    fixed = recorded_trial(row["trial_id"], json.loads(row["point"]), study.dimensions)
    return create_trial(
        state=result.state,
        values=list(result.values) if result.values else None,
        params=fixed.params,
        distributions=fixed.distributions,
        user_attrs=dict(user_attrs or {}),
        system_attrs=json.loads(row["system_attrs"] or "{}"),
        intermediate_values=dict(result.last) or None,
        constraints=dict(result.excess) or None,
    )
