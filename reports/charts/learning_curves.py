"""The objective during each training, against pictures seen."""

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
from reports.tables import Column, SweepTables

ID, TITLE = "learning-curves", "Learning curves"
GROUP, ORDER = "search", 20
GRID = ()
MAX_LINES = 40
"""More trials than this are drawn as quantile bands: lines on top of each other say nothing."""
TOP = 5


class LearningCurvesInfo(NamedTuple):
    """Curves (all, or the best of many), and for many (images, quantiles…, trials) per point."""

    objective: Column
    curves: tuple[Curve, ...]
    bands: tuple[tuple[float, ...], ...]
    trials: int
    baseline: float | None
    missing: str


each = SweepTables.panels


def prepare(sweep: SweepTables, objective: str | None = None) -> LearningCurvesInfo:
    """Curves of all trials, or of the best ones over quantile bands when there are many."""
    column = sweep.column(objective or sweep.leading.name)
    reported = finite_ticks(sweep.ticks, [column.name])
    trials = int(reported["number"].nunique())
    bands: tuple[tuple[float, ...], ...] = ()
    chosen = sweep.trials
    if trials > MAX_LINES:
        bands = bands_of(reported, column.name)
        chosen = chosen[chosen["rank"] <= TOP]
    return LearningCurvesInfo(
        objective=column,
        curves=curves_of(sweep, [column.name], chosen),
        bands=bands,
        trials=trials,
        baseline=sweep.baseline(column.name),
        missing="" if trials else "No trial has reported this metric yet.",
    )


def draw(info: LearningCurvesInfo) -> go.Figure:
    """The best in color, the others muted; bands where there are too many to tell apart."""
    # By `curves` the page's script adds those of selected trials.
    meta = {"curves": info.objective.name}
    chart = _style.figure("Pictures seen", info.objective.title, height=380, meta=meta)
    # The first quarter of a training would press the rest of it flat.
    values = [v for curve in info.curves for v in curve.values[0][len(curve.images) // 4 :]]
    values += [value for row in info.bands[len(info.bands) // 4 :] for value in row[1:6]]
    view = _style.view_range(values, [info.baseline])
    draw_bands(chart, info.bands)
    first_muted = True
    muted = {
        "name": "other trials",
        "legendrank": 1001,
        "line": {"color": _style.MUTED, "width": 1.1},
    }
    for curve in reversed(info.curves):  # the best on top
        among_best = curve.rank is not None and curve.rank <= (TOP if info.bands else 1)
        rank = f"rank {curve.rank}" if curve.rank else curve.state
        draw_curve(
            chart,
            curve,
            ".4g",
            hovertemplate=f"{curve.trial}, {rank}: %{{y:.4g}}<extra></extra>",
            legendgroup=curve.trial if among_best else "others",
            showlegend=among_best or first_muted,
            **({"line": {"color": curve.color, "width": 2.4}} if among_best else muted),
        )
        first_muted &= among_best
    _style.baseline_line(chart, info.baseline, view)
    chart.update_xaxes(rangemode="tozero")
    chart.update_yaxes(range=view)
    return chart


def caption(info: LearningCurvesInfo) -> str:
    """How many trials are behind it, and how they are shown."""
    text = count_text(info.trials, "trial")
    if info.bands:
        return f"{text} as quantile bands, the best {len(info.curves)} as lines."
    return f"{text}; the best is highlighted."


def table(info: LearningCurvesInfo) -> pd.DataFrame:
    """The quantiles, or each curve's first, middle and last value."""
    if info.bands:
        return curves_table((), info.bands)
    rows = [(c.trial, c.state, len(c.images), *c.milestones()) for c in info.curves]
    return pd.DataFrame(rows, columns=["trial", "state", "ticks", "first", "middle", "last"])
