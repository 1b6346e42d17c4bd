"""How often the discriminator was right, tick by tick, on pictures it was shown and on others."""

from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.charts import _style
from reports.charts._curves import (
    Curve,
    bands_of,
    curves_of,
    curves_table,
    draw_bands,
    draw_curve,
    finite_ticks,
)
from reports.format import value_text
from reports.tables import Column, SweepTables

ID, TITLE = "contest", "How often the discriminator was right"
GROUP, ORDER = "contest", 10
GRID = ("accuracy",)
READINGS = {
    "diag_d_acc_real_train": "Near 100% while held-out real pictures stay lower: it remembers.",
    "diag_d_acc_real_val": "Well below the shown ones: it knows pictures by heart, not real color.",
    "diag_d_acc_fake_train": "At 100% throughout: the generator fools it no longer.",
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
    best: tuple[Curve, ...]
    bands: tuple[tuple[float, ...], ...]
    trials: int
    without: int
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """The accuracies that any trial has; a search without a discriminator says so once."""
    present = [name for name in READINGS if len(finite_ticks(sweep.ticks, [name]))]
    return [{"accuracy": name} for name in present or list(READINGS)[:1]]


def prepare(sweep: SweepTables, accuracy: str = "diag_d_acc_real_train") -> ContestInfo:
    """Its quantiles over all trials, and its course in the best few.

    Args:
        accuracy: one of the columns of `READINGS`.
    """
    ticks = finite_ticks(sweep.ticks, [accuracy])
    trials = ticks["number"].nunique()
    reported = sweep.ticks["number"].nunique()
    best = curves_of(sweep, [accuracy], sweep.ranked, TOP)
    bands = bands_of(ticks, accuracy) if trials >= FEW else ()
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
    chart = _style.figure("Pictures seen", "", height=250, showlegend=True)
    draw_bands(chart, info.bands)
    for curve in reversed(info.best):
        draw_curve(chart, curve, ".0%")
    chart.update_xaxes(rangemode="tozero")
    chart.update_yaxes(range=[-0.03, 1.03], tickformat=".0%", tickvals=[0, 0.25, 0.5, 0.75, 1])
    return chart


def caption(info: ContestInfo) -> str:
    """What to look for, in how many trials."""
    text = f"{READINGS.get(info.accuracy.name, '')} {count_text(info.trials, 'trial')}".strip()
    if info.without:
        text += f"; {value_text(info.without)} had no discriminator"
    return text + "."


def table(info: ContestInfo) -> pd.DataFrame:
    """The quantiles; without them each of the best trials' first, middle and last value."""
    return curves_table(info.best, info.bands)
