"""What trials reported along their way, and what those that were stopped would have come to.

A trial that was stopped has a value of its last tick, which cannot be set beside the final ones of
others: all of them went on falling after that. What its value would have become is estimated by
how much the finished ones changed from there on, on average.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from search.core.target import LastReport, Target


class Curves:
    """Reports of trials by pictures seen.

    Attributes:
        target: what of a tick is kept.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self._reports: dict[str, dict[int, LastReport]] = {}

    def rebuild(self, ticks: pd.DataFrame) -> None:
        """Take in recorded ticks, rows with trial_id, images, tick and what the target needs."""
        columns = ["tick", *self.target.columns]
        rows = ticks.reindex(columns=["trial_id", "images", *columns])
        for trial_id, images, *values in rows.itertuples(index=False, name=None):
            metrics = dict(zip(columns, values, strict=True))
            self.add(trial_id, int(images), self.target.report(metrics))

    def add(self, trial_id: str, images: int, report: LastReport) -> None:
        """Take in a report; one of as many pictures takes the place of an earlier one."""
        self._reports.setdefault(trial_id, {})[images] = report

    def at(self, trial_id: str, images: int) -> LastReport | None:
        """The first report of a trial that has seen so many pictures."""
        reports = self._reports.get(trial_id, {})
        seen = sorted(reports)
        index = bisect_left(seen, images)
        return reports[seen[index]] if index < len(seen) else None

    def images(self, trial_id: str) -> int:
        """Pictures that a trial has seen at its last report; 0 before the first."""
        return max(self._reports.get(trial_id, {}), default=0)

    def final(self, trial_id: str, finished: Mapping[str, LastReport]) -> LastReport | None:
        """What a stopped trial would have reported at its end.

        Its last report, moved by what the finished trials changed on average from the same number
        of pictures to their ends; not moved where none has finished.

        Args:
            finished: last report of each finished trial.
        """
        images = self.images(trial_id)
        if (last := self.at(trial_id, images)) is None:
            return None
        pairs = [
            (then, end)
            for other, end in finished.items()
            if (then := self.at(other, images)) is not None
        ]
        values = tuple(
            _moved(value, ((then.values[index], end.values[index]) for then, end in pairs))
            for index, value in enumerate(last.values)
        )
        excess = {
            column: _moved(over, ((then.excess[column], end.excess[column]) for then, end in pairs))
            for column, over in last.excess.items()
        }
        return LastReport(values, last.tick, excess)


def _moved(value: float | None, pairs: Iterable[tuple[float | None, float | None]]) -> float | None:
    changes = [end - then for then, end in pairs if then is not None and end is not None]
    changes = [change for change in changes if np.isfinite(change)]
    if value is None or not changes:
        return value
    return value + float(np.mean(changes))
