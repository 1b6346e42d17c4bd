"""What early ranks were worth: how well the order during training predicted the final."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.analysis.ranks import agreement
from reports.analysis.statistics import Interval
from reports.charts import _style
from reports.format import interval_text, is_or_are, percent_text
from reports.tables import Column, SweepTables
from spaces.study import EVERY_TICK, Stopping

ID, TITLE = "early-ranks", "What early ranks were worth"
GROUP, ORDER = "search", 40
GRID = ()
MIN_TRIALS = 5
MAX_SHARES = 12
MAX_TRIALS = 400
"""Trials that are looked at, spread evenly over the search: the time for a bootstrap grows with
their square."""


class EarlyRanksInfo(NamedTuple):
    """Agreement of the order at each share of the budget with the final one.

    Attributes:
        points: (share of the budget, Kendall's tau with its interval), by share.
        rungs: shares at which the study's stopping rule compares trials.
        rule: its name, "none" without one.
        trials: that finished, and are compared.
        stopped: that were stopped early, and cannot be.
    """

    objective: Column
    points: tuple[tuple[float, Interval], ...]
    rungs: tuple[float, ...]
    rule: str
    trials: int
    stopped: int
    missing: str


each = SweepTables.panels


def prepare(sweep: SweepTables, objective: str | None = None) -> EarlyRanksInfo:
    """Kendall's tau between early and final values of the trials that finished."""
    column = sweep.column(objective or sweep.leading.name)
    finished = sweep.outcomes(column.name, "scored")
    values = _by_share(sweep.ticks, column.name, finished["trial_id"].tolist())
    points = tuple(_agreements(values))
    stopping = sweep.records.study.get("stopping") or {}
    missing = ""
    if len(finished) < MIN_TRIALS:
        missing = (
            f"Early ranks are compared among at least {MIN_TRIALS} trials that finished; "
            f"there {is_or_are(len(finished))} {len(finished)}."
        )
    elif not points:
        missing = "The trials that finished reported too little, or do not differ."
    return EarlyRanksInfo(
        objective=column,
        points=() if missing else points,
        rungs=_rungs(stopping),
        rule=str(stopping.get("rule", "none")),
        trials=len(finished),
        stopped=int((sweep.searched["state"] == "pruned").sum()),
        missing=missing,
    )


def _by_share(ticks: pd.DataFrame, column: str, trials: list[str]) -> pd.DataFrame:
    """Values by trial (rows) and share of the budget seen (columns, ascending, the last is 1)."""
    trials = trials[:: max(1, -(-len(trials) // MAX_TRIALS))]
    rows = ticks[ticks["trial_id"].isin(trials)] if column in ticks else ticks[:0]
    if rows.empty:
        return pd.DataFrame()
    whole = rows.groupby("trial_id")["images"].transform("max").astype(float)
    rows = rows.assign(share=(rows["images"] / whole).round(3))
    table = rows.pivot_table(index="trial_id", columns="share", values=column, aggfunc="last")
    # A trial that reports rarely keeps its last value, as a stopping rule would compare it.
    table = table.where(np.isfinite(table)).ffill(axis=1)
    early = [share for share in table.columns if share < 1]
    early = early[:: max(1, -(-len(early) // MAX_SHARES))]
    return table[[*early, *(share for share in table.columns[-1:] if share == 1)]]


def _agreements(values: pd.DataFrame) -> list[tuple[float, Interval]]:
    """Agreement at each share with the final order, where enough trials had reported."""
    points = []
    for share in values.columns[:-1]:
        pairs = values[[share, values.columns[-1]]].dropna().to_numpy()
        if len(pairs) >= MIN_TRIALS:
            points.append((float(share), agreement(pairs[:, 0], pairs[:, 1])))
    return [(share, tau) for share, tau in points if np.isfinite(tau.estimate)]


def _rungs(stopping: dict[str, Any]) -> tuple[float, ...]:
    """Shares at which trials were compared; the first one where that was every tick from there."""
    fields: dict[str, Any] = {"rule": "none"}
    fields |= {name: value for name, value in stopping.items() if value is not None}
    rule = Stopping.model_construct(**fields)  # read, not run: an earlier release's is not refused
    if rule.rule in EVERY_TICK:
        return (rule.sure_grace,)
    return tuple(share for share in rule.rungs(ticks=1) if share > rule.sure_grace - 1e-9)


def draw(info: EarlyRanksInfo) -> go.Figure:
    """Tau over the share of the budget in its band; rungs as dotted lines."""
    titles = "Share of the training", "Agreement with the final order"
    chart = _style.figure(*titles, height=320, showlegend=True)
    shares = [share for share, _ in info.points]
    taus = [tau for _, tau in info.points]
    low, high = np.array([tau.low for tau in taus]), np.array([tau.high for tau in taus])
    chart.add_trace(_style.band(np.array(shares), low, high, _style.BAND, "95% interval"))
    chart.add_scatter(
        x=np.array(shares),
        y=np.array([tau.estimate for tau in taus]),
        mode="lines+markers",
        name="Kendall's tau",
        line={"color": _style.BLUE, "width": 2},
        hovertemplate="after %{x:.0%}: %{y:.2f}<extra></extra>",
    )
    for rung in info.rungs:
        chart.add_vline(
            x=rung,
            line={"color": _style.VERMILLION, "width": 1.5, "dash": "dot"},
            annotation_text=f"{info.rule} from here" if info.rule in EVERY_TICK else "rung",
            **_style.NOTE,
        )
    lowest = min(0.0, *(tau.low for tau in taus))
    chart.update_xaxes(range=[0, 1.02], tickformat=".0%")
    chart.update_yaxes(range=[max(lowest * 1.06, -1.02), 1.04])
    return chart


def caption(info: EarlyRanksInfo) -> str:
    """How to read it, on how many trials, and what stopping hides."""
    half = min(info.points, key=lambda point: abs(point[0] - 0.5))
    text = (
        f"1: the order is the final one; 0: chance. After {percent_text(half[0])} of the "
        f"training {interval_text(*half[1][:3], digits=2)}, among "
        f"{count_text(info.trials, 'trial')} that finished"
    )
    if info.stopped:
        text += (
            f"; the {info.stopped} that were stopped are not among them, so that early ranks look "
            "less telling than they were"
        )
    return text + "."


def table(info: EarlyRanksInfo) -> pd.DataFrame:
    """Tau with its interval by share."""
    rows = [
        (percent_text(share), *(round(number, 3) for number in tau[:3]), tau.n)
        for share, tau in info.points
    ]
    names = ["share of the training", "Kendall's tau", "low", "high", "trials"]
    return pd.DataFrame(rows, columns=names)
