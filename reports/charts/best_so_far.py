"""How fast the search found what it found: each trial, and the best up to then."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from reports import drawing
from reports.tables import Column, SweepTables, count_text, value_text

ID, TITLE, SHORT = "best-so-far", "Best so far", "Best so far"
GRID = ()
AGAINST = {"trials": "Trial number", "seconds": "Compute (training seconds of all trials)"}


class BestSoFarInfo(NamedTuple):
    """Trials in the order of `against`.

    Attributes:
        scored, partial: (x, value, trial) of trials with the full budget, with less.
        failed: (x, trial, state).
        best: (x, best value so far) for each scored one; None as long as there is none.
        unmet: how many of the scored miss the study's bounds and cannot be the best.
    """

    objective: Column
    against: str
    scored: tuple[tuple[float, float, str], ...]
    partial: tuple[tuple[float, float, str], ...]
    failed: tuple[tuple[float, str, str], ...]
    best: tuple[tuple[float, float | None], ...]
    unmet: int
    baseline: float | None
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """Every objective, against trials and against compute."""
    return [
        {"objective": objective.name, "against": against}
        for objective in sweep.objectives
        for against in AGAINST
    ]


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
    rows["feasible"] = sweep.searched["feasible"] | (column.name != sweep.leading.name)
    scored = rows[rows["kind"] == "scored"]
    best = (scored["value"] * column.sign).where(scored["feasible"]).cummin().ffill() * column.sign
    failed = rows[rows["kind"] == "failed"]
    return BestSoFarInfo(
        objective=column,
        against=against,
        scored=_triples(scored, "value", "trial_id"),
        partial=_triples(rows[rows["kind"] == "partial"], "value", "trial_id"),
        failed=_triples(failed, "trial_id", "state"),
        best=_pairs(scored["x"], best),
        unmet=int((~scored["feasible"]).sum()),
        baseline=sweep.baseline(column.name),
        missing="" if len(scored) else "No trial has finished with a comparable value yet.",
    )


def _triples(rows: pd.DataFrame, second: str, third: str) -> tuple:
    return tuple(zip(rows["x"].tolist(), rows[second].tolist(), rows[third].tolist(), strict=True))


def _pairs(x: pd.Series, values: pd.Series) -> tuple[tuple[float, float | None], ...]:
    known = [None if np.isnan(value) else float(value) for value in values]
    return tuple(zip(x.tolist(), known, strict=True))


def draw(info: BestSoFarInfo) -> go.Figure:
    """Points per trial under the falling (or rising) line of the best."""
    chart = drawing.figure(AGAINST[info.against], info.objective.title)
    shown = drawing.view_range([value for _, value, _ in info.scored], [info.baseline])
    for name, points, symbol in (
        ("trial", info.scored, "circle"),
        ("shorter training", info.partial, "circle-open"),
    ):
        values = [value for _, value, _ in points]
        chart.add_scatter(
            x=np.array([x for x, _, _ in points]),
            y=drawing.inside(values, shown),
            text=[f"{trial}: {value_text(value)}" for _, value, trial in points],
            mode="markers",
            name=name,
            marker={
                "size": drawing.marker_size(len(info.scored)),
                "color": drawing.BLUE if symbol == "circle" else drawing.SOFT,
                "opacity": 0.75,
                "symbol": drawing.symbols(values, shown, symbol),
            },
            hovertemplate="%{text}<extra></extra>",
            showlegend=bool(points),
        )
    chart.add_scatter(
        x=np.array([x for x, _ in info.best]),
        y=[value for _, value in info.best],
        mode="lines",
        name="best so far",
        line={"shape": "hv", "color": drawing.VERMILLION, "width": 2.5},
        hovertemplate="best so far: %{y:.4g}<extra></extra>",
    )
    if info.failed:
        names = [f"{trial}: {state}" for _, trial, state in info.failed]
        x = [x for x, _, _ in info.failed]
        chart.add_trace(drawing.failed_marks(x, names, shown, info.objective.sign))
    drawing.baseline_line(chart, info.baseline, shown)
    chart.update_yaxes(range=shown)
    return chart


def caption(info: BestSoFarInfo) -> str:
    """How many trials the line stands on."""
    if info.missing:
        return ""
    text = f"{count_text(len(info.scored), 'trial')} of equal budget"
    steps = [value for _, value in info.best]
    if steps and steps[-1] is not None:
        text += f"; the best was found after {1 + steps.index(steps[-1])} of them"
    text += "."
    if info.unmet:
        text += f" {info.unmet} of them miss the study's bounds and cannot be the best."
    if info.failed:
        text += f" Crosses at the edge: {count_text(len(info.failed), 'trial')} without a result."
    return text


def table(info: BestSoFarInfo) -> pd.DataFrame:
    """Value and best so far of each comparable trial."""
    return pd.DataFrame(
        {
            "trial": [trial for _, _, trial in info.scored],
            AGAINST[info.against]: [x for x, _, _ in info.scored],
            info.objective.title: [value for _, value, _ in info.scored],
            "best so far": [value for _, value in info.best],
        }
    )
