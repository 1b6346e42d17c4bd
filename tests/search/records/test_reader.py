"""Records: what is written is read, whatever becomes of the files in between."""

import hashlib
import io
import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colornet.errors import InputError, StorageError
from colornet.storage import Storage
from search.records import frames
from search.records import parts as part_files
from search.records.parts import MERGE_AT, SCHEMAS
from search.records.reader import find_sweep, read_states, read_sweep
from search.records.writer import RecordsWriter, create_sweep

STUDY = {"version": 1, "name": "mine", "base_config": {}, "objectives": {"val_ab_mae": "minimize"}}
PICTURES = {"content_hash": "ab", "pictures": 3, "splits": {"train": 2, "val": 1}}


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    create_sweep(tmp_path / "sweep", STUDY, {"host": "here"})
    return tmp_path / "sweep"


def trial(number: int, state: str = "completed", attempt: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "trial_id": f"t{number:05d}",
        "number": number,
        "attempt": attempt,
        "seed": 0,
        "state": state,
        "point": "{}",
        **more,
    }


def tick(number: int, at: int, attempt: int = 0, **metrics: Any) -> dict[str, Any]:
    row = trial(number, attempt=attempt)
    identity = {key: row[key] for key in ("trial_id", "number", "attempt", "seed")}
    return {**identity, "tick": at, "images": 10 * at, "seconds": 0.5 * at, **metrics}


def parts(sweep: Path, table: str = "*") -> list[Path]:
    return sorted(sweep.glob(f"records/{table}/part-*.parquet"))


def fill(sweep: Path, trials: int = 6, ticks: int = 4) -> RecordsWriter:
    """A sweep as a driver writes it: a commit when a trial starts and ends, and after ticks."""
    writer = RecordsWriter(sweep)
    for number in range(trials):
        writer.add("trials", trial(number, "running"))
        writer.commit()
        for at in range(1, ticks + 1):
            writer.add("ticks", tick(number, at, val_ab_mae=20 - number / 7 - at))
            writer.commit()
        writer.add("trials", trial(number))
        writer.commit()
    return writer


def test_a_sweep_that_has_not_begun(sweep: Path) -> None:
    found = read_sweep(sweep)
    assert (found.name, found.study, found.provenance) == ("sweep", STUDY, {"host": "here"})
    assert found.problems == []
    for frame, table in ((found.trials, "trials"), (found.ticks, "ticks")):
        assert frame.empty
        assert list(frame.columns) == SCHEMAS[table].names
    assert found.pictures().empty
    assert not (sweep / "records").exists()


def test_a_writer_with_nothing_to_say_writes_nothing(sweep: Path) -> None:
    writer = RecordsWriter(sweep)
    assert not writer.pending
    writer.commit()
    assert not (sweep / "records").exists()


def test_rows_wait_for_their_commit(sweep: Path) -> None:
    writer = RecordsWriter(sweep)
    writer.add("trials", trial(0))
    assert writer.pending
    assert read_sweep(sweep).trials.empty
    writer.commit()
    assert not writer.pending
    assert len(read_sweep(sweep).trials) == 1


def test_a_start_goes_ahead_of_what_waits(sweep: Path) -> None:
    writer = RecordsWriter(sweep)
    writer.add("trials", trial(0, "completed"))
    writer.start(trial(1, "running"))
    assert writer.pending
    writer.settle()
    assert read_sweep(sweep).trials["trial_id"].tolist() == ["t00001"]
    writer.start(trial(2, "running"))
    writer.commit()
    assert not writer.pending
    states, _ = read_states(sweep)
    assert states["trial_id"].tolist() == ["t00000", "t00001", "t00002"]
    assert states["seq"].tolist() == [1, 2, 3]


