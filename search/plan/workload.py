"""How much a study trains: which trials, how far each goes, and when they are done.

How trials will do is unknown, so they are stopped by the study's own rule on values drawn at
random: no trial is likelier to be good than another, and one that leads at a rung leads at the
next. Objectives are drawn independently, the case in which most trials go on.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil

import numpy as np
import optuna
from optuna.samplers import RandomSampler

from colornet.config.config import Config
from colornet.data.packed import open_pack
from colornet.errors import InputError
from search.core.early_stopping import EarlyStopping, first_rung
from search.core.promotion import PausedTrials
from search.core.target import LastReport
from spaces.dimensions import Point, draw
from spaces.study import Study

POINTS = 32
"""Points over which costs are averaged."""
MAX_DRAWN = 100 * POINTS
"""Random points of which the valid configs are taken: enough where one in a hundred is valid."""
SIMULATIONS = 8
"""Searches that are simulated to see how many trials are stopped."""
PATTERN = 64
"""Trials of a simulated search; in a longer one their lengths repeat."""

optuna.logging.set_verbosity(optuna.logging.ERROR)


@dataclass(frozen=True)
class Range:
    """A quantity as low, as expected and as high as it may come out."""

    low: float
    expected: float
    high: float

    @classmethod
    def around(cls, low: float, expected: float, high: float) -> "Range":
        """A range whose ends enclose what is expected."""
        return cls(min(low, expected), expected, max(high, expected))


@dataclass(frozen=True)
class TrialLength:
    """How far one trial goes: `ticks` of its config's, to `images` pictures seen."""

    config: int
    ticks: int
    images: int


@dataclass(frozen=True)
class Workload:
    """The trainings of a sweep.

    Attributes:
        points: of the search; all of a grid or a compared design, else some drawn at random.
        configs: of the points.
        low: trials of the search when exactly one in `factor` goes on at each rung.
        high: the same when none is stopped.
        simulated: some searches in which the rule has stopped trials.
        confirm: the trials that confirm, all trained in full.
    """

    points: list[Point]
    configs: list[Config]
    low: list[TrialLength]
    high: list[TrialLength]
    simulated: list[list[TrialLength]]
    confirm: list[TrialLength]

    @property
    def images(self) -> Range:
        """Pictures seen by all trainings together, confirming ones included."""
        low, high, confirming, *simulated = (
            float(sum(trial.images for trial in trials))
            for trials in (self.low, self.high, self.confirm, *self.simulated)
        )
        expected = float(np.mean(simulated)) + confirming
        return Range.around(low + confirming, expected, high + confirming)

    def at_least(self, images: float) -> float:
        """Trials of the search that are expected to see so many pictures, or all of their own."""
        reaching = [
            trial.images >= min(images, full.images)
            for trials in self.simulated
            for trial, full in zip(trials, self.high, strict=True)
        ]
        return sum(reaching) / len(self.simulated)


def make_workload(study: Study) -> Workload:
    """Work out what a study trains whose data have been checked (`run.create.check_data`)."""
    points = list(islice(_points(study), POINTS))
    configs = [_resolved(study.config(point, study.file.seed)) for point in points]
    ends = [_tick_ends(config) for config in configs]
    trials = study.trials
    full = [_length(ends, number) for number in range(trials)]
    confirm = [_length(ends, number) for number in range(study.confirming)]
    rungs = EarlyStopping(study).rungs
    if not rungs:
        return Workload(points, configs, full, full, [full], confirm)
    low = [_length(ends, number, _least(study, rungs, ends, number)) for number in range(trials)]
    simulated = []
    for seed in range(SIMULATIONS):
        stops = _simulate(study, ends, trials, np.random.default_rng(seed))
        simulated.append(
            [_length(ends, number, stops[number % len(stops)]) for number in range(trials)]
        )
    return Workload(points, configs, low, full, simulated, confirm)


def _resolved(config: Config) -> Config:
    """With its budget in images: epochs of a choice of pictures are each trial's own."""
    if config.training.images is not None:
        return config
    return config.resolved(len(open_pack(config.data).indices("train")))


def _points(study: Study) -> Iterator[Point]:
    """The points of a grid or a comparison, evenly over all of them; else random ones."""
    file = study.file
    if study.is_planned:
        planned = study.planned[: study.trials]
        count = min(POINTS, len(planned))
        yield from (planned[index * len(planned) // count] for index in range(count))
        return
    trials = optuna.create_study(sampler=RandomSampler(seed=file.seed))
    for left in reversed(range(MAX_DRAWN)):
        point = draw(trials.ask(), study.dimensions)
        try:
            study.config(point, file.seed)
        except InputError:  # a search skips it, too
            if not left:
                raise
        else:
            yield point


def _tick_ends(config: Config) -> list[int]:
    """Pictures seen at the end of each tick."""
    options = config.training
    assert options.images is not None
    steps = ceil(options.images / options.batch_size)
    return [
        round(tick * steps / options.ticks) * options.batch_size
        for tick in range(1, options.ticks + 1)
    ]


def _length(ends: Sequence[Sequence[int]], number: int, ticks: int | None = None) -> TrialLength:
    """The length of a trial that is stopped after some ticks, or trains in full."""
    config = number % len(ends)
    ticks = min(ticks or len(ends[config]), len(ends[config]))
    return TrialLength(config, ticks, ends[config][ticks - 1])


def _least(study: Study, rungs: Sequence[float], ends: Sequence[Sequence[int]], number: int) -> int:
    """Ticks of a trial when exactly one in `factor` goes on at each rung.

    Args:
        rungs: pictures seen at each.
    """
    stopping, of_trial = study.file.stopping, ends[number % len(ends)]
    for passed, rung in enumerate(rungs[first_rung(stopping, number, len(rungs)) :], 1):
        # Of every `one_in ** passed` trials the last one goes on beyond this rung.
        fraction = stopping.one_in**passed
        if int((number + 1) / fraction) == int(number / fraction):
            return next(tick for tick, seen in enumerate(of_trial, 1) if seen >= rung)
    return len(of_trial)


def _simulate(
    study: Study, ends: Sequence[Sequence[int]], trials: int, rng: np.random.Generator
) -> list[int]:
    """Ticks of each trial of a search with random values."""
    early_stopping, stops = EarlyStopping(study), []
    paused = PausedTrials(early_stopping)
    reports: list[LastReport] = []

    def train(number: int, after: int) -> int:
        """The tick at which a trial is stopped that goes on after another, or its last."""
        of_trial, name = ends[number % len(ends)], f"t{number:05d}"
        for tick, seen in enumerate(of_trial[after:], after + 1):
            if early_stopping.add(name, number, seen, reports[number]):
                if study.file.stopping.promote:
                    paused.trials.add(name)
                    paused.give_up()
                return tick
        return len(of_trial)

    for number in range(min(trials, PATTERN)):
        values = rng.normal(size=len(early_stopping.target.goals))
        reports.append(LastReport(values.tolist()))
        stops.append(train(number, 0))
        while (name := paused.best(only_due=True)) is not None:
            paused.trials.remove(name)
            promoted = int(name[1:])
            stops[promoted] = train(promoted, stops[promoted])
    return stops


def schedule(
    seconds: Sequence[float], slots: int, begin: float = 0.0, each_slot: float = 0.0
) -> float:
    """When the last of some trials is done that start in order, each in the first free slot.

    Args:
        begin: when the first may start.
        each_slot: seconds that a slot takes before its first trial.
    """
    free = [begin + each_slot] * min(slots, len(seconds))
    for duration in seconds:
        heapq.heapreplace(free, free[0] + duration)
    return max(free, default=begin)
