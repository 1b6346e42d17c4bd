"""The answers of a compared design: one per dimension, from differences between paired seeds."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from scipy import stats

from colornet.cli_result import count_text
from reports.analysis.levels import ComparedLevels, Interaction, compare_levels, interactions
from reports.analysis.lost_trials import LostTrials, lost_at, lost_text, lost_trials, lost_where
from reports.analysis.statistics import LEVEL, Difference, PValues, replicates_needed
from reports.answers.answer import Answer
from reports.format import (
    amount_text,
    comparison_text,
    difference_text,
    listed,
    p_text,
    setting_text,
)
from reports.tables import Column, SweepTables

SEEDS = "paired seeds"


class CompareResults(NamedTuple):
    """Everything that is tested in a compared design, with p adjusted for all of it.

    Attributes:
        difference: the least that matters; None if the study names none.
        p: by (worse, dimension, level, level), (same, dimension, level, level), (pair, dimension,
            dimension) and (lost, number).
    """

    column: Column
    difference: float | None
    levels: dict[str, ComparedLevels]
    interactions: tuple[Interaction, ...]
    lost: tuple[LostTrials, ...]
    p: PValues


class Sorted(NamedTuple):
    """The levels of a dimension by what is shown of them beside the best one.

    Attributes:
        worse: {level: (the best level that is shown to be better, level)}.
        same: shown to differ by less than what matters.
        unclear: neither.
    """

    worse: dict[str, tuple[str, str]]
    same: list[str]
    unclear: list[str]


def compare_answers(sweep: SweepTables, rows: pd.DataFrame, column: Column) -> list[Answer]:
    """One answer per dimension; `rows` as of `SweepTables.outcomes`."""
    results = compare_results(sweep, rows, column)
    return [_answer(results, dimension.name) for dimension in sweep.dimensions]


def compare_results(sweep: SweepTables, rows: pd.DataFrame, column: Column) -> CompareResults:
    """Compare levels, look for interactions, and adjust every p for all others."""
    wanted = sweep.least_difference(column.name)
    scored = rows[rows["kind"] == "scored"]
    levels = {
        dimension.name: compare_levels(dimension.name, sweep.dimensions, scored, column.sign)
        for dimension in sweep.dimensions
    }
    lost = lost_trials(sweep, rows)
    crossed = interactions(sweep.dimensions, scored)
    p: dict[tuple[str, ...], float] = {}
    for name, compared in levels.items():
        for sides, other in compared.differences.items():
            p["worse", name, *sides] = other.p
            if wanted and other.n > 1:
                p["same", name, *sides] = _p_same(other, wanted)
    p |= {("pair", pair.first, pair.second): pair.p for pair in crossed}
    p |= {("lost", str(at)): region.p for at, region in enumerate(lost)}
    return CompareResults(column, wanted, levels, tuple(crossed), tuple(lost), PValues(p))


def _p_same(other: Difference, wanted: float) -> float:
    """That the difference is as large as what matters, in either direction.

    Two one-sided tests (Schuirmann 1987): the larger of their p, t = (wanted - |mean|) / error.
    """
    room, error = wanted - abs(other.mean), other.sd / math.sqrt(other.n)
    if not other.paired:
        error *= math.sqrt(2)
    return float(stats.t.sf(room / error, other.n - 1)) if error > 0 else float(room <= 0)


def _answer(results: CompareResults, name: str) -> Answer:
    compared = results.levels[name]
    lost = lost_where(results.lost, results.p, name)
    lost_texts = [lost_text(where) for where in lost]
    if len(compared.levels) < 2:
        return _nothing_compared(compared, lost_texts)
    best, n = compared.levels[0], max(other.n for other in compared.differences.values())
    levels = _sorted(results, compared)
    needed = _needed(results, compared, levels.unclear)
    depends = _dependences(results, name)
    texts = _texts(results, compared, levels, needed)
    if lost and levels.same and not (levels.worse or levels.unclear):
        texts = [f"Where trainings finish: {texts[0][:1].lower()}{texts[0][1:]}"]
    verdict = "equivalent" if levels.same and not levels.unclear else "unclear"
    if levels.worse or lost:
        verdict = "effect"
    if depends:
        verdict = "depends"
    sides = min(
        levels.worse.values() or [(best, level) for level in compared.levels[1:]],
        key=lambda sides: results.p["worse", name, *sides],
    )
    other, p = compared.differences[sides], results.p["worse", name, *sides]
    if not levels.worse:
        other = simultaneous(other, len(compared.differences))
        if lost:
            p = min(where.p for where in lost)
    better, worse = (compared.text(side) for side in sides)
    setting = [_setting(compared, levels), lost_at(lost)]
    return Answer(
        dimension=name,
        verdict=verdict,
        sentence=". ".join([*texts, *depends, *lost_texts]) + ".",
        n=n,
        counted=SEEDS,
        setting="; ".join(text for text in setting if text),
        contrast=f"{worse} - {better}",
        estimate=other.mean,
        low=other.low,
        high=other.high,
        p=p,
        needed=needed,
    )


def _sorted(results: CompareResults, compared: ComparedLevels) -> Sorted:
    name, best = compared.dimension, compared.levels[0]
    levels = Sorted({}, [], [])
    for at, level in enumerate(compared.levels[1:], start=1):
        better = [
            (other, level)
            for other in compared.levels[:at]
            if compared.differences[other, level].mean * results.column.sign > 0
            and results.p.is_significant("worse", name, other, level)
        ]
        if better:
            levels.worse[level] = better[0]
        elif results.p.is_significant("same", name, best, level):
            levels.same.append(level)
        else:
            levels.unclear.append(level)
    return levels


def simultaneous(other: Difference, pairs: int) -> Difference:
    """A difference with the interval that holds for all pairs at once.

    Where nothing is shown, the largest gap is reported, which was found by looking. Bonferroni
    (Dunn 1961): the quantile t(1 - (1 - level) / 2k) instead of t(1 - (1 - level) / 2); wider than
    Dunnett's or Tukey's, and right for any dependence between the k differences.
    """
    freedom = max(other.n - 1, 1)
    ratio = stats.t.isf((1 - LEVEL) / 2 / max(pairs, 1), freedom) / stats.t.isf(
        (1 - LEVEL) / 2, freedom
    )
    low, high = (other.mean + ratio * (end - other.mean) for end in (other.low, other.high))
    return other._replace(low=low, high=high)


def _nothing_compared(compared: ComparedLevels, lost_texts: list[str]) -> Answer:
    if lost_texts:
        return Answer(compared.dimension, "effect", f"{'. '.join(lost_texts)}.", 0, SEEDS)
    text = "Not enough data: no seed has trained the full budget at two settings of it."
    if len(compared.settings) == 1:
        level = compared.text(next(iter(compared.settings)))
        text = f"Not enough data: only {level} has trainings of the full budget."
    return Answer(compared.dimension, "unclear", text, 0, SEEDS)


def _texts(
    results: CompareResults, compared: ComparedLevels, levels: Sorted, needed: int | None
) -> list[str]:
    best, texts = compared.text(compared.levels[0]), []
    if levels.worse and not levels.unclear and not levels.same:
        texts.append(f"{best} is best")
    texts += [_worse_text(results, compared, *sides) for sides in levels.worse.values()]
    if levels.same and results.difference:
        least = amount_text(results.difference, results.column)
        lead = "No visible effect: " if not levels.worse and not levels.unclear else ""
        names = listed([compared.text(level) for level in levels.same])
        texts.append(f"{lead}{names} within {least} of {best}")
    if levels.unclear:
        texts.append(_unclear_text(results, compared, levels, needed))
    return texts


def _worse_text(results: CompareResults, compared: ComparedLevels, better: str, level: str) -> str:
    other = compared.differences[better, level]
    sides = compared.text(level), compared.text(better)
    words = comparison_text(*sides, *other[:3], results.column)
    text = f"{words} (p {p_text(results.p['worse', compared.dimension, better, level], '= ')})"
    if results.difference and max(abs(other.low), abs(other.high)) < results.difference:
        text += f", less than the {amount_text(results.difference, results.column)} that matters"
    return text


def _unclear_text(
    results: CompareResults, compared: ComparedLevels, levels: Sorted, needed: int | None
) -> str:
    best, sides = compared.levels[0], []
    for level in levels.unclear:
        other = simultaneous(compared.differences[best, level], len(compared.differences))
        numbers = difference_text(*other[:3], results.column)
        sides.append(f"{compared.text(level)} minus {compared.text(best)} {numbers}")
    text = f"{'Not told apart' if levels.worse else 'Not enough data'}: {'; '.join(sides)}"
    if needed is None or not results.difference:
        return text
    least = amount_text(results.difference, results.column)
    return (
        f"{text}; about {count_text(needed, 'more replicate')} would show a difference of {least}"
    )


def _needed(
    results: CompareResults, compared: ComparedLevels, unclear: Sequence[str]
) -> int | None:
    """Replicates to add; None where the study names no difference or they would have shown it."""
    counts = []
    questions = max(len(results.p), 1)
    for level in unclear:
        other = compared.differences[compared.levels[0], level]
        if results.difference and other.paired:
            whole = replicates_needed(results.difference, other.sd, alpha=(1 - LEVEL) / questions)
            counts += [whole - other.n] if whole else []
    return max(max(counts), 1) if counts else None


def _dependences(results: CompareResults, name: str) -> list[str]:
    texts = []
    for pair in results.interactions:
        key = ("pair", pair.first, pair.second)
        if name not in key[1:] or not results.p.is_significant(*key):
            continue
        other = pair.second if pair.first == name else pair.first
        text = f"Depends on {other} (p {p_text(results.p[key], '= ')})"
        if pair.first == name:
            sides = sorted(pair.where, key=lambda side: side[1].mean)
            first, second = map(setting_text, pair.levels)
            ends = [
                f"{comparison_text(second, first, *difference[:3], results.column)} where {other} "
                f"is {setting_text(setting)}"
                for setting, difference in (sides[0], sides[-1])
            ]
            text += f": {', '.join(ends)}"
        texts.append(text)
    return texts


def _setting(compared: ComparedLevels, levels: Sorted) -> str:
    """The best level where it is shown to be; what not to set it to where only that is shown."""
    if not levels.worse:
        return ""
    if levels.unclear:
        return f"not {listed([compared.text(level) for level in levels.worse])}"
    return listed([compared.text(level) for level in (compared.levels[0], *levels.same)])
