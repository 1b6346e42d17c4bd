"""The levels of a compared design, with the trainings of one seed joined."""

import json
import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.analysis.decision import decide
from reports.analysis.levels import Level, compare
from reports.analysis.statistics import Interval, mean_interval
from reports.charts import _style
from reports.format import interval_text, setting_text, value_text
from reports.tables import Column, SweepTables, setting_key
from search.core.ranking import deciding_metric

ID, TITLE = "compared", "The compared levels"
GROUP, ORDER = "mattered", 10
GRID = ("dimension",)
SHIFT = 0.16
"""Greatest shift of a training to the side, so that equal values can be told apart."""
LONGEST = 18
"""Characters of a level's name under the axis."""


class Replicate(NamedTuple):
    """One replicate; `level` is its place, `value` None where it was lost.

    Trainings of the same `series` differ in the level only: same seed, same other settings.
    """

    trial: str
    number: int
    level: int
    series: str
    value: float | None


class LevelMean(NamedTuple):
    """A level's name, its mean over seeds with the interval, and what is known of it in words."""

    name: str
    mean: Interval
    best: bool
    verdict: str


class ComparedInfo(NamedTuple):
    """One dimension; levels are in the order of the study."""

    dimension: str
    objective: Column
    levels: tuple[LevelMean, ...]
    replicates: tuple[Replicate, ...]
    series: int
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """Every objective, and for it every dimension; nothing for a search."""
    if not sweep.is_comparison:
        return []
    return [
        {"objective": objective.name, "dimension": dimension.name}
        for objective in sweep.objectives
        for dimension in sweep.dimensions
    ]


def prepare(sweep: SweepTables, dimension: str, objective: str | None = None) -> ComparedInfo:
    """The replicates of each level, and their means.

    Raises:
        KeyError: when the space has no such dimension.
    """
    axis = sweep.dimension(dimension)
    column = sweep.column(objective or sweep.leading.name)
    rows = sweep.outcomes(column.name)
    rows = rows[rows["kind"].isin(["scored", "failed"])]
    rows = rows[np.array([dimension in point for point in rows["point"]], dtype=bool)]
    settings = [point[dimension] for point in rows["point"]]
    labels = axis.keys(settings)
    by_key = _compared(sweep, column, dimension)
    rows["value"] = rows["value"].where(rows["kind"] == "scored")
    columns = (rows[name] for name in ("trial_id", "number", "point", "seed", "value"))
    replicates = tuple(
        Replicate(
            trial=trial,
            number=number,
            level=labels.index(setting_key(setting)),
            series=setting_key([{**point, dimension: None}, int(seed)]),
            value=value if math.isfinite(value) else None,
        )
        for setting, trial, number, point, seed, value in zip(settings, *columns, strict=True)
    )
    return ComparedInfo(
        dimension=dimension,
        objective=column,
        levels=tuple(_mean(label, by_key) for label in labels),
        replicates=replicates,
        series=len({one.series for one in replicates}),
        missing="" if replicates else "No training of this comparison has ended yet.",
    )


def _compared(sweep: SweepTables, column: Column, dimension: str) -> dict[str, Level]:
    """What the comparison says of each level of the dimension, by its setting."""
    decides = deciding_metric(sweep.records.study) or sweep.objectives[0].name
    decision = decide(sweep, None if column.name == decides else column.name)
    comparison = compare(sweep, decision) if decision else None
    if comparison is None:
        return {}
    levels = comparison.dimensions.get(
        dimension, () if comparison.dimensions else comparison.levels
    )
    return {setting_key(one.point[dimension]): one for one in levels if dimension in one.point}


def _mean(label: str, by_key: dict[str, Level]) -> LevelMean:
    name = setting_text(json.loads(label))
    level = by_key.get(label)
    if level is None:
        return LevelMean(name, mean_interval([]), False, "")
    return LevelMean(name, level.mean, level.difference is None and level.mean.n > 0, level.verdict)


