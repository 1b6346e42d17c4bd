"""What trials reported along their way, and what those that were stopped would have come to.

A trial that was stopped has a value of its last tick, which cannot be set beside the final ones of
others: all of them went on falling after that. What its value would have become is estimated by
how much the finished ones changed from there on, on average.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import nan

import numpy as np
import pandas as pd

from search.core.imputation import impute
from search.core.target import LastReport, Target
from spaces.dimensions import Dimension, Point

MOST_IMPUTED, DRAWS = 64, 5
"""Trials up to which ends are imputed, and how often: it takes half a second of one core with as
many."""


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

    def finals(
        self,
        dimensions: Sequence[Dimension],
        points: Mapping[str, Point],
        finished: Mapping[str, LastReport],
    ) -> dict[str, LastReport]:
        """What stopped trials would have reported at their ends.

        Args:
            points: of the finished and the stopped trials, by trial_id.
            finished: last report of each finished trial.
        """
        stopped = [name for name in points if name not in finished and name in self._reports]
        names = [*finished, *stopped]
        ends = {name: self._moved_report(name, finished) for name in stopped}
        if not stopped or len(names) > MOST_IMPUTED:
            return ends

        def imputed(read: Callable[[LastReport], float | None]) -> dict[str, float]:
            curves = [
                [value if (value := read(report)) is not None else nan for report in reports]
                for reports in map(self._in_order, names)
            ]
            settings = [points[name] for name in names]
            done = [name in finished for name in names]
            drawn = impute(dimensions, settings, curves, done, imputations=DRAWS)
            if drawn is None or not drawn.counts:
                return {}
            means = drawn.expected.tolist()
            return {names[at]: mean for at, mean in zip(drawn.trials, means, strict=True)}

        values = [
            imputed(lambda report, at=at: report.values[at]) for at in range(len(self.target.goals))
        ]
        excess = {
            column: imputed(lambda report, column=column: report.excess[column])
            for column, _ in self.target.bounds
        }
        return {
            name: LastReport(
                tuple(
                    known.get(name, value) for known, value in zip(values, end.values, strict=True)
                ),
                end.tick,
                {column: excess[column].get(name, over) for column, over in end.excess.items()},
            )
            for name, end in ends.items()
        }

    def _in_order(self, trial_id: str) -> list[LastReport]:
        reports = self._reports.get(trial_id, {})
        return [reports[images] for images in sorted(reports)]

    def _moved_report(self, trial_id: str, finished: Mapping[str, LastReport]) -> LastReport:
        """A stopped trial's last report, moved by what the finished ones changed after it."""
        images = self.images(trial_id)
        last = self._reports[trial_id][images]
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
