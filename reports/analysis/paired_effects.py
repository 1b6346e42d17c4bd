"""What each dimension of a compared design does: differences by seed, and whether they depend on
another dimension."""

import itertools
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from reports.analysis.statistics import Difference, differences_to
from reports.tables import Dimension

Values = dict[str, dict[int, float]]
"""Of each level, by its JSON: seed to value."""


class Compared(NamedTuple):
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


def compare_levels(
    dimension: str, dimensions: Sequence[Dimension], rows: pd.DataFrame, sign: int
) -> Compared:
    """How the levels of a dimension differ, means over the settings of the others.

    Args:
        rows: point, seed and value of every training that counts.
        sign: 1 where smaller values are better, else -1.
    """
    settings = {_key(p[dimension]): p[dimension] for p in rows["point"] if dimension in p}
    values = level_values(dimension, dimensions, rows)
    shared = set.intersection(*map(set, values.values())) if values else set()
    means = {
        key: _mean([own[seed] for seed in shared] or list(own.values()))
        for key, own in values.items()
    }
    levels = sorted(values, key=lambda key: sign * means[key])
    found = {}
    for place, one in enumerate(levels):
        others = differences_to(values, one)
        found |= {(one, other): others[other] for other in levels[place + 1 :]}
    return Compared(dimension, tuple(levels), settings, means, found, len(shared))


def level_values(dimension: str, dimensions: Sequence[Dimension], rows: pd.DataFrame) -> Values:
    """Each seed's value at each level of a dimension, a mean over the settings of the others.

    For a seed those settings count that were trained with it at every level, so that lost trainings
    weigh on no level alone. Over dimensions that only some levels have a level's own mean is taken.
    """
    below = _below(dimension, dimensions)
    cells: dict[tuple[str, int], dict[str, dict[str, float]]] = {}
    found: dict[str, set[str]] = {}
    for point, seed, value in zip(rows["point"], rows["seed"], rows["value"], strict=True):
        if dimension not in point:
            continue
        rest = {k: v for k, v in point.items() if k != dimension and k not in below}
        own = {k: v for k, v in point.items() if k in below}
        level = _key(point[dimension])
        found.setdefault(level, set()).add(_key(own))
        cells.setdefault((_key(rest), int(seed)), {}).setdefault(level, {})[_key(own)] = value
    if len({rest for rest, _ in cells}) == 1:  # a level that lost a seed keeps the others
        return {
            level: {
                seed: _mean(cell[level].values())
                for (_, seed), cell in sorted(cells.items())
                if level in cell and set(cell[level]) == found[level]
            }
            for level in found
        }
    whole: dict[int, list[dict[str, float]]] = {}
    for (_, seed), cell in sorted(cells.items()):
        if all(set(cell.get(level, ())) == found[level] for level in found):
            whole.setdefault(seed, []).append({k: _mean(v.values()) for k, v in cell.items()})
    return {
        level: {seed: _mean([cell[level] for cell in own]) for seed, own in whole.items()}
        for level in found
    }


def _below(name: str, dimensions: Sequence[Dimension]) -> set[str]:
    """Dimensions that only some values of this one bring with them."""
    found = {name}
    for _ in dimensions:
        found |= {one.name for one in dimensions if found & set(one.when)}
    return found - {name}


class Interaction(NamedTuple):
    """p (not adjusted) that levels of `first` differ alike at every level of `second`.

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
    found = []
    for first, second in itertools.combinations(dimensions, 2):
        table = _table(first.name, second.name, rows)
        if table is not None:
            found.append(_interaction(first.name, second.name, *table))
    return [one for one in found if math.isfinite(one.p)]


def _table(
    first: str, second: str, rows: pd.DataFrame
) -> tuple[np.ndarray, list[Any], list[Any]] | None:
    """(S, A, B) values by seed and levels, means over other settings that all combinations have."""
    settings: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    cells: dict[tuple[int, str], dict[tuple[str, str], float]] = {}
    for point, seed, value in zip(rows["point"], rows["seed"], rows["value"], strict=True):
        if first in point and second in point:
            rest = {k: v for k, v in point.items() if k not in (first, second)}
            keys = _key(point[first]), _key(point[second])
            for known, key, name in zip(settings, keys, (first, second), strict=True):
                known.setdefault(key, point[name])
            cells.setdefault((int(seed), _key(rest)), {})[keys] = value
    shape = len(settings[0]), len(settings[1])
    seeds: dict[int, list[np.ndarray]] = {}
    for (seed, _), cell in sorted(cells.items()):
        if len(cell) == shape[0] * shape[1]:
            whole = [[cell[a, b] for b in settings[1]] for a in settings[0]]
            seeds.setdefault(seed, []).append(np.array(whole))
    if len(seeds) < 2 or min(shape) < 2:
        return None
    table = np.array([np.mean(own, axis=0) for own in seeds.values()])
    return table, list(settings[0].values()), list(settings[1].values())


def _interaction(
    first: str, second: str, table: np.ndarray, one: list[Any], other: list[Any]
) -> Interaction:
    rest = table - table.mean(1, keepdims=True) - table.mean(2, keepdims=True)
    rest = rest + table.mean((1, 2), keepdims=True)
    mean = rest.mean(0)
    spread = [
        float(np.ptp(mean[b] - mean[a])) for a, b in itertools.combinations(range(len(one)), 2)
    ]
    at = list(itertools.combinations(range(len(one)), 2))[int(np.argmax(spread))]
    where = []
    for place, setting in enumerate(other):
        sides = [dict(enumerate(table[:, level, place].tolist())) for level in at]
        where.append((setting, differences_to({"a": sides[0], "b": sides[1]}, "a")["b"]))
    p = repeated_measures(table)
    return Interaction(first, second, p, (one[at[0]], one[at[1]]), tuple(where))


def repeated_measures(table: np.ndarray) -> float:
    """p of the interaction in a two-way layout within seeds, (S, A, B).

    Degrees of freedom as by Greenhouse and Geisser (1959), as effects of a seed on several levels
    need not be alike. NaN where nothing is left to compare with.
    """
    seeds, a, b = table.shape
    left, right = _contrasts(a), _contrasts(b)
    scores = np.einsum("sab,ia,jb->sij", table, left, right).reshape(seeds, -1)
    if seeds < 2:
        return math.nan
    mean, count = scores.mean(0), scores.shape[1]
    spread = np.atleast_2d(np.cov(scores.T))
    within = float(np.trace(spread))
    if within <= 1e-20 * max(float((table**2).mean()), 1e-300):
        return math.nan
    size = seeds * float(mean @ mean) / within
    epsilon = within**2 / (count * float((spread**2).sum()))
    return float(stats.f.sf(size, epsilon * count, epsilon * count * (seeds - 1)))


def _contrasts(levels: int) -> np.ndarray:
    """Orthonormal contrasts, (levels - 1, levels)."""
    centered = np.eye(levels) - 1 / levels
    return np.linalg.svd(centered)[2][: levels - 1]


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values) if values else math.nan


def _key(setting: Any) -> str:
    return json.dumps(setting, sort_keys=True)
