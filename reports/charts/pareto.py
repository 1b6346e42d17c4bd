"""Two objectives against each other, and the trials that no other beats in both."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from reports import drawing
from reports.sampling import left_out_text, thinned
from reports.tables import Column, SweepTables, count_text, value_text

ID, TITLE, SHORT = "pareto", "Objectives against each other", "Trade-off"
GRID = ()
JOIN = " × "
Point = tuple[float, float, str, int]


class ParetoInfo(NamedTuple):
    """Points are (x, y, trial, its number); `front` those that no other of equal budget beats.

    `trials` is how many have an equal budget; `left_out` says that not all of them are drawn.
    """

    x: Column
    y: Column
    front: tuple[Point, ...]
    others: tuple[Point, ...]
    partial: tuple[Point, ...]
    trials: int
    left_out: str
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """Every pair of objectives; nothing with a single one."""
    names = [objective.name for objective in sweep.objectives]
    return [{"pair": JOIN.join(pair)} for pair in combinations(names, 2)]


def prepare(sweep: SweepTables, pair: str | None = None) -> ParetoInfo:
    """The two metrics of each trial, and the front among those of equal budget.

    Args:
        pair: two metric columns joined by ` × `, by default the first two objectives.
    """
    names = pair.split(JOIN) if pair else [o.name for o in sweep.objectives][:2]
    x, y = (sweep.column(name) for name in (names * 2)[:2])
    rows = sweep.outcomes(x.name).assign(other=sweep.outcomes(y.name)["value"])
    rows = rows[np.isfinite(rows["value"]) & np.isfinite(rows["other"])]
    rows = rows[rows["kind"].isin(["scored", "partial"])]
    scored = rows["kind"] == "scored"
    front = _front(_points(rows[scored].sort_values(["value", "number"])), x.sign, y.sign)
    on_front = rows["number"].isin([point[3] for point in front])
    drawn = thinned(rows, x.sign, always=on_front)
    behind = drawn[(drawn["kind"] == "scored") & ~on_front[drawn.index]]
    return ParetoInfo(
        x=x,
        y=y,
        front=front,
        others=_points(behind.sort_values(["value", "number"])),
        partial=_points(drawn[drawn["kind"] == "partial"]),
        trials=int(scored.sum()),
        left_out=left_out_text(len(drawn), len(rows)),
        missing="" if scored.any() else "No trial has finished with comparable values yet.",
    )


def _points(rows: pd.DataFrame) -> tuple[Point, ...]:
    columns = (rows[name].tolist() for name in ("value", "other", "trial_id", "number"))
    return tuple(zip(*columns, strict=True))


def _front(points: tuple[Point, ...], x_sign: int, y_sign: int) -> tuple[Point, ...]:
    """The points that no other beats, by x: one pass in the order of the first metric."""
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (x_sign * p[0], y_sign * p[1])):
        last = front[-1] if front else None
        if last is None or y_sign * point[1] < y_sign * last[1] or point[:2] == last[:2]:
            front.append(point)
    return tuple(sorted(front))


def draw(info: ParetoInfo) -> go.Figure:
    """The front as a line of filled points; shorter trainings hollow."""
    chart = drawing.figure(info.x.title, info.y.title, height=380)
    shown_x = drawing.view_range([p[0] for p in (*info.front, *info.others)])
    shown_y = drawing.view_range([p[1] for p in (*info.front, *info.others)])
    for name, points, color, symbol, mode in (
        ("shorter training", info.partial, drawing.SOFT, "circle-open", "markers"),
        ("trial", info.others, drawing.BLUE, "circle", "markers"),
        (
            "front: nothing beats it in both",
            info.front,
            drawing.VERMILLION,
            "circle",
            "lines+markers",
        ),
    ):
        if not points:
            continue
        chart.add_scatter(
            x=np.array([point[0] for point in points]),
            y=np.array([point[1] for point in points]),
            **drawing.linked(point[3] for point in points),
            text=[f"{t}: {value_text(x)}, {value_text(y)}" for x, y, t, _ in points],
            mode=mode,
            name=name,
            line={"color": color, "width": 1.5},
            marker={"size": 8, "color": color, "symbol": symbol},
            hovertemplate="%{text}<extra></extra>",
        )
    chart.update_xaxes(range=shown_x, showgrid=True)
    chart.update_yaxes(range=shown_y)
    chart.update_layout(showlegend=True)
    return chart


def caption(info: ParetoInfo) -> str:
    """How many trials are on the front, of how many."""
    if info.missing:
        return ""
    front = len(info.front)
    text = f"{front} of {count_text(info.trials, 'trial')} of equal budget are on the front"
    goals = " and ".join(
        f"{'lower' if c.sign > 0 else 'higher'} {c.label} is better" for c in (info.x, info.y)
    )
    return f"{text}; {goals}.{info.left_out}"


def table(info: ParetoInfo) -> pd.DataFrame:
    """Both values per trial."""
    kinds = (("front", info.front), ("behind it", info.others), ("shorter", info.partial))
    rows = [(trial, x, y, kind) for kind, points in kinds for x, y, trial, _ in points]
    return pd.DataFrame(rows, columns=["trial", info.x.title, info.y.title, "place"])
