"""Least squares for trials that a sampler chose, with intervals that hold for uneven errors.

Trials of a search are not a balanced experiment: a sampler that learns puts most of them where it
expects good values, in several dimensions at once. What one dimension does is therefore taken from
a fit of all of them together. How sure that is comes from errors that are alike or from errors that
may differ from place to place (MacKinnon and White 1985), whichever makes it less sure. The latter
are taken as HC3: a Gaussian process puts many trials close together and leaves single ones apart.
With HC2, which allows for these less, intervals held the truth in 90% of simulated sweeps of eight
kinds by four samplers, and with HC3 in 96% (`tests/benchmarks/answers.py`).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import linalg, stats

from search.core.outliers import winsorize

MIN_TRIALS = 8
"""Fewest trials for an effect, a correlation or the noise of a search."""
ROUNDS = 3
"""Of fits, each without the weight of the outliers of the one before, or with better weights."""
LEAST_WEIGHT = 0.02
"""Of an imputed value: measured ones may leave nothing unexplained where they are hardly more than
the coefficients."""


class Estimate(NamedTuple):
    """A weighted sum of coefficients; NaN where one that it needs was not estimated.

    Attributes:
        error: its standard error.
        freedom: degrees of freedom of that.
    """

    value: float
    error: float
    freedom: float

    def p_beyond(self, distance: float) -> float:
        """One-sided p of an estimate at this distance from the null hypothesis."""
        if not math.isfinite(self.error):
            return math.nan
        if self.error == 0:
            return float(distance <= 0)
        return float(stats.t.sf(distance / self.error, self.freedom))


@dataclass(frozen=True)
class Fit:
    """Coefficients of the columns of a design; those of dependent columns are 0.

    Attributes:
        coefficients: (K,).
        covariances: (K, K) each: with errors that are alike, and with errors that may differ (HC3).
        estimated: (K,) whether a coefficient was estimated.
        freedom: trials less estimated coefficients.
        imputed: (K, K) the part of the covariances that is due to values that were imputed.
        imputations: how many sets of values were fitted.
    """

    coefficients: np.ndarray
    covariances: tuple[np.ndarray, np.ndarray]
    estimated: np.ndarray
    freedom: int
    imputed: np.ndarray
    imputations: int = 1

    def estimate(self, weights: np.ndarray) -> Estimate:
        """A weighted sum of coefficients."""
        if np.any(np.abs(weights[~self.estimated]) > 1e-12):
            return Estimate(math.nan, math.nan, self.freedom)
        # Var(w' b) = w' V w.
        variance = max(0.0, *(float(weights @ spread @ weights) for spread in self.covariances))
        share = float(weights @ self.imputed @ weights) / variance if variance else 0.0
        value = float(weights @ self.coefficients)
        return Estimate(value, math.sqrt(variance), self._freedom(share))

    def _freedom(self, share: float) -> float:
        """Degrees of freedom where this share of a variance is due to imputed values.

        Barnard and Rubin (1999): the harmonic sum of those of the imputations, (M - 1) / share^2,
        and those that are left of the trials'.
        """
        if share <= 0:
            return self.freedom
        left = (self.freedom + 1) / (self.freedom + 3) * self.freedom * (1 - min(share, 1 - 1e-9))
        return 1 / (share**2 / (self.imputations - 1) + 1 / left)

    def p_together(self, places: list[int]) -> float:
        """p of all estimated ones of these coefficients being 0; NaN without any.

        Wald's test as F = b' V^-1 b / k with k and `freedom` degrees, of the less certain of equal
        errors and uneven ones. With imputed values V is the whole covariance, and their share that
        of its trace (Li, Raghunathan and Rubin 1991).
        """
        places = [place for place in places if self.estimated[place]]
        values, p_values = self.coefficients[places], []
        for covariance in self.covariances:
            spread = covariance[np.ix_(places, places)]
            # Coefficients whose errors are not independent have no joint test.
            if not places or np.linalg.matrix_rank(spread) < len(places):
                return math.nan
            size = float(values @ np.linalg.solve(spread, values)) / len(places)
            imputed = np.linalg.solve(spread, self.imputed[np.ix_(places, places)])
            freedom = self._freedom(float(np.trace(imputed)) / len(places))
            p_values.append(float(stats.f.sf(size, len(places), freedom)))
        return max(p_values)


def least_squares(
    design: np.ndarray, values: np.ndarray, weights: np.ndarray | None = None
) -> Fit | None:
    """Fit values by the columns of a design (N, K); None without a trial to spare.

    Args:
        values: (N,); or (M, N), of which some were imputed M times: then the M fits are pooled by
            Rubin's rules (1987): V = mean V_m + (1 + 1 / M) cov(b_m).
        weights: (N,) of the squared errors; all alike by default.
    """
    values = np.atleast_2d(values)
    if weights is not None:
        root = np.sqrt(weights)
        design, values = design * root[:, None], values * root
    count, columns = design.shape
    estimable = independent(design)
    freedom = count - int(estimable.sum())
    if freedom < 1:
        return None
    # X = QR, so that (X'X)^-1 = R^-1 R^-T, and the sandwich (X'X)^-1 X' D X (X'X)^-1 is
    # R^-1 (Q' D Q) R^-T with D the variances of the errors: s^2 for all where they are alike, else
    # e_i^2 / (1 - h_i)^2 (HC3; MacKinnon and White 1985) with h_i, the leverage, the squared length
    # of a row of Q.
    q, r = np.linalg.qr(design[:, estimable])
    inverse = linalg.solve_triangular(r, np.eye(len(r)))
    # All of them are linear in e_i^2, so that the mean over imputations is taken of these.
    squares = ((values - (values @ q) @ q.T) ** 2).mean(0)
    slack = 1 - (q**2).sum(1)
    # A trial that alone decides a coefficient (h_i = 1) is fitted exactly: it says nothing of its
    # error, and 0 / 0 would be whatever rounding leaves, as it is in statsmodels' HC3.
    alone = slack < 1e-9
    slack = np.where(alone, 1.0, slack)
    alike = np.eye(len(r)) * float(squares.sum()) / freedom
    uneven = (q * np.where(alone, 0.0, squares / slack**2)[:, None]).T @ q
    each = values @ q @ inverse.T
    coefficients = np.zeros(columns)
    coefficients[estimable] = each.mean(0)
    imputed = np.zeros((columns, columns))
    if (imputations := len(values)) > 1:
        between = np.cov(each.T).reshape(len(r), len(r))
        imputed[np.ix_(estimable, estimable)] = (1 + 1 / imputations) * between
    spreads = []
    for middle in (alike, uneven):
        spread = imputed.copy()
        spread[np.ix_(estimable, estimable)] += inverse @ middle @ inverse.T
        spreads.append(spread)
    covariances = (spreads[0], spreads[1])
    return Fit(coefficients, covariances, estimable, freedom, imputed, imputations)


def imputed_weights(design: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(N,) weights by how far values lie from a fit: 1 of measured ones, less of imputed ones.

    Feasible generalized least squares: an imputed value has the error of its imputation besides its
    own, so that it counts only as much as the squared residuals of both kinds compare.

    Args:
        values: (M, N); what was imputed differs between the rows.
    """
    imputed = np.ptp(values, axis=0) > 0
    weights = np.ones(len(design))
    for _ in range(ROUNDS if imputed.any() else 0):
        root = np.sqrt(weights)
        q = np.linalg.qr((design * root[:, None])[:, independent(design)])[0]
        scaled = values * root
        squares = ((scaled - (scaled @ q) @ q.T) ** 2).mean(0) / weights
        # E e^2 = s^2 (1 - h): a trial of much leverage has a small residual whatever its error.
        slack = np.maximum(1 - (q**2).sum(1), 1e-9)
        measured, others = (squares[kind].sum() / slack[kind].sum() for kind in (~imputed, imputed))
        weights = np.where(imputed, min(1.0, measured / others) if others else 1.0, 1.0)
        weights = np.maximum(weights, LEAST_WEIGHT)
    return weights


