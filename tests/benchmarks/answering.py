"""Simulated sweeps whose answers are checked against the surface, for a pool of processes to call.

The truth of an answer is that of its sentence: the mean difference between the regions that it
names, with all other settings as the trials that count have them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from experiments import FEW_TICKS, NO_STOPPING, NOISE, stopping_of, study_of
from landscape import Landscape
from landscapes import surface_named
from simulation import OBJECTIVES, Simulation, fast_folder, new_recorder
from surface import DROPOUT, TICKS, Levels, Surface

from reports.analysis.decision import decide
from reports.analysis.design_matrix import Contrast, Region
from reports.analysis.effects import fit_search
from reports.analysis.least_difference import least_difference
from reports.analysis.lost_trials import LostTrials, lost_trials
from reports.analysis.ranks import direction
from reports.analysis.statistics import PValues, is_significant
from reports.analysis.stopped_trials import evidence
from reports.answers.answer import Answer
from reports.answers.answers import answers
from reports.answers.compare import compare_results
from reports.answers.search import SearchResults, search_results
from reports.format import value_text
from reports.tables import SweepTables, tables_of
from search.records.reader import read_sweep
from spaces.dimensions import Dimension, is_same

BETA, ACTIVATION = "optimizer.beta1", "generator.activation"
NULL = {BETA: {"uniform": [0.0, 0.9]}, ACTIVATION: {"choice": ["relu", "elu", "gelu"]}}
"""Dimensions that the surface of colorization does not know, beside its own."""
NODES = 24
"""Settings over which a part of a range is averaged: Gauss and Legendre's."""
EXAMPLES = 4000
"""Random points of which it is counted where they diverge."""


class Bet(NamedTuple):
    """Where the best setting of a dimension is said to be.

    Attributes:
        chance: of the likeliest region.
        right: whether the surface's best point lies there.
        real: whether the dimension has an effect.
        named: whether the answer is that it is likely.
    """

    chance: float
    right: bool
    real: bool
    named: bool


@dataclass(frozen=True)
class Answered:
    """What the answers of one sweep are worth.

    Attributes:
        false: claims that are not so.
        claims: all that were made.
        covered, intervals: of the estimates that answers show.
        all_covered, all_intervals: of every contrast of which an answer was chosen.
        real_covered, real_intervals: of those, the ones of dimensions that have an effect.
        named: dimensions that were said to matter.
        known: those of them that do.
        absent: dimensions that were said to have no visible effect.
        trials: that count.
        stopped: those of them that were stopped early.
        bets: of each dimension where the best setting is said to be.
    """

    false: tuple[str, ...]
    claims: int
    covered: int
    intervals: int
    all_covered: int
    all_intervals: int
    real_covered: int
    real_intervals: int
    named: tuple[str, ...]
    known: tuple[str, ...]
    absent: tuple[str, ...]
    trials: int
    stopped: int = 0
    bets: tuple[Bet, ...] = ()


@dataclass(frozen=True)
class Asked:
    """A search to be answered.

    Attributes:
        surface: its name. That of colorization has dimensions without effect beside its own.
        sampler, stopping: words as of `experiments.search`.
        trials: budget.
        diverging: share of points, on the surface of colorization; others have their own.
        seeds: shared or fresh.
    """

    surface: str
    sampler: str
    trials: int
    stopping: str = "none"
    diverging: float = 0.0
    seeds: str = "shared"
    seed: int = 0


@cache
def asked_surface(name: str, diverging: float) -> Surface | Landscape:
    """One surface a process."""
    if name == "colorization":
        return Surface(diverging, NOISE, null=NULL)
    return surface_named(name)


def searched_sweep(asked: Asked) -> Answered:
    """A search, answered."""
    surface = asked_surface(asked.surface, asked.diverging)
    study = study_of(
        asked.seed,
        # Half a budget, the one rung of the built-in studies, is a tick of two as well.
        ticks=FEW_TICKS if asked.stopping in ("none", "asha") else TICKS,
        space=surface.space,
        sampler=asked.sampler,
        seeds=asked.seeds,
        budget={"trials": asked.trials},
        stopping=stopping_of(asked.stopping),
    )
    with fast_folder() as folder:
        Simulation(new_recorder(folder / "sweep", study), surface).run()
        sweep = tables_of(read_sweep(folder / "sweep"))
    return judged(sweep, surface)


