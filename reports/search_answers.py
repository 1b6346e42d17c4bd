"""The answers of a search: one per dimension, from trials of equal budget."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from reports.claims import Answer, adjusted, amount_text, answer, apart, least_text, listed, shown
from reports.levels import p_text
from reports.lost_trials import Lost, lost_trials
from reports.regression import drawn_in
from reports.search_effects import (
    Effect,
    Model,
    Pair,
    effect_where,
    effects,
    fit_search,
    joined,
    p_best_inside,
    p_joined,
    pairs,
    trials_needed,
)
from reports.statistics import LEVEL
from reports.tables import Column, Dimension, SweepTables, value_text
from reports.terms import Contrast, Region
from search.ranking import LOST, deciding_metric

SPREAD_SHARE = 0.25
"""Of the trials' standard deviation: the least difference that matters where a study names none."""
POWER = 0.8
TRIALS = "trials"
Key = tuple[str, ...]


class Findings(NamedTuple):
    """Everything that is asked of a search, with p adjusted for all of it.

    Attributes:
        p: by (effect, dimension, number), (same, dimension), (inside, dimension), (pair, dimension,
            dimension) and (lost, number).
    """

    column: Column
    model: Model
    effects: dict[str, tuple[Effect, ...]]
    pairs: tuple[Pair, ...]
    lost: tuple[Lost, ...]
    p: dict[Key, float]
    count: int


def search_answers(sweep: SweepTables, rows: pd.DataFrame, column: Column) -> list[Answer]:
    """One answer per dimension; `rows` as of `reports.answers.counted`."""
    scored = rows[rows["kind"] == "scored"]
    points, values = scored["point"].tolist(), scored["value"].to_numpy(dtype=float)
    model = fit_search(sweep.dimensions, points, values, _difference(sweep, values, column))
    lost = _lost(sweep, rows)
    if model is None or np.ptp(values) == 0:
        return _too_little(sweep.dimensions, points, values, lost, column)
    found = find(model, lost, column)
    return [_answer(found, dimension, points) for dimension in sweep.dimensions]


def _difference(sweep: SweepTables, values: np.ndarray, column: Column) -> float:
    study = sweep.records.study
    if column.name == deciding_metric(study) and study.get("difference"):
        return float(study["difference"])
    return SPREAD_SHARE * float(drawn_in(values).std(ddof=1)) if len(values) > 1 else 0.0


def _lost(sweep: SweepTables, rows: pd.DataFrame) -> list[Lost]:
    ended = rows[~rows["state"].isin(("running", "cancelled", "preempted", "failed", "stalled"))]
    return lost_trials(
        sweep.dimensions,
        ended["point"].tolist(),
        ended["state"].isin(LOST).tolist(),
        adaptive=sweep.records.study.get("sampler") == "tpe",
    )


def find(model: Model, lost: Sequence[Lost], column: Column) -> Findings:
    """Estimate, look for interactions, and adjust every p for all others."""
    asked = pairs(model)
    family = _p_values(model, lost, column) | {("pair", *one[:2]): one.p for one in asked}
    together = adjusted(family)
    chosen = [one for one in asked if shown(together["pair", one.first, one.second])]
    model = joined(model, chosen)
    if model.joined:
        sure = [one._replace(p=max(one.p, p_joined(model, one))) for one in chosen]
        left = {(one.first, one.second): one for one in sure}
        asked = [left.get((one.first, one.second), one) for one in asked]
        family = _p_values(model, lost, column) | {("pair", *one[:2]): one.p for one in asked}
        together = adjusted(family)
    known = {name: effects(model, name) for name in model.terms}
    return Findings(column, model, known, tuple(asked), tuple(lost), together, len(family))


def _p_values(model: Model, lost: Sequence[Lost], column: Column) -> dict[Key, float]:
    found: dict[Key, float] = {}
    for name in model.terms:
        known = effects(model, name)
        found |= {("effect", name, str(at)): one.p for at, one in enumerate(known)}
        if known and _whole(model, name):
            found["same", name] = max(one.same for one in known)
            found["inside", name] = p_best_inside(model, name, column.sign)
    found |= {("lost", str(at)): one.p for at, one in enumerate(lost)}
    return {key: p for key, p in found.items() if not math.isnan(p)}


def _whole(model: Model, name: str) -> bool:
    """Whether all is asked that would have to be nothing for a dimension to be without effect."""
    one = model.terms[name]
    if len(effects(model, name)) < len(one.contrasts):
        return False
    kinds = {contrast.kind for contrast in one.contrasts}
    if one.dimension.categorical:
        return len(one.regions) == len(one.dimension.choices)
    few = one.dimension.whole and len(one.regions) == 2
    beside = one.dimension.special is None or "special" in kinds
    return ("bend" in kinds or few) and beside


