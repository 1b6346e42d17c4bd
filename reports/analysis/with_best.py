"""Multiple comparisons with the best: which of several configurations may be the best one.

The one that looks best was chosen by its values, so that a test of the others against it is a test
against a lucky one. Here each is compared with all others, whichever is the best (Hsu 1984,
"Constrained simultaneous confidence intervals for multiple comparisons with the best"), and what is
said allows for all choices: whatever is as good as the best one is called worse in at most 5% of
cases, all of them together, and bounds on how much worse each is hold for all at once.
"""

import math
from collections.abc import Collection, Hashable, Mapping
from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
from scipy import optimize, special, stats

from reports.analysis.statistics import LEVEL, Difference, differences_to

Key = TypeVar("Key", bound=Hashable)
NODES, SPREADS, FAR = 80, 100, 8.0
"""Of the quadrature over the least value, up to so many SDs, and over the estimated SD."""


class WithBest(NamedTuple):
    """A configuration beside the best of the others.

    Attributes:
        p: of its being the best or as good, adjusted for all; NaN with too few values.
        excess: bound (95%, one-sided, for all at once) on how much worse it is than the best of
            the others, at least 0; NaN with too few values.
    """

    p: float
    excess: float


def compare_with_best(
    values: Mapping[Key, Mapping[int, float]], sign: int, rivals: Collection[Key] | None = None
) -> dict[Key, WithBest]:
    """Each configuration beside the best of the others.

    That all of s configurations are as good as the best of k is tested by how far the worst of them
    is from the best of all. By closed testing (Marcus, Peritz and Gabriel 1976) the worst of all is
    therefore judged as one of k, then, if it is worse, the next one as one of k - 1. Only with
    s = 1 is that Hsu's, who lets one be left out that is no worse than the best: of five equal ones
    any is in 13% of simulated cases.

    SDs are those of the two-way layout, or a pair's own where that is larger: three seeds are few
    for that of each pair. With three, and one SD four times as large as the others', one that is as
    good as the best is left out in up to 6% of simulated cases, and any of five in 10%.

    Args:
        values: by seed.
        sign: 1 where smaller values are better, else -1.
        rivals: those that may be the best; by default all.
    """
    # One with a single value would leave the others without seeds that all have.
    replicated = {
        key: by_seed
        for key, by_seed in values.items()
        if np.isfinite([*by_seed.values()]).sum() > 1
    }
    compared = {}
    for key in replicated:
        differences = [
            # `differences_to` has the other minus this one, which is worse above 0.
            other._replace(mean=-sign * other.mean)
            for rival, other in differences_to(replicated, key, few=math.inf).items()
            if rivals is None or rival in rivals
        ]
        if differences:
            compared[key] = differences
    count = len(replicated)
    p = _step_down(compared, count)
    bounds = {key: max(0.0, *(_bound(d, count) for d in compared[key])) for key in compared}
    return {key: WithBest(p.get(key, math.nan), bounds.get(key, math.nan)) for key in values}


def _step_down(compared: Mapping[Key, list[Difference]], count: int) -> dict[Key, float]:
    """p of each configuration among `count`, from its differences to its rivals."""
    p, highest = {}, 0.0
    worst_first = sorted(compared, key=lambda key: -max(map(_t, compared[key])))
    for above, key in enumerate(worst_first):
        # Of those compared, this one and all that look better.
        least = min(_p(other, count - above, count) for other in compared[key])
        p[key] = highest = max(highest, least)
    return p


def _t(other: Difference) -> float:
    return other.mean / other.error if other.error else math.copysign(math.inf, other.mean)


def _p(other: Difference, tested: int, count: int) -> float:
    """p of not being worse than a rival, as the worst of `tested` among `count`."""
    if not other.error or other.mean <= 0:
        return float(other.mean <= 0)
    if other.pooled:
        return worst_sf(_t(other), tested, count, other.freedom)
    # SDs of their own are no common one: Bonferroni, over each of `tested` beside every other.
    alone = float(special.stdtr(other.freedom, -_t(other)))
    return min(1.0, tested * (count - 1) * alone)


def _bound(other: Difference, count: int) -> float:
    """How much worse than a rival, at most: simultaneous for one configuration and its rivals."""
    beyond = 1 - LEVEL
    critical = float(special.stdtrit(other.freedom, 1 - beyond / (count - 1)))
    if other.pooled:
        critical = _dunnett_isf(count, other.freedom)
    return other.mean + critical * other.error


def worst_sf(t: float, tested: int, count: int, freedom: float) -> float:
    """How probably the worst of some is so far from the best of all, where all are equal.

    Of `count` normal values with one SD, which is estimated with `freedom`, the largest of the
    first `tested` is above the least of all by more than `t` standard errors of a difference. With
    all tested that is the studentized range (Tukey), with one it is Dunnett's one-sided test.

    Args:
        t: above 0.
    """
    least, weights = _least_values()
    spread, weights_of_spread = _spreads(freedom)
    # Given the least value u, tested ones lie within t of it, and the others anywhere above it.
    above = special.ndtr(-least)
    near = special.ndtr(least + math.sqrt(2) * t * spread[:, None]) - special.ndtr(least)
    others = count - tested
    density = tested * near ** (tested - 1) * above**others
    if others:
        density = density + others * near**tested * above ** (others - 1)
    return max(0.0, 1 - float(weights_of_spread @ density @ weights))


@lru_cache
def _least_values() -> tuple[np.ndarray, np.ndarray]:
    """Places of the least value, and their weights with the normal density."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return FAR * nodes, FAR * weights * stats.norm.pdf(FAR * nodes)


@lru_cache
def _spreads(freedom: float) -> tuple[np.ndarray, np.ndarray]:
    """Estimated SDs of a standard normal, by their quantiles, and their weights."""
    nodes, weights = np.polynomial.legendre.leggauss(SPREADS)
    return np.sqrt(stats.chi2.ppf((nodes + 1) / 2, freedom) / freedom), weights / 2


@lru_cache
def _dunnett_isf(count: int, freedom: float) -> float:
    """The t of one of `count` that is passed with a probability of 1 - `LEVEL`."""
    beyond = 1 - LEVEL
    # Between those for one rival and for as many that are independent (Bonferroni).
    low, high = (float(special.stdtrit(freedom, 1 - beyond / rivals)) for rivals in (1, count - 1))
    if count == 2:
        return low
    return float(optimize.brentq(lambda t: worst_sf(t, 1, count, freedom) - beyond, low, high))
