"""The page on several sweeps: the best of each, how each search went, and what was asked."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.io import to_json

from reports.answers.sweeps import ComparedSweeps, SweepSummary
from reports.charts import _style
from reports.format import NONE, duration_text, interval_text, p_text, setting_text, value_text
from reports.page.gallery import side_by_side
from reports.page.page import WEB, filled
from reports.tables import Column, SweepTables

DASHES = ("solid", "dash", "dot", "dashdot")
"""Of the lines, where there are more sweeps than colors."""


def render(compared: ComparedSweeps, sweeps: Sequence[SweepTables], pictures: int = 1) -> str:
    """The page; two renders of the same records are the same bytes.

    Args:
        sweeps: those that `compared` was made of.
        pictures: 0 leaves pictures out.
    """
    summaries, figures, beside = compared.summaries, {}, None
    if pictures:
        names, trials = zip(*((s.name, s.trial) for s in summaries), strict=True)
        beside = side_by_side(names, sweeps, trials)
    if compared.column and any(summary.scored for summary in summaries):
        drawn = {
            "best-so-far": best_so_far(summaries, compared.column),
            "scores": scores(summaries, compared.column),
        }
        figures = {name: json.loads(to_json(chart, engine="json")) for name, chart in drawn.items()}
    return filled(
        "comparison.html.j2",
        ("page", "comparison"),
        (WEB / "comparison.js").read_text(encoding="utf-8"),
        {"figures": figures, "dark": _style.DARK},
        compared=compared,
        pictures=beside,
        colors=[_line(at)["color"] for at in range(len(summaries))],
        best=[_best(summary) for summary in summaries],
        dimensions=list(dict.fromkeys(name for summary in summaries for name in summary.point)),
        pairs=[
            {
                "names": f"{pair.first} − {pair.second}",
                "difference": interval_text(*pair.difference[:3], signed=True),
                "p": p_text(pair.difference.p) or NONE,
                "verdict": pair.verdict,
            }
            for pair in compared.pairs
        ],
        figures=figures,
    )


def _best(summary: SweepSummary) -> dict[str, Any]:
    words = {"confirm": "confirmed", "compare": "compared", "search": "one training", "": NONE}
    return {
        "trial": summary.trial or NONE,
        "score": interval_text(summary.mean, summary.low, summary.high),
        "known": words[summary.basis] + (f", {summary.n} seeds" if summary.n > 1 else ""),
        "judged": summary.judged or NONE,
        "settings": {name: setting_text(value) for name, value in summary.point.items()},
        "seconds": duration_text(summary.seconds),
        "spent": duration_text(summary.spent),
        "trials": f"{value_text(summary.scored)} of {value_text(summary.trials)}",
    }


def _line(index: int) -> dict[str, Any]:
    colors = _style.BEST_COLORS
    dash = DASHES[index // len(colors) % len(DASHES)]
    return {"color": colors[index % len(colors)], "width": 2, "dash": dash}


def best_so_far(summaries: Sequence[SweepSummary], column: Column) -> go.Figure:
    """The best value of all sweeps over seconds of training spent."""
    chart = _style.figure("Training time spent (s)", column.title, showlegend=True)
    for index, summary in enumerate(summaries):
        if summary.best_so_far:
            x, y = np.array(summary.best_so_far).T
            chart.add_scatter(
                x=x,
                y=y,
                mode="lines+markers" if len(set(x.tolist())) == 1 else "lines",
                name=_style.tick(summary.name),
                line={**_line(index), "shape": "hv"},
                hovertemplate="%{x:,.0f} s: %{y:.4g}<extra></extra>",
            )
    values = [value for summary in summaries for _, value in summary.best_so_far]
    chart.update_yaxes(range=list(_style.view_range(values)))
    return chart


def scores(summaries: Sequence[SweepSummary], column: Column) -> go.Figure:
    """Which share of each sweep's trials is at least as good as a value."""
    chart = _style.figure(column.title, "Share of trials at least as good", showlegend=True)
    for index, summary in enumerate(summaries):
        if summary.scores:
            count = len(summary.scores)
            share = np.linspace(0, 1, count) if count > 1 else np.ones(1)
            chart.add_scatter(
                x=np.array(summary.scores),
                y=share if column.sign > 0 else 1 - share if count > 1 else share,
                mode="lines" if count > 1 else "markers",
                name=_style.tick(summary.name),
                line=_line(index),
                hovertemplate="%{x:.4g}: %{y:.0%}<extra></extra>",
            )
    values = [value for summary in summaries for value in summary.scores]
    chart.update_xaxes(range=list(_style.view_range(values)))
    chart.update_yaxes(tickformat=".0%", range=[-0.02, 1.04])
    return chart
