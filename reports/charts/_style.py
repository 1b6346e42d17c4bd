"""The house style of figures: colors safe for color blindness, axes, and what a view shows.

Colors are those of Okabe and Ito (2008). The page exchanges the ones listed in `DARK` when the
reader prefers a dark scheme, so figures may use them by value.
"""

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from reports.format import significant, value_text

BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE = "#CC79A7"
INK, SOFT, GRID = "#1d2430", "#5b6472", "#e4e7ec"
MUTED, BAND, BAND_INNER = "#aeb6c2", "rgba(0,114,178,0.14)", "rgba(0,114,178,0.24)"
NOTE = {"annotation_font": {"size": 11, "color": SOFT}, "annotation_position": "bottom right"}
"""How a line across a chart is labeled."""
VEIL = "rgba(255,255,255,0.72)"
"""Behind text on top of lines."""
BEST_COLORS = (VERMILLION, BLUE, GREEN, PURPLE, ORANGE)
"""Colors of the best trials, in their order, the same in every chart and picture."""
SCALE = ("#0b2a66", "#1d55a0", "#1f86b8", "#3fb0b8", "#86cba9", "#cbe3a2")
"""From the best value to the worst: dark to pale, and in the dark scheme bright to deep."""
DARK = {
    INK: "#e9ecf1",
    SOFT: "#a2abb9",
    GRID: "#2c333f",
    MUTED: "#5d6776",
    BLUE: "#56B4E9",
    VERMILLION: "#F28A3C",
    GREEN: "#2FC79A",
    BAND: "rgba(86,180,233,0.16)",
    BAND_INNER: "rgba(86,180,233,0.28)",
    VEIL: "rgba(26,32,41,0.72)",
    **dict(
        zip(SCALE, ("#f4f3a6", "#9fd89b", "#4fb8a8", "#3a9cc0", "#4a86c8", "#6f74c4"), strict=True)
    ),
}
LONGEST = 40
"""Characters of a tick label; the whole text is in what hovers over the point."""
MAX_POINTS = 1000
"""Trials of one figure: beyond these SVG becomes slow, and points lie on top of each other."""
BEST = 50
"""This many of the best trials are always drawn."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
ENDS = {
    "completed": BLUE,
    "running": GREEN,
    "pruned": MUTED,
    "diverged": VERMILLION,
    "oom": PURPLE,
    "stalled": ORANGE,
    "failed": INK,
    "preempted": SOFT,
    "cancelled": SOFT,
}
"""Colors of how trials ended."""


def safe(text: object) -> str:
    """User text for a place where Plotly reads markup: it shows as it is written."""
    return escape(str(text), quote=False)


def tick(text: object, longest: int = LONGEST) -> str:
    """User text for a tick or an axis title: as it is written, cut where it is long."""
    words = str(text)
    return safe(words if len(words) <= longest else words[: longest - 1] + "…")


def linked(numbers: Iterable[int]) -> dict[str, Any]:
    """What tells the page's script which trials the points of a trace are."""
    # An array and not a list: Plotly writes it as base64, which the page's script reads as one.
    return {"meta": "trials", "customdata": np.array(list(numbers), dtype=int)}


def colorscale(sign: int) -> list[list[Any]]:
    """`SCALE` for Plotly, from the lowest value up; `sign` is 1 where the lowest is best."""
    colors = SCALE if sign > 0 else SCALE[::-1]
    return [[index / (len(colors) - 1), color] for index, color in enumerate(colors)]


def colorbar(title: str) -> dict[str, Any]:
    """A slim bar above the plot that names the metric, which may be user text."""
    return {
        "orientation": "h",
        "thickness": 10,
        "len": 1,
        "ypad": 0,
        "y": 1.01,  # of the plot's height: above it, as a bar beside it would take a phone's width
        "yanchor": "bottom",
        "outlinewidth": 0,
        "nticks": 5,
        "title": {"text": tick(title), "side": "top", "font": {"size": 12, "color": SOFT}},
        "tickfont": {"size": 11, "color": SOFT},
    }


def marker_size(points: int) -> int:
    """Smaller markers where there are many, so that they can be told apart."""
    return 7 if points <= 100 else 6 if points <= 300 else 4


