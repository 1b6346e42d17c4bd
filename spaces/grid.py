"""The points of a space: all of them where they are finitely many, their number, untried ones."""

import random
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from spaces.dimensions import RANGES, Dimension, Point

MOST_LEVELS = 32
"""Numbers of a range that still count as levels."""
DRAWS = 64
"""Numbers that are drawn of a range without a step before it is taken to have no others."""
MOST_LOOKED_AT = 100_000
"""Points among which an untried one is looked for."""


def levels(dimension: Dimension) -> list[Any] | None:
    """The values that a dimension can have, in the study's order; None when there are too many."""
    if dimension.count is None or dimension.count > MOST_LEVELS:
        return None
    return list(every_value(dimension))


def every_value(dimension: Dimension) -> Iterator[Any]:
    """Every value of a dimension that has not endlessly many."""
    yield from _listed_values(dimension)
    yield from map(dimension.number, range(dimension.count or 0))


def _listed_values(dimension: Dimension) -> Sequence[Any]:
    """Values that are listed: choices, labels, and what stands beside a range."""
    return dimension.special if dimension.type in RANGES else dimension.choices


def count_points(dimensions: Sequence[Dimension], limit: int) -> int | None:
    """How many points a space has; None when they are more than `limit`.

    Args:
        dimensions: parents before those that they govern.
    """
    parents = {parent for dimension in dimensions for parent in dimension.when}
    return _count_below({}, list(dimensions), parents, limit)


def _count_below(
    point: Point, dimensions: list[Dimension], parents: Container[str], limit: int
) -> int | None:
    """The same of what may follow a part of a point: only values of parents are gone through."""
    count = 1
    for place, dimension in enumerate(dimensions):
        if not dimension.is_active(point):
            continue
        if dimension.count is None:
            return None
        size = len(_listed_values(dimension)) + dimension.count
        if count * size > limit:
            return None
        if dimension.name not in parents:
            count *= size
            continue
        below = 0
        for value in every_value(dimension):
            chosen = {**point, dimension.name: value}
            found = _count_below(chosen, dimensions[place + 1 :], parents, limit)
            if found is None or (below := below + found) * count > limit:
                return None
        return count * below
    return count


def grid_points(dimensions: Sequence[Dimension]) -> Iterator[Point]:
    """Every point, the last dimension changing fastest; inactive dimensions are left out.

    Args:
        dimensions: none endless, parents before those that they govern.
    """
    yield from _below({}, list(dimensions))


def _below(point: Point, dimensions: list[Dimension]) -> Iterator[Point]:
    if not dimensions:
        yield point
        return
    first, rest = dimensions[0], dimensions[1:]
    if not first.is_active(point):
        yield from _below(point, rest)
        return
    for value in every_value(first):
        yield from _below({**point, first.name: value}, rest)


def find_untried(
    dimensions: Sequence[Dimension],
    is_new: Callable[[Point], bool],
    part: Mapping[str, Any],
    rng: random.Random,
) -> Point | None:
    """A random point that has not been tried, None when there is no other in MOST_LOOKED_AT.

    Args:
        dimensions: parents before those that they govern.
        is_new: whether a point may be tried, and has not been.
        part: values that the point has to have, as far as their dimensions are active in it.
    """
    every = islice(_random_points({}, list(dimensions), part, rng), MOST_LOOKED_AT)
    return next(filter(is_new, every), None)


def _random_points(
    point: Point, dimensions: list[Dimension], part: Mapping[str, Any], rng: random.Random
) -> Iterator[Point]:
    """Every point that may follow a part of one, the last dimensions changing fastest."""
    for place, dimension in enumerate(dimensions):
        if not dimension.is_active(point):
            continue
        fixed = dimension.name in part
        values = [part[dimension.name]] if fixed else _shuffled(dimension, rng)
        for value in values:
            chosen = {**point, dimension.name: value}
            yield from _random_points(chosen, dimensions[place + 1 :], part, rng)
        return
    yield point


def _shuffled(dimension: Dimension, rng: random.Random) -> Iterator[Any]:
    """The values of a dimension, each once, from a random one on; of real numbers only some."""
    beside = list(_listed_values(dimension))
    rng.shuffle(beside)
    range_first = dimension.type in RANGES and rng.random() < 0.5
    if not range_first:
        yield from beside
    if dimension.is_endless:
        yield from (dimension.quantile(rng.random()) for _ in range(DRAWS))
    elif count := dimension.count:
        start = rng.randrange(count)
        yield from (dimension.number((start + place) % count) for place in range(count))
    if range_first:
        yield from beside
