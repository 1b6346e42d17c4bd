"""The answers of a compared design: one per dimension, from differences between paired seeds."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from scipy import stats

from colornet.cli_result import count_text
from reports.analysis.lost_trials import Lost, lost_at, lost_text, lost_trials, lost_where
from reports.analysis.paired_effects import Compared, Interaction, compare_levels, interactions
from reports.analysis.statistics import LEVEL, Difference, adjusted, replicates_needed, shown
from reports.answers.answer import Answer, answer
from reports.format import (
    amount_text,
    comparison_text,
    difference_text,
    listed,
    p_text,
    setting_text,
)
from reports.tables import Column, SweepTables
from search.core.ranking import LOST, deciding_metric

SEEDS = "paired seeds"
Key = tuple[str, ...]


class Findings(NamedTuple):
    """Everything that is asked of a compared design, with p adjusted for all of it.

    Attributes:
        difference: the least that matters, None where the study names none.
        p: by (worse, dimension, level, level), (same, dimension, level, level), (pair, dimension,
            dimension) and (lost, number).
    """

    column: Column
    difference: float | None
    levels: dict[str, Compared]
    pairs: tuple[Interaction, ...]
    lost: tuple[Lost, ...]
    p: dict[Key, float]


def compare_answers(sweep: SweepTables, rows: pd.DataFrame, column: Column) -> list[Answer]:
    """One answer per dimension; `rows` as of `reports.answers.answers.counted`."""
    found = find_compared(sweep, rows, column)
    return [_answer(found, one.name) for one in sweep.dimensions]


def find_compared(sweep: SweepTables, rows: pd.DataFrame, column: Column) -> Findings:
    """Compare levels, look for interactions, and adjust every p for all others."""
    study = sweep.records.study
    wanted = study.get("difference") if column.name == deciding_metric(study) else None
    scored = rows[rows["kind"] == "scored"]
    levels = {
        one.name: compare_levels(one.name, sweep.dimensions, scored, column.sign)
        for one in sweep.dimensions
    }
    ended = rows[rows["state"].isin(("completed", *LOST))]
    gone = ended["state"].isin(LOST).tolist()
    lost = lost_trials(sweep.dimensions, ended["point"].tolist(), gone, adaptive=False)
    pairs = interactions(sweep.dimensions, scored)
    family = _p_values(levels, pairs, lost, wanted)
    return Findings(column, wanted, levels, tuple(pairs), tuple(lost), adjusted(family))


def _p_values(
    levels: dict[str, Compared],
    pairs: Sequence[Interaction],
    lost: Sequence[Lost],
    wanted: float | None,
) -> dict[Key, float]:
    found: dict[Key, float] = {}
    for name, one in levels.items():
        for sides, other in one.differences.items():
            found["worse", name, *sides] = other.p
            if wanted and other.n > 1:
                found["same", name, *sides] = _p_same(other, wanted)
    found |= {("pair", one.first, one.second): one.p for one in pairs}
    found |= {("lost", str(at)): one.p for at, one in enumerate(lost)}
    return {key: p for key, p in found.items() if not math.isnan(p)}


def _p_same(other: Difference, wanted: float) -> float:
    """That the difference is as large as what matters, in either direction."""
    room, error = wanted - abs(other.mean), other.sd / math.sqrt(other.n)
    if not other.paired:
        error *= math.sqrt(2)
    return float(stats.t.sf(room / error, other.n - 1)) if error > 0 else float(room <= 0)


def _answer(found: Findings, name: str) -> Answer:
    one = found.levels[name]
    lost = lost_where(found.lost, found.p, name)
    gone = [lost_text(where) for where in lost]
    if len(one.levels) < 2:
        return _without(one, gone)
    best, n = one.levels[0], max(other.n for other in one.differences.values())
    worse = {level: _worse_than(found, one, level) for level in one.levels[1:]}
    worse = {level: sides for level, sides in worse.items() if sides}
    same = [
        level
        for level in one.levels[1:]
        if level not in worse and shown(_p(found, "same", name, best, level))
    ]
    unclear = [level for level in one.levels[1:] if level not in worse and level not in same]
    needed = _needed(found, one, unclear)
    depends = _depends(found, name)
    texts = _texts(found, one, worse, same, unclear, needed)
    if gone and same and not (worse or unclear):
        texts = [f"Where trainings finish: {texts[0][:1].lower()}{texts[0][1:]}"]
    verdict = "equivalent" if same and not unclear else "unclear"
    if worse or gone:
        verdict = "effect"
    if depends:
        verdict = "depends"
    sides = min(
        worse.values() or [(best, level) for level in one.levels[1:]],
        key=lambda sides: _p(found, "worse", name, *sides),
    )
    other = one.differences[sides]
    if not worse:
        other = simultaneous(other, len(one.differences))
    p = _p(found, "worse", name, *sides)
    if lost and not worse:
        p = min(where.p for where in lost)
    main = answer(name, verdict, ". ".join([*texts, *depends, *gone]) + ".", n, SEEDS)
    return main._replace(
        setting="; ".join(
            text for text in (_setting(found, one, worse, same, unclear), lost_at(lost)) if text
        ),
        contrast=f"{_text(one, sides[1])} - {_text(one, sides[0])}",
        estimate=other.mean,
        low=other.low,
        high=other.high,
        p=p,
        needed=needed,
    )


def simultaneous(other: Difference, pairs: int) -> Difference:
    """A difference with the interval that holds for all pairs at once (Bonferroni).

    Where nothing is shown, the largest gap is what is said, and it was found by looking.
    """
    freedom = max(other.n - 1, 1)
    ratio = stats.t.isf((1 - LEVEL) / 2 / max(pairs, 1), freedom) / stats.t.isf(
        (1 - LEVEL) / 2, freedom
    )
    low, high = (other.mean + ratio * (end - other.mean) for end in (other.low, other.high))
    return other._replace(low=low, high=high)


def _without(one: Compared, gone: list[str]) -> Answer:
    if gone:
        return answer(one.dimension, "effect", f"{'. '.join(gone)}.", 0, SEEDS)
    if len(one.settings) == 1:
        level = setting_text(next(iter(one.settings.values())))
        text = f"Not enough data: only {level} has trainings of the full budget."
        return answer(one.dimension, "unclear", text, 0, SEEDS)
    text = "Not enough data: no seed has trained the full budget at two settings of it."
    return answer(one.dimension, "unclear", text, 0, SEEDS)


def _p(found: Findings, *key: str) -> float:
    return found.p.get(key, math.nan)


def _worse_than(found: Findings, one: Compared, level: str) -> tuple[str, str] | None:
    """The best level than which one is shown to be worse, with it; None where there is none."""
    for better in one.levels[: one.levels.index(level)]:
        other = one.differences[better, level]
        worse = other.mean * found.column.sign > 0
        if worse and shown(_p(found, "worse", one.dimension, better, level)):
            return better, level
    return None


def _texts(
    found: Findings,
    one: Compared,
    worse: dict[str, tuple[str, str]],
    same: list[str],
    unclear: list[str],
    needed: int | None,
) -> list[str]:
    best, texts = one.levels[0], []
    if worse and not unclear and not same:
        texts.append(f"{_text(one, best)} is best")
    for sides in worse.values():
        texts.append(_apart(found, one, *sides))
    names = listed([_text(one, level) for level in same]) if same else ""
    if same and found.difference:
        least = amount_text(found.difference, found.column)
        lead = "No visible effect: " if not worse and not unclear else ""
        texts.append(f"{lead}{names} within {least} of {_text(one, best)}")
    if unclear:
        texts.append(_unclear_text(found, one, worse, unclear, needed))
    return texts


def _apart(found: Findings, one: Compared, better: str, level: str) -> str:
    other = one.differences[better, level]
    p = p_text(_p(found, "worse", one.dimension, better, level), "= ")
    sides = _text(one, level), _text(one, better)
    words = comparison_text(*sides, other.mean, other.low, other.high, found.column)
    small = ""
    if found.difference and max(abs(other.low), abs(other.high)) < found.difference:
        small = f", less than the {amount_text(found.difference, found.column)} that matters"
    return f"{words} (p {p}){small}"


def _unclear_text(
    found: Findings,
    one: Compared,
    worse: dict[str, tuple[str, str]],
    unclear: list[str],
    needed: int | None,
) -> str:
    best = one.levels[0]
    sides = []
    for level in unclear:
        other = simultaneous(one.differences[best, level], len(one.differences))
        numbers = difference_text(other.mean, other.low, other.high, found.column)
        sides.append(f"{_text(one, level)} minus {_text(one, best)} {numbers}")
    text = f"{'Not told apart' if worse else 'Not enough data'}: {'; '.join(sides)}"
    if needed is None or not found.difference:
        return text
    least = amount_text(found.difference, found.column)
    return (
        f"{text}; about {count_text(needed, 'more replicate')} would show a difference of {least}"
    )


def _needed(found: Findings, one: Compared, unclear: list[str]) -> int | None:
    """Replicates to add; None where the study names no difference or they would have shown it."""
    counts = []
    asked = max(len(found.p), 1)
    for level in unclear:
        other = one.differences[one.levels[0], level]
        if found.difference and other.paired:
            whole = replicates_needed(found.difference, other.sd, alpha=(1 - LEVEL) / asked)
            counts += [whole - other.n] if whole else []
    return max(max(counts), 1) if counts else None


def _depends(found: Findings, name: str) -> list[str]:
    texts = []
    for pair in found.pairs:
        if name not in pair[:2] or not shown(_p(found, "pair", pair.first, pair.second)):
            continue
        p = p_text(_p(found, "pair", pair.first, pair.second), "= ")
        other = pair.second if pair.first == name else pair.first
        text = f"Depends on {other} (p {p})"
        if pair.first == name:
            sides = sorted(pair.where, key=lambda side: side[1].mean)
            ends = [sides[0], sides[-1]]
            first, second = (setting_text(level) for level in pair.levels)
            said = [
                f"{comparison_text(second, first, *one[:3], found.column)} where {other} is "
                f"{setting_text(setting)}"
                for setting, one in ends
            ]
            text += f": {', '.join(said)}"
        texts.append(text)
    return texts


def _setting(
    found: Findings,
    one: Compared,
    worse: dict[str, tuple[str, str]],
    same: list[str],
    unclear: list[str],
) -> str:
    """The best level where it is shown to be; what not to set it to where only that is shown."""
    if not worse:
        return ""
    if not unclear:
        return listed([_text(one, level) for level in (one.levels[0], *same)])
    return f"not {listed([_text(one, level) for level in worse])}"


def _text(one: Compared, level: str) -> str:
    return setting_text(one.settings[level])