def _answer(found: Findings, dimension: Dimension, points: list[dict[str, Any]]) -> Answer:
    name, known = dimension.name, found.effects[dimension.name]
    active = [point[name] for point in points if name in point]
    gone = _lost_texts(found, name)
    if not known:
        return _without(dimension, active, gone)
    p_values = [found.p.get(("effect", name, str(at)), math.nan) for at in range(len(known))]
    at = int(np.nanargmin(p_values)) if any(math.isfinite(p) for p in p_values) else 0
    claimed = [(one, p) for one, p in zip(known, p_values, strict=True) if shown(p)]
    texts = _shown_texts(found, name, claimed)
    depends = _depends(found, name)
    needed = None
    if depends:
        verdict, texts = "depends", [*texts, *depends]
    elif claimed:
        verdict = "effect"
    elif shown(found.p.get(("same", name), math.nan)):
        verdict, texts = "equivalent", [_same_text(found, dimension)]
    else:
        verdict = "effect" if gone else "unclear"
        needed = _needed(found, known, len(active))
        texts = [_unclear_text(found, known[at], needed)]
    main = answer(name, verdict, ". ".join([*texts, *gone]) + ".", len(active), TRIALS)
    return main._replace(
        setting=_setting(found, name, claimed),
        contrast=_contrast_text(known[at].contrast),
        estimate=known[at].estimate,
        low=known[at].low,
        high=known[at].high,
        p=p_values[at],
        needed=needed,
    )


def _without(dimension: Dimension, active: list[Any], gone: list[str]) -> Answer:
    """No contrast can be asked of it: the trials do not differ enough."""
    count = len(active)
    if gone:
        return answer(dimension.name, "effect", f"{'. '.join(gone)}.", count, TRIALS)
    if not active:
        return answer(dimension.name, "not asked", "No trial has it.", 0, TRIALS)
    if all(value == active[0] for value in active):
        text = f"Every trial that has it is at {value_text(active[0])}."
        return answer(dimension.name, "not asked", text, count, TRIALS)
    text = f"Not enough data: {count} trials, too few of them in all regions but one."
    return answer(dimension.name, "unclear", text, count, TRIALS)


def _too_little(
    dimensions: Sequence[Dimension],
    points: list[dict[str, Any]],
    values: np.ndarray,
    lost: list[Lost],
    column: Column,
) -> list[Answer]:
    """Answers where nothing can be fitted; where trainings are lost may still be plain."""
    together = adjusted({("lost", str(at)): one.p for at, one in enumerate(lost)})
    needed = trials_needed(dimensions, points) - len(points)
    if not len(points):
        text = "Not enough data: no trial has trained its full budget."
    elif len(points) > 1 and np.ptp(values) == 0 and needed <= 0:
        text = f"All {len(points)} trials have the same {column.label}, so it shows nothing."
    else:
        trials = f"{len(points)} trial{'s' if len(points) > 1 else ''} of equal budget"
        needed = max(needed, 1)
        text = f"Not enough data: {trials}; at least {needed} more are needed to say anything."
    found = []
    for one in dimensions:
        gone = [_lost_text(l) for at, l in enumerate(lost)
                if l.dimension == one.name and _more_lost(l) and shown(together["lost", str(at)])]  # fmt: skip
        count = sum(one.name in point for point in points)
        whole = f"{'. '.join([text.rstrip('.'), *gone])}."
        made = answer(one.name, "effect" if gone else "unclear", whole, count, TRIALS)
        found.append(made._replace(needed=max(needed, 1) if len(points) and needed > 0 else None))
    return found


def _shown_texts(
    found: Findings, name: str, claimed: Sequence[tuple[Effect, float]]
) -> list[str]:
    inside = shown(found.p.get(("inside", name), math.nan))
    texts = []
    for one, p in sorted(claimed, key=lambda pair: pair[1]):
        kind, better = one.contrast.kind, one.estimate * found.column.sign < 0
        lead = ""
        if kind == "trend" and not inside:
            lead = f"{'higher' if better else 'lower'} is better: "
        if kind == "bend" and inside:
            lead = "best inside the range: "
        text = f"{lead}{_apart(one, found.column)} (p {_equals(p)})"
        texts.append(_capital(text) if kind in ("trend", "bend") else text)
    return texts


def _capital(text: str) -> str:
    """A sentence that begins with words of ours; a setting stays as it is written."""
    return text[:1].upper() + text[1:]