def judged(sweep: SweepTables, surface: Surface | Landscape) -> Answered:
    """The answers of a search beside the truth."""
    column = sweep.column(OBJECTIVES[0])
    rows = sweep.outcomes(column.name)
    counted = evidence(sweep, rows, column.name).claims
    points, values = counted.points, counted.values
    made = answers(sweep, decide(sweep)).dimensions
    bets = tuple(_bet(surface, one) for one in made if one.regions)
    named = tuple(one.dimension for one in made if one.verdict in ("effect", "depends"))
    known = tuple(name for name in named if name not in surface.null)
    absent = tuple(one.dimension for one in made if one.verdict == "equivalent")
    said = (named, known, absent, len(points), counted.stopped, bets)
    least = least_difference(sweep, values, column)
    model = fit_search(sweep.dimensions, points, values, least, counted.finished)
    lost = lost_trials(sweep, rows)
    if model is None:  # then it is only said where trainings are lost
        p = PValues({("lost", str(at)): region.p for at, region in enumerate(lost)})
        shown = [at for at in range(len(lost)) if p.is_significant("lost", str(at))]
        wrong = tuple(_lost(lost[at]) for at in shown if not _is_lost_there(surface, lost[at]))
        return Answered(wrong, len(shown), 0, 0, 0, 0, 0, 0, *said)
    found = search_results(model, lost, column)
    truth = Truth(surface, sweep.dimensions, points)
    truths = {
        name: [truth.difference(name, effect.contrast) for effect in estimated]
        for name, estimated in found.effects.items()
    }
    inside, real, chosen = [], [], []
    for one in made:
        for effect, true in zip(found.effects[one.dimension], truths[one.dimension], strict=True):
            inside.append(effect.low <= true <= effect.high)
            if one.dimension not in surface.null:
                real.append(inside[-1])
            if " - ".join(effect.contrast.sides) == one.contrast:
                assert effect.estimate == one.estimate
                chosen.append(one.low <= true <= one.high)
    # The same trials without noise.
    pure = found.model._replace(measured=surface.final(points)[None, :, 0])
    true = {name: direction(pure, name) for name in found.directions}
    ranks = {name: one.rho if one else 0.0 for name, one in true.items()}
    claims, false = _claims(found, surface, truths, ranks)
    counts = (sum(chosen), len(chosen), sum(inside), len(inside), sum(real), len(real))
    return Answered(false, claims, *counts, *said)


def _bet(surface: Surface | Landscape, answer: Answer) -> Bet:
    best = max(answer.regions, key=lambda region: region.chance)
    setting, region = surface.optimum.get(answer.dimension), best.region
    if region.kind == "value":
        right = is_same(setting, region.value)
    else:  # a range that the best point does not use, or an end of one
        inside = isinstance(setting, int | float) and not isinstance(setting, bool)
        right = inside and region.low * (1 - 1e-9) <= setting <= region.high * (1 + 1e-9)
    real = answer.dimension not in surface.null
    return Bet(best.chance, right, real, answer.verdict == "likely")


def _claims(
    found: SearchResults,
    surface: Surface | Landscape,
    truths: dict[str, list[float]],
    ranks: dict[str, float],
) -> tuple[int, tuple[str, ...]]:
    """How many claims are made, and those that are false.

    Args:
        ranks: partial rank correlations of the same trials without noise.
    """
    claims, false = 0, []
    for key, p in found.p.items():
        if not is_significant(p):
            continue
        claims += 1
        kind, name = key[0], key[1]
        if kind == "effect":
            true, estimate = truths[name][int(key[2])], found.effects[name][int(key[2])].estimate
            wrong = abs(true) < 1e-9 or true * estimate < 0
        elif kind == "any":
            wrong = name in surface.null
        elif kind == "same":
            wrong = max(map(abs, truths[name])) >= found.model.difference
        elif kind == "inside":
            trend, bend = truths[name][:2]
            wrong = bend < abs(trend) / 2
        elif kind == "direction":
            true = 0.0 if name in surface.null else ranks[name]
            wrong = true * found.directions[name].rho <= 0
        elif kind == "pair":
            wrong = frozenset(key[1:]) not in surface.interactions
        else:
            wrong = not _is_lost_there(surface, found.lost[int(name)])
        if wrong:
            false.append(_lost(found.lost[int(name)]) if kind == "lost" else " ".join(key))
    return claims, tuple(false)


def _lost(where: LostTrials) -> str:
    """A claim by name."""
    return f"lost {where.dimension} {where.region.kind} {where.region.text}"


def _is_lost_there(surface: Surface | Landscape, where: LostTrials) -> bool:
    """Whether a region truly loses more trainings than the rest, or fewer, as it was counted."""
    if where.dimension not in surface.risky:
        return False
    settings, diverges = _examples(surface, where.dimension)
    region = where.region
    if region.kind == "value":
        inside = np.array([is_same(setting, region.value) for setting in settings])
    else:
        inside = np.array([region.low <= setting <= region.high for setting in settings])
    true = diverges[inside].mean() - diverges[~inside].mean()
    return true * (where.lost / where.trials - where.lost_outside / where.trials_outside) > 0


@cache
def _examples(surface: Surface | Landscape, name: str) -> tuple[list[Any], np.ndarray]:
    """Settings of a dimension at random points, and which of these diverge."""
    points = [point for point in surface.random_points(EXAMPLES, seed=1) if name in point]
    return [point[name] for point in points], surface.diverges(points)


