"""Which point is tried next: ask and tell on an Optuna study that lives in memory.

The study is rebuilt from the records: every trial in order of its number, failed and running ones
included, with the sampler's own attributes; and each ask gets a fresh sampler, seeded by the
study's seed and the trial's number. So a rebuilt chooser proposes what the uninterrupted one would
have. No point is handed out twice, but as replicates of a compared design: a sampler that draws a
known point draws again, then one is drawn at random, and at last an untried one is looked for, so
that a search ends early only where its space has no further point. A point that is no config is
passed over like a known one.
"""

import json
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import optuna
import pandas as pd
from optuna.distributions import distribution_to_json
from optuna.trial import TrialState, create_trial

from colornet.cli_result import count_text
from colornet.config.config import Config
from colornet.errors import InputError
from search.core.samplers import RETRIES, derived_seed, recorded_trial, sampler_of
from search.core.trial_states import verdict
from spaces.distributions import Point, draw, point_id, sampler_params
from spaces.grid import find_untried
from spaces.study import Study

optuna.logging.set_verbosity(optuna.logging.ERROR)
log = logging.getLogger("colorsweep")

DRAWS = 2 * RETRIES
"""Draws that may give a known point before an untried one is looked for."""
CONFIRM = "confirm"
"""Origin of trials that repeat a chosen point; the chooser passes them over."""


