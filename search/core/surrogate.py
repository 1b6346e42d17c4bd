"""A Gaussian process over a space: what the metric would be at points that were not trained.

Its hyperparameters are drawn from their posterior (`slice_sampling`).

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

from search.core.slice_sampling import MOST_LEARNED, SliceSampler
from spaces.dimensions import Dimension, is_same

JITTER = 1e-6
"""Of the variance, added to the diagonal: equal points would make the matrix singular."""


class Prior(NamedTuple):
    """Normal priors of the logarithms of the hyperparameters: (mean, standard deviation).

    Of values scaled to a standard deviation of 1, and of ranges from 0 to 1: the typical length is
    more than a range, so that a dimension that does nothing needs no data to be left alone. They
    are wide enough for values that are all noise.
    """

    length: tuple[float, float] = (math.log(2.0), 1.2)
    additive: tuple[float, float] = (math.log(0.5), 1.5)
    product: tuple[float, float] = (math.log(0.2), 1.5)
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


def kernel(apart: np.ndarray, log: np.ndarray) -> np.ndarray:
    """Covariance of points at distances (C, ...), without noise.

    Args:
        log: (C + 2,) logarithms of lengths and of the additive and the product's variance.
    """
    return _summed(_correlations(apart, log[:-2]), log[-2:])


def _correlations(apart: np.ndarray, log_lengths: np.ndarray) -> np.ndarray:
    """m(d_c / l_c) of distances (C, ...)."""
    r = apart * (math.sqrt(5) / np.exp(log_lengths)).reshape(-1, *[1] * (apart.ndim - 1))
    matern = r / 3  # in place from here on: copies of this size take most of the time
    matern += 1
    matern *= r
    matern += 1
    matern *= np.exp(np.negative(r, out=r), out=r)
    return matern


def _summed(matern: np.ndarray, log_variances: np.ndarray) -> np.ndarray:
    if not len(matern):
        return np.zeros(matern.shape[1:])
    additive, product = np.exp(log_variances)
    total, whole = matern[0].copy(), matern[0].copy()
    for along in matern[1:]:  # several times faster than a reduction along the first axis
        total += along
        whole *= along
    return (additive / len(matern)) * total + product * whole


class Kernel:
    """`kernel` of the same distances (C, ...) by one set of hyperparameters after another.

    A step of a chain leaves most lengths as they are, whose correlations are kept.
    """

    def __init__(self, apart: np.ndarray) -> None:
        self._apart = apart
        self._lengths = np.full(len(apart), np.nan)
        self._matern = np.empty_like(apart)

    def at(self, log: np.ndarray) -> np.ndarray:
        """As `kernel`."""
        changed = np.flatnonzero(self._lengths != log[:-2])
        self._matern[changed] = _correlations(self._apart[changed], log[changed])
        self._lengths[changed] = log[changed]
        return _summed(self._matern, log[-2:])


class Surrogate:
    """A Gaussian process of values at points, its hyperparameters drawn by a chain.

    Args:
        x: (N, C) as `encode` gives them.
        unordered: (C,) bool.
        rng: makes the draws.
    """

    def __init__(self, x: np.ndarray, unordered: np.ndarray, rng: np.random.Generator) -> None:
        self.x, self.unordered = x, unordered
        self._apart = distances(x, x, unordered)
        self._learned = np.arange(len(x))
        if len(x) > MOST_LEARNED:
            self._learned = np.sort(rng.choice(len(x), MOST_LEARNED, replace=False))
        learned = x[self._learned]
        self._kernel = Kernel(distances(learned, learned, unordered))
        priors = [PRIOR.length] * x.shape[1] + [PRIOR.additive, PRIOR.product, PRIOR.noise]
        self._sampler = SliceSampler(priors, rng)

    def draw(self, values: np.ndarray) -> "Posterior":
        """One draw of the hyperparameters given values (N,), and what follows for other points."""
        learned = values[self._learned]
        log = self._sampler.draw(
            lambda log: log_density(_noisy(self._kernel.at(log[:-1]), log[-1]), learned)
        )
        return Posterior(self, _noisy(kernel(self._apart, log[:-1]), log[-1]), log, values)


def _noisy(covariance: np.ndarray, log_noise: float) -> np.ndarray:
    """That of values, in the place of that of what is measured."""
    covariance[np.diag_indices_from(covariance)] += math.exp(log_noise) + JITTER
    return covariance


def log_density(covariance: np.ndarray, values: np.ndarray) -> float:
    """Of values of mean 0, but for a constant."""
    factor = linalg.cholesky(covariance, lower=True, check_finite=False)
    white = linalg.solve_triangular(factor, values, lower=True, check_finite=False)
    # log N(y | 0, K) = -y' K^-1 y / 2 - log |K| / 2, with K = L L' and |K| = prod diag(L)^2.
    return float(-0.5 * white @ white - np.log(np.diag(factor)).sum())


class Posterior:
    """A Gaussian process with given hyperparameters, after seeing values."""

    def __init__(
        self, process: Surrogate, covariance: np.ndarray, log: np.ndarray, values: np.ndarray
    ) -> None:
        self.process, self.log = process, log
        self.noise = math.exp(log[-1])
        self._factor = linalg.cholesky(covariance, lower=True, check_finite=False)
        self._white = linalg.solve_triangular(self._factor, values, lower=True, check_finite=False)

    def at(self, x: np.ndarray, apart: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Mean (M,) and covariance (M, M) at other points, without noise.

        Args:
            apart: their distances from each other, where they are known.
        """
        process = self.process
        apart = distances(x, x, process.unordered) if apart is None else apart
        inner = kernel(apart, self.log[:-1])
        cross = kernel(distances(process.x, x, process.unordered), self.log[:-1])
        solved = linalg.solve_triangular(self._factor, cross, lower=True, check_finite=False)
        return solved.T @ self._white, inner - solved.T @ solved
