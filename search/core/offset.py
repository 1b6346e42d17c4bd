"""By how much the values of one sweep lie above those of another one.

Two sweeps of one question seldom have one level: one trains for longer, or from other seeds. Their
means say little of it, as each has tried other settings. A Gaussian process of the one predicts
each trial of the other, and the offset is the mean of what it misses them by, in which each counts
by how surely it is predicted and by what it shares with the others (generalized least squares),
under a normal prior around no offset. An offset alone means nothing where the one does not foretell
the other: that is told by the evidence.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import linalg, special

from search.core.surrogate import Posterior, Surrogate, distances, encode, kernel, unordered
from spaces.dimensions import Dimension, Point

DRAWS = 8
"""Draws of the hyperparameters that an offset is averaged over."""
PRIOR_SPREADS = 10.0
"""Standard deviation of an offset before any trial is known, in those of the earlier values: wide,
as what a longer training gains may be more than what settings differ by."""

LEAST_EVIDENCE = -math.log(3)
"""Of an earlier sweep that is learned from: below it later trials speak against it, 3 to 1."""

LEAST_TRIALS = 8
"""Earlier trials, below which neither their spread nor their noise is known well enough for later
ones to speak against them."""


class Offset(NamedTuple):
    """By how much values lie above those of an earlier sweep, and the standard error."""

    amount: float
    error: float


class LevelProcess:
    """Gaussian processes of one column of an earlier sweep.

    Args:
        points: (N,) of the space; N is 1 at least.
        values: (N,) finite.
    """

    def __init__(
        self,
        dimensions: Sequence[Dimension],
        points: Sequence[Point],
        values: Sequence[float],
        seed: int,
    ) -> None:
        self._dimensions = dimensions
        self._points = points
        self._values = np.array(values, dtype=float)
        self._seed = seed
        self.mean = float(self._values.mean())
        self.scale = float(self._values.std()) or 1.0

    @cached_property
    def _draws(self) -> list[Posterior]:
        x = encode(self._dimensions, self._points)
        rng = np.random.default_rng(self._seed)
        process = Surrogate(x, unordered(self._dimensions), rng)
        return [process.draw((self._values - self.mean) / self.scale) for _ in range(DRAWS)]

    def offset(self, points: Sequence[Point], values: Sequence[float]) -> Offset:
        """The offset of other trials, (M,) points with finite values; none needs to be there."""
        if not points:
            return Offset(0.0, PRIOR_SPREADS * self.scale)
        x, scaled = encode(self._dimensions, points), self._scaled(values)
        means, variances = [], []
        for posterior in self._draws:
            expected, covariance = posterior.at(x)
            covariance[np.diag_indices_from(covariance)] += posterior.noise
            weights = linalg.solve(covariance, np.ones(len(points)), assume_a="pos")
            precision = weights.sum() + PRIOR_SPREADS**-2
            means.append(weights @ (scaled - expected) / precision)
            variances.append(1 / precision)
        variance = np.mean(variances) + np.var(means)
        return Offset(self.scale * float(np.mean(means)), self.scale * float(variance) ** 0.5)

    def evidence(self, points: Sequence[Point], values: Sequence[float]) -> float:
        """How much better other trials are foretold with the earlier values than without them.

        Returns:
            the logarithm of the Bayes factor of two processes that differ in nothing else, by the
            differences between the trials, whatever the offset; 0 with less than two of them, or
            after fewer than LEAST_TRIALS.
        """
        if not points or len(self._points) < LEAST_TRIALS:
            return 0.0
        x, scaled = encode(self._dimensions, points), self._scaled(values)
        apart = distances(x, x, unordered(self._dimensions))
        told, untold = [], []
        for posterior in self._draws:
            noise = posterior.noise * np.eye(len(points))
            expected, covariance = posterior.at(x)
            told.append(_log_density(scaled - expected, covariance + noise))
            blind = kernel(apart, posterior.log[:-1])
            untold.append(_log_density(scaled, blind + noise))
        return float(special.logsumexp(told) - special.logsumexp(untold))

    def _scaled(self, values: Sequence[float]) -> np.ndarray:
        return (np.array(values, dtype=float) - self.mean) / self.scale


def _log_density(values: np.ndarray, covariance: np.ndarray) -> float:
    """Restricted likelihood: of the differences of values that are normal around one unknown mean.

    But for a constant; Rasmussen and Williams 2006, equation 2.45 with a constant as the only basis
    function.
    """
    factor = linalg.cholesky(covariance, lower=True)
    white, ones = linalg.solve_triangular(
        factor, np.stack([values, np.ones(len(values))], axis=1), lower=True
    ).T
    precision = ones @ ones
    left = white @ white - (ones @ white) ** 2 / precision
    return float(-0.5 * left - np.log(np.diag(factor)).sum() - 0.5 * math.log(precision))
