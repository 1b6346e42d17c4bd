"""Ranks, where amounts say nothing: rank correlations, agreement of two orders, medians.

In a small search a fit may show no amount at all: single trials at an end of a range decide its
thirds, and one bad training decides a mean. Ranks give no trial more weight than another, so
that a direction can be shown where an amount is not.

Intervals of correlations over pairs are from bootstrap samples of the trials, always the same ones,
so that a report is; those of few orders alike are exact, as samples of them would hardly differ.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

from reports.analysis.effects import Model
from reports.analysis.regression import MIN_TRIALS, least_squares
from reports.analysis.statistics import LEVEL, Interval

NEAR_ONE = 1 - 1e-9
"""Where Fisher's z is still finite."""
DRAWS, TAU_DRAWS = 1000, 200
"""Bootstrap samples of a correlation, and of Kendall's tau, whose time grows with N squared."""
MOST_EXACT = 30
"""Trials up to which the interval of Kendall's tau is exact. With six trials and a true tau of .85
that of the bootstrap held it in 66% of simulated cases, with thirty in 96%."""
MIN_OF_CATEGORY = 3
"""Fewest values of a category with a median."""
MIN_RUNNING = 20
MOST_LOG_Q = 12.0
"""Mallows' q is looked for between e^-12 and e^12."""
NEAREST, STEPS = 9, 40
"""Fewest values of a median along a range, and the number of places at which it is taken."""


class Direction(NamedTuple):
    """Partial rank correlation of an ordered dimension with the metric.

    Attributes:
        rho: from -1 to 1; above 0 where higher settings go with higher values of the metric.
        low, high: 95% interval (Fisher's z), not adjusted for several questions.
        n: trials that have a value in the range.
        p: two-sided, of no correlation; not adjusted.
    """

    rho: float
    low: float
    high: float
    n: int
    p: float


def direction(model: Model, name: str) -> Direction | None:
    """Spearman's correlation of one dimension, adjusted for all others.

    A sampler that learns moves them together. None for a choice, with too few trials, or where
    hardly any finished in a part of the range.

    The partial correlation is taken from the t of the slope when ranks are regressed on ranks and
    the other columns, rho = t / sqrt(t^2 + freedom); its interval is Fisher's (1921), atanh(rho) of
    variance 1 / (freedom - 1), as `freedom` is N less the columns.
    """
    block = model.blocks[name]
    inside = block.ranged
    if inside.sum() < MIN_TRIALS or not block.is_tested:
        return None
    setting = stats.rankdata(block.columns[inside, 0])
    start = model.start[name]
    others = np.delete(model.design, np.s_[start : start + block.columns.shape[1]], axis=1)[inside]
    design = np.column_stack([others, setting - setting.mean()])
    order = stats.rankdata(model.measured[:, inside], axis=1)
    fit = least_squares(design, order, model.weights[inside]) if np.ptp(order) else None
    if fit is None or fit.freedom < MIN_TRIALS or not fit.estimated[-1]:
        return None
    # Errors of ranks are alike enough: allowing for uneven ones would give single trials their
    # weight back.
    alike = replace(fit, covariances=(fit.covariances[0],) * 2)
    slope = alike.estimate(np.eye(len(fit.estimated))[-1])
    if not slope.error > 0:
        return None
    rho = slope.value / math.hypot(slope.value, slope.error * math.sqrt(fit.freedom))
    half = stats.norm.ppf((1 + LEVEL) / 2) / math.sqrt(max(slope.freedom - 1, 1))
    middle = math.atanh(float(np.clip(rho, -NEAR_ONE, NEAR_ONE)))
    low, high = math.tanh(middle - half), math.tanh(middle + half)
    p = min(1.0, 2 * slope.p_beyond(abs(slope.value)))
    return Direction(rho, low, high, int(inside.sum()), p)


def rank_correlation(settings: Sequence[float], values: Sequence[float]) -> Interval | None:
    """Spearman's rank correlation of an ordered dimension with a metric, bootstrap interval.

    None where there is not enough data: fewer than `MIN_TRIALS` trials, or nothing varies.
    """
    finite = np.isfinite(settings) & np.isfinite(values)
    x, y = np.asarray(settings, dtype=float)[finite], np.asarray(values, dtype=float)[finite]
    if len(x) < MIN_TRIALS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    # Pairs are drawn together (Efron 1979): drawing sides apart would be a permutation test.
    draws = np.random.default_rng(0).integers(len(x), size=(DRAWS, len(x)))
    drawn = _correlations(stats.rankdata(x[draws], axis=1), stats.rankdata(y[draws], axis=1))
    whole = _correlations(stats.rankdata(x)[None], stats.rankdata(y)[None])[0]
    # A sample that drew one trial only has no correlation (NaN).
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(whole), float(low), float(high), len(x))


