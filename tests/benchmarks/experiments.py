"""One simulated sweep each, as functions that a pool of processes can call."""

import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar

import numpy as np
from baselines import search_with_optuna, search_with_ray
from landscapes import surface_named
from simulation import OBJECTIVES, Simulation, fast_folder, make_study, new_recorder
from surface import DROPOUT, IMAGES, Levels, Surface

from reports.analysis.decision import Decision, decide, leaders
from reports.tables import tables_of
from search.core.ask_tell import Assignment
from search.core.ranking import best_trials, objective_table
from search.records.reader import read_sweep
from spaces.study import Study

Task = TypeVar("Task")
Result = TypeVar("Result")
TICKS_OF_SMALL = 8
FEW_TICKS = 2
SPREAD, NOISE = 0.5, 0.35
"""Standard deviations of the true values of random points, and of what a seed adds."""
DRAWS = 200
TOP, REPLICATES = 5, 3
NO_STOPPING = {"stopping": {"rule": "none"}}


def on_all_cores(
    experiment: Callable[[Task], Result], tasks: Iterable[Task], processes: int | None = None
) -> list[Result]:
    """The results in the order of the tasks; processes are new ones, without this one's threads.

    Args:
        processes: how many instead of one a core.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes or os.cpu_count(), mp_context=context) as pool:
        return list(pool.map(experiment, tasks))


@cache
def surface_of(diverging: float, spread: float | None = None, pairing: float = 0.9) -> Surface:
    """One surface a process, as it measures itself when it is first used."""
    return Surface(diverging, NOISE, pairing, spread)


@cache
def _study_of(changes: str) -> Study:
    with fast_folder() as folder:
        return make_study(folder, **json.loads(changes))


def study_of(seed: int, **changes: Any) -> Study:
    """A study with another seed, read once a process."""
    study = _study_of(json.dumps(changes))
    return replace(study, file=study.file.model_copy(update={"seed": seed}))


@dataclass(frozen=True)
class Search:
    """What a search came to: regret of the point it names, pictures in trainings, trials."""

    regret: float
    trainings: float
    trials: int


def search(task: tuple[str, str, int, int]) -> Search:
    """Search with the pictures of so many whole trainings.

    A search of which no trial is worth naming has the mean regret of random points.

    Args:
        task: method, name of a surface, trainings, seed. A method is `ours` with the study's words
            for the sampler and the stopping (`ours tpe asha`, see `stopping_of`), `optuna` with a
            key of `baselines.OPTUNA`, or `ray`.
    """
    method, name, trainings, seed = task
    surface, budget = surface_named(name), trainings * IMAGES
    kind, *words = method.split()
    if kind == "ours":
        sampler, stopping = words
        point, images, trials = _search_with_ours(name, sampler, stopping, budget, seed)
    else:
        dimensions = study_of(seed, space=surface.space).dimensions
        if kind == "ray":
            found = search_with_ray(surface, dimensions, seed, budget)
        else:
            found = search_with_optuna(surface, dimensions, seed, budget, *words)
        point, images, trials = found.point, found.images, found.trials
    regret = blind_regret(name) if point is None else surface.regret(point)
    return Search(regret, images / IMAGES, trials)


def _search_with_ours(
    name: str, sampler: str, stopping: str, budget: float, seed: int
) -> tuple[Mapping[str, Any] | None, float, int]:
    """The point that is named, pictures seen and trials started."""
    surface, rule = surface_named(name), stopping_of(stopping)
    study = study_of(
        seed,
        space=surface.space,
        sampler=sampler,
        stopping=rule,
        budget={"trials": 10_000, "images": budget},
    )
    with fast_folder() as folder:
        recorder = new_recorder(folder / "sweep", study)
        # Only a trial that has left a checkpoint is promoted.
        simulation = Simulation(recorder, surface, checkpoints="promote" in rule).run()
        sweep = read_sweep(folder / "sweep")
    points = dict(zip(sweep.trials["trial_id"], sweep.trials["point"], strict=True))
    best = best_trials(sweep)["trial_id"].tolist()
    point = json.loads(points[best[0]]) if best else None
    return point, simulation.images, len(points)


def stopping_of(word: str) -> dict[str, Any]:
    """A study's stopping by one word: `rule`, `rule:grace`, `rule:grace:factor`, and `…:promote`.

    Rules alone have the study's defaults, which for asha are those of the built-in studies.
    """
    rule, *rest = word.removesuffix(":promote").split(":")
    values = [float(value) if value[0].isdigit() else value for value in rest]
    stopping = {"rule": rule, **dict(zip(("grace", "factor"), values, strict=False))}
    return {**stopping, "promote": True} if word.endswith(":promote") else stopping


@cache
def blind_regret(name: str) -> float:
    surface = surface_named(name)
    points = surface.random_points(1000, seed=1)
    return float(surface.final(points)[:, 0].mean() - surface.best)


@dataclass(frozen=True)
class SmallSweep:
    """What must be nothing in a sweep with early stopping, two objectives and diverging trials.

    Attributes:
        pruned, diverged, on_front: trials of these kinds.
        pruned_on_front: trials that were stopped early, in the reported front.
        bad_in_top: trials with a value that is not finite, among the ten best.
        still_running: trials that Optuna takes to be running when the sweep is over.
        stopped_late: trials that went on after such a value.
    """

    pruned: int
    diverged: int
    on_front: int
    pruned_on_front: int
    bad_in_top: int
    still_running: int
    stopped_late: int


def small_sweep(seed: int) -> SmallSweep:
    """Twelve to sixteen trials of 8 ticks over the surface on which 20% diverge."""
    study = study_of(
        seed,
        ticks=TICKS_OF_SMALL,
        objectives=dict.fromkeys(OBJECTIVES, "minimize"),
        budget={"trials": 12 + seed % 5},
    )
    with fast_folder() as folder:
        recorder = new_recorder(folder / "sweep", study)
        done = Simulation(recorder, surface_of(0.2)).run()
        sweep = read_sweep(folder / "sweep")
    table = objective_table(sweep)
    pruned, front = table["state"] == "pruned", table["on_front"]
    told = recorder.ask_tell._optuna.get_trials(deepcopy=False)
    return SmallSweep(
        pruned=int(pruned.sum()),
        diverged=int((table["state"] == "diverged").sum()),
        on_front=int(front.sum()),
        pruned_on_front=int((pruned & front).sum()),
        bad_in_top=len(set(best_trials(sweep, 10)["trial_id"]) & set(done.first_bad)),
        still_running=sum(not trial.state.is_finished() for trial in told),
        stopped_late=sum(done.stopped_at[name] > at for name, at in done.first_bad.items()),
    )


def some_fail(assignment: Assignment) -> tuple[str, int] | None:
    """Every eighth trial fails at its third tick, and every eleventh loses its process once."""
    if assignment.number % 8 == 5:
        return "failed", 3
    return ("lost", 4) if assignment.number % 11 == 7 else None


@dataclass(frozen=True)
class Confirmed:
    """How much lower than its true mean a value is that is reported for a winner."""

    single: float
    confirmed: float


def confirmed_sweep(task: tuple[float, int]) -> Confirmed:
    """DRAWS random points, each trained with a seed of its own, and the best of them confirmed.

    Args:
        task: correlation of what a seed adds to two points, seed.
    """
    pairing, seed = task
    surface = surface_of(0.0, SPREAD, pairing)
    study = study_of(
        seed,
        ticks=FEW_TICKS,
        sampler="random",
        seeds="fresh",
        budget={"trials": DRAWS},
        confirm={"top": TOP, "replicates": REPLICATES},
        **NO_STOPPING,
    )
    with fast_folder() as folder:
        Simulation(new_recorder(folder / "sweep", study), surface).run()
        sweep = read_sweep(folder / "sweep")
    points = dict(zip(sweep.trials["trial_id"], sweep.trials["point"], strict=True))
    lucky = best_trials(sweep).iloc[0]
    true = surface.final([json.loads(points[lucky["trial_id"]])])[0, 0]
    decision = decide(tables_of(sweep))
    assert decision is not None and decision.basis == "confirm"
    winner = decision.points.iloc[0]
    return Confirmed(
        single=float(true - lucky[OBJECTIVES[0]]),
        confirmed=float(surface.final([winner["point"]])[0, 0] - winner["mean"]),
    )


@dataclass(frozen=True)
class Ties:
    """Of two equal configurations and others: what `best` says.

    Attributes:
        named: one of the two is first, and the other is named as its tie.
        wrong: configurations that are worse and were named as ties.
    """

    named: bool
    wrong: int


def _confirmed_levels(surface: Levels, top: int, seed: int, **changes: Any) -> Decision:
    """What is decided of a surface's levels, each tried and the best `top` of them confirmed."""
    study = study_of(
        seed,
        ticks=FEW_TICKS,
        space={DROPOUT: {"choice": sorted(surface.errors)}},
        sampler="grid",
        budget={},
        confirm={"top": top, "replicates": REPLICATES},
        **NO_STOPPING,
        **changes,
    )
    with fast_folder() as folder:
        Simulation(new_recorder(folder / "sweep", study), surface).run()
        decision = decide(tables_of(read_sweep(folder / "sweep")))
    assert decision is not None and decision.basis == "confirm"
    return decision


