"""The page on several sweeps."""

import json
import re

from reports.answers.sweeps import compare_sweeps
from reports.commands import report
from reports.page.comparison import render
from reports.page.gallery import SideBySide, side_by_side
from reports.tables import SweepTables


def page_of(sweeps: list[SweepTables], pictures: int = 1) -> str:
    return render(compare_sweeps(sweeps), sweeps, pictures)


def beside(sweeps: list[SweepTables]) -> SideBySide:
    return side_by_side(["a", "b"], sweeps, ["t00000", "t00000"])


def test_sweeps_without_a_trial(build) -> None:
    page = page_of([build(name="a").tables(), build(name="b").tables()])
    assert "No trial has finished" in page


def test_pictures_are_matched_by_their_content(build, build_confirmed) -> None:
    first = build_confirmed("a", [6.0, 7.0, 8.0])
    other = build_confirmed("b", [6.0, 7.0, 8.0])
    gallery = beside([first, other])
    assert gallery.columns == ("Grey (input)", "Truth", "a", "b")
    assert len(gallery.rows) == 2
    assert all(tile.startswith("data:image/webp") for _, tiles in gallery.rows for tile in tiles)
    assert "Grey (input)" not in page_of([first, other], pictures=0)
    bare = build(name="c")
    bare.trial({}, 9.0)
    gallery = beside([first, bare.tables()])
    assert "no fixed picture" in gallery.missing


def test_the_page(build_confirmed, tmp_path, hostile) -> None:
    first = build_confirmed("a", [6.0, 7.0, 8.0])
    page = page_of([first, hostile])
    assert page == page_of([first, hostile])
    assert "<img src=x" not in page and "<b>=1+1" not in page
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page.split('id="page-data"')[0])
    result = report(first.records.location, hostile.records.location, out=tmp_path / "c.html")
    assert result.data()["bytes"] == (tmp_path / "c.html").stat().st_size
    assert result.text().startswith("Report  ")
    json.dumps(result.data(), allow_nan=False)