def trial_marker(points: int, color: str, kind: str = "scored") -> dict[str, Any]:
    """How one of so many trials is marked: hollow where its training was shorter (`partial`)."""
    symbol = "circle-open" if kind == "partial" else "circle"
    return {"size": marker_size(points), "color": color, "opacity": 0.75, "symbol": symbol}


def figure(x_title: str, y_title: str, height: int = 360, **more: Any) -> go.Figure:
    """An empty figure in the house style; titles may be user text.

    Args:
        more: what its layout has of its own.
    """
    axis = {
        "gridcolor": GRID,
        "linecolor": GRID,
        "zeroline": False,
        "ticks": "",
        "automargin": True,  # labels are as long as users make them
    }
    x_named, y_named = (
        {"title": {"text": tick(title), "standoff": 8, "font": {"size": 12}}} if title else {}
        for title in (x_title, y_title)
    )
    layout = {
        "template": "none",  # else Plotly puts all of its default one into each figure
        "height": height,
        "margin": {"l": 56, "r": 16, "t": 12, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": SOFT},
        "hoverlabel": {"font": {"family": FONT, "size": 13}, "align": "left"},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "itemwidth": 30},
        "xaxis": {**axis, **x_named, "showgrid": False, "showline": True},
        "yaxis": {**axis, **y_named},
    }
    return go.Figure(layout=layout).update_layout(**more)


def band(
    x: np.ndarray, low: np.ndarray, high: np.ndarray, color: str, name: str | None = None
) -> go.Scatter:
    """The area between two lines. Plotly fills one outline, so it runs there and back."""
    return go.Scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        mode="lines",
        fill="toself",
        fillcolor=color,
        line={"width": 0},
        name=name,
        hoverinfo="skip",
    )


def marks(
    points: Sequence[tuple[float, float, int, str]],
    marker: dict[str, Any],
    *,
    view: tuple[float, float] | None = None,
    **more: Any,
) -> go.Scatter:
    """A marker per trial with a text beside the pointer.

    Args:
        points: (x, y, number of the trial, text that may be user text).
        view: beyond it a marker is an arrow at the edge.
    """
    x, y, numbers, texts = zip(*points, strict=True) if points else ((), (), (), ())
    y = np.array(y, dtype=float)
    if view is not None:
        beyond = {-1: "triangle-down", 0: marker["symbol"], 1: "triangle-up"}
        sides = np.sign(y - np.clip(y, *view))
        if sides.any():
            marker = {**marker, "symbol": [beyond[side] for side in sides]}
        y = np.clip(y, *view)
    return go.Scatter(
        x=np.array(x, dtype=float),
        y=y,
        **linked(numbers),
        text=[safe(text) for text in texts],
        marker=marker,
        hovertemplate="%{text}<extra></extra>",
        **{"mode": "markers", **more},
    )


def category_axis(labels: Sequence[str], longest: int = LONGEST) -> dict[str, Any]:
    """An axis with a place for each label, which may be user text, at 0, 1 and so on."""
    return {
        "tickvals": np.arange(len(labels)),
        "ticktext": [tick(label, longest) for label in labels],
        "range": [-0.5, max(len(labels), 1) - 0.5],
    }


def error_bars(values: ArrayLike, low: ArrayLike, high: ArrayLike, **more: Any) -> dict[str, Any]:
    """Plotly's whiskers, which it takes as distances from the values."""
    return {
        "type": "data",
        "symmetric": False,
        "array": np.asarray(high, dtype=float) - np.asarray(values, dtype=float),
        "arrayminus": np.asarray(values, dtype=float) - np.asarray(low, dtype=float),
        "thickness": 1.4,
        **more,
    }


def log_axis(low: float, high: float) -> dict[str, Any]:
    """A logarithmic axis from low to high, of which Plotly wants the powers of ten."""
    ticks = log_ticks(low, high)
    return {
        "type": "log",
        "range": [float(np.log10(low)), float(np.log10(high))],
        "tickvals": ticks,
        "ticktext": list(map(value_text, ticks)),
    }


