"""The points of a space: all of them where they are finitely many, their number, untried ones."""

import random
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from spaces.dimensions import RANGES, Dimension, Point

MOST_LEVELS = 32
"""Numbers of a range that still count as levels."""
DRAWS = 64
"""Numbers that are drawn of a range without a step before it is taken to have no others."""
MOST_LOOKED_AT = 100_000
"""Points among which an untried one is looked for."""


def levels(dimension: Dimension, most: int = MOST_LEVELS) -> list[Any] | None:
    """The values that a dimension can have, in the study's order; None when there are too many.

    Args:
        most: numbers of a range.
    """
    if dimension.count is None or dimension.count > most:
        return None
    return list(every_value(dimension))


def every_value(dimension: Dimension) -> Iterator[Any]:
    """Every value of a dimension that has not endlessly many."""
    yield from dimension.listed
    yield from map(dimension.number, range(dimension.count or 0))


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
    for index, dimension in enumerate(dimensions):
        if not dimension.is_active(point):
            continue
        if dimension.count is None:
            return None
        size = len(dimension.listed) + dimension.count
        if count * size > limit:
            return None
        if dimension.name not in parents:
            count *= size
            continue
        below = 0
        for value in every_value(dimension):
            chosen = {**point, dimension.name: value}
            more = _count_below(chosen, dimensions[index + 1 :], parents, limit)
            if more is None or (below := below + more) * count > limit:
                return None
        return count * below
    return count


def grid_points(
    dimensions: Sequence[Dimension],
    values_of: Callable[[Dimension], Iterable[Any]] = every_value,
    begun: Point | None = None,
) -> Iterator[Point]:
    """Every point, the last dimension changing fastest; inactive dimensions are left out.

    Args:
        dimensions: parents before those that they govern.
        values_of: the values that a dimension is to have; by default all, so none may be endless.
        begun: values of dimensions that come before these.
    """
    point = begun or {}
    for index, dimension in enumerate(dimensions):
        if dimension.is_active(point):
            for value in values_of(dimension):
                longer = {**point, dimension.name: value}
                yield from grid_points(dimensions[index + 1 :], values_of, longer)
            return
    yield point


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

    def values_of(dimension: Dimension) -> Iterable[Any]:
        return [part[dimension.name]] if dimension.name in part else _shuffled(dimension, rng)

    every = islice(grid_points(dimensions, values_of), MOST_LOOKED_AT)
    return next(filter(is_new, every), None)


def _shuffled(dimension: Dimension, rng: random.Random) -> Iterator[Any]:
    """The values of a dimension, each once, from a random one on; of real numbers only some."""
    listed = list(dimension.listed)
    rng.shuffle(listed)
    range_first = dimension.type in RANGES and rng.random() < 0.5
    if not range_first:
        yield from listed
    if dimension.count is None:
        yield from (dimension.quantile(rng.random()) for _ in range(DRAWS))
    elif count := dimension.count:
        start = rng.randrange(count)
        yield from (dimension.number((start + index) % count) for index in range(count))
    if range_first:
        yield from listed
