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
from reports.analysis.best_regions import BestRegion, best_regions, likely_region
from reports.analysis.design_matrix import Block
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
from reports.analysis.multiplicity import gated, simes
from reports.analysis.ranks import Direction, direction
from reports.analysis.regression import MIN_TRIALS
from reports.analysis.statistics import LEVEL, POWER, PValues, is_significant
from reports.analysis.stopped_trials import CountedTrials, evidence
from reports.answers.answer import Answer, Answers
from reports.format import (
    amount_text,
    comparison_text,
    difference_text,
    interval_text,
    listed,
    p_text,
    percent_text,
    setting_text,
)
from reports.tables import Column, SweepTables
from search.core.ranking import LOST
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


def search_answers(sweep: SweepTables, rows: pd.DataFrame, column: Column) -> Answers:
    """One answer per dimension; `rows` as of `SweepTables.outcomes`."""
    counted, bets = evidence(sweep, rows, column.name)
    least = least_difference(sweep, counted.values, column)
    model = fit_search(sweep.dimensions, counted.points, counted.values, least, counted.finished)
    lost = lost_trials(sweep, rows)
    regions: dict[str, tuple[BestRegion, ...]] = {}
    if bets.values.shape[1] >= MIN_TRIALS and np.ptp(bets.values):
        failed = rows["point"][rows["state"].isin(LOST)].tolist()
        regions = best_regions(sweep.dimensions, bets.points, bets.values, failed, column.sign)
    if model is None or np.ptp(counted.values) == 0:
        made = _too_few(sweep.dimensions, counted, lost, column)
    else:
        results = search_results(model, lost, column)
        made = [_answer(results, dimension, counted) for dimension in sweep.dimensions]
    made = [
        _with_regions(answer, regions.get(answer.dimension, ()), least, column) for answer in made
    ]
    return Answers(tuple(made), counted)


def search_results(model: Model, lost: Sequence[LostTrials], column: Column) -> SearchResults:
    """Estimate, look for interactions, and adjust every p for all others.

    Interactions that are shown join the model, which changes the other estimates. What was chosen
    by its p is tested again within that model, and keeps the larger of the two.
    """
    tested_pairs = pairs(model)
    by_name = {name: direction(model, name) for name in model.blocks}
    directions = {name: rank for name, rank in by_name.items() if rank is not None}
    p = _p_values(model, lost, directions, tested_pairs, column.sign)
    chosen = [pair for pair in tested_pairs if p.is_significant("pair", pair.first, pair.second)]
    model = joined(model, chosen)
    if model.joined:
        tested = {pair[:2]: pair._replace(p=max(pair.p, p_joined(model, pair))) for pair in chosen}
        tested_pairs = [tested.get(pair[:2], pair) for pair in tested_pairs]
        p = _p_values(model, lost, directions, tested_pairs, column.sign)
    estimated = {name: effects(model, name) for name in model.blocks}
    return SearchResults(column, model, estimated, directions, tuple(tested_pairs), tuple(lost), p)


def _p_values(
    model: Model,
    lost: Sequence[LostTrials],
    directions: dict[str, Direction],
    crossed: Sequence[Pair],
    sign: int,
) -> PValues:
    """Adjusted p values, by name as in `SearchResults`."""
    gates: dict[tuple[str, ...], float] = {}
    groups: dict[tuple[str, ...], str] = {}
    inside: dict[tuple[str, ...], dict[tuple[str, ...], float]] = {}
    for name in model.blocks:
        estimated = effects(model, name)
        tests = {("effect", name, str(at)): effect.p for at, effect in enumerate(estimated)}
        by_rank = directions[name].p if name in directions else math.nan
        # Not the joint test of all its columns: of several polynomials it is too weak for one.
        gates["any", name] = simes([*tests.values(), by_rank])
        inside["any", name] = tests | {("direction", name): by_rank}
        if estimated and _asks_everything(model, name, len(estimated)):
            # That it does nothing and that it does enough to matter are never both true.
            gates["same", name] = max(effect.same for effect in estimated)
    gates |= {("pair", pair.first, pair.second): pair.p for pair in crossed}
    gates |= {("lost", str(at)): region.p for at, region in enumerate(lost)}
    for key in gates:
        groups[key] = key[1] if key[0] in ("any", "same") else " ".join(key)
    p = gated(gates, groups, inside)
    for name in model.blocks:
        bends = [at for at, c in enumerate(model.blocks[name].contrasts) if c.kind == "bend"]
        if bends and ("effect", name, str(bends[0])) in p:
            # Asked once the middle is shown to be apart from the mean of both sides.
            best_inside = p_best_inside(model, name, sign)
            p["inside", name] = max(best_inside, p["effect", name, str(bends[0])])
    return p


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


