"""A sweep's events in lines."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colornet.errors import InputError
from search.cluster import events
from search.cluster.events import events_text, follow_events
from search.records.lease import Lease
from search.records.writer import RecordsWriter

MakeSweep = Callable[..., Path]


def state(number: int, name: str, attempt: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "trial_id": f"t{number:05d}",
        "number": number,
        "attempt": attempt,
        "seed": 0,
        "state": name,
        **more,
    }


def test_a_sweep_without_trials(make_sweep: MakeSweep) -> None:
    assert events_text(str(make_sweep())) == ""


def test_no_sweep(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sweep"):
        events_text(str(tmp_path))


def test_one_line_for_each_change_in_order(make_sweep: MakeSweep) -> None:
    folder = make_sweep()
    writer = RecordsWriter(folder)
    writer.add("trials", state(0, "running", host="a"))
    writer.add("trials", state(1, "running"))
    writer.add("trials", state(0, "preempted", host="a", reason="its node has died"))
    writer.add("trials", state(0, "running", attempt=1, host="b"))
    writer.commit()
    lines = events_text(str(folder)).splitlines()
    assert [line.partition("  ")[2] for line in lines] == [
        "t00000  running on a",
        "t00001  running",
        "t00000  preempted on a: its node has died",
        "t00000  running attempt 1 on b",
    ]
    assert all(len(line.partition("  ")[0]) == len("2026-01-01 00:00:00") for line in lines)


def test_a_torn_part_is_named(make_sweep: MakeSweep) -> None:
    folder = make_sweep()
    writer = RecordsWriter(folder)
    writer.add("trials", state(0, "running"))
    writer.commit()
    (part,) = (folder / "records" / "trials").iterdir()
    part.write_bytes(part.read_bytes()[:-9])
    assert events_text(str(folder)).startswith("Problem: records/trials/part-")


def test_following_says_each_once_and_ends_with_its_driver(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = make_sweep(), io.StringIO()
    writer = RecordsWriter(folder)
    todo = ["completed", "running", None]

    def meanwhile(_seconds: float) -> None:
        assert todo, "it goes on although nobody runs it"
        if (name := todo.pop(0)) is None:
            lease.__exit__(None, None, None)
            return
        writer.add("trials", state(len(todo), name))
        writer.commit()

    monkeypatch.setattr(events.time, "sleep", meanwhile)
    writer.add("trials", state(7, "running"))
    writer.commit()
    with Lease(folder) as lease:
        follow_events(str(folder), out)
    said = [line.split()[2:4] for line in out.getvalue().splitlines()]
    assert said == [["t00007", "running"], ["t00002", "completed"], ["t00001", "running"]]
