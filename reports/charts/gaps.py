"""Do trainings whose discriminator overfits, or has won, give worse pictures?"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from colornet.evaluation.discriminator_stats import COLLAPSED, MEMORY
from reports.analysis.rank_effects import rank_effect
from reports.analysis.statistics import Interval
from reports.charts import _style
from reports.charts._thinning import left_out_text, thinned
from reports.format import interval_text, value_text
from reports.tables import Column, SweepTables

ID, TITLE, SHORT = "gaps", "Overfitting and collapse against the pictures", "Overfitting"
GRID = ("diagnostic",)
DIAGNOSTICS = ("diag_d_gap_auc", "diag_d_loss_norm")
FLAGS = {"diag_d_gap_auc": "diag_overfitting", "diag_d_loss_norm": "diag_collapsed"}
"""What the training itself called out, by the diagnostic it goes by."""
WORDS = {"diag_d_gap_auc": "called overfitting", "diag_d_loss_norm": "called collapsed"}
MAX_COMPARED = 1000
"""Trials behind the correlation, spread evenly: its bootstrap would take seconds."""
LEAST = 1e-4
"""Where a normalised loss is drawn that is smaller still, or below its floor by rounding."""


class Mark(NamedTuple):
    """One trial's diagnostic and objective at its last tick; `kind` as in `outcomes`."""

    number: int
    trial: str
    x: float
    y: float
    kind: str
    flagged: bool


class GapsInfo(NamedTuple):
    """One diagnostic against the leading objective.

    Attributes:
        threshold: beyond which the diagnostic speaks of trouble.
        relation: Spearman's correlation over trials of equal budget; None without enough data.
        flagged: how many of all trials were called out by their training.
        left_out: says that not all of them are drawn.
    """

    diagnostic: Column
    objective: Column
    marks: tuple[Mark, ...]
    threshold: float
    relation: Interval | None
    flagged: int
    left_out: str
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """The diagnostics that any trial has; nothing where there was no discriminator."""
    known = [name for name in DIAGNOSTICS if np.isfinite(sweep.last_values(name)).any()]
    return [{"diagnostic": name} for name in known]


