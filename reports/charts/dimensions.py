"""Each dimension of the space against the objective, one panel per dimension."""

import math
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.analysis.ranks import Median, category_medians, running_medians
from reports.charts import _style
from reports.format import setting_labels, setting_text, value_text
from reports.tables import Column, SweepTables, setting_key
from spaces.dimensions import Dimension

ID, TITLE = "dimensions", "Each dimension against the objective"
GROUP, ORDER = "mattered", 40
GRID = ("dimension",)
JITTER = 0.22
"""Greatest shift of a point within its category's strip; the golden ratio spreads them evenly."""


class Mark(NamedTuple):
    """One trial: `x` is the value, or the category's index with a shift; None for the special.

    `value` is None for a failed trial; `best` marks the one that ranks first.
    """

    trial: str
    number: int
    x: float | None
    text: str
    value: float | None
    kind: str
    best: bool


class DimensionInfo(NamedTuple):
    """One panel.

    Attributes:
        points: those that are drawn; failed ones have no value.
        medians: by x; of each category, or along the range.
        counts: number of trials that were scored, and that failed.
        inactive: number of trials where the dimension did not apply.
        left_out: the caption's sentence on trials that are not drawn.
    """

    dimension: Dimension
    objective: Column
    categories: tuple[str, ...]
    points: tuple[Mark, ...]
    medians: tuple[Median, ...]
    counts: tuple[int, int]
    inactive: int
    left_out: str
    baseline: float | None
    missing: str


each = partial(SweepTables.panels, by_dimension=True)


def prepare(sweep: SweepTables, dimension: str, objective: str | None = None) -> DimensionInfo:
    """The values of one dimension and what came of them.

    Raises:
        KeyError: when the space has no such dimension.
    """
    axis = sweep.dimension(dimension)
    column = sweep.column(objective or sweep.leading.name)
    rows = sweep.outcomes(column.name, "scored", "partial", "failed")
    active = rows[np.array([dimension in point for point in rows["point"]], dtype=bool)]
    settings = [point[dimension] for point in active["point"]]
    labels = setting_labels(axis, settings) if axis.is_categorical else {}
    places = {key: index for index, key in enumerate(labels)}
    active = active.assign(
        x=[_place(axis, setting, places) for setting in settings],
        text=list(map(setting_text, settings)),
    )
    scored = active[active["kind"].eq("scored") & active["x"].notna()]
    x, values = (scored[name].to_numpy(dtype=float) for name in ("x", "value"))
    drawn = _style.thinned(active, column.sign)
    return DimensionInfo(
        dimension=axis,
        objective=column,
        categories=tuple(labels.values()),
        points=tuple(_points(drawn, bool(places))),
        medians=category_medians(x, values) if places else running_medians(x, values, axis.is_log),
        counts=(int(active["kind"].eq("scored").sum()), int(active["kind"].eq("failed").sum())),
        inactive=len(rows) - len(active),
        left_out=_style.left_out_text(len(drawn), len(active)),
        baseline=sweep.baseline(column.name),
        missing="" if len(active) else "No trial with this dimension has ended yet.",
    )


def _points(rows: pd.DataFrame, spread: bool) -> Iterator[Mark]:
    names = ("trial_id", "number", "x", "text", "value", "kind", "rank")
    for trial, number, x, text, value, kind, rank in rows[list(names)].itertuples(index=False):
        position = None if np.isnan(x) else float(x) + (_spread(number) if spread else 0.0)
        yield Mark(
            trial, number, position, text, None if kind == "failed" else value, kind, rank == 1
        )


def _place(axis: Dimension, setting: Any, places: dict[str, int]) -> float:
    """The value or the category's index; NaN for the special value, which has no place there."""
    if places:
        return float(places[setting_key(setting)])
    return math.nan if setting in axis.special else float(setting)


def draw(info: DimensionInfo) -> go.Figure:
    """Points; crosses at the bad edge for what failed; the special value on its own axis."""
    axis = info.dimension
    margin = {"l": 52, "r": 14, "t": 8, "b": 26}
    chart = _style.figure("", info.objective.title, height=270, showlegend=False, margin=margin)
    values = [p.value for p in info.points if p.kind == "scored" and p.value is not None]
    view = _style.view_range(values)
    special = bool(axis.special)
    if info.medians and not axis.is_categorical:
        _draw_running(chart, info.medians)
    for on_special in (False, True) if special else (False,):
        for trace in _traces(info, view, on_special):
            chart.add_trace(trace)
    if axis.is_categorical:
        chart.update_xaxes(**_style.category_axis(info.categories))
    elif axis.low is not None and axis.high is not None and axis.low < axis.high:
        chart.update_xaxes(**_range_axis(axis, [p.x for p in info.points if p.x is not None]))
    if special:
        # A logarithmic axis has no place for 0: the special value gets an axis of its own, which
        # shares the vertical one.
        chart.update_layout(
            xaxis={"domain": [0.2, 1]},
            yaxis={"anchor": "free", "position": 0},
            xaxis2={
                "domain": [0, 0.13],
                "anchor": "y",
                "range": [-1, 1],
                "tickvals": [0],
                "ticktext": [_style.tick(setting_text(axis.special[0]))],
                "showgrid": False,
                "linecolor": _style.GRID,
                "zeroline": False,
            },
        )
    chart.update_yaxes(range=view)
    return chart