def full(*_: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("then", ["settle", "commit"])
def test_what_cannot_be_written_is_told_and_waits(
    sweep: Path, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    writer = RecordsWriter(sweep)
    with monkeypatch.context() as patched:
        patched.setattr("colornet.storage.write_atomic", full)
        writer.start(trial(0, "running"))
        writer.start(trial(1, "running"))  # meets the first one's failure
        with pytest.raises(StorageError, match=f"{sweep}: cannot be written: No space left"):
            getattr(writer, then)()
        writer.add("ticks", {"trial_id": "t00000", "tick": 1, "number": 0, "attempt": 0, "seed": 0})
        with pytest.raises(StorageError):
            writer.commit()
        assert writer.pending
    writer.commit()
    assert not writer.pending
    found = read_sweep(sweep)
    assert found.trials["trial_id"].tolist() == ["t00000", "t00001"]
    assert found.ticks["tick"].tolist() == [1]


def test_every_column_of_a_trial_comes_back(sweep: Path) -> None:
    writer = RecordsWriter(sweep)
    full = trial(
        3,
        "failed",
        attempt=2,
        reason="Ünïcode\nin lines",
        origin="search",
        point_id="abc",
        point={"b": 1, "a": [None, True]},
        distributions={},
        system_attrs="{}",
        config={"x": {"y": 1e-5}},
        host="here",
        pid=12,
    )
    writer.add("trials", full)
    writer.commit()
    (row,) = read_sweep(sweep).trials.to_dict("records")
    for key, value in full.items():
        plain = json.dumps(value, sort_keys=True) if isinstance(value, dict) else value
        assert row[key] == plain, key
    assert (row["version"], row["seq"]) == (1, 1)
    assert row["time"].tzinfo is not None
    assert set(row) == set(SCHEMAS["trials"].names)


def test_what_is_left_out_is_null(sweep: Path) -> None:
    writer = RecordsWriter(sweep)
    writer.add(
        "trials", {"trial_id": "t00000", "number": 0, "attempt": 0, "seed": 0, "state": "running"}
    )
    writer.commit()
    (row,) = read_sweep(sweep).trials.to_dict("records")
    for name in ("reason", "host", "pid", "config"):
        assert pd.isna(row[name])


METRIC = st.one_of(
    st.none(), st.floats(), st.integers(-(2**53), 2**53), st.just(-0.0), st.just(5e-324)
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={name: METRIC for name in ("val_ab_mae", "val_psnr", "train_loss_l1", "cost_x")},
    ),
    min_size=1,
    max_size=12,
)


@given(rows=ROWS, every=st.integers(1, 4))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_metrics_come_back_bit_for_bit_whichever_parts_they_are_in(
    rows: list[dict[str, Any]], every: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Columns may come late, be null in a whole part, or hold NaN and infinity: then null."""
    folder = tmp_path_factory.mktemp("sweep")
    create_sweep(folder, STUDY, {})
    writer = RecordsWriter(folder)
    for index, row in enumerate(rows, start=1):
        writer.add("ticks", tick(0, index, **row))
        if index % every == 0:
            writer.commit()
    writer.commit()
    found = read_sweep(folder)
    assert found.problems == []
    assert found.ticks["tick"].tolist() == list(range(1, len(rows) + 1))
    for name in {name for row in rows for name in row}:
        assert found.ticks[name].dtype == np.float64
        for value, row in zip(found.ticks[name], rows, strict=True):
            wanted = row.get(name)
            if wanted is None or not math.isfinite(wanted):
                assert math.isnan(value)
            else:
                assert np.float64(wanted).tobytes() == np.float64(value).tobytes()


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, np.float64("nan"), np.float32(np.inf)]
)
def test_what_is_not_finite_is_null_on_the_disk(sweep: Path, value: float) -> None:
    writer = RecordsWriter(sweep)
    writer.add("ticks", tick(0, 1, val_psnr=value, val_ab_mae=1.0))
    writer.commit()
    (part,) = parts(sweep)
    assert pq.read_table(part).column("val_psnr").to_pylist() == [None]


@pytest.mark.parametrize(
    ("value", "stored"), [(np.float32(0.5), 0.5), (np.int64(3), 3.0), (True, 1.0), (7, 7.0)]
)
def test_numbers_of_other_kinds_become_floats(sweep: Path, value: Any, stored: float) -> None:
    writer = RecordsWriter(sweep)
    writer.add("ticks", tick(0, 1, val_psnr=value))
    writer.commit()
    assert read_sweep(sweep).ticks["val_psnr"].tolist() == [stored]


def test_a_picture_keeps_its_bytes(sweep: Path) -> None:
    writer = RecordsWriter(sweep)
    data = bytes(range(256)) * 10
    for attempt, webp in ((0, b"old"), (1, data)):
        row = {**tick(0, 4, attempt), "kind": "prediction", "split": "val", "picture": "a.png"}
        del row["images"], row["seconds"]
        writer.add(
            "pictures", {**row, "picture_hash": "h1", "fixed": True, "webp": webp, "ab_mae": 2.5}
        )
    writer.add(
        "pictures", {**row, "picture_hash": "h2", "fixed": False, "webp": None, "psnr": None}
    )
    writer.commit()
    first, second = read_sweep(sweep).pictures().to_dict("records")
    assert (first["webp"], first["ab_mae"], first["fixed"]) == (data, 2.5, True)
    assert second["webp"] is None
    assert math.isnan(second["ab_mae"])


class TestOneRowOfEach:
    def test_the_last_state_of_a_trial_counts(self, sweep: Path) -> None:
        writer = RecordsWriter(sweep)
        for state in ("running", "preempted", "running", "completed"):
            writer.add("trials", trial(1, state, attempt=0 if state == "preempted" else 1))
            writer.commit()
        writer.add("trials", trial(0, "running"))
        writer.commit()
        found = read_sweep(sweep)
        assert found.trials["trial_id"].tolist() == ["t00000", "t00001"]
        assert found.trials["state"].tolist() == ["running", "completed"]
        states, problems = read_states(sweep)
        assert problems == []
        assert states["seq"].tolist() == [1, 2, 3, 4, 5]
        assert states["state"].tolist()[:2] == ["running", "preempted"]

    def test_the_last_attempt_that_reached_a_tick_counts(self, sweep: Path) -> None:
        writer = RecordsWriter(sweep)
        for attempt, ticks in ((1, [2, 3]), (0, [1, 2, 3, 4]), (2, [3])):
            for at in ticks:
                writer.add("ticks", tick(0, at, attempt, val_ab_mae=float(10 * attempt + at)))
            writer.commit()
        found = read_sweep(sweep).ticks
        assert found["tick"].tolist() == [1, 2, 3, 4]
        assert found["attempt"].tolist() == [0, 1, 2, 0]
        assert found["val_ab_mae"].tolist() == [1.0, 12.0, 23.0, 4.0]

    def test_a_tick_that_is_told_twice_is_one(self, sweep: Path) -> None:
        writer = RecordsWriter(sweep)
        for value in (1.0, 2.0):
            writer.add("ticks", tick(0, 1, val_ab_mae=value))
        writer.commit()
        assert read_sweep(sweep).ticks["val_ab_mae"].tolist() == [2.0]

    def test_trials_and_ticks_are_in_order(self, sweep: Path) -> None:
        writer = RecordsWriter(sweep)
        for number in (3, 11, 2):
            for at in (2, 1):
                writer.add("ticks", tick(number, at))
            writer.add("trials", trial(number))
        writer.commit()
        found = read_sweep(sweep)
        assert found.trials["number"].tolist() == [2, 3, 11]
        order = list(zip(found.ticks["number"], found.ticks["tick"], strict=True))
        assert order == [(2, 1), (2, 2), (3, 1), (3, 2), (11, 1), (11, 2)]


def test_seq_goes_on_after_reopening_whatever_the_clock_says(sweep: Path) -> None:
    fill(sweep, trials=4)
    last = read_states(sweep)[0]["seq"].max()
    writer = RecordsWriter(sweep)
    writer.add("trials", trial(0, "failed"))
    writer.commit()
    states, _ = read_states(sweep)
    assert states["seq"].max() == last + 1
    assert states["seq"].is_unique
    assert read_sweep(sweep).trials["state"].tolist()[0] == "failed"


class TestCompaction:
    def test_every_row_survives_in_few_files(
        self, sweep: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Enough ticks for parts of merged parts to be merged again."""
        monkeypatch.setattr(part_files, "MERGE_AT", 4)
        fill(sweep, trials=9, ticks=4)
        found = read_sweep(sweep)
        assert found.problems == []
        assert len(found.trials) == 9
        wanted = [20 - n / 7 - t for n in range(9) for t in range(1, 5)]
        assert found.ticks["val_ab_mae"].tolist() == wanted
        assert len(read_states(sweep)[0]) == 18
        assert len(parts(sweep, "ticks")) <= 8
        assert "2" in {part.name.split("-")[1] for part in parts(sweep, "ticks")}

    @pytest.mark.parametrize("crash", ["before writing", "before deleting", "in deleting"])
    def test_a_crash_in_the_middle_changes_nothing(
        self, sweep: Path, monkeypatch: pytest.MonkeyPatch, crash: str
    ) -> None:
        writer = RecordsWriter(sweep)
        for at in range(1, MERGE_AT):
            writer.add("ticks", tick(0, at, val_ab_mae=float(at)))
            writer.commit()
        writer.add("ticks", tick(0, MERGE_AT, val_ab_mae=float(MERGE_AT)))
        real_write, real_delete, calls = part_files.write_part, type(writer.storage).delete, []

        def write(storage: Any, table: str, content: pa.Table, level: int = 0, **kept: Any) -> str:
            if level == 1 and crash == "before writing":
                raise KeyboardInterrupt
            return real_write(storage, table, content, level, **kept)

        def delete(storage: Any, name: str) -> None:
            calls.append(name)
            if crash == "before deleting" or len(calls) > MERGE_AT // 2:
                raise KeyboardInterrupt
            real_delete(storage, name)

        monkeypatch.setattr(part_files, "write_part", write)
        monkeypatch.setattr(type(writer.storage), "delete", delete)
        with pytest.raises(KeyboardInterrupt):
            writer.commit()
        monkeypatch.undo()
        files = {"before writing": MERGE_AT, "before deleting": MERGE_AT + 1}
        assert len(parts(sweep)) == files.get(crash, MERGE_AT + 1 - MERGE_AT // 2)
        wanted = [float(at) for at in range(1, MERGE_AT + 1)]
        assert read_sweep(sweep).ticks["val_ab_mae"].tolist() == wanted
        again = RecordsWriter(sweep)
        for at in range(MERGE_AT + 1, 3 * MERGE_AT + 1):
            again.add("ticks", tick(0, at, val_ab_mae=float(at)))
            again.commit()
        found = read_sweep(sweep)
        assert found.problems == []
        assert found.ticks["val_ab_mae"].tolist() == [float(n) for n in range(1, 3 * MERGE_AT + 1)]
        assert len(parts(sweep)) <= 2 * MERGE_AT

    def test_a_torn_part_is_kept_aside_and_hinders_nothing(self, sweep: Path) -> None:
        fill(sweep, trials=1, ticks=3)
        torn = parts(sweep, "ticks")[1]
        torn.write_bytes(torn.read_bytes()[:100])
        writer = RecordsWriter(sweep)
        for at in range(4, 4 + 3 * MERGE_AT):
            writer.add("ticks", tick(0, at))
            writer.commit()
        assert torn.exists()
        found = read_sweep(sweep)
        assert found.ticks["tick"].tolist() == [1, *range(3, 4 + 3 * MERGE_AT)]
        assert len(found.problems) == 1
        assert torn.name in found.problems[0]
        assert len(parts(sweep, "ticks")) <= 2 * MERGE_AT

    def test_a_reader_beside_it_sees_every_row(
        self, sweep: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """All small parts vanish between the listing and the reading of them."""
        writer = RecordsWriter(sweep)
        for at in range(1, MERGE_AT):
            writer.add("ticks", tick(0, at))
            writer.commit()
        real, done = part_files.part_names, []

        def listed(storage: Any, table: str) -> list[str]:
            names = real(storage, table)
            if table == "ticks" and not done:
                done.append(table)
                writer.add("ticks", tick(0, MERGE_AT))
                writer.commit()
            return names

        monkeypatch.setattr(frames, "part_names", listed)
        found = read_sweep(sweep)
        assert done
        assert found.ticks["tick"].tolist() == list(range(1, MERGE_AT + 1))
        assert found.problems == []


def is_part_of(found: pd.DataFrame, truth: pd.DataFrame) -> bool:
    """Whether every row of `found` is a row of `truth`, to the bit."""
    if found.empty:
        return True
    wanted = truth.set_index("seq").loc[found["seq"]].reset_index()[list(found.columns)]
    return wanted.equals(found.reset_index(drop=True))


class TestDamage:
    """A part that is cut or flipped is named, and no wrong value is ever read."""

    def damage(self, sweep: Path, alter: Callable[[bytes, random.Random], bytes], n: int) -> None:
        fill(sweep, trials=2, ticks=1)
        truth, states = read_sweep(sweep), read_states(sweep)[0]
        assert truth.problems == []
        for seed in range(n):
            chance = random.Random(seed)
            part = chance.choice(parts(sweep))
            whole = part.read_bytes()
            part.write_bytes(alter(whole, chance))
            found = read_sweep(sweep)
            assert len(found.problems) == 1
            assert part.name in found.problems[0]
            assert "\n" not in found.problems[0]
            assert is_part_of(found.ticks, truth.ticks)
            assert is_part_of(found.trials, states)
            part.write_bytes(whole)

    @pytest.mark.parametrize("times", [12, pytest.param(50, marks=pytest.mark.slow)])
    def test_cuts(self, sweep: Path, times: int) -> None:
        def cut(whole: bytes, chance: random.Random) -> bytes:
            kept = chance.choice([0, 1, 4, len(whole) // 2, len(whole) - 1, None])
            return whole[: chance.randrange(len(whole)) if kept is None else kept]

        self.damage(sweep, cut, times)

    @pytest.mark.parametrize("times", [10, pytest.param(30, marks=pytest.mark.slow)])
    def test_flipped_bits(self, sweep: Path, times: int) -> None:
        def flip(whole: bytes, chance: random.Random) -> bytes:
            at = chance.randrange(len(whole))
            return whole[:at] + bytes([whole[at] ^ (1 << chance.randrange(8))]) + whole[at + 1 :]

        self.damage(sweep, flip, times)

    def put(self, sweep: Path, table: str, data: bytes) -> str:
        """Add a part with these bytes, under the name that belongs to them."""
        name = f"part-0-{99:012d}-{hashlib.sha256(data).hexdigest()[:16]}.parquet"
        (sweep / "records" / table / name).write_bytes(data)
        return name

    @pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" * 3, b"\0" * 500, b"<html>"])
    def test_other_things_of_a_part_s_name(self, sweep: Path, data: bytes) -> None:
        fill(sweep, trials=2)
        name = self.put(sweep, "trials", data)
        found = read_sweep(sweep)
        assert len(found.trials) == 2
        assert len(found.problems) == 1
        assert f"{name} cannot be read" in found.problems[0]

    @pytest.mark.parametrize("name", ["part-x.parquet", "part-0-1-a.parquet.tmp", "notes.txt"])
    def test_foreign_files_are_no_part(self, sweep: Path, name: str) -> None:
        fill(sweep, trials=1)
        (sweep / "records" / "ticks" / name).write_bytes(b"mine")
        assert len(read_sweep(sweep).ticks) == 4
        writer = RecordsWriter(sweep)
        for at in range(5, 5 + 2 * MERGE_AT):
            writer.add("ticks", tick(0, at))
            writer.commit()
        assert read_sweep(sweep).ticks["tick"].tolist() == list(range(1, 5 + 2 * MERGE_AT))
        assert (sweep / "records" / "ticks" / name).exists()

    @pytest.mark.parametrize("change", ["no seq", "seq as text", "metric as text", "nothing"])
    def test_a_sound_part_of_another_schema(self, sweep: Path, change: str) -> None:
        """It is named, and neither reader nor writer stops."""
        fill(sweep, trials=2)
        columns = {
            name: pa.nulls(1, SCHEMAS["ticks"].field(name).type) for name in SCHEMAS["ticks"].names
        }
        columns["seq"] = pa.array([1])
        if change == "no seq":
            del columns["seq"]
        columns |= {"seq as text": {"seq": ["1"]}, "metric as text": {"val_x": ["1"]}}.get(
            change, {}
        )
        sink = io.BytesIO()
        pq.write_table(pa.table({} if change == "nothing" else columns), sink)
        name = self.put(sweep, "ticks", sink.getvalue())
        found = read_sweep(sweep)
        assert len(found.ticks) == 8
        assert [name in problem for problem in found.problems] == [True]
        RecordsWriter(sweep).commit()

    def test_a_part_without_rows_is_no_problem(self, sweep: Path) -> None:
        fill(sweep, trials=2)
        sink = io.BytesIO()
        pq.write_table(SCHEMAS["ticks"].empty_table(), sink)
        self.put(sweep, "ticks", sink.getvalue())
        found = read_sweep(sweep)
        assert (len(found.ticks), found.problems) == (8, [])
        RecordsWriter(sweep).commit()


class TestNoSweep:
    def said(self, location: Any) -> str:
        with pytest.raises(InputError) as caught:
            read_sweep(location)
        assert len(str(caught.value).splitlines()) <= 3
        return str(caught.value)

    def test_folders_and_files_that_are_none(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        (tmp_path / "folder").mkdir()
        for name in ("missing", "file", "folder"):
            assert "no sweep: it holds no study.yaml" in self.said(tmp_path / name)
        (tmp_path / "folder" / "study.yaml").mkdir()
        assert "study.yaml" in self.said(tmp_path / "folder")

    @pytest.mark.parametrize(
        "text", ["", "a: [", "version: 2\nbase_config: {}\n", "version: 1\nquestion: why\n", "\0"]
    )
    def test_study_files_that_are_none(self, sweep: Path, text: str) -> None:
        (sweep / "study.yaml").write_text(text)
        assert "study.yaml" in self.said(sweep)

    def test_bytes_that_are_no_text(self, sweep: Path) -> None:
        (sweep / "study.yaml").write_bytes(b"version: \xff\xfe")
        assert "study.yaml" in self.said(sweep)

    @pytest.mark.parametrize("data", [None, b"", b"{", b"\xff", b"[]"])
    def test_provenance_may_be_missing_or_damaged(self, sweep: Path, data: bytes | None) -> None:
        path = sweep / "provenance.json"
        path.unlink() if data is None else path.write_bytes(data)
        assert read_sweep(sweep).provenance == {}

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            *(("data", bad) for bad in (3, "x", {"a": 1}, [3], [None], [[]], [{}])),
            ("data", [PICTURES | {"splits": 3}]),
            ("data", [PICTURES | {"splits": {"train": "many"}}]),
            ("data", [PICTURES | {"pictures": None}]),
            ("data", [PICTURES | {"content_hash": ["x"]}]),
            ("data", [PICTURES | {"lightness": "dark"}]),
            ("evaluation", 3),
            ("evaluation", PICTURES | {"splits": []}),
            ("data_hash", ["x"]),
            ("began", [3]),
            ("began", {"settings": 3}),
            ("began", {"quick": "yes"}),
            ("study", [3]),
            ("host", {"a": 1}),
            ("cpus", "many"),
        ],
    )
    def test_what_is_of_another_shape_is_left_out_and_named(
        self, sweep: Path, key: str, value: Any
    ) -> None:
        (sweep / "provenance.json").write_text(json.dumps({"git_commit": "abc", key: value}))
        found = read_sweep(sweep)
        assert found.provenance == {"git_commit": "abc"}
        assert [one for one in found.problems if one.startswith(f"provenance.json: {key}")]

    def test_provenance_of_the_written_shape_is_whole(self, sweep: Path) -> None:
        whole = {
            "data": [PICTURES | {"lightness": {"image_size": 8}, "classes": {}}],
            "evaluation": PICTURES,
            "began": {"study": "demo", "settings": {"a": 1}, "quick": True},
            "study": {"version": 1},
            "data_hash": "ab",
            "host": "here",
            "cpus": 2,
            "more": [1],
        }
        (sweep / "provenance.json").write_text(json.dumps(whole))
        found = read_sweep(sweep)
        assert found.provenance == whole
        assert not [one for one in found.problems if "provenance" in one]


class TestFindSweep:
    @pytest.fixture(autouse=True)
    def here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def make(self, *names: str, folder: str = "sweeps") -> None:
        for name in names:
            create_sweep(Path(folder) / name, STUDY, {})

    def said(self, text: str | None) -> str:
        with pytest.raises(InputError) as caught:
            find_sweep(text)
        assert len(str(caught.value).splitlines()) <= 3
        return str(caught.value)

    @pytest.mark.parametrize("text", [None, "x"])
    def test_where_there_is_none(self, text: str | None) -> None:
        assert "colorsweep run" in self.said(text)

    def test_nothing_means_the_latest(self) -> None:
        self.make("20260102-a-x", "20260103-b-y", "20260101-c-z")
        (Path("sweeps") / "99999999-no-sweep").mkdir()
        assert find_sweep() == "sweeps/20260103-b-y"

    def test_the_beginning_of_a_name(self) -> None:
        self.make("20260102-a-x", "20260102-b-y", "20260103-a-z")
        assert find_sweep("20260103") == "sweeps/20260103-a-z"
        assert find_sweep("20260102-b-y") == "sweeps/20260102-b-y"
        ambiguous = self.said("20260102")
        assert "several sweeps begin like that: 20260102-a-x, 20260102-b-y" in ambiguous
        assert "no folder, and no sweep" in self.said("demo")

    def test_a_name_that_begins_another_means_itself(self) -> None:
        self.make("mine", "mine-2")
        assert find_sweep("mine") == "sweeps/mine"

    def test_a_folder_or_uri_wins(self, here: Path) -> None:
        self.make("a")
        self.make("other", folder=".")
        assert find_sweep("other") == "other"
        assert find_sweep(str(here / "other")) == str(here / "other")
        assert find_sweep(here.as_uri()) == here.as_uri()
        assert read_sweep((here / "other").as_uri()).name == "other"

    def test_the_environment_names_the_folder(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.make("there", folder="elsewhere")
        monkeypatch.setenv("COLORSWEEP_OUT", "elsewhere")
        assert find_sweep() == "elsewhere/there"

    @pytest.mark.parametrize("text", ["", "x" * 5000, "~nobody/x", "../..//x"])
    def test_odd_names(self, text: str) -> None:
        self.make("a", "b")
        self.said(text)


@pytest.mark.slow
def test_200_trials_of_20_ticks_leave_few_files(sweep: Path) -> None:
    fill(sweep, trials=200, ticks=20)
    files = [path for path in sweep.rglob("*") if path.is_file()]
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.2f} MB")
    assert len(files) < 200
    assert len(read_sweep(sweep).ticks) == 4000


class TestHostileParts:
    """Parts under the name of their content, as by somebody who means it."""

    @pytest.fixture(autouse=True)
    def filled(self, sweep: Path) -> None:
        fill(sweep, trials=1)

    def put(self, sweep: Path, content: pa.Table, **options: Any) -> str:
        sink = io.BytesIO()
        pq.write_table(content, sink, **options)
        data = sink.getvalue()
        name = f"part-0-{99:012d}-{hashlib.sha256(data).hexdigest()[:16]}.parquet"
        (sweep / "records" / "ticks" / name).write_bytes(data)
        return name

    def named(self, sweep: Path, name: str) -> str:
        """The problem with a part, of which nothing is taken by readers and by merging."""
        found = read_sweep(sweep)
        told = [one for one in found.problems if name in one]
        _, torn = part_files.read_parts(Storage.at(sweep), "ticks", [name])
        assert len(told) == len(torn) == 1
        assert torn[name] in told[0]
        return told[0]

    def rows(self, sweep: Path) -> pa.Table:
        return pq.read_table(parts(sweep, "ticks")[0])

    @pytest.mark.parametrize("column", ["tick", "trial_id", "val_ab_mae", "val_more"])
    def test_a_column_that_is_there_twice(self, sweep: Path, column: str) -> None:
        rows = self.rows(sweep)
        more = pa.array([1.0] * len(rows))
        names = [*rows.column_names, column, *(["val_more"] if column == "val_more" else [])]
        columns = [*rows.columns, *[more] * (len(names) - rows.num_columns)]
        name = self.put(sweep, pa.Table.from_arrays(columns, names=names))
        assert f"has the column {column} twice" in self.named(sweep, name)

    @pytest.mark.parametrize(
        "counts",
        [
            *(b"", b"[]", b"\xff", b"[" * 9000, b'{"ticks": "x"}', b'{"ticks": 1e999}'),
            *(b'{"ticks": NaN}', b'{"ticks": null}', b'{"ticks": ' + b"9" * 5000 + b"}"),
        ],
    )
    def test_counts_that_are_none(self, sweep: Path, counts: bytes) -> None:
        rows = self.rows(sweep).replace_schema_metadata({b"colorsweep.rows": counts})
        self.put(sweep, rows)
        assert not [one for one in read_sweep(sweep).problems if "missing" in one]

    def test_rows_of_next_to_no_bytes_are_not_unfolded(self, sweep: Path) -> None:
        rows = self.rows(sweep).slice(0, 1).take(pa.array([0] * 400_000))
        name = self.put(sweep, rows, compression="zstd")
        assert "it is damaged: 400,000 rows in" in self.named(sweep, name)

    @pytest.mark.parametrize("packed", ["dictionary", "zstd"])
    def test_texts_of_next_to_no_bytes_are_not_unfolded(
        self, sweep: Path, monkeypatch: pytest.MonkeyPatch, packed: str
    ) -> None:
        monkeypatch.setattr(part_files, "UNFOLDED", 10_000_000)
        monkeypatch.setattr(part_files, "UNFOLDED_TIMES", 100)
        rows = self.rows(sweep).slice(0, 1).take(pa.array([0] * 2000))
        at = rows.column_names.index("trial_id")
        rows = rows.set_column(at, "trial_id", pa.array(["x" * 20_000] * 2000))
        rows = rows.set_column(
            rows.column_names.index("seq"), "seq", pa.array(random.sample(range(2**40), 2000))
        )
        name = self.put(sweep, rows, compression="zstd", use_dictionary=packed == "dictionary")
        assert "bytes of content in" in self.named(sweep, name)
