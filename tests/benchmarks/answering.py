"""Simulated sweeps whose answers are checked against the surface, for a pool of processes to call.

The truth of an answer is that of its sentence: the mean difference between the regions that it
names, with all other settings as the trials that count have them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from experiments import FEW_TICKS, NO_STOPPING, NOISE, study_of, surface_of
from simulation import OBJECTIVES, Simulation, fast_folder, new_recorder
from surface import DROPOUT, L1, LOSS, LR, RATIO, SMOOTHING, SPACE, Levels, Surface

from reports.analysis.decision import decide
from reports.analysis.design_matrix import Contrast, Region
from reports.analysis.effects import fit_search
from reports.analysis.lost_trials import lost_trials
from reports.analysis.ranks import direction
from reports.analysis.statistics import is_significant
from reports.answers.answers import answers
from reports.answers.compare import compare_results
from reports.answers.search import (
    SearchResults,
    least_difference,
    search_results,
)
from reports.format import value_text
from reports.tables import SweepTables, tables_of
from search.records.reader import read_sweep

BETA, ACTIVATION = "optimizer.beta1", "generator.activation"
NULL = {BETA: {"uniform": [0.0, 0.9]}, ACTIVATION: {"choice": ["relu", "elu", "gelu"]}}
"""Dimensions that the surface does not know."""
MATTER = (LR, RATIO)
"""Those with by far the largest effects, and the only ones that depend on each other."""


@dataclass(frozen=True)
class Answered:
    """What the answers of one sweep are worth.

    Attributes:
        false: claims that are not so.
        claims: all that were made.
        covered, intervals: of the estimates that answers show.
        all_covered, all_intervals: of every contrast of which an answer was chosen.
        named: dimensions that were said to matter.
        absent: dimensions that were said to have no visible effect.
        trials: of equal budget.
    """

    false: tuple[str, ...]
    claims: int
    covered: int
    intervals: int
    all_covered: int
    all_intervals: int
    named: tuple[str, ...]
    absent: tuple[str, ...]
    trials: int


def searched_sweep(task: tuple[str, int, float, str, int]) -> Answered:
    """A search, answered.

    Args:
        task: sampler, trials, share of points that diverge, seeds (shared or fresh), seed.
    """
    sampler, trials, diverging, seeds, seed = task
    surface = surface_of(diverging)
    study = study_of(
        seed,
        ticks=FEW_TICKS,
        space={**SPACE, **NULL},
        sampler=sampler,
        seeds=seeds,
        budget={"trials": trials},
        **NO_STOPPING,
    )
    with fast_folder() as folder:
        Simulation(new_recorder(folder / "sweep", study), surface).run()
        sweep = tables_of(read_sweep(folder / "sweep"))
    return judged(sweep, surface)


def judged(sweep: SweepTables, surface: Surface) -> Answered:
    """The answers of a search beside the truth."""
    column = sweep.column(OBJECTIVES[0])
    rows = sweep.outcomes(column.name)
    scored = rows[rows["kind"] == "scored"]
    points, values = scored["point"].tolist(), scored["value"].to_numpy(dtype=float)
    made = answers(sweep, decide(sweep))
    named = tuple(one.dimension for one in made if one.verdict in ("effect", "depends"))
    absent = tuple(one.dimension for one in made if one.verdict == "equivalent")
    model = fit_search(sweep.dimensions, points, values, least_difference(sweep, values, column))
    if model is None:
        return Answered((), 0, 0, 0, 0, 0, named, absent, len(points))
    found = search_results(model, lost_trials(sweep, rows), column)
    truths = {
        name: [truth(surface, points, name, one.contrast) for one in known]
        for name, known in found.effects.items()
    }
    inside, chosen = [], []
    for one in made:
        for effect, true in zip(found.effects[one.dimension], truths[one.dimension], strict=True):
            inside.append(effect.low <= true <= effect.high)
            if " - ".join(effect.contrast.sides) == one.contrast:
                assert effect.estimate == one.estimate
                chosen.append(one.low <= true <= one.high)
    pure = found.model._replace(measured=surface.final(points)[:, 0])  # the same trials, no noise
    true = {name: direction(pure, name) for name in found.directions}
    ranks = {name: one.rho if one else 0.0 for name, one in true.items()}
    claims, false = _claims(found, truths, ranks)
    return Answered(
        false, claims, sum(chosen), len(chosen), sum(inside), len(inside), named, absent,
        len(points),
    )  # fmt: skip


def _claims(
    found: SearchResults, truths: dict[str, list[float]], ranks: dict[str, float]
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
        elif kind == "same":
            wrong = max(map(abs, truths[name])) >= found.model.difference
        elif kind == "inside":
            trend, bend = truths[name][:2]
            wrong = bend < abs(trend) / 2
        elif kind == "direction":
            true = 0.0 if name in NULL else ranks[name]
            wrong = true * found.directions[name].rho <= 0
        elif kind == "pair":
            wrong = set(key[1:]) != set(MATTER)
        else:
            one = found.lost[int(name)]
            wrong = one.dimension not in MATTER or (
                one.region.kind != "upper" and one.lost * one.trials_outside
                > one.lost_outside * one.trials
            )  # fmt: skip
        if wrong:
            false.append(" ".join(key))
    return claims, tuple(false)


def truth(surface: Surface, points: list[dict[str, Any]], name: str, contrast: Contrast) -> float:
    """The mean over the first regions less that over the second, without noise."""
    having = [point for point in points if name in point]
    if name in (L1, LOSS):  # what these do depends on no other dimension of the surface
        having = having[:4]
    smoothing = [point[SMOOTHING] for point in points if SMOOTHING in point]

    def mean(region: Region) -> float:
        if region.kind == "value":
            settings = [region.value]
        elif region.kind == "tried":
            settings = [p[name] for p in points if region.low <= p[name] <= region.high]
        else:
            log = "loguniform" in {**SPACE, **NULL}[name]
            ends = np.log([region.low, region.high]) if log else np.array([region.low, region.high])
            at = ends.mean() + np.array([-1, 1]) * np.ptp(ends) / 2 / 3**0.5  # Gauss: exact here
            settings = (np.exp(at) if log else at).tolist()
        moved = [{**point, name: setting} for point in having for setting in settings]
        if name == LOSS:
            moved = [one for point in moved for one in _with_smoothing(point, smoothing)]
        return float(surface.final(moved)[:, 0].mean())

    first, second = (np.mean([mean(one) for one in side]) for side in contrast[1:3])
    return float(first - second)


def _with_smoothing(point: dict[str, Any], smoothing: list[float]) -> list[dict[str, Any]]:
    """A point of a changed loss, with each smoothing that was tried where the loss has some."""
    rest = {key: value for key, value in point.items() if key != SMOOTHING}
    return [rest] if point[LOSS] == "hinge" else [{**rest, SMOOTHING: one} for one in smoothing]


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
    (one,) = answers(sweep, decide(sweep))
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
    return Answered(tuple(false), len(claims), int(covered), 1, sum(every), len(every), named,
                    absent, len(rows))  # fmt: skip
