"""Where trainings diverge or run out of memory: regions of a dimension against the rest of it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from reports.analysis.design_matrix import FEWEST, Block, Region, block_of
from reports.analysis.effects import SPARE
from reports.analysis.regression import MIN_TRIALS, least_squares
from reports.analysis.statistics import is_significant
from reports.format import listed
from reports.tables import Dimension


class LostTrials(NamedTuple):
    """How many trainings were lost in a region of a dimension and outside of it.

    Attributes:
        p: two-sided, that as many are lost on both sides; not adjusted.
    """

    dimension: str
    region: Region
    lost: int
    trials: int
    lost_outside: int
    trials_outside: int
    p: float


def lost_trials(
    dimensions: Sequence[Dimension],
    points: Sequence[dict[str, Any]],
    lost: Sequence[bool],
    *,
    adaptive: bool,
) -> list[LostTrials]:
    """Every region of a dimension with enough trials, against the rest of those that have it.

    Fisher's exact test. A sampler that learns leaves what it takes to be bad regions of several
    dimensions at once; then a fit with the other dimensions must tell the sides apart too.

    Args:
        points: of all trials that ended.
        lost: which of them were lost.
        adaptive: whether a sampler that learns chose them.
    """
    is_lost = np.asarray(lost, dtype=bool)
    if not is_lost.any() or is_lost.all():
        return []
    blocks = {one.name: block_of(one, points, 1) for one in dimensions}
    counted = []
    for name, one in blocks.items():
        for region in _asked(one):
            inside, outside = region.inside, one.active & ~region.inside
            if min(inside.sum(), outside.sum()) < FEWEST:
                continue
            counts = [int(is_lost[inside].sum()), int(is_lost[outside].sum())]
            sizes = [int(inside.sum()), int(outside.sum())]
            table = [counts, [sizes[0] - counts[0], sizes[1] - counts[1]]]
            p = float(stats.fisher_exact(table).pvalue)
            if adaptive:
                others = [other for key, other in blocks.items() if key != name]
                p = max(p, _p_beside(region, one, others, is_lost))
            counted.append(LostTrials(name, region, counts[0], sizes[0], counts[1], sizes[1], p))
    return counted


def _asked(one: Block) -> list[Region]:
    """Outer thirds and a value beside the range, or each value."""
    if one.dimension.categorical:
        return list(one.regions)
    beside = [c.first[0] for c in one.contrasts if c.kind == "special"]
    return [region for region in one.regions if region.kind != "middle"] + beside


def _p_beside(region: Region, block: Block, others: list[Block], is_lost: np.ndarray) -> float:
    """That a region loses as many as the rest, all other dimensions being equal."""
    columns = [np.ones(len(is_lost)), region.inside.astype(float), block.active.astype(float)]
    blocks = [np.stack(columns, axis=1), *(one.columns for one in others)]
    design = np.concatenate(blocks, axis=1)
    if len(is_lost) < max(MIN_TRIALS, SPARE[1] * design.shape[1]):
        return 1.0
    fit = least_squares(design, is_lost.astype(float))
    p = fit.p_together([1]) if fit else math.nan
    return 1.0 if math.isnan(p) else p


def lost_where(
    lost: Sequence[LostTrials], p: Mapping[tuple[str, ...], float], name: str
) -> list[LostTrials]:
    """Regions of a dimension that are shown to lose more trainings than the rest of it.

    Args:
        p: adjusted, by ("lost", place in `lost`); what is returned has these.
    """
    return [
        one._replace(p=p["lost", str(at)])
        for at, one in enumerate(lost)
        if one.dimension == name
        and one.lost * one.trials_outside > one.lost_outside * one.trials
        and is_significant(p.get(("lost", str(at)), math.nan))
    ]


def lost_text(one: LostTrials) -> str:
    """How many were lost there and elsewhere."""
    place = f"At {one.region.text}" if one.region.kind == "value" else f"In {one.region.phrase}"
    return (
        f"{place} {one.lost} of {one.trials} trainings diverged or ran out of memory, against "
        f"{one.lost_outside} of {one.trials_outside} elsewhere"
    )


def lost_at(lost: Sequence[LostTrials]) -> str:
    """`many lost at 0.5`; nothing where none are."""
    return f"many lost at {listed([one.region.text for one in lost])}" if lost else ""
