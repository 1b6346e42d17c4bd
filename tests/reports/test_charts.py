"""One contract for every chart in the folder, over every awkward sweep."""

from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

import reports.charts
from reports.page import CHARTS
from reports.tables import SweepTables

NAMES = sorted(path.stem for path in Path(reports.charts.__path__[0]).glob("[!_]*.py"))


def test_every_chart_is_on_the_page() -> None:
    assert sorted(CHARTS) == NAMES


def test_names_on_the_page_are_distinct() -> None:
    assert len({import_module(f"reports.charts.{name}").ID for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_contract(name: str, awkward: SweepTables) -> None:
    chart = import_module(f"reports.charts.{name}")
    assert chart.ID and chart.TITLE and chart.SHORT
    for choice in chart.each(awkward):
        assert set(chart.GRID) <= set(choice)
        info = chart.prepare(awkward, **choice)
        assert info == chart.prepare(awkward, **choice)
        assert isinstance(chart.caption(info), str)
        assert isinstance(chart.table(info), pd.DataFrame)
        text = chart.draw(info).to_json(engine="json")
        assert "NaN" not in text
        assert "<img" not in text.replace("\\u003c", "<")
        if not info.missing:
            assert len(chart.table(info))


@pytest.mark.parametrize("name", NAMES)
def test_defaults_choose_the_first_panel(name: str, awkward: SweepTables) -> None:
    chart = import_module(f"reports.charts.{name}")
    choices = chart.each(awkward)
    if choices and not chart.GRID:
        assert chart.prepare(awkward) == chart.prepare(awkward, **choices[0])
