"""How often the discriminator was right, tick by tick, on pictures it was shown and on others."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.charts import _style
from reports.charts._curves import Course, best_courses
from reports.charts.learning_curves import QUANTILES, bands_of, draw_bands
from reports.format import value_text
from reports.tables import Column, SweepTables

ID, TITLE, SHORT = "contest", "How often the discriminator was right", "Contest"
GRID = ("accuracy",)
READINGS = {
    "diag_d_acc_real_train": "Near 100 % while held-out real pictures stay lower: it remembers.",
    "diag_d_acc_real_val": "Well below the shown ones: it knows pictures by heart, not real color.",
    "diag_d_acc_fake_train": "At 100 % throughout: the generator fools it no longer.",
    "diag_d_acc_fake_val": "As for shown pictures, unless the generator overfits.",
}
"""The four accuracies, and what to look for in each."""
TOP = 4
FEW = 8
"""Trials below which the spread over them is not worth a band."""


class ContestInfo(NamedTuple):
    """One accuracy during the trainings.

    Attributes:
        best: the best trials that have it, best first.
        bands: (images, quantiles…, trials) per point, as in the learning curves; empty for few.
        trials: that have it.
        without: that reported, but have it at no tick: there was no discriminator.
    """

    accuracy: Column
    best: tuple[Course, ...]
    bands: tuple[tuple[float, ...], ...]
    trials: int
    without: int
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """The accuracies that any trial has; a search without a discriminator says so once."""
    present = [name for name in READINGS if _known(sweep.ticks, name).any()]
    return [{"accuracy": name} for name in present or list(READINGS)[:1]]


def _known(ticks: pd.DataFrame, column: str) -> np.ndarray:
    if column not in ticks:
        return np.zeros(len(ticks), dtype=bool)
    return np.isfinite(ticks[column].to_numpy(dtype=float))


def prepare(sweep: SweepTables, accuracy: str = "diag_d_acc_real_train") -> ContestInfo:
    """Its quantiles over all trials, and its course in the best few.

    Args:
        accuracy: one of the columns of `READINGS`.
    """
    known = _known(sweep.ticks, accuracy)
    trials = sweep.ticks.loc[known, "number"].nunique()
    reported = sweep.ticks["number"].nunique()
    best = best_courses(sweep, [accuracy], TOP)
    bands = bands_of(sweep.ticks[known], accuracy) if trials >= FEW else ()
    missing = ""
    if not reported:
        missing = "No trial has reported yet."
    elif not trials:
        missing = "No trial had a discriminator whose answers could be counted."
    elif not (best or bands):
        missing = "No trial that can be ranked had a discriminator whose answers could be counted."
    return ContestInfo(
        accuracy=sweep.column(accuracy),
        best=best,
        bands=bands,
        trials=trials,
        without=reported - trials,
        missing=missing,
    )


def draw(info: ContestInfo) -> go.Figure:
    """The best as lines over the bands of all, from never to always right."""
    chart = _style.figure("Pictures seen", "", height=250)
    if info.bands:
        draw_bands(chart, np.array(info.bands))
    for course in reversed(info.best):
        chart.add_scatter(
            x=np.array(course.images),
            y=np.array(course.values[0]),
            mode="lines+markers" if len(course.images) == 1 else "lines",
            name=f"#{course.rank} {course.trial}",
            meta={"trial": course.number},
            legendrank=course.rank,
            line={"color": course.color, "width": 2},
            hovertemplate=f"{course.trial}: %{{y:.0%}}<extra></extra>",
        )
    chart.update_xaxes(rangemode="tozero")
    chart.update_yaxes(range=[-0.03, 1.03], tickformat=".0%", tickvals=[0, 0.25, 0.5, 0.75, 1])
    chart.update_layout(showlegend=True)
    return chart


def caption(info: ContestInfo) -> str:
    """What to look for, in how many trials."""
    if info.missing:
        return ""
    text = f"{READINGS.get(info.accuracy.name, '')} {count_text(info.trials, 'trial')}".strip()
    if info.without:
        text += f"; {value_text(info.without)} had no discriminator"
    return text + "."


def table(info: ContestInfo) -> pd.DataFrame:
    """The quantiles; without them each of the best trials' first, middle and last value."""
    if info.bands:
        names = ["pictures seen", *(f"{round(q * 100)} %" for q in QUANTILES), "trials"]
        return pd.DataFrame(info.bands, columns=names)
    rows = [
        (c.trial, c.rank, *(value_text(c.values[0][at]) for at in (0, len(c.images) // 2, -1)))
        for c in info.best
    ]
    return pd.DataFrame(rows, columns=["trial", "rank", "first", "middle", "last"])
