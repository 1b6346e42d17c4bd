"""What others would do with the same pictures, over the same surface, in simulated time.

`search_with_ray`: Ray's own OptunaSearch and ASHAScheduler, called as Tune's controller calls them.
`search_with_optuna`: Optuna's ask and tell as `study.optimize` uses them, with its samplers. Each
hands out trials as long as its budget has room for a whole training, as the recorder does.
"""

import heapq
import itertools
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
from landscape import Landscape
from optuna.pruners import BasePruner, HyperbandPruner, NopPruner
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, TPESampler
from optuna.trial import TrialState
from simulation import OBJECTIVES, WORKERS
from surface import IMAGES, TICKS, Surface

from spaces.dimensions import Dimension, draw

METRIC = OBJECTIVES[0]
DOCUMENTED = {"grace_period": IMAGES // 10, "reduction_factor": 3, "brackets": 1}
"""The settings of the ASHAScheduler in Tune's guide to schedulers: a grace of 10 in 100."""
OPTUNA: dict[str, Callable[[int], tuple[BaseSampler, BasePruner]]] = {
    "tpe": lambda seed: (TPESampler(seed=seed), NopPruner()),
    "hyperband": lambda seed: (TPESampler(seed=seed), HyperbandPruner(max_resource=TICKS)),
    "gp": lambda seed: (GPSampler(seed=seed, warn_independent_sampling=False), NopPruner()),
    "cmaes": lambda seed: (CmaEsSampler(seed=seed, warn_independent_sampling=False), NopPruner()),
}
"""Samplers and pruners by name, all else as Optuna has it."""


@dataclass
class Outcome:
    """What a search came to.

    Attributes:
        point: the best one, by its own rule; None when it has none.
        images: pictures seen.
        trials: how many were started.
    """

    point: Mapping[str, Any] | None
    images: float
    trials: int


@dataclass
class _Trial:
    trial_id: str
    point: Mapping[str, Any]
    values: np.ndarray
    seen: int = 0


Report = Callable[[_Trial, int, float], bool]
"""(trial, tick, value) -> whether the trial goes on."""


def _play(
    ask: Callable[[str], Mapping[str, Any]],
    report: Report,
    surface: Surface | Landscape,
    seed: int,
    budget: float,
) -> list[_Trial]:
    """Run trials on WORKERS workers until the budget of pictures has no room for another."""
    trials: list[_Trial] = []
    running: set[str] = set()
    queue: list[tuple[float, int, _Trial]] = []
    order = itertools.count()
    clock = spent = 0.0

    def schedule(trial: _Trial) -> None:
        heapq.heappush(queue, (clock + surface.seconds_per_tick(trial.point), next(order), trial))

    while True:
        under_way = sum(TICKS - trial.seen for _, _, trial in queue) * IMAGES / TICKS
        while len(running) < WORKERS and spent + under_way < budget:
            name = f"t{len(trials):05d}"
            point = ask(name)
            trials.append(_Trial(name, point, surface.curve(point, seed)[:, 0]))
            running.add(name)
            under_way += IMAGES
            schedule(trials[-1])
        if not queue:
            return trials
        clock, _, trial = heapq.heappop(queue)
        trial.seen += 1
        spent += IMAGES / TICKS
        if report(trial, trial.seen, float(trial.values[trial.seen - 1])):
            schedule(trial)
        else:
            running.discard(trial.trial_id)


def search_with_ray(
    surface: Surface | Landscape,
    dimensions: list[Dimension],
    seed: int,
    budget: float,
    scheduling: Mapping[str, Any] = DOCUMENTED,
) -> Outcome:
    """OptunaSearch and ASHAScheduler; the best is that of `ResultGrid.get_best_result`."""
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    logging.getLogger("ray.tune.search.optuna.optuna_search").setLevel(logging.ERROR)
    points: list[Mapping[str, Any]] = []
    searcher = OptunaSearch(
        lambda trial: points.append(draw(trial, dimensions)), metric=METRIC, mode="min", seed=seed
    )
    scheduler = ASHAScheduler(
        time_attr="images", metric=METRIC, mode="min", max_t=IMAGES, **scheduling
    )
    last: dict[str, float] = {}

    def ask(name: str) -> Mapping[str, Any]:
        searcher.suggest(name)
        scheduler.on_trial_add(None, SimpleNamespace(trial_id=name))
        return points[-1]

    def report(trial: _Trial, tick: int, value: float) -> bool:
        result = {
            "training_iteration": tick,
            "images": IMAGES * tick // TICKS,
            METRIC: value,
            "trial_id": trial.trial_id,
        }
        stand_in = SimpleNamespace(trial_id=trial.trial_id)
        last[trial.trial_id] = value
        if scheduler.on_trial_result(None, stand_in, result) != "STOP":
            searcher.on_trial_result(trial.trial_id, result)
            return True
        scheduler.on_trial_complete(None, stand_in, result)
        searcher.on_trial_complete(trial.trial_id, result=result)
        return False

    trials = _play(ask, report, surface, seed, budget)
    return _outcome(trials, {name: value for name, value in last.items() if np.isfinite(value)})


def search_with_optuna(
    surface: Surface | Landscape,
    dimensions: list[Dimension],
    seed: int,
    budget: float,
    peer: str = "tpe",
) -> Outcome:
    """Optuna alone, with defaults; the best is `study.best_trial`.

    Args:
        peer: a key of OPTUNA. Of these `hyperband` alone reports what it has reached, and a trial
            that it stops ends as `study.optimize` ends one that raises TrialPruned.
    """
    sampler, pruner = OPTUNA[peer](seed)
    with _quiet():
        # Hyperband deals trials into brackets by the study's name.
        study = optuna.create_study(
            study_name=f"{peer} {seed}", direction="minimize", sampler=sampler, pruner=pruner
        )
        asked: dict[str, optuna.Trial] = {}

        def ask(name: str) -> Mapping[str, Any]:
            asked[name] = study.ask()
            return draw(asked[name], dimensions)

        def report(trial: _Trial, tick: int, value: float) -> bool:
            told = asked[trial.trial_id]
            if peer == "hyperband":
                told.report(value, tick)
                if tick < TICKS and told.should_prune():
                    study.tell(told, state=TrialState.PRUNED)
                    return False
            if tick < TICKS:
                return True
            if np.isfinite(value):
                study.tell(told, value)
            else:  # what study.optimize makes of an objective that returns NaN
                study.tell(told, state=TrialState.FAIL)
            return False

        trials = _play(ask, report, surface, seed, budget)
    names = {one.number: name for name, one in asked.items()}
    complete = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    return _outcome(trials, {names[one.number]: one.value or 0.0 for one in complete})


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's notes on pruned trials and on samplers that are new."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def _outcome(trials: list[_Trial], values: Mapping[str, float]) -> Outcome:
    points = {trial.trial_id: trial.point for trial in trials}
    best = points[min(values, key=values.__getitem__)] if values else None
    images = sum(trial.seen for trial in trials) * IMAGES / TICKS
    return Outcome(best, images, len(trials))
