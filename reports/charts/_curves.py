"""Metrics during trainings: the best few as lines, all of many as quantile bands."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from reports.charts import _style
from reports.format import value_text
from reports.tables import SweepTables

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
MAX_POINTS = 60
"""Points along the pictures seen at which quantiles are taken."""


class Curve(NamedTuple):
    """One trial's values, tick by tick.

    Attributes:
        rank: 1 for the best, None for a trial that cannot be ranked.
        values: one row per column that was asked for, each as long as `images`.
    """

    trial: str
    number: int
    state: str
    rank: int | None
    images: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]

    @property
    def color(self) -> str:
        """The trial's color in every chart; grey behind the first five."""
        if self.rank is None or self.rank > len(_style.BEST_COLORS):
            return _style.SOFT
        return _style.BEST_COLORS[self.rank - 1]

    def milestones(self, column: int = 0) -> tuple[str, str, str]:
        """The first, middle and last value of a column."""
        values = self.values[column]
        first, middle, last = values[0], values[len(values) // 2], values[-1]
        return value_text(first), value_text(middle), value_text(last)


def curves_of(
    sweep: SweepTables, columns: Sequence[str], trials: pd.DataFrame, top: int | None = None
) -> tuple[Curve, ...]:
    """A curve per trial that has a tick with finite values in all columns, the best first.

    Args:
        trials: rows of `sweep.trials`.
        top: how many of them at most.
    """
    ticks = finite_ticks(sweep.ticks, columns)
    # Numbers are compared faster than names: there may be a million ticks.
    chosen = trials[trials["number"].isin(ticks["number"].unique())][:top]
    if len(chosen) < len(sweep.trials):
        ticks = ticks[ticks["number"].isin(chosen["number"])]
    groups = dict(list(ticks.groupby("number", sort=False)))
    order = chosen.sort_values(["rank", "number"], ascending=[True, False])
    return tuple(
        Curve(
            trial=trial,
            number=int(number),
            state=state,
            rank=int(rank) if np.isfinite(rank) else None,
            images=tuple(groups[number]["images"].astype(float)),
            values=tuple(tuple(groups[number][column].astype(float)) for column in columns),
        )
        for trial, number, state, rank in zip(
            *(order[name] for name in ("trial_id", "number", "state", "rank")), strict=True
        )
    )


def finite_ticks(ticks: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The ticks with a finite value in each of the columns; none where one was never recorded."""
    if not set(columns) <= set(ticks.columns):
        return ticks[:0]
    return ticks[np.isfinite(ticks[list(columns)].to_numpy(dtype=float)).all(axis=1)]


def draw_curve(chart: go.Figure, curve: Curve, value: str, **more: Any) -> None:
    """One of the best trials as a line in its color.

    Args:
        value: d3's format of its values.
        more: what the trace has of its own.
    """
    trace = {
        "x": np.array(curve.images),
        "y": np.array(curve.values[0]),
        "mode": "lines+markers" if len(curve.images) == 1 else "lines",
        "name": f"#{curve.rank} {curve.trial}",
        "meta": {"trial": curve.number},
        "legendrank": curve.rank,
        "line": {"color": curve.color, "width": 2},
        "hovertemplate": f"{curve.trial}: %{{y:{value}}}<extra></extra>",
    }
    chart.add_scatter(**{**trace, **more})


def bands_of(ticks: pd.DataFrame, column: str) -> tuple[tuple[float, ...], ...]:
    """Quantiles over trials, per number of pictures seen; many numbers are put into bins.

    Args:
        ticks: with a value in `column`.

    Returns:
        (images, quantiles…, trials) per number.
    """
    images = ticks["images"].astype(float)
    if images.nunique() > MAX_POINTS:
        # A bin is drawn at its upper end, so that no tick appears before it was reached.
        edges = np.linspace(0, images.max(), MAX_POINTS + 1)
        images = pd.Series(edges[np.searchsorted(edges, images)], index=images.index)
    values = ticks[column].astype(float).groupby(images)
    table = values.quantile(list(QUANTILES)).unstack()
    counts = ticks["number"].groupby(images).nunique()
    return tuple(
        (float(x), *map(float, row), int(counts[x]))
        for x, row in zip(table.index, table.to_numpy(), strict=True)
    )


def draw_bands(chart: go.Figure, bands: tuple[tuple[float, ...], ...]) -> None:
    """80% and half of the trials as bands around the dashed median; nothing without any."""
    if not bands:
        return
    rows = np.array(bands)
    for low, high, color, name in (
        (1, 5, _style.BAND, "80% of trials"),
        (2, 4, _style.BAND_INNER, "half of trials"),
    ):
        chart.add_trace(_style.band(rows[:, 0], rows[:, low], rows[:, high], color, name))
    chart.add_scatter(
        x=rows[:, 0],
        y=rows[:, 3],
        mode="lines",
        line={"color": _style.SOFT, "width": 1.5, "dash": "dash"},
        name="median trial",
        hovertemplate="median: %{y:.4g}<extra></extra>",
    )


def curves_table(
    curves: Iterable[Curve], bands: tuple[tuple[float, ...], ...] = ()
) -> pd.DataFrame:
    """The quantiles behind the bands; without bands the first, middle and last value per trial."""
    if bands:
        names = ["pictures seen", *(f"{round(q * 100)}%" for q in QUANTILES), "trials"]
        return pd.DataFrame(bands, columns=names)
    rows = [(curve.trial, curve.rank, *curve.milestones()) for curve in curves]
    return pd.DataFrame(rows, columns=["trial", "rank", "first", "middle", "last"])
