"""Where trainings diverge or run out of memory: regions of a dimension against the rest of it."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from reports.analysis.design_matrix import FEWEST, Block, Region, block_of
from reports.analysis.effects import SPARE
from reports.analysis.regression import MIN_TRIALS, least_squares
from reports.analysis.statistics import PValues
from reports.format import listed
from reports.tables import SweepTables
from search.core.ranking import LOST
from spaces.dimensions import Dimension
from spaces.study import STARTUP_TRIALS, sampler_of_study


class LostTrials(NamedTuple):
    """How many trainings were lost in a region of a dimension and outside of it.

    Attributes:
        p: two-sided, of equal shares on both sides; not adjusted.
    """

    dimension: str
    region: Region
    lost: int
    trials: int
    lost_outside: int
    trials_outside: int
    p: float


def lost_trials(sweep: SweepTables, rows: pd.DataFrame) -> list[LostTrials]:
    """Where the trainings of a sweep are lost, among those that ended by themselves.

    Args:
        rows: as of `SweepTables.outcomes`.
    """
    ended = rows[rows["state"].isin(("completed", "pruned", *LOST))]
    learns = sampler_of_study(sweep.records.study) in STARTUP_TRIALS
    adaptive = learns and not sweep.is_comparison
    lost = ended["state"].isin(LOST).tolist()
    return lost_by_region(sweep.dimensions, ended["point"].tolist(), lost, adaptive=adaptive)


def lost_by_region(
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
    blocks = {axis.name: block_of(axis, points, 1) for axis in dimensions}
    counted = []
    for name, block in blocks.items():
        for region in _regions(block):
            inside, outside = region.inside, block.active & ~region.inside
            if min(inside.sum(), outside.sum()) < FEWEST:
                continue
            counts = [int(is_lost[inside].sum()), int(is_lost[outside].sum())]
            sizes = [int(inside.sum()), int(outside.sum())]
            table = [counts, [sizes[0] - counts[0], sizes[1] - counts[1]]]
            p = float(stats.fisher_exact(table).pvalue)
            if adaptive:
                others = [other for key, other in blocks.items() if key != name]
                p = max(p, _p_beside(region, block, others, is_lost))
            counted.append(LostTrials(name, region, counts[0], sizes[0], counts[1], sizes[1], p))
    return counted


def _regions(block: Block) -> list[Region]:
    """Outer thirds and a value beside the range, or each value."""
    if block.dimension.is_categorical:
        return list(block.regions)
    beside = [c.first[0] for c in block.contrasts if c.kind == "special"]
    return [region for region in block.regions if region.kind != "middle"] + beside


def _p_beside(region: Region, block: Block, others: list[Block], is_lost: np.ndarray) -> float:
    """p of a region losing as many as the rest, all other dimensions being equal."""
    columns = [np.ones(len(is_lost)), region.inside.astype(float), block.active.astype(float)]
    blocks = [np.stack(columns, axis=1), *(other.columns for other in others)]
    design = np.concatenate(blocks, axis=1)
    if len(is_lost) < max(MIN_TRIALS, SPARE[1] * design.shape[1]):
        return 1.0
    fit = least_squares(design, is_lost.astype(float))
    p = fit.p_together([1]) if fit else math.nan
    return 1.0 if math.isnan(p) else p


def lost_where(lost: Sequence[LostTrials], p: PValues, name: str) -> list[LostTrials]:
    """Regions of a dimension that are shown to lose more trainings than the rest of it.

    Args:
        p: adjusted, by ("lost", place in `lost`); what is returned has these.
    """
    return [
        region._replace(p=p["lost", str(at)])
        for at, region in enumerate(lost)
        if region.dimension == name
        and region.lost * region.trials_outside > region.lost_outside * region.trials
        and p.is_significant("lost", str(at))
    ]


def lost_text(where: LostTrials) -> str:
    """How many were lost there and elsewhere."""
    region = where.region
    side = f"At {region.text}" if region.kind == "value" else f"In {region.phrase}"
    return (
        f"{side} {where.lost} of {where.trials} trainings diverged or ran out of memory, against "
        f"{where.lost_outside} of {where.trials_outside} elsewhere"
    )


def lost_at(lost: Sequence[LostTrials]) -> str:
    """`many lost at 0.5`; empty without any."""
    return f"many lost at {listed([where.region.text for where in lost])}" if lost else ""
