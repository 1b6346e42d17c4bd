"""Trials that hang: whose process neither reports nor ends.

A training that hangs, on a broken disk or while it waits for a peer, keeps its resources for ever,
and nothing else notices. The limits are wide, since to end a slow training would be worse: they
follow from how long ticks have taken.
"""

import time
from collections.abc import Callable

import pandas as pd

TICKS = 10
"""Times that a tick may take as long as the longest before it: validation, a cold cache and a
neighbor on the same CPUs make some ticks several times as long as others."""
LEAST = 600.0
"""Seconds that any tick may take, as a network file system may be away for minutes."""
LEAST_FIRST = 3600.0
"""The same for a trial's first one, before which pictures are copied and packed."""
UNKNOWN = 6 * 3600.0
"""The same as long as no trial of the sweep has come to a tick."""


def longest_tick(ticks: pd.DataFrame) -> float:
    """Seconds of the longest of recorded ticks, 0 where there is none."""
    # `seconds` counts from the trial's start: a first tick has no difference, but its own time.
    took = ticks.groupby("trial_id")["seconds"].diff().fillna(ticks["seconds"])
    return max([0.0, *took.dropna().tolist()])


class Heartbeats:
    """Notes when running trials reported.

    Args:
        longest: seconds of the longest tick that is on record, 0 where there is none.
        clock: gives seconds.

    Attributes:
        stalled: why trials are about to be ended that were silent for too long, by trial_id.
    """

    def __init__(self, longest: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._longest = longest
        self._longest_of: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self.stalled: dict[str, str] = {}

    def beat(self, trial_id: str) -> None:
        """A trial has a process, at first, or has reported."""
        now = self._clock()
        took = now - self._last.get(trial_id, now)
        self._last[trial_id] = now
        self._longest_of[trial_id] = max(took, self._longest_of.get(trial_id, 0.0))
        self._longest = max(took, self._longest)

    def stop(self, trial_id: str) -> None:
        """A trial has ended."""
        for by_trial in (self._longest_of, self._last, self.stalled):
            by_trial.pop(trial_id, None)

    def newly_stalled(self) -> list[str]:
        """Trials that have been silent for too long and were not named before."""
        now, stalled = self._clock(), []
        for trial_id, last in self._last.items():
            if longest := self._longest_of.get(trial_id):
                limit = max(LEAST, TICKS * longest)
            else:
                limit = max(LEAST_FIRST, TICKS * self._longest) if self._longest else UNKNOWN
            if trial_id not in self.stalled and now - last > limit:
                self.stalled[trial_id] = f"stalled: nothing was heard of it for {now - last:.0f} s"
                stalled.append(trial_id)
        return stalled
