"""A compared design: its levels beside the best one, each dimension by seed, and interactions.

Differences are between trainings of the same seed wherever seeds are shared.
"""

import itertools
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from colornet.cli_result import count_text
from reports.analysis.decision import Decision, comparable
from reports.analysis.statistics import (
    Difference,
    Interval,
    differences_to,
    is_significant,
    mean_interval,
    replicates_needed,
)
from reports.analysis.with_best import compare_with_best
from reports.format import (
    interval_text,
    json_number,
    p_text,
    setting_text,
    settings_text,
    value_text,
)
from reports.tables import SweepTables, setting_key, varies
from spaces.dimensions import Dimension

Values = dict[str, dict[int, float]]
"""{JSON of a level: {seed: value}}"""


class Level(NamedTuple):
    """One level of a compared design, or of one of its dimensions.

    Attributes:
        point: its settings.
        lost: trainings that diverged or ran out of memory.
        difference: to the first level, with p of being the best or as good; None for the first.
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
    wanted = sweep.least_difference(decision.column.name)
    points, names = decision.points, [dimension.name for dimension in sweep.dimensions]
    levels = _levels(points, wanted, decision)
    levels += [
        Level(row["point"], mean_interval([]), int(row["lost"]), None, None, "never finished")
        for row in decision.unranked.to_dict("records")
    ]
    several = [axis.name for axis in sweep.dimensions if varies(axis, points["point"])]
    by_dimension = {}
    if len(several) > 1:
        effects = {name: _main_effect(sweep, name, wanted, decision) for name in several}
        by_dimension = {name: levels_of for name, levels_of in effects.items() if levels_of}
    return Comparison(decision.column.name, wanted, tuple(names), tuple(levels), by_dimension)


def _levels(points: pd.DataFrame, wanted: float | None, decision: Decision) -> list[Level]:
    """Levels in the order of the rows (point, values, lost), the best first."""
    values, first, sign = dict(points["values"]), points.index[0], decision.column.sign
    others = differences_to(values, first)
    rivals = points.index[comparable(points)]
    p = {row: level.p for row, level in compare_with_best(values, sign, rivals).items()}
    # Those that look better than the first lost trainings or miss the bounds: whether they are.
    better = [row for row, other in others.items() if other.mean * sign < 0]
    p |= {row: min(1.0, len(better) * others[row].p) for row in better}
    others = {row: other._replace(p=p[row]) for row, other in others.items()}
    return [
        _level(row, others.get(index), wanted, decision)
        for index, row in zip(points.index, points.to_dict("records"), strict=True)
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


def _verdict(
    row: dict[Any, Any], other: Difference, wanted: float | None, needed: int | None, sign: int
) -> str:
    near = math.isfinite(other.low) and max(abs(other.low), abs(other.high)) < (wanted or 0)
    if is_significant(other.p):
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


def _main_effect(
    sweep: SweepTables, name: str, wanted: float | None, decision: Decision
) -> tuple[Level, ...]:
    """The levels of one dimension, each seed's value a mean over the settings of the others."""
    points = decision.points
    rows = [
        (point, seed, value)
        for point, values in zip(points["point"], points["values"], strict=True)
        for seed, value in values.items()
    ]
    frame = pd.DataFrame(rows, columns=["point", "seed", "value"])
    by_level = level_values(name, sweep.dimensions, frame)
    if not all(by_level.values()):
        return ()
    levels: list[dict[str, Any]] = [
        {"point": {name: json.loads(key)}, "values": values, "lost": _lost(decision, name, key)}
        for key, values in by_level.items()
    ]
    levels.sort(
        key=lambda row: (
            row["lost"] > 0,
            decision.column.sign * sum(row["values"].values()) / len(row["values"]),
        )
    )
    return tuple(_levels(pd.DataFrame(levels), wanted, decision))


def _lost(decision: Decision, name: str, key: str) -> int:
    """How many trainings were lost at a setting of a dimension, whatever the others were."""
    return sum(
        int(lost)
        for rows in (decision.points, decision.unranked)
        for point, lost in zip(rows["point"], rows["lost"], strict=True)
        if name in point and setting_key(point[name]) == key
    )


def comparison_tables(compared: Comparison) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """The levels, then each dimension's, as texts; a heading first."""
    parts = [(compared.levels, compared.names)]
    parts += [(levels, (name,)) for name, levels in compared.dimensions.items()]
    return tuple(_texts(levels, compared.column, names) for levels, names in parts)


