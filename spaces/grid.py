"""Every point of a space that has finitely many."""

from collections.abc import Iterator, Sequence
from typing import Any

from spaces.distributions import RANGES, Dimension, Point

MOST_LEVELS = 32
"""Whole numbers of a range that still count as levels."""


def levels(dimension: Dimension) -> list[Any] | None:
    """The values that a dimension can have, in the study's order; None when there are too many."""
    if dimension.type not in RANGES:
        return list(dimension.choices)
    low, high = dimension.low or 0, dimension.high or 0
    if not dimension.is_int or high - low >= MOST_LEVELS:
        return None
    return [*dimension.special, *range(int(low), int(high) + 1)]


def count_points(dimensions: Sequence[Dimension], limit: int) -> int | None:
    """How many points a space has; None when they are more than `limit`."""
    if any(levels(dimension) is None for dimension in dimensions):
        return None
    count = 0
    for _ in grid_points(dimensions):
        if (count := count + 1) > limit:
            return None
    return count


def grid_points(dimensions: Sequence[Dimension]) -> Iterator[Point]:
    """Every point, the last dimension changing fastest; inactive dimensions are left out.

    Args:
        dimensions: all with levels, parents before those that they govern.
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
    for value in levels(first) or ():
        yield from _below({**point, first.name: value}, rest)
