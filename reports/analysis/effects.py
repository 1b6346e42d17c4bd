"""What each dimension of a search does to a metric, from trials of equal budget.

One fit of all dimensions together (`reports.analysis.regression`), so that a sampler that tries
good values of several at once does not give one of them the merit of another. An interaction is
tested for each pair of dimensions; those that are shown join the fit.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from reports.analysis.design_matrix import FEWEST, Block, Contrast, Region, block_of
from reports.analysis.regression import (
    MIN_TRIALS,
    Fit,
    imputed_weights,
    least_squares,
    winsorize_residuals,
)
from reports.analysis.statistics import LEVEL
from spaces.dimensions import Dimension

SPARE = {1: 1.5, 2: 1.5, 3: 6.0, 4: 12.0}
"""Trials per coefficient with which polynomials of each degree are fitted."""
CROSSED = 6
"""Fewest trials with each value of a choice for its interactions to be tested."""
MOST_PAIRED = 10
"""With more dimensions no interactions are tested: there would be too many to find one."""


class Effect(NamedTuple):
    """A contrast as estimated, in the metric's unit.

    Attributes:
        low, high: 95% interval, not adjusted for several questions.
        error: its standard error.
        p: two-sided, of no difference; not adjusted.
        same: p of a difference as large as `difference`, in either direction.
    """

    contrast: Contrast
    estimate: float
    low: float
    high: float
    error: float
    p: float
    same: float


class Pair(NamedTuple):
    """Two dimensions: p (not adjusted) that what one does is the same whatever the other."""

    first: str
    second: str
    p: float


class Model(NamedTuple):
    """A fitted search.

    Attributes:
        blocks: by name of the dimension.
        start: the column at which each block begins.
        measured: (M, N) the metric; a row for each time that values of stopped trials were imputed.
        values: the same, of which `winsorize_residuals` moved the outliers.
        weights: (N,) of the trials in the fit.
        joined: pairs that are in the fit, and the column at which their products begin.
        difference: the least that matters.
    """

    blocks: dict[str, Block]
    start: dict[str, int]
    design: np.ndarray
    measured: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    fit: Fit
    joined: dict[tuple[str, str], int]
    difference: float


def trials_needed(dimensions: Sequence[Dimension], points: Sequence[dict[str, Any]]) -> int:
    """Trials with which a straight line per dimension, and a mean per value, can be fitted."""
    columns = 1 + sum(block_of(axis, points, 1).columns.shape[1] for axis in dimensions)
    return max(MIN_TRIALS, math.ceil(SPARE[1] * columns) + 4)


def fit_search(
    dimensions: Sequence[Dimension],
    points: Sequence[dict[str, Any]],
    values: np.ndarray,
    difference: float,
    finished: np.ndarray | None = None,
) -> Model | None:
    """The richest fit for which there are trials enough; None where there are too few for any.

    Args:
        values: (N,) of the trials, or (M, N) where some were imputed M times.
        difference: the least that matters.
        finished: (N,) which trials finished; None if all did.
    """
    if len(points) < MIN_TRIALS:
        return None
    # The thirds of a curve that is steep at one end are only seen by a higher polynomial, which
    # with few trials follows single ones: the highest for which there are trials enough.
    for degree in (4, 3, 2, 1):
        blocks = {axis.name: block_of(axis, points, degree, finished) for axis in dimensions}
        design, start = _design(list(blocks.values()))
        if len(points) < SPARE[degree] * design.shape[1] + 4:
            continue
        measured = np.atleast_2d(np.asarray(values, dtype=float))
        # Outliers of the fit and not of the values: a bad third of a range is what this looks for.
        inside = np.array([winsorize_residuals(design, row) for row in measured])
        weights = imputed_weights(design, inside)
        if fit := least_squares(design, inside, weights):
            return Model(blocks, start, design, measured, inside, weights, fit, {}, difference)
    return None


def _design(blocks: list[Block]) -> tuple[np.ndarray, dict[str, int]]:
    """A constant, the columns of all blocks, and an indicator of each set of active trials."""
    columns, start = [np.ones((len(blocks[0].active) if blocks else 0, 1))], {}
    for block in blocks:
        start[block.dimension.name] = sum(part.shape[1] for part in columns)
        columns.append(block.columns)
    present = {block.active.tobytes(): block.active for block in blocks if not block.active.all()}
    # Trials with and without a dimension differ in more than its value: each has its own mean.
    columns += [active[:, None].astype(float) for active in present.values()]
    return np.concatenate(columns, axis=1), start


def residual_sd(
    dimensions: Sequence[Dimension], points: Sequence[dict[str, Any]], values: Sequence[float]
) -> float | None:
    """The noise of one training: what a parabola per dimension leaves unexplained, or less.

    Args:
        points: (N,) settings of the active dimensions.
        values: (N,) finite.

    Returns:
        A robust SD; None with fewer than three trials per coefficient.
    """
    count = len(values)
    if count < MIN_TRIALS:
        return None
    design, _ = _design([block_of(dimension, points, 2) for dimension in dimensions])
    freedom = count - int(np.linalg.matrix_rank(design))
    if freedom < 2 * count / 3:  # more than a coefficient per three trials
        return None
    target = np.asarray(values, dtype=float)
    residuals = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    # 1.4826 median |e| is the SD of a normal distribution; the root repairs what the fit took.
    return float(1.4826 * np.median(np.abs(residuals)) * math.sqrt(count / freedom))


def effects(model: Model, name: str) -> tuple[Effect, ...]:
    """The effects of one dimension; contrasts that cannot be estimated are left out."""
    estimated = []
    for contrast in model.blocks[name].contrasts:
        effect = _effect(model, contrast, _weights(model, name, contrast.weights))
        if math.isfinite(effect.error):
            estimated.append(effect)
    return tuple(estimated)


def _weights(model: Model, name: str, of_block: np.ndarray) -> np.ndarray:
    """(K,) weights of all coefficients, of which those of one dimension's block are given."""
    weights = np.zeros(len(model.fit.estimated))
    weights[model.start[name] :][: len(of_block)] = of_block
    return weights


