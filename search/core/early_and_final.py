"""A Gaussian process of what trials came to at a rung and at their ends, together.

As with computer codes of two fidelities (Kennedy and O'Hagan 2000), one is a noisy view of the
other: over settings x of trial i,

    final_i = f(x_i) + t_i + e_i
    early_i = r (f(x_i) + t_i) + g(x_i) + l_i

with two processes, f of the end and g of what changes after the rung, a part t of the trial's noise
that stays, and luck l that does not. Far from trials that finished, f is hardly known, and an early
value tells most of it; among them it tells little that they do not. A regression of the end on the
early value has one slope for both, and takes those that were far behind for better than they are.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import linalg

from search.core.surrogate import JITTER, PRIOR, Kernel, distances, log_density

MEAN, CHANGE = 1.0, 0.25
"""Variances of the unknown means of f and g."""


class Prior(NamedTuple):
    """Normal priors of the logarithms of hyperparameters, of values of unit deviation at the rung.

    What changes is expected to be a fifth of what there is, and to a trial that is one worse at the
    rung to be one worse at the end.
    """

    additive: tuple[float, float] = (math.log(0.1), 1.5)
    product: tuple[float, float] = (math.log(0.03), 1.5)
    stays: tuple[float, float] = (math.log(0.05), 1.5)
    noise: tuple[float, float] = (math.log(0.05), 1.5)
    luck: tuple[float, float] = (math.log(0.1), 1.5)
    slope: tuple[float, float] = (0.0, 0.2)


class Foretold(NamedTuple):
    """What is expected of finals, by hyperparameters.

    Attributes:
        mean: (S,) of those that are not known.
        covariance: (S, S).
        left_out: (F,) those that are known, each as all other values foretell it.
    """

    mean: np.ndarray
    covariance: np.ndarray
    left_out: np.ndarray


class EarlyAndFinal:
    """The covariance of early values of N trials, and the finals of the first F of them.

    Args:
        x: (N, C) as `surrogate.encode` gives them.
        unordered: (C,) bool.
        known: F.
    """

    def __init__(self, x: np.ndarray, unordered: np.ndarray, known: int) -> None:
        count, self.columns = x.shape
        self.known = known
        # A pair once: the covariance of all hyperparameters' draws is the time that it takes.
        above = np.triu_indices(count)
        apart = distances(x, x, unordered)[:, *above]
        self._end, self._change = Kernel(apart), Kernel(apart)
        self._pairs = np.empty((count, count), dtype=int)
        self._pairs[above] = self._pairs.T[above] = np.arange(len(above[0]))
        lengths = [PRIOR.length] * self.columns
        self.priors = [*lengths, PRIOR.additive, PRIOR.product, *lengths, *Prior()]

    def log_likelihood(self, log: np.ndarray, early: np.ndarray, final: np.ndarray) -> float:
        """Of early values (N,) and finals (F,)."""
        return log_density(self._covariance(log)[0], np.concatenate([final, early]))

    def _covariance(self, log: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of F finals and N early values; of the S other finals with them; and of these."""
        end, change, rest = np.split(log, [self.columns + 2, 2 * self.columns + 4])
        stays, noise, luck, slope = np.exp(rest)
        f = (self._end.at(end) + MEAN)[self._pairs]
        each = slice(None, None, len(f) + 1)
        f.flat[each] += stays
        early = slope**2 * f + (self._change.at(change) + CHANGE)[self._pairs]
        early.flat[each] += luck + JITTER
        final = f.copy()
        final.flat[each] += noise + JITTER
        known = self.known
        seen = np.empty((known + len(f), known + len(f)))
        seen[:known, :known] = final[:known, :known]
        seen[known:, :known] = slope * f[:, :known]
        seen[:known, known:] = slope * f[:known]
        seen[known:, known:] = early
        cross = np.concatenate([f[:known, known:], slope * f[:, known:]])
        return seen, cross, final[known:, known:]

    def foretell(self, log: np.ndarray, early: np.ndarray, final: np.ndarray) -> Foretold:
        """The finals that are not known, and again those that are."""
        values = np.concatenate([final, early])
        seen, cross, inner = self._covariance(log)
        factor = linalg.cholesky(seen, lower=True, check_finite=False)
        solved = linalg.solve_triangular(factor, cross, lower=True, check_finite=False)
        white = linalg.solve_triangular(factor, values, lower=True, check_finite=False)
        # y_i - [K^-1 y]_i / [K^-1]_ii (Rasmussen and Williams 2006, equation 5.12).
        known = self.known
        inverse = linalg.cho_solve((factor, True), np.eye(len(values), known))
        apart = (values @ inverse) / np.diag(inverse[:known])
        return Foretold(solved.T @ white, inner - solved.T @ solved, final - apart)
