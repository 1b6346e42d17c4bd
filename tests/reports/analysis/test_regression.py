"""Fits of values that were imputed several times, pooled by Rubin's rules."""

import math

import numpy as np
import pytest
from scipy import stats

from reports.analysis.regression import LEAST_WEIGHT, Fit, imputed_weights, least_squares


def _sets(imputations: int, spread: float, count: int = 30) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    x = np.linspace(-1, 1, count)
    values = 2 * x + 0.3 * rng.standard_normal(count)
    sets = np.tile(values, (imputations, 1))
    sets[:, count // 2 :] += spread * rng.standard_normal((imputations, count - count // 2))
    return np.column_stack([np.ones(count), x]), sets


def _fit(design: np.ndarray, values: np.ndarray, weights: np.ndarray | None = None) -> Fit:
    fit = least_squares(design, values, weights)
    assert fit is not None
    return fit


SLOPE = np.array([0.0, 1.0])


def test_equal_sets_are_one() -> None:
    design, sets = _sets(20, 0.0)
    one, many = _fit(design, sets[0]), _fit(design, sets)
    assert list(many.estimate(SLOPE))[:2] == pytest.approx(list(one.estimate(SLOPE))[:2])
    assert many.p_together([1]) == pytest.approx(one.p_together([1]))
    assert one.estimate(SLOPE).freedom == 28


def test_rubins_rules() -> None:
    design, sets = _sets(20, 0.5)
    each = [_fit(design, row).estimate(SLOPE) for row in sets]
    pooled = _fit(design, sets).estimate(SLOPE)
    slopes = np.array([estimate.value for estimate in each])
    assert pooled.value == pytest.approx(slopes.mean())
    # The larger of both kinds of errors, each pooled by itself.
    between = (1 + 1 / 20) * slopes.var(ddof=1)
    within = [np.mean([fit.covariances[kind][1, 1] for fit in (_fit(design, row) for row in sets)])
              for kind in (0, 1)]  # fmt: skip
    assert pooled.error == pytest.approx(math.sqrt(max(within) + between))
    share = between / pooled.error**2
    left = 29 / 31 * 28 * (1 - share)
    assert pooled.freedom == pytest.approx(1 / (share**2 / 19 + 1 / left))
    assert pooled.freedom < 28


def test_a_single_coefficient_has_about_the_same_p_together_and_alone() -> None:
    design, sets = _sets(20, 1.5)
    fit = _fit(design, sets)
    alone = fit.estimate(SLOPE)
    p = 2 * alone.p_beyond(abs(alone.value))
    assert p / 2 < fit.p_together([1]) <= p


def test_coverage_with_half_of_the_values_imputed() -> None:
    """Where imputed values are drawn as they should be, intervals hold what they say."""
    rng, inside = np.random.default_rng(8), 0
    x = np.linspace(-1, 1, 24)
    design = np.column_stack([np.ones(24), x])
    seen = np.arange(24) % 2 == 0
    for _ in range(300):
        values = x + rng.standard_normal(24)
        coefficients, residuals = np.linalg.lstsq(design[seen], values[seen], rcond=None)[:2]
        sets = np.tile(values, (20, 1))
        root = np.linalg.cholesky(np.linalg.inv(design[seen].T @ design[seen]))
        for row in sets:  # a draw of the line and its noise, then of the values
            sd = math.sqrt(residuals[0] / rng.chisquare(10))
            line = coefficients + sd * root @ rng.standard_normal(2)
            row[~seen] = design[~seen] @ line + sd * rng.standard_normal(12)
        pooled = _fit(design, sets).estimate(SLOPE)
        half = stats.t.ppf(0.975, pooled.freedom) * pooled.error
        inside += abs(pooled.value - 1) < half
    assert 0.92 <= inside / 300 <= 0.99


def test_a_coefficient_that_no_trial_tells() -> None:
    design = np.column_stack([np.ones(9), np.arange(9.0), np.arange(9.0)])
    estimate = _fit(design, np.arange(9.0)).estimate(np.array([0.0, 0.0, 1.0]))
    assert math.isnan(estimate.value) and math.isnan(estimate.p_beyond(0.0))
    assert least_squares(np.eye(3), np.ones(3)) is None


def test_imputed_values_weigh_as_little_as_they_are_sure() -> None:
    design, sets = _sets(20, 0.0)
    assert (imputed_weights(design, sets) == 1).all()
    _, sets = _sets(20, 1.5)
    weights = imputed_weights(design, sets)
    assert (weights[:15] == 1).all()
    # .3 of noise against that and 1.5 of imputation: .09 / 2.34.
    assert weights[15:].max() == weights[15:].min() == pytest.approx(0.04, abs=0.02)
    plain, weighted = (_fit(design, sets, of).estimate(SLOPE) for of in (None, weights))
    assert weighted.error < plain.error
    assert abs(weighted.value - 2) < 2.5 * weighted.error


def test_weights_where_measured_values_are_fitted_exactly() -> None:
    design = np.column_stack([np.ones(6), np.eye(6)[:, :4]])
    sets = np.tile(np.arange(6.0), (3, 1))
    sets[:, 4:] += [[0.5], [1.0], [-0.5]]
    weights = imputed_weights(design, sets)
    assert np.isfinite(weights).all() and (weights >= LEAST_WEIGHT).all()


def test_weights_are_those_of_weighted_least_squares() -> None:
    design, sets = _sets(1, 0.0)
    weights = np.linspace(0.1, 1, 30)
    expected = np.linalg.solve(
        design.T @ (weights[:, None] * design), design.T @ (weights * sets[0])
    )
    assert _fit(design, sets, weights).coefficients == pytest.approx(expected)