def _correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of each pair of rows of (B, N); NaN where one does not vary."""
    x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    scale = np.sqrt((x**2).sum(1) * (y**2).sum(1))
    return np.divide((x * y).sum(1), scale, out=np.full(len(x), np.nan), where=scale > 0)


def agreement(early: Sequence[float], final: Sequence[float]) -> Interval:
    """Kendall's tau-b of two orders of the same trials, with its interval.

    That of up to `MOST_EXACT` trials is `exact_tau_interval`, of more a bootstrap's. NaN where
    there are fewer than two trials, or all of one side are equal.
    """
    x, y = (np.sign(np.subtract.outer(v, v)) for v in (np.asarray(early), np.asarray(final)))
    count = len(x)
    if count < 2:
        return Interval(math.nan, math.nan, math.nan, count)
    if count <= MOST_EXACT:
        pairs = math.sqrt(float(np.abs(x).sum() * np.abs(y).sum()))
        tau = float((x * y).sum()) / pairs if pairs else math.nan
        return Interval(tau, *exact_tau_interval(tau, count), count)
    # A bootstrap sample is how often it has each trial. With signs S of all pairs and weights w,
    # the concordant less the discordant pairs are w' (Sx * Sy) w, so that no sample is sorted.
    shares = np.full(count, 1 / count)
    samples = np.random.default_rng(0).multinomial(count, shares, size=TAU_DRAWS)
    weights = np.concatenate([np.ones((1, count)), samples.astype(float)])
    concordant, apart, other = (
        ((weights @ matrix) * weights).sum(1) for matrix in (x * y, np.abs(x), np.abs(y))
    )
    scale = np.sqrt(apart * other)
    taus = np.divide(concordant, scale, out=np.full(len(scale), np.nan), where=scale > 0)
    if not np.isfinite(taus).any():
        return Interval(math.nan, math.nan, math.nan, count)
    low, high = np.nanquantile(taus[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(taus[0]), float(low), float(high), count)


def exact_tau_interval(tau: float, count: int) -> tuple[float, float]:
    """What Kendall's tau of all trials may be, when that of `count` of them is `tau`.

    Under Mallows' model (1957) an order with d discordant pairs has a probability proportional to
    q^d: 0 < q < 1 for orders that agree, q > 1 for opposite ones. An end of the interval is the
    mean tau at the q at which so few discordant pairs as were seen, or so many, have a probability
    of 2.5% (as Clopper and Pearson 1934). In simulated pairs of normal variables it holds the true
    tau in 93 to 100% of cases, for 4 to 30 trials and tau from 0 to .95.

    Returns:
        low and high; NaN where tau is.
    """
    if not math.isfinite(tau):
        return math.nan, math.nan
    most = count * (count - 1) // 2
    discordant = round((1 - tau) / 2 * most)
    # With q to 1 / q concordant and discordant pairs change sides.
    low = -1.0 if discordant == most else _least_tau(discordant, count)
    high = 1.0 if discordant == 0 else -_least_tau(most - discordant, count)
    return min(low, tau), max(high, tau)


def _least_tau(discordant: int, count: int) -> float:
    """Mean tau where no more discordant pairs than these are seen in 2.5% of cases."""

    def excess(log_q: float) -> float:
        few = _discordant_pairs(log_q, count)[: discordant + 1].sum()
        return float(few) - (1 - LEVEL) / 2

    # At the ends nearly all orders are the same one, or its opposite.
    log_q = optimize.brentq(excess, -MOST_LOG_Q, MOST_LOG_Q)
    probability = _discordant_pairs(float(log_q), count)
    return 1 - 2 * float(probability @ np.arange(len(probability))) / (len(probability) - 1)


def _discordant_pairs(log_q: float, count: int) -> np.ndarray:
    """Probabilities of 0, 1, … discordant pairs in an order of `count`."""
    # The j-th trial comes before v of the j - 1 earlier ones, each v with a weight of q^v.
    probability = np.ones(1)
    for earlier in range(1, count):
        weights = special.softmax(log_q * np.arange(earlier + 1))
        probability = np.convolve(probability, weights)
    return probability


class Median(NamedTuple):
    """The median of `trials` values at or near `x`.

    `low` and `high` hold that of all such trials with at least 95% probability; None where there
    are too few to say.
    """

    x: float
    median: float
    low: float | None
    high: float | None
    trials: int


def category_medians(x: np.ndarray, values: np.ndarray) -> tuple[Median, ...]:
    """The median at each x that has at least `MIN_OF_CATEGORY` values; both (N,), without NaN."""
    groups = [(float(place), values[x == place]) for place in np.unique(x)]
    return tuple(
        median_of(place, group) for place, group in groups if len(group) >= MIN_OF_CATEGORY
    )


def running_medians(x: np.ndarray, values: np.ndarray, log: bool) -> tuple[Median, ...]:
    """Along a range, medians of the nearest fifth of the values; nothing where there are too few.

    Args:
        x, values: (N,), without NaN.
        log: whether nearness is that of logarithms; what is not positive is left out.
    """
    if log:
        x, values = np.log10(x[x > 0]), values[x > 0]
    # Two values are no range to walk along.
    if len(x) < MIN_RUNNING or len(np.unique(x)) < 3:
        return ()
    near = max(NEAREST, round(len(x) / 5))
    # No nearer to an end than half of the neighbors: there they would all lie on one side.
    inner = np.sort(x)[near // 2 : len(x) - near // 2]
    medians = []
    for middle in np.unique(np.linspace(inner[0], inner[-1], STEPS)):
        nearest = np.argsort(np.abs(x - middle), kind="stable")[:near]
        medians.append(median_of(float(10**middle if log else middle), values[nearest]))
    return tuple(medians)


def median_of(x: float, values: np.ndarray) -> Median:
    """The median, between two of the sorted values that are as far from either end.

    As many of N values lie below the median as heads fall in N throws, so that the interval from
    the k-th lowest to the k-th highest value holds it where k is the 2.5% quantile of
    Binomial(N, 1/2): no distribution is assumed (Thompson 1936).
    """
    ordered, count = np.sort(values), len(values)
    rank = int(stats.binom.ppf((1 - LEVEL) / 2, count, 0.5))
    low, high = None, None
    if rank:
        low, high = float(ordered[rank - 1]), float(ordered[count - rank])
    return Median(x, float(np.median(values)), low, high, count)
