"""Trials that are lost: whose process has died, and those that neither report nor end.

A training that hangs, in a broken disk or in waiting for a peer, keeps its place for ever, and
nothing else tells. The limits are wide, since to end a slow training would be worse: they follow
from how long ticks have taken.
"""

import time
from collections import Counter
from collections.abc import Callable

import pandas as pd

from search.core.trial_states import MAX_ATTEMPTS

TICKS = 10
"""Times that a tick may take as long as the longest before it."""
LEAST = 600.0
"""Seconds that any tick may take."""
LEAST_FIRST = 3600.0
"""The same for a trial's first one, before which pictures are copied and packed."""
UNKNOWN = 6 * 3600.0
"""The same as long as no trial of the sweep has come to a tick."""
STALLS = 2
"""Times that a trial may stall: then it is given up."""


def longest_tick(ticks: pd.DataFrame) -> float:
    """Seconds of the longest of recorded ticks, 0 where there is none."""
    took = ticks.groupby("trial_id")["seconds"].diff().fillna(ticks["seconds"])
    return max([0.0, *took.dropna().tolist()])


class Hearing:
    """Listens to running trials.

    Args:
        longest: seconds of the longest tick that is on record, 0 where there is none.
        clock: gives seconds.
    """

    def __init__(self, longest: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._longest = longest
        self._own: dict[str, float] = {}
        self._heard: dict[str, float] = {}
        self._stalls: Counter[str] = Counter()
        self._deaths: Counter[str] = Counter()
        self.silent: dict[str, str] = {}
        """Why trials are about to be ended that have been silent for too long."""

    def begin(self, trial_id: str) -> None:
        """A trial has a process, which has not spoken yet."""
        self._heard[trial_id] = self._clock()

    def word(self, trial_id: str) -> None:
        """A trial has spoken."""
        now = self._clock()
        took = now - self._heard.get(trial_id, now)
        self._heard[trial_id] = now
        self._own[trial_id] = max(took, self._own.get(trial_id, 0.0))
        self._longest = max(took, self._longest)

    def end(self, trial_id: str) -> None:
        """A trial runs no more."""
        for known in (self._own, self._heard, self.silent):
            known.pop(trial_id, None)

    def newly_silent(self) -> list[str]:
        """Trials that have been silent for too long and were not named before."""
        now = self._clock()
        found = []
        for trial_id, heard in self._heard.items():
            if trial_id not in self.silent and now - heard > self._limit(trial_id):
                self.silent[trial_id] = f"stalled: nothing was heard of it for {now - heard:.0f} s"
                found.append(trial_id)
        return found

    def lost(self, trial_id: str, reason: str, *, counts: bool) -> tuple[str, str]:
        """What becomes of a trial whose process has died.

        Args:
            counts: whether it may have been the trial's own fault, which it is granted a few times.

        Returns:
            its state, `preempted` where it is to be tried again, and why.
        """
        if why := self.silent.get(trial_id):
            self._stalls[trial_id] += 1
            return "stalled" if self._stalls[trial_id] >= STALLS else "preempted", why
        self._deaths[trial_id] += counts
        if self._deaths[trial_id] >= MAX_ATTEMPTS:
            return "failed", f"{reason} ({MAX_ATTEMPTS} attempts)"
        return "preempted", reason

    def _limit(self, trial_id: str) -> float:
        if own := self._own.get(trial_id):
            return max(LEAST, TICKS * own)
        return max(LEAST_FIRST, TICKS * self._longest) if self._longest else UNKNOWN
