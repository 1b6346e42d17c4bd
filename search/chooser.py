"""Which point is tried next: ask and tell on an Optuna study that lives in memory.

The study is rebuilt from the records: every trial in order of its number, failed and running ones
included, with the sampler's own attributes; and each ask gets a fresh sampler, seeded by the
study's seed and the trial's number. So a rebuilt chooser proposes what the uninterrupted one would
have.
"""

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import distribution_to_json, json_to_distribution
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler, TPESampler
from optuna.trial import TrialState, create_trial

from colornet.config import Config
from search.outcome import verdict
from spaces.distributions import Point, draw, point_id, sampler_params
from spaces.study import Study

optuna.logging.set_verbosity(optuna.logging.ERROR)


@dataclass(frozen=True)
class Assignment:
    """A trial to be run.

    Attributes:
        attempt: 0 the first time; one more for each retry or resume.
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
    distributions: str
    system_attrs: str


class Chooser:
    """Asks Optuna for points and tells it how they did.

    Args:
        study: what is searched, and how.
        trials: the recorded trials, one row each in order of number; empty for a new sweep.
        values: each trial's objectives at its last tick, by trial_id.
    """

    def __init__(
        self, study: Study, trials: pd.DataFrame, values: dict[str, tuple[float | None, ...]]
    ) -> None:
        self.study = study
        directions = list(study.file.objectives.values())
        self._optuna = optuna.create_study(directions=directions)
        self.waiting: list[Assignment] = []
        """Trials that were started and have not ended, to be handed out first."""
        for _, row in trials.iterrows():
            self._add(row, values.get(row["trial_id"], (None,) * len(directions)))

    def _add(self, row: pd.Series, values: Sequence[float | None]) -> None:
        told = verdict(row["state"], values)
        point = json.loads(row["point"])
        distributions = json.loads(row["distributions"])
        params = sampler_params(point, self.study.dimensions)
        trial = create_trial(
            state=told.state,
            values=list(told.values) if told.values else None,
            params={name: params[name] for name in distributions},
            distributions={n: json_to_distribution(text) for n, text in distributions.items()},
            system_attrs=json.loads(row["system_attrs"]),
        )
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
        """Trials that have been handed out at least once."""
        return len(self._optuna.get_trials(deepcopy=False))

    def ask(self) -> Assignment | None:
        """The next trial to run, or None when the budget of trials is used."""
        if self.waiting:
            return self.waiting.pop(0)
        if self.asked >= self.study.trials:
            return None
        number = self.asked
        start = self.study.file.start_from
        fixed = sampler_params(start[number], self.study.dimensions) if number < len(start) else {}
        self._optuna.sampler = self._sampler(number, fixed)
        trial = self._optuna.ask()
        point = draw(trial, self.study.dimensions)
        seed = self._seed(number)
        frozen = self._optuna.get_trials(deepcopy=False)[number]
        return Assignment(
            trial_id=f"t{number:05d}",
            number=number,
            attempt=0,
            seed=seed,
            origin="start_from" if fixed else "search",
            point=point,
            point_id=point_id(point),
            config=self.study.config(point, seed),
            distributions=_json(
                {name: distribution_to_json(one) for name, one in frozen.distributions.items()}
            ),
            system_attrs=_json(frozen.system_attrs),
        )

    def tell(self, number: int, state: str, values: Sequence[float | None]) -> None:
        """Say how a trial ended; unfinished states change nothing."""
        told = verdict(state, values)
        if told.state != TrialState.RUNNING:
            result = list(told.values) if told.values else None
            self._optuna.tell(number, values=result, state=told.state)

    def _sampler(self, number: int, fixed: dict[str, Any]) -> BaseSampler:
        seed = int(np.random.SeedSequence([self.study.file.seed, number]).generate_state(1)[0])
        sampler: BaseSampler
        if self.study.file.sampler == "random":
            sampler = RandomSampler(seed=seed)
        else:
            sampler = TPESampler(seed=seed, multivariate=True, constant_liar=True)
        if not fixed:
            return sampler
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return PartialFixedSampler(fixed, sampler)

    def _seed(self, number: int) -> int:
        seed = self.study.file.seed
        if self.study.file.seeds == "shared":
            return seed
        return int(np.random.SeedSequence([seed, number, 1]).generate_state(1)[0])


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)
