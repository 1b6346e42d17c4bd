"""How sure: differences by seed, replicates needed, what luck adds to the best.

Values of a configuration are given as a dict from seed to value, so that those of one seed are
paired: it decides initial weights and the order of pictures, and what it adds is the same on both
sides.
"""

import math
from bisect import bisect_left
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from scipy import special, stats

Key = TypeVar("Key", bound=Hashable)
LEVEL = 0.95
POWER = 0.8
"""How probably a difference is to be seen where it is said what would show it."""
MOST_REPLICATES = 100_000
LUCKY_DRAWS = 300
"""Simulated repetitions of a search; always the same, so that a report is."""
FEW_PAIRS = 5
"""Pairs below which the spread of differences is also taken from the other configurations: with
three of five, one that is worse by five SDs of a training passed for a tie in 49% of simulated
cases by its own pairs alone, in 1% with all of them."""


class Interval(NamedTuple):
    """An estimate from n values; low and high are NaN where there are too few."""

    estimate: float
    low: float
    high: float
    n: int


class Difference(NamedTuple):
    """One configuration minus another.

    Attributes:
        mean, low, high: of the difference; low and high are NaN where there are too few values.
        p: two-sided, of no difference; NaN with too few values.
        n: pairs, or without pairs the values of the smaller side.
        sd: of the paired differences; without pairs of one training; NaN with too few values.
        paired: whether values of the same seeds were compared.
        error: standard error of the mean; NaN with too few values.
        freedom: its degrees of freedom; NaN with too few values.
        pooled: whether the SD is that of all configurations together.
    """

    mean: float
    low: float
    high: float
    p: float
    n: int
    sd: float
    paired: bool
    error: float = math.nan
    freedom: float = math.nan
    pooled: bool = False


def mean_interval(values: Iterable[float]) -> Interval:
    """The mean with its t interval; values that are not finite are left out."""
    sound = np.array([value for value in values if math.isfinite(value)], dtype=float)
    if not len(sound):
        return Interval(math.nan, math.nan, math.nan, 0)
    mean = float(sound.mean())
    if len(sound) < 2:
        return Interval(mean, math.nan, math.nan, 1)
    # mean +- t(n - 1) s / sqrt(n) (Student 1908): of 2 to 10 values a normal quantile is too short.
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(sound) - 1) * stats.sem(sound))
    return Interval(mean, mean - half, mean + half, len(sound))


def difference(first: Mapping[int, float], second: Mapping[int, float]) -> Difference:
    """`first` minus `second`, by seed: a paired t test, or Welch's where few seeds are the same.

    Pairs are used where at least two seeds, and half of those of the smaller side, have both.
    """
    first, second = _finite(first), _finite(second)
    shared = sorted(first.keys() & second.keys())
    fewer = min(len(first), len(second))
    if len(shared) >= max(2, fewer / 2):
        pairs = np.array([first[seed] - second[seed] for seed in shared])
        sd = float(pairs.std(ddof=1))
        if sd <= 1e-12 * np.abs(pairs).max():  # all the same but for rounding
            sd = 0.0
        # Paired t: the mean of the differences over their SD / sqrt(n), n - 1 degrees of freedom.
        return _paired(float(pairs.mean()), sd, len(pairs), len(pairs) - 1)
    a, b = np.array(list(first.values())), np.array(list(second.values()))
    if not fewer:
        return Difference(math.nan, math.nan, math.nan, math.nan, 0, math.nan, False)
    mean = float(a.mean() - b.mean())
    if fewer < 2:
        return Difference(mean, math.nan, math.nan, math.nan, fewer, math.nan, False)
    return _welch(a, b, mean)


def _finite(values: Mapping[int, float]) -> dict[int, float]:
    return {seed: value for seed, value in values.items() if math.isfinite(value)}


def _paired(mean: float, sd: float, n: int, freedom: int, *, pooled: bool = False) -> Difference:
    error = sd / math.sqrt(n)
    if sd == 0:  # t would be 0 / 0 or infinite; the limit of p is 1 or 0
        half, p = 0.0, float(mean == 0)
    else:
        # `stats.t` takes forty times as long, which counts where all of a hundred are compared.
        half = float(special.stdtrit(freedom, (1 + LEVEL) / 2)) * error
        p = float(2 * special.stdtr(freedom, -abs(mean) / error))
    return Difference(mean, mean - half, mean + half, p, n, sd, True, error, freedom, pooled)