def tied_sweep(task: tuple[float, int]) -> Ties:
    """Two equal levels and three that are worse, all confirmed.

    Args:
        task: by how much the others are worse, seed.
    """
    worse, seed = task
    chance = np.random.default_rng(seed)
    levels = [0.0, 0.1, 0.2, 0.3, 0.4]
    equal = set(chance.choice(levels, 2, replace=False).tolist())
    errors = {level: 6.0 if level in equal else 6.0 + worse for level in levels}
    decision = _confirmed_levels(Levels(errors, NOISE, pairing=0.9), TOP, seed)
    tied = {point[DROPOUT] for point in leaders(decision.points)["point"][1:]}
    first = decision.points["point"].iloc[0][DROPOUT]
    return Ties(named={first, *tied} >= equal, wrong=len({first, *tied} - equal))


LADDER = (0.0, 0.1, 0.2, 0.4, 0.8)
"""By how much levels are worse than the best of them."""


class PricedLevels(Levels):
    """Levels of which some are cheaper than others."""

    def __init__(
        self,
        errors: Mapping[float, float],
        seconds: Mapping[float, float],
        noise: float,
        pairing: float,
    ) -> None:
        super().__init__(errors, noise, pairing)
        self.seconds = dict(seconds)

    def seconds_per_tick(self, point: Mapping[str, Any]) -> float:
        """That of the level."""
        return self.seconds[point[DROPOUT]]


