"""Which trials are run once more after they ended, and how often.

A trial is tried again from its last checkpoint where another attempt may end otherwise: its process
died, it hung, its node was wanted back, or it ran out of memory on a GPU that it shared.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from search.core.ask_tell import Assignment

MAX_DEATHS = 4
"""Times that a trial's process may die before the trial has failed: a training that kills its
process does so each time, and a machine that is short of memory kills the largest, whose fault it
need not be."""
MAX_STALLS = 2
"""Times that a trial may stall before it is given up: each costs hours in which it hangs."""


class Outcome(NamedTuple):
    """What becomes of a trial that has stopped running; `retry` is its next attempt."""

    state: str
    reason: str | None
    retry: Assignment | None = None


@dataclass
class Retries:
    """Counts the deaths and stalls of each trial, for as long as the driver lives.

    A resumed driver counts from 0 again.
    """

    _deaths: Counter[str] = field(default_factory=Counter)
    _stalls: Counter[str] = field(default_factory=Counter)

    def ended(
        self, trial: Assignment, state: str, reason: str | None, *, gpus: float, sweep_ends: bool
    ) -> Outcome:
        """What becomes of a trial whose training has ended by itself.

        Args:
            gpus: of a trial; below 1 it shares its GPU.
            sweep_ends: whether no trial is handed out any more.
        """
        again = replace(trial, attempt=trial.attempt + 1)
        if sweep_ends or state not in ("oom", "preempted"):
            return Outcome(state, reason)
        if state == "preempted":  # its node is wanted back: another one goes on
            return Outcome(state, reason, again)
        if 0 < gpus < 1 and not trial.alone:
            reason = f"tried again with a card to itself: {reason}"
            return Outcome("preempted", reason, replace(again, alone=True))
        return Outcome(state, reason)

    def died(
        self,
        trial: Assignment,
        reason: str,
        *,
        stalled: str | None = None,
        may_be_own_fault: bool = True,
        sweep_ends: bool = False,
    ) -> Outcome:
        """What becomes of a trial whose process has died.

        Args:
            stalled: why it was ended, if it was silent for too long.
            may_be_own_fault: not where its node died with it, which uses up no attempt.
            sweep_ends: whether no trial is handed out any more.
        """
        again = None if sweep_ends else replace(trial, attempt=trial.attempt + 1)
        if stalled:
            self._stalls[trial.trial_id] += 1
            given_up = self._stalls[trial.trial_id] >= MAX_STALLS and not sweep_ends
            return Outcome("stalled", stalled) if given_up else Outcome("preempted", stalled, again)
        self._deaths[trial.trial_id] += may_be_own_fault
        if self._deaths[trial.trial_id] >= MAX_DEATHS:
            reason = f"{reason} ({MAX_DEATHS} attempts)"
            return Outcome("preempted" if sweep_ends else "failed", reason)
        return Outcome("preempted", reason, again)
