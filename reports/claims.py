"""An answer of a study, and how differences are put into words."""

import math
from collections.abc import Hashable, Mapping
from typing import NamedTuple, TypeVar

from reports.decision import interval_text
from reports.statistics import LEVEL, holm
from reports.tables import Column, value_text

Key = TypeVar("Key", bound=Hashable)
VERDICTS = {
    "effect": "effect",
    "depends": "depends",
    "equivalent": "no visible effect",
    "unclear": "not enough data",
    "not asked": "not asked",
}
"""What an answer can be, and what the page calls it."""


class Answer(NamedTuple):
    """What a sweep says about one dimension.

    Attributes:
        verdict: of VERDICTS: `effect` (shown), `depends` (on another dimension), `equivalent` (any
            difference is shown to be smaller than what matters), `unclear`, `not asked` (the trials
            do not differ in it).
        sentence: plain text, without the dimension's name.
        setting: what to set it to, as far as that is shown; else empty.
        contrast: what `estimate` is the difference of: `A - B`; empty without one.
        estimate, low, high: of the metric, in its unit, with a 95 % interval; NaN without one.
        n: trials of equal budget, or paired seeds, as `counted` says.
        p: that there is no difference, adjusted for everything that was asked of the sweep.
        needed: about how many more would show the least difference that matters; None where that
            is not known or not wanted.
    """

    dimension: str
    verdict: str
    sentence: str
    setting: str
    contrast: str
    estimate: float
    low: float
    high: float
    n: int
    counted: str
    p: float
    needed: int | None


def answer(dimension: str, verdict: str, sentence: str, n: int, counted: str) -> Answer:
    """An answer without an estimate."""
    nan = math.nan
    return Answer(dimension, verdict, sentence, "", "", nan, nan, nan, n, counted, nan, None)


def adjusted(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """By Holm over all that are asked of one sweep: at most 5 % of sweeps say anything false."""
    return dict(zip(p_values, holm(list(p_values.values())), strict=True))


def shown(p: float) -> bool:
    """Whether an adjusted p is one to claim something by."""
    return p < 1 - LEVEL


def amount_text(estimate: float, low: float, high: float, column: Column) -> str:
    """`1.30 [0.90, 1.70] Lab units`, of a difference."""
    unit = "" if column.unit.startswith("of ") else column.unit
    numbers = interval_text(estimate, low, high, "+").replace("+", "")
    return f"{numbers} {unit}".strip()


def least_text(difference: float, column: Column) -> str:
    """`0.2 Lab units`."""
    unit = "" if column.unit.startswith("of ") else column.unit
    return f"{value_text(float(f'{difference:.2g}'))} {unit}".strip()


def apart(first: str, second: str, estimate: float, low: float, high: float, column: Column) -> str:
    """`A is worse than B by 1.30 [0.90, 1.70] Lab units`; the estimate is of A minus B."""
    word = "worse" if estimate * column.sign >= 0 else "better"
    if estimate < 0:
        estimate, low, high = -estimate, -high, -low
    return f"{first} is {word} than {second} by {amount_text(estimate, low, high, column)}"


def listed(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
