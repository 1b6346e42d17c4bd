"""Rows that anybody may have written: what does not fit is left out, and said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from colornet.errors import InputError
from reports.commands import best, report
from search.records.reader import read_sweep
from search.records.schema import valid_rows
from search.records.writer import RecordsWriter
from search.run.recorder import Recorder
from search.run.resume import resume_sweep
from search.status import status_of, status_text
from spaces.study import Study

NAMES = ["../../victim", "..", ".", "", "/etc", "a/b", "a\0b", "a\nb", "-x", "a.b", "é", "x" * 65]


def row(**changes: Any) -> dict[str, Any]:
    return {
        "trial_id": "t00009",
        "number": 9,
        "attempt": 0,
        "seed": 0,
        "state": "completed",
        "origin": "search",
        "point_id": "p",
        "point": "{}",
        "distributions": "{}",
        "system_attrs": "{}",
        "config": "{}",
        **changes,
    }


def put(folder: Path, **changes: Any) -> None:
    writer = RecordsWriter(folder)
    writer.add("trials", row(**changes))
    writer.commit()


@pytest.mark.parametrize("name", NAMES)
def test_a_trial_whose_name_could_be_a_path_is_none(played: Path, name: str) -> None:
    before = read_sweep(played).trials
    put(played, trial_id=name)
    found = read_sweep(played)
    assert found.trials["trial_id"].tolist() == before["trial_id"].tolist()
    (problem,) = found.problems
    assert problem.startswith("records/trials: 1 row left out: trial_id is no name of a trial")


@pytest.mark.parametrize("table", ["ticks", "pictures"])
def test_no_more_are_its_ticks_and_pictures(played: Path, table: str) -> None:
    writer = RecordsWriter(played)
    more = {"tick": 1, "images": 1, "kind": "truth", "split": "val", "picture_hash": "h"}
    named = row(trial_id="../../victim")
    shared = {key: named[key] for key in ("trial_id", "number", "attempt", "seed")}
    columns = {k: more[k] for k in ("tick", "images")} if table == "ticks" else more
    writer.add(table, {**shared, **columns})
    writer.commit()
    assert f"records/{table}: 1 row left out: trial_id" in str(read_sweep(played).problems)
    sweep = read_sweep(played)
    frame = sweep.ticks if table == "ticks" else sweep.pictures()
    assert len(frame)
    assert "../../victim" not in set(frame["trial_id"])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("seconds", bad) for bad in (-1.0, -1e308, 1e10, 1e308)),
        *(("images", bad) for bad in (-1, 2**60)),
    ],
)
def test_a_tick_of_no_time_or_number_of_pictures_that_there_can_be(
    played: Path, column: str, value: float
) -> None:
    known = row(trial_id="t00000", number=0)
    tick = {key: known[key] for key in ("trial_id", "number", "attempt", "seed")}
    before = len(read_sweep(played).ticks)
    writer = RecordsWriter(played)
    writer.add("ticks", {**tick, "tick": 99, "images": 9, "seconds": 9.0, column: value})
    writer.commit()
    found = read_sweep(played)
    assert len(found.ticks) == before
    assert f"records/ticks: 1 row left out: {column} is no" in str(found.problems)


def test_a_tick_may_lack_time_and_number_of_pictures(played: Path) -> None:
    known = row(trial_id="t00000", number=0)
    tick = {key: known[key] for key in ("trial_id", "number", "attempt", "seed")}
    before = len(read_sweep(played).ticks)
    writer = RecordsWriter(played)
    writer.add("ticks", {**tick, "tick": 99})
    writer.commit()
    assert len(read_sweep(played).ticks) == before + 1


DAMAGE: list[dict[str, Any]] = [
    {"trial_id": None},
    {"number": None},
    {"number": -1},
    {"number": 2**60},
    {"attempt": None},
    {"seed": None},
    {"config": "not json"},
    {"config": "[" * 100_000},
    {"config": '{"a": ' + "1" * 5000 + "}"},
    {"point": "[1, 2]"},
    {"point": "3"},
    {"system_attrs": "null"},
    {"distributions": '{"a"'},
    {"state": ""},
    {"origin": "x" * 900_000},
]


def test_damaged_rows_are_left_out_and_told_by_every_command(played: Path, tmp_path: Path) -> None:
    writer = RecordsWriter(played)
    for changes in DAMAGE:
        writer.add("trials", row(**changes))
    writer.commit()
    texts = [
        status_text(status_of(str(played))),
        report(str(played), out=tmp_path / "page.html").text(),
        best(str(played), out=tmp_path / "best.yaml").text(),
    ]
    counts = {name: sum(name in changes for changes in DAMAGE) for name in row()}
    for name, count in counts.items():
        said = f"records/trials: {count} row{'s' if count > 1 else ''} left out: {name} is no"
        for text in texts:
            assert (said in text) is (count > 0), text
    assert len(read_sweep(played).trials) == 6


def test_no_deletion_leaves_a_sweep(make_sweep: Callable[..., Path], tmp_path: Path) -> None:
    """A trial's checkpoints are deleted when it has ended: by its name."""
    folder = make_sweep(2)
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "mine").write_text("mine")
    (folder / "checkpoints").mkdir()
    put(folder, number=0, trial_id="../../victim", state="failed")
    put(folder, number=1, trial_id="t00001", state="failed", origin="confirm")
    (folder / "checkpoints" / "t00001").symlink_to(victim)
    recorder = Recorder(folder, Study.from_data(read_sweep(folder).study, "study.yaml"))
    recorder.close()
    assert (victim / "mine").read_text() == "mine"
    assert not (folder / "checkpoints" / "t00001").is_symlink()


def test_a_sweep_with_links_that_lead_out_is_not_gone_on_with(played: Path, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (played / "checkpoints").mkdir(exist_ok=True)
    (played / "checkpoints" / "t00007").symlink_to(tmp_path / "victim")
    with pytest.raises(InputError, match="checkpoints/t00007: is a link that leads out") as caught:
        resume_sweep(str(played))
    assert len(str(caught.value).splitlines()) <= 3


def test_sound_rows_are_kept() -> None:
    good = {"seq": 1, "time": pd.Timestamp("2026-01-01", tz="UTC"), **row()}
    kept, problems = valid_rows("trials", pd.DataFrame([good, {**good, "attempt": 3}]))
    assert kept.tolist() == [True, True]
    assert problems == []
    kept, problems = valid_rows("trials", pd.DataFrame([good, {**good, "time": pd.NaT}]))
    assert kept.tolist() == [True, False]
    assert problems == [
        "records/trials: 1 row left out: time is no time of this century, such as NaT"
    ]


@pytest.mark.parametrize("year", ["-0005", "10000", "200000"])
def test_a_time_that_python_cannot_write_is_named_all_the_same(year: str) -> None:
    times = pd.Series([np.datetime64(f"{year}-01-01", "us")]).dt.tz_localize("UTC")
    valid, problems = valid_rows("ticks", pd.DataFrame({"time": times}))
    assert valid.tolist() == [False]
    assert problems == [
        "records/ticks: 1 row left out: time is no time of this century, such as a time that no "
        "calendar has"
    ]
