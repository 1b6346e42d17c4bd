"""The two losses against each other during the best trainings: where the contest went."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.charts import _style
from reports.charts._curves import Course, best_courses
from reports.format import value_text
from reports.tables import Column, SweepTables

ID, TITLE, SHORT = "players", "Generator against discriminator", "Players"
GRID = ()
DISCRIMINATOR = ("diag_d_loss_norm", "train_loss_discriminator")
GENERATOR = ("train_loss_adversarial", "train_loss_generator")
"""Columns of each player's loss, the more telling first: the discriminator's on a scale that all
adversarial losses share, the generator's without the L1 term that would hide it."""
TOP = 4
STAGES = 8
"""Parts of a training that are drawn as a point each: the ticks themselves make a tangle."""


class PlayersInfo(NamedTuple):
    """Courses through the plane of both losses, best first: `values` are (discriminator's,
    generator's), means over equal parts of the training."""

    discriminator: Column
    generator: Column
    courses: tuple[Course, ...]
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """One figure; none where nothing has a discriminator."""
    return [{}] if prepare(sweep).courses else []


def prepare(sweep: SweepTables) -> PlayersInfo:
    """Both losses at each tick of the trials that rank first."""
    pairs = [(one, other) for one in DISCRIMINATOR for other in GENERATOR]
    found = ((pair, best_courses(sweep, pair, TOP)) for pair in pairs)
    pair, courses = next(((p, c) for p, c in found if c), (pairs[-1], ()))
    courses = tuple(_in_stages(course) for course in courses)
    missing = "" if courses else "No trial that can be ranked has reported both losses."
    return PlayersInfo(sweep.column(pair[0]), sweep.column(pair[1]), courses, missing)


def _in_stages(course: Course) -> Course:
    images, *values = (
        tuple(float(part.mean()) for part in np.array_split(row, min(STAGES, len(row))))
        for row in (course.images, *course.values)
    )
    return course._replace(images=images, values=tuple(values))


def draw(info: PlayersInfo) -> go.Figure:
    """A line per trial from a small dot, its first tick, to a large one, its last."""
    chart = _style.figure(info.discriminator.title, info.generator.title, height=380)
    for course in reversed(info.courses):
        x, y = (np.array(values) for values in course.values)
        sizes = np.full(len(x), 4)
        sizes[-1] = 12
        chart.add_scatter(
            x=x,
            y=y,
            text=[f"{value_text(round(images))} pictures" for images in course.images],
            mode="lines+markers",
            name=f"#{course.rank} {course.trial}",
            meta={"trial": course.number},
            legendrank=course.rank,
            line={"color": course.color, "width": 1.8},
            marker={"size": sizes, "color": course.color, "line": {"width": 0}},
            hovertemplate=f"{course.trial}, %{{text}}: %{{x:.3g}}, %{{y:.3g}}<extra></extra>",
        )
    if info.discriminator.name == DISCRIMINATOR[0] and info.courses:
        chart.add_vline(
            x=1,
            line={"color": _style.SOFT, "width": 1, "dash": "dot"},
            annotation_text="D guesses",
            annotation_font={"size": 11, "color": _style.SOFT},
            annotation_position="bottom right",
        )
        chart.update_xaxes(rangemode="tozero")
    chart.update_xaxes(showgrid=True)
    chart.update_layout(showlegend=True)
    return chart


def caption(info: PlayersInfo) -> str:
    """How to read it."""
    if info.missing:
        return ""
    text = (
        f"The best {count_text(len(info.courses), 'trial')} in at most {STAGES} steps, from small "
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
    places = {"first": 0, "middle": None, "last": -1}
    rows = []
    for course in info.courses:
        row: dict[str, object] = {"trial": course.trial, "rank": course.rank}
        for word, place in places.items():
            at = len(course.images) // 2 if place is None else place
            for player, values in zip(("D", "G"), course.values, strict=True):
                row[f"{player}, {word}"] = value_text(values[at])
        rows.append(row)
    names = [f"{player}, {word}" for word in places for player in ("D", "G")]
    return pd.DataFrame(rows, columns=["trial", "rank", *names])
