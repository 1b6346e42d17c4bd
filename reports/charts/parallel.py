"""Every dimension and objective as an axis, every trial as a line through them: brush an axis to
choose trials by it."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from reports import drawing
from reports.sampling import left_out_text, thinned
from reports.scales import ABSENT, Scale, metric_scale, scale_of
from reports.tables import Column, SweepTables, count_text, value_text

ID, TITLE, SHORT = "parallel", "All dimensions at once", "All dimensions"
GRID = ()
LONGEST = 20
"""Characters of an axis' name and of its ticks: neighbours are near."""
MOST_TICKS = 12
NO_COLOR = 1.2
"""Place on the scale of colors of a trial that cannot be compared; others are from 0 to 1."""
AXIS_WIDTH = 84
"""Pixels an axis needs; on a narrower screen the page lets the chart be scrolled."""


class Axis(NamedTuple):
    """One axis: its name in full, the same in short, where trials stand on it and in words."""

    name: str
    short: str
    scale: Scale
    words: tuple[str, ...]


class ParallelInfo(NamedTuple):
    """One line per trial.

    Attributes:
        trials: (trial, its number, state), the rows of every axis.
        axes: dimensions in the study's order, then the objectives.
        colors: place of each trial from 0 (lowest of the leading objective) to 1; 1.2 without one.
        total: trials that ended.
        left_out: what is said of trials that are not drawn.
    """

    objective: Column
    trials: tuple[tuple[str, int, str], ...]
    axes: tuple[Axis, ...]
    colors: tuple[float, ...]
    total: int
    left_out: str
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """One for all objectives: it takes three of the few WebGL contexts that a browser has."""
    return [{}] if sweep.dimensions else []


def prepare(sweep: SweepTables) -> ParallelInfo:
    """Where each trial stands on every axis, the best trial last."""
    column = sweep.leading
    rows = sweep.outcomes(column.name).assign(point=sweep.searched["point"])
    rows = rows[rows["kind"] != "none"]
    drawn = thinned(rows, column.sign)
    ascending = (drawn["value"] * -column.sign).where(drawn["kind"] == "scored")
    drawn = drawn.loc[ascending.sort_values(kind="stable", na_position="first").index]
    names = _short([d.name for d in sweep.dimensions])
    axes = []
    for dimension, short in zip(sweep.dimensions, names, strict=True):
        settings = [point.get(dimension.name, ABSENT) for point in drawn["point"]]
        words = tuple("not active" if one is ABSENT else value_text(one) for one in settings)
        axes.append(Axis(dimension.name, short, scale_of(dimension, settings), words))
    for objective in sweep.objectives:
        own = sweep.outcomes(objective.name).loc[drawn.index]
        values = own["value"].where(own["kind"] != "failed").to_numpy(dtype=float)
        scored = own["value"].where(own["kind"] == "scored").to_numpy(dtype=float)
        scale = metric_scale(objective, values.tolist(), drawing.view_range(scored))
        words = tuple(map(value_text, values.tolist()))
        axes.append(Axis(objective.title, objective.label, scale, words))
    return ParallelInfo(
        objective=column,
        trials=tuple(
            zip(*(drawn[c].tolist() for c in ("trial_id", "number", "state")), strict=True)
        ),
        axes=tuple(axes),
        colors=_colors(drawn),
        total=len(rows),
        left_out=left_out_text(len(drawn), len(rows)),
        missing="" if len(drawn) else "No trial has ended yet.",
    )


def _short(names: list[str]) -> list[str]:
    """The last part of each path, or all of it where that is not the only one."""
    last = [name.rpartition(".")[2] or name for name in names]
    return [end if last.count(end) == 1 else name for name, end in zip(names, last, strict=True)]


def _colors(rows: pd.DataFrame) -> tuple[float, ...]:
    scored = rows["value"].where(rows["kind"] == "scored").to_numpy(dtype=float)
    low, high = drawing.view_range(scored)
    shares = np.clip((scored - low) / (high - low), 0, 1)
    return tuple(np.where(np.isfinite(shares), shares, NO_COLOR).tolist())


def draw(info: ParallelInfo) -> go.Figure:
    """Lines in the color of the leading objective, muted where that cannot be compared."""
    chart = drawing.figure("", "", height=440)
    scale = [[share / NO_COLOR, color] for share, color in drawing.colorscale(info.objective.sign)]
    scale += [[1.1 / NO_COLOR, drawing.MUTED], [1.0, drawing.MUTED]]
    text = {"family": drawing.FONT, "color": drawing.SOFT}
    chart.add_trace(
        go.Parcoords(
            dimensions=[_dimension(axis) for axis in info.axes],
            meta={"trials": [number for _, number, _ in info.trials]},
            line={
                "color": np.array(info.colors, dtype=np.float32),
                "cmin": 0,
                "cmax": NO_COLOR,
                "colorscale": scale,
                "showscale": False,
            },
            unselected={"line": {"color": drawing.MUTED, "opacity": 0.12}},
            labelangle=-18,
            labelfont={**text, "size": 12, "color": drawing.INK},
            tickfont={**text, "size": 11},
            rangefont={**text, "size": 1, "color": "rgba(0,0,0,0)"},
        )
    )
    chart.update_layout(
        margin={"l": 70, "r": 80, "t": 96, "b": 16},
        meta={"least_width": AXIS_WIDTH * len(info.axes)},
    )
    return chart


def _dimension(axis: Axis) -> dict:
    ticks = axis.scale.ticks[:: 1 + (len(axis.scale.ticks) - 1) // MOST_TICKS]
    return {
        "label": drawing.tick(axis.short, LONGEST),
        "values": np.array(axis.scale.places, dtype=np.float32),
        "range": axis.scale.view,
        "tickvals": np.array([place for place, _ in ticks]),
        "ticktext": [drawing.tick(text, LONGEST) for _, text in ticks],
    }


def caption(info: ParallelInfo) -> str:
    """How to read and brush it, and what stands apart."""
    if info.missing:
        return ""
    text = (
        f"{count_text(info.total, 'trial')}, a line each: the stronger its color, the better "
        f"{info.objective.label}"
    )
    if NO_COLOR in info.colors:
        text += "; grey where training was shorter or failed"
    return f"{text}. Drag along an axis to choose trials, click it to undo.{info.left_out}"


def table(info: ParallelInfo) -> pd.DataFrame:
    """Settings and objectives of each trial, the best first."""
    columns: dict[str, list] = {
        "trial": [trial for trial, _, _ in info.trials],
        "state": [state for _, _, state in info.trials],
    }
    frame = pd.DataFrame(columns)
    for axis in info.axes:
        frame.insert(len(frame.columns), axis.name, list(axis.words), allow_duplicates=True)
    return frame[::-1]
