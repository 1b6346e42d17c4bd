"""Every dimension and objective as an axis, every trial as a line through them."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.charts import _style
from reports.charts._axes import ABSENT, NOT_ACTIVE, Scale, metric_scale, scale_of
from reports.format import setting_text, value_text
from reports.tables import Column, SweepTables

ID, TITLE = "parallel", "All dimensions at once"
GROUP, ORDER = "mattered", 60
GRID = ()
LONGEST = 20
"""Characters of an axis' name and of its ticks: neighbors are near."""
MOST_TICKS = 12
AXIS_WIDTH = 84
"""Pixels an axis needs; on a narrower screen the page lets the chart be scrolled."""


class Axis(NamedTuple):
    """One axis.

    Attributes:
        name, short: in full, and as it is written above the axis.
        places: of each trial from 0 (bottom) to 1.
        ticks: (place, text that may be user text).
        words: each trial's setting or value as text.
    """

    name: str
    short: str
    places: tuple[float, ...]
    ticks: tuple[tuple[float, str], ...]
    words: tuple[str, ...]


class ParallelInfo(NamedTuple):
    """One line per trial.

    Attributes:
        trials: (trial, its number, state), the rows of every axis, the best last.
        axes: dimensions in the study's order, then the objectives, the better the higher.
        colors: place of each trial in `_style.SCALE`, None where it cannot be compared.
        best: number of the trial that ranks first, None where it is not among them.
        total: trials that ended.
        left_out: the caption's sentence on trials that are not drawn.
    """

    objective: Column
    trials: tuple[tuple[str, int, str], ...]
    axes: tuple[Axis, ...]
    colors: tuple[int | None, ...]
    best: int | None
    total: int
    left_out: str
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """One for all objectives; nothing for a study that varies nothing."""
    return [{}] if sweep.dimensions else []


def prepare(sweep: SweepTables) -> ParallelInfo:
    """Where each trial lies on every axis."""
    column = sweep.leading
    rows = sweep.outcomes(column.name, "scored", "partial", "failed")
    drawn = _style.thinned(rows, column.sign)
    ascending = (drawn["value"] * -column.sign).where(drawn["kind"] == "scored")
    drawn = drawn.loc[ascending.sort_values(kind="stable", na_position="first").index]
    axes = [*_dimensions(sweep, drawn), *_objectives(sweep, drawn)]
    return ParallelInfo(
        objective=column,
        trials=tuple(drawn[["trial_id", "number", "state"]].itertuples(index=False, name=None)),
        axes=tuple(axes),
        colors=_colors(drawn, column.sign),
        best=next(iter(drawn.loc[drawn["rank"] == 1, "number"].tolist()), None),
        total=len(rows),
        left_out=_style.left_out_text(len(drawn), len(rows)),
        missing="" if len(drawn) else "No trial has ended yet.",
    )


def _dimensions(sweep: SweepTables, rows: pd.DataFrame) -> Iterator[Axis]:
    last = [dimension.name.rpartition(".")[2] or dimension.name for dimension in sweep.dimensions]
    for dimension, end in zip(sweep.dimensions, last, strict=True):
        short = end if last.count(end) == 1 else dimension.name
        settings = [point.get(dimension.name, ABSENT) for point in rows["point"]]
        words = tuple(NOT_ACTIVE if v is ABSENT else setting_text(v) for v in settings)
        yield _axis(dimension.name, short, scale_of(dimension, settings), words, 1)


def _objectives(sweep: SweepTables, rows: pd.DataFrame) -> Iterator[Axis]:
    for objective in sweep.objectives:
        outcomes = sweep.outcomes(objective.name).loc[rows.index]
        values = outcomes["value"].where(outcomes["kind"] != "failed").to_numpy(dtype=float)
        scored = outcomes["value"].where(outcomes["kind"] == "scored").to_numpy(dtype=float)
        scale = metric_scale(objective, values.tolist(), _style.view_range(scored))
        words = tuple(map(value_text, values.tolist()))
        yield _axis(objective.title, objective.label, scale, words, -objective.sign)


