"""Parts that are missing while others are there: every command says what is missing."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colornet.errors import NoValidTrialError
from reports.commands import best, report
from reports.export import export_csv
from search.export import export_optuna
from search.records.parts import SCHEMAS, write_part
from search.records.reader import read_sweep
from search.records.writer import RecordsWriter
from search.run.recorder import Recorder
from search.run.resume import resume_sweep
from search.status import status_of, status_text
from spaces.study import Study

TABLES = ("trials", "ticks", "pictures")


def parts(folder: Path, table: str) -> list[Path]:
    return sorted((folder / "records" / table).glob("part-*.parquet"))


def remove(folder: Path, table: str, holding: str | None = None) -> None:
    """Remove the parts that hold a trial, or all."""
    import pyarrow.parquet as pq

    for part in parts(folder, table):
        held = pq.read_table(part, columns=["trial_id"]).column("trial_id").to_pylist()
        if holding is None or holding in held:
            part.unlink()


def problems(folder: Path) -> list[str]:
    return read_sweep(folder).problems


def test_nothing_is_missing_of_a_whole_sweep(played: Path, make_sweep: Callable[..., Path]) -> None:
    assert problems(played) == []
    assert problems(make_sweep(name="fresh")) == []


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("trials", "records/trials: rows of 6 trials are missing (rows): t00000, t00001, t00002"),
        ("ticks", "records/ticks: ticks of 4 trials are missing (rows): t00000, t00001, t00004"),
        ("pictures", "records/pictures: pictures of 4 trials are missing (rows): t00000, t00001"),
    ],
)
def test_a_whole_table(played: Path, tmp_path: Path, table: str, said: str) -> None:
    def without_counts(text: str) -> str:
        """How many rows the other tables know of depends on what was written together."""
        return re.sub(r"\d+ rows", "rows", text)

    remove(played, table)
    assert said in without_counts("\n".join(problems(played)))
    (played / "records" / table).rmdir()
    assert said in without_counts("\n".join(problems(played)))
    assert said in without_counts(status_text(status_of(str(played))))
    assert said in without_counts(report(str(played), out=tmp_path / "page.html").text())
    assert "records/" + table in (tmp_path / "page.html").read_text()
    assert said in without_counts(export_csv(str(played), out=tmp_path / "a.csv").text())
    assert said in without_counts(export_optuna(str(played), out=tmp_path / "a.journal").text())
    if table == "pictures":
        assert said in without_counts(best(str(played), out=tmp_path / "best.yaml").text())
        return
    with pytest.raises(NoValidTrialError) as caught:
        best(str(played), out=tmp_path / "best.yaml")
    missing = {"trials": "the records of 6 trials", "ticks": "the ticks of 4 trials"}[table]
    assert f"no trial can be chosen: {missing} are missing" in str(caught.value)


def test_a_trial_that_is_gone_is_counted(played: Path, tmp_path: Path) -> None:
    remove(played, "trials")
    shown = status_text(status_of(str(played)))
    assert "the records of 6 missing" in shown
    assert "none started" not in shown
    assert (
        "0 trials, the records of 6 missing" in report(str(played), out=tmp_path / "a.html").text()
    )


@pytest.mark.parametrize("table", TABLES)
def test_one_part(make_sweep: Callable[..., Path], table: str) -> None:
    folder = make_sweep(1)
    writer = RecordsWriter(folder)
    for number in range(5):
        add(writer, number)
        writer.commit()
    assert problems(folder) == []
    remove(folder, table, "t00002")
    (problem,) = problems(folder)
    what = "rows" if table == "trials" else table
    assert problem.startswith(f"records/{table}: {what} of 1 trial are missing (")
    assert problem.endswith(": t00002")
    assert read_sweep(folder).missing == (("t00002",) if table == "trials" else ())


def add(writer: RecordsWriter, number: int, ticks: int = 3) -> None:
    row = {"trial_id": f"t{number:05d}", "number": number, "attempt": 0, "seed": 0}
    for tick in range(1, ticks + 1):
        writer.add("ticks", {**row, "tick": tick, "images": 32 * tick})
    writer.add("pictures", {**row, "kind": "truth", "split": "val", "picture_hash": "h"})
    point = {"point": {}, "config": {}, "distributions": {}, "system_attrs": {}}
    writer.add(
        "trials", {**row, **point, "state": "completed", "origin": "search", "point_id": "p"}
    )


def test_a_part_of_a_trial_s_ticks(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(1)
    writer = RecordsWriter(folder)
    row = {"trial_id": "t00000", "number": 0, "attempt": 0, "seed": 0}
    for tick in (1, 2, 3):
        writer.add("ticks", {**row, "tick": tick, "images": 32 * tick})
        writer.commit()
    writer.add("trials", {**row, "state": "running"})
    writer.commit()
    parts(folder, "ticks")[1].unlink()
    assert problems(folder) == ["records/ticks: ticks of 1 trial are missing (1 row): t00000"]


def test_a_part_that_is_torn(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(1)
    writer = RecordsWriter(folder)
    for number in range(3):
        add(writer, number)
        writer.commit()
    part = parts(folder, "ticks")[1]
    part.write_bytes(part.read_bytes()[:-9])
    (problem,) = problems(folder)
    assert problem.startswith(f"records/ticks/{part.name} cannot be read: it is damaged")
    assert problem.endswith("; ticks of 1 trial are missing (3 rows): t00001")


def test_what_nobody_can_be_told_of(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(1)
    writer = RecordsWriter(folder)
    row = {"trial_id": "t00000", "number": 0, "attempt": 0, "seed": 0}
    for state in ("running", "preempted", "running"):
        writer.add("trials", {**row, "state": state})
        writer.commit()
    parts(folder, "trials")[1].unlink()
    said = "records/trials: rows are missing (1 row), of which trials is not known"
    assert problems(folder) == [said]


def test_merged_parts_know_it_too(
    make_sweep: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.records.parts.MERGE_AT", 4)
    folder = make_sweep(1)
    writer = RecordsWriter(folder)
    for number in range(9):
        add(writer, number)
        writer.commit()
    assert problems(folder) == []
    merged = [part for part in parts(folder, "ticks") if part.name.startswith("part-1-")]
    merged[0].unlink()
    assert "records/ticks: ticks of 4 trials are missing (12 rows)" in problems(folder)[0]


def test_a_half_done_merge_hides_nothing(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(1)
    writer = RecordsWriter(folder)
    for number in range(3):
        add(writer, number)
        writer.commit()
    again = RecordsWriter(folder)
    from search.records.parts import read_parts

    content, _ = read_parts(again.storage, "ticks")
    assert content is not None
    write_part(again.storage, "ticks", content, 1, counts=again._counts)
    assert problems(folder) == []
    remove(folder, "ticks", "t00001")
    assert "records/ticks: ticks of 1 trial are missing (3 rows): t00001" in problems(folder)[0]


def test_a_loss_is_not_forgotten_when_the_sweep_goes_on(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(1)
    writer = RecordsWriter(folder)
    for number in range(3):
        add(writer, number)
        writer.commit()
    remove(folder, "ticks", "t00001")
    writer = RecordsWriter(folder)
    add(writer, 3)
    writer.commit()
    assert problems(folder) == ["records/ticks: ticks of 1 trial are missing (3 rows): t00001"]


def test_parts_that_count_nothing(played: Path) -> None:
    """Those of earlier releases: what each trial must have left tells."""
    import pyarrow.parquet as pq

    from colornet.storage import Storage

    for table in SCHEMAS:
        for part in parts(played, table):
            content = pq.read_table(part).replace_schema_metadata(None)
            part.unlink()
            write_part(Storage.at(played), table, content)
    assert problems(played) == []
    remove(played, "ticks")
    assert "records/ticks: ticks of 4 trials are missing: t00000, t00001" in str(problems(played))


def test_a_number_that_is_gone_is_not_given_again(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(8)
    writer = RecordsWriter(folder)
    row: dict[str, Any] = {"trial_id": "t00005", "number": 5, "attempt": 0, "seed": 0}
    writer.add("ticks", {**row, "tick": 1, "images": 32})
    writer.commit()
    recorder = Recorder(folder, Study.from_data(read_sweep(folder).study, "study.yaml"))
    chosen = recorder.next()
    assert chosen is not None
    assert chosen.trial_id == "t00006"
    recorder.flush(force=True)


def test_going_on_says_it(
    make_study: Callable[..., Study],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from search.run.create import new_sweep

    monkeypatch.setenv("COLORSWEEP_CACHE", str(tmp_path / "cache"))
    fixed = {"data.pictures": 80, "data.image_size": 16, "training.images": 64}
    fixed |= {"training.ticks": 2, "training.batch_size": 8}
    folder = Path(new_sweep(make_study(fixed=fixed), str(tmp_path / "sweep")))
    writer = RecordsWriter(folder)
    for number in range(2):
        add(writer, number)
        writer.commit()
    remove(folder, "ticks")
    with caplog.at_level(logging.WARNING):
        resume_sweep(str(folder))
    assert "records/ticks: ticks of 2 trials are missing (6 rows): t00000, t00001" in caplog.text
