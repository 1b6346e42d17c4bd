"""A damaged, half-written or foreign file never stops a report: what is missing is named."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from colornet.errors import InputError, NoValidTrialError
from reports.answers.answers import report_data
from reports.commands import best, report
from reports.tables import open_sweep
from search.status import status_of, status_text


@pytest.fixture
def sweep(build) -> Path:
    made = build()
    for index in range(6):
        made.trial({"optimizer.generator_lr": 1e-4 * (index + 1)}, 9.0 + index, pictures=1)
        made.writer.commit()
    return made.folder


def parts(sweep: Path, table: str) -> list[Path]:
    return sorted((sweep / "records" / table).glob("part-*.parquet"))


def put(path: Path, content: pa.Table) -> Path:
    """Replace a part by other rows, under the name that belongs to them."""
    sink = io.BytesIO()
    pq.write_table(content, sink)
    data = sink.getvalue()
    digest = hashlib.sha256(data).hexdigest()[:16]
    path.unlink()
    path = path.with_name(f"{path.name.rsplit('-', 1)[0]}-{digest}.parquet")
    path.write_bytes(data)
    return path


def page_of(sweep: Path) -> str:
    result = report(str(sweep), out=sweep.parent / "page.html")
    assert "Traceback" not in result.text()
    report_data(result.tables)
    return result.path.read_text()


def problems(sweep: Path) -> str:
    """What a report says of its records."""
    return "\n".join(open_sweep(str(sweep)).records.problems)


@pytest.mark.parametrize("table", ["trials", "ticks", "pictures"])
@pytest.mark.parametrize(
    "harm",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: b"<html>no such thing</html>",
        lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:],
    ],
    ids=["empty", "half", "a byte short", "foreign", "a flipped bit"],
)
def test_a_damaged_part_is_named(sweep: Path, table: str, harm: Callable[[bytes], bytes]) -> None:
    part = parts(sweep, table)[2]
    part.write_bytes(harm(part.read_bytes()))
    assert f"records/{table}/{part.name} cannot be read" in problems(sweep)
    trials = len(open_sweep(str(sweep)).trials)
    assert trials == (5 if table == "trials" else 6)


@pytest.mark.parametrize("table", ["trials", "ticks", "pictures"])
def test_every_part_of_a_table_is_damaged(sweep: Path, table: str) -> None:
    for part in parts(sweep, table):
        part.write_bytes(b"PAR1")
    page = page_of(sweep)
    assert page.count(f"records/{table}/part-") >= 6


@pytest.mark.parametrize("name", ["notes.txt", ".part-0-1.parquet.x7", "part-0.parquet.tmp"])
def test_a_foreign_file_is_passed_over(sweep: Path, name: str) -> None:
    (sweep / "records" / "trials" / name).write_bytes(b"mine")
    assert open_sweep(str(sweep)).records.problems == []


def test_an_older_part_lacks_a_column(sweep: Path) -> None:
    part = parts(sweep, "trials")[0]
    put(part, pq.read_table(part).drop_columns(["host", "log"]))
    assert "records/trials: 1 part without the column host" in problems(sweep)
    found = open_sweep(str(sweep)).records.trials
    assert len(found) == 6
    assert found["host"].isna().sum() == 1


@pytest.mark.parametrize("column", ["trial_id", "attempt", "number"])
def test_without_what_tells_rows_apart_a_part_is_left_out(sweep: Path, column: str) -> None:
    part = parts(sweep, "ticks")[0]
    part = put(part, pq.read_table(part).drop_columns([column]))
    assert f"{part.name} cannot be read" in problems(sweep)


def test_a_newer_part_is_read_as_far_as_it_is_known(sweep: Path) -> None:
    part = parts(sweep, "ticks")[0]
    rows = pq.read_table(part)
    at = rows.schema.get_field_index("version")
    newer = rows.set_column(at, "version", pa.array([2] * len(rows), pa.int32()))
    newer = newer.append_column("mood", pa.array(["fine"] * len(rows)))
    put(part, newer)
    said = "records/ticks: 1 part of version 2, read as far as version 1 goes: without mood"
    assert said in problems(sweep)
    assert len(open_sweep(str(sweep)).ticks) == 24


def test_without_provenance(sweep: Path) -> None:
    (sweep / "provenance.json").unlink()
    assert "provenance.json cannot be read: it is not there" in page_of(sweep)
    (sweep / "provenance.json").write_text('{"git_commit": ')
    assert "provenance.json cannot be read" in problems(sweep)
    (sweep / "provenance.json").write_text("[1]")
    assert "provenance.json cannot be read: it holds no mapping" in problems(sweep)


@pytest.mark.parametrize("study", [None, "", "a: [", "version: 9\nbase_config: {}\n"])
def test_without_a_study_it_is_no_sweep(sweep: Path, study: str | None) -> None:
    (sweep / "study.yaml").unlink()
    if study is not None:
        (sweep / "study.yaml").write_text(study)
    with pytest.raises(InputError, match=r"study\.yaml") as caught:
        report(str(sweep))
    assert len(str(caught.value).splitlines()) <= 3
    assert not (sweep / "report.html").exists()


@pytest.mark.parametrize("table", ["trials", "ticks"])
def test_gone_records_are_what_is_said_first(sweep: Path, table: str) -> None:
    for part in parts(sweep, table):
        part.write_bytes(b"PAR1")
    what = "records" if table == "trials" else "ticks"
    said = f"the {what} of 6 trials are missing"
    page = page_of(sweep)
    assert f"No configuration can be chosen: {said}" in page
    assert "colorsweep resume" not in page
    with pytest.raises(NoValidTrialError, match=said) as refused:
        best(str(sweep))
    assert "resume" not in str(refused.value)
    shown = status_text(status_of(str(sweep)))
    (state,) = [line for line in shown.splitlines() if line.startswith("State")]
    assert said in state
    assert "resume" not in shown


def test_a_confirmation_s_trial_stands_for_one_whose_row_is_gone(build) -> None:
    made = build()
    for index in range(3):
        point = {"optimizer.generator_lr": 1e-4 * (index + 1)}
        made.trial(point, 9.0 + index, pictures=1, point_id=f"p{index}")
        made.writer.commit()
    for seed in (1, 2):
        made.trial(
            {"optimizer.generator_lr": 1e-4}, 9.0, pictures=1, origin="confirm", point_id="p0",
            seed=seed, metrics={"test_ab_mae": 9.0},
        )  # fmt: skip
        made.writer.commit()
    parts(made.folder, "trials")[0].unlink()
    assert "t00000" in page_of(made.folder)
