"""The page that compares sweeps: one self-contained HTML file, made like a sweep's own page."""

import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
from markupsafe import Markup
from plotly.io import to_json
from plotly.offline import get_plotlyjs

from reports.charts import _style
from reports.format import (
    duration_text,
    interval_text,
    p_text,
    setting_text,
    value_text,
)
from reports.page.comparison import ComparisonInfo, SweepDifference, SweepSummary
from reports.page.page import WEB, embedded, environment, policy, style

DASHES = ("solid", "dash", "dot", "dashdot")


def render(info: ComparisonInfo) -> str:
    """The page; two renders of the same records are the same bytes."""
    plotly = get_plotlyjs()
    script = (WEB / "comparison.js").read_text(encoding="utf-8")
    figures = {}
    if info.column and any(one.scored for one in info.summaries):
        drawn = {"best-so-far": best_so_far(info), "scores": scores(info)}
        figures = {name: json.loads(to_json(one, engine="json")) for name, one in drawn.items()}
    return (
        environment()
        .get_template("comparison.html.j2")
        .render(
            info=info,
            colors=[_line(at)["color"] for at in range(len(info.summaries))],
            best=[_best(one) for one in info.summaries],
            dimensions=list(dict.fromkeys(n for one in info.summaries for n in one.point)),
            pairs=[_pair(pair) for pair in info.pairs],
            figures=figures,
            policy=policy(plotly, script),
            css=Markup(style("page", "comparison")),
            data=Markup(embedded({"figures": figures, "dark": _style.DARK})),
            plotly=Markup(plotly),
            script=Markup(script),
        )
    )


def _best(one: SweepSummary) -> dict[str, Any]:
    words = {"confirm": "confirmed", "compare": "compared", "search": "one training", "": "–"}
    return {
        "trial": one.trial or "–",
        "score": interval_text(one.mean, one.low, one.high),
        "known": words[one.basis] + (f", {one.n} seeds" if one.n > 1 else ""),
        "judged": one.judged or "–",
        "settings": {name: setting_text(value) for name, value in one.point.items()},
        "seconds": duration_text(one.seconds),
        "spent": duration_text(one.spent),
        "trials": f"{value_text(one.scored)} of {value_text(one.trials)}",
    }


def _pair(pair: SweepDifference) -> dict[str, str]:
    p = p_text(pair.p) or "–"
    difference = interval_text(pair.mean, pair.low, pair.high, signed=True)
    return {
        "names": f"{pair.first} − {pair.second}",
        "shown": difference,
        "p": p,
        "verdict": pair.verdict,
    }


def _line(place: int) -> dict[str, Any]:
    colors = _style.BEST_COLORS
    dash = DASHES[place // len(colors) % len(DASHES)]
    return {"color": colors[place % len(colors)], "width": 2, "dash": dash}


def best_so_far(info: ComparisonInfo) -> go.Figure:
    """The best value of all sweeps over seconds of training spent."""
    assert info.column is not None
    chart = _style.figure("Training time spent (s)", info.column.title)
    for place, one in enumerate(info.summaries):
        if one.best_so_far:
            x, y = np.array(one.best_so_far).T
            chart.add_scatter(
                x=x,
                y=y,
                mode="lines+markers" if len(set(x.tolist())) == 1 else "lines",
                name=_style.tick(one.name),
                line={**_line(place), "shape": "hv"},
                hovertemplate="%{x:,.0f} s: %{y:.4g}<extra></extra>",
            )
    values = [value for one in info.summaries for _, value in one.best_so_far]
    chart.update_yaxes(range=list(_style.view_range(values)))
    return chart.update_layout(showlegend=True)


def scores(info: ComparisonInfo) -> go.Figure:
    """Which share of each sweep's trials is at least as good as a value."""
    assert info.column is not None
    chart = _style.figure(info.column.title, "Share of trials at least as good")
    for place, one in enumerate(info.summaries):
        if one.scores:
            count = len(one.scores)
            share = np.linspace(0, 1, count) if count > 1 else np.ones(1)
            chart.add_scatter(
                x=np.array(one.scores),
                y=share if info.column.sign > 0 else 1 - share if count > 1 else share,
                mode="lines" if count > 1 else "markers",
                name=_style.tick(one.name),
                line=_line(place),
                hovertemplate="%{x:.4g}: %{y:.0%}<extra></extra>",
            )
    values = [value for one in info.summaries for value in one.scores]
    chart.update_xaxes(range=list(_style.view_range(values)))
    chart.update_yaxes(tickformat=".0%", range=[-0.02, 1.04])
    return chart.update_layout(showlegend=True)
