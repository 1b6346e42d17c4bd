"""What a sweep says about one dimension of its study."""

import math
from typing import NamedTuple

from reports.analysis.best_regions import BestRegion
from reports.analysis.stopped_trials import CountedTrials

VERDICTS = {
    "effect": "effect",
    "depends": "depends",
    "likely": "likely",
    "equivalent": "no visible effect",
    "unclear": "not enough data",
    "not asked": "not asked",
}
"""What an answer can be, and what the page calls it."""


class Answer(NamedTuple):
    """What a sweep says about one dimension.

    Attributes:
        verdict: of VERDICTS: `effect` (shown), `depends` (on another dimension), `equivalent` (any
            difference is shown to be smaller than what matters), `likely` (not shown, but the best
            setting probably lies in one region), `unclear`, `not asked` (the trials do not differ
            in it).
        sentence: plain text, without the dimension's name.
        setting: what to set it to, as far as that is shown or likely; else empty.
        contrast: what `estimate` is the difference of: `A - B`; empty without one.
        estimate, low, high: of the metric, in its unit, with a 95% interval; NaN without one.
        n: trials of equal budget, or paired seeds, as `counted` says.
        p: of no difference, adjusted for everything that was tested in the sweep.
        needed: about how many more would show the least difference that matters; None where that
            is not known or not wanted.
        regions: where the best setting probably lies; empty where that is not known.
    """

    dimension: str
    verdict: str
    sentence: str
    n: int
    counted: str
    setting: str = ""
    contrast: str = ""
    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    needed: int | None = None
    regions: tuple[BestRegion, ...] = ()


class Answers(NamedTuple):
    """What a sweep says about each dimension, in the study's order, and from which trials."""

    dimensions: tuple[Answer, ...]
    counted: CountedTrials
