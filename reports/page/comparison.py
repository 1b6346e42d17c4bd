"""Several sweeps side by side: what differs between them, which is better, how sure that is.

Numbers of different sweeps can be compared where objective, pictures and budget are the same; what
is not is said, and nothing is concluded across different objectives or pictures.
"""

import json
import math
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from colornet.cli_result import count_text
from colornet.errors import InputError
from reports.analysis.decision import Decision, decide
from reports.analysis.statistics import LEVEL, Difference, difference, holm
from reports.format import json_number
from reports.page.comparison_facts import budget_of, data_hash, evaluation_set, facts_of
from reports.page.comparison_pictures import SideBySide, side_by_side
from reports.tables import Column, SweepTables

MOST_STEPS, MOST_QUANTILES = 400, 200


class Standing(NamedTuple):
    """One sweep in the comparison.

    Attributes:
        name: a label that no other sweep has.
        trial, point, basis, n: the configuration it proposes, and how that is known; trial is ""
            where nothing can be proposed.
        mean, low, high: of `judged`; low and high are NaN with one training.
        values: of that configuration, by seed.
        seconds: of one training; spent: of all.
        best_so_far: (seconds spent until then, best so far), where it got better and at the end.
        scores: ascending quantiles of the trials of equal budget.
        trials, scored: how many there are, and how many have a comparable value.
    """

    name: str
    trial: str
    point: dict[str, Any]
    basis: str
    judged: str
    n: int
    mean: float
    low: float
    high: float
    values: dict[int, float]
    seconds: float
    spent: float
    best_so_far: tuple[tuple[float, float], ...]
    scores: tuple[float, ...]
    trials: int
    scored: int


class Pair(NamedTuple):
    """Two sweeps' configurations, the first minus the second, in words; NaN where not known."""

    one: str
    other: str
    mean: float
    low: float
    high: float
    p: float
    paired: bool
    verdict: str


class ComparisonInfo(NamedTuple):
    """Everything that the page of a comparison shows.

    Attributes:
        column: the metric by which they are compared; None where they have none in common.
        facts: (name, one text per sweep, whether they differ).
        warnings: what makes numbers incomparable, in sentences.
    """

    column: Column | None
    standings: tuple[Standing, ...]
    facts: tuple[tuple[str, tuple[str, ...], bool], ...]
    warnings: tuple[str, ...]
    pairs: tuple[Pair, ...]
    gallery: SideBySide | None
    problems: tuple[str, ...]


def prepare(sweeps: Sequence[SweepTables], pictures: int = 1) -> ComparisonInfo:
    """What is known of several sweeps, beside each other.

    Args:
        pictures: 0 leaves pictures out.

    Raises:
        InputError: when one of them is named twice.
    """
    names = _names(sweeps)
    column = _common_column(sweeps)
    decisions = [decide(sweep, column.name) if column else None for sweep in sweeps]
    stands = tuple(
        _standing(name, sweep, decision, column)
        for name, sweep, decision in zip(names, sweeps, decisions, strict=True)
    )
    facts = tuple(facts_of(sweeps))
    warnings, barred = _warnings(sweeps, column, stands)
    pairs = _pairs(stands, column, barred) if column else ()
    gallery = side_by_side(names, sweeps, [one.trial for one in stands]) if pictures else None
    problems = [f"{n}: {p}" for n, s in zip(names, sweeps, strict=True) for p in s.records.problems]
    return ComparisonInfo(column, stands, facts, tuple(warnings), pairs, gallery, tuple(problems))


def _names(sweeps: Sequence[SweepTables]) -> list[str]:
    """A label for each; its place where two have the same name."""
    places = []
    for sweep in sweeps:
        location = sweep.records.location
        place = location.rstrip("/") if "://" in location else os.path.realpath(location)
        if place in places:
            raise InputError(f"{sweep.records.name}: is named twice.\nName different sweeps.")
        places.append(place)
    names = [sweep.records.name for sweep in sweeps]
    return [p if names.count(n) > 1 else n for p, n in zip(places, names, strict=True)]


def _common_column(sweeps: Sequence[SweepTables]) -> Column | None:
    """The first sweep's leading objective, or another one that all have measured.

    One that has measured nothing yet keeps the others from nothing.
    """
    sweeps = [sweep for sweep in sweeps if len(sweep.ticks)]
    leading = [sweep.leading for sweep in sweeps]
    others = [objective for sweep in sweeps for objective in sweep.objectives]
    for column in [*leading, *others]:
        if column.goal and all(column.name in sweep.ticks for sweep in sweeps):
            return column
    return None


def _standing(
    name: str, sweep: SweepTables, decision: Decision | None, column: Column | None
) -> Standing:
    known: dict[str, Any] = {"trial": "", "point": {}, "basis": "", "judged": "", "n": 0}
    known |= dict.fromkeys(("mean", "low", "high", "seconds"), math.nan) | {"values": {}}
    if decision is not None:
        row = decision.points.iloc[decision.proposed]
        known = {key: row[key] for key in ("point", "basis", "mean", "low", "high", "seconds")}
        known |= {"trial": row["trial_id"], "n": int(row["n"]), "values": dict(row["values"])}
        known["judged"] = decision.judged.name
    steps, scores = _course(sweep, column) if column else ((), np.array([]))
    ranks = np.linspace(0, 1, min(len(scores), MOST_QUANTILES))
    quantiles = np.quantile(scores, ranks, method="nearest") if len(scores) else scores
    return Standing(
        name=name,
        **known,
        spent=float(sweep.trials["seconds"].sum()),
        best_so_far=steps,
        scores=tuple(quantiles.tolist()),
        trials=len(sweep.trials),
        scored=len(scores),
    )


