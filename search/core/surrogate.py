"""A Gaussian process over a space: what the metric would be at points that were not trained.

Its hyperparameters are not fixed at their likeliest values, which in a sweep of a few dozen trials
are little more than a guess, but drawn from their posterior (MacKay 1992; Snoek et al. 2012).

The covariance of two points is that of a sum over dimensions and that of their product,

    k(x, y) = a / C sum_c m(d_c / l_c) + b prod_c m(d_c / l_c),    m(r) = (1 + r + r^2 / 3) exp(-r)

with r = sqrt(5) d / l, Matérn's covariance of smoothness 5/2: effects that add up are learned from
few trials, and those that do not are not forced to (Duvenaud et al. 2011).
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg

from spaces.dimensions import Dimension, is_same

JITTER = 1e-6
"""Of the variance, added to the diagonal: equal points would make the matrix singular."""
BURN_IN, THINNING = 100, 8
"""Steps of the chain before the first draw, and between two draws."""


class Prior(NamedTuple):
    """Normal priors of the logarithms of the hyperparameters: (mean, standard deviation).

    Of values scaled to a standard deviation of 1, and of ranges from 0 to 1: the typical length is
    more than a range, so that a dimension that does nothing needs no data to be left alone. They
    are wide enough for values that are all noise.
    """

    length: tuple[float, float] = (math.log(2.0), 1.2)
    additive: tuple[float, float] = (math.log(0.5), 1.5)
    product: tuple[float, float] = (math.log(0.2), 1.5)
    trend: tuple[float, float] = (math.log(0.03), 0.7)
    noise: tuple[float, float] = (math.log(0.3), 1.5)


PRIOR = Prior()


def encode(dimensions: Sequence[Dimension], points: Sequence[dict[str, Any]]) -> np.ndarray:
    """Points as coordinates between which distances are taken, (N, C).

    A range is a coordinate from 0 to 1 on its own scale; a choice the index of its value, -1 where
    it is inactive; a special value a coordinate of its own. A range that a point does not use is
    put to its middle, so that it tells nothing: what governs it is a coordinate, too.
    """
    columns = []
    for dimension in dimensions:
        settings: list[Any] = [point.get(dimension.name) for point in points]
        active = [dimension.name in point for point in points]
        if dimension.is_categorical:
            columns.append(
                [
                    _index(dimension, setting) if on else -1.0
                    for setting, on in zip(settings, active, strict=True)
                ]
            )
            continue
        inside = [on and s not in dimension.special for s, on in zip(settings, active, strict=True)]
        columns.append(
            [dimension.place(s) if on else 0.5 for s, on in zip(settings, inside, strict=True)]
        )
        if dimension.special:
            columns.append(
                [float(on and not ranged) for on, ranged in zip(active, inside, strict=True)]
            )
    return np.array(columns, dtype=float).reshape(len(columns), len(points)).T


def unordered(dimensions: Sequence[Dimension]) -> np.ndarray:
    """Which columns of `encode` are indices, whose distances are 0 or 1, (C,) bool."""
    flags: list[bool] = []
    for dimension in dimensions:
        flags.append(dimension.is_categorical)
        flags += [True] * bool(dimension.special)
    return np.array(flags, dtype=bool)


def _index(dimension: Dimension, setting: Any) -> float:
    matches = (i for i, choice in enumerate(dimension.choices) if is_same(choice, setting))
    return float(next(matches, len(dimension.choices)))


def distances(x: np.ndarray, y: np.ndarray, unordered: np.ndarray) -> np.ndarray:
    """(C, N, M) distances of points (N, C) and (M, C) along each coordinate."""
    apart = np.abs(x.T[:, :, None] - y.T[:, None, :])
    apart[unordered] = apart[unordered] > 0
    return apart


class Surrogate:
    """A Gaussian process of values at points, its hyperparameters drawn by a chain.

    Args:
        x: (N, C) as `encode` gives them.
        unordered: (C,) bool.
        rng: makes the draws.
        trend: (N,) a covariate that the value is linear in, of mean 0 and unit variance.
    """

    def __init__(
        self,
        x: np.ndarray,
        unordered: np.ndarray,
        rng: np.random.Generator,
        trend: np.ndarray | None = None,
    ) -> None:
        self.x, self.unordered, self.trend, self._rng = x, unordered, trend, rng
        self.apart = distances(x, x, unordered)
        columns = x.shape[1]
        named = [PRIOR.additive, PRIOR.product, PRIOR.noise]
        named += [PRIOR.trend] if trend is not None else []
        self._mean, self._sd = np.array([PRIOR.length] * columns + named).T
        self._state = np.zeros(len(self._mean))
        self.columns = columns
        self._warm = False

    def covariance(self, log: np.ndarray, apart: np.ndarray) -> np.ndarray:
        """Between points, without noise and trend; (N, M)."""
        r = apart * (math.sqrt(5) / np.exp(log[: self.columns]))[:, None, None]
        matern = r / 3  # in place from here on: copies of this size take most of the time
        matern += 1
        matern *= r
        matern += 1
        matern *= np.exp(np.negative(r, out=r), out=r)
        additive, product = np.exp(log[self.columns : self.columns + 2])
        if not self.columns:
            return np.zeros(apart.shape[1:])
        return additive * matern.mean(0) + product * matern.prod(0)

    def _noisy(self, log: np.ndarray) -> np.ndarray:
        k = self.covariance(log, self.apart)
        if self.trend is not None:
            k = k + math.exp(log[-1]) * np.outer(self.trend, self.trend)
        k[np.diag_indices_from(k)] += math.exp(log[self.columns + 2]) + JITTER
        return k

    def _log_likelihood(self, state: np.ndarray, values: np.ndarray) -> float:
        factor = linalg.cholesky(
            self._noisy(self._mean + self._sd * state), lower=True, check_finite=False
        )
        white = linalg.solve_triangular(factor, values, lower=True, check_finite=False)
        # log N(y | 0, K) = -y' K^-1 y / 2 - log |K| / 2, with K = L L' and |K| = prod diag(L)^2.
        return float(-0.5 * white @ white - np.log(np.diag(factor)).sum())

    def draw(self, values: np.ndarray) -> "Posterior":
        """One draw of the hyperparameters given values (N,), and what follows for other points.

        Elliptical slice sampling (Murray, Adams and MacKay 2010), which needs no step size: the
        priors are normal.
        """
        for _ in range(THINNING if self._warm else BURN_IN):
            self._step(values)
        self._warm = True
        return Posterior(self, self._mean + self._sd * self._state, values)

    def _step(self, values: np.ndarray) -> None:
        rng = self._rng
        other = rng.standard_normal(len(self._state))
        level = self._log_likelihood(self._state, values) + math.log(1 - rng.random())
        angle = rng.uniform(0, 2 * math.pi)
        low, high = angle - 2 * math.pi, angle
        while True:
            proposed = self._state * math.cos(angle) + other * math.sin(angle)
            if self._log_likelihood(proposed, values) > level:
                self._state = proposed
                return
            low, high = (angle, high) if angle < 0 else (low, angle)
            angle = rng.uniform(low, high)


class Posterior:
    """A Gaussian process with given hyperparameters, after seeing values."""

    def __init__(self, process: Surrogate, log: np.ndarray, values: np.ndarray) -> None:
        self.process, self.log, self.values = process, log, values
        self.noise = math.exp(log[process.columns + 2])
        self.factor = linalg.cholesky(process._noisy(log), lower=True, check_finite=False)
        self.white = linalg.solve_triangular(self.factor, values, lower=True, check_finite=False)

    def at(
        self, x: np.ndarray, trend: np.ndarray | None = None, apart: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean (M,) and covariance (M, M) at other points, without noise."""
        process = self.process
        cross = process.covariance(self.log, distances(process.x, x, process.unordered))
        inner = process.covariance(
            self.log, distances(x, x, process.unordered) if apart is None else apart
        )
        if trend is not None and process.trend is not None:
            slope = math.exp(self.log[-1])
            cross = cross + slope * np.outer(process.trend, trend)
            inner = inner + slope * np.outer(trend, trend)
        solved = linalg.solve_triangular(self.factor, cross, lower=True, check_finite=False)
        return solved.T @ self.white, inner - solved.T @ solved

    def left_out(self) -> np.ndarray:
        """Each value as the others predict it, (N,).

        y_i - [K^-1 y]_i / [K^-1]_ii (Rasmussen and Williams 2006, equation 5.12).
        """
        inverse = linalg.cho_solve((self.factor, True), np.eye(len(self.factor)))
        return self.values - inverse @ self.values / np.diag(inverse)
