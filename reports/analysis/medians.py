"""Medians of categories and along a range, with intervals that assume no distribution."""

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy import stats

MIN_TRIALS = 3
"""Values below which a category has no median."""
MIN_RUNNING = 20
NEAREST, STEPS = 9, 40
"""At least so many values make a median along a range, which is found at so many places."""


class Median(NamedTuple):
    """The median of `trials` values at or near `x`.

    `low` and `high` hold that of all such trials with at least 95 % probability; None where there
    are too few to say.
    """

    x: float
    median: float
    low: float | None
    high: float | None
    trials: int


def by_category(x: np.ndarray, values: np.ndarray) -> tuple[Median, ...]:
    """The median at each x that has at least `MIN_TRIALS` values; both (N,), without NaN."""
    groups = [(float(place), values[x == place]) for place in np.unique(x)]
    return tuple(median_of(place, own) for place, own in groups if len(own) >= MIN_TRIALS)


def running(x: np.ndarray, values: np.ndarray, log: bool) -> tuple[Median, ...]:
    """Along a range, medians of the nearest fifth of the values; nothing where there are too few.

    Args:
        x, values: (N,), without NaN.
        log: whether nearness is that of logarithms; what is not positive is left out.
    """
    if log:
        x, values = np.log10(x[x > 0]), values[x > 0]
    if len(x) < MIN_RUNNING or len(np.unique(x)) < 3:
        return ()
    near = max(NEAREST, round(len(x) / 5))
    inner = np.sort(x)[near // 2 : len(x) - near // 2]
    found = []
    for middle in np.unique(np.linspace(inner[0], inner[-1], STEPS)):
        nearest = np.argsort(np.abs(x - middle), kind="stable")[:near]
        found.append(median_of(float(10**middle if log else middle), values[nearest]))
    return tuple(found)


def median_of(x: float, values: np.ndarray) -> Median:
    """The median, between two of the sorted values that are as far from either end."""
    ordered, count = np.sort(values), len(values)
    place = _rank(count)
    if place < 1:
        return Median(x, float(np.median(values)), None, None, count)
    low, high = float(ordered[place - 1]), float(ordered[count - place])
    return Median(x, float(np.median(values)), low, high, count)


@cache
def _rank(count: int) -> int:
    """How far from either end, counted from 1, the interval ends; 0 where it would not suffice."""
    return int(stats.binom.ppf(0.025, count, 0.5))