def _course(
    sweep: SweepTables, column: Column
) -> tuple[tuple[tuple[float, float], ...], np.ndarray]:
    """Where the best so far got better, over seconds of training spent; and all final values."""
    rows = sweep.outcomes(column.name).sort_values(["ended", "number"], kind="stable")
    spent = rows["seconds"].fillna(0.0).cumsum().to_numpy(dtype=float)
    scored = (rows["kind"] == "scored").to_numpy()
    values = rows["value"].to_numpy(dtype=float)[scored]
    if not len(values):
        return (), values
    best = np.minimum.accumulate(values * column.sign) * column.sign
    better = np.flatnonzero(np.diff(best, prepend=np.nan) != 0)[-MOST_STEPS:]
    steps = [(float(spent[scored][at]), float(best[at])) for at in better]
    return (*steps, (float(spent[-1]), float(best[-1]))), np.sort(values)


def _warnings(
    sweeps: Sequence[SweepTables], column: Column | None, stands: Sequence[Standing]
) -> tuple[list[str], str]:
    """What makes numbers incomparable, and the reason for which nothing can be concluded at all."""
    nothing = [sweep.records.name for sweep in sweeps if not len(sweep.ticks)]
    said, barred = [f"{name} has measured nothing yet." for name in nothing], ""
    if column is None:
        none = "They have measured no objective in common: nothing can be compared."
        return [*said, none], "objective"
    studies = [sweep.records.study for sweep in sweeps]
    if (
        len({json.dumps([s.get("objectives"), s.get("decide")], sort_keys=True) for s in studies})
        > 1
    ):
        said.append(
            f"They were searched by different objectives or bounds; compared here is {column.name}."
        )
    hashes = {data_hash(sweep.records.provenance) for sweep in sweeps}
    if len({evaluation_set(study) for study in studies}) > 1 or len(hashes) > 1:
        barred = "they were judged on different pictures"
        said.append("They were judged on different pictures: their numbers cannot be compared.")
    if len({str(budget_of(study)) for study in studies}) > 1:
        said.append("Their trainings saw different numbers of pictures: more is an advantage.")
    judged = {one.judged for one in stands if one.judged}
    if len(judged) > 1:
        barred = barred or "they were judged in different columns"
        said.append(
            f"They were judged in {' and '.join(sorted(judged))}: those that are not confirmed "
            "look better than they are. Confirm all of them: colorsweep confirm SWEEP"
        )
    return said, barred


def _pairs(stands: Sequence[Standing], column: Column, barred: str) -> tuple[Pair, ...]:
    """Every two sweeps' configurations; p adjusted for the number of pairs (Holm)."""
    couples = [(a, b) for at, a in enumerate(stands) for b in stands[at + 1 :]]
    compared = [difference(a.values, b.values) for a, b in couples]
    adjusted = holm([one.p for one in compared])
    return tuple(
        Pair(
            *(a.name, b.name, d.mean, d.low, d.high, p, d.paired),
            _verdict(a, b, d._replace(p=p), column, barred),
        )
        for (a, b), d, p in zip(couples, compared, adjusted, strict=True)
    )


def _verdict(one: Standing, other: Standing, d: Difference, column: Column, barred: str) -> str:
    missing = [stand.name for stand in (one, other) if not stand.trial]
    if missing:
        return f"{' and '.join(missing)}: nothing to choose yet"
    if barred:
        return f"not comparable: {barred}"
    if math.isnan(d.p):
        return "not enough data: confirm both with several seeds"
    by = "paired by seed" if d.paired else "seeds differ"
    if not d.p < 1 - LEVEL:
        return f"cannot be told apart ({count_text(d.n, 'seed')}, {by})"
    better = one if d.mean * column.sign < 0 else other
    return f"{better.name} is better ({count_text(d.n, 'seed')}, {by})"


def comparison_data(info: ComparisonInfo) -> dict[str, Any]:
    """A comparison as JSON-able data, without NaN."""
    numbers = ("n", "mean", "low", "high", "seconds", "spent", "trials", "scored")
    return {
        "sweeps": [one.name for one in info.standings],
        "column": info.column.name if info.column else None,
        "warnings": list(info.warnings),
        "problems": list(info.problems),
        "differs": {name: list(texts) for name, texts, differs in info.facts if differs},
        "best": [
            {
                "sweep": one.name,
                "trial": one.trial or None,
                "point": one.point,
                "basis": one.basis or None,
                "judged_in": one.judged or None,
                **{name: json_number(getattr(one, name)) for name in numbers},
            }
            for one in info.standings
        ],
        "pairs": [
            {
                **{"one": pair.one, "other": pair.other, "paired": pair.paired},
                **{name: json_number(getattr(pair, name)) for name in ("mean", "low", "high", "p")},
                "verdict": pair.verdict,
            }
            for pair in info.pairs
        ],
    }
