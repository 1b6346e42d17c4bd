"""The levels of a compared design, with the trainings of one seed joined."""

import json
import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.analysis.decision import decide
from reports.analysis.levels import Level, compare
from reports.analysis.statistics import Interval, mean_interval
from reports.charts import _style
from reports.format import interval_text, setting_text, value_text
from reports.tables import Column, SweepTables
from search.core.ranking import deciding_metric

ID, TITLE, SHORT = "compared", "The compared levels", "Levels"
GRID = ("dimension",)
SHIFT = 0.16
"""Greatest shift of a training to the side, so that equal values can be told apart."""
LONGEST = 18
"""Characters of a level's name under the axis."""


class Training(NamedTuple):
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
    trainings: tuple[Training, ...]
    series: int
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """Every objective, and for it every dimension; nothing for a search."""
    if sweep.records.study.get("design") != "compare":
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
    rows = sweep.outcomes(column.name).assign(
        point=sweep.searched["point"], seed=sweep.searched["seed"]
    )
    rows = rows[rows["kind"].isin(["scored", "failed"])]
    rows = rows[np.array([dimension in point for point in rows["point"]], dtype=bool)]
    keys = [_key(point[dimension]) for point in rows["point"]]
    labels = list(dict.fromkeys([*map(_key, axis.choices), *keys]))
    known = _compared(sweep, column, dimension)
    rows["value"] = rows["value"].where(rows["kind"] == "scored")
    trainings = tuple(
        Training(trial, number, labels.index(key), _series(point, dimension, seed), _finite(value))
        for trial, number, key, point, seed, value in zip(
            rows["trial_id"],
            rows["number"],
            keys,
            rows["point"],
            rows["seed"],
            rows["value"],
            strict=True,
        )
    )
    return ComparedInfo(
        dimension=dimension,
        objective=column,
        levels=tuple(_mean(label, known) for label in labels),
        trainings=trainings,
        series=len({training.series for training in trainings}),
        missing="" if trainings else "No training of this comparison has ended yet.",
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _compared(sweep: SweepTables, column: Column, dimension: str) -> dict[str, Level]:
    """What the comparison says of each level of the dimension, by its setting."""
    decides = deciding_metric(sweep.records.study) or sweep.objectives[0].name
    decision = decide(sweep, None if column.name == decides else column.name)
    found = compare(sweep, decision) if decision else None
    if found is None:
        return {}
    levels = found.dimensions.get(dimension, () if found.dimensions else found.levels)
    return {_key(one.point[dimension]): one for one in levels if dimension in one.point}


def _key(setting: Any) -> str:
    return json.dumps(setting, sort_keys=True)


def _series(point: dict[str, Any], dimension: str, seed: int) -> str:
    return _key([{name: one for name, one in point.items() if name != dimension}, int(seed)])


def _mean(label: str, known: dict[str, Level]) -> LevelMean:
    name = setting_text(json.loads(label))
    level = known.get(label)
    if level is None:
        return LevelMean(name, mean_interval([]), False, "")
    return LevelMean(name, level.mean, level.difference is None and level.mean.n > 0, level.verdict)


def draw(info: ComparedInfo) -> go.Figure:
    """Trainings joined by seed, and beside them each level's mean."""
    chart = _style.figure("", info.objective.title, height=320)
    values = [one.value for one in info.trainings if one.value is not None]
    ends = [end for level in info.levels for end in level.mean[1:3] if math.isfinite(end)]
    shown = _style.view_range(values, ends)
    order = list(dict.fromkeys(one.series for one in info.trainings))
    places = {
        one: SHIFT * (2 * index / (len(order) - 1) - 1) if len(order) > 1 else 0.0
        for index, one in enumerate(order)
    }
    chart.add_trace(_joined(info, places, shown))
    scored = [one for one in info.trainings if one.value is not None]
    chart.add_scatter(
        x=np.array([one.level + places[one.series] for one in scored]),
        y=np.array(_style.inside([one.value or 0.0 for one in scored], shown)),
        **_style.linked(one.number for one in scored),
        text=[_words(info, one) for one in scored],
        mode="markers",
        name="training, joined with those of its seed",
        marker={
            "size": 6,
            "color": _style.BLUE,
            "opacity": 0.75,
            "symbol": _style.symbols([one.value or 0.0 for one in scored], shown, "circle"),
        },
        hovertemplate="%{text}<extra></extra>",
    )
    lost = [one for one in info.trainings if one.value is None]
    if lost:
        x = [one.level + places[one.series] for one in lost]
        numbers, names = [one.number for one in lost], [_words(info, one) for one in lost]
        marks = _style.failed_marks(x, names, numbers, shown, info.objective.sign)
        chart.add_trace(marks.update(name="lost"))
    for best in (False, True):
        chart.add_trace(_means(info, best))
    chart.update_xaxes(
        tickvals=np.arange(len(info.levels)),
        ticktext=[_style.tick(level.name, LONGEST) for level in info.levels],
        range=[-0.5, max(len(info.levels), 1) - 0.5],
    )
    chart.update_yaxes(range=shown)
    chart.update_layout(showlegend=True)
    return chart


def _joined(info: ComparedInfo, places: dict[str, float], shown: tuple[float, float]) -> go.Scatter:
    """One line per series, with gaps between them."""
    x, y = [], []
    for series in places:
        own = [one for one in info.trainings if one.series == series and one.value is not None]
        own.sort(key=lambda one: one.level)
        x += [*(one.level + places[series] for one in own), math.nan]
        y += [*_style.inside([one.value or 0.0 for one in own], shown), math.nan]
    return go.Scatter(
        x=np.array(x),
        y=np.array(y),
        mode="lines",
        line={"color": _style.MUTED, "width": 0.9},
        hoverinfo="skip",
        showlegend=False,
    )


def _means(info: ComparedInfo, best: bool) -> go.Scatter:
    rows = [
        (place + 0.3, level.mean, level)
        for place, level in enumerate(info.levels)
        if level.best == best and level.mean.n
    ]
    color = _style.VERMILLION if best else _style.INK
    halves = [mean.high - mean.estimate if math.isfinite(mean.high) else 0 for _, mean, _ in rows]
    return go.Scatter(
        x=np.array([place for place, _, _ in rows]),
        y=np.array([mean.estimate for _, mean, _ in rows]),
        error_y={"type": "data", "array": np.array(halves), "color": color, "thickness": 1.8},
        text=[_mean_words(level) for _, _, level in rows],
        mode="markers",
        name="best mean" if best else "mean with 95 % interval",
        marker={"size": 9, "symbol": "diamond", "color": color},
        hovertemplate="%{text}<extra></extra>",
        showlegend=bool(rows),
    )


def _mean_words(level: LevelMean) -> str:
    mean = interval_text(level.mean.estimate, level.mean.low, level.mean.high)
    return _style.safe(f"{level.name}: {mean} over {count_text(level.mean.n, 'seed')}")


def _words(info: ComparedInfo, one: Training) -> str:
    value = "lost" if one.value is None else value_text(one.value)
    return _style.safe(f"{one.trial}: {info.levels[one.level].name} → {value}")


def caption(info: ComparedInfo) -> str:
    """How many trainings there are, and what is known of each level."""
    if info.missing:
        return ""
    lost = sum(one.value is None for one in info.trainings)
    text = f"{count_text(len(info.trainings), 'training')} of {len(info.levels)} levels"
    if lost:
        text += f", {lost} lost (crosses)"
    best = [level.name for level in info.levels if level.best]
    if best:
        text += f". Best mean: {best[0]}"
    said = [f"{level.name}: {level.verdict}" for level in info.levels if level.verdict != "best"]
    said = [one for one in said if not one.endswith(": ")]
    if said:
        text += f". The others – {'; '.join(said)}"
    return text + "."


def table(info: ComparedInfo) -> pd.DataFrame:
    """Mean with its interval and verdict per level."""
    rows = [
        (
            level.name,
            interval_text(level.mean.estimate, level.mean.low, level.mean.high),
            level.mean.n,
            level.verdict,
        )
        for level in info.levels
    ]
    names = [info.dimension, f"mean {info.objective.title}", "seeds", "verdict"]
    return pd.DataFrame(rows, columns=names)
