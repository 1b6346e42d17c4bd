"""What trials that were stopped early would have come to.

A trial is stopped for its value at a rung, which is recorded: given that value, whether it was
stopped says nothing more of how it would have ended. Its end is missing at random (Rubin 1976), and
can be drawn from what links early and final values among trials that finished. Several draws, each
analyzed like a whole sweep and pooled by Rubin's rules (1987), carry how unsure that is.

What links them is a Gaussian process of both values over the settings (`early_and_final`): effects
need not add up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from search.core.early_and_final import EarlyAndFinal
from search.core.outliers import winsorize
from search.core.ranking import spearman
from search.core.slice_sampling import MOST_LEARNED, SliceSampler
from search.core.surrogate import encode, unordered
from spaces.dimensions import Dimension

IMPUTATIONS = 20
"""Draws of each missing value."""
LEAST_FINISHED = 8
"""Trials that finished, below which nothing can be learned from them."""
MOST_RUNGS = 4
"""Groups in which stopped trials are drawn: where they were stopped at more ticks than that, as a
median rule does, neighboring ones are taken together."""
ENDS = 4
"""Draws of missing values by one of the hyperparameters, where there are more trials than these are
learned by: so many leave little doubt about them."""
AGREEMENT = 0.5
"""Spearman's correlation of predicted and true ends among those that finished, each predicted from
the others, below which imputed values do not count."""


@dataclass(frozen=True)
class Imputation:
    """Draws of how stopped trials would have ended.

    Attributes:
        trials: places among all of the stopped trials whose ends could be drawn.
        values: (M, S) their ends, a draw each row.
        expected: (S,) the means of what they were drawn from.
        agreement: Spearman's correlation of ends that are known and what the others make of them;
            the least of all rungs.
    """

    trials: np.ndarray
    values: np.ndarray
    expected: np.ndarray
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
    imputations: int = IMPUTATIONS,
) -> Imputation | None:
    """Draw how the trials would have ended that did not finish.

    Args:
        points: (N,) settings.
        curves: (N,) each trial's value at every tick it reported, the first tick first; NaN where
            none was measured.
        finished: (N,) whether a trial trained its full budget; the others were stopped for the last
            value of their curve.
        imputations: M.

    Returns:
        None where nothing was stopped, or fewer than `LEAST_FINISHED` finished and have values at
        the ticks where others were stopped.
    """
    rng = np.random.default_rng(seed)
    done = np.array(finished, dtype=bool)
    ticks = np.array([len(curve) for curve in curves])
    ends = np.array([curve[-1] if len(curve) else np.nan for curve in curves], dtype=float)
    with np.errstate(over="ignore"):
        usable = np.isfinite(ends**2)  # a deviation of what is larger is not finite
    stopped = np.flatnonzero(~done & usable)
    learned = np.flatnonzero(done & usable)
    if len(learned) < LEAST_FINISHED or not len(stopped):
        return None
    x, indices = encode(dimensions, points), unordered(dimensions)
    table = _by_tick(curves)
    mean = pd.DataFrame(table[learned]).mean().to_numpy()
    draws = np.tile(np.where(done, ends, np.nan), (imputations, 1))
    expected = np.full(len(ends), np.nan)
    agreements, drawn = [], []
    # The missing values are monotone: who was stopped at a late rung has passed all earlier ones,
    # so that its drawn end helps to draw those of who was stopped there (Rubin 1987, ch. 5).
    for group in _groups(stopped, ticks[stopped]):
        tick = int(np.sort(ticks[group])[len(group) // 2])
        early = table[:, tick - 1].copy()
        # What a trial was stopped for is its last value, here moved to the group's tick.
        early[group] = ends[group] + _change(mean, ticks[group], tick)
        base = learned[np.isfinite(early[learned])]
        if len(base) < LEAST_FINISHED:
            continue
        rung = _rung(x, indices, early, draws, base, group, done, rng)
        draws[:, group], expected[group], agreement = rung
        agreements.append(agreement)
        drawn.append(group)
        learned = np.concatenate([learned, group])
    if not drawn:
        return None
    trials = np.sort(np.concatenate(drawn))
    return Imputation(trials, draws[:, trials], expected[trials], float(np.min(agreements)))


def _by_tick(curves: Sequence[Sequence[float]]) -> np.ndarray:
    """Curves of unlike lengths as rows of one table, NaN after their ends."""
    table = np.full((len(curves), max(map(len, curves))), np.nan)
    for row, curve in zip(table, curves, strict=True):
        row[: len(curve)] = curve
    return table


def _groups(stopped: np.ndarray, ticks: np.ndarray) -> list[np.ndarray]:
    """Stopped trials by the tick at which they were, the latest first, in MOST_RUNGS at most."""
    last = np.unique(ticks)
    if len(last) > MOST_RUNGS:
        shares = np.arange(1, MOST_RUNGS + 1) / MOST_RUNGS
        last = np.unique(np.quantile(ticks, shares, method="higher"))
    group = np.searchsorted(last, ticks)
    return [stopped[group == place] for place in reversed(range(len(last)))]


def _change(mean: np.ndarray, ticks: np.ndarray, to: int) -> np.ndarray:
    """What a mean curve changes from ticks to another one; nothing where it is not known."""
    return np.nan_to_num(np.where(ticks == to, 0.0, mean[to - 1] - mean[ticks - 1]))


def _rung(
    x: np.ndarray,
    indices: np.ndarray,
    early: np.ndarray,
    draws: np.ndarray,
    base: np.ndarray,
    group: np.ndarray,
    done: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Ends of the trials in `group`, learned from those in `base`: draws, means, agreement."""
    rows = np.concatenate([base, group])
    # Hopeless ones would take all of the scale, and be taken for what settings do.
    seen = winsorize(early[rows])
    ended = np.array([winsorize(values) for values in draws[:, base]])
    scale = float(seen.std()) or 1.0
    start = (seen - seen.mean()) / scale
    shift = seen.mean() + (ended - seen[: len(base)]).mean()
    whole = EarlyAndFinal(x[rows], indices, len(base))
    some, part, each = np.arange(len(rows)), whole, 1
    if len(rows) > MOST_LEARNED:
        some, each = _learned(len(base), len(group), rng), ENDS
        part = EarlyAndFinal(x[rows[some]], indices, int((some < len(base)).sum()))
    sampler = SliceSampler(whole.priors, rng)
    ends, means, left_out, log = [], [], [], np.empty(0)
    for number, values in enumerate((ended - shift) / scale):
        if number % each == 0:
            known = values[some[: part.known]]
            log = sampler.draw(lambda at, known=known: part.log_likelihood(at, start[some], known))
        foretold = whole.foretell(log, start, values)
        drawn = rng.multivariate_normal(foretold.mean, foretold.covariance, method="eigh")
        ends.append(shift + scale * drawn)
        means.append(shift + scale * foretold.mean)
        left_out.append(foretold.left_out)
    known = done[base]
    agreement = spearman(np.mean(left_out, axis=0)[known], draws[0, base][known])
    return np.array(ends), np.mean(means, axis=0), agreement


def _learned(known: int, others: int, rng: np.random.Generator) -> np.ndarray:
    """Some of `known` rows and of the others after them, half of each where there are so many."""
    count = min(known, max(MOST_LEARNED // 2, MOST_LEARNED - others))
    first = rng.choice(known, count, replace=False)
    return np.sort([*first, *(known + rng.choice(others, MOST_LEARNED - count, replace=False))])
