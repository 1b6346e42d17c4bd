"""How a trial ended, and what Optuna and the retry rule make of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import TrialState

MAX_ATTEMPTS = 4
"""A trial whose process died is tried again until it has had this many attempts."""

_FINISHED = {
    "completed": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "diverged": TrialState.PRUNED,
    "oom": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "stalled": TrialState.FAIL,
    "cancelled": TrialState.FAIL,
}


@dataclass(frozen=True)
class Verdict:
    """What Optuna is told of a trial.

    Attributes:
        values: the objectives, only for COMPLETE.
        last: what a trial that was stopped early had reached; only with one objective, as Optuna
            takes no intermediate value with several, and fails to ask when it finds one.
    """

    state: TrialState
    values: tuple[float, ...] | None = None
    last: float | None = None


def verdict(state: str, values: Sequence[float | None]) -> Verdict:
    """What Optuna is told of a trial that is in `state`.

    A diverged trial becomes PRUNED without values, so that it ranks last and the sampler keeps
    away; an unfinished one stays RUNNING. A completed one without a finite value for each
    objective counts as diverged.
    """
    if state not in _FINISHED:
        return Verdict(TrialState.RUNNING)
    finite = tuple(value for value in values if value is not None and math.isfinite(value))
    if state == "pruned" and len(values) == len(finite) == 1:
        return Verdict(TrialState.PRUNED, last=finite[0])
    if state != "completed":
        return Verdict(_FINISHED[state])
    if len(finite) < len(values):
        return Verdict(TrialState.PRUNED)
    return Verdict(TrialState.COMPLETE, finite)
