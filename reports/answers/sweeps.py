"""Several sweeps beside each other: what differs between them, which is better, how sure that is.

Numbers of different sweeps can be compared where objective, pictures and budget are the same; what
is not is said, and nothing is concluded across different objectives or pictures.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from colornet.cli_result import count_text
from colornet.errors import InputError
from reports.analysis.decision import decide
from reports.analysis.statistics import Difference, difference, holm, is_significant
from reports.format import NONE, duration_text, json_number, value_text
from reports.tables import Column, SweepTables, setting_key
from search.records.pictures import recorded_pictures, splits

MOST_STEPS, MOST_QUANTILES = 400, 200
"""Points of a sweep in the charts of the best so far and of all values."""
MEASURED = ("trials", "training time", "card hours")
"""Facts that are results: it is no warning that they differ."""


class SweepSummary(NamedTuple):
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
    point: dict[str, Any]
    values: dict[int, float]
    spent: float
    best_so_far: tuple[tuple[float, float], ...]
    scores: tuple[float, ...]
    trials: int
    scored: int
    trial: str = ""
    basis: str = ""
    judged: str = ""
    n: int = 0
    mean: float = math.nan
    low: float = math.nan
    high: float = math.nan
    seconds: float = math.nan


class SweepDifference(NamedTuple):
    """Two sweeps' configurations: the first minus the second, p adjusted for all pairs (Holm)."""

    first: str
    second: str
    difference: Difference
    verdict: str


class ComparedSweeps(NamedTuple):
    """Everything that is known of several sweeps, but for their pictures.

    Attributes:
        column: the metric by which they are compared; None where they have none in common.
        facts: (name, one text per sweep, whether they differ).
        warnings: what makes numbers incomparable, in sentences.
    """

    column: Column | None
    summaries: tuple[SweepSummary, ...]
    facts: tuple[tuple[str, tuple[str, ...], bool], ...]
    warnings: tuple[str, ...]
    pairs: tuple[SweepDifference, ...]
    problems: tuple[str, ...]


def compare_sweeps(sweeps: Sequence[SweepTables]) -> ComparedSweeps:
    """What is known of several sweeps, beside each other.

    Raises:
        InputError: when one of them is named twice.
    """
    names = _names(sweeps)
    column = _common_column(sweeps)
    by_name = list(zip(names, sweeps, strict=True))
    summaries = tuple(_summary(name, sweep, column) for name, sweep in by_name)
    warnings, barred = _warnings(sweeps, column, summaries)
    return ComparedSweeps(
        column=column,
        summaries=summaries,
        facts=facts_of(sweeps),
        warnings=tuple(warnings),
        pairs=_pairs(summaries, column, barred) if column else (),
        problems=tuple(f"{n}: {p}" for n, sweep in by_name for p in sweep.records.problems),
    )


def _names(sweeps: Sequence[SweepTables]) -> list[str]:
    """A label for each sweep: its name, or its location where two have the same name."""
    locations = []
    for sweep in sweeps:
        location = sweep.records.location
        location = location.rstrip("/") if "://" in location else os.path.realpath(location)
        if location in locations:
            raise InputError(f"{sweep.records.name}: is named twice.\nName different sweeps.")
        locations.append(location)
    names = [sweep.records.name for sweep in sweeps]
    pairs = zip(names, locations, strict=True)
    return [location if names.count(name) > 1 else name for name, location in pairs]


def _common_column(sweeps: Sequence[SweepTables]) -> Column | None:
    """The first sweep's leading objective, or another one that all have measured.

    Sweeps that have measured nothing yet are left out.
    """
    sweeps = [sweep for sweep in sweeps if len(sweep.ticks)]
    leading = [sweep.leading for sweep in sweeps]
    others = [objective for sweep in sweeps for objective in sweep.objectives]
    for column in [*leading, *others]:
        if column.goal and all(column.name in sweep.ticks for sweep in sweeps):
            return column
    return None


