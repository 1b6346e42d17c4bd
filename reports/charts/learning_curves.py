"""The objective during each training, against pictures seen."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.charts import _style
from reports.format import value_text
from reports.tables import Column, SweepTables

ID, TITLE, SHORT = "learning-curves", "Learning curves", "Learning curves"
GRID = ()
MAX_LINES = 40
"""More trials than this are drawn as quantile bands: lines on top of each other say nothing."""
TOP = 5
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
MAX_POINTS = 60


class Curve(NamedTuple):
    """One trial's values; `rank` is 1 for the best, None for a trial that cannot be ranked."""

    trial: str
    number: int
    state: str
    rank: int | None
    images: tuple[float, ...]
    values: tuple[float, ...]


class LearningCurvesInfo(NamedTuple):
    """Curves (all, or the best of many), and for many (images, quantiles…, trials) per point."""

    objective: Column
    curves: tuple[Curve, ...]
    bands: tuple[tuple[float, ...], ...]
    trials: int
    baseline: float | None
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """Every objective."""
    return [{"objective": objective.name} for objective in sweep.objectives]


def prepare(sweep: SweepTables, objective: str | None = None) -> LearningCurvesInfo:
    """Curves of all trials, or of the best ones over quantile bands when there are many."""
    column = sweep.column(objective or sweep.leading.name)
    reported = _reported(sweep, column.name)
    trials = int(reported["trial_id"].nunique())
    bands: tuple[tuple[float, ...], ...] = ()
    chosen = sweep.trials
    if trials > MAX_LINES:
        bands = bands_of(reported, column.name)
        chosen = chosen[chosen["rank"] <= TOP]
    return LearningCurvesInfo(
        objective=column,
        curves=curves_of(sweep, column.name, chosen),
        bands=bands,
        trials=trials,
        baseline=sweep.baseline(column.name),
        missing="" if trials else "No trial has reported this metric yet.",
    )


def _reported(sweep: SweepTables, column: str, trials: list[str] | None = None) -> pd.DataFrame:
    """trial_id, images and `column` of the ticks that have a finite value in it."""
    if column not in sweep.ticks:
        return pd.DataFrame({name: [] for name in ("trial_id", "images", column)})
    ticks = sweep.ticks[["trial_id", "images", column]]
    if trials is not None and len(trials) < len(sweep.trials):
        ticks = ticks[ticks["trial_id"].isin(trials)]
    return ticks[np.isfinite(ticks[column].to_numpy(dtype=float))]


def curves_of(
    sweep: SweepTables, column: str, trials: pd.DataFrame | None = None
) -> tuple[Curve, ...]:
    """A curve per trial that has a finite value in `column`, the best last (drawn on top).

    Args:
        trials: rows of `sweep.trials`, by default all.
    """
    chosen = sweep.trials if trials is None else trials
    ticks = _reported(sweep, column, chosen["trial_id"].tolist())
    groups = dict(list(ticks.groupby("trial_id", sort=False)))
    order = chosen.sort_values(["rank", "number"], ascending=[False, True], na_position="first")
    columns = (order[name] for name in ("trial_id", "number", "state", "rank"))
    return tuple(
        Curve(
            trial=trial,
            number=int(number),
            state=state,
            rank=int(rank) if np.isfinite(rank) else None,
            images=tuple(groups[trial]["images"].astype(float)),
            values=tuple(groups[trial][column].astype(float)),
        )
        for trial, number, state, rank in zip(*columns, strict=True)
        if trial in groups
    )


def bands_of(ticks: pd.DataFrame, column: str) -> tuple[tuple[float, ...], ...]:
    """Quantiles over trials, per number of pictures seen; many numbers are put into bins."""
    frame = ticks[["trial_id", "images", column]].dropna()
    images = frame["images"].astype(float)
    if images.nunique() > MAX_POINTS:
        edges = np.linspace(0, images.max(), MAX_POINTS + 1)
        images = pd.Series(edges[np.searchsorted(edges, images)], index=images.index)
    values = frame[column].astype(float).groupby(images)
    table = values.quantile(list(QUANTILES)).unstack()
    counts = frame["trial_id"].groupby(images).nunique()
    return tuple(
        (float(x), *map(float, row), int(counts[x]))
        for x, row in zip(table.index, table.to_numpy(), strict=True)
    )


