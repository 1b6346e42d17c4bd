"""Trials of earlier sweeps as a sampler sees them, moved to the level of the search's own.

The orders within a sweep stay as they are.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from optuna.trial import FixedTrial, FrozenTrial, TrialState, create_trial

from search.core.gp_sampler import Observation
from search.core.offset import LEAST_EVIDENCE, LevelProcess, Offset
from search.core.trial_states import recorded_trial
from spaces.dimensions import Point, draw
from spaces.study import Study, derived_seed

LESSONS = 4
"""Tells the seeds of these draws from others that are derived of the study's."""
COST = "cost_"
"""Columns that begin like that are counted, not measured."""
Key = int | str
"""Of what a trial came to: the place of a value, or the column of a bound."""


class Lessons:
    """What a search's sampler is told of earlier sweeps.

    Attributes:
        sweeps: the trials of each, at its own level.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._processes: dict[tuple[int, Key], LevelProcess | None] = {}
        self.sweeps = [
            [
                Observation(
                    recorded_trial(sweep.sweep, trial.point, study.dimensions).params,
                    trial.values,
                    trial.excess,
                    is_lost=trial.values is None,
                )
                for trial in sweep.trials
            ]
            for sweep in study.learned_from
        ]

    def observations(self, trials: Sequence[Observation]) -> list[Observation]:
        """Trials of earlier sweeps, at the level of the search's own.

        As long as none of those has values, at that of the first earlier sweep. One that the
        search's own trials speak against (`LEAST_EVIDENCE`) is left out.

        Args:
            trials: what the search has observed itself.
        """
        told: list[Observation] = []
        for index, sweep in enumerate(self.sweeps):
            reference = _valued(trials) or _valued(told)
            if self.evidence(index, reference) >= LEAST_EVIDENCE:
                offsets = self.offsets(index, reference)
                told += [_moved(trial, offsets) for trial in sweep]
        return told

    def frozen(self, trials: Sequence[Observation]) -> list[FrozenTrial]:
        """The same as trials of Optuna's, as `to_optuna` has them; a lost one has no values."""
        made = []
        for trial in self.observations(trials):
            params = dict(trial.params)
            space = FixedTrial(params)
            draw(space, self._study.dimensions)
            excess = {name: over for name, over in trial.excess.items() if over is not None}
            made.append(
                create_trial(
                    state=TrialState.PRUNED if trial.is_lost else TrialState.COMPLETE,
                    values=None if trial.values is None else list(trial.values),
                    params=params,
                    distributions=space.distributions,
                    constraints=dict.fromkeys(trial.excess, math.inf) if trial.is_lost else excess,
                )
            )
        return made

    def offsets(self, index: int, trials: Sequence[Observation]) -> dict[Key, Offset]:
        """By how much the values of trials lie above those of an earlier sweep.

        Args:
            index: of the sweep.
            trials: those that have values.
        """
        return {
            key: process.offset(points, values)
            for key, process, points, values in self._compared(index, trials)
        }

    def evidence(self, index: int, trials: Sequence[Observation]) -> float:
        """How much better an earlier sweep foretells the values of trials than nothing does.

        Returns:
            as `LevelProcess.evidence`, the sum over all that the search works towards.
        """
        return sum(
            process.evidence(points, values)
            for key, process, points, values in self._compared(index, trials)
            if isinstance(key, int)
        )

    def _compared(
        self, index: int, trials: Sequence[Observation]
    ) -> Iterator[tuple[Key, LevelProcess, list[Point], list[float]]]:
        """An earlier sweep's process of each value and bound, and what trials have of it."""
        points = self._points(trials)
        for key in _keys(self.sweeps[index]):
            if (process := self._process(index, key)) is not None:
                known = [
                    (point, value)
                    for point, trial in zip(points, trials, strict=True)
                    if (value := _read(trial, key)) is not None
                ]
                yield key, process, [point for point, _ in known], [value for _, value in known]

    def _process(self, index: int, key: Key) -> LevelProcess | None:
        """None where nothing is to be moved: a cost is the same in every sweep."""
        if isinstance(key, str) and key.startswith(COST):
            return None
        if (index, key) not in self._processes:
            known = [trial for trial in self.sweeps[index] if _read(trial, key) is not None]
            values = [value for trial in known if (value := _read(trial, key)) is not None]
            seed = derived_seed(self._study.file.seed, index, LESSONS)
            dimensions, points = self._study.dimensions, self._points(known)
            self._processes[index, key] = (
                LevelProcess(dimensions, points, values, seed) if known else None
            )
        return self._processes[index, key]

    def _points(self, trials: Sequence[Observation]) -> list[Point]:
        return [draw(FixedTrial(dict(trial.params)), self._study.dimensions) for trial in trials]


def _valued(trials: Sequence[Observation]) -> list[Observation]:
    return [trial for trial in trials if trial.values is not None]


def _keys(trials: Sequence[Observation]) -> list[Key]:
    """The place of each value, and the column of each bound."""
    places = range(max((len(trial.values) for trial in trials if trial.values), default=0))
    return [*places, *dict.fromkeys(column for trial in trials for column in trial.excess)]


def _read(trial: Observation, key: Key) -> float | None:
    if trial.values is None:
        return None
    return trial.excess.get(key) if isinstance(key, str) else trial.values[key]


def _moved(trial: Observation, offsets: Mapping[Key, Offset]) -> Observation:
    """A trial with its values at another level; one that is lost has none."""
    if trial.values is None:
        return trial
    values = tuple(value + offsets[at].amount for at, value in enumerate(trial.values))
    excess = {
        column: over if over is None or column not in offsets else over + offsets[column].amount
        for column, over in trial.excess.items()
    }
    return Observation(trial.params, values, excess)
