"""Importance of dimensions by PED-ANOVA, how sure it is, and what chance alone gives.

Watanabe et al., "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary
Subspaces" (IJCAI 2023), in optuna's implementation, which also weighs conditional dimensions.
"""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import optuna
from optuna import distributions as od
from optuna.importance import PedAnovaImportanceEvaluator

from reports.analysis.statistics import LEVEL
from reports.tables import setting_key
from spaces.dimensions import Dimension

TOP_SHARE = 1 / 3
"""Share of the trials that count as good. With optuna's own 0.1 (two trials of 20) the strong one
came first in 34% with 6 trials and 83% with 24."""
MAX_TRIALS = 1000
DRAWS = 40
CHANCE_DRAWS = 19
"""Samples of the bootstrap, and shuffles of the values: a dimension without effect is above the
highest of 19 in one case of 20. Each takes 20 ms with 1,000 trials and eight dimensions."""
SWITCH = " (or)"
"""Suffix of the parameter that says whether the special value was taken."""


class Importance(NamedTuple):
    """A dimension's share of importance, from 0 to 1.

    Attributes:
        low, high: its 95% bootstrap interval.
        chance: the share it would pass with 5% probability if it had no effect.
    """

    dimension: str
    share: float
    low: float
    high: float
    chance: float


class _Same:
    """Equal to itself only.

    Optuna looks the distribution of every trial up by its hash, which would be made from its
    contents each time.
    """

    __hash__ = object.__hash__

    def __eq__(self, other: Any) -> bool:
        return self is other


class _Categorical(_Same, od.CategoricalDistribution):
    pass


class _Int(_Same, od.IntDistribution):
    pass


class _Float(_Same, od.FloatDistribution):
    pass


class _Drawn(optuna.Study):
    """A study over trials drawn with replacement; adding them would copy each."""

    trials_drawn: Sequence[optuna.trial.FrozenTrial] = ()

    def get_trials(self, deepcopy: bool = True, states: Any = None) -> Any:
        return list(self.trials_drawn)


def order(
    dimensions: Sequence[Dimension], points: list[dict[str, Any]], losses: np.ndarray
) -> tuple[str, ...]:
    """The dimensions, the most important first."""
    sample = _sample(len(points))
    scores = _Scores(dimensions, [points[row] for row in sample])
    importance = scores(losses[sample], np.arange(len(sample)))
    pairs = zip(importance, (dimension.name for dimension in dimensions), strict=True)
    return tuple(name for _, name in sorted(pairs, key=lambda pair: (-pair[0], pair[1])))


def shares(
    dimensions: Sequence[Dimension], points: list[dict[str, Any]], losses: np.ndarray
) -> tuple[Importance, ...]:
    """Each dimension's share, the greatest first.

    Args:
        points: settings of comparable trials; of more than `MAX_TRIALS` that many are drawn.
        losses: (N,) smaller is better.
    """
    chosen = _sample(len(points))
    scores = _Scores(dimensions, [points[row] for row in chosen])
    losses, everything = losses[chosen], np.arange(len(chosen))
    rng = np.random.default_rng(0)
    importance = scores(losses, everything)
    drawn = []
    for _ in range(DRAWS):
        rows = rng.integers(0, len(chosen), len(chosen))
        sample = scores(losses[rows], rows)
        drawn.append(sample / (sample.sum() or 1.0))
    shuffled = [scores(rng.permutation(losses), everything) for _ in range(CHANCE_DRAWS)]
    # PED-ANOVA: Pearson's divergence between the densities of the best and of all trials along a
    # dimension; a share is its part of the sum.
    share = importance / (importance.sum() or 1.0)
    # The percentile interval, widened where it misses the share itself: divergences are never
    # negative, so that those of resampled trials are biased upwards.
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    # Shuffled losses have no effect; the highest of 19 is passed by one in 20 such.
    level = np.max(shuffled, axis=0) / (importance.sum() or 1.0)
    rows = zip(
        (dimension.name for dimension in dimensions),
        share,
        np.minimum(low, share),
        np.maximum(high, share),
        np.minimum(level, 1.0),
        strict=True,
    )
    result = [Importance(name, *map(float, numbers)) for name, *numbers in rows]
    return tuple(sorted(result, key=lambda entry: (-entry.share, entry.dimension)))