def view_range(values: Iterable[float], always: Iterable[float | None] = ()) -> tuple[float, float]:
    """The part of an axis worth showing: everything, but for far outliers.

    Args:
        values: what is drawn; outliers lie beyond 3 interquartile ranges of the middle half.
        always: values that must be seen where they are near, such as a baseline.

    Returns:
        (low, high) with a margin of 6%; (0, 1) without any value.
    """
    # Tukey's outer fences; the page's readers compare good trials, and one that diverged would
    # press them into a line.
    array = np.asarray([value for value in values if np.isfinite(value)], dtype=float)
    if not len(array):
        return 0.0, 1.0
    first, third = np.quantile(array, [0.25, 0.75])
    reach = 3 * (third - first) or max(abs(third) * 0.05, 1e-9)
    inside = array[(array >= first - reach) & (array <= third + reach)]
    low, high = float(inside.min()), float(inside.max())
    span = high - low
    for value in always:
        if value is not None and low - 0.6 * span <= value <= high + 0.6 * span:
            low, high = min(low, value), max(high, value)
    margin = 0.06 * (high - low) or max(abs(high) * 0.05, 1e-6)
    return low - margin, high + margin


def baseline_line(chart: go.Figure, baseline: float | None, view: tuple[float, float]) -> None:
    """A dotted line at the best trivial prediction, where the view reaches it."""
    if baseline is None or not view[0] <= baseline <= view[1]:
        return
    chart.add_hline(
        y=baseline,
        line={"color": SOFT, "width": 1, "dash": "dot"},
        annotation_text="best trivial prediction",
        **NOTE,
    )


def log_ticks(low: float, high: float) -> tuple[float, ...]:
    """Round numbers on a logarithmic axis: powers of ten, with 2 and 5 where those are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for steps in ((1,), (1, 3), (1, 2, 5)):
        # A tick a rounding error beyond the end still belongs to it.
        ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        ticks = [
            significant(tick, 3) for tick in ticks if low <= tick * 1.0001 and tick <= high * 1.0001
        ]
        if len(ticks) >= 4:
            break
    return tuple(ticks[:: 1 + len(ticks) // 9])


def failed_marks(
    points: Sequence[tuple[float, int, str]], view: tuple[float, float], sign: int
) -> go.Scatter:
    """Trials without a comparable value, (x, number, text): crosses at the bad edge of the view."""
    marker = {"symbol": "x-thin", "size": 8, "color": INK, "line": {"width": 1.6, "color": INK}}
    edge = view[1] if sign > 0 else view[0]
    at_edge = [(x, edge, number, text) for x, number, text in points]
    return marks(at_edge, marker, name="failed", cliponaxis=False)


def thinned(
    rows: pd.DataFrame, sign: int, always: pd.Series | None = None, most: int = MAX_POINTS
) -> pd.DataFrame:
    """The best trials, those that failed, and of the rest as many as fit, drawn at random.

    The draw is always the same. Of failures beyond half of `most` some are left out, too.

    Args:
        rows: with the columns value and kind of `SweepTables.outcomes`.
        sign: 1 where smaller values are better, -1 where larger are.
        always: which rows must stay, aligned with `rows`.
        most: rows beyond which some are left out.

    Returns:
        Some of the rows, in their order; all of them where they are not too many.
    """
    if len(rows) <= most:
        return rows
    # Each row has a place in one random order, so that what is drawn grows with `most`.
    order = pd.Series(np.random.default_rng(0).random(len(rows)), index=rows.index)
    failed = rows["kind"].eq("failed")
    values = (rows["value"] * sign).where(rows["kind"].eq("scored"))
    certain = values.rank(method="first").le(BEST)
    certain |= order.where(failed).rank().le(most // 2)
    if always is not None:
        certain |= always
    rest = order.where(~certain & ~failed)
    return rows[certain | rest.rank().le(most - int(certain.sum()))]


def left_out_text(drawn: int, trials: int) -> str:
    """What a caption says of trials that are not drawn; empty where all are."""
    if drawn >= trials:
        return ""
    return (
        f" Drawn: {value_text(drawn)} of {value_text(trials)} trials, the best, the failed and a "
        "random part of the rest."
    )
