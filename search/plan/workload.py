"""How much a study trains: which trials, how far each goes, and when they are done.

Nothing is known of how trials will do, so they are stopped by the study's own rule on values drawn
at random: no trial is likelier to be good than another, and one that leads at a rung leads at the
next. Objectives are drawn apart from each other, the case in which most trials go on.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
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
from spaces.dimensions import Point, draw
from spaces.study import Study

POINTS = 32
"""Points over which costs are averaged."""
MOST_DRAWN = 100 * POINTS
"""Random points of which those that are configs are taken."""
DRAWS = 8
"""Searches that are drawn to see how many trials are stopped."""
PATTERN = 64
"""Trials of a drawn search; in a longer one they are taken again and again."""

optuna.logging.set_verbosity(optuna.logging.ERROR)


@dataclass(frozen=True)
class Range:
    """A quantity as low, as expected and as high as it may come out."""

    low: float
    expected: float
    high: float


def in_order(low: float, expected: float, high: float) -> Range:
    """A range whose ends enclose what is expected."""
    return Range(min(low, expected), expected, max(high, expected))


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
        drawn: some searches in which the rule has stopped trials.
        confirm: the trials that confirm, all trained in full.
    """

    points: list[Point]
    configs: list[Config]
    low: list[TrialLength]
    high: list[TrialLength]
    drawn: list[list[TrialLength]]
    confirm: list[TrialLength]

    @property
    def images(self) -> Range:
        """Pictures seen by all trainings together, confirming ones included."""
        confirming = _seen(self.confirm)
        expected = float(np.mean([_seen(lives) for lives in self.drawn]))
        return in_order(
            _seen(self.low) + confirming, expected + confirming, _seen(self.high) + confirming
        )

    def at_least(self, images: float) -> float:
        """Trials of the search that are expected to see so many pictures, or all of their own."""
        return float(
            np.mean(
                [
                    sum(
                        life.images >= min(images, self.high[at].images)
                        for at, life in enumerate(one)
                    )
                    for one in self.drawn
                ]
            )
        )


def _seen(lives: Iterable[TrialLength]) -> float:
    return float(sum(life.images for life in lives))


def workload(study: Study) -> Workload:
    """Work out what a study trains whose data have been checked (`run.create.check_data`)."""
    points = list(islice(_points(study), POINTS))
    configs = [_resolved(study.config(point, study.file.seed)) for point in points]
    ends = [_tick_ends(config) for config in configs]
    trials = study.trials
    full = [_whole(ends, number) for number in range(trials)]
    confirm = [_whole(ends, number) for number in range(study.confirming)]
    marks = EarlyStopping(study).rungs
    if not marks:
        return Workload(points, configs, full, full, [full], confirm)
    low = [_life(ends, number, _least(study, marks, ends, number)) for number in range(trials)]
    drawn = []
    for seed in range(DRAWS):
        stops = _drawn_stops(study, ends, trials, np.random.default_rng(seed))
        drawn.append([_life(ends, number, stops[number % len(stops)]) for number in range(trials)])
    return Workload(points, configs, low, full, drawn, confirm)


def _resolved(config: Config) -> Config:
    """With its budget in images: epochs of a choice of pictures are each trial's own."""
    if config.training.images is not None:
        return config
    return config.resolved(len(open_pack(config.data).indices("train")))


def _points(study: Study) -> Iterator[Point]:
    """The points of a grid or a comparison, evenly over all of them; else random ones."""
    file = study.file
    if study.is_planned:
        whole = study.planned[: study.trials]
        for place in range(min(POINTS, len(whole))):
            yield whole[place * len(whole) // min(POINTS, len(whole))]
        return
    trials = optuna.create_study(sampler=RandomSampler(seed=file.seed))
    for left in reversed(range(MOST_DRAWN)):
        point = draw(trials.ask(), study.dimensions)
        try:
            study.config(point, file.seed)
        except InputError:  # a search passes it over, too
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


def _whole(ends: Sequence[Sequence[int]], number: int) -> TrialLength:
    return _life(ends, number, len(ends[number % len(ends)]))


def _life(ends: Sequence[Sequence[int]], number: int, ticks: int) -> TrialLength:
    config = number % len(ends)
    ticks = min(ticks, len(ends[config]))
    return TrialLength(config, ticks, ends[config][ticks - 1])


def _least(study: Study, marks: Sequence[float], ends: Sequence[Sequence[int]], number: int) -> int:
    """Ticks of a trial when exactly one in `factor` goes on at each rung.

    Args:
        marks: pictures seen at each rung.
    """
    stopping, own = study.file.stopping, ends[number % len(ends)]
    for passed, mark in enumerate(marks[first_rung(stopping, number, len(marks)) :], 1):
        share = stopping.one_in**passed
        if int((number + 1) / share) == int(number / share):
            return next(tick for tick, seen in enumerate(own, 1) if seen >= mark)
    return len(own)


def _drawn_stops(
    study: Study, ends: Sequence[Sequence[int]], trials: int, rng: np.random.Generator
) -> list[int]:
    """Ticks of each trial of a search with random values."""
    early_stopping, stops = EarlyStopping(study), []
    for number in range(min(trials, PATTERN)):
        own = ends[number % len(ends)]
        values = rng.normal(size=len(study.file.objectives)).tolist()
        stopped = (
            tick
            for tick, seen in enumerate(own, 1)
            if early_stopping.add(f"t{number:05d}", number, seen, values)
        )
        stops.append(next(stopped, len(own)))
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
    for one in seconds:
        heapq.heapreplace(free, free[0] + one)
    return max(free, default=begin)
