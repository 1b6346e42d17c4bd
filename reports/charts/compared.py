"""The levels of a compared design, with the trainings of one seed joined."""

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
from reports.format import interval_text, setting_labels, value_text
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
    return sweep.panels(by_dimension=True) if sweep.is_comparison else []


def prepare(sweep: SweepTables, dimension: str, objective: str | None = None) -> ComparedInfo:
    """The replicates of each level, and their means.

    Raises:
        KeyError: when the space has no such dimension.
    """
    axis = sweep.dimension(dimension)
    column = sweep.column(objective or sweep.leading.name)
    rows = sweep.outcomes(column.name, "scored", "failed")
    rows = rows[np.array([dimension in point for point in rows["point"]], dtype=bool)]
    settings = [point[dimension] for point in rows["point"]]
    labels = setting_labels(axis, settings)
    index = {key: place for place, key in enumerate(labels)}
    by_key = _compared(sweep, column, dimension)
    rows["value"] = rows["value"].where(rows["kind"] == "scored")
    columns = (rows[name] for name in ("trial_id", "number", "point", "seed", "value"))
    replicates = tuple(
        Replicate(
            trial=trial,
            number=number,
            level=index[setting_key(setting)],
            series=setting_key([{**point, dimension: None}, int(seed)]),
            value=value if math.isfinite(value) else None,
        )
        for setting, trial, number, point, seed, value in zip(settings, *columns, strict=True)
    )
    return ComparedInfo(
        dimension=dimension,
        objective=column,
        levels=tuple(_mean(name, by_key.get(key)) for key, name in labels.items()),
        replicates=replicates,
        series=len({replicate.series for replicate in replicates}),
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
    return {setting_key(lv.point[dimension]): lv for lv in levels if dimension in lv.point}


def _mean(name: str, level: Level | None) -> LevelMean:
    if level is None:
        return LevelMean(name, mean_interval([]), False, "")
    return LevelMean(name, level.mean, level.difference is None and level.mean.n > 0, level.verdict)


def draw(info: ComparedInfo) -> go.Figure:
    """Trainings joined by seed, and beside them each level's mean."""
    chart = _style.figure("", info.objective.title, height=320, showlegend=True)
    values = [rep.value for rep in info.replicates if rep.value is not None]
    ends = [end for level in info.levels for end in level.mean[1:3] if math.isfinite(end)]
    view = _style.view_range(values, ends)
    order = list(dict.fromkeys(replicate.series for replicate in info.replicates))
    shifts = {
        series: SHIFT * (2 * index / (len(order) - 1) - 1) if len(order) > 1 else 0.0
        for index, series in enumerate(order)
    }
    chart.add_trace(_joined(info, shifts, view))
    points, lost = [], []
    for rep in info.replicates:
        x, name = rep.level + shifts[rep.series], f"{rep.trial}: {info.levels[rep.level].name}"
        if rep.value is None:
            lost.append((x, rep.number, f"{name} → lost"))
        else:
            points.append((x, rep.value, rep.number, f"{name} → {value_text(rep.value)}"))
    marker = {"size": 6, "color": _style.BLUE, "opacity": 0.75, "symbol": "circle"}
    name = "training, joined with those of its seed"
    chart.add_trace(_style.marks(points, marker, view=view, name=name))
    if lost:
        crosses = _style.failed_marks(lost, view, info.objective.sign)
        chart.add_trace(crosses.update(name="lost"))
    for best in (False, True):
        chart.add_trace(_means(info, best))
    chart.update_xaxes(**_style.category_axis([level.name for level in info.levels], LONGEST))
    chart.update_yaxes(range=view)
    return chart


def _joined(info: ComparedInfo, shifts: dict[str, float], view: tuple[float, float]) -> go.Scatter:
    """One line per series, with gaps between them."""
    x, y = [], []
    for series, shift in shifts.items():
        line = [rep for rep in info.replicates if rep.series == series and rep.value is not None]
        line.sort(key=lambda replicate: replicate.level)
        # Plotly breaks a line at NaN: one trace holds all series.
        x += [*(replicate.level + shift for replicate in line), math.nan]
        y += [*(replicate.value for replicate in line), math.nan]
    return go.Scatter(
        x=np.array(x),
        y=np.clip(np.array(y, dtype=float), *view),
        mode="lines",
        line={"color": _style.MUTED, "width": 0.9},
        hoverinfo="skip",
        showlegend=False,
    )


def _means(info: ComparedInfo, best: bool) -> go.Scatter:
    levels = [
        (x + 0.3, level)
        for x, level in enumerate(info.levels)
        if level.best == best and level.mean.n
    ]
    color = _style.VERMILLION if best else _style.INK
    halves = [m.high - m.estimate if math.isfinite(m.high) else 0 for _, (_, m, *_) in levels]
    texts = [
        f"{level.name}: {interval_text(*level.mean[:3])} over {count_text(level.mean.n, 'seed')}"
        for _, level in levels
    ]
    return go.Scatter(
        x=np.array([x for x, _ in levels]),
        y=np.array([level.mean.estimate for _, level in levels]),
        error_y={"type": "data", "array": np.array(halves), "color": color, "thickness": 1.8},
        text=[_style.safe(text) for text in texts],
        mode="markers",
        name="best mean" if best else "mean with 95% interval",
        marker={"size": 9, "symbol": "diamond", "color": color},
        hovertemplate="%{text}<extra></extra>",
        showlegend=bool(levels),
    )


def caption(info: ComparedInfo) -> str:
    """How many trainings there are, and what is known of each level."""
    lost = sum(replicate.value is None for replicate in info.replicates)
    text = f"{count_text(len(info.replicates), 'training')} of {len(info.levels)} levels"
    if lost:
        text += f", {lost} lost (crosses)"
    best = [level.name for level in info.levels if level.best]
    if best:
        text += f". Best mean: {best[0]}"
    verdicts = [
        f"{level.name}: {level.verdict}"
        for level in info.levels
        if level.verdict not in ("best", "")
    ]
    if verdicts:
        text += f". The others – {'; '.join(verdicts)}"
    return text + "."


def table(info: ComparedInfo) -> pd.DataFrame:
    """Mean with its interval and verdict per level."""
    rows = [
        (level.name, interval_text(*level.mean[:3]), level.mean.n, level.verdict)
        for level in info.levels
    ]
    names = [info.dimension, f"mean {info.objective.title}", "seeds", "verdict"]
    return pd.DataFrame(rows, columns=names)
