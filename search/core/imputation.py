"""What trials that were stopped early would have come to.

A trial is stopped for its value at a rung, which is recorded: given that value, whether it was
stopped says nothing more of how it would have ended. Its end is missing at random (Rubin 1976), and
can be drawn from what links early and final values among trials that finished. Several draws, each
analyzed like a whole sweep and pooled by Rubin's rules (1987), carry how unsure that is.

What links them is a Gaussian process of what a trial still gains after the rung, over its settings
and its value there: effects need not add up. A trial that is one worse at the rung is expected to
be one worse at the end, unless those that finished say otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search.core.ranking import spearman
from search.core.surrogate import Surrogate, encode, unordered
from spaces.dimensions import Dimension

IMPUTATIONS = 20
"""Draws of each missing value."""
LEAST_FINISHED = 8
"""Trials that finished, below which nothing can be learned from them."""
MOST_FINISHED = 120
"""Trials that are learned from; of more that many are drawn at random, as time grows with their
number cubed."""
AGREEMENT = 0.5
"""Spearman's correlation of predicted and true ends among those that finished, each predicted from
the others, below which imputed values do not count."""


@dataclass(frozen=True)
class Imputation:
    """Draws of how stopped trials would have ended.

    Attributes:
        trials: places of the stopped trials among all.
        values: (IMPUTATIONS, S) their ends, a draw each row.
        agreement: Spearman's correlation of ends that are known and what the others make of them;
            the least of all rungs.
    """

    trials: np.ndarray
    values: np.ndarray
    agreement: float

    @property
    def counts(self) -> bool:
        """Whether early values foretell ends well enough for imputed ones to count."""
        return self.agreement >= AGREEMENT


def impute(
    dimensions: Sequence[Dimension],
    points: Sequence[dict[str, Any]],
    curves: Sequence[Sequence[float]],
    finished: Sequence[bool],
    seed: int = 0,
) -> Imputation | None:
    """Draw how the trials would have ended that did not finish.

    Args:
        points: (N,) settings.
        curves: (N,) each trial's value at every tick it reported, the first tick first; NaN where
            none was measured.
        finished: (N,) whether a trial trained its full budget; the others were stopped for the last
            value of their curve.

    Returns:
        None where nothing was stopped, or fewer than `LEAST_FINISHED` finished.
    """
    rng = np.random.default_rng(seed)
    done = np.array(finished, dtype=bool)
    ticks = np.array([len(curve) for curve in curves])
    ends = np.array([curve[-1] if len(curve) else np.nan for curve in curves], dtype=float)
    usable = np.isfinite(ends)
    stopped = np.flatnonzero(~done & usable)
    learned = np.flatnonzero(done & usable)
    if len(learned) > MOST_FINISHED:
        learned = np.sort(rng.choice(learned, MOST_FINISHED, replace=False))
    if len(learned) < LEAST_FINISHED or not len(stopped):
        return None
    x, indices = encode(dimensions, points), unordered(dimensions)
    draws = np.tile(np.where(done, ends, np.nan), (IMPUTATIONS, 1))
    agreements = []
    # The missing values are monotone: who was stopped at a late rung has passed all earlier ones,
    # so that its drawn end helps to draw those of who was stopped there (Rubin 1987, ch. 5).
    for tick in sorted(set(ticks[stopped]), reverse=True):
        group = stopped[ticks[stopped] == tick]
        early = np.array([c[tick - 1] if len(c) >= tick else np.nan for c in curves], dtype=float)
        base = learned[np.isfinite(early[learned])]
        if len(base) < LEAST_FINISHED:
            return None
        draws[:, group], agreement = _rung(x, indices, early, draws, base, group, done, rng)
        agreements.append(agreement)
        learned = np.concatenate([learned, group])
    return Imputation(stopped, draws[:, stopped], float(np.min(agreements)))


def _rung(
    x: np.ndarray,
    indices: np.ndarray,
    early: np.ndarray,
    draws: np.ndarray,
    base: np.ndarray,
    group: np.ndarray,
    done: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, float]:
    """Ends of the trials in `group`, learned from those in `base`; and their agreement."""
    scale = float(draws[0, base].std()) or 1.0
    start = (early - early[base].mean()) / scale
    process = Surrogate(x[base], indices, rng, trend=start[base])
    ends, predicted = [], []
    for values in draws[:, base]:
        gains = values / scale - start[base]
        mean = gains.mean()
        posterior = process.draw(gains - mean)
        expected, covariance = posterior.at(x[group], trend=start[group])
        noise = rng.standard_normal(len(group)) * posterior.noise**0.5
        drawn = rng.multivariate_normal(expected, covariance, method="eigh") + noise
        ends.append(scale * (start[group] + mean + drawn))
        predicted.append(start[base] + posterior.left_out())
    known = done[base]
    final, foretold = draws[0, base][known], np.mean(predicted, axis=0)[known]
    return np.array(ends), spearman(foretold, final)
