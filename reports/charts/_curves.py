"""How measures went during the trainings of the best few."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from reports.charts import _style
from reports.tables import SweepTables


class Course(NamedTuple):
    """One trial's values of a measure, tick by tick; `rank` is 1 for the best.

    `values` has one row per column that was asked for, each as long as `images`.
    """

    number: int
    trial: str
    rank: int
    images: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]

    @property
    def color(self) -> str:
        """The trial's color in every chart; grey behind the first five."""
        leads = self.rank <= len(_style.LEADERS)
        return _style.LEADERS[self.rank - 1] if leads else _style.SOFT


def best_courses(sweep: SweepTables, columns: Sequence[str], top: int) -> tuple[Course, ...]:
    """Of the `top` best trials that have ticks with a finite value in every column, best first."""
    if not set(columns) <= set(sweep.ticks.columns):
        return ()
    sound = np.isfinite(sweep.ticks[list(columns)].to_numpy(dtype=float)).all(axis=1)
    numbers = sweep.ticks["number"]  # a million of them are compared faster than names
    ranked = sweep.ranked
    ranked = ranked[ranked["number"].isin(numbers[sound].unique())].head(top)
    ticks = sweep.ticks[sound & numbers.isin(ranked["number"]).to_numpy()]
    groups = dict(list(ticks.groupby("number")))
    return tuple(
        Course(
            number=int(number),
            trial=trial,
            rank=int(rank),
            images=tuple(groups[number]["images"].astype(float)),
            values=tuple(tuple(groups[number][column].astype(float)) for column in columns),
        )
        for number, trial, rank in zip(
            ranked["number"], ranked["trial_id"], ranked["rank"], strict=True
        )
    )