def _effect(model: Model, contrast: Contrast, weights: np.ndarray) -> Effect:
    estimate, error, freedom = estimated = model.fit.estimate(weights)
    # A test of equivalence asks whether the estimate lies surely within +-difference: the nearer
    # bound decides (two one-sided tests, Schuirmann 1987).
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
    p = min(1.0, 2 * estimated.p_beyond(abs(estimate)))
    same = estimated.p_beyond(model.difference - abs(estimate))
    return Effect(contrast, estimate, estimate - half, estimate + half, error, p, same)


def p_best_inside(model: Model, name: str, sign: int) -> float:
    """p of the middle third being no better than both others.

    NaN without trials in all thirds, or with straight lines. `sign` is 1 where smaller is better.
    """
    contrasts = model.blocks[name].contrasts
    bends = [contrast for contrast in contrasts if contrast.kind == "bend"]
    trends = [contrast for contrast in contrasts if contrast.kind == "trend"]
    if not bends or not trends:
        return math.nan
    worst = 0.0  # both must be shown: an intersection-union test needs no adjustment (Berger 1982)
    for side in (-0.5, 0.5):  # an outer third minus the middle one
        weights = _weights(model, name, bends[0].weights + side * trends[0].weights)
        estimate = model.fit.estimate(weights)
        if math.isnan(estimate.error):
            return math.nan
        worst = max(worst, estimate.p_beyond(sign * estimate.value))
    return worst


def pairs(model: Model) -> list[Pair]:
    """Every pair of dimensions whose interaction can be tested."""
    names = [name for name, block in model.blocks.items() if _can_be_crossed(block)]
    if len(names) > MOST_PAIRED:
        return []
    tested = []
    for first, second in itertools.combinations(names, 2):
        product = _product(model.blocks[first], model.blocks[second])
        p = _p_of_products(model, product)
        if math.isfinite(p):
            tested.append(Pair(first, second, p))
    return tested


def _can_be_crossed(block: Block) -> bool:
    """Whether a dimension has enough trials at each value for its interactions to be tested."""
    if not block.is_tested:
        return False
    if not block.dimension.is_categorical:
        return bool(block.contrasts)
    counts = [region.inside.sum() for region in block.regions]
    return len(counts) == block.lean.shape[1] + 1 >= 2 and min(counts) >= CROSSED


def _product(first: Block, second: Block) -> np.ndarray:
    """(N, J1 * J2) products of centered lean columns, where both are active."""
    both = (first.active & second.active)[:, None]
    sides = []
    for block in (first, second):
        mean = block.lean[both[:, 0]].mean(0) if both.any() else 0.0
        sides.append(np.where(both, block.lean - mean, 0.0))
    # Products of centered columns, so that a main effect stays that at the mean of the other.
    product = sides[0][:, :, None] * sides[1][:, None, :]
    return product.reshape(len(both), -1)


def _p_of_products(model: Model, product: np.ndarray) -> float:
    count, columns = model.design.shape
    if ((np.abs(product) > 1e-12).sum(0) < FEWEST).any() or count - columns < 2 * MIN_TRIALS:
        return math.nan
    crossed = np.concatenate([model.design, product], axis=1)
    fit = least_squares(crossed, model.values, model.weights)
    if fit is None or fit.freedom < MIN_TRIALS:
        return math.nan
    return fit.p_together(list(range(columns, columns + product.shape[1])))


def joined(model: Model, significant: Sequence[Pair]) -> Model:
    """The fit with the products of some pairs of dimensions."""
    design, start = model.design, {}
    for pair in significant:
        start[pair.first, pair.second] = design.shape[1]
        product = _product(model.blocks[pair.first], model.blocks[pair.second])
        design = np.concatenate([design, product], axis=1)
    fit = least_squares(design, model.values, model.weights)
    if not significant or fit is None or fit.freedom < MIN_TRIALS:
        return model
    return model._replace(design=design, fit=fit, joined=start)


def p_joined(model: Model, pair: Pair) -> float:
    """p of a pair that is in the fit, with the other joined pairs in it."""
    begin = model.joined[pair.first, pair.second]
    # As many products as `_product` makes: every column of one with every column of the other.
    first, second = (model.blocks[name].lean.shape[1] for name in pair[:2])
    return model.fit.p_together(list(range(begin, begin + first * second)))


def effect_where(
    model: Model, name: str, contrast: Contrast, other: str
) -> tuple[tuple[Region, Effect], ...]:
    """A contrast of one dimension within each region of another, in whose pair it is joined."""
    pair = (name, other) if (name, other) in model.joined else (other, name)
    begin = model.joined[pair]
    block, beside = model.blocks[name], model.blocks[other]
    both = block.active & beside.active
    center = beside.lean[both].mean(0)
    by_region = []
    for region in beside.regions:
        # Within a region the effect is that at the mean plus the products' part, at how far the
        # region's own mean lies from the center that the products were made about.
        product = np.outer(contrast.lean, beside.lean[region.inside].mean(0) - center)
        if pair[0] == other:
            product = product.T
        weights = _weights(model, name, contrast.weights)
        weights[begin : begin + product.size] = product.ravel()
        by_region.append((region, _effect(model, contrast, weights)))
    return tuple(by_region)
