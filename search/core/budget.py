"""What a sweep has spent of its budgets: pictures, hours, GPU hours, money.

Measured from the records, so that a resumed sweep goes on counting. A search leaves room for its
confirmation: it is over when what is spent, and what confirming would cost at the same rates, come
up to a budget.
"""

import math
import time

import numpy as np
import pandas as pd

from search.records.reader import SweepRecords
from spaces.study import Budget, Study

HOUR = 3600.0


class BudgetTracker:
    """Adds up what trials have cost.

    Args:
        sweep: what is recorded so far.

    Attributes:
        gpus: GPUs of a trial, from now on.
    """

    def __init__(self, budget: Budget, sweep: SweepRecords) -> None:
        self.budget = budget
        self.gpus = 0.0
        self._images: dict[str, float] = {}
        self._gpu_seconds: dict[str, float] = {}
        self._busy_before = busy_seconds(sweep.attempts)
        self._started: float | None = None
        gpus = dict(zip(sweep.states["trial_id"], sweep.states["gpus"], strict=True))
        for trial_id, images, seconds in zip(
            *(sweep.ticks[name] for name in ("trial_id", "images", "seconds")), strict=True
        ):
            self.add(trial_id, images, seconds, gpus.get(trial_id, math.nan))

    def start(self) -> None:
        """The first trial of this session is handed out."""
        self._started = time.monotonic() if self._started is None else self._started

    def add(
        self, trial_id: str, images: float | None, seconds: float | None, gpus: float | None = None
    ) -> None:
        """A trial has reported how far it is, over all of its attempts."""
        # Releases that recorded no GPUs ran trials on CPUs.
        gpus = self.gpus if gpus is None else 0.0 if math.isnan(gpus) else gpus
        # An attempt from an older checkpoint repeats what is counted already.
        self._images[trial_id] = max(self._images.get(trial_id, 0.0), float(images or 0))
        spent = float(seconds or 0) * gpus
        self._gpu_seconds[trial_id] = max(self._gpu_seconds.get(trial_id, 0.0), spent)

    def spent(self) -> dict[str, float]:
        """What is spent, by the names of the budgets."""
        wall = self._busy_before
        if self._started is not None:
            wall += time.monotonic() - self._started
        gpu_hours = sum(self._gpu_seconds.values()) / HOUR
        return {
            "images": sum(self._images.values()),
            "wall_hours": wall / HOUR,
            "gpu_hours": gpu_hours,
            "money": gpu_hours * (self.budget.price_per_gpu_hour or 0.0),
        }

    def spent_text(self, running: float = 0.0, reserved: float = 0.0) -> str | None:
        """Which budget is spent, in a sentence; None when there is room for another trial.

        Args:
            running: pictures that running trials still have to see.
            reserved: pictures that confirming the best will take.
        """
        spent = self.spent()
        if spent["images"] <= 0:
            return None  # what a picture costs is not known yet
        for name, amount in spent.items():
            limit = getattr(self.budget, name)
            # Of what runs only pictures are known ahead: its hours grow by themselves.
            ahead = (running if name == "images" else 0.0) + reserved
            if limit is not None and amount * (1 + ahead / spent["images"]) >= limit:
                return f"the budget of {limit:g} {name.replace('_', ' ')} is spent"
        return None

    def search_spent_text(self, study: Study, confirming: int, running: float = 0.0) -> str | None:
        """Which budget of the search is spent, if one is; room is left for confirming.

        Args:
            confirming: trials that confirm and have been started.
            running: pictures that running trials still have to see.
        """
        images = study.base_config["training"]["images"]
        if not images:  # epochs of choices of pictures that differ: as trials did on average
            images = sum(self._images.values()) / max(1, len(self._images))
        left = max(0, study.confirming - confirming)
        return self.spent_text(running, left * images)


def busy_seconds(attempts: pd.DataFrame) -> float:
    """Seconds in which at least one trial ran: the union of the spans of all attempts.

    Args:
        attempts: as in `SweepRecords.attempts`, by start.
    """
    if attempts.empty:
        return 0.0
    first = attempts["start"].iloc[0]
    starts, ends = ((attempts[name] - first).dt.total_seconds() for name in ("start", "end"))
    # By start, what a span adds begins where all spans before it have ended.
    until = np.maximum.accumulate(np.concatenate([[0.0], ends.to_numpy()]))
    return float(np.maximum(0.0, ends - np.maximum(starts, until[:-1])).sum())
