"""In which direction an ordered dimension of a search changes a metric, by ranks alone.

Of a small search a fit may say how much nothing changes: single trials at an end of a range decide
its thirds, and one bad training decides a mean. Ranks give no trial more weight than another, so
that a direction can be plain where an amount is not. The correlation is Spearman's, partial: every
other dimension is allowed for, since a sampler that learns moves them together.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import stats

from reports.analysis.design_matrix import Term
from reports.analysis.effects import MIN_TRIALS, Model
from reports.analysis.regression import least_squares
from reports.analysis.statistics import LEVEL

NEAR_ONE = 1 - 1e-9
"""Where Fisher's z is still finite."""


class Direction(NamedTuple):
    """Partial rank correlation of an ordered dimension with the metric.

    Attributes:
        rho: from -1 to 1; above 0 where higher settings go with higher values of the metric.
        low, high: 95 % interval (Fisher's z), not adjusted for several questions.
        n: trials that have a value in the range.
        p: two-sided, that there is no correlation; not adjusted.
    """

    rho: float
    low: float
    high: float
    n: int
    p: float


def direction(model: Model, name: str) -> Direction | None:
    """That of one dimension; None of a choice, or with too few trials to allow for the others."""
    own = model.terms[name]
    inside = own.ranged
    if inside.sum() < MIN_TRIALS:
        return None
    setting = stats.rankdata(own.columns[inside, 0])
    others = _without(model, own, model.start[name])[inside]
    design = np.column_stack([others, setting - setting.mean()])
    order = stats.rankdata(model.measured[inside])
    fit = least_squares(design, order) if np.ptp(order) else None
    if fit is None or fit.freedom < MIN_TRIALS or not fit.known[-1]:
        return None
    # Errors of ranks are alike enough: allowing for uneven ones would give single trials their
    # weight back.
    slope, error = float(fit.coefficients[-1]), math.sqrt(fit.covariances[0][-1, -1])
    if not error > 0:
        return None
    rho = slope / math.hypot(slope, error * math.sqrt(fit.freedom))
    half = stats.norm.ppf((1 + LEVEL) / 2) / math.sqrt(fit.freedom - 1)
    middle = math.atanh(float(np.clip(rho, -NEAR_ONE, NEAR_ONE)))
    low, high = math.tanh(middle - half), math.tanh(middle + half)
    p = min(1.0, 2 * fit.p_beyond(abs(slope), error))
    return Direction(rho, low, high, int(inside.sum()), p)


def _without(model: Model, own: Term, start: int) -> np.ndarray:
    """The fit's columns but for those of a dimension."""
    return np.delete(model.design, np.s_[start : start + own.columns.shape[1]], axis=1)