def _texts(
    levels: tuple[Level, ...], column: str, names: tuple[str, ...]
) -> tuple[tuple[str, ...], ...]:
    """One row per level: mean and difference to the best with 95% intervals, p, verdict."""
    head = (", ".join(names), column, "seeds", "lost", "minus the best", "p", "verdict")
    body = [
        (
            settings_text(level.point, names),
            interval_text(*level.mean[:3]),
            str(level.mean.n),
            str(level.lost or ""),
            interval_text(*other[:3], signed=True) if (other := level.difference) else "",
            p_text(other.p) if other else "",
            level.verdict,
        )
        for level in levels
    ]
    return (head, *body)


def comparison_data(compared: Comparison) -> dict[str, Any]:
    """The same as JSON-able data."""
    return {
        "column": compared.column,
        "difference": compared.difference,
        "levels": [_data(level) for level in compared.levels],
        "dimensions": {
            name: [_data(level) for level in levels] for name, levels in compared.dimensions.items()
        },
    }


def _data(level: Level) -> dict[str, Any]:
    other = level.difference
    names = ("mean", "low", "high", "p", "n")
    ends = zip(names, level.mean[:3], strict=False)
    return {
        "point": level.point,
        **{name: json_number(number) for name, number in ends},
        "n": level.mean.n,
        "lost": level.lost,
        "minus_best": {name: json_number(getattr(other, name)) for name in names}
        if other
        else None,
        "paired": other.paired if other else None,
        "replicates_needed": level.needed,
        "verdict": level.verdict,
    }


class ComparedLevels(NamedTuple):
    """The levels of one dimension.

    Attributes:
        levels: JSON of the settings, the best mean first (over the seeds that all have).
        settings: by that JSON.
        differences: of every pair of levels, the later minus the earlier one; p not adjusted.
        seeds: that all levels have.
    """

    dimension: str
    levels: tuple[str, ...]
    settings: dict[str, Any]
    means: dict[str, float]
    differences: dict[tuple[str, str], Difference]
    seeds: int

    def text(self, level: str) -> str:
        """A level's name."""
        return setting_text(self.settings[level])


def compare_levels(
    dimension: str, dimensions: Sequence[Dimension], rows: pd.DataFrame, sign: int
) -> ComparedLevels:
    """How the levels of a dimension differ, means over the settings of the others.

    Args:
        rows: point, seed and value of every training that counts.
        sign: 1 where smaller values are better, else -1.
    """
    settings = {setting_key(p[dimension]): p[dimension] for p in rows["point"] if dimension in p}
    values = level_values(dimension, dimensions, rows)
    shared = set.intersection(*map(set, values.values())) if values else set()
    means = {
        key: _mean([by_seed[seed] for seed in shared] or list(by_seed.values()))
        for key, by_seed in values.items()
    }
    levels = sorted(values, key=lambda key: sign * means[key])
    differences = {}
    for index, level in enumerate(levels):
        others = differences_to(values, level)
        differences |= {(level, other): others[other] for other in levels[index + 1 :]}
    return ComparedLevels(dimension, tuple(levels), settings, means, differences, len(shared))


def level_values(dimension: str, dimensions: Sequence[Dimension], rows: pd.DataFrame) -> Values:
    """Each seed's value at each level of a dimension, a mean over the settings of the others.

    For a seed those settings count that were trained with it at every level, so that lost trainings
    weigh on no level alone. Over dimensions that only some levels have a level's own mean is taken.
    """
    below = _below(dimension, dimensions)
    cells: dict[tuple[str, int], dict[str, dict[str, float]]] = {}
    combinations: dict[str, set[str]] = {}
    for point, seed, value in zip(rows["point"], rows["seed"], rows["value"], strict=True):
        if dimension not in point:
            continue
        rest = {k: v for k, v in point.items() if k != dimension and k not in below}
        inner = {k: v for k, v in point.items() if k in below}
        level = setting_key(point[dimension])
        combinations.setdefault(level, set()).add(setting_key(inner))
        cells.setdefault((setting_key(rest), int(seed)), {}).setdefault(level, {})[
            setting_key(inner)
        ] = value
    if len({rest for rest, _ in cells}) == 1:  # a level that lost a seed keeps the others
        return {
            level: {
                seed: _mean(cell[level].values())
                for (_, seed), cell in sorted(cells.items())
                if level in cell and set(cell[level]) == combinations[level]
            }
            for level in combinations
        }
    whole: dict[int, list[dict[str, float]]] = {}
    for (_, seed), cell in sorted(cells.items()):
        if all(set(cell.get(level, ())) == combinations[level] for level in combinations):
            whole.setdefault(seed, []).append({k: _mean(v.values()) for k, v in cell.items()})
    return {
        level: {seed: _mean([cell[level] for cell in inner]) for seed, inner in whole.items()}
        for level in combinations
    }


def _below(name: str, dimensions: Sequence[Dimension]) -> set[str]:
    """Dimensions that are active at some values of this one only."""
    names = {name}
    for _ in dimensions:  # conditions may chain, at most through all of them
        names |= {dimension.name for dimension in dimensions if names & set(dimension.when)}
    return names - {name}


