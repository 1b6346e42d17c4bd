"""The balance of the two players: the generator's rate against the discriminator's share of it."""

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.charts import _style
from reports.charts._axes import ABSENT, NOT_ACTIVE, Scale, scale_of
from reports.format import setting_text, value_text
from reports.tables import FAILED_STATES, Column, SweepTables

ID, TITLE = "balance-map", "Balance of the learning rates"
GROUP, ORDER = "mattered", 30
GRID = ()
RATE, RATIO = "optimizer.generator_lr", "optimizer.lr_ratio"
MAX_LINES = 8


class Mark(NamedTuple):
    """One trial: places on the two axes, its settings in words, and what came of it.

    `value` is None for a failed trial; `kind` is that of `SweepTables.outcomes`.
    """

    trial: str
    number: int
    x: float
    y: float
    settings: str
    value: float | None
    kind: str
    state: str


class BalanceMapInfo(NamedTuple):
    """The map.

    Attributes:
        x, y: the axes: the generator's rate, and the discriminator's rate divided by it.
        points: the best last (drawn on top).
        best: the trial that ranks first, None where it is not among the points.
        lines: powers of ten of the discriminator's rate, for lines along which it is the same.
        scored, partial, failed: how many trials had the full budget, had less, and failed.
        left_out: the caption's sentence on trials that are not drawn.
    """

    objective: Column
    x: Scale
    y: Scale
    points: tuple[Mark, ...]
    best: Mark | None
    lines: tuple[int, ...]
    scored: int
    partial: int
    failed: int
    left_out: str
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """Every objective; nothing where the study does not vary both rate and ratio."""
    if not {RATE, RATIO} <= {dimension.name for dimension in sweep.dimensions}:
        return []
    return sweep.panels()