def _sample(trials: int) -> np.ndarray:
    if trials <= MAX_TRIALS:
        return np.arange(trials)
    return np.sort(np.random.default_rng(0).choice(trials, MAX_TRIALS, replace=False))


class _Scores:
    """PED-ANOVA over any selection of the trials, with any values."""

    def __init__(self, dimensions: Sequence[Dimension], points: list[dict[str, Any]]) -> None:
        params = [_params(dimensions, point) for point in points]
        distributions = _distributions(dimensions, params)
        # Optuna's evaluator takes a study, and creating one writes a line to the log.
        storage = optuna.storages.InMemoryStorage()
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage.create_new_study([optuna.study.StudyDirection.MINIMIZE], "importance")
        optuna.logging.set_verbosity(level)
        self.study = _Drawn("importance", storage)
        self.names = sorted(distributions)
        self.dimensions = [dimension.name for dimension in dimensions]
        self.trials = [
            optuna.trial.FrozenTrial(
                number=number,
                trial_id=number,
                state=optuna.trial.TrialState.COMPLETE,
                value=0.0,
                datetime_start=None,
                datetime_complete=None,
                params=params_of_trial,
                distributions={name: distributions[name] for name in params_of_trial},
                user_attrs={},
                system_attrs={},
                intermediate_values={},
            )
            for number, params_of_trial in enumerate(params)
        ]
        self.evaluator = PedAnovaImportanceEvaluator(target_quantile=TOP_SHARE)

    def __call__(self, losses: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Raw importance of each dimension, (D,); the k-th loss is that of trial rows[k]."""
        for row, loss in zip(rows.tolist(), losses.tolist(), strict=True):
            self.trials[row].value = loss
        self.study.trials_drawn = [self.trials[row] for row in rows.tolist()]
        present = {name for trial in self.study.trials_drawn for name in trial.params}
        with warnings.catch_warnings():
            # optuna warns of conditions met by fewer than two trials, and rightly leaves those out.
            warnings.simplefilter("ignore")
            importance = self.evaluator.evaluate(
                self.study, params=[name for name in self.names if name in present]
            )
        return np.array(
            [
                importance.get(name, 0.0) + importance.get(name + SWITCH, 0.0)
                for name in self.dimensions
            ]
        )


def _params(dimensions: Sequence[Dimension], point: dict[str, Any]) -> dict[str, Any]:
    """A point in optuna's terms: the special value is a switch, and no value of the range."""
    params: dict[str, Any] = {}
    for dimension in dimensions:
        if dimension.name not in point:
            continue
        value = point[dimension.name]
        if dimension.special:
            params[dimension.name + SWITCH] = value in dimension.special
        if dimension.is_categorical:
            params[dimension.name] = setting_key(value)
        elif value not in dimension.special:
            params[dimension.name] = value
    return params


def _distributions(
    dimensions: Sequence[Dimension], params: list[dict[str, Any]]
) -> dict[str, od.BaseDistribution]:
    """Distributions over all values that occur, so that none lies outside (`start_from` may)."""
    taken: dict[str, list[Any]] = {}
    for point in params:
        for name, value in point.items():
            taken.setdefault(name, []).append(value)
    result: dict[str, od.BaseDistribution] = {}
    for dimension in dimensions:
        name = dimension.name
        if name + SWITCH in taken:
            result[name + SWITCH] = _Categorical((False, True))
        if name not in taken:
            continue
        if dimension.is_categorical:
            result[name] = _Categorical(sorted(set(taken[name])))
            continue
        low = min([*taken[name], *([] if dimension.low is None else [dimension.low])])
        high = max([*taken[name], *([] if dimension.high is None else [dimension.high])])
        if dimension.is_int:
            result[name] = _Int(int(low), int(high), dimension.is_log, int(dimension.step or 1))
        else:
            result[name] = _Float(float(low), float(high), dimension.is_log, dimension.step)
    return result