def _answer(results: SearchResults, dimension: Dimension, counted: CountedTrials) -> Answer:
    name, estimated = dimension.name, results.effects[dimension.name]
    active = [point[name] for point in counted.points if name in point]
    lost = lost_where(results.lost, results.p, name)
    lost_texts = [lost_text(where) for where in lost]
    p_values = [results.p["effect", name, str(at)] for at in range(len(estimated))]
    finite = [at for at, p in enumerate(p_values) if math.isfinite(p)]
    at = min(finite, key=lambda index: p_values[index]) if finite else 0
    effect = estimated[at] if estimated else None
    significant = [(e, p) for e, p in zip(estimated, p_values, strict=True) if is_significant(p)]
    significant.sort(key=lambda pair: pair[1])
    needed, p = None, p_values[at] if estimated else results.p["any", name]
    setting = _best_setting(results, name, [effect for effect, _ in significant])
    if depends := _dependences(results, name):
        verdict, texts = "depends", [*_effect_texts(results, name, significant), *depends]
    elif significant:
        verdict, texts = "effect", _effect_texts(results, name, significant)
    elif results.p.is_significant("same", name):
        verdict, texts = "equivalent", [_same_text(results, dimension)]
    elif results.p.is_significant("direction", name):
        # As the ranks have it: below 0 the metric falls as the setting rises.
        setting = "higher" if results.directions[name].rho * results.column.sign < 0 else "lower"
        verdict, texts = "effect", [_direction_text(results, name, effect, setting)]
        p = results.p["direction", name]
    elif results.p.is_significant("any", name):
        verdict, p = "effect", results.p["any", name]
        texts = [f"It has an effect (p {p_text(p, '= ')}), but which is not shown"]
    elif effect is None:
        return _no_contrast(dimension, active, lost_texts, counted, results.model.blocks[name])
    else:
        verdict, p = ("effect", min(where.p for where in lost)) if lost else ("unclear", p)
        needed = _needed(results, estimated)
        texts = [_unclear_text(results, effect, needed)]
    answer = Answer(
        dimension=name,
        verdict=verdict,
        sentence=". ".join([*texts, *lost_texts]) + ".",
        n=len(active),
        counted=TRIALS,
        setting="; ".join(filter(None, (setting, lost_at(lost)))),
        p=p,
        needed=needed,
    )
    if effect is None:
        return answer
    return answer._replace(
        contrast=" - ".join(effect.contrast.sides),
        estimate=effect.estimate,
        low=effect.low,
        high=effect.high,
    )


def _with_regions(
    answer: Answer, regions: tuple[BestRegion, ...], least: float, column: Column
) -> Answer:
    """An answer with where the best setting probably lies, said where nothing is shown."""
    answer = answer._replace(regions=regions)
    region = likely_region(regions, least)
    if answer.verdict != "unclear" or region is None:
        return answer
    others = [other for other in regions if other is not region and math.isfinite(other.loss)]
    costs = [
        f"{'at' if other.region.kind == 'value' else 'in'} {other.region.phrase} "
        f"by about {amount_text(other.loss, column)}"
        for other in sorted(others, key=lambda other: other.loss)
    ]
    open_text = answer.sentence.removeprefix("Not enough data: ").removeprefix("No effect shown: ")
    sentence = (
        f"Likely {region.region.text} ({percent_text(region.chance)}); elsewhere the best is "
        f"worse, {listed(costs)}. Not shown yet: {open_text}"
    )
    return answer._replace(verdict="likely", sentence=sentence, setting=region.region.text)


def _no_contrast(
    dimension: Dimension,
    active: list[Any],
    lost_texts: list[str],
    counted: CountedTrials,
    block: Block,
) -> Answer:
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
        if not block.is_tested:
            sentence = (
                f"Not enough data: {trials}, hardly any of which finished in a part of what was "
                "tried: what those that were stopped there would have come to is not tested."
            )
        if counted.uncounted:
            sentence += (
                f" What {count_text(counted.uncounted, 'more trial')} that stopped early would "
                f"have come to is not known, as {why_uncounted(counted)}: a search that stops none "
                "(stopping.rule=none) would show it."
            )
    return Answer(dimension.name, verdict, sentence, count, TRIALS)


def _too_few(
    dimensions: Sequence[Dimension],
    counted: CountedTrials,
    lost: list[LostTrials],
    column: Column,
) -> list[Answer]:
    """Answers where nothing can be fitted; where trainings are lost may still be shown."""
    points, values = counted.points, counted.values
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


def why_uncounted(counted: CountedTrials) -> str:
    """Why trials that were stopped early do not count: `as …`."""
    if counted.agreement is None:
        return "too few trials finished to learn from"
    if not counted.stopped:
        return "early values foretell too little of the end"
    return "too few trials have values of their last ticks"


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
    whole = math.ceil(len(results.model.design) * size) - len(results.model.design)
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


def _direction_text(results: SearchResults, name: str, effect: Effect | None, better: str) -> str:
    """That a direction is shown, and how little is known of the amount."""
    rank = results.directions[name]
    rho = interval_text(rank.rho, rank.low, rank.high, digits=2)
    p = p_text(results.p["direction", name], "= ")
    amount = f" ({_difference_text(results, effect)})" if effect else ""
    return (
        f"{better.capitalize()} is better in the order of the {rank.n} trials "
        f"(rank correlation {rho}, the other dimensions allowed for, p {p}); by how much is not "
        f"shown{amount}"
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
    if needed > HOPELESS * len(results.model.design):
        return (
            f"Not enough data: {text}; more trials of a search would hardly show a difference of "
            f"{least}: compare a few values with paired seeds (design: compare)"
        )
    more = count_text(needed, "more trial")
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
