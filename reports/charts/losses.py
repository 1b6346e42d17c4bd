"""Generator and discriminator losses of the best trials: did both players stay in the game?"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.charts import _style
from reports.charts.learning_curves import Curve, curves_of
from reports.format import value_text
from reports.tables import Column, SweepTables

ID, TITLE, SHORT = "losses", "Losses of the best trials", "Losses"
GRID = ("loss",)
LOSSES = ("train_loss_generator", "train_loss_discriminator")
TOP = 4


class LossesInfo(NamedTuple):
    """One loss of the best trials, best first."""

    loss: Column
    curves: tuple[Curve, ...]
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """The generator's and the discriminator's loss; regression alone has no discriminator."""
    present = [loss for loss in LOSSES if loss in sweep.ticks and sweep.ticks[loss].notna().any()]
    return [{"loss": loss} for loss in present or LOSSES[:1]]


def prepare(sweep: SweepTables, loss: str = LOSSES[0]) -> LossesInfo:
    """The loss per tick of the trials that rank first."""
    ranked = sweep.ranked
    if loss in sweep.ticks:
        known = sweep.ticks["trial_id"][sweep.ticks[loss].notna()].unique()
        ranked = ranked[ranked["trial_id"].isin(known)]
    curves = curves_of(sweep, loss, ranked[:TOP])[::-1]
    missing = "" if curves else "No trial that can be ranked has reported this loss."
    return LossesInfo(sweep.column(loss), curves, missing)


def draw(info: LossesInfo) -> go.Figure:
    """A line per trial, in the colors of the best."""
    chart = _style.figure("Pictures seen", "", height=250)
    for curve in reversed(info.curves):
        rank = curve.rank or 1
        chart.add_scatter(
            x=np.array(curve.images),
            y=np.array(curve.values),
            mode="lines+markers" if len(curve.values) == 1 else "lines",
            meta={"trial": curve.number},
            name=f"#{rank} {curve.trial}",
            legendrank=rank,
            line={"color": _style.LEADERS[(rank - 1) % len(_style.LEADERS)], "width": 2},
            hovertemplate=f"{curve.trial}: %{{y:.4g}}<extra></extra>",
        )
    chart.update_layout(showlegend=True)
    return chart


def caption(info: LossesInfo) -> str:
    """Which loss, of how many trials."""
    if info.missing:
        return ""
    text = f"{info.loss.label} of the best {count_text(len(info.curves), 'trial')}."
    if info.loss.name == LOSSES[0]:
        text += " It holds the weighted L1 term: compare the course of the lines, not their height."
    return text


def table(info: LossesInfo) -> pd.DataFrame:
    """First, middle and last value per trial."""
    rows = [
        {
            "trial": curve.trial,
            "rank": curve.rank,
            "first": value_text(curve.values[0]),
            "middle": value_text(curve.values[len(curve.values) // 2]),
            "last": value_text(curve.values[-1]),
        }
        for curve in info.curves
    ]
    return pd.DataFrame(rows, columns=["trial", "rank", "first", "middle", "last"])
