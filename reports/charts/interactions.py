"""Two dimensions together: what each combination of values came to, and how often it was tried."""

import math
from itertools import combinations, permutations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from colornet.cli_result import count_text
from reports.charts import _style
from reports.charts._axes import ABSENT, NOT_ACTIVE
from reports.charts.importance import strongest
from reports.format import bound_text, setting_labels, setting_text, significant, value_text
from reports.tables import Column, SweepTables, setting_key
from spaces.dimensions import Dimension

ID, TITLE = "interactions", "Two dimensions together"
GROUP, ORDER = "mattered", 50
GRID = ()
JOIN = " × "
STRONGEST = 5
"""Dimensions whose pairs are offered: ten of them."""
BINS = 5
MAX_CATEGORIES = 10
FEW = 3
"""Trials below which a cell says little."""
OTHERS = "others"
LONGEST = 18
"""Characters of a tick label."""


class Cell(NamedTuple):
    """One combination: its column and row, and what its comparable trials came to.

    Their median and mean (None without any), how many they are, and how many trials failed there.
    """

    x: int
    y: int
    median: float | None
    mean: float | None
    trials: int
    failed: int


class InteractionsInfo(NamedTuple):
    """The cells that were tried; `columns` and `rows` name their places."""

    objective: Column
    x: str
    y: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[Cell, ...]
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """Every objective, and for it the pairs of the strongest dimensions, the strongest first."""
    names = strongest(sweep)[:STRONGEST]
    places = sorted(combinations(range(len(names)), 2), key=lambda pair: (sum(pair), pair))
    pairs = [JOIN.join((names[first], names[second])) for first, second in places]
    return [{**panel, "pair": pair} for panel in sweep.panels() for pair in pairs]


def prepare(
    sweep: SweepTables, objective: str | None = None, pair: str | None = None
) -> InteractionsInfo:
    """Median and count of each combination.

    Args:
        objective: a metric column, by default the leading objective.
        pair: names of two dimensions joined by ` × `, by default the two strongest.

    Raises:
        KeyError: when the space has no such pair.
    """
    column = sweep.column(objective or sweep.leading.name)
    pairs = {JOIN.join((a.name, b.name)): (a, b) for a, b in permutations(sweep.dimensions, 2)}
    x, y = pairs[JOIN.join(strongest(sweep)[:2]) if pair is None else pair]
    rows = sweep.outcomes(column.name, "scored", "failed")
    columns, at_x = _cells(x, [point.get(x.name, ABSENT) for point in rows["point"]])
    lines, at_y = _cells(y, [point.get(y.name, ABSENT) for point in rows["point"]])
    scored = (rows["kind"] == "scored").to_numpy()
    frame = pd.DataFrame({"x": at_x, "y": at_y, "scored": scored})
    frame["value"] = rows["value"].where(rows["kind"] == "scored").to_numpy(dtype=float)
    cells = frame.groupby(["x", "y"]).agg({"value": ["median", "mean"], "scored": ["sum", "size"]})
    return InteractionsInfo(
        objective=column,
        x=x.name,
        y=y.name,
        columns=columns,
        rows=lines,
        cells=tuple(
            Cell(*map(int, place), *(values if trials else (None, None)), trials, size - trials)
            for place, *values, trials, size in cells.itertuples(name=None)
        ),
        missing="" if scored.any() else "No trial has finished with a comparable value yet.",
    )


def _cells(dimension: Dimension, settings: list[Any]) -> tuple[tuple[str, ...], list[int]]:
    """Names of the cells along a dimension, and the cell of each setting.

    Trials to which it does not apply come first, then the special value, then choices or parts of
    the range.
    """
    apart = [value is ABSENT or value in dimension.special for value in settings]
    regular = [value for value, out in zip(settings, apart, strict=True) if not out]
    divide = _choices if dimension.is_categorical else _parts
    labels, places = divide(dimension, regular)
    first = [NOT_ACTIVE] if ABSENT in settings else []
    if sum(apart) > settings.count(ABSENT):
        first.append(setting_text(dimension.special[0]))
    inside = iter(places)
    return (*first, *labels), [
        next(inside) + len(first) if not out else 0 if value is ABSENT else len(first) - 1
        for value, out in zip(settings, apart, strict=True)
    ]


def _choices(dimension: Dimension, settings: list[Any]) -> tuple[list[str], list[int]]:
    """In the order of the study; of many the first, and the others together."""
    by_key = setting_labels(dimension, settings)
    labels, last = list(by_key.values()), len(by_key) - 1
    if len(labels) > MAX_CATEGORIES:
        last = MAX_CATEGORIES - 1
        labels = [*labels[:last], OTHERS]
    places = {key: min(index, last) for index, key in enumerate(by_key)}
    return labels, [places[setting_key(value)] for value in settings]


