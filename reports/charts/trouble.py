"""Where in the space trainings went wrong: lost, collapsed or overfitting, by region."""

import json
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy import stats

from colornet.cli_result import count_text
from reports.analysis.statistics import LEVEL, Interval, is_significant
from reports.charts import _style
from reports.format import bound_text, interval_text, p_text, setting_text
from reports.tables import SweepTables, setting_key, setting_keys, varies
from spaces.dimensions import Dimension

ID, TITLE = "trouble", "Where trainings went wrong"
GROUP, ORDER = "contest", 30
GRID = ("dimension",)
KINDS = ("diverged", "out of memory", "failed", "collapsed", "overfitting")
"""What a trial counts as, the first that applies."""
COLORS = (
    _style.ENDS["diverged"],
    _style.ENDS["oom"],
    _style.ENDS["failed"],
    _style.ORANGE,
    _style.MUTED,
)
STATES = {"diverged": 0, "oom": 1, "failed": 2, "stalled": 2}
ALARMS = {"diag_collapsed": 3, "diag_overfitting": 4}
MAX_PANELS = 8
MAX_REGIONS = 6
PER_REGION = 8
"""Trials that a region of an ordered dimension should have."""
DRAWS = 4000


class RegionCounts(NamedTuple):
    """A part of a dimension; `counts` by KINDS, `share` of trials in trouble (Wilson)."""

    name: str
    trials: int
    counts: tuple[int, ...]
    share: Interval


class Split(NamedTuple):
    """Regions of a dimension: their names, and per trial its region and what it counts as."""

    names: tuple[str, ...]
    places: np.ndarray
    kinds: np.ndarray


class TroubleInfo(NamedTuple):
    """The regions of one dimension in order.

    Attributes:
        uneven: the kind that falls most unevenly on the regions.
        p: that it does so by chance, times the kinds that occur and `compared`.
        compared: dimensions in which something went wrong.
        inactive: trials in which the dimension did not apply.
    """

    dimension: Dimension
    regions: tuple[RegionCounts, ...]
    uneven: str
    p: float
    compared: int
    inactive: int
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """The dimensions on whose settings most depends, at most `MAX_PANELS`; none without trouble."""
    rows = _ended(sweep)
    order = sorted(_compared(sweep, rows), key=lambda axis: _most_uneven(_split(axis, rows))[0])
    return [{"dimension": axis.name} for axis in order[:MAX_PANELS]]


def _compared(sweep: SweepTables, rows: pd.DataFrame) -> list[Dimension]:
    """The dimensions with several settings, where something went wrong where they apply."""
    active = {name for point in rows["point"][rows["kind"] >= 0] for name in point}
    return [d for d in sweep.dimensions if d.name in active and varies(d, rows["point"])]


def _ended(sweep: SweepTables) -> pd.DataFrame:
    """The trials of the search that ended by themselves: point, and kind (-1 for no trouble)."""
    rows = sweep.searched[["state", "point"]]
    kind = rows["state"].map(STATES).fillna(len(KINDS)).astype(int)
    for column, index in ALARMS.items():
        raised = (sweep.last_values(column) == 1).reindex(rows.index)
        kind = kind.where(~raised, np.minimum(kind, index))
    rows = rows.assign(kind=kind.where(kind < len(KINDS), -1))
    return rows[rows["state"].isin(["completed", "pruned", *STATES])]


def _split(axis: Dimension, rows: pd.DataFrame) -> Split:
    """Levels of a categorical dimension; of an ordered one bins with about as many trials each."""
    active = [axis.name in point for point in rows["point"]]
    settings = [point[axis.name] for point in rows.loc[active, "point"]]
    kinds = rows.loc[active, "kind"].to_numpy(dtype=int)
    special = [value in axis.special for value in settings]
    numbers = [] if axis.is_categorical else [float(v) for v in settings if v not in axis.special]
    if axis.is_categorical or len(set(numbers)) <= MAX_REGIONS:
        keys = [setting_key(value) for value in settings]
        used = [key for key in setting_keys(axis, ()) if key in keys]
        rest = sorted(set(keys) - set(used), key=lambda key: _order(axis, json.loads(key)))
        names = [*used, *rest]
        places = np.array([names.index(key) for key in keys], dtype=int)
        return Split(tuple(setting_text(json.loads(name)) for name in names), places, kinds)
    bins = min(MAX_REGIONS, max(2, len(numbers) // PER_REGION))
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, bins + 1)))
    first = int(any(special))
    places = np.array(
        [
            0 if out else first + int(np.searchsorted(edges[1:-1], float(value), side="right"))
            for value, out in zip(settings, special, strict=True)
        ]
    )
    names = [f"{bound_text(low)} – {bound_text(high)}" for low, high in pairwise(edges)]
    return Split((*map(setting_text, axis.special[:first]), *names), places, kinds)


def _order(axis: Dimension, value: Any) -> tuple[bool, Any]:
    """The special value first, then by size; categories the study does not have by their text."""
    if axis.is_categorical:
        return True, json.dumps(value)
    return (False, 0) if value in axis.special else (True, value)


def _most_uneven(split: Split) -> tuple[float, str]:
    """The kind of trouble that falls most unevenly on the regions, and its p value.

    How often chance does that, times the kinds that occur (Bonferroni).
    """
    trials = np.bincount(split.places, minlength=len(split.names))
    tested = []
    for index, kind in enumerate(KINDS):
        wrong = np.bincount(split.places[split.kinds == index], minlength=len(trials))
        if wrong.any():
            tested.append((uneven_p(trials, wrong), kind))
    p, kind = min(tested, default=(1.0, ""))
    return min(1.0, p * len(tested)), kind


