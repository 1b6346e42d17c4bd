"""A compared design, level by level: means, paired differences, and what it would take to know."""

import json
import math
from typing import Any, NamedTuple

import pandas as pd

from colornet.cli_result import count_text
from reports.analysis.decision import Decision
from reports.analysis.statistics import (
    LEVEL,
    Difference,
    Interval,
    against_best,
    mean_interval,
    replicates_needed,
)
from reports.format import (
    interval_text,
    json_number,
    p_text,
    settings_text,
    value_text,
)
from reports.tables import SweepTables
from search.core.ranking import deciding_metric


class Level(NamedTuple):
    """One level of a compared design, or of one of its dimensions.

    Attributes:
        point: its settings.
        lost: trainings that diverged or ran out of memory.
        difference: to the best level, p adjusted for all that are compared; None for the best.
        needed: seeds that would show the study's least difference; None where that is not asked for
            or not known.
        verdict: what is known of it, in words.
    """

    point: dict[str, Any]
    mean: Interval
    lost: int
    difference: Difference | None
    needed: int | None
    verdict: str


class Comparison(NamedTuple):
    """The levels of a compared design, the best first; by dimension where there are several."""

    column: str
    difference: float | None
    names: tuple[str, ...]
    levels: tuple[Level, ...]
    dimensions: dict[str, tuple[Level, ...]]


def compare(sweep: SweepTables, decision: Decision) -> Comparison | None:
    """How the levels of a compared design differ; None for a search."""
    if decision.basis != "compare":
        return None
    study = sweep.records.study
    decides = decision.column.name == deciding_metric(study)
    wanted = study.get("difference") if decides else None
    points, names = decision.points, [dimension.name for dimension in sweep.dimensions]
    levels = _levels(points, wanted, decision)
    levels += [_never(row) for row in decision.gone.to_dict("records")]
    several = [name for name in names if len(_settings(points, name)) > 1]
    effects = {name: _main_effect(name, wanted, decision) for name in several}
    found = {name: effect for name, effect in effects.items() if effect and len(several) > 1}
    return Comparison(decision.column.name, wanted, tuple(names), tuple(levels), found)


def _settings(points: pd.DataFrame, name: str) -> set[str]:
    return {json.dumps(point[name]) for point in points["point"] if name in point}


def _levels(points: pd.DataFrame, wanted: float | None, decision: Decision) -> list[Level]:
    """Levels in the order of the rows (point, values, lost), the best first."""
    others = against_best(dict(points["values"]), points.index[0])
    return [
        _level(row, others.get(place), wanted, decision)
        for place, row in zip(points.index, points.to_dict("records"), strict=True)
    ]


def _level(
    row: dict[Any, Any], other: Difference | None, wanted: float | None, decision: Decision
) -> Level:
    paired = other is not None and other.paired
    needed = replicates_needed(wanted, other.sd) if wanted and other and paired else None
    return Level(
        point=row["point"],
        mean=mean_interval(row["values"].values()),
        lost=int(row["lost"]),
        difference=other,
        needed=needed,
        verdict=_verdict(row, other, wanted, needed, decision.column.sign) if other else "best",
    )


def _never(row: dict[Any, Any]) -> Level:
    nothing = mean_interval([])
    return Level(row["point"], nothing, int(row["lost"]), None, None, "never finished")


def _verdict(
    row: dict[Any, Any], other: Difference, wanted: float | None, needed: int | None, sign: int
) -> str:
    near = math.isfinite(other.low) and max(abs(other.low), abs(other.high)) < (wanted or 0)
    if other.p < 1 - LEVEL:
        if other.mean * sign >= 0:
            return f"worse, by less than {value_text(wanted)}" if near else "worse"
        return f"better, but {'a training was lost' if row['lost'] else 'misses the bounds'}"
    if not wanted:
        return "cannot be told from the best" if other.n > 1 else "not enough data"
    if near:
        return f"within {value_text(wanted)} of the best"
    if needed is None:
        return "not enough data"
    more = count_text(max(needed, other.n + 1), "replicate")
    return f"not enough data: about {more} would show a difference of {value_text(wanted)}"


