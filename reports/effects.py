"""What the trials of a search say beyond the best one: noise, and what early ranks were worth."""

import math
from collections.abc import Sequence

import numpy as np

from reports.statistics import LEVEL, Interval

MIN_TRIALS = 8
"""Trials below which noise in a search is not worth a number."""


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