def _summary(name: str, sweep: SweepTables, column: Column | None) -> SweepSummary:
    proposed: dict[str, Any] = {"point": {}, "values": {}}
    if column and (decision := decide(sweep, column.name)):
        row = decision.points.iloc[decision.proposed]
        proposed = {key: row[key] for key in ("point", "basis", "mean", "low", "high", "seconds")}
        proposed |= {"trial": row["trial_id"], "n": int(row["n"]), "values": dict(row["values"])}
        proposed["judged"] = decision.judged.name
    steps, scores = _progress(sweep, column) if column else ((), np.array([]))
    ranks = np.linspace(0, 1, min(len(scores), MOST_QUANTILES))
    quantiles = np.quantile(scores, ranks, method="nearest") if len(scores) else scores
    return SweepSummary(
        name=name,
        **proposed,
        spent=float(sweep.trials["seconds"].sum()),
        best_so_far=steps,
        scores=tuple(quantiles.tolist()),
        trials=len(sweep.trials),
        scored=len(scores),
    )


def _progress(
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
    sweeps: Sequence[SweepTables], column: Column | None, summaries: Sequence[SweepSummary]
) -> tuple[list[str], str]:
    """What makes numbers incomparable, and the reason for which nothing can be concluded at all."""
    nothing = [sweep.records.name for sweep in sweeps if not len(sweep.ticks)]
    warnings, barred = [f"{name} has measured nothing yet." for name in nothing], ""
    if column is None:
        none = "They have measured no objective in common: nothing can be compared."
        return [*warnings, none], "objective"
    studies = [sweep.records.study for sweep in sweeps]
    if len({setting_key([study.get("objectives"), study.get("decide")]) for study in studies}) > 1:
        warnings.append(
            f"They were searched by different objectives or bounds; compared here is {column.name}."
        )
    if not judged_alike(sweeps, column.name):
        barred = "they were judged on different pictures"
        warnings.append("They were judged on different pictures: their numbers cannot be compared.")
    if len({str(budget_of(study)) for study in studies}) > 1:
        warnings.append("Their trainings saw different numbers of pictures: more is an advantage.")
    judged = {summary.judged for summary in summaries if summary.judged}
    if len(judged) > 1:
        barred = barred or "they were judged in different columns"
        warnings.append(
            f"They were judged in {' and '.join(sorted(judged))}: those that are not confirmed "
            "look better than they are. Confirm all of them: colorsweep confirm SWEEP"
        )
    return warnings, barred


def _pairs(
    summaries: Sequence[SweepSummary], column: Column, barred: str
) -> tuple[SweepDifference, ...]:
    """Every two sweeps' configurations; p adjusted for the number of pairs (Holm)."""
    couples = [(a, b) for at, a in enumerate(summaries) for b in summaries[at + 1 :]]
    compared = [difference(a.values, b.values) for a, b in couples]
    adjusted = holm([each.p for each in compared])
    differences = [d._replace(p=p) for d, p in zip(compared, adjusted, strict=True)]
    return tuple(
        SweepDifference(a.name, b.name, d, _verdict(a, b, d, column, barred))
        for (a, b), d in zip(couples, differences, strict=True)
    )


def _verdict(
    first: SweepSummary, second: SweepSummary, d: Difference, column: Column, barred: str
) -> str:
    missing = [summary.name for summary in (first, second) if not summary.trial]
    if missing:
        return f"{' and '.join(missing)}: nothing to choose yet"
    if barred:
        return f"not comparable: {barred}"
    if math.isnan(d.p):
        return "not enough data: confirm both with several seeds"
    by = "paired by seed" if d.paired else "seeds differ"
    if not is_significant(d.p):
        return f"cannot be told apart ({count_text(d.n, 'seed')}, {by})"
    better = first if d.mean * column.sign < 0 else second
    return f"{better.name} is better ({count_text(d.n, 'seed')}, {by})"


def facts_of(sweeps: Sequence[SweepTables]) -> tuple[tuple[str, tuple[str, ...], bool], ...]:
    """What each sweep asked, on what, with what, and what it took."""
    facts = [_facts(sweep) for sweep in sweeps]
    names = dict.fromkeys(name for of_sweep in facts for name in of_sweep)
    rows = [(name, tuple(of_sweep.get(name, NONE) for of_sweep in facts)) for name in names]
    return tuple(
        (name, texts, name not in MEASURED and len(set(texts)) > 1)
        for name, texts in rows
        if set(texts) != {NONE}
    )