class Interaction(NamedTuple):
    """p (not adjusted) of levels of `first` differing alike at every level of `second`.

    Attributes:
        where: for each level of `second` the difference of the two levels of `first` that differ
            most in how they differ, the later minus the earlier one.
    """

    first: str
    second: str
    p: float
    levels: tuple[Any, Any]
    where: tuple[tuple[Any, Difference], ...]


def interactions(dimensions: Sequence[Dimension], rows: pd.DataFrame) -> list[Interaction]:
    """Every pair of dimensions of which all combinations were trained with the same seeds."""
    tested = []
    for first, second in itertools.combinations(dimensions, 2):
        table = _table(first.name, second.name, rows)
        if table is not None:
            tested.append(_interaction(first.name, second.name, *table))
    return [interaction for interaction in tested if math.isfinite(interaction.p)]


def _table(
    first: str, second: str, rows: pd.DataFrame
) -> tuple[np.ndarray, list[Any], list[Any]] | None:
    """(S, A, B) values by seed and levels, means over other settings that all combinations have."""
    settings: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    cells: dict[tuple[int, str], dict[tuple[str, str], float]] = {}
    for point, seed, value in zip(rows["point"], rows["seed"], rows["value"], strict=True):
        if first in point and second in point:
            rest = {k: v for k, v in point.items() if k not in (first, second)}
            keys = setting_key(point[first]), setting_key(point[second])
            for by_key, key, name in zip(settings, keys, (first, second), strict=True):
                by_key.setdefault(key, point[name])
            cells.setdefault((int(seed), setting_key(rest)), {})[keys] = value
    shape = len(settings[0]), len(settings[1])
    seeds: dict[int, list[np.ndarray]] = {}
    for (seed, _), cell in sorted(cells.items()):
        if len(cell) == shape[0] * shape[1]:
            whole = [[cell[a, b] for b in settings[1]] for a in settings[0]]
            seeds.setdefault(seed, []).append(np.array(whole))
    if len(seeds) < 2 or min(shape) < 2:
        return None
    table = np.array([np.mean(cells_of_seed, axis=0) for cells_of_seed in seeds.values()])
    return table, list(settings[0].values()), list(settings[1].values())


def _interaction(
    first: str, second: str, table: np.ndarray, settings: list[Any], others: list[Any]
) -> Interaction:
    # y_ab - y_a. - y_.b + y_..: of each seed what neither dimension explains alone.
    rest = table - table.mean(1, keepdims=True) - table.mean(2, keepdims=True)
    mean = (rest + table.mean((1, 2), keepdims=True)).mean(0)
    pairs = itertools.combinations(range(len(settings)), 2)
    a, b = max(pairs, key=lambda pair: np.ptp(mean[pair[1]] - mean[pair[0]]))
    where = []
    for column, setting in enumerate(others):
        sides = [dict(enumerate(table[:, level, column].tolist())) for level in (a, b)]
        where.append((setting, differences_to({"a": sides[0], "b": sides[1]}, "a")["b"]))
    p = repeated_measures(table)
    return Interaction(first, second, p, (settings[a], settings[b]), tuple(where))


def repeated_measures(table: np.ndarray) -> float:
    """p of the interaction in a two-way layout within seeds, (S, A, B).

    Degrees of freedom as by Greenhouse and Geisser (1959), as effects of a seed on several levels
    need not be alike. NaN where nothing is left to compare with.
    """
    # Of each seed the (a - 1)(b - 1) contrasts of the interaction; Hotelling's T2 would need more
    # seeds than contrasts, so their mean square is compared with their variance within seeds.
    seeds, a, b = table.shape
    # Orthonormal contrasts of the levels on either side, (levels - 1, levels).
    left, right = (np.linalg.svd(np.eye(n) - 1 / n)[2][: n - 1] for n in (a, b))
    scores = np.einsum("sab,ia,jb->sij", table, left, right).reshape(seeds, -1)
    if seeds < 2:
        return math.nan
    mean, count = scores.mean(0), scores.shape[1]
    spread = np.atleast_2d(np.cov(scores.T))  # NumPy makes a scalar of a single contrast
    within = float(np.trace(spread))
    if within <= 1e-20 * max(float((table**2).mean()), 1e-300):
        return math.nan
    size = seeds * float(mean @ mean) / within
    # epsilon = tr(S)^2 / (k tr(S^2)), 1 where S is a multiple of the identity.
    epsilon = within**2 / (count * float((spread**2).sum()))
    return float(stats.f.sf(size, epsilon * count, epsilon * count * (seeds - 1)))


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values) if values else math.nan
