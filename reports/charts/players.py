"""The two losses against each other during the best trainings: where the contest went."""

from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.charts import _style
from reports.charts._curves import Curve, curves_of, draw_curve
from reports.format import value_text
from reports.tables import Column, SweepTables

ID, TITLE = "players", "Generator against discriminator"
GROUP, ORDER = "contest", 40
GRID = ()
DISCRIMINATOR = ("diag_d_loss_norm", "train_loss_discriminator")
GENERATOR = ("train_loss_adversarial", "train_loss_generator")
"""Columns of each player's loss, the more telling first: the discriminator's on a scale that all
adversarial losses share, the generator's without the L1 term that would hide it."""
TOP = 4
STAGES = 8
"""Parts of a training that are drawn as a point each: the ticks themselves make a tangle."""


class PlayersInfo(NamedTuple):
    """Ways through the plane of both losses, best first.

    `values` are (discriminator's, generator's), means over equal parts of the training.
    """

    discriminator: Column
    generator: Column
    curves: tuple[Curve, ...]
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """One figure; none where nothing has a discriminator."""
    return [{}] if prepare(sweep).curves else []


def prepare(sweep: SweepTables) -> PlayersInfo:
    """Both losses at each tick of the trials that rank first."""
    pairs = list(product(DISCRIMINATOR, GENERATOR))
    candidates = ((pair, curves_of(sweep, pair, sweep.ranked, TOP)) for pair in pairs)
    pair, curves = next(((p, c) for p, c in candidates if c), (pairs[-1], ()))
    curves = tuple(_in_stages(curve) for curve in curves)
    missing = "" if curves else "No trial that can be ranked has reported both losses."
    return PlayersInfo(sweep.column(pair[0]), sweep.column(pair[1]), curves, missing)


def _in_stages(curve: Curve) -> Curve:
    images, *values = (
        tuple(float(part.mean()) for part in np.array_split(row, min(STAGES, len(row))))
        for row in (curve.images, *curve.values)
    )
    return curve._replace(images=images, values=tuple(values))


def draw(info: PlayersInfo) -> go.Figure:
    """A line per trial from a small dot, its first tick, to a large one, its last."""
    titles = info.discriminator.title, info.generator.title
    chart = _style.figure(*titles, height=380, showlegend=True)
    for curve in reversed(info.curves):
        x, y = (np.array(values) for values in curve.values)
        sizes = np.full(len(x), 4)  # an arrow would be an annotation, which no click hides
        sizes[-1] = 12
        draw_curve(
            chart,
            curve,
            ".3g",
            x=x,
            y=y,
            text=[f"{value_text(round(images))} pictures" for images in curve.images],
            mode="lines+markers",
            line={"color": curve.color, "width": 1.8},
            marker={"size": sizes, "color": curve.color, "line": {"width": 0}},
            hovertemplate=f"{curve.trial}, %{{text}}: %{{x:.3g}}, %{{y:.3g}}<extra></extra>",
        )
    if info.discriminator.name == DISCRIMINATOR[0] and info.curves:
        chart.add_vline(
            x=1,
            line={"color": _style.SOFT, "width": 1, "dash": "dot"},
            annotation_text="D guesses",
            **_style.NOTE,
        )
        chart.update_xaxes(rangemode="tozero")
    chart.update_xaxes(showgrid=True)
    return chart


def caption(info: PlayersInfo) -> str:
    """How to read it."""
    text = (
        f"The best {count_text(len(info.curves), 'trial')} in at most {STAGES} steps, from small "
        "dots to the large one at the end. To the left the discriminator is sure"
    )
    if info.discriminator.name == DISCRIMINATOR[0]:
        text += " (0: nothing left to learn, 1: it guesses)"
    return (
        f"{text}; upwards the generator fails to fool it. A line that runs off to the upper left "
        "is a contest that ends; one that circles or stays goes on."
    )


def table(info: PlayersInfo) -> pd.DataFrame:
    """Both losses at the first, middle and last step of each trial."""
    places = ("first", "middle", "last")
    rows = []
    for curve in info.curves:
        pairs = zip(curve.milestones(0), curve.milestones(1), strict=True)
        rows.append((curve.trial, curve.rank, *(text for pair in pairs for text in pair)))
    names = [f"{player}, {place}" for place in places for player in ("D", "G")]
    return pd.DataFrame(rows, columns=["trial", "rank", *names])