def _welch(a: np.ndarray, b: np.ndarray, mean: float) -> Difference:
    """Unequal variances; all values of a side being equal leaves nothing to go by."""
    fewer, sd = min(len(a), len(b)), math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    if sd == 0:
        p, freedom = float(mean == 0), len(a) + len(b) - 2
        return Difference(mean, mean, mean, p, fewer, 0.0, False, 0.0, freedom)
    # Welch (1947): a configuration that is worse often scatters more, too, which Student's pooled
    # variance would take for noise of both.
    tested = stats.ttest_ind(a, b, equal_var=False)
    low, high = map(float, tested.confidence_interval(LEVEL))
    error, freedom = math.hypot(stats.sem(a), stats.sem(b)), float(tested.df)
    return Difference(mean, low, high, float(tested.pvalue), fewer, sd, False, error, freedom)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted for their number (Holm 1979); NaN is left out and stays NaN."""
    adjusted = list(p_values)
    ascending = sorted((p, index) for index, p in enumerate(p_values) if not math.isnan(p))
    highest = 0.0
    # The i-th smallest of m is multiplied by m - i + 1, and none falls below one that was smaller.
    for smaller, (p, index) in enumerate(ascending):
        highest = max(highest, min(1.0, (len(ascending) - smaller) * p))
        adjusted[index] = highest
    return adjusted


def differences_to(
    values: Mapping[Key, Mapping[int, float]], base: Key, *, few: float = FEW_PAIRS
) -> dict[Key, Difference]:
    """Each other configuration minus `base`.

    With fewer than `few` pairs each, the SD is that of all configurations together (two-way
    layout), or the configuration's own where that is larger.
    """
    others = {key: difference(values[key], values[base]) for key in values if key != base}
    layout = _layout(values.values())
    for key, other in others.items():
        if layout and other.paired and other.n < few:
            # A difference of two trainings has sqrt(2) times the SD of one.
            sd = max(other.sd, math.sqrt(2) * layout[0])
            others[key] = _paired(other.mean, sd, other.n, layout[1], pooled=True)
    return others


def adjusted_differences(
    values: Mapping[Key, Mapping[int, float]], base: Key
) -> dict[Key, Difference]:
    """`differences_to` a configuration that was not chosen by these values; p adjusted by Holm."""
    others = differences_to(values, base)
    adjusted = holm([other.p for other in others.values()])
    pairs = zip(others.items(), adjusted, strict=True)
    return {key: other._replace(p=p) for (key, other), p in pairs}


def replicates_needed(difference: float, sd: float, alpha: float = 0.05) -> int | None:
    """Seeds with which a paired t test sees a difference, by the noncentral t distribution.

    Args:
        difference: the true difference of means.
        sd: of the paired differences.
        alpha: two-sided level of the test.

    Returns:
        At least 2; None when it is not known or beyond `MOST_REPLICATES`.
    """
    if not (math.isfinite(difference) and math.isfinite(sd)) or difference == 0 or sd < 0:
        return None
    seeds = range(2, MOST_REPLICATES + 1)
    # Power grows with n, so that the first n that reaches it is found by bisection.
    at = bisect_left(seeds, POWER, key=lambda n: _power(abs(difference), sd, n, alpha))
    return seeds[at] if at < len(seeds) else None


def _power(difference: float, sd: float, n: int, alpha: float) -> float:
    # The t of a true difference d is noncentral with shift d / sd * sqrt(n) (Cohen 1988, ch. 2).
    freedom, shift = n - 1, difference / sd * math.sqrt(n) if sd else math.inf
    if shift > 100:  # beyond what the distribution is computed for, and certain
        return 1.0
    limit = stats.t.ppf(1 - alpha / 2, freedom)
    other_side = np.nan_to_num(stats.nct.cdf(-limit, freedom, shift))  # NaN where it is nothing
    return float(stats.nct.sf(limit, freedom, shift) + other_side)


def noise_sd(points: Iterable[Mapping[int, float]]) -> float | None:
    """How much a new seed changes a configuration's value: the SD of one training.

    Where several configurations share seeds, a seed's effect on all of them is taken out: among
    trials of one shared seed it favors none. None without replicates.
    """
    replicated = [values for values in map(_finite, points) if len(values) > 1]
    if not replicated:
        return None
    if layout := _layout(replicated):
        return layout[0]
    # Pooled variance: sums of squares about each configuration's own mean, over their freedom.
    squares = sum(float(np.var(list(values.values())) * len(values)) for values in replicated)
    return math.sqrt(squares / sum(len(values) - 1 for values in replicated))


def _layout(points: Iterable[Mapping[int, float]]) -> tuple[float, int] | None:
    """SD and degrees of freedom of what neither configuration nor seed explains.

    Over the seeds that all have; None with fewer than two of either.
    """
    sound = [_finite(values) for values in points]
    shared = sorted(set.intersection(*map(set, sound))) if sound else []
    if len(sound) < 2 or len(shared) < 2:
        return None
    table = np.array([[values[seed] for seed in shared] for values in sound])
    # y_ij - y_i. - y_.j + y_..: what is left of a two-way layout without interaction.
    rest = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
    freedom = (len(sound) - 1) * (len(shared) - 1)
    sd = math.sqrt(float((rest**2).sum()) / freedom)
    return 0.0 if sd <= 1e-12 * np.abs(table).max() else sd, freedom  # nothing but rounding


def overstatement(values: Iterable[float], noise_sd: float | None, goal: str) -> float | None:
    """How much the best of single trainings is likely to look better than it is.

    It was chosen for its value, and with it for its luck. The values, shrunk towards the median
    until noise makes their spread again (that of the better half: hopeless trials say nothing of
    luck at the top), are trained again in simulation: what the best of them overstates, on average.
    In simulated searches over five shapes it was 0.78 to 1.15 times the true overstatement.

    Args:
        values: one of each configuration, of equal budget.
        noise_sd: of one training: `noise_sd`, or `reports.analysis.effects.residual_sd`.
        goal: minimize or maximize.

    Returns:
        In the metric's unit, at least 0; None when it is not known.
    """
    signed = np.array([v if goal == "minimize" else -v for v in values if math.isfinite(v)])
    if len(signed) < 3 or noise_sd is None or not math.isfinite(noise_sd):
        return None
    middle = float(np.median(signed))
    spread = float(np.mean((signed[signed <= middle] - middle) ** 2))
    return _winners_luck(signed, np.full(len(signed), noise_sd), middle, spread)


def overstatement_of_means(
    values: Iterable[Mapping[int, float]], noise_sd: float | None, goal: str
) -> float | None:
    """How much the best of a few means over seeds is likely to look better than it is.

    As `overstatement`, but the means are shrunk towards their own mean: those that were confirmed
    or compared are few, and none of them hopeless. What a seed adds to all of them chooses none:
    it makes the value of the best uncertain, but no better than it is.

    Args:
        values: of each configuration that could have come first, by seed.
        noise_sd: of one training, without what its seed adds to all: `noise_sd`.
        goal: minimize or maximize.

    Returns:
        In the metric's unit, at least 0; None when it is not known, or nothing was chosen from.
    """
    measured = [list(by_seed.values()) for by_seed in map(_finite, values) if by_seed]
    if len(measured) < 2 or noise_sd is None or not math.isfinite(noise_sd):
        return None
    signed = np.array([np.mean(own) for own in measured]) * (1 if goal == "minimize" else -1)
    errors = noise_sd / np.sqrt([len(own) for own in measured])
    return _winners_luck(signed, errors, float(signed.mean()), float(signed.var(ddof=1)))


def _winners_luck(signed: np.ndarray, errors: np.ndarray, middle: float, spread: float) -> float:
    """By how much the least of these values is too low, on average over repetitions.

    Args:
        signed: (N,) values, smaller is better.
        errors: (N,) standard errors.
        spread: mean square about `middle` of the values that are to be believed.
    """
    share = min(1.0, float((errors**2).mean()) / spread) if spread else 1.0
    # Var(observed) = Var(true) + noise^2: shrinking by sqrt(1 - noise^2 / Var) leaves Var(true).
    truth = middle + math.sqrt(1 - share) * (signed - middle)
    noise = errors * np.random.default_rng(0).normal(size=(LUCKY_DRAWS, len(signed)))
    # The winner's curse: what is chosen for the sum of truth and noise has lucky noise on average.
    best = (truth + noise).argmin(axis=1)
    return max(0.0, -float(noise[np.arange(LUCKY_DRAWS), best].mean()))


class PValues(dict[tuple[str, ...], float]):
    """p values of everything that is tested in one sweep, by the name of the test.

    Adjusted together (Holm), so that at most 5% of sweeps say anything false; what could not be
    tested (NaN) is left out.
    """

    def __init__(self, p_values: Mapping[tuple[str, ...], float]) -> None:
        tested = {key: p for key, p in p_values.items() if not math.isnan(p)}
        super().__init__(zip(tested, holm(list(tested.values())), strict=True))

    @classmethod
    def adjusted(cls, p_values: Mapping[tuple[str, ...], float]) -> "PValues":
        """Those that are adjusted already; NaN is left out."""
        made = cls({})
        made.update({key: p for key, p in p_values.items() if not math.isnan(p)})
        return made

    def __missing__(self, key: tuple[str, ...]) -> float:
        return math.nan

    def is_significant(self, *key: str) -> bool:
        """Whether the test of that name is significant."""
        return is_significant(self[key])


def is_significant(p: float) -> bool:
    """Whether an adjusted p is below 1 - `LEVEL`; NaN is not."""
    return p < 1 - LEVEL