def uneven_p(trials: np.ndarray, wrong: np.ndarray) -> float:
    """How often as many fall at least so unevenly on regions when it does not depend on them.

    A permutation test: Pearson's chi-squared, sum (o - e)^2 / e, against draws with the same
    totals, as counts are too few for its limiting distribution; 1 where nothing differs.

    Args:
        trials, wrong: (K,) counts by region, of all and of those that count.
    """
    if not wrong.sum() or wrong.sum() == trials.sum():
        return 1.0
    trials, wrong = trials[trials > 0], wrong[trials > 0]
    expected = trials * wrong.sum() / trials.sum()
    drawn = np.random.default_rng(0).multivariate_hypergeometric(
        trials, int(wrong.sum()), size=DRAWS, method="marginals"
    )
    distances = ((drawn - expected) ** 2 / expected).sum(axis=1)
    observed = ((wrong - expected) ** 2 / expected).sum()
    # With what was seen among the draws no p is 0 (Davison and Hinkley 1997, ch. 4).
    return float((1 + (distances >= observed * (1 - 1e-9)).sum()) / (1 + DRAWS))


def prepare(sweep: SweepTables, dimension: str) -> TroubleInfo:
    """Shares of what went wrong by region.

    Raises:
        KeyError: when the space has no such dimension.
    """
    axis, rows = sweep.dimension(dimension), _ended(sweep)
    compared = len(_compared(sweep, rows))
    split = _split(axis, rows)
    p, kind = _most_uneven(split)
    regions = tuple(
        _region(name, split.kinds[split.places == index]) for index, name in enumerate(split.names)
    )
    return TroubleInfo(
        dimension=axis,
        regions=regions,
        uneven=kind,
        p=min(1.0, p * max(compared, 1)),
        compared=compared,
        inactive=len(rows) - len(split.kinds),
        missing="" if (split.kinds >= 0).any() else "Nothing went wrong here.",
    )


def _region(name: str, kinds: np.ndarray) -> RegionCounts:
    wrong, count = int((kinds >= 0).sum()), len(kinds)
    counts = tuple(int((kinds == index).sum()) for index in range(len(KINDS)))
    low, high = stats.binomtest(wrong, count).proportion_ci(LEVEL, method="wilson")
    return RegionCounts(
        name, count, counts, Interval(wrong / count, float(low), float(high), count)
    )


def draw(info: TroubleInfo) -> go.Figure:
    """A bar per region, stacked by what went wrong, with the interval of the whole."""
    layout = {"barmode": "stack", "showlegend": True, "margin": {"b": 30}}
    chart = _style.figure("", "", height=50 + 40 * max(len(info.regions), 1), **layout)
    places = np.arange(len(info.regions))
    for at, (kind, color) in enumerate(zip(KINDS, COLORS, strict=True)):
        counts = np.array([region.counts[at] for region in info.regions])
        if not counts.any():
            continue
        chart.add_bar(
            y=places,
            x=counts / np.array([region.trials for region in info.regions]),
            orientation="h",
            width=0.62,
            name=kind,
            marker={"color": color, "line": {"width": 0}},
            hovertext=[
                f"{count} of {region.trials}"
                for count, region in zip(counts, info.regions, strict=True)
            ],
            hovertemplate=f"{kind}: %{{hovertext}} (%{{x:.0%}})<extra></extra>",
        )
    shares = [region.share for region in info.regions]
    chart.add_scatter(
        y=places,
        x=np.array([share.estimate for share in shares]),
        error_x=_style.error_bars(
            *([getattr(share, name) for share in shares] for name in ("estimate", "low", "high")),
            color=_style.SOFT,
            width=4,
        ),
        mode="markers",
        marker={"size": 1, "color": _style.SOFT},
        showlegend=False,
        hoverinfo="skip",
    )
    names = [
        f"{_style.tick(region.name)}<br>{sum(region.counts)} of {region.trials}"
        for region in info.regions
    ]
    most = max((share.high for share in shares), default=1.0)
    chart.update_yaxes(
        tickvals=places, ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False
    )
    chart.update_xaxes(range=[0, min(most * 1.04, 1.0)], tickformat=".0%", showgrid=True, nticks=5)
    return chart


def caption(info: TroubleInfo) -> str:
    """Whether the regions differ by more than chance, and what is not shown."""
    several = f" for all that is compared in {count_text(info.compared, 'dimension')}"
    if is_significant(info.p):
        sentences = [
            f"{info.uneven.capitalize()}: depends on it (p {p_text(info.p, '= ')},{several})."
        ]
    else:
        sentences = [f"No visible dependence (p {p_text(info.p, '= ')},{several})."]
    sentences.append("Whiskers: 95% intervals of the whole bar.")
    if info.inactive:
        sentences.append(f"{count_text(info.inactive, 'trial')} without this dimension left out.")
    return " ".join(sentences)


def table(info: TroubleInfo) -> pd.DataFrame:
    """Counts by region, and the share of all with its interval."""
    rows = [
        (name, trials, *counts, interval_text(*share[:3], percent=True))
        for name, trials, counts, share in info.regions
    ]
    return pd.DataFrame(rows, columns=[info.dimension.name, "trials", *KINDS, "in trouble"])
