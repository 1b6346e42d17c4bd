"""Which point is tried next: ask and tell on an Optuna study that lives in memory.

The study is rebuilt from the records: every trial in order of its number, failed and running ones
included, with the sampler's own attributes; and each ask gets a fresh sampler, seeded by the
study's seed and the trial's number. So a rebuilt search proposes what the uninterrupted one would
have. No point is handed out twice, except as a replicate of a compared design: a sampler that draws
a known point draws again, then one is drawn at random, and finally an untried one is looked for, so
that a search ends early only where its space has no further point. A point that is no valid config
is passed over like a known one.
"""

import json
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import isfinite
from typing import Any

import optuna
import pandas as pd
from optuna.distributions import distribution_to_json
from optuna.study import StudyDirection
from optuna.trial import TrialState

from colornet.config.config import Config
from colornet.errors import InputError
from search.core.curves import Curves
from search.core.finished import exhausted_text
from search.core.gp_sampler import Observation
from search.core.lessons import Lessons
from search.core.ranking import LOST
from search.core.samplers import RETRIES, sampler_of
from search.core.target import LastReport, Target
from search.core.trial_states import OptunaResult, frozen_trial, to_optuna
from search.records.reader import CONFIRM
from spaces.dimensions import Point, draw, point_id, sampler_params
from spaces.grid import find_untried
from spaces.study import Study, derived_seed

# Optuna would log each trial, which the progress display shows.
optuna.logging.set_verbosity(optuna.logging.ERROR)
log = logging.getLogger("colorsweep")

DRAWS = 2 * RETRIES
"""Draws that may give a known point before an untried one is looked for: as many at random as of
the sampler. In a space of which half is tried 16 draws miss in 1 of 65,000 cases."""


@dataclass(frozen=True)
class Assignment:
    """A trial to be run.

    Attributes:
        attempt: 0 the first time; one more for each retry or resume.
        alone: whether it gets its GPUs for itself, where trials share them.
        distributions, system_attrs: what Optuna needs to rebuild the trial, JSON.
    """

    trial_id: str
    number: int
    attempt: int
    seed: int
    origin: str
    point: Point
    point_id: str
    config: Config
    alone: bool = False
    distributions: str = "{}"
    system_attrs: str = "{}"

    @cached_property
    def config_json(self) -> str:
        """The configuration as JSON, for the records and the trial's process."""
        return json.dumps(self.config.to_dict())

    @cached_property
    def row_key(self) -> dict[str, Any]:
        """What each recorded row of the trial begins with."""
        return {name: getattr(self, name) for name in ("trial_id", "number", "attempt", "seed")}


