"""The answers of a search: one per dimension, from trials of equal budget.

All tests are made first and their p values adjusted together; then each dimension is answered in
words.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from colornet.cli_result import count_text
from reports.analysis.effects import (
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
from reports.analysis.least_difference import least_difference
from reports.analysis.lost_trials import LostTrials, lost_at, lost_text, lost_trials, lost_where
from reports.analysis.ranks import Direction, direction
from reports.analysis.statistics import LEVEL, POWER, PValues, is_significant
from reports.answers.answer import Answer
from reports.format import (
    amount_text,
    comparison_text,
    difference_text,
    interval_text,
    p_text,
    setting_text,
)
from reports.tables import Column, SweepTables
from spaces.dimensions import Dimension

TRIALS = "trials"
HOPELESS = 4
"""Beyond this many times the present trials, more trials are no answer."""


class SearchResults(NamedTuple):
    """Everything that is tested in a search, with p adjusted for all of it.

    Attributes:
        directions: of ordered dimensions with trials enough.
        p: by (effect, dimension, number), (same, dimension), (inside, dimension), (direction,
            dimension), (pair, dimension, dimension) and (lost, number).
    """

    column: Column
    model: Model
    effects: dict[str, tuple[Effect, ...]]
    directions: dict[str, Direction]
    pairs: tuple[Pair, ...]
    lost: tuple[LostTrials, ...]
    p: PValues


def search_answers(sweep: SweepTables, rows: pd.DataFrame, column: Column) -> list[Answer]:
    """One answer per dimension; `rows` as of `SweepTables.outcomes`."""
    scored = rows[rows["kind"] == "scored"]
    points, values = scored["point"].tolist(), scored["value"].to_numpy(dtype=float)
    model = fit_search(sweep.dimensions, points, values, least_difference(sweep, values, column))
    lost = lost_trials(sweep, rows)
    if model is None or np.ptp(values) == 0:
        return _too_few(sweep.dimensions, points, values, lost, column)
    results = search_results(model, lost, column)
    return [_answer(results, dimension, points) for dimension in sweep.dimensions]


def search_results(model: Model, lost: Sequence[LostTrials], column: Column) -> SearchResults:
    """Estimate, look for interactions, and adjust every p for all others.

    Interactions that are shown join the model, which changes the other estimates. What was chosen
    by its p is tested again within that model, and keeps the larger of the two.
    """
    tested_pairs = pairs(model)
    by_name = {name: direction(model, name) for name in model.blocks}
    directions = {name: rank for name, rank in by_name.items() if rank is not None}
    p = _p_values(model, lost, column, directions, tested_pairs)
    chosen = [pair for pair in tested_pairs if p.is_significant("pair", pair.first, pair.second)]
    model = joined(model, chosen)
    if model.joined:
        tested = {pair[:2]: pair._replace(p=max(pair.p, p_joined(model, pair))) for pair in chosen}
        tested_pairs = [tested.get(pair[:2], pair) for pair in tested_pairs]
        p = _p_values(model, lost, column, directions, tested_pairs)
    estimated = {name: effects(model, name) for name in model.blocks}
    return SearchResults(column, model, estimated, directions, tuple(tested_pairs), tuple(lost), p)


def _p_values(
    model: Model,
    lost: Sequence[LostTrials],
    column: Column,
    directions: dict[str, Direction],
    crossed: Sequence[Pair],
) -> PValues:
    p: dict[tuple[str, ...], float] = {}
    for name in model.blocks:
        estimated = effects(model, name)
        p |= {("effect", name, str(at)): effect.p for at, effect in enumerate(estimated)}
        if estimated and _asks_everything(model, name, len(estimated)):
            p["same", name] = max(effect.same for effect in estimated)
            p["inside", name] = p_best_inside(model, name, column.sign)
    p |= {("lost", str(at)): region.p for at, region in enumerate(lost)}
    p |= {("direction", name): rank.p for name, rank in directions.items()}
    return PValues(p | {("pair", pair.first, pair.second): pair.p for pair in crossed})


def _asks_everything(model: Model, name: str, estimated: int) -> bool:
    """Whether every contrast is tested that must vanish for a dimension to be without effect."""
    block = model.blocks[name]
    if estimated < len(block.contrasts):
        return False
    kinds = {contrast.kind for contrast in block.contrasts}
    if block.dimension.is_categorical:
        return len(block.regions) == len(block.dimension.choices)
    few = block.dimension.spacing is not None and len(block.regions) == 2
    beside = not block.dimension.special or "special" in kinds
    return ("bend" in kinds or few) and beside


def _answer(results: SearchResults, dimension: Dimension, points: list[dict[str, Any]]) -> Answer:
    name, estimated = dimension.name, results.effects[dimension.name]
    active = [point[name] for point in points if name in point]
    lost = lost_where(results.lost, results.p, name)
    lost_texts = [lost_text(where) for where in lost]
    if not estimated:
        return _no_contrast(dimension, active, lost_texts)
    p_values = [results.p["effect", name, str(at)] for at in range(len(estimated))]
    at = int(np.nanargmin(p_values)) if any(math.isfinite(p) for p in p_values) else 0
    significant = [(e, p) for e, p in zip(estimated, p_values, strict=True) if is_significant(p)]
    significant.sort(key=lambda pair: pair[1])
    depends, needed, p = _dependences(results, name), None, p_values[at]
    settings = [_best_setting(results, name, [effect for effect, _ in significant]), lost_at(lost)]
    if depends:
        verdict, texts = "depends", [*_effect_texts(results, name, significant), *depends]
    elif significant:
        verdict, texts = "effect", _effect_texts(results, name, significant)
    elif results.p.is_significant("same", name):
        verdict, texts = "equivalent", [_same_text(results, dimension)]
    elif results.p.is_significant("direction", name):
        # As the ranks have it: below 0 the metric falls as the setting rises.
        upwards = results.directions[name].rho * results.column.sign < 0
        settings.insert(0, "higher" if upwards else "lower")
        verdict, texts = "effect", [_direction_text(results, name, estimated[at], settings[0])]
        p = results.p["direction", name]
    else:
        verdict, p = ("effect", min(where.p for where in lost)) if lost else ("unclear", p)
        needed = _needed(results, estimated)
        texts = [_unclear_text(results, estimated[at], needed)]
    return Answer(
        dimension=name,
        verdict=verdict,
        sentence=". ".join([*texts, *lost_texts]) + ".",
        n=len(active),
        counted=TRIALS,
        setting="; ".join(filter(None, settings)),
        contrast=" - ".join(estimated[at].contrast.sides),
        estimate=estimated[at].estimate,
        low=estimated[at].low,
        high=estimated[at].high,
        p=p,
        needed=needed,
    )


def _no_contrast(dimension: Dimension, active: list[Any], lost_texts: list[str]) -> Answer:
    """No contrast can be tested: the trials do not differ enough."""
    count, verdict = len(active), "not asked"
    if lost_texts:
        verdict, sentence = "effect", f"{'. '.join(lost_texts)}."
    elif not active:
        sentence = "No trial has it."
    elif all(value == active[0] for value in active):
        sentence = f"Every trial that has it is at {setting_text(active[0])}."
    else:
        trials = count_text(count, "trial")
        verdict = "unclear"
        sentence = f"Not enough data: {trials}, too few of them in all regions but one."
    return Answer(dimension.name, verdict, sentence, count, TRIALS)


def _too_few(
    dimensions: Sequence[Dimension],
    points: list[dict[str, Any]],
    values: np.ndarray,
    lost: list[LostTrials],
    column: Column,
) -> list[Answer]:
    """Answers where nothing can be fitted; where trainings are lost may still be shown."""
    p = PValues({("lost", str(at)): region.p for at, region in enumerate(lost)})
    needed = trials_needed(dimensions, points) - len(points)
    if not len(points):
        sentence = "Not enough data: no trial has trained its full budget"
    elif len(points) > 1 and np.ptp(values) == 0 and needed <= 0:
        sentence = f"All {len(points)} trials have the same {column.label}, so it shows nothing"
    else:
        trials = count_text(len(points), "trial")
        more = max(needed, 1)
        sentence = f"Not enough data: {trials} of equal budget; at least {more} more are needed"
    made = []
    for dimension in dimensions:
        lost_texts = [lost_text(where) for where in lost_where(lost, p, dimension.name)]
        answer = Answer(
            dimension=dimension.name,
            verdict="effect" if lost_texts else "unclear",
            sentence=". ".join([sentence, *lost_texts]) + ".",
            n=sum(dimension.name in point for point in points),
            counted=TRIALS,
            needed=needed if len(points) and needed > 0 else None,
        )
        made.append(answer)
    return made


def _needed(results: SearchResults, estimated: Sequence[Effect]) -> int | None:
    """Trials to add so that each difference that matters is probably shown; None if none.

    An error falls with the root of the number of trials, and a test at level a with power b needs
    (z(1 - a/2) + z(b)) errors within the difference (Cohen 1988, ch. 2); a is divided by the number
    of questions, as Holm's first step does.
    """
    if not results.model.difference > 0:
        return None
    error = max(effect.error for effect in estimated)
    reach = stats.norm.isf((1 - LEVEL) / 2 / max(len(results.p), 1)) + stats.norm.ppf(POWER)
    size = float(reach * error / results.model.difference) ** 2
    whole = math.ceil(len(results.model.values) * size) - len(results.model.values)
    return whole if whole > 0 else None


def _effect_texts(
    results: SearchResults, name: str, significant: Sequence[tuple[Effect, float]]
) -> list[str]:
    """A sentence per effect that is shown, with its p."""
    inside = results.p.is_significant("inside", name)
    texts = []
    for effect, p in significant:
        kind, better = effect.contrast.kind, effect.estimate * results.column.sign < 0
        lead = ""
        if kind == "trend" and not inside:
            lead = f"{'higher' if better else 'lower'} is better: "
        if kind == "bend" and inside:
            lead = "best inside the range: "
        words = comparison_text(*effect.contrast.sides, *effect[1:4], results.column)
        text = f"{lead}{words} (p {p_text(p, '= ')})"
        # A setting stays as it is written.
        texts.append(text[:1].upper() + text[1:] if kind in ("trend", "bend") else text)
    return texts


def _difference_text(results: SearchResults, effect: Effect) -> str:
    amount = difference_text(*effect[1:4], results.column)
    return f"{' minus '.join(effect.contrast.sides)}: {amount}"


def _direction_text(results: SearchResults, name: str, effect: Effect, better: str) -> str:
    """That a direction is shown, and how little is known of the amount."""
    rank = results.directions[name]
    rho = interval_text(rank.rho, rank.low, rank.high, digits=2)
    p = p_text(results.p["direction", name], "= ")
    return (
        f"{better.capitalize()} is better in the order of the {rank.n} trials "
        f"(rank correlation {rho}, the other dimensions allowed for, p {p}); by how much is not "
        f"shown ({_difference_text(results, effect)})"
    )


def _same_text(results: SearchResults, dimension: Dimension) -> str:
    """That all differences are smaller than what matters."""
    least = amount_text(results.model.difference, results.column)
    text = "upper and lower third of its range, and middle and outer thirds, differ"
    if dimension.is_categorical:
        text = "its values differ from the mean of the others"
    return f"No visible effect: {text} by less than {least}"


def _unclear_text(results: SearchResults, effect: Effect, needed: int | None) -> str:
    """What is known of an effect that is not shown, and what would show it."""
    text = _difference_text(results, effect)
    least = amount_text(results.model.difference, results.column)
    if needed is None:
        return f"No effect shown: {text}; a difference of {least} would probably have been seen"
    more = count_text(needed, "more trial")
    if needed > HOPELESS * len(results.model.values):
        return (
            f"Not enough data: {text}; a search would take about {more} to show a "
            f"difference of {least}: compare a few values with paired seeds (design: compare)"
        )
    return f"Not enough data: {text}; about {more} would show a difference of {least}"


def _dependences(results: SearchResults, name: str) -> list[str]:
    """On which others it depends, and what it does at their ends."""
    texts = []
    for pair in results.pairs:
        key = (pair.first, pair.second)
        if name not in key or not results.p.is_significant("pair", *key):
            continue
        other = pair.second if pair.first == name else pair.first
        block = results.model.blocks[name]
        contrasts = [c for c in block.contrasts if c.kind in ("trend", "level")]
        if not contrasts or key not in results.model.joined:
            continue
        sides = [effect_where(results.model, name, contrast, other) for contrast in contrasts]
        spread = [np.ptp([effect.estimate for _, effect in side]) if side else 0 for side in sides]
        where = sorted(sides[int(np.argmax(spread))], key=lambda side: side[1].estimate)
        ends = []
        for region, effect in where[:1] + where[-1:] if len(where) > 1 else where:
            words = comparison_text(*effect.contrast.sides, *effect[1:4], results.column)
            if ends:  # the sides are those of the first
                word = "worse" if " is worse than " in words else "better"
                words = f"{word} by {words.rpartition(' by ')[2]}"
            side = region.text if region.kind == "value" else f"in {region.phrase}"
            ends.append(f"{words} where {other} is {side}")
        p = p_text(results.p["pair", *key], "= ")
        texts.append(f"Depends on {other} (p {p}): {', '.join(ends)}")
    return texts


def _best_setting(results: SearchResults, name: str, significant: Sequence[Effect]) -> str:
    """What is shown to be better: a part of the range, a value, or what it is not."""
    sign = results.column.sign
    kinds = {effect.contrast.kind: effect for effect in significant}
    middle = "bend" in kinds and kinds["bend"].estimate * sign > 0
    if middle and ("trend" not in kinds or results.p.is_significant("inside", name)):
        return kinds["bend"].contrast.second[0].text
    if "trend" in kinds:
        trend = kinds["trend"]
        upper, lower = trend.contrast.first[0], trend.contrast.second[0]
        best = upper if trend.estimate * sign < 0 else lower
        if middle:  # not shown which of the two is the better one
            other = kinds["bend"].contrast.second[0]
            low, high = min(best.low, other.low), max(best.high, other.high)
            return best._replace(low=low, high=high).text
        return best.text
    for effect in significant:
        better, worse = effect.contrast.first, effect.contrast.second
        if effect.estimate * sign > 0:
            better, worse = worse, better
        if len(better) == 1 and better[0].kind in ("value", "tried"):
            return better[0].text
        if len(worse) == 1 and worse[0].kind == "value":
            return f"not {worse[0].text}"
    return ""