def prepare(sweep: SweepTables, diagnostic: str = DIAGNOSTICS[0]) -> GapsInfo:
    """Both values of each trial at its last tick.

    Args:
        diagnostic: one of the columns of `DIAGNOSTICS`.
    """
    rows = sweep.outcomes(sweep.leading.name)
    rows = rows.assign(
        x=sweep.last_values(diagnostic).reindex(rows.index),
        flagged=(sweep.last_values(FLAGS[diagnostic]) == 1).reindex(rows.index),
    )
    rows = rows[np.isfinite(rows["x"]) & np.isfinite(rows["value"]) & (rows["kind"] != "failed")]
    scored = rows[rows["kind"] == "scored"]
    drawn = thinned(rows, sweep.leading.sign)
    compared = scored.iloc[:: max(1, -(-len(scored) // MAX_COMPARED))]
    return GapsInfo(
        diagnostic=sweep.column(diagnostic),
        objective=sweep.leading,
        marks=tuple(
            Mark(
                int(row["number"]),
                row["trial_id"],
                *(float(row[name]) for name in ("x", "value")),
                row["kind"],
                bool(row["flagged"]),
            )
            for row in drawn.to_dict("records")
        ),
        threshold=COLLAPSED if diagnostic == "diag_d_loss_norm" else 0.5 + MEMORY,
        relation=rank_effect(list(compared["x"]), list(compared["value"])),
        flagged=int(rows["flagged"].sum()),
        left_out=left_out_text(len(drawn), len(rows)),
        missing="" if len(rows) else "No trial has both this diagnostic and the objective.",
    )


def draw(info: GapsInfo) -> go.Figure:
    """A point per trial, called out in color, shorter trainings hollow, and the threshold."""
    chart = _style.figure(info.diagnostic.unit, info.objective.title, height=300)
    log = info.diagnostic.name == "diag_d_loss_norm"
    shown = _style.view_range([mark.y for mark in info.marks])
    for flagged in (False, True):
        for kind, symbol in (("partial", "circle-open"), ("scored", "circle")):
            some = [mark for mark in info.marks if mark.kind == kind and mark.flagged == flagged]
            if some:
                name = WORDS[info.diagnostic.name] if flagged else "trial"
                name += ", shorter training" if kind == "partial" else ""
                color = _style.VERMILLION if flagged else _style.BLUE
                chart.add_trace(_marks(some, name, symbol, color, log, shown, len(info.marks)))
    chart.add_vline(
        x=info.threshold,
        line={"color": _style.SOFT, "width": 1.2, "dash": "dot"},
    )
    if log:
        chart.update_xaxes(type="log", **_log_axis([mark.x for mark in info.marks]))
    chart.update_yaxes(range=shown)
    chart.update_layout(showlegend=True)
    return chart


def _marks(
    some: list[Mark],
    name: str,
    symbol: str,
    color: str,
    log: bool,
    shown: tuple[float, float],
    total: int,
) -> go.Scatter:
    values = [mark.y for mark in some]
    symbols = _style.symbols(values, shown, symbol)
    return go.Scatter(
        x=np.array([max(mark.x, LEAST) if log else mark.x for mark in some]),
        y=np.array(_style.inside(values, shown)),
        text=[f"{mark.trial}: {value_text(mark.x)}, {value_text(mark.y)}" for mark in some],
        customdata=np.array([mark.number for mark in some]),
        meta="trials",
        mode="markers",
        name=name,
        marker={
            "size": _style.marker_size(total),
            "color": color,
            "opacity": 0.75,
            "symbol": symbols if len(set(symbols)) > 1 else symbols[0],
        },
        hovertemplate="%{text}<extra></extra>",
        cliponaxis=False,
    )


def _log_axis(values: list[float]) -> dict[str, object]:
    low = max(min([*values, COLLAPSED]), LEAST) / 1.5
    high = max([*values, 1.0]) * 1.3
    ticks = _style.log_ticks(low, high)
    return {
        "range": [np.log10(low), np.log10(high)],
        "tickvals": ticks,
        "ticktext": list(map(value_text, ticks)),
    }


def caption(info: GapsInfo) -> str:
    """Whether both go together, what the line means, and how many trials were called out."""
    if info.missing:
        return ""
    return f"{_relation(info)} {_threshold(info)}{info.left_out}"


def _relation(info: GapsInfo) -> str:
    if info.relation is None:
        return "Too few trials of equal budget to say whether both go together."
    found = info.relation
    numbers = f"Spearman {interval_text(*found[:3], digits=2)}"
    numbers += f", {count_text(found.n, 'trial')}"
    if found.low <= 0 <= found.high or not np.isfinite(found.low):
        return f"No visible relation to the pictures ({numbers})."
    worse = found.estimate * info.objective.sign > 0
    what = {
        "diag_d_gap_auc": "The more a discriminator remembered",
        "diag_d_loss_norm": "The less sure a discriminator was",
    }[info.diagnostic.name]
    text = f"{what}, the {'worse' if worse else 'better'} the pictures ({numbers})"
    return f"{text}: they go together, which need not be cause and effect."


def _threshold(info: GapsInfo) -> str:
    called = f"{count_text(info.flagged, 'trial')} {'is' if info.flagged == 1 else 'are'}"
    if info.diagnostic.name == "diag_d_loss_norm":
        return (
            f"0: the discriminator has nothing left to learn, 1: it guesses. {called} called "
            f"collapsed: below {value_text(COLLAPSED)} (dotted) at any tick there is no way back."
        )
    return (
        f"0.5: it does not know shown pictures from held-out ones. {called} called overfitting: "
        f"over three ticks the mean is beyond {value_text(info.threshold)} (dotted) and beyond "
        "what the choice of pictures explains."
    )


def table(info: GapsInfo) -> pd.DataFrame:
    """Both values per trial."""
    rows = [
        (m.trial, m.x, m.y, m.kind, WORDS[info.diagnostic.name] if m.flagged else "")
        for m in info.marks
    ]
    names = ["trial", info.diagnostic.title, info.objective.title, "kind", "flag"]
    return pd.DataFrame(rows, columns=names)
