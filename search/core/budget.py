"""What a sweep has spent of its budgets: pictures, hours, GPU hours, money.

Measured from the records, so that a resumed sweep goes on counting. A search leaves room for its
confirmation: it is over when what is spent, and what confirming would cost at the same rates, come
up to a budget.
"""

import math
import time
from collections.abc import Mapping
from typing import Any

import pandas as pd

from spaces.study import Budget

HOUR = 3600.0


class Spending:
    """Adds up what trials have cost.

    Args:
        states: every recorded change of a trial's state, in order (`records.read_states`).
        ticks: the recorded ticks.

    Attributes:
        gpus: cards of a trial, from now on.
    """

    def __init__(self, budget: Budget, states: pd.DataFrame, ticks: pd.DataFrame) -> None:
        self.budget = budget
        self.gpus = 0.0
        self._images: dict[str, float] = {}
        self._gpu_seconds: dict[str, float] = {}
        self._before = busy_seconds(states, ticks)
        self._started: float | None = None
        known = states.reindex(columns=["trial_id", "gpus"])
        cards = dict(zip(known["trial_id"], known["gpus"], strict=True))
        for trial_id, images, seconds in zip(
            ticks["trial_id"], ticks["images"], ticks["seconds"], strict=True
        ):
            self.add(trial_id, images, seconds, cards.get(trial_id, math.nan))

    def start(self) -> None:
        """The first trial of this session is handed out."""
        if self._started is None:
            self._started = time.monotonic()

    def add(
        self, trial_id: str, images: float | None, seconds: float | None, gpus: float | None = None
    ) -> None:
        """A trial has reported how far it is, over all of its attempts."""
        cards = self.gpus if gpus is None else 0.0 if math.isnan(gpus) else gpus
        self._images[trial_id] = max(self._images.get(trial_id, 0.0), float(images or 0))
        spent = float(seconds or 0) * cards
        self._gpu_seconds[trial_id] = max(self._gpu_seconds.get(trial_id, 0.0), spent)

    @property
    def images_per_trial(self) -> float:
        """Pictures that a trial has seen on average; 0 before the first."""
        return sum(self._images.values()) / max(1, len(self._images))

    def spent(self) -> dict[str, float]:
        """What is spent, by the names of the budgets."""
        wall = self._before
        if self._started is not None:
            wall += time.monotonic() - self._started
        gpu_hours = sum(self._gpu_seconds.values()) / HOUR
        return {
            "images": sum(self._images.values()),
            "wall_hours": wall / HOUR,
            "gpu_hours": gpu_hours,
            "money": gpu_hours * (self.budget.price_per_gpu_hour or 0.0),
        }

    def over(self, under_way: float = 0.0, reserved: float = 0.0) -> str | None:
        """Which budget is spent, in a sentence; None when there is room for another trial.

        Args:
            under_way: pictures that running trials still have to see.
            reserved: pictures that confirming the best will take.
        """
        spent = self.spent()
        if spent["images"] <= 0:
            return None
        for name, amount in spent.items():
            limit = getattr(self.budget, name)
            ahead = (under_way if name == "images" else 0.0) + reserved
            if limit is not None and amount * (1 + ahead / spent["images"]) >= limit:
                return f"the budget of {limit:g} {name.replace('_', ' ')} is spent"
        return None


def busy_seconds(states: pd.DataFrame, ticks: pd.DataFrame) -> float:
    """Seconds in which at least one trial ran, from the times of the records.

    A trial whose end was never recorded, as its driver was killed, ran until its last tick.
    """
    last: Mapping[Any, Any] = {}
    if len(ticks):
        last = ticks.groupby(["trial_id", "attempt"])["time"].max().to_dict()
    spans: list[tuple[pd.Timestamp, pd.Timestamp]] = []
    for trial_id, rows in states.groupby("trial_id"):
        times, names = list(rows["time"]), list(rows["state"])
        for index, attempt in enumerate(rows["attempt"]):
            if names[index] != "running":
                continue
            ended = index + 1 < len(names) and names[index + 1] != "running"
            end = times[index + 1] if ended else last.get((trial_id, attempt), times[index])
            spans.append((times[index], end))
    total, until = 0.0, None
    for begin, end in sorted(spans):
        begin = begin if until is None else max(begin, until)
        if end > begin:
            total += (end - begin).total_seconds()
        until = end if until is None else max(until, end)
    return total
