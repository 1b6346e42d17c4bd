"""Several sweeps side by side: what differs between them, which is better, how sure that is.

Numbers of different sweeps can be compared where objective, pictures and budget are the same; what
is not is said, and nothing is concluded across different objectives or pictures.
"""

import base64
import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from colornet.cli_result import count_text
from colornet.errors import InputError
from reports.analysis.decision import Decision, decide
from reports.analysis.statistics import LEVEL, Difference, difference, holm
from reports.format import NONE, duration_text, json_number, value_text
from reports.tables import Column, SweepTables, setting_key

MOST_STEPS, MOST_QUANTILES = 400, 200
MAX_PICTURES = 8
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
    """Two sweeps' configurations, the first minus the second, in words; NaN where not known."""

    first: str
    second: str
    mean: float
    low: float
    high: float
    p: float
    paired: bool
    verdict: str


class SideBySide(NamedTuple):
    """`rows` are (name of the picture, a data URI per column, "" where there is none)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    missing: str


class ComparisonInfo(NamedTuple):
    """Everything that the page of a comparison shows.

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
    pictures: SideBySide | None
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
    summaries = tuple(
        _summary(name, sweep, decision, column)
        for name, sweep, decision in zip(names, sweeps, decisions, strict=True)
    )
    facts = tuple(facts_of(sweeps))
    warnings, barred = _warnings(sweeps, column, summaries)
    pairs = _pairs(summaries, column, barred) if column else ()
    beside = side_by_side(names, sweeps, [one.trial for one in summaries]) if pictures else None
    problems = [f"{n}: {p}" for n, s in zip(names, sweeps, strict=True) for p in s.records.problems]
    return ComparisonInfo(column, summaries, facts, tuple(warnings), pairs, beside, tuple(problems))


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


def _summary(
    name: str, sweep: SweepTables, decision: Decision | None, column: Column | None
) -> SweepSummary:
    proposed: dict[str, Any] = {"point": {}, "values": {}}
    if decision is not None:
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
    hashes = {data_hash(sweep.records.provenance) for sweep in sweeps}
    if len({evaluation_set(study) for study in studies}) > 1 or len(hashes) > 1:
        barred = "they were judged on different pictures"
        warnings.append("They were judged on different pictures: their numbers cannot be compared.")
    if len({str(budget_of(study)) for study in studies}) > 1:
        warnings.append("Their trainings saw different numbers of pictures: more is an advantage.")
    judged = {one.judged for one in summaries if one.judged}
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
    adjusted = holm([one.p for one in compared])
    return tuple(
        SweepDifference(
            *(a.name, b.name, d.mean, d.low, d.high, p, d.paired),
            _verdict(a, b, d._replace(p=p), column, barred),
        )
        for (a, b), d, p in zip(couples, compared, adjusted, strict=True)
    )


def _verdict(
    first: SweepSummary, second: SweepSummary, d: Difference, column: Column, barred: str
) -> str:
    missing = [one.name for one in (first, second) if not one.trial]
    if missing:
        return f"{' and '.join(missing)}: nothing to choose yet"
    if barred:
        return f"not comparable: {barred}"
    if math.isnan(d.p):
        return "not enough data: confirm both with several seeds"
    by = "paired by seed" if d.paired else "seeds differ"
    if not d.p < 1 - LEVEL:
        return f"cannot be told apart ({count_text(d.n, 'seed')}, {by})"
    better = first if d.mean * column.sign < 0 else second
    return f"{better.name} is better ({count_text(d.n, 'seed')}, {by})"


def facts_of(sweeps: Sequence[SweepTables]) -> list[tuple[str, tuple[str, ...], bool]]:
    """What each sweep asked, on what, with what, and what it took."""
    facts = [_facts(sweep) for sweep in sweeps]
    names = dict.fromkeys(name for one in facts for name in one)
    rows = [(name, tuple(one.get(name, NONE) for one in facts)) for name in names]
    return [
        (name, texts, name not in MEASURED and len(set(texts)) > 1)
        for name, texts in rows
        if set(texts) != {NONE}
    ]


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


def evaluation_set(study: Mapping[str, Any]) -> str:
    """The pictures that judge: the common ones, or each training's own."""
    if study.get("evaluate_on") is not None:
        return f"common pictures: {json.dumps(study['evaluate_on'], sort_keys=True)}"
    data = (study.get("base_config") or {}).get("data") or {}
    return f"held-out pictures of: {json.dumps(data, sort_keys=True)}"


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
    hashes = [one.get("hash") for one in provenance.get("data") or () if isinstance(one, dict)]
    return ", ".join(str(one) for one in hashes if one) or None


def side_by_side(
    names: Sequence[str], sweeps: Sequence[SweepTables], trials: Sequence[str]
) -> SideBySide:
    """The fixed pictures that all sweeps share, by their content: grey, truth, each one's best.

    Args:
        trials: the configuration of each sweep; the next best with pictures stands in for one
            that has none.
    """
    frames = [_fixed_pictures(sweep, trial) for sweep, trial in zip(sweeps, trials, strict=True)]
    pictures = [dict(zip(f["picture_hash"], f["picture"], strict=True)) for f in frames]
    hashes = [one for one in pictures[0] if all(one in other for other in pictures[1:])]
    if not hashes:
        return SideBySide((), (), "They have no fixed picture in common.")
    first = frames[0]
    columns = [_uris(first, "grey"), _uris(first, "truth")]
    columns += [_uris(frame, "prediction") for frame in frames]
    rows = tuple(
        (str(pictures[0][one]), tuple(column.get(one, "") for column in columns))
        for one in hashes[:MAX_PICTURES]
    )
    return SideBySide(("Grey (input)", "Truth", *names), rows, "")


def _fixed_pictures(sweep: SweepTables, trial: str) -> pd.DataFrame:
    ranked = sweep.ranked["trial_id"].tolist()
    recorded = sweep.records.pictured()
    trial = next((one for one in [trial, *ranked] if one in recorded), "")
    frame = sweep.records.pictures([trial] if trial else [], fixed=True)
    if (common := frame["split"] == "eval").any():
        frame = frame[common]
    return frame.drop_duplicates(["kind", "picture_hash"], keep="last")


def _uris(frame: pd.DataFrame, kind: str) -> dict[str, str]:
    frame = frame[frame["kind"] == kind]
    return {
        digest: f"data:image/webp;base64,{base64.b64encode(data).decode()}"
        for digest, data in zip(frame["picture_hash"], frame["webp"], strict=True)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    }


def comparison_data(info: ComparisonInfo) -> dict[str, Any]:
    """A comparison as JSON-able data, without NaN."""
    numbers = ("n", "mean", "low", "high", "seconds", "spent", "trials", "scored")
    return {
        "sweeps": [one.name for one in info.summaries],
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
            for one in info.summaries
        ],
        "pairs": [
            {
                **{"one": pair.first, "other": pair.second, "paired": pair.paired},
                **{name: json_number(getattr(pair, name)) for name in ("mean", "low", "high", "p")},
                "verdict": pair.verdict,
            }
            for pair in info.pairs
        ],
    }