def independent(design: np.ndarray) -> np.ndarray:
    """Which columns are linearly independent of the earlier ones, (K,) bool.

    Gram-Schmidt in the order of the columns: pivoting, as `scipy.linalg.qr` does it, would drop a
    straight line for a higher polynomial.
    """
    scale = np.sqrt((design**2).sum(0))
    scaled = design / np.where(scale > 0, scale, 1.0)
    independent_ones = np.zeros(design.shape[1], dtype=bool)
    basis = np.empty((len(design), 0))
    for column in range(design.shape[1]):
        rest = scaled[:, column]
        # Of unit columns: what is left of one that others imply is rounding, some 1e-16 of it.
        for _ in range(2):  # the second time for what rounding has left (Kahan's "twice is enough")
            rest = rest - basis @ (basis.T @ rest)
        size = float(np.linalg.norm(rest))
        if size > 1e-6:
            independent_ones[column] = True
            basis = np.column_stack([basis, rest / size])
    return independent_ones


def winsorize_residuals(design: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values with the outliers of a fit moved to its usual distance.

    One training that almost diverged must not decide what a setting does on average. What is usual
    is judged by the residuals: the values of one setting may well lie apart from all others.
    """
    q = np.linalg.qr(design[:, independent(design)])[0]
    inside = winsorize(values)
    for _ in range(ROUNDS):
        fitted = q @ (q.T @ inside)
        rest = values - fitted
        # A fit through half of the trials leaves rounding errors, whose spread is no scale.
        if np.ptp(np.quantile(rest, [0.25, 0.75])) <= 1e-9 * np.abs(values).max():
            return values
        inside = fitted + winsorize(rest)
    return inside


def polynomials(places: np.ndarray, degree: int) -> np.ndarray:
    """Legendre's polynomials 1 to `degree` at places in [-1, 1], (N, degree)."""
    return np.polynomial.legendre.legvander(places, degree)[:, 1:]