def _parts(dimension: Dimension, settings: list[Any]) -> tuple[list[str], list[int]]:
    """Equal parts of the range, or of its logarithm; few values by themselves."""
    distinct = sorted(set(settings))
    if len(distinct) <= BINS:
        return list(map(setting_text, distinct)), list(map(distinct.index, settings))
    bounds = [end for end in (dimension.low, dimension.high) if end is not None]
    low, high = min([*distinct, *bounds]), max([*distinct, *bounds])
    spaced = np.geomspace if dimension.is_log and low > 0 else np.linspace
    edges = spaced(low, high, BINS + 1)
    if (spacing := dimension.spacing) is not None:
        # Edges lie on values that occur, so that no cell promises some that it cannot have.
        rest = low % spacing
        steps = np.unique(((edges[:-1] - rest) / spacing).round())
        edges = np.append(rest + spacing * steps, high + spacing)
        numbers = [int(edge) if dimension.is_int else float(edge) for edge in edges]
        begins = [setting_text(number) for number in numbers]
        ends = [setting_text(number - spacing) for number in numbers]
    else:
        begins = ends = [bound_text(edge) for edge in edges]
    pairs = zip(begins[:-1], ends[1:], strict=True)
    labels = [begin if begin == end else f"{begin} – {end}" for begin, end in pairs]
    places = np.searchsorted(edges[1:-1], np.array(settings, dtype=float), side="right")
    return labels, places.tolist()


def draw(info: InteractionsInfo) -> go.Figure:
    """Full cells where there are enough trials, pale dashed ones where there are few."""
    height = 130 + 48 * max(len(info.rows), 3)
    chart = _style.figure(info.x, info.y, height, showlegend=False, margin={"t": 8})
    enough = [cell for cell in info.cells if cell.trials >= FEW]
    few = [cell for cell in info.cells if 0 < cell.trials < FEW]
    view = _style.view_range([cell.median or 0.0 for cell in enough or few])
    if enough or few:
        chart.add_trace(_heat(info, enough, view, True))
        chart.add_trace(_heat(info, few, view, False))
    lost = [cell for cell in info.cells if not cell.trials]
    chart.add_scatter(
        x=np.array([cell.x for cell in lost]),
        y=np.array([cell.y for cell in lost]),
        mode="text",
        text=[_count(cell) for cell in lost],
        textfont={"size": 11, "color": _style.SOFT},
        hovertext=[_words(info, cell) for cell in lost],
        hovertemplate="%{hovertext}<extra></extra>",
        showlegend=False,
    )
    for cell in few:
        edge = {"color": _style.SOFT, "width": 1, "dash": "dot"}
        x0, x1, y0, y1 = cell.x - 0.46, cell.x + 0.46, cell.y - 0.44, cell.y + 0.44
        chart.add_shape(type="rect", x0=x0, x1=x1, y0=y0, y1=y1, line=edge)
    for axis, labels in (("xaxis", info.columns), ("yaxis", info.rows)):
        chart.layout[axis].update(
            **_style.category_axis(labels, LONGEST),
            showgrid=False,
            autotickangles=[0, -40, -90],
        )
    return chart


def _heat(
    info: InteractionsInfo, cells: list[Cell], view: tuple[float, float], enough: bool
) -> go.Heatmap:
    shape = (len(info.rows), len(info.columns))
    z = np.full(shape, math.nan)
    inside, hover = np.full(shape, "", dtype=object), np.full(shape, "", dtype=object)
    for cell in cells:
        assert cell.median is not None
        z[cell.y, cell.x] = cell.median
        inside[cell.y, cell.x] = f"{value_text(significant(cell.median, 3))}<br>{_count(cell)}"
        hover[cell.y, cell.x] = _words(info, cell)
    text: dict[str, Any] = {"size": 12 if len(info.columns) <= BINS else 10}
    if not enough:
        text["color"] = _style.INK
    return go.Heatmap(
        z=z,
        text=inside,
        texttemplate="%{text}",
        textfont=text,
        hovertext=hover,
        hovertemplate="%{hovertext}<extra></extra>",
        hoverongaps=False,
        opacity=1 if enough else 0.35,
        zmin=view[0],
        zmax=view[1],
        colorscale=_style.colorscale(info.objective.sign),
        colorbar=_style.colorbar(f"{info.objective.title}, median"),
        showscale=enough,
        xgap=2,
        ygap=2,
    )


def _count(cell: Cell) -> str:
    whole = f"/{cell.trials + cell.failed}" if cell.failed else ""
    return f"n {cell.trials}{whole}"


def _words(info: InteractionsInfo, cell: Cell) -> str:
    combination = f"{info.x}: {info.columns[cell.x]}; {info.y}: {info.rows[cell.y]}"
    text = f"{count_text(cell.trials, 'trial')}"
    if cell.trials:
        text += f", median {value_text(cell.median)}, mean {value_text(cell.mean)}"
    if cell.failed:
        text += f"; {cell.failed} failed"
    return _style.safe(f"{combination} → {text}")


def caption(info: InteractionsInfo) -> str:
    """How many trials the cells are based on, and which say little."""
    trials, failed = (sum(getattr(cell, name) for cell in info.cells) for name in Cell._fields[4:])
    text = (
        f"Median {info.objective.label} of each combination and its number n of trials, from "
        f"{count_text(trials, 'trial')} of equal budget"
    )
    if any(0 < cell.trials < FEW for cell in info.cells):
        text += f"; pale with a dotted edge where there are fewer than {FEW}"
    if failed:
        text += f"; 3/4: of 4 there one failed, in all {value_text(failed)}"
    empty = len(info.cells) < len(info.columns) * len(info.rows)
    return text + (". Empty cells were not tried." if empty else ".")


def table(info: InteractionsInfo) -> pd.DataFrame:
    """Median, mean and counts of each combination that was tried."""
    rows = [(info.columns[cell.x], info.rows[cell.y], *cell[2:]) for cell in info.cells]
    names = [info.x, info.y, f"median {info.objective.title}", "mean", "trials", "failed"]
    return pd.DataFrame(rows, columns=names)
