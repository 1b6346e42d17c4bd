"""Do trainings whose discriminator overfits, or has won, give worse pictures?"""

from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from colornet.evaluation.discriminator_stats import COLLAPSED, MEMORY
from reports.analysis.ranks import rank_correlation
from reports.analysis.statistics import Interval
from reports.charts import _style
from reports.format import interval_text, is_or_are, value_text
from reports.tables import Column, SweepTables

ID, TITLE = "gaps", "Overfitting and collapse against the pictures"
GROUP, ORDER = "contest", 20
GRID = ("diagnostic",)
DIAGNOSTICS = ("diag_d_gap_auc", "diag_d_loss_norm")
FLAGS = {"diag_d_gap_auc": "diag_overfitting", "diag_d_loss_norm": "diag_collapsed"}
"""The column in which a training raises an alarm, by the diagnostic behind it."""
WORDS = {"diag_d_gap_auc": "called overfitting", "diag_d_loss_norm": "called collapsed"}
MAX_COMPARED = 1000
"""Trials behind the correlation, spread evenly: its bootstrap would take seconds."""
LEAST = 1e-4
"""Where a normalized loss is drawn that is smaller still, or below its floor by rounding."""


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
    measured = [name for name in DIAGNOSTICS if np.isfinite(sweep.last_values(name)).any()]
    return [{"diagnostic": name} for name in measured]


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
    drawn = _style.thinned(rows, sweep.leading.sign)
    compared = scored.iloc[:: max(1, -(-len(scored) // MAX_COMPARED))]
    fields = ["number", "trial_id", "x", "value", "kind", "flagged"]
    marks = map(Mark._make, drawn[fields].itertuples(index=False, name=None))
    return GapsInfo(
        diagnostic=sweep.column(diagnostic),
        objective=sweep.leading,
        marks=tuple(marks),
        threshold=COLLAPSED if diagnostic == "diag_d_loss_norm" else 0.5 + MEMORY,
        relation=rank_correlation(list(compared["x"]), list(compared["value"])),
        flagged=int(rows["flagged"].sum()),
        left_out=_style.left_out_text(len(drawn), len(rows)),
        missing="" if len(rows) else "No trial has both this diagnostic and the objective.",
    )


def draw(info: GapsInfo) -> go.Figure:
    """A point per trial, called out in color, shorter trainings hollow, and the threshold."""
    titles = info.diagnostic.unit, info.objective.title
    chart = _style.figure(*titles, height=300, showlegend=True)
    log = info.diagnostic.name == "diag_d_loss_norm"
    view = _style.view_range([mark.y for mark in info.marks])
    for flagged, kind in product((False, True), ("partial", "scored")):
        some = [mark for mark in info.marks if mark.kind == kind and mark.flagged == flagged]
        if not some:
            continue
        color = _style.VERMILLION if flagged else _style.BLUE
        trace = _style.marks(
            [
                (
                    max(mark.x, LEAST) if log else mark.x,
                    mark.y,
                    mark.number,
                    f"{mark.trial}: {value_text(mark.x)}, {value_text(mark.y)}",
                )
                for mark in some
            ],
            _style.trial_marker(len(info.marks), color, kind),
            view=view,
            name=(WORDS[info.diagnostic.name] if flagged else "trial")
            + (", shorter training" if kind == "partial" else ""),
            cliponaxis=False,
        )
        chart.add_trace(trace)
    chart.add_vline(x=info.threshold, line={"color": _style.SOFT, "width": 1.2, "dash": "dot"})
    if log:
        places = [*(mark.x for mark in info.marks), COLLAPSED, 1.0]
        chart.update_xaxes(**_style.log_axis(max(min(places), LEAST) / 1.5, max(places) * 1.3))
    chart.update_yaxes(range=view)
    return chart


def caption(info: GapsInfo) -> str:
    """Whether both go together, what the line means, and how many trials were called out."""
    called = f"{count_text(info.flagged, 'trial')} {is_or_are(info.flagged)}"
    if info.diagnostic.name == "diag_d_loss_norm":
        threshold = (
            f"0: the discriminator has nothing left to learn, 1: it guesses. {called} called "
            f"collapsed: below {value_text(COLLAPSED)} (dotted) at any tick there is no way back."
        )
    else:
        threshold = (
            f"0.5: it does not know shown pictures from held-out ones. {called} called "
            f"overfitting: over three ticks the mean is beyond {value_text(info.threshold)} "
            "(dotted) and beyond what the choice of pictures explains."
        )
    return f"{_relation(info)} {threshold}{info.left_out}"


def _relation(info: GapsInfo) -> str:
    if info.relation is None:
        return "Too few trials of equal budget to say whether both go together."
    relation = info.relation
    numbers = f"Spearman {interval_text(*relation[:3], digits=2)}"
    numbers += f", {count_text(relation.n, 'trial')}"
    if relation.low <= 0 <= relation.high or not np.isfinite(relation.low):
        return f"No visible relation to the pictures ({numbers})."
    worse = relation.estimate * info.objective.sign > 0
    what = {
        "diag_d_gap_auc": "The more a discriminator remembered",
        "diag_d_loss_norm": "The less sure a discriminator was",
    }[info.diagnostic.name]
    text = f"{what}, the {'worse' if worse else 'better'} the pictures ({numbers})"
    return f"{text}: they go together, which need not be cause and effect."


def table(info: GapsInfo) -> pd.DataFrame:
    """Both values per trial."""
    rows = [
        (m.trial, m.x, m.y, m.kind, WORDS[info.diagnostic.name] if m.flagged else "")
        for m in info.marks
    ]
    names = ["trial", info.diagnostic.title, info.objective.title, "kind", "flag"]
    return pd.DataFrame(rows, columns=names)