@dataclass(frozen=True)
class Assignment:
    """A trial to be run.

    Attributes:
        attempt: 0 the first time; one more for each retry or resume.
        alone: whether it gets its cards for itself, where trials share them.
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


class Reported(NamedTuple):
    """What a trial said last.

    Attributes:
        values: its objectives, in the study's order; None for what it has not measured.
        tick: the tick at which it said so.
        excess: by how much it violates each constraint; 0 or less meets it.
    """

    values: Sequence[float | None]
    tick: int = 0
    excess: Mapping[str, float] = {}


class Chooser:
    """Asks Optuna for points and tells it how they did.

    Args:
        study: what is searched, and how.
        trials: the recorded trials, one row each in order of number; empty for a new sweep.
        reported: what each trial said last, by trial_id.

    Attributes:
        waiting: trials that were started and have not ended, to be handed out first.
        next_number: of the next trial.
    """

    def __init__(
        self, study: Study, trials: pd.DataFrame, reported: Mapping[str, Reported]
    ) -> None:
        self.study = study
        directions = list(study.file.objectives.values())
        self._optuna = optuna.create_study(directions=directions)
        self._places: dict[int, int] = {}
        """Optuna's number of each trial of ours: it counts rejected draws, we count confirmations.
        """
        self._known: set[str] = set()
        self._refused: set[str] = set()
        """Points that were drawn and are no configs, by id."""
        self._exhausted = False
        self._place = 0
        """In a grid, before which all points are tried."""
        self.waiting: list[Assignment] = []
        self.next_number = 0
        for _, row in trials.iterrows():
            self._add(row, reported.get(row["trial_id"], Reported((None,) * len(directions))))

    def _add(self, row: pd.Series, said: Reported) -> None:
        self.next_number = int(row["number"]) + 1
        told = verdict(row["state"], said.values)
        point = json.loads(row["point"])
        if row["origin"] != CONFIRM:
            # As the study has them now: a range that was widened is wider for old trials, too.
            fixed = recorded_trial(row["trial_id"], point, self.study.dimensions)
            trial = create_trial(
                state=told.state,
                values=list(told.values) if told.values else None,
                params=fixed.params,
                distributions=fixed.distributions,
                system_attrs=json.loads(row["system_attrs"]),
                intermediate_values={said.tick: told.last} if told.last is not None else None,
                constraints=dict(said.excess) if told.state.is_finished() else None,
            )
            self._places[int(row["number"])] = len(self._optuna.get_trials(deepcopy=False))
            self._known.add(row["point_id"])
            self._optuna.add_trial(trial)
        if told.state == TrialState.RUNNING:
            self.waiting.append(
                Assignment(
                    trial_id=row["trial_id"],
                    number=int(row["number"]),
                    attempt=int(row["attempt"]) + 1,
                    seed=int(row["seed"]),
                    origin=row["origin"],
                    point=point,
                    point_id=row["point_id"],
                    config=self.study.config(point, int(row["seed"])),
                    distributions=row["distributions"],
                    system_attrs=row["system_attrs"],
                )
            )

    @property
    def asked(self) -> int:
        """Trials of the search that have been handed out at least once."""
        return len(self._places)

    @property
    def done(self) -> bool:
        """Whether there is no further point to try: all are asked for, or there are no others."""
        return self._exhausted or self.asked >= self.study.trials

    @property
    def exhausted(self) -> str | None:
        """That the space has no further point, although more trials were asked for; else None."""
        wanted = self.study.file.budget.trials
        if wanted is None or self.asked >= wanted or not self.done:
            return None
        count = count_text(self.asked, "point")
        if self._refused:
            count += f" whose config is valid ({len(self._refused):,} passed over)"
        return f"the space has no more than {count}, and all were tried"

    @property
    def _planned(self) -> bool:
        """Whether every trial is known beforehand."""
        return self.study.file.design == "compare" or self.study.file.sampler == "grid"

    def ask(self) -> Assignment | None:
        """The next trial of the search, or None when there is none."""
        if self.waiting:
            return self.waiting.pop(0)
        if self.done:
            return None
        planned, index, number = self.study.planned, self.asked, self.next_number
        is_start = not self._planned and index < len(planned) and bool(planned[index])
        part = self._whole(index) if self._planned else planned[index] if is_start else {}
        drawn = self._draw(number, part)
        if drawn is None and part:
            is_start, drawn = False, self._draw(number, {})
        if drawn is None:
            self._exhausted = True
            return None
        place, point = drawn
        self._places[number] = place
        self._known.add(point_id(point))
        self.next_number += 1
        frozen = self._optuna.get_trials(deepcopy=False)[place]
        distributions = {n: distribution_to_json(one) for n, one in frozen.distributions.items()}
        compared = self.study.file.design == "compare"
        return self._assignment(
            number,
            point,
            seed=self._seed(index),
            origin="compare" if compared else "start_from" if is_start else "search",
            distributions=_json(distributions),
            system_attrs=_json(frozen.system_attrs),
        )

    def _whole(self, index: int) -> Point:
        """The next of the points that are known beforehand; of a grid one that is not tried.

        An older version may have begun with another one.
        """
        planned = self.study.planned
        if self.study.file.design == "compare":
            return planned[index % len(planned)]
        while point_id(planned[self._place]) in self._known:
            self._place += 1
        return planned[self._place]

    def repeat(self, point: Point, seed: int) -> Assignment:
        """A trial that confirms a point with another seed; Optuna does not hear of it."""
        self.next_number += 1
        return self._assignment(self.next_number - 1, point, seed, CONFIRM)

    def _assignment(
        self, number: int, point: Point, seed: int, origin: str, **extra: Any
    ) -> Assignment:
        return Assignment(
            trial_id=f"t{number:05d}",
            number=number,
            attempt=0,
            seed=seed,
            origin=origin,
            point=point,
            point_id=point_id(point),
            config=self.study.config(point, seed),
            **extra,
        )

    def _draw(self, number: int, part: Point) -> tuple[int, Point] | None:
        """A new Optuna trial and its point, which has a part given; None when none is new."""
        fixed = sampler_params(part, self.study.dimensions)
        for retry in range(DRAWS):
            trial, point = self._ask(number, retry, fixed)
            if self._planned or self._is_new(point):
                return trial.number, point
            # Draws that are thrown away have failed in Optuna's eyes, which no sampler looks at.
            self._optuna.tell(trial.number, state=TrialState.FAIL)
            if trial.params.keys() <= fixed.keys():
                return None
        chance = random.Random(derived_seed(self.study.file.seed, number, DRAWS))
        found = find_untried(self.study.dimensions, self._is_new, part, chance)
        if found is None:
            return None
        trial, point = self._ask(number, DRAWS, sampler_params(found, self.study.dimensions))
        return trial.number, point

    def _is_new(self, point: Point) -> bool:
        """Whether a point has not been handed out, and is a config; said of the first that isn't.

        It depends on nothing but the point and what was handed out: a rebuilt search draws alike.
        """
        own = point_id(point)
        if own in self._known or own in self._refused:
            return False
        try:
            self.study.config(point, self.study.file.seed)
        except InputError as error:
            if not self._refused:
                log.warning("Passed over, as is every point that is no config: %s", error)
            self._refused.add(own)
            return False
        return True

    def _ask(
        self, number: int, retry: int, fixed: Mapping[str, Any]
    ) -> tuple[optuna.trial.Trial, Point]:
        """A new Optuna trial with some parameters given, and its point."""
        self._optuna.sampler = sampler_of(self.study, number, retry, fixed)
        trial = self._optuna.ask()
        return trial, draw(trial, self.study.dimensions)

    def tell(self, number: int, state: str, said: Reported) -> None:
        """Say how a trial ended; unfinished states and confirmations change nothing."""
        told = verdict(state, said.values)
        if number not in self._places or told.state == TrialState.RUNNING:
            return
        place = self._places[number]
        frozen = self._optuna.get_trials(deepcopy=False)[place]
        trial = optuna.trial.Trial(self._optuna, frozen._trial_id)
        for name, excess in said.excess.items():
            trial.set_constraint(name, excess)
        if told.last is not None:
            trial.report(told.last, said.tick)
        result = list(told.values) if told.values else None
        self._optuna.tell(place, values=result, state=told.state)

    def _seed(self, index: int) -> int:
        """The seed of a training: one for all, one for each, or one for each replicate."""
        seed = self.study.file.seed
        if self.study.file.design == "compare":
            replicate = index // len(self.study.planned)
            return derived_seed(seed, replicate, 3) if replicate else seed
        if self.study.file.seeds == "shared":
            return seed
        return derived_seed(seed, index, 1)


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(values), sort_keys=True)
