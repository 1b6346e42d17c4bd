"""Optuna's Gaussian process sampler, which is told of every trial that has shown something.

Optuna's `GPSampler` maximizes the expected improvement (logEI, Ament et al. 2023, arXiv:2310.20708)
under a Gaussian process over the parameters that all completed trials have, takes trials that run
into account (qLogEI), and bounds by the probability that they are met (Gardner et al. 2014). Left
alone it would pass over three things, which it is given here:

- trials that were stopped early or lost. A stopped one counts by what it would have come to
  (`Curves.final`), a lost one as the worst there is;
- parameters that not all trials have: those under a condition, and ranges beside a special value.
  Where one is not active it is given the middle of its range (Lévesque et al. 2017, Bayesian
  optimization for conditional hyperparameter spaces, compare such fillings), and what is proposed
  for it there is not asked for;
- values that change as more is known: its study is made anew each time.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, GPSampler
from optuna.study import Study as OptunaStudy
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.core.ranking import best_and_some
from spaces.dimensions import Dimension, draw

MOST_OBSERVATIONS = 200
"""Trials that the process is fitted to: its time grows with their cube."""


class Observation(NamedTuple):
    """A trial as the sampler sees it.

    Attributes:
        params: the sampler's parameters of its point.
        values: of the objectives, or what they are expected to become; None while it runs.
        excess: by how much it violates each bound; None for what is not known.
        is_lost: whether it has ended without values, and counts as the worst.
    """

    params: Mapping[str, Any]
    values: Sequence[float] | None = None
    excess: Mapping[str, float | None] = {}
    is_lost: bool = False


class GaussianProcessSampler(BaseSampler):
    """Proposes the point that promises most.

    Args:
        observations: trials in order of number.
        startup: trials with values before which it proposes nothing.
        independent: draws what is not proposed.
    """

    def __init__(
        self,
        dimensions: Sequence[Dimension],
        observations: Sequence[Observation],
        seed: int,
        startup: int,
        independent: BaseSampler,
    ) -> None:
        self._dimensions = dimensions
        self._space = flat_space(dimensions)
        self._observations = observations
        self._seed = seed
        self._startup = startup
        self._independent = independent

    def infer_relative_search_space(
        self, study: OptunaStudy, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Every parameter, once enough is known."""
        known = [one for one in self._observations if one.values is not None or one.is_lost]
        if len(known) < self._startup or not any(one.values for one in known):
            return {}
        return {name: space for name, space in self._space.items() if not space.single()}

    def sample_relative(
        self, study: OptunaStudy, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The parameters that promise most, those that are not active among them."""
        if not search_space:
            return {}
        sampler = GPSampler(
            seed=self._seed,
            n_startup_trials=1,
            independent_sampler=self._independent,
            warn_independent_sampling=False,
        )
        inner = optuna.create_study(sampler=sampler)
        inner.add_trials(self._trials(study, search_space))
        params = inner.ask(search_space).params
        # GPSampler misses a step by a rounding error: 7e-18 is no 0.
        ranges = {axis.name: axis for axis in self._dimensions if not axis.is_categorical}
        return {
            name: ranges[name].canonical(value) if name in ranges else value
            for name, value in params.items()
        }

    def sample_independent(
        self,
        study: OptunaStudy,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """What is drawn before anything is proposed."""
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def _trials(
        self, study: OptunaStudy, search_space: dict[str, BaseDistribution]
    ) -> list[FrozenTrial]:
        """The observations as trials that all have every parameter, a cost and every bound."""
        measured: dict[str, list[float]] = {}
        for one in self._observations:
            for column, over in one.excess.items():
                if one.values is not None and over is not None:
                    measured.setdefault(column, []).append(over)
        trials = []
        for one, cost in self._chosen(self._costs(study)):
            params = {
                name: one.params.get(name, _middle(distribution))
                for name, distribution in search_space.items()
            }
            # A lost trial is the worst here, too. Nothing is known of what another one has not
            # measured: it is taken for one of them.
            constraints = {
                column: max(others)
                if one.is_lost
                else float(np.median(others))
                if (over := one.excess.get(column)) is None
                else over
                for column, others in measured.items()
            }
            trials.append(
                create_trial(
                    state=TrialState.RUNNING if cost is None else TrialState.COMPLETE,
                    value=cost,
                    params=params,
                    distributions=search_space,
                    constraints=None if cost is None else constraints,
                )
            )
        return trials

    def _costs(self, study: OptunaStudy) -> list[float | None]:
        """One number for each observation, smaller is better; None while it runs.

        Of several objectives it is their augmented Chebyshev norm with random weights (ParEGO,
        Knowles 2006, equation 2), other ones for each trial, so that the front is found bit by
        bit. Improvement of the dominated volume takes Optuna some 20 times as long.
        """
        signs = [1 if one == StudyDirection.MINIMIZE else -1 for one in study.directions]
        valued = [one.values for one in self._observations if one.values is not None]
        table = np.array(valued, dtype=float) * signs
        costs = table[:, 0]
        if len(signs) > 1:
            low, high = table.min(axis=0), table.max(axis=0)
            scaled = (table - low) / np.where(high > low, high - low, 1)
            weights = np.random.default_rng(self._seed).dirichlet(np.ones(len(signs)))
            costs = (weights * scaled).max(axis=1) + 0.05 * (weights * scaled).sum(axis=1)
        left, worst = iter(costs.tolist()), float(costs.max())
        return [
            worst if one.is_lost else None if one.values is None else next(left)
            for one in self._observations
        ]

    def _chosen(self, costs: list[float | None]) -> list[tuple[Observation, float | None]]:
        """All that run, and of the others no more than MOST_OBSERVATIONS: the best, and a rest."""
        pairs = list(zip(self._observations, costs, strict=True))
        ended = [index for index, cost in enumerate(costs) if cost is not None]
        ended.sort(key=lambda index: costs[index] or 0.0)
        rng = np.random.default_rng(self._seed)
        left_out = {*ended} - {*best_and_some(ended, MOST_OBSERVATIONS, rng)}
        return [pair for index, pair in enumerate(pairs) if index not in left_out]


def flat_space(dimensions: Sequence[Dimension]) -> dict[str, BaseDistribution]:
    """The distribution of every parameter of a space, whatever it is conditional on."""
    collected = _Distributions()
    draw(collected, [replace(dimension, when={}) for dimension in dimensions])
    return collected.distributions


class _Distributions:
    """Notes what is suggested; of a range with a value beside it both."""

    def __init__(self) -> None:
        self.distributions: dict[str, BaseDistribution] = {}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None, log: bool
    ) -> float:
        self.distributions[name] = FloatDistribution(low, high, log=log, step=step)
        return low

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        self.distributions[name] = IntDistribution(low, high, log=log, step=step)
        return low

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.distributions[name] = CategoricalDistribution(choices)
        return choices[0]


def _middle(distribution: BaseDistribution) -> Any:
    """A value in the middle of a range, on its own scale; the first of choices."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[0]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = distribution.low, distribution.high
    middle = math.sqrt(low * high) if distribution.log else (low + high) / 2
    if isinstance(distribution, IntDistribution):
        return int(low + round((middle - low) / distribution.step) * distribution.step)
    if distribution.step is not None:
        return low + round((middle - low) / distribution.step) * distribution.step
    return middle
