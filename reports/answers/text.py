"""What is found in a search, in words."""

import math
from collections.abc import Sequence

import numpy as np

from colornet.cli_result import count_text
from reports.analysis.design_matrix import Contrast, Region
from reports.analysis.effects import Effect, effect_where
from reports.analysis.lost_trials import lost_at, lost_where
from reports.analysis.statistics import shown
from reports.answers.search_tests import Findings
from reports.format import (
    amount_text,
    comparison_text,
    difference_text,
    interval_text,
    listed,
    p_text,
)
from reports.tables import Column, Dimension

HOPELESS = 4
"""Times the trials there are beyond which nobody adds what is missing."""


def shown_texts(found: Findings, name: str, claimed: Sequence[tuple[Effect, float]]) -> list[str]:
    inside = shown(found.p.get(("inside", name), math.nan))
    texts = []
    for one, p in sorted(claimed, key=lambda pair: pair[1]):
        kind, better = one.contrast.kind, one.estimate * found.column.sign < 0
        lead = ""
        if kind == "trend" and not inside:
            lead = f"{'higher' if better else 'lower'} is better: "
        if kind == "bend" and inside:
            lead = "best inside the range: "
        text = f"{lead}{_apart(one, found.column)} (p {p_text(p, '= ')})"
        texts.append(_capital(text) if kind in ("trend", "bend") else text)
    return texts


def _capital(text: str) -> str:
    """A sentence that begins with words of ours; a setting stays as it is written."""
    return text[:1].upper() + text[1:]


def _apart(one: Effect, column: Column) -> str:
    first, second = one.contrast.first, one.contrast.second
    sides = _phrase(first), _phrase(second)
    return comparison_text(*sides, one.estimate, one.low, one.high, column)


def _phrase(regions: tuple[Region, ...]) -> str:
    if len(regions) == 1:
        return regions[0].phrase
    if regions[0].kind != "value":
        return f"the mean of the outer thirds ({listed([one.text for one in regions])})"
    return f"the mean of {listed([one.text for one in regions])}"


def contrast_text(contrast: Contrast) -> str:
    sides = (contrast.first, contrast.second)
    return " - ".join(_phrase(side) for side in sides)


def better_way(found: Findings, name: str) -> str:
    """`lower` or `higher`, as the ranks have it."""
    return "lower" if found.directions[name].rho * found.column.sign > 0 else "higher"


def direction_text(found: Findings, name: str, one: Effect) -> str:
    """That a direction is plain, and how little is known of the amount."""
    way = found.directions[name]
    p = p_text(found.p["direction", name], "= ")
    amount = difference_text(one.estimate, one.low, one.high, found.column)
    rho = interval_text(way.rho, way.low, way.high, digits=2)
    return (
        f"{_capital(better_way(found, name))} is better in the order of the {way.n} trials (rank "
        f"correlation {rho}, the other dimensions allowed for, p {p}); by how much is not shown "
        f"({contrast_text(one.contrast).replace(' - ', ' minus ')}: {amount})"
    )


def same_text(found: Findings, dimension: Dimension) -> str:
    least = amount_text(found.model.difference, found.column)
    if dimension.categorical:
        return (
            f"No visible effect: its values differ from the mean of the others by less than {least}"
        )
    text = "upper and lower third of its range, and middle and outer thirds,"
    return f"No visible effect: {text} differ by less than {least}"


def unclear_text(found: Findings, one: Effect, needed: int | None) -> str:
    numbers = difference_text(one.estimate, one.low, one.high, found.column)
    least = amount_text(found.model.difference, found.column)
    text = f"{contrast_text(one.contrast).replace(' - ', ' minus ')}: {numbers}"
    if needed is None:
        return f"No effect shown: {text}; a difference of {least} would probably have been seen"
    more = count_text(needed, "more trial")
    if needed > HOPELESS * len(found.model.values):
        return (
            f"Not enough data: {text}; a search would take about {more} to show a "
            f"difference of {least}: compare a few values with paired seeds (design: compare)"
        )
    return f"Not enough data: {text}; about {more} would show a difference of {least}"


def dependences(found: Findings, name: str) -> list[str]:
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
        p = p_text(found.p["pair", pair.first, pair.second], "= ")
        said = []
        for region, effect in ends:
            where = region.text if region.kind == "value" else f"in {region.phrase}"
            words = _apart(effect, found.column)
            if said:  # the sides are those of the first
                word = "worse" if " is worse than " in words else "better"
                words = f"{word} by {words.rpartition(' by ')[2]}"
            said.append(f"{words} where {other} is {where}")
        texts.append(f"Depends on {other} (p {p}): {', '.join(said)}")
    return texts


def best_setting(found: Findings, name: str, claimed: Sequence[tuple[Effect, float]]) -> str:
    """What is shown to be better: a part of the range, a value, or what it is not; and where
    trainings are lost."""
    better = _better(found, name, [one for one, _ in sorted(claimed, key=lambda pair: pair[1])])
    lost = lost_at(lost_where(found.lost, found.p, name))
    return "; ".join(text for text in (better, lost) if text)


def _better(found: Findings, name: str, claimed: Sequence[Effect]) -> str:
    sign = found.column.sign
    kinds = {one.contrast.kind: one for one in claimed}
    middle = "bend" in kinds and kinds["bend"].estimate * sign > 0
    if middle and ("trend" not in kinds or shown(found.p.get(("inside", name), math.nan))):
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
    for one in claimed:
        better, worse = one.contrast.first, one.contrast.second
        if one.estimate * sign > 0:
            better, worse = worse, better
        if len(better) == 1 and better[0].kind in ("value", "tried"):
            return better[0].text
        if len(worse) == 1 and worse[0].kind == "value":
            return f"not {worse[0].text}"
    return ""