@dataclass(frozen=True)
class Choice:
    """What was taken of confirmed levels.

    Attributes:
        first, taken: by how much the first and the one that is taken are worse than the best.
        cheaper: whether another than the first is taken.
        beyond: whether it is worse than the best by more than the difference that matters.
        optimism, overstated: by how much the first is worse than its mean, and what is said of it.
        best_left_out: whether the best is said to be worse than the first.
    """

    first: float
    taken: float
    cheaper: bool
    beyond: bool
    optimism: float
    overstated: float
    best_left_out: bool


def chosen_sweep(task: tuple[float, tuple[float, ...], float | None, int]) -> Choice:
    """Levels that cost more or less by chance, all confirmed.

    Args:
        task: correlation of what a seed adds to two levels, by how much levels are worse than the
            best, the study's least difference, seed.
    """
    pairing, truths, least, seed = task
    rng = np.random.default_rng([seed, 3])
    levels = [round(0.1 * at, 1) for at in range(len(truths))]
    worse = dict(zip(levels, rng.permutation(truths).tolist(), strict=True))
    seconds = dict(zip(levels, (10.0 * rng.permutation(np.arange(1, 6))[: len(levels)]).tolist(),
                       strict=True))  # fmt: skip
    errors = {level: 6.0 + more for level, more in worse.items()}
    surface = PricedLevels(errors, seconds, NOISE, pairing)
    changes = {"difference": least} if least else {}
    decision = _confirmed_levels(surface, len(levels), seed, **changes)
    first, taken = decision.points.iloc[0], decision.points.iloc[decision.proposed]
    losses = [worse[row["point"][DROPOUT]] for row in (first, taken)]
    matters = max(decision.cheaper.differences.values()) if decision.cheaper else 0.0
    leading = [worse[point[DROPOUT]] for point in leaders(decision.points)["point"]]
    return Choice(
        first=losses[0],
        taken=losses[1],
        cheaper=decision.proposed > 0,
        beyond=decision.proposed > 0 and losses[1] > matters,
        optimism=6.0 + losses[0] - float(first["mean"]),
        overstated=decision.overstated or 0.0,
        best_left_out=min(worse.values()) not in leading,
    )