def draw(info: ComparedInfo) -> go.Figure:
    """Trainings joined by seed, and beside them each level's mean."""
    chart = _style.figure("", info.objective.title, height=320)
    values = [one.value for one in info.replicates if one.value is not None]
    ends = [end for level in info.levels for end in level.mean[1:3] if math.isfinite(end)]
    view = _style.view_range(values, ends)
    order = list(dict.fromkeys(one.series for one in info.replicates))
    places = {
        one: SHIFT * (2 * index / (len(order) - 1) - 1) if len(order) > 1 else 0.0
        for index, one in enumerate(order)
    }
    chart.add_trace(_joined(info, places, view))
    scored = [one for one in info.replicates if one.value is not None]
    marker = {
        "size": 6,
        "color": _style.BLUE,
        "opacity": 0.75,
        "symbol": _style.symbols(values, view, "circle"),
    }
    points = _style.marks(
        [one.level + places[one.series] for one in scored],
        _style.inside(values, view),
        [one.number for one in scored],
        [_words(info, one) for one in scored],
        marker,
        name="training, joined with those of its seed",
    )
    chart.add_trace(points)
    lost = [one for one in info.replicates if one.value is None]
    if lost:
        x = [one.level + places[one.series] for one in lost]
        numbers, names = [one.number for one in lost], [_words(info, one) for one in lost]
        marks = _style.failed_marks(x, names, numbers, view, info.objective.sign)
        chart.add_trace(marks.update(name="lost"))
    for best in (False, True):
        chart.add_trace(_means(info, best))
    chart.update_xaxes(
        tickvals=np.arange(len(info.levels)),
        ticktext=[_style.tick(level.name, LONGEST) for level in info.levels],
        range=[-0.5, max(len(info.levels), 1) - 0.5],
    )
    chart.update_yaxes(range=view)
    chart.update_layout(showlegend=True)
    return chart


def _joined(info: ComparedInfo, places: dict[str, float], view: tuple[float, float]) -> go.Scatter:
    """One line per series, with gaps between them."""
    x, y = [], []
    for series in places:
        line = [one for one in info.replicates if one.series == series and one.value is not None]
        line.sort(key=lambda one: one.level)
        # Plotly breaks a line at NaN: one trace holds all series.
        x += [*(one.level + places[series] for one in line), math.nan]
        y += [*_style.inside([one.value or 0.0 for one in line], view), math.nan]
    return go.Scatter(
        x=np.array(x),
        y=np.array(y),
        mode="lines",
        line={"color": _style.MUTED, "width": 0.9},
        hoverinfo="skip",
        showlegend=False,
    )


def _means(info: ComparedInfo, best: bool) -> go.Scatter:
    levels = [
        (place + 0.3, level)
        for place, level in enumerate(info.levels)
        if level.best == best and level.mean.n
    ]
    color = _style.VERMILLION if best else _style.INK
    halves = [m.high - m.estimate if math.isfinite(m.high) else 0 for _, (_, m, *_) in levels]
    texts = [
        f"{level.name}: {interval_text(*level.mean[:3])} over {count_text(level.mean.n, 'seed')}"
        for _, level in levels
    ]
    return go.Scatter(
        x=np.array([place for place, _ in levels]),
        y=np.array([level.mean.estimate for _, level in levels]),
        error_y={"type": "data", "array": np.array(halves), "color": color, "thickness": 1.8},
        text=[_style.safe(text) for text in texts],
        mode="markers",
        name="best mean" if best else "mean with 95 % interval",
        marker={"size": 9, "symbol": "diamond", "color": color},
        hovertemplate="%{text}<extra></extra>",
        showlegend=bool(levels),
    )


def _words(info: ComparedInfo, one: Replicate) -> str:
    value = "lost" if one.value is None else value_text(one.value)
    return f"{one.trial}: {info.levels[one.level].name} → {value}"


def caption(info: ComparedInfo) -> str:
    """How many trainings there are, and what is known of each level."""
    lost = sum(one.value is None for one in info.replicates)
    text = f"{count_text(len(info.replicates), 'training')} of {len(info.levels)} levels"
    if lost:
        text += f", {lost} lost (crosses)"
    best = [level.name for level in info.levels if level.best]
    if best:
        text += f". Best mean: {best[0]}"
    verdicts = [
        f"{level.name}: {level.verdict}" for level in info.levels if level.verdict != "best"
    ]
    verdicts = [one for one in verdicts if not one.endswith(": ")]
    if verdicts:
        text += f". The others – {'; '.join(verdicts)}"
    return text + "."


def table(info: ComparedInfo) -> pd.DataFrame:
    """Mean with its interval and verdict per level."""
    rows = [
        (
            level.name,
            interval_text(*level.mean[:3]),
            level.mean.n,
            level.verdict,
        )
        for level in info.levels
    ]
    names = [info.dimension, f"mean {info.objective.title}", "seeds", "verdict"]
    return pd.DataFrame(rows, columns=names)
