"""Generator and discriminator losses of the best trials: did both players stay in the game?"""

from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.charts import _style
from reports.charts._curves import Curve, curves_of, curves_table, draw_curve
from reports.tables import Column, SweepTables

ID, TITLE = "losses", "Losses of the best trials"
GROUP, ORDER = "contest", 50
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
    return [{"loss": loss} for loss in sweep.reported(LOSSES) or LOSSES[:1]]


def prepare(sweep: SweepTables, loss: str = LOSSES[0]) -> LossesInfo:
    """The loss per tick of the trials that rank first."""
    curves = curves_of(sweep, [loss], sweep.ranked, TOP)
    missing = "" if curves else "No trial that can be ranked has reported this loss."
    return LossesInfo(sweep.column(loss), curves, missing)


def draw(info: LossesInfo) -> go.Figure:
    """A line per trial, in the colors of the best."""
    chart = _style.figure("Pictures seen", "", height=250, showlegend=True)
    for curve in reversed(info.curves):
        draw_curve(chart, curve, ".4g")
    return chart


def caption(info: LossesInfo) -> str:
    """Which loss, of how many trials."""
    text = f"{info.loss.label} of the best {count_text(len(info.curves), 'trial')}."
    if info.loss.name == LOSSES[0]:
        text += " It holds the weighted L1 term: compare the course of the lines, not their height."
    return text


def table(info: LossesInfo) -> pd.DataFrame:
    """First, middle and last value per trial."""
    return curves_table(info.curves)