def _main_effect(name: str, wanted: float | None, decision: Decision) -> tuple[Level, ...]:
    """The levels of one dimension, each seed's value a mean over the settings of the others.

    For a seed those settings count that were trained with it at every level, so that lost trainings
    weigh on no level alone.
    """
    points = decision.points
    cells: dict[tuple[str, int], dict[str, float]] = {}
    settings: dict[str, Any] = {}
    for point, values in zip(points["point"], points["values"], strict=True):
        if name in point:
            rest = {key: one for key, one in point.items() if key != name}
            label, other = (json.dumps(one, sort_keys=True) for one in (point[name], rest))
            settings[label] = point[name]
            for seed, value in values.items():
                cells.setdefault((other, seed), {})[label] = value
    seeds: dict[int, list[dict[str, float]]] = {}
    for (_, seed), cell in sorted(cells.items()):
        if len(cell) == len(settings):
            seeds.setdefault(seed, []).append(cell)
    if not seeds:
        return ()
    rows: list[dict[str, Any]] = [
        {
            "point": {name: setting},
            "values": {seed: sum(c[label] for c in own) / len(own) for seed, own in seeds.items()},
            "lost": _lost(decision, name, label),
        }
        for label, setting in settings.items()
    ]
    rows.sort(key=lambda row: (row["lost"] > 0, decision.column.sign * sum(row["values"].values())))
    return tuple(_levels(pd.DataFrame(rows), wanted, decision))


def _lost(decision: Decision, name: str, label: str) -> int:
    """How many trainings were lost at a setting of a dimension, whatever the others were."""
    return sum(
        int(lost)
        for rows in (decision.points, decision.gone)
        for point, lost in zip(rows["point"], rows["lost"], strict=True)
        if name in point and json.dumps(point[name], sort_keys=True) == label
    )


def comparison_tables(found: Comparison) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """The levels, then each dimension's, as texts; a heading first."""
    shown = [(found.levels, found.names)]
    shown += [(levels, (name,)) for name, levels in found.dimensions.items()]
    return tuple(_texts(levels, found.column, names) for levels, names in shown)


def _texts(
    levels: tuple[Level, ...], column: str, names: tuple[str, ...]
) -> tuple[tuple[str, ...], ...]:
    """One row per level: mean and difference to the best with 95 % intervals, p, verdict."""
    head = (", ".join(names), column, "seeds", "lost", "minus the best", "p", "verdict")
    body = []
    for level in levels:
        other = level.difference
        body.append(
            (
                settings_text(level.point, names),
                interval_text(level.mean.estimate, level.mean.low, level.mean.high),
                str(level.mean.n),
                str(level.lost or ""),
                interval_text(other.mean, other.low, other.high, signed=True) if other else "",
                p_text(other.p) if other else "",
                level.verdict,
            )
        )
    return (head, *body)


def comparison_data(found: Comparison) -> dict[str, Any]:
    """The same as JSON-able data."""
    return {
        "column": found.column,
        "difference": found.difference,
        "levels": [_data(level) for level in found.levels],
        "dimensions": {
            name: [_data(level) for level in levels] for name, levels in found.dimensions.items()
        },
    }


def _data(level: Level) -> dict[str, Any]:
    other = level.difference
    names = ("mean", "low", "high", "p", "n")
    return {
        "point": level.point,
        "mean": json_number(level.mean.estimate),
        "low": json_number(level.mean.low),
        "high": json_number(level.mean.high),
        "n": level.mean.n,
        "lost": level.lost,
        "minus_best": {name: json_number(getattr(other, name)) for name in names}
        if other
        else None,
        "paired": other.paired if other else None,
        "replicates_needed": level.needed,
        "verdict": level.verdict,
    }