def _axis(name: str, short: str, scale: Scale, words: tuple[str, ...], direction: int) -> Axis:
    low, high = scale.view if direction > 0 else scale.view[::-1]
    ticks = scale.ticks[:: 1 + (len(scale.ticks) - 1) // MOST_TICKS]
    return Axis(
        name,
        short,
        tuple((place - low) / (high - low) for place in scale.places),
        tuple(((place - low) / (high - low), text) for place, text in ticks),
        words,
    )


def _colors(rows: pd.DataFrame, sign: int) -> tuple[int | None, ...]:
    scored = rows["value"].where(rows["kind"] == "scored").to_numpy(dtype=float)
    low, high = _style.view_range(scored)
    worse = (scored - low if sign > 0 else high - scored) / (high - low)
    last = len(_style.SCALE) - 1
    return tuple(
        None if math.isnan(share) else round(min(max(share, 0.0), 1.0) * last) for share in worse
    )


def draw(info: ParallelInfo) -> go.Figure:
    """Lines in the color of the leading objective, muted where that cannot be compared.

    In SVG: Plotly's own parallel coordinates make code while they run, which the page's content
    security policy forbids. The lines of one color are one trace, with gaps between them.
    """
    margin, meta = {"l": 8, "r": 48, "t": 70, "b": 12}, {"least_width": AXIS_WIDTH * len(info.axes)}
    chart = _style.figure("", "", height=460, margin=margin, meta=meta)
    width = 1.2 if len(info.trials) <= 300 else 0.7
    for color in (None, *reversed(range(len(_style.SCALE)))):
        rows = [row for row, shade_of_row in enumerate(info.colors) if shade_of_row == color]
        shade = _style.MUTED if color is None else _style.SCALE[color]
        chart.add_trace(_lines(info, rows, {"color": shade, "width": width}))
    if info.best is not None:
        row = next(i for i, (_, number, _) in enumerate(info.trials) if number == info.best)
        best = _lines(info, [row], {"color": _style.VERMILLION, "width": 2.5})
        best.update(opacity=1, meta={"trial": info.best}, customdata=None, name="the best")
        chart.add_trace(best)
    _draw_axes(chart, info)
    return chart


def _lines(info: ParallelInfo, rows: list[int], line: dict[str, Any]) -> go.Scatter:
    """One line per row through all axes, and after each a gap; every point has its number."""
    count = len(info.axes)
    # Plotly breaks a line at NaN: one column more than axes.
    places = np.full((len(rows), count + 1), np.nan, dtype=np.float32)
    for index, axis in enumerate(info.axes):
        places[:, index] = [axis.places[row] for row in rows]
    return go.Scatter(
        x=np.tile(np.arange(count + 1, dtype=np.int16), len(rows)),
        y=places.ravel(),
        **_style.linked(info.trials[row][1] for row in rows for _ in range(count + 1)),
        mode="lines",
        line=line,
        opacity=0.7,
        hovertemplate="trial %{customdata}<extra></extra>",
        showlegend=False,
    )


def _draw_axes(chart: go.Figure, info: ParallelInfo) -> None:
    """Vertical lines with their ticks, names above them."""
    for index, axis in enumerate(info.axes):
        line = {"color": _style.SOFT, "width": 1}
        chart.add_shape(type="line", x0=index, x1=index, y0=0, y1=1, line=line)
        for place, text in axis.ticks:
            chart.add_annotation(
                x=index,
                y=place,
                text=_style.tick(text, LONGEST),
                xanchor="right",
                xshift=-2,
                showarrow=False,
                borderpad=1,
                bgcolor=_style.VEIL,
                font={"size": 10, "color": _style.INK},
            )
    chart.update_xaxes(
        side="top",
        tickvals=np.arange(len(info.axes)),
        ticktext=[_style.tick(axis.short, LONGEST) for axis in info.axes],
        tickangle=-20,
        tickfont={"size": 12, "color": _style.INK},
        range=[-0.6, len(info.axes) - 0.8],
        showline=False,
    )
    chart.update_yaxes(range=[-0.02, 1.02], showticklabels=False, showgrid=False, showline=False)


def caption(info: ParallelInfo) -> str:
    """How to read it, and which trials are not comparable."""
    text = (
        f"{count_text(info.total, 'trial')}, a line each: the stronger its color, the better "
        f"{info.objective.label}"
    )
    if None in info.colors:
        text += "; grey where training was shorter or failed"
    if info.best is not None:
        text += "; the best in orange"
    return f"{text}. Objectives are the better the higher.{info.left_out}"


def table(info: ParallelInfo) -> pd.DataFrame:
    """Settings and objectives of each trial, the best first."""
    frame = pd.DataFrame(info.trials, columns=["trial", "number", "state"])[["trial", "state"]]
    for axis in info.axes:
        frame.insert(len(frame.columns), axis.name, list(axis.words), allow_duplicates=True)
    return frame[::-1]
