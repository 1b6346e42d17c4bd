"""One contract for every chart in the folder, over every awkward sweep and a large one."""

import json
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

import reports.charts
from reports.charts._style import MAX_POINTS
from reports.page.page import GROUPS, chart_modules
from reports.tables import SweepTables

NAMES = sorted(path.stem for path in Path(reports.charts.__path__[0]).glob("[!_]*.py"))


def test_every_chart_is_on_the_page() -> None:
    assert sorted(chart.__name__.rpartition(".")[2] for chart in chart_modules()) == NAMES
    places = [(chart.GROUP, chart.ORDER) for chart in chart_modules()]
    assert len(set(places)) == len(NAMES)
    assert list(dict.fromkeys(group for group, _ in places)) == list(GROUPS)


def test_names_on_the_page_are_distinct() -> None:
    assert len({import_module(f"reports.charts.{name}").ID for name in NAMES}) == len(NAMES)


def drawn(chart: ModuleType, info: Any) -> go.Figure:
    """The figure, after checking what is said of it and that it can stand in the page."""
    assert isinstance(info.missing, str)
    if info.missing:
        return go.Figure()
    assert isinstance(chart.caption(info), str)
    assert isinstance(chart.table(info), pd.DataFrame)
    assert len(chart.table(info))
    figure = chart.draw(info)
    text = figure.to_json(engine="json")
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert "<img" not in text.replace("\\u003c", "<")
    return figure


def check_links(figure: go.Figure, numbers: set[int]) -> None:
    """Traces tell which trials their points, lines or rows are, in the way that the page reads."""
    for trace in figure.data:
        if trace.meta == "trials":
            assert isinstance(trace.customdata, np.ndarray)
            assert trace.customdata.dtype.kind == "i"
            assert trace.customdata.shape == (len(trace.x),) == (len(trace.y),)
            assert set(trace.customdata.tolist()) <= numbers
        elif trace.meta is not None:
            assert set(trace.meta) == {"trial"}
            assert type(trace.meta["trial"]) is int
            assert trace.meta["trial"] in numbers
        else:
            assert trace.meta is None and trace.customdata is None


def check_weight(figure: go.Figure) -> None:
    """Numbers are typed arrays, few enough for a browser, and nothing needs WebGL."""
    for trace in figure.data:
        assert trace.type in ("scatter", "bar", "heatmap")
        assert isinstance(trace.x, np.ndarray | None) and isinstance(trace.y, np.ndarray | None)
        many = trace.x if trace.customdata is None else np.unique(trace.customdata)
        if trace.type == "heatmap" and many is None:  # its cells are counted instead
            many = np.ravel(trace.z)
        assert len(many) <= MAX_POINTS


@pytest.mark.parametrize("name", NAMES)
def test_contract(name: str, awkward: SweepTables) -> None:
    chart = import_module(f"reports.charts.{name}")
    assert chart.ID and chart.TITLE
    for index, choice in enumerate(chart.each(awkward)):
        assert set(chart.GRID) <= set(choice)
        info = chart.prepare(awkward, **choice)
        # Twice the same; the first panel is what its defaults choose.
        by_default = index == 0 and not chart.GRID
        assert info == chart.prepare(awkward, **({} if by_default else choice))
        figure = drawn(chart, info)
        check_links(figure, set(awkward.trials["number"]))
        check_weight(figure)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_contract_of_ten_thousand_trials(name: str, large: SweepTables) -> None:
    chart = import_module(f"reports.charts.{name}")
    for choice in chart.each(large)[:1]:
        figure = drawn(chart, chart.prepare(large, **choice))
        check_links(figure, set(large.trials["number"]))
        check_weight(figure)


LINKED = {"best_so_far", "pareto", "dimensions", "balance_map", "compared", "parallel"}
LINES = {"learning_curves", "losses"}


@pytest.mark.parametrize("name", sorted(LINKED | LINES))
def test_charts_of_trials_are_linked(name: str, build, hostile: Any, large: Any) -> None:
    chart = import_module(f"reports.charts.{name}")
    found = []
    choice = {"loss.adversarial": {"type": "choice", "choices": ["bce", "hinge"]}}
    compared = build(choice, design="compare").compare({"bce": [9.0], "hinge": [8.0]}, *choice)
    for sweep in (hostile, large, compared.tables()):
        for choice in chart.each(sweep)[:2]:
            figure = chart.draw(chart.prepare(sweep, **choice))
            found += [trace.meta for trace in figure.data if trace.meta is not None]
    assert found
    assert ("trials" in found) == (name in LINKED)