class Truth:
    """True differences between regions, all other settings being those of given points."""

    def __init__(
        self,
        surface: Surface | Landscape,
        dimensions: Sequence[Dimension],
        points: Sequence[dict[str, Any]],
    ) -> None:
        self.surface = surface
        self.points = points
        self.dimensions = {axis.name: axis for axis in dimensions}
        self._paired = frozenset().union(*surface.interactions)
        self._means: dict[tuple[Any, ...], float] = {}

    def difference(self, name: str, contrast: Contrast) -> float:
        """The mean over the first regions less that over the second, without noise."""
        if name in self.surface.null:
            return 0.0
        first, second = (
            np.mean([self._mean(name, region) for region in side])
            for side in (contrast.first, contrast.second)
        )
        return float(first - second)

    def _mean(self, name: str, region: Region) -> float:
        key = (name, region.kind, region.low, region.high, repr(region.value))
        if key not in self._means:
            having = [point for point in self.points if name in point]
            if name not in self._paired:  # any point will do, if it is the same one for all
                having = having[:1]
            moved = [
                ({**point, name: setting}, weight)
                for point in having
                for setting, weight in self._settings(name, region)
            ]
            for child in self.dimensions.values():
                if name in child.when:
                    moved = self._with_child(child, moved)
            points, weights = zip(*moved, strict=True)
            final = self.surface.final(points)[:, 0]
            self._means[key] = float(np.average(final, weights=weights))
        return self._means[key]

    def _settings(self, name: str, region: Region) -> list[tuple[Any, float]]:
        """What a region holds, with weights: a value, what was tried, or a part of the range."""
        if region.kind == "value":
            return [(region.value, 1.0)]
        if region.kind == "tried":
            tried = [point[name] for point in self.points if name in point]
            return [(setting, 1.0) for setting in tried if region.low <= setting <= region.high]
        log = self.dimensions[name].is_log
        low, high = np.log([region.low, region.high]) if log else (region.low, region.high)
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        at = (low + high) / 2 + nodes * (high - low) / 2
        return list(zip((np.exp(at) if log else at).tolist(), weights.tolist(), strict=True))

    def _with_child(
        self, child: Dimension, moved: list[tuple[dict[str, Any], float]]
    ) -> list[tuple[dict[str, Any], float]]:
        """Points with each setting of a conditional dimension that was tried, where it is one."""
        tried = [point[child.name] for point in self.points if child.name in point]
        spread = []
        for point, weight in moved:
            rest = {key: value for key, value in point.items() if key != child.name}
            if child.is_active(rest):
                spread += [({**rest, child.name: at}, weight / len(tried)) for at in tried]
            else:
                spread.append((rest, weight))
        return spread


def compared_sweep(task: tuple[float, int]) -> Answered:
    """Four levels with six seeds, of which two are equal, answered.

    Args:
        task: by how much the others are worse (the second of them twice as much), seed.
    """
    worse, seed = task
    order = np.random.default_rng(seed).permutation(4)
    errors = dict(zip(np.array([0.0, 0.1, 0.3, 0.5])[order].tolist(),
                      (6.0, 6.0, 6.0 + worse, 6.0 + 2 * worse), strict=True))  # fmt: skip
    study = study_of(
        seed,
        ticks=FEW_TICKS,
        space={DROPOUT: {"choice": sorted(errors)}},
        design="compare",
        replicates=6,
        difference=0.3,
        budget={},
        **NO_STOPPING,
    )
    with fast_folder() as folder:
        surface = Levels(errors, NOISE, pairing=0.9)
        Simulation(new_recorder(folder / "sweep", study), surface).run()
        sweep = tables_of(read_sweep(folder / "sweep"))
    (one,) = answers(sweep, decide(sweep)).dimensions
    column = sweep.column(OBJECTIVES[0])
    rows = sweep.outcomes(column.name)
    found = compare_results(sweep, rows, column)
    levels = found.levels[DROPOUT]

    def true(sides: tuple[str, str]) -> float:
        return errors[levels.settings[sides[1]]] - errors[levels.settings[sides[0]]]

    false, claims = [], [key for key, p in found.p.items() if is_significant(p)]
    for kind, *sides in ((key[0], *key[2:]) for key in claims):
        apart = true((sides[0], sides[1]))
        estimate = levels.differences[sides[0], sides[1]].mean
        if (abs(apart) >= 0.3 - 1e-9) if kind == "same" else (apart * estimate <= 1e-9):
            false.append(f"{kind} {sides}")
    names = {str(value_text(setting)): key for key, setting in levels.settings.items()}
    later, _, earlier = one.contrast.partition(" - ")
    covered = one.low <= true((names[earlier], names[later])) <= one.high
    whole = [(sides, other) for sides, other in levels.differences.items()]
    every = [other.low <= true(sides) <= other.high for sides, other in whole]
    named = (DROPOUT,) if one.verdict == "effect" else ()
    absent = (DROPOUT,) if one.verdict == "equivalent" else ()
    counts = (int(covered), 1, sum(every), len(every), sum(every), len(every))
    return Answered(tuple(false), len(claims), *counts, named, named, absent, len(rows))
