"""Two measures against each other, and the trials that no other beats in both.

Quality against quality, and quality against what it takes.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.charts import _style
from reports.format import value_text
from reports.tables import SPENT, Column, SweepTables

ID, TITLE = "pareto", "Quality against quality and compute"
GROUP, ORDER = "search", 30
GRID = ()
JOIN = " × "
COMPUTE = ("cost_training_gmac_per_picture", "cost_gmac_per_picture")
"""What a picture takes, of training and of the model: worth a look where trials differ."""
QUALITIES = ("ab_mae", "colorfulness_gap", "auc_rebalanced", "ssim")
"""The leading objective is also shown against the first two other ones of these: what minimizes
the error in color may wash it out."""
BESIDE = 2
RATIO = 10.0
"""Largest over smallest value from which on an axis is logarithmic, of what is never negative."""


class Mark(NamedTuple):
    """One trial's values."""

    x: float
    y: float
    trial: str
    number: int


class ParetoInfo(NamedTuple):
    """The points of one pair of measures.

    `front`: the points of equal budget that no other beats, by x; `others` of equal budget;
    `partial` of shorter trainings. `trials` is how many have an equal budget; `left_out` says that
    not all of them are drawn.
    """

    x: Column
    y: Column
    front: tuple[Mark, ...]
    others: tuple[Mark, ...]
    partial: tuple[Mark, ...]
    trials: int
    left_out: str
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """Every pair of objectives; the leading one against compute, and against other qualities."""
    names = [objective.name for objective in sweep.objectives]
    leading = sweep.leading.name
    time = "gpu_seconds" if np.isfinite(sweep.last_values("gpu_seconds")).any() else "seconds"
    prefix = leading.partition("_")[0]
    others = [f"{prefix}_{name}" for name in QUALITIES]
    others = [name for name in others if name not in names and _varies(sweep, name)]
    pairs = [
        *combinations(names, 2),
        (time, leading),
        *((cost, leading) for cost in COMPUTE if cost not in names and _varies(sweep, cost)),
        *((leading, other) for other in others[:BESIDE]),
    ]
    return [{"pair": JOIN.join(pair)} for pair in pairs]


def _varies(sweep: SweepTables, column: str) -> bool:
    values = sweep.last_values(column).to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    return len(values) > 1 and bool(np.ptp(values) > 1e-9 * np.abs(values).max())


def prepare(sweep: SweepTables, pair: str | None = None) -> ParetoInfo:
    """The two metrics of each trial, and the front among those of equal budget.

    Args:
        pair: two metric columns joined by ` × `, by default the first pair of `each`.
    """
    x, y = (sweep.column(name) for name in (pair or each(sweep)[0]["pair"]).split(JOIN))
    rows = sweep.outcomes(x.name).assign(other=sweep.outcomes(y.name)["value"])
    rows = rows[np.isfinite(rows["value"]) & np.isfinite(rows["other"])]
    rows = rows[rows["kind"].isin(["scored", "partial"])].sort_values(["value", "number"])
    scored = rows["kind"] == "scored"
    front = _front(_points(rows[scored]), x.sign, y.sign)
    on_front = rows["number"].isin([point.number for point in front])
    drawn = _style.thinned(rows, x.sign, always=on_front)
    behind = drawn[~on_front[drawn.index]]
    return ParetoInfo(
        x=x,
        y=y,
        front=front,
        others=_points(behind[behind["kind"] == "scored"]),
        partial=_points(behind[behind["kind"] == "partial"]),
        trials=int(scored.sum()),
        left_out=_style.left_out_text(len(drawn), len(rows)),
        missing="" if scored.any() else "No trial has finished with comparable values yet.",
    )


def _points(rows: pd.DataFrame) -> tuple[Mark, ...]:
    fields = ["value", "other", "trial_id", "number"]
    return tuple(map(Mark._make, rows[fields].itertuples(index=False, name=None)))


def _front(points: tuple[Mark, ...], x_sign: int, y_sign: int) -> tuple[Mark, ...]:
    """The points that no other beats, by x: one pass in the order of the first metric."""
    # Sorted by x, a point is on the front when its y is better than that of all before it.
    front: list[Mark] = []
    for point in sorted(points, key=lambda p: (x_sign * p.x, y_sign * p.y)):
        last = front[-1] if front else None
        if last is None or y_sign * point.y < y_sign * last.y or point[:2] == last[:2]:
            front.append(point)
    return tuple(sorted(front))


def draw(info: ParetoInfo) -> go.Figure:
    """The front as a line of filled points; shorter trainings hollow."""
    chart = _style.figure(info.x.title, info.y.title, height=380, showlegend=True)
    comparable = (*info.front, *info.others)
    for name, points, color, kind in (
        ("shorter training", info.partial, _style.SOFT, "partial"),
        ("trial", info.others, _style.BLUE, "scored"),
        ("front: nothing beats it in both", info.front, _style.VERMILLION, "scored"),
    ):
        if not points:
            continue
        on_front = points is info.front
        marker = _style.trial_marker(len(info.others), color, kind)
        if on_front:
            marker |= {"size": 8, "opacity": 1.0}
        trace = _style.marks(
            [
                (p.x, p.y, p.number, f"{p.trial}: {value_text(p.x)}, {value_text(p.y)}")
                for p in points
            ],
            marker,
            mode="lines+markers" if on_front else "markers",
            name=name,
            line={"color": color, "width": 1.5},
        )
        chart.add_trace(trace)
    chart.update_xaxes(**_axis(info.x, [point.x for point in comparable]), showgrid=True)
    chart.update_yaxes(**_axis(info.y, [point.y for point in comparable]))
    return chart


def _axis(column: Column, values: list[float]) -> dict[str, object]:
    """The part of an axis that comparable trials fill; logarithmic for costs of several sizes."""
    cost = column.name in SPENT or column.name.startswith("cost_")
    if cost and values and min(values) > 0 and max(values) > RATIO * min(values):
        return _style.log_axis(min(values) / 1.15, max(values) * 1.15)
    return {"range": _style.view_range(values)}


def caption(info: ParetoInfo) -> str:
    """How many trials are on the front, of how many."""
    trials = count_text(info.trials, "trial")
    goals = " and ".join(
        f"{'lower' if c.sign > 0 else 'higher'} {c.label} is better" for c in (info.x, info.y)
    )
    return (
        f"{len(info.front)} of {trials} of equal budget are on the front; {goals}.{info.left_out}"
    )


def table(info: ParetoInfo) -> pd.DataFrame:
    """Both values per trial."""
    kinds = (("front", info.front), ("behind it", info.others), ("shorter", info.partial))
    rows = [(p.trial, p.x, p.y, kind) for kind, points in kinds for p in points]
    return pd.DataFrame(rows, columns=["trial", info.x.title, info.y.title, "place"])
