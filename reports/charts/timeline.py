"""Which trial ran when and where, and how busy that kept the machines."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.analysis.attempts import averaged, busy_of, lanes_of, without_pauses
from reports.charts import _style
from reports.format import duration_text, percent_text, time_text, value_text
from reports.tables import SweepTables, count_states
from search.records.reader import CUT_OFF

ID, TITLE = "timeline", "Which trial ran when"
GROUP, ORDER = "search", 50
GRID = ()
MAX_TRIALS = 300
"""Trials beyond which bars say nothing: the utilization alone is drawn."""
STEPS = 240
NAMED_PAUSES = 4
"""The longest pauses are labeled with their length: more labels would overlap."""
UNITS = ((2 * 86400, 86400.0, "Days"), (2 * 3600, 3600.0, "Hours"), (120, 60.0, "Minutes"))
COLORS = {**_style.ENDS, CUT_OFF: _style.SOFT}


class Span(NamedTuple):
    """One attempt of a trial; times in seconds of running time from the sweep's start.

    Attributes:
        lane: its row, counted over all hosts.
        state: how it ended; `running` while it goes on.
    """

    number: int
    trial: str
    attempt: int
    host: str
    lane: int
    start: float
    end: float
    state: str


class Usage(NamedTuple):
    """What one host, or all, did.

    Attempts, of these later ones of a trial, seconds that they took, and how they ended.
    """

    host: str
    attempts: int
    retries: int
    seconds: float
    ends: tuple[tuple[str, int], ...]


class TimelineInfo(NamedTuple):
    """When attempts ran, on a clock that stops in pauses.

    Attributes:
        began: UTC, of the first attempt.
        spans: by start; empty for more than `MAX_TRIALS` trials.
        busy: (time, how many ran from then on); means over equal times without `spans`.
        lanes: hosts with the number of their rows, from the top.
        peak: most attempts at once.
        pauses: (where on the clock, seconds that nothing ran).
        whole: seconds on the clock.
        usage: of all together, then by host.
    """

    began: str
    spans: tuple[Span, ...]
    busy: tuple[tuple[float, float], ...]
    lanes: tuple[tuple[str, int], ...]
    peak: int
    pauses: tuple[tuple[float, float], ...]
    whole: float
    usage: tuple[Usage, ...]
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """One figure."""
    return [{}]


def prepare(sweep: SweepTables) -> TimelineInfo:
    """Attempts by host and start, with the times in which nothing ran cut out."""
    rows = sweep.records.attempts
    if rows.empty:
        return TimelineInfo("", (), (), (), 0, (), 0.0, (), "No trial has started yet.")
    began = rows["start"].min()
    starts, ends, pauses = without_pauses(
        *((rows[name] - began).dt.total_seconds().to_numpy() for name in ("start", "end"))
    )
    rows = rows.assign(start=starts, end=ends)
    points, counts = busy_of(starts, ends)
    peak, many = int(counts.max()), rows["trial_id"].nunique() > MAX_TRIALS
    if many:
        points, counts = averaged(points, counts, STEPS)
    rows["lane"], lanes = lanes_of(rows["host"].tolist(), starts, ends)
    fields = ["number", "trial_id", "attempt", "host", "lane", "start", "end", "state"]
    spans = () if many else map(Span._make, rows[fields].itertuples(index=False, name=None))
    usage = [_usage("all", rows), *(_usage(str(h), of_host) for h, of_host in rows.groupby("host"))]
    return TimelineInfo(
        began=f"{time_text(began)} UTC",
        spans=tuple(spans),
        busy=tuple(zip(points.tolist(), map(float, counts), strict=True)),
        lanes=lanes,
        peak=peak,
        pauses=tuple(pauses),
        whole=float(ends.max()),
        usage=tuple(usage),
        missing="" if peak and ends.max() > 0 else "No trial has taken any time yet.",
    )


def _usage(host: str, rows: pd.DataFrame) -> Usage:
    return Usage(
        host=host,
        attempts=len(rows),
        retries=int((rows["attempt"] > 1).sum()),
        seconds=float((rows["end"] - rows["start"]).sum()),
        ends=tuple(count_states(rows["state"]).items()),
    )


def draw(info: TimelineInfo) -> go.Figure:
    """How many ran, and beneath it a bar per attempt in the row of a slot; dotted: pauses."""
    lanes = sum(count for _, count in info.lanes)
    bars = min(max(16 * lanes, 70), 520) if info.spans else 0
    chart = _style.figure("", "", height=190 + bars)
    if not info.busy:
        return chart
    per, unit = next(
        ((size, word) for limit, size, word in UNITS if info.whole >= limit), (1.0, "Seconds")
    )
    share = bars / (bars + 130)
    _draw_busy(chart, info, per)
    if info.spans:
        _draw_spans(chart, info, per, lanes)
    _draw_pauses(chart, info, per)
    shared = {"gridcolor": _style.GRID, "zeroline": False, "automargin": True}
    chart.update_layout(
        barmode="overlay",
        showlegend=True,
        margin={"t": 24},
        xaxis={
            "range": [0, info.whole / per * 1.01],
            "title": {"text": f"{unit} in which something ran", "font": {"size": 12}},
            "anchor": "y" if info.spans else "y2",
        },
        yaxis={"domain": [0, max(share - 0.06, 0)], "showgrid": False, "visible": bool(info.spans)},
        yaxis2={
            **shared,
            "domain": [share, 1],
            "range": [0, info.peak * 1.1],
            "nticks": 4,
            "tickformat": "d",
            "title": {"text": "running", "font": {"size": 12}, "standoff": 8},
        },
    )
    return chart


def _draw_pauses(chart: go.Figure, info: TimelineInfo, per: float) -> None:
    longest = sorted(seconds for _, seconds in info.pauses)[-NAMED_PAUSES:]
    for time, seconds in info.pauses:
        chart.add_shape(
            type="line",
            x0=time / per,
            x1=time / per,
            y0=0,
            y1=1,
            yref="paper",
            line={"color": _style.INK, "width": 1.5, "dash": "dot"},
        )
        if seconds < longest[0]:
            continue
        chart.add_annotation(
            x=time / per,
            y=1,
            yref="paper",
            text=f"{duration_text(seconds)} pause",
            showarrow=False,
            xanchor="left" if time < info.whole / 2 else "right",
            yanchor="bottom",
            font={"size": 11, "color": _style.SOFT},
        )


def _draw_busy(chart: go.Figure, info: TimelineInfo, per: float) -> None:
    chart.add_scatter(
        x=np.array([time for time, _ in info.busy]) / per,
        y=np.array([count for _, count in info.busy]),
        yaxis="y2",
        mode="lines",
        line={"shape": "hv", "color": _style.BLUE, "width": 1.5},
        fill="tozeroy",
        fillcolor=_style.BAND,
        showlegend=False,
        hovertemplate="%{y:.3g} running<extra></extra>",
    )


def _draw_spans(chart: go.Figure, info: TimelineInfo, per: float, lanes: int) -> None:
    colors: dict[str, list[str]] = {}
    for state, _ in info.usage[0].ends:
        colors.setdefault(COLORS.get(state, _style.SOFT), []).append(state)
    for color, states in colors.items():
        some = [span for span in info.spans if span.state in states]
        chart.add_bar(
            orientation="h",
            y=np.array([span.lane for span in some]),
            base=np.array([span.start for span in some]) / per,
            x=np.array([max(span.end - span.start, info.whole * 1e-3) for span in some]) / per,
            width=0.8,
            name=", ".join(states),
            **_style.linked(span.number for span in some),
            marker={"color": color, "line": {"width": 0}},
            text=[_style.safe(_hover(span)) for span in some],
            textposition="none",
            hovertemplate="%{text}<extra></extra>",
        )
    if again := [span for span in info.spans if span.attempt > 1]:
        marker = {"symbol": "triangle-right", "size": 8, "color": _style.INK}
        points = [(span.start / per, span.lane, span.number, _hover(span)) for span in again]
        chart.add_trace(_style.marks(points, marker, name="tried again"))
    above = np.cumsum([0, *(count for _, count in info.lanes)])
    chart.update_yaxes(
        range=[lanes - 0.4, -0.6],
        tickvals=above[:-1] + np.array([(count - 1) / 2 for _, count in info.lanes]),
        ticktext=[_style.tick(host) for host, _ in info.lanes],
    )
    for edge in above[1:-1]:
        chart.add_hline(y=edge - 0.5, line={"color": _style.GRID, "width": 1})


def _hover(span: Span) -> str:
    attempt = f", attempt {span.attempt}" if span.attempt > 1 else ""
    return f"{span.trial}{attempt}: {span.state}, {duration_text(span.end - span.start)}"


def caption(info: TimelineInfo) -> str:
    """How busy the sweep was, its pauses, and what was tried again."""
    overall = info.usage[0]
    sentences = [
        f"From {info.began}. At most {count_text(info.peak, 'attempt')} at once; on average "
        f"{percent_text(overall.seconds / (info.whole * info.peak))} of that."
    ]
    if info.pauses:
        still = sum(seconds for _, seconds in info.pauses)
        pauses = count_text(len(info.pauses), "pause")
        sentences.append(
            f"Cut out: {pauses} in which nothing ran, {duration_text(still)} in all (dotted)."
        )
    if overall.retries:
        what = count_text(overall.retries, "attempt")
        sentences.append(f"{what} went on with a trial that had been lost or stopped.")
    ends = dict(overall.ends)
    if ends.get("running"):
        sentences.append(f"{ends['running']} still running, drawn up to the last tick.")
    if ends.get(CUT_OFF):
        sentences.append(f"{ends[CUT_OFF]} cut off with the driver, drawn up to the last tick.")
    if not info.spans:
        sentences.append(
            f"More than {MAX_TRIALS} trials: means over {STEPS} equal times instead of bars."
        )
    return " ".join(sentences)


def table(info: TimelineInfo) -> pd.DataFrame:
    """What each host did."""
    rows = [
        (
            *usage[:3],
            duration_text(usage.seconds),
            ", ".join(f"{value_text(count)} {state}" for state, count in usage.ends),
        )
        for usage in info.usage
    ]
    return pd.DataFrame(rows, columns=["host", "attempts", "tried again", "time", "ended"])
