"""How trials ended and why, and what that cost and saved."""

import json
import re
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.charts import _style
from reports.format import (
    duration_text,
    first_line,
    large_text,
    percent_text,
    significant,
    value_text,
)
from reports.tables import STATES, SweepTables

ID, TITLE = "endings", "How trials ended, and why"
GROUP, ORDER = "search", 60
GRID = ()
NUMBER = re.compile(r"0x[0-9a-f]+|\d+(?:[.,:]\d+)*(?:e[-+]?\d+)?", re.IGNORECASE)
MAX_BARS = 20
LONGEST = 200
"""Characters of a reason in the table."""


class Ending(NamedTuple):
    """Trials of one state whose reasons differ by numbers at most.

    `reason` is the example's first line, `seconds` what they trained in all.
    """

    state: str
    reason: str
    trials: int
    example: str
    seconds: float


class Savings(NamedTuple):
    """What early stopping spared.

    Attributes:
        stopped: trials that were stopped early.
        images: pictures they did not train on any more.
        share: of what all trials would have trained on without stopping.
        seconds: of training, estimated: what is left of each at the speed it had.
        gpu_seconds: the same times its cards; 0 without.
    """

    stopped: int
    images: float
    share: float
    seconds: float
    gpu_seconds: float


class EndingsInfo(NamedTuple):
    """Groups of trials, by state in a fixed order and then the largest first."""

    endings: tuple[Ending, ...]
    trials: int
    savings: Savings
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """One figure."""
    return [{}]


def prepare(sweep: SweepTables) -> EndingsInfo:
    """Trials by state and reason, and what stopping spared."""
    rows = sweep.trials[["trial_id", "number", "state", "reason", "seconds"]]
    lines = [first_line(reason) for reason in rows["reason"]]
    rows = rows.assign(line=lines, group=[NUMBER.sub("#", line) for line in lines])
    endings = [
        Ending(
            state=str(trials["state"].iloc[0]),
            reason=str(trials["line"].iloc[0]),
            trials=len(trials),
            example=str(trials["trial_id"].iloc[0]),
            seconds=float(trials["seconds"].sum()),
        )
        for _, trials in rows.sort_values("number").groupby(["state", "group"], sort=False)
    ]
    order = {state: position for position, state in enumerate(STATES)}
    endings.sort(key=lambda e: (order.get(e.state, len(order)), e.state, -e.trials, e.reason))
    missing = "" if endings else "No trial has started yet."
    return EndingsInfo(tuple(endings), len(rows), savings(sweep), missing)


def savings(sweep: SweepTables) -> Savings:
    """What early stopping spared: pictures not trained on, and the time they would have taken."""
    trials = sweep.trials.assign(budget=_budgets(sweep))
    stopped = trials[(trials["state"] == "pruned") & (trials["images"] > 0)]
    # What is left of each at the speed it had: a trial's own, as pictures per second depend on what
    # the study varies.
    left = (stopped["budget"] - stopped["images"]).clip(lower=0).fillna(0.0)
    speed = stopped["seconds"] / stopped["images"]
    images = float(left.sum())
    trained = float(trials["images"].sum())
    cards = stopped["gpu_seconds"] / stopped["seconds"]
    return Savings(
        stopped=int((trials["state"] == "pruned").sum()),
        images=images,
        share=images / (images + trained) if images + trained else 0.0,
        seconds=float((left * speed).sum()),
        gpu_seconds=float((left * speed * cards).sum()),
    )


def _budgets(sweep: SweepTables) -> pd.Series:
    """Pictures that each stopped trial was to see: of its config, else what a whole one saw."""
    trials = sweep.trials
    configs = sweep.records.trials.set_index("trial_id")["config"]
    stopped = trials.loc[trials["state"] == "pruned", "trial_id"]
    settings = [json.loads(configs.get(trial) or "{}").get("training") or {} for trial in stopped]
    budgets = pd.Series([s.get("images") for s in settings], index=stopped.index, dtype=float)
    return budgets.fillna(trials.loc[trials["state"] == "completed", "images"].median())


def draw(info: EndingsInfo) -> go.Figure:
    """A bar per group under its name, so that long reasons leave room for bars on a phone."""
    endings = info.endings[:MAX_BARS]
    height = 70 + 38 * max(len(endings), 1)
    chart = _style.figure("Trials", "", height, margin={"l": 12})
    counts = np.array([ending.trials for ending in endings])
    chart.add_bar(
        y=np.arange(len(endings)),
        x=counts,
        orientation="h",
        width=0.34,
        marker={"color": [_style.ENDS.get(ending.state, _style.SOFT) for ending in endings]},
        text=list(map(value_text, counts)),
        textposition="outside",
        textfont={"size": 12, "color": _style.SOFT},
        hovertext=[_style.safe(ending.reason[:LONGEST]) for ending in endings],
        hovertemplate="%{x:,} × %{hovertext}<extra></extra>",
        cliponaxis=False,
    )
    for row, ending in enumerate(endings):
        name = f"{ending.state}: {ending.reason}" if ending.reason else ending.state
        chart.add_annotation(
            x=0,
            y=row - 0.4,
            text=_style.tick(name),
            showarrow=False,
            xanchor="left",
            xshift=-2,
            font={"size": 13, "color": _style.SOFT},
        )
    chart.update_yaxes(range=[len(endings) - 0.6, -0.8], visible=False)
    chart.update_xaxes(range=[0, max(counts, default=1) * 1.1], showgrid=True, nticks=6)
    return chart


def caption(info: EndingsInfo) -> str:
    """What each way of ending took, and what stopping spared."""
    spent: dict[str, float] = {}
    for ending in info.endings:
        spent[ending.state] = spent.get(ending.state, 0.0) + ending.seconds
    whole = sum(spent.values())
    parts = [
        f"{state} {duration_text(seconds)} ({percent_text(seconds / whole)})"
        for state, seconds in spent.items()
        if seconds > 0
    ]
    sentences = [f"Training time by end: {', '.join(parts)}."] if parts else []
    if info.savings.stopped:
        sentences.append(savings_text(info.savings))
    if len(info.endings) > MAX_BARS:
        sentences.append(f"{len(info.endings) - MAX_BARS} rarer reasons stand in the table alone.")
    sentences.append("Reasons that differ by numbers are counted as one.")
    return " ".join(sentences)


def savings_text(spared: Savings) -> str:
    """What early stopping spared, in a sentence."""
    card = (
        f", {value_text(significant(spared.gpu_seconds / 3600, 3))} GPU hours"
        if spared.gpu_seconds
        else ""
    )
    return (
        f"Early stopping ended {count_text(spared.stopped, 'trial')} and spared "
        f"{large_text(spared.images)} pictures, {percent_text(spared.share)} of all, or about "
        f"{duration_text(spared.seconds)} of training{card} at the speed they had."
    )


def table(info: EndingsInfo) -> pd.DataFrame:
    """The groups with an example each."""
    rows = [
        (e.state, e.reason[:LONGEST], e.trials, e.example, duration_text(e.seconds))
        for e in info.endings
    ]
    return pd.DataFrame(rows, columns=["state", "reason", "trials", "for example", "time"])