def prepare(sweep: SweepTables, objective: str | None = None) -> BalanceMapInfo:
    """Both settings of each trial, and what came of it.

    Raises:
        KeyError: when the space lacks one of the two dimensions.
    """
    column = sweep.column(objective or sweep.leading.name)
    rows = sweep.outcomes(column.name, "scored", "partial", "failed")
    drawn = _style.thinned(rows, column.sign)
    axes = (sweep.dimension(RATE), sweep.dimension(RATIO))
    settings = [[point.get(axis.name, ABSENT) for point in drawn["point"]] for axis in axes]
    x, y = (scale_of(axis, of_axis) for axis, of_axis in zip(axes, settings, strict=True))
    first = drawn.loc[drawn["rank"] == 1, "number"].tolist()
    values = drawn["value"].astype(object).where(drawn["kind"] != "failed", None)
    words = list(map(_words, *settings))
    drawn = drawn.assign(x=x.places, y=y.places, settings=words, value=values)
    fields = ["trial_id", "number", "x", "y", "settings", "value", "kind", "state"]
    points = list(map(Mark._make, drawn[fields].itertuples(index=False, name=None)))
    points.sort(key=lambda p: (p.kind == "scored", -column.sign * (p.value or 0.0)))
    lowest, highest = (x.view[at] + y.view[at] for at in (0, 1))
    powers = range(math.ceil(lowest), math.floor(highest) + 1)
    return BalanceMapInfo(
        objective=column,
        x=x,
        y=y,
        points=tuple(points),
        best=next((point for point in points if point.number in first), None),
        lines=tuple(powers[:: 1 + len(powers) // MAX_LINES]) if x.log and y.log else (),
        scored=int((rows["kind"] == "scored").sum()),
        partial=int((rows["kind"] == "partial").sum()),
        failed=int((rows["kind"] == "failed").sum()),
        left_out=_style.left_out_text(len(drawn), len(rows)),
        missing="" if points else "No trial with these dimensions has ended yet.",
    )


def _words(rate: Any, ratio: Any) -> str:
    settings = (rate, ratio)
    text = " × ".join(NOT_ACTIVE if value is ABSENT else setting_text(value) for value in settings)
    if all(isinstance(value, int | float) for value in settings):
        text += f", so the discriminator {value_text(rate * ratio)}"
    return text


def draw(info: BalanceMapInfo) -> go.Figure:
    """Points in the color of their value, crosses for failures, a ring around the best."""
    titles = "Generator's learning rate", "Discriminator's rate ÷ generator's"
    chart = _style.figure(*titles, height=460, showlegend=True, margin={"t": 8})
    _draw_lines(chart, info)
    by_kind = {
        kind: [p for p in info.points if p.kind == kind] for kind in ("partial", "failed", "scored")
    }
    if by_kind["partial"]:
        chart.add_trace(
            _trace(by_kind["partial"], "shorter training", symbol="circle-open", color=_style.SOFT)
        )
    for state in FAILED_STATES:
        color = _style.ENDS[state]
        if some := [point for point in by_kind["failed"] if point.state == state]:
            line = {"width": 1.8, "color": color}
            trace = _trace(some, state, symbol="x-thin", color=color, size=8, line=line)
            chart.add_trace(trace)
    if by_kind["scored"]:
        chart.add_trace(_scored(info, by_kind["scored"]))
    if info.best:
        ring = {"width": 2.5, "color": _style.VERMILLION}
        marker = {"symbol": "circle-open", "size": 17, "color": _style.VERMILLION, "line": ring}
        chart.add_trace(_trace([info.best], "the best", **marker))
    for axis, scale in (("xaxis", info.x), ("yaxis", info.y)):
        chart.layout[axis].update(
            tickvals=np.array([place for place, _ in scale.ticks]),
            ticktext=[_style.tick(text) for _, text in scale.ticks],
            range=scale.view,
        )
    return chart


def _trace(points: list[Mark], name: str, **marker: Any) -> go.Scatter:
    marks = []
    for point in points:
        outcome = point.state if point.value is None else value_text(point.value)
        text = f"{point.trial}: {point.settings} → {outcome}"
        marks.append((point.x, point.y, point.number, text))
    return _style.marks(marks, marker, name=name)


def _scored(info: BalanceMapInfo, points: list[Mark]) -> go.Scatter:
    values = np.array([point.value for point in points], dtype=float)
    low, high = _style.view_range(values)
    marker = {
        "size": _style.marker_size(len(points)) + 3,
        "color": values,
        "cmin": low,
        "cmax": high,
        "colorscale": _style.colorscale(info.objective.sign),
        "showscale": True,
        "colorbar": _style.colorbar(info.objective.title),
        "line": {"width": 0.7, "color": _style.MUTED},
    }
    return _trace(points, "trial", **marker).update(showlegend=False)


def _draw_lines(chart: go.Figure, info: BalanceMapInfo) -> None:
    """Lines along which the discriminator's rate is the same, marked with it at their upper end."""
    (left, right), (bottom, top) = info.x.view, info.y.view
    for power in info.lines:
        begin, end = max(left, power - top), min(right, power - bottom)
        chart.add_scatter(
            x=np.array([begin, end]),
            y=np.array([power - begin, power - end]),
            mode="lines+text",
            text=[f"1e{power}", ""],
            textposition="bottom right",
            textfont={"size": 10, "color": _style.SOFT},
            line={"color": _style.GRID, "width": 1.2},
            hoverinfo="skip",
            name="same discriminator's rate",
            showlegend=power == info.lines[0],
        )


def caption(info: BalanceMapInfo) -> str:
    """What is marked how, and how many trials there are of each kind."""
    parts = [f"{count_text(info.scored, 'trial')} of equal budget in color"]
    if info.partial:
        parts.append(f"{value_text(info.partial)} with shorter training hollow")
    if info.failed:
        parts.append(f"{value_text(info.failed)} failed as crosses")
    if info.best:
        parts.append("the best has a ring")
    text = "; ".join(parts) + "."
    if info.lines:
        text += " Along a diagonal the discriminator's rate is the same."
    return text + info.left_out


def table(info: BalanceMapInfo) -> pd.DataFrame:
    """Both rates and the outcome of each trial, the best first."""
    rows = [(p.trial, p.settings, p.value, p.state) for p in reversed(info.points)]
    return pd.DataFrame(rows, columns=["trial", "rate × ratio", info.objective.title, "state"])