class AskTell:
    """Asks Optuna for points and tells it how they did.

    Args:
        study: what is searched, and how.
        trials: the recorded trials, one row each in order of number; empty for a new sweep.
        reports: each trial's last report, by trial_id.
        next_number: the least number of the next trial.
        curves: what the trials have reported, for a sampler that learns from where they were
            stopped; goes on being filled from outside.

    Attributes:
        waiting: trials that were started and have not ended, to be handed out first.
        next_number: of the next trial.
    """

    def __init__(
        self,
        study: Study,
        trials: pd.DataFrame,
        reports: Mapping[str, LastReport],
        next_number: int = 0,
        curves: Curves | None = None,
    ) -> None:
        self.study = study
        target = Target.of(study)
        self._curves = curves or Curves(target)
        self._lessons = Lessons(study) if study.learned_from else None
        self._ended: dict[int, tuple[str, str, LastReport]] = {}
        """Id, state and last report of each trial that has ended, by Optuna's number."""
        self._optuna = optuna.create_study(
            directions=[StudyDirection[goal.upper()] for goal in target.goals.values()]
        )
        self._optuna_numbers: dict[int, int] = {}
        """Optuna's number of each trial of ours: it counts rejected draws, we count confirmations.
        """
        self._points: dict[int, Point] = {}
        """Points that were handed out, by Optuna's number."""
        self._tried: set[str] = set()
        """Points that were handed out, by id."""
        self._invalid: set[str] = set()
        """Points that were drawn and are no valid configs, by id."""
        self._exhausted = False
        self._grid_index = 0
        """In a grid: all points before this one have been tried."""
        self.waiting: list[Assignment] = []
        self.next_number = next_number
        nothing = target.report({})
        for row in trials.to_dict("records"):
            self._add_recorded(row, reports.get(row["trial_id"], nothing))

    def _add_recorded(self, row: Mapping[str, Any], report: LastReport) -> None:
        """Add a recorded trial to the study, and to those that wait if it has not ended."""
        number = int(row["number"])
        self.next_number = max(self.next_number, number + 1)
        if row["origin"] != CONFIRM:
            self._optuna_numbers[number] = len(self._optuna.get_trials(deepcopy=False))
            result = to_optuna(row["state"], report)
            self._optuna.add_trial(frozen_trial(self.study, row, result))
            self._points[self._optuna_numbers[number]] = json.loads(row["point"])
            if result.state.is_finished():
                self._ended[self._optuna_numbers[number]] = (row["trial_id"], row["state"], report)
            self._tried.add(row["point_id"])
        if to_optuna(row["state"], report).state == TrialState.RUNNING:
            self.waiting.append(self._next_attempt(row))

    def _next_attempt(self, row: Mapping[str, Any]) -> Assignment:
        """A recorded trial that is to go on."""
        point, seed = json.loads(row["point"]), int(row["seed"])
        return Assignment(
            trial_id=row["trial_id"],
            number=int(row["number"]),
            attempt=int(row["attempt"]) + 1,
            seed=seed,
            origin=row["origin"],
            point=point,
            point_id=row["point_id"],
            config=self.study.config(point, seed),
            distributions=row["distributions"],
            system_attrs=row["system_attrs"],
        )

    def promote(self, row: Mapping[str, Any]) -> Assignment:
        """A stopped trial goes on: to Optuna it runs again, as it would were it rebuilt now.

        Args:
            row: its row of the records.
        """
        optuna_number = self._optuna_numbers[int(row["number"])]
        del self._ended[optuna_number]
        told = self._optuna.get_trials(deepcopy=False)
        running = frozen_trial(self.study, row, OptunaResult(TrialState.RUNNING))
        # Optuna changes no trial that has ended, so that all of them are told of once more.
        self._optuna = optuna.create_study(directions=self._optuna.directions)
        self._optuna.add_trials(
            running if frozen.number == optuna_number else frozen for frozen in told
        )
        return self._next_attempt(row)

    @property
    def started(self) -> int:
        """Trials of the search that have been handed out at least once."""
        return len(self._optuna_numbers)

    @property
    def is_done(self) -> bool:
        """Whether there is no further point to try: all have been, or there are no others."""
        return self._exhausted or self.started >= self.study.trials

    @property
    def why_exhausted(self) -> str | None:
        """A sentence where the space has fewer points than trials were wanted; else None."""
        wanted = self.study.file.budget.trials
        if wanted is None or self.started >= wanted or not self.is_done:
            return None
        return exhausted_text(self.started, len(self._invalid))

    def ask(self) -> Assignment | None:
        """The next trial of the search, or None when there is none."""
        if self.waiting:
            return self.waiting.pop(0)
        if self.is_done:
            return None
        study, index, number = self.study, self.started, self.next_number
        planned = self._planned_values(index)
        drawn = self._draw(number, planned)
        if drawn is None and planned:  # a start point that an older version has tried already
            planned, drawn = {}, self._draw(number, {})
        if drawn is None:
            self._exhausted = True
            return None
        optuna_number, point = drawn
        self._optuna_numbers[number] = optuna_number
        self._points[optuna_number] = point
        self._tried.add(point_id(point))
        frozen = self._optuna.get_trials(deepcopy=False)[optuna_number]
        distributions = {name: distribution_to_json(d) for name, d in frozen.distributions.items()}
        origin = "start_from" if planned and not study.is_planned else "search"
        return self.assign(
            point,
            self._seed(index),
            "compare" if study.file.design == "compare" else origin,
            distributions=json.dumps(distributions, sort_keys=True),
            system_attrs=json.dumps(dict(frozen.system_attrs), sort_keys=True),
        )

    def _planned_values(self, index: int) -> Point:
        """What is known beforehand of the search's trial at `index`: all, a part or nothing."""
        planned = self.study.planned
        if self.study.file.design == "compare":
            return planned[index % len(planned)]
        if self.study.is_planned:
            # Not by index: an older version may have begun a grid with another point.
            while point_id(planned[self._grid_index]) in self._tried:
                self._grid_index += 1
            return planned[self._grid_index]
        return planned[index] if index < len(planned) else {}

    def assign(self, point: Point, seed: int, origin: str, **for_optuna: Any) -> Assignment:
        """A new trial of a point; Optuna does not know of those that confirm."""
        number = self.next_number
        self.next_number += 1
        return Assignment(
            trial_id=f"t{number:05d}",
            number=number,
            attempt=0,
            seed=seed,
            origin=origin,
            point=point,
            point_id=point_id(point),
            config=self.study.config(point, seed),
            **for_optuna,
        )

    def _draw(self, number: int, planned: Point) -> tuple[int, Point] | None:
        """A new Optuna trial and its point, a part of which is planned; None when none is new."""
        fixed = sampler_params(planned, self.study.dimensions)
        observations = cache(self._observations)
        for retry in range(DRAWS):
            trial, point = self._ask(number, retry, fixed, observations)
            if self.study.is_planned or self._is_new(point):
                return trial.number, point
            # Rejected draws have failed in Optuna's eyes, which no sampler learns from.
            self._optuna.tell(trial.number, state=TrialState.FAIL)
            if trial.params.keys() <= fixed.keys():
                return None
        rng = random.Random(derived_seed(self.study.file.seed, number, DRAWS))
        untried = find_untried(self.study.dimensions, self._is_new, planned, rng)
        if untried is None:
            return None
        whole = sampler_params(untried, self.study.dimensions)
        trial, point = self._ask(number, DRAWS, whole, observations)
        return trial.number, point

    def _is_new(self, point: Point) -> bool:
        """Whether a point is a valid config that was not handed out; logs the first invalid one.

        It depends on nothing but the point and what was handed out: a rebuilt search draws alike.
        """
        identifier = point_id(point)
        if identifier in self._tried or identifier in self._invalid:
            return False
        try:
            self.study.config(point, self.study.file.seed)
        except InputError as error:
            if not self._invalid:
                log.warning("Passed over, as is every point that is no config: %s", error)
            self._invalid.add(identifier)
            return False
        return True

    def _ask(
        self,
        number: int,
        retry: int,
        fixed: Mapping[str, Any],
        observations: Callable[[], Sequence[Observation]],
    ) -> tuple[optuna.trial.Trial, Point]:
        """A new Optuna trial with some parameters fixed, and its point."""
        self._optuna.sampler = sampler_of(
            self.study, number, retry, fixed, observations, self._lessons
        )
        trial = self._optuna.ask()
        return trial, draw(trial, self.study.dimensions)

    def tell(self, number: int, state: str, report: LastReport) -> None:
        """Tell Optuna how a trial ended; unfinished states and confirmations change nothing."""
        result = to_optuna(state, report)
        if number not in self._optuna_numbers or result.state == TrialState.RUNNING:
            return
        optuna_number = self._optuna_numbers[number]
        self._ended[optuna_number] = (f"t{number:05d}", state, report)
        frozen = self._optuna.get_trials(deepcopy=False)[optuna_number]
        # `Study.tell` takes neither constraints nor intermediate values: only a live Trial does.
        trial = optuna.trial.Trial(self._optuna, frozen._trial_id)
        for name, excess in result.excess.items():
            trial.set_constraint(name, excess)
        for tick, value in result.last.items():
            trial.report(value, tick)
        values = list(result.values) if result.values else None
        self._optuna.tell(optuna_number, values=values, state=result.state)

    def _observations(self) -> list[Observation]:
        """What is known of each trial that was not given up, in order of number."""
        # In order of number: draws of imputed ends depend on it, and trials end in another.
        ended = sorted(self._ended.items())
        finished = {
            trial_id: report
            for _, (trial_id, state, report) in ended
            if to_optuna(state, report).state == TrialState.COMPLETE
        }
        points = {
            trial_id: self._points[number]
            for number, (trial_id, state, _) in ended
            if state == "pruned" or trial_id in finished
        }
        ends = self._curves.finals(self.study.dimensions, points, finished)
        observations = []
        for frozen in self._optuna.get_trials(deepcopy=False):
            if frozen.state == TrialState.FAIL:
                continue
            if frozen.number not in self._ended:
                observations.append(Observation(frozen.params))
                continue
            trial_id, state, report = self._ended[frozen.number]
            if state == "pruned":
                report = ends.get(trial_id, report)
            values = tuple(value for value in report.values if value is not None)
            if state in LOST or len(values) < len(report.values) or not all(map(isfinite, values)):
                observations.append(Observation(frozen.params, is_lost=True))
            else:
                observations.append(Observation(frozen.params, values, report.excess))
        return observations

    def _seed(self, index: int) -> int:
        """The seed of a training: one for all, one for each, or one for each replicate."""
        seed = self.study.file.seed
        if self.study.file.design == "compare":
            replicate = index // len(self.study.planned)
            return derived_seed(seed, replicate, 3) if replicate else seed
        return seed if self.study.file.seeds == "shared" else derived_seed(seed, index, 1)