def draw(info: LearningCurvesInfo) -> go.Figure:
    """The best in color, the others muted; bands where there are too many to tell apart."""
    chart = _style.figure("Pictures seen", info.objective.title, height=380)
    chart.update_layout(meta={"curves": info.objective.name})  # those of selected trials join
    values = [value for curve in info.curves for value in curve.values[len(curve.values) // 4 :]]
    values += [value for row in info.bands[len(info.bands) // 4 :] for value in row[1:6]]
    shown = _style.view_range(values, [info.baseline])
    if info.bands:
        draw_bands(chart, np.array(info.bands))
    first_muted = True
    for curve in info.curves:
        leader = curve.rank is not None and curve.rank <= (TOP if info.bands else 1)
        color = _style.LEADERS[curve.rank - 1] if leader else _style.MUTED
        rank = f", rank {curve.rank}" if curve.rank else f", {curve.state}"
        chart.add_scatter(
            x=np.array(curve.images),
            y=np.array(curve.values),
            mode="lines+markers" if len(curve.values) == 1 else "lines",
            meta={"trial": curve.number},
            name=f"#{curve.rank} {curve.trial}" if leader else "other trials",
            legendgroup=curve.trial if leader else "others",
            showlegend=leader or first_muted,
            legendrank=curve.rank if leader else 1001,
            line={"color": color, "width": 2.4 if leader else 1.1},
            hovertemplate=f"{curve.trial}{rank}: %{{y:.4g}}<extra></extra>",
        )
        first_muted &= leader
    _style.baseline_line(chart, info.baseline, shown)
    chart.update_xaxes(rangemode="tozero")
    chart.update_yaxes(range=shown)
    return chart


def draw_bands(chart: go.Figure, rows: np.ndarray) -> None:
    for low, high, color, name in (
        (1, 5, _style.BAND, "80 % of trials"),
        (2, 4, _style.BAND_INNER, "half of trials"),
    ):
        chart.add_scatter(
            x=np.concatenate([rows[:, 0], rows[::-1, 0]]),
            y=np.concatenate([rows[:, high], rows[::-1, low]]),
            mode="lines",
            fill="toself",
            fillcolor=color,
            line={"width": 0},
            name=name,
            hoverinfo="skip",
        )
    chart.add_scatter(
        x=rows[:, 0],
        y=rows[:, 3],
        mode="lines",
        line={"color": _style.SOFT, "width": 1.5, "dash": "dash"},
        name="median trial",
        hovertemplate="median: %{y:.4g}<extra></extra>",
    )


def caption(info: LearningCurvesInfo) -> str:
    """How many trials are behind it, and how they are shown."""
    if info.missing:
        return ""
    text = f"{count_text(info.trials, 'trial')}"
    if info.bands:
        return f"{text} as quantile bands, the best {len(info.curves)} as lines."
    return f"{text}; the best is highlighted."


def table(info: LearningCurvesInfo) -> pd.DataFrame:
    """The quantiles, or each curve's first, middle and last value."""
    if info.bands:
        names = ["pictures seen", *(f"{round(q * 100)} %" for q in QUANTILES), "trials"]
        return pd.DataFrame(info.bands, columns=names)
    rows = [
        {
            "trial": curve.trial,
            "state": curve.state,
            "ticks": len(curve.values),
            "first": value_text(curve.values[0]),
            "middle": value_text(curve.values[len(curve.values) // 2]),
            "last": value_text(curve.values[-1]),
        }
        for curve in reversed(info.curves)
    ]
    return pd.DataFrame(rows, columns=["trial", "state", "ticks", "first", "middle", "last"])
