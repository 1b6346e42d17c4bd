"""Which dimensions mattered for being among the best: PED-ANOVA over the trials of equal budget."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.analysis import importance
from reports.analysis.importance import Importance
from reports.charts import _style
from reports.format import interval_text, is_or_are, percent_text, value_text
from reports.tables import Column, SweepTables, varies
from spaces.dimensions import Dimension

ID, TITLE = "importance", "Importance"
GROUP, ORDER = "mattered", 20
GRID = ()
MIN_TRIALS = 6
"""Below this the order is a guess: in 120 simulated searches with four dimensions of which one is
strong, that one came first in 52% with 4 trials, 67% with 6, 86% with 12, 98% with 24."""
SURE_TRIALS = 24


class ImportanceInfo(NamedTuple):
    """Shares of 1 with their intervals, the greatest first.

    Attributes:
        constant: dimensions that took one value only.
        trials: that are comparable; of more than `importance.MAX_TRIALS` that many were looked at.
        all_trials: of the search.
    """

    objective: Column
    shares: tuple[Importance, ...]
    constant: tuple[str, ...]
    trials: int
    all_trials: int
    missing: str


class _Varied(NamedTuple):
    """Comparable trials: settings and losses (smaller is better), and what there is to compare."""

    dimensions: list[Dimension]
    points: list[dict[str, Any]]
    losses: np.ndarray
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """Every objective; nothing for a design that compares, whose effects are tested instead."""
    return [] if sweep.is_comparison else sweep.panels()


def prepare(sweep: SweepTables, objective: str | None = None) -> ImportanceInfo:
    """Importance of each dimension, or why there is none."""
    column = sweep.column(objective or sweep.leading.name)
    varied = _varied(sweep, column)
    return ImportanceInfo(
        objective=column,
        shares=() if varied.missing else importance.shares(*varied[:3]),
        constant=tuple(d.name for d in sweep.dimensions if d not in varied.dimensions),
        trials=len(varied.points),
        all_trials=len(sweep.searched),
        missing=varied.missing,
    )


def strongest(sweep: SweepTables) -> tuple[str, ...]:
    """The dimensions that took more than one value, the most important first.

    In the study's order where importance is not known.
    """
    varied = _varied(sweep, sweep.leading)
    if varied.missing:
        return tuple(dimension.name for dimension in varied.dimensions)
    return importance.order(*varied[:3])


def _varied(sweep: SweepTables, column: Column) -> _Varied:
    rows = sweep.outcomes(column.name, "scored")
    values = rows["value"].to_numpy(dtype=float)
    points = rows["point"].tolist()
    dimensions = [d for d in sweep.dimensions if varies(d, points)]
    missing = _missing(values, dimensions, len(sweep.dimensions))
    return _Varied(dimensions, points, values * column.sign, missing)


def _missing(values: np.ndarray, varied: list[Dimension], dimensions: int) -> str:
    if not dimensions:
        return "The study varies nothing."
    if len(values) < MIN_TRIALS:
        return (
            f"Importance needs at least {MIN_TRIALS} completed trials of equal budget with "
            f"different values; there {is_or_are(len(values))} {len(values)}."
        )
    if np.ptp(values) == 0:
        return f"Importance is not defined: all {len(values)} trials have the same value."
    if len(varied) < 2:
        only = f"only {varied[0].name}" if varied else "none"
        return f"Importance compares dimensions; {only} took more than one value here."
    return ""


def draw(info: ImportanceInfo) -> go.Figure:
    """Horizontal bars with their intervals, the greatest on top; a tick at what chance gives."""
    shares = info.shares[::-1]
    height = 90 + 34 * max(len(shares), 1)
    chart = _style.figure("Share of importance", "", height, showlegend=False)
    places = np.arange(len(shares))
    share, low, high, chance = (
        np.array([getattr(entry, name) for entry in shares], dtype=float)
        for name in Importance._fields[1:]
    )
    texts = [f"{entry.dimension}: {interval_text(*entry[1:4], percent=True)}" for entry in shares]
    chart.add_bar(
        x=share,
        y=places,
        orientation="h",
        name="share",
        marker={"color": np.where(share > chance, _style.BLUE, _style.MUTED).tolist()},
        error_x=_style.error_bars(share, low, high, color=_style.INK, width=5),
        hovertext=[_style.safe(text) for text in texts],
        hovertemplate="%{hovertext}<extra></extra>",
        width=0.62,
    )
    chart.add_scatter(
        x=chance,
        y=places,
        mode="markers",
        name="chance",
        marker={"symbol": "line-ns", "size": 20, "line": {"width": 2, "color": _style.VERMILLION}},
        hovertemplate="chance gives up to %{x:.0%}<extra></extra>",
    )
    widest = max([*high, *chance], default=1.0)
    view = [0, 1.04 * widest]
    chart.update_xaxes(range=view, tickformat=".0%", tickangle=0, nticks=5, showgrid=True)
    chart.update_yaxes(
        tickvals=places,
        ticktext=[_style.tick(entry.dimension) for entry in shares],
        showgrid=False,
    )
    return chart


def caption(info: ImportanceInfo) -> str:
    """What the shares mean, how sure they are, and the number of trials behind them."""
    text = (
        f"How much each dimension separates the best third from the rest (PED-ANOVA), from "
        f"{count_text(info.trials, 'trial')} of equal budget"
    )
    if info.all_trials > info.trials:
        text += f" out of {value_text(info.all_trials)}"
    if info.trials > importance.MAX_TRIALS:
        text += f", {value_text(importance.MAX_TRIALS)} of them drawn at random"
    text += ". Whiskers: 95% intervals (bootstrap); orange: one without effect stays below that"
    text += " in 19 of 20 cases"
    if nothing := [entry.dimension for entry in info.shares if entry.share <= entry.chance]:
        text += f". Grey, as it is no more than that: {', '.join(nothing)}"
    text += ". Shares add up to 100% whether or not anything mattered"
    if info.trials < SURE_TRIALS:
        text += f"; with {info.trials} trials take the order as a hint"
    if info.constant:
        text += f". Without a bar, as they took one value only: {', '.join(info.constant)}"
    return text + "."


def table(info: ImportanceInfo) -> pd.DataFrame:
    """Share per dimension with its interval, and what chance gives."""
    rows = [
        (entry.dimension, *(percent_text(number, 1) for number in entry[1:]))
        for entry in info.shares
    ]
    return pd.DataFrame(rows, columns=["dimension", "share", "low", "high", "chance gives up to"])