def _apart(one: Effect, column: Column) -> str:
    first, second = one.contrast.first, one.contrast.second
    sides = _phrase(first), _phrase(second)
    return apart(*sides, one.estimate, one.low, one.high, column)


def _phrase(regions: tuple[Region, ...]) -> str:
    if len(regions) == 1:
        return regions[0].phrase
    if regions[0].kind != "value":
        return f"the mean of the outer thirds ({listed([one.text for one in regions])})"
    return f"the mean of {listed([one.text for one in regions])}"


def _contrast_text(contrast: Contrast) -> str:
    sides = (contrast.first, contrast.second)
    return " - ".join(_phrase(side) for side in sides)


def _equals(p: float) -> str:
    text = p_text(p)
    return text if text.startswith("<") else f"= {text}"


def _same_text(found: Findings, dimension: Dimension) -> str:
    least = least_text(found.model.difference, found.column)
    if dimension.categorical:
        return f"No visible effect: its values differ from the mean of the others by less than {least}"
    text = "upper and lower third of its range, and middle and outer thirds,"
    return f"No visible effect: {text} differ by less than {least}"


def _unclear_text(found: Findings, one: Effect, needed: int | None) -> str:
    numbers = amount_text(one.estimate, one.low, one.high, found.column)
    least = least_text(found.model.difference, found.column)
    text = f"{_contrast_text(one.contrast).replace(' - ', ' minus ')}: {numbers}"
    if needed is None:
        return f"No effect shown: {text}; a difference of {least} would probably have been seen"
    return (
        f"Not enough data: {text}; about {needed:,} more trials would show a difference of {least}"
    )


def _needed(found: Findings, known: Sequence[Effect], count: int) -> int | None:
    """Trials to add so that each difference that matters is probably shown; None if it were now."""
    error = max(one.error for one in known)
    reach = stats.norm.isf((1 - LEVEL) / 2 / max(found.count, 1)) + stats.norm.ppf(POWER)
    if not found.model.difference > 0:
        return None
    size = float(reach * error / found.model.difference) ** 2
    whole = math.ceil(len(found.model.values) * size) - len(found.model.values)
    return whole if whole > 0 else None


def _depends(found: Findings, name: str) -> list[str]:
    """On which others it depends, and what it does at their ends."""
    texts = []
    for pair in found.pairs:
        if name not in pair[:2] or not shown(found.p["pair", pair.first, pair.second]):
            continue
        other = pair.second if pair.first == name else pair.first
        contrasts = [c for c in found.model.terms[name].contrasts if c.kind in ("trend", "level")]
        if not contrasts or (pair.first, pair.second) not in found.model.joined:
            continue
        sides = [effect_where(found.model, name, one, other) for one in contrasts]
        spread = [np.ptp([effect.estimate for _, effect in side]) if side else 0 for side in sides]
        where = sorted(sides[int(np.argmax(spread))], key=lambda side: side[1].estimate)
        ends = where[:1] + where[-1:] if len(where) > 1 else where
        p = _equals(found.p["pair", pair.first, pair.second])
        said = [
            f"{_apart(effect, found.column)} where {other} is "
            f"{f'in {region.phrase}' if region.kind != 'value' else region.text}"
            for region, effect in ends
        ]
        texts.append(f"Depends on {other} (p {p}): {', '.join(said)}")
    return texts


def _lost_texts(found: Findings, name: str) -> list[str]:
    return [
        _lost_text(one)
        for at, one in enumerate(found.lost)
        if one.dimension == name
        and _more_lost(one)
        and shown(found.p.get(("lost", str(at)), math.nan))
    ]


def _more_lost(one: Lost) -> bool:
    return one.lost * one.trials_outside > one.lost_outside * one.trials


def _lost_text(one: Lost) -> str:
    place = f"At {one.region.text}" if one.region.kind == "value" else f"In {one.region.phrase}"
    return (
        f"{place} {one.lost} of {one.trials} trainings diverged or ran out of memory, against "
        f"{one.lost_outside} of {one.trials_outside} elsewhere"
    )


def _setting(found: Findings, name: str, claimed: Sequence[tuple[Effect, float]]) -> str:
    """What is shown to be better: a third of the range, a value, or what it is not."""
    sign = found.column.sign
    if shown(found.p.get(("inside", name), math.nan)):
        return next(r.text for r in found.model.terms[name].regions if r.kind == "middle")
    for one, _ in sorted(claimed, key=lambda pair: pair[1]):
        better, worse = one.contrast.first, one.contrast.second
        if one.estimate * sign > 0:
            better, worse = worse, better
        if len(better) == 1:
            return better[0].text
        if len(worse) == 1 and worse[0].kind == "value":
            return f"not {worse[0].text}"
    return ""