def _range_axis(axis: Dimension, taken: list[float]) -> dict[str, Any]:
    """The range, wider where `start_from` lies outside it."""
    taken = [value for value in taken if value > 0 or not axis.is_log]
    low, high = min([float(axis.low or 0), *taken]), max([float(axis.high or 0), *taken])
    shape = _style.log_axis(low, high) if axis.is_log else {"range": [low, high]}
    low, high = shape["range"]
    margin = 0.04 * (high - low)
    return {**shape, "range": [low - margin, high + margin]}


def _traces(info: DimensionInfo, view: tuple[float, float], special: bool) -> list[go.Scatter]:
    points = [point for point in info.points if (point.x is None) == special]
    on_axis = {"xaxis": "x2" if special else "x"}
    size = _style.marker_size(len(info.points))
    traces = []
    for kind, symbol, color in (
        ("partial", "circle-open", _style.SOFT),
        ("scored", "circle", _style.BLUE),
    ):
        some = [point for point in points if point.kind == kind]
        marker = {
            "size": [10 if point.best else size for point in some],
            "line": {"width": 0 if kind == "scored" else 1},
            "color": [_style.VERMILLION if point.best else color for point in some],
            "opacity": [1.0 if point.best else 0.7 for point in some],
            "symbol": symbol,
        }
        trace = _style.marks(
            [
                (x, p.value or 0.0, p.number, f"{p.trial}: {p.text} → {value_text(p.value)}")
                for x, p in _placed(some)
            ],
            marker,
            view=view,
            cliponaxis=False,
            **on_axis,
        )
        traces.append(trace)
    failed = _placed([point for point in points if point.kind == "failed"])
    lost = [(x, point.number, f"{point.trial}: {point.text} → failed") for x, point in failed]
    traces.append(_style.failed_marks(lost, view, info.objective.sign).update(on_axis))
    if info.medians and info.categories and not special:
        traces.append(_median_marks(info))
    return traces


def _placed(points: list[Mark]) -> list[tuple[float, Mark]]:
    """With their places on the panel's axis; special values have one from -1 to 1."""
    return [(2 * _spread(at) if p.x is None else p.x, p) for at, p in enumerate(points)]


def _spread(index: int) -> float:
    # Multiples of the golden ratio modulo 1 leave no two points near each other (Weyl).
    return JITTER * (2 * (index * 0.6180339887 % 1) - 1)


def _median_marks(info: DimensionInfo) -> go.Scatter:
    middle = [median.median for median in info.medians]
    low = [median.median if median.low is None else median.low for median in info.medians]
    high = [median.median if median.high is None else median.high for median in info.medians]
    return go.Scatter(
        x=np.array([median.x for median in info.medians]),
        y=np.array(middle),
        error_y=_style.error_bars(middle, low, high, color=_style.INK, width=0),
        mode="markers",
        marker={"symbol": "line-ew", "size": 30, "line": {"width": 2, "color": _style.INK}},
        text=[
            f"median {value_text(median.median)} of {count_text(median.trials, 'trial')}"
            for median in info.medians
        ],
        hovertemplate="%{text}<extra></extra>",
    )


def _draw_running(chart: go.Figure, medians: tuple[Median, ...]) -> None:
    """The median along the range in its band, under the points."""
    bounded = [row for row in medians if row.low is not None and row.high is not None]
    x, low, high = (np.array([row[at] for row in bounded], dtype=float) for at in (0, 2, 3))
    chart.add_trace(_style.band(x, low, high, _style.BAND_INNER))
    chart.add_scatter(
        x=np.array([row.x for row in medians]),
        y=np.array([row.median for row in medians]),
        mode="lines",
        line={"color": _style.INK, "width": 1.6},
        hovertemplate="median %{y:.4g}<extra></extra>",
    )


def caption(info: DimensionInfo) -> str:
    """What was left out."""
    scored, failed = info.counts
    best = "; the best in orange" if any(point.best for point in info.points) else ""
    parts = [f"{count_text(scored, 'trial')}{best}"]
    if failed:
        parts.append(f"{value_text(failed)} failed (crosses)")
    if info.medians and not info.categories:
        near = info.medians[0].trials
        parts.append(f"line: median of the nearest {value_text(near)} with its 95% interval")
    if info.inactive:
        condition = " and ".join(
            f"{name} in {', '.join(map(value_text, values))}"
            for name, values in info.dimension.when.items()
        )
        parts.append(f"{info.inactive} left out: active only for {condition or 'some points'}")
    return "; ".join(parts) + "." + info.left_out


def table(info: DimensionInfo) -> pd.DataFrame:
    """Setting and outcome per trial."""
    rows = [(point.trial, point.text, point.value, point.kind) for point in info.points]
    names = ["trial", info.dimension.name, info.objective.title, "kind"]
    return pd.DataFrame(rows, columns=names)
