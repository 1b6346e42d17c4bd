"""How fast the search improved: each trial, and the best up to then."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.charts import _style
from reports.format import value_text
from reports.tables import Column, SweepTables

ID, TITLE = "best-so-far", "Best so far"
GROUP, ORDER = "search", 10
GRID = ()
AGAINST = {"trials": "Trial number", "seconds": "Compute (training seconds of all trials)"}
FIELDS = {
    "scored": ["x", "value", "trial_id", "number"],
    "partial": ["x", "value", "trial_id", "number"],
    "failed": ["x", "trial_id", "state", "number"],
}
"""What is kept of trials of each kind."""


class BestSoFarInfo(NamedTuple):
    """Trials in the order of `against`.

    Attributes:
        scored, partial: (x, value, trial, its number) of trials with the full budget, with less.
        failed: (x, trial, state, its number).
        best: (x, best value so far) for each scored one; None before the first.
        trials: how many have the full budget; `scored` are fewer where there are too many.
        best_after: after how many of them the best was found, None without a best.
        unmet: how many of them miss the study's bounds and cannot be the best.
        lost: how many failed.
        left_out: the caption's sentence on trials that are not drawn.
    """

    objective: Column
    against: str
    scored: tuple[tuple[float, float, str, int], ...]
    partial: tuple[tuple[float, float, str, int], ...]
    failed: tuple[tuple[float, str, str, int], ...]
    best: tuple[tuple[float, float | None], ...]
    trials: int
    best_after: int | None
    unmet: int
    lost: int
    left_out: str
    baseline: float | None
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """Every objective, against trials and against compute.

    Nothing for a design that compares: its order is the study's, and a best of replicates is the
    luckiest of them.
    """
    if sweep.is_comparison:
        return []
    return [{**panel, "against": against} for panel in sweep.panels() for against in AGAINST]


def prepare(
    sweep: SweepTables, objective: str | None = None, against: str = "trials"
) -> BestSoFarInfo:
    """Values in order, and their running best over trials of equal budget.

    Args:
        objective: a metric column, by default the leading objective.
        against: `trials` (their number) or `seconds` (training seconds spent until each ended,
            those of all trials added up, in the order of ending).
    """
    column = sweep.column(objective or sweep.leading.name)
    rows = sweep.outcomes(column.name)
    if against == "seconds":
        rows = rows.sort_values(["ended", "number"], kind="stable")
        rows["x"] = rows["seconds"].fillna(0.0).cumsum()
    else:
        rows["x"] = rows["number"].astype(float)
    rows["feasible"] |= column.name != sweep.leading.name
    rows = rows[rows["kind"] != "none"]
    scored = rows["kind"] == "scored"
    values = (rows["value"] * column.sign).where(scored & rows["feasible"])
    rows["best"] = values.cummin().ffill() * column.sign
    steps = rows["best"].ne(rows["best"].shift()) & rows["best"].notna()
    drawn = _style.thinned(rows, column.sign, always=steps)
    points = {
        kind: tuple(drawn.loc[drawn["kind"] == kind, names].itertuples(index=False, name=None))
        for kind, names in FIELDS.items()
    }
    best = drawn.loc[drawn["kind"] == "scored", ["x", "best"]].itertuples(index=False, name=None)
    return BestSoFarInfo(
        objective=column,
        against=against,
        **points,
        best=tuple((x, None if np.isnan(value) else value) for x, value in best),
        trials=int(scored.sum()),
        best_after=int(scored[: int(np.flatnonzero(steps)[-1]) + 1].sum()) if steps.any() else None,
        unmet=int((scored & ~rows["feasible"]).sum()),
        lost=int((rows["kind"] == "failed").sum()),
        left_out=_style.left_out_text(len(drawn), len(rows)),
        baseline=sweep.baseline(column.name),
        missing="" if scored.any() else "No trial has finished with a comparable value yet.",
    )


def draw(info: BestSoFarInfo) -> go.Figure:
    """Points per trial under the falling (or rising) line of the best."""
    chart = _style.figure(AGAINST[info.against], info.objective.title)
    view = _style.view_range([point[1] for point in info.scored], [info.baseline])
    for name, points, color, kind in (
        ("trial", info.scored, _style.BLUE, "scored"),
        ("shorter training", info.partial, _style.SOFT, "partial"),
    ):
        trace = _style.marks(
            [(x, value, number, f"{t}: {value_text(value)}") for x, value, t, number in points],
            _style.trial_marker(len(info.scored), color, kind),
            view=view,
            name=name,
            cliponaxis=False,
            showlegend=bool(points),
        )
        chart.add_trace(trace)
    chart.add_scatter(
        x=np.array([x for x, _ in info.best]),
        y=np.array([value for _, value in info.best], dtype=float),
        mode="lines",
        name="best so far",
        line={"shape": "hv", "color": _style.VERMILLION, "width": 2.5},
        hovertemplate="best so far: %{y:.4g}<extra></extra>",
    )
    if info.failed:
        crosses = [(x, number, f"{trial}: {state}") for x, trial, state, number in info.failed]
        chart.add_trace(_style.failed_marks(crosses, view, info.objective.sign))
    _style.baseline_line(chart, info.baseline, view)
    chart.update_yaxes(range=view)
    return chart


def caption(info: BestSoFarInfo) -> str:
    """How many trials the line is based on."""
    text = f"{count_text(info.trials, 'trial')} of equal budget"
    if info.best_after is not None:
        text += f"; the best was found after {value_text(info.best_after)} of them"
    text += "."
    if info.unmet:
        text += f" {info.unmet} of them miss the study's bounds and cannot be the best."
    if info.lost:
        text += f" Crosses at the edge: {count_text(info.lost, 'trial')} without a result."
    return text + info.left_out


def table(info: BestSoFarInfo) -> pd.DataFrame:
    """Value and best so far of each comparable trial."""
    return pd.DataFrame(
        {
            "trial": [point[2] for point in info.scored],
            AGAINST[info.against]: [point[0] for point in info.scored],
            info.objective.title: [point[1] for point in info.scored],
            "best so far": [value for _, value in info.best],
        }
    )