def _facts(sweep: SweepTables) -> dict[str, str]:
    study, recorded = sweep.records.study, sweep.records.provenance
    base = study.get("base_config") or {}
    decides = study.get("decide") or {}
    gpu_seconds = float(sweep.trials["gpu_seconds"].sum())
    states = ", ".join(f"{value_text(count)} {state}" for state, count in sweep.how_ended().items())
    values: dict[str, Any] = {
        "question": study.get("question"),
        "design": study.get("design"),
        "method": (base.get("loss") or {}).get("method"),
        "space": ", ".join(study.get("space") or {}) or None,
        "objectives": _words(study.get("objectives")),
        "decided by": decides.get("by"),
        "subject to": _words(
            {**(decides.get("subject_to") or {}), **(study.get("constraints") or {})}
        ),
        "fixed": _words(study.get("fixed")),
        "judged on": evaluation_set(study),
        "pictures per training": budget_of(study),
        "sampler": study.get("sampler"),
        "stopping": (study.get("stopping") or {}).get("rule"),
        "study seed": study.get("seed"),
        "data": data_hash(recorded),
        "commit": recorded.get("git_commit"),
        **{f"{name} version": text for name, text in (recorded.get("packages") or {}).items()},
        "machine": recorded.get("host"),
        "trials": states,
        "training time": duration_text(float(sweep.trials["seconds"].sum())),
        "card hours": gpu_seconds / 3600 if gpu_seconds else None,
    }
    return {name: value_text(value) for name, value in values.items() if value not in (None, "")}


def _words(values: Mapping[str, Any] | None) -> str | None:
    texts = [f"{name} {value_text(value)}" for name, value in (values or {}).items()]
    return ", ".join(texts) or None


def judged_alike(sweeps: Sequence[SweepTables], column: str) -> bool:
    """Whether the same pictures judged in a column.

    By their content and split where every sweep recorded it, else by how the studies name them.
    """
    records = [sweep.records for sweep in sweeps]
    pictures = [recorded_pictures([column], of.provenance) for of in records]
    if not all(pictures):
        named = {(evaluation_set(of.study), data_hash(of.provenance)) for of in records}
        return len(named) == 1
    ways = [splits([column], of.study.get("base_config") or {}) for of in records]
    return all(of == pictures[0] for of in pictures) and all(way == ways[0] for way in ways)


def evaluation_set(study: Mapping[str, Any]) -> str:
    """The pictures that judge: the common ones, or each training's own."""
    base = study.get("base_config") or {}
    if study.get("evaluate_on") is not None:
        common = base.get("evaluate_on") or study["evaluate_on"]
        return f"common pictures: {json.dumps(common, sort_keys=True)}"
    return f"held-out pictures of: {json.dumps(base.get('data') or {}, sort_keys=True)}"


def budget_of(study: Mapping[str, Any]) -> int | str | None:
    """Pictures seen by one training."""
    training = (study.get("base_config") or {}).get("training") or {}
    if (images := training.get("images")) is not None:
        return images
    epochs = training.get("epochs")
    return count_text(epochs, "epoch") if epochs is not None else None


def data_hash(provenance: Mapping[str, Any]) -> str | None:
    """What tells a sweep's pictures from others."""
    if (digest := provenance.get("data_hash")) is not None:
        return str(digest)
    packs = [pack for pack in provenance.get("data") or () if isinstance(pack, dict)]
    return ", ".join(str(pack["hash"]) for pack in packs if pack.get("hash")) or None


def sweeps_data(compared: ComparedSweeps) -> dict[str, Any]:
    """What is known of several sweeps as JSON-able data, without NaN."""
    numbers = ("n", "mean", "low", "high", "seconds", "spent", "trials", "scored")
    names = ("mean", "low", "high", "p")
    return {
        "sweeps": [summary.name for summary in compared.summaries],
        "column": compared.column.name if compared.column else None,
        "warnings": list(compared.warnings),
        "problems": list(compared.problems),
        "differs": {name: list(texts) for name, texts, differs in compared.facts if differs},
        "best": [
            {
                "sweep": summary.name,
                "trial": summary.trial or None,
                "point": summary.point,
                "basis": summary.basis or None,
                "judged_in": summary.judged or None,
                **{name: json_number(getattr(summary, name)) for name in numbers},
            }
            for summary in compared.summaries
        ],
        "pairs": [
            {
                **{"one": pair.first, "other": pair.second, "paired": pair.difference.paired},
                **{name: json_number(getattr(pair.difference, name)) for name in names},
                "verdict": pair.verdict,
            }
            for pair in compared.pairs
        ],
    }
