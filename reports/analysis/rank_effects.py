"""What the trials of a search say beyond the best one: what goes together, noise, early ranks.

Intervals are from bootstrap samples of the trials, always the same ones, so that a report is.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from reports.analysis.statistics import LEVEL, Interval

MIN_TRIALS = 8
"""Trials below which a correlation or the noise in a search is not worth a number."""
DRAWS = 1000
"""Bootstrap samples of a correlation."""


def residual_sd(
    ordered: np.ndarray, choices: Sequence[Sequence[str]], values: Sequence[float]
) -> float | None:
    """The noise of one training, from what a smooth fit leaves unexplained: rather too much.

    Args:
        ordered: (N, D) settings of ordered dimensions, NaN where inactive.
        choices: for each other dimension N labels.
        values: (N,) finite.

    Returns:
        A robust SD; None with fewer than three trials per coefficient.
    """
    count = len(values)
    if count < MIN_TRIALS:
        return None
    columns = [np.ones(count)]
    for setting in ordered.T:
        known = np.isfinite(setting)
        if known.any() and np.ptp(setting[known]) > 0:
            scaled = (setting - setting[known].mean()) / setting[known].std()
            filled = np.where(known, scaled, 0.0)
            columns += [filled, filled**2, known.astype(float)]
    for labels in choices:
        columns += [np.equal(labels, one).astype(float) for one in sorted(set(labels))]
    design = np.stack(columns, axis=1)
    freedom = count - int(np.linalg.matrix_rank(design))
    if freedom < 2 * count / 3:
        return None
    target = np.asarray(values, dtype=float)
    rest = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    return float(1.4826 * np.median(np.abs(rest)) * math.sqrt(count / freedom))


def rank_effect(settings: Sequence[float], values: Sequence[float]) -> Interval | None:
    """Spearman's rank correlation of an ordered dimension with a metric, bootstrap interval.

    None where there is not enough data: fewer than `MIN_TRIALS` trials, or nothing varies.
    """
    known = np.isfinite(settings) & np.isfinite(values)
    x, y = np.asarray(settings, dtype=float)[known], np.asarray(values, dtype=float)[known]
    if len(x) < MIN_TRIALS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    draws = np.random.default_rng(0).integers(len(x), size=(DRAWS, len(x)))
    drawn = _correlations(stats.rankdata(x[draws], axis=1), stats.rankdata(y[draws], axis=1))
    whole = _correlations(stats.rankdata(x)[None], stats.rankdata(y)[None])[0]
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(whole), float(low), float(high), len(x))


def _correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of each pair of rows of (B, N); NaN where one does not vary."""
    x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    scale = np.sqrt((x**2).sum(1) * (y**2).sum(1))
    return np.divide((x * y).sum(1), scale, out=np.full(len(x), np.nan), where=scale > 0)


def agreement(early: Sequence[float], final: Sequence[float], draws: int = 200) -> Interval:
    """Kendall's tau-b of two orders of the same trials, with a bootstrap interval.

    NaN where there are fewer than two trials, or all of one side are equal.
    """
    x, y = (np.sign(np.subtract.outer(v, v)) for v in (np.asarray(early), np.asarray(final)))
    count = len(x)
    if count < 2:
        return Interval(math.nan, math.nan, math.nan, count)
    chances = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=draws)
    weights = np.concatenate([np.ones((1, count)), chances.astype(float)])
    concordant, apart, other = (
        ((weights @ matrix) * weights).sum(1) for matrix in (x * y, np.abs(x), np.abs(y))
    )
    scale = np.sqrt(apart * other)
    taus = np.divide(concordant, scale, out=np.full(len(scale), np.nan), where=scale > 0)
    if not np.isfinite(taus).any():
        return Interval(math.nan, math.nan, math.nan, count)
    low, high = np.nanquantile(taus[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(taus[0]), float(low), float(high), count)
