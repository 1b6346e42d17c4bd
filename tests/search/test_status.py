"""A sweep's standing as people and programs read it."""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from colornet.config.catalog import to_yaml
from colornet.errors import InputError
from search import status
from search.cluster.job_commands import stop
from search.commands import _summary
from search.core.finished import count_trials
from search.records.lease import Lease
from search.records.reader import read_sweep
from search.records.writer import RecordsWriter
from search.run.recorder import Recorder
from search.run.resume import extension
from search.run.sweep import SweepResult
from search.status import (
    best_point,
    best_text,
    events_text,
    follow_events,
    status_of,
    status_text,
)
from spaces.study import Study

HERE = {"pid": 1, "host": "here"}


def play(folder: Path, trials: int, values: Mapping[str, float] | None = None) -> Recorder:
    """Run some trials to their end, each better than the one before unless values are given."""
    recorder = Recorder(folder, Study.from_data(read_sweep(folder).study, "study.yaml"))
    for _ in range(trials):
        chosen = recorder.next()
        if chosen is None:
            break
        for tick in (1, 2):
            metrics = {"tick": tick, "images": 32 * tick, "seconds": 1.0 * tick}
            metrics |= {"val_ab_mae": 9.0 - chosen.number, "test_ab_mae": 3.0 + chosen.seed % 2}
            metrics |= values or {}
            recorder.message(chosen.trial_id, {"event": "tick", "metrics": metrics, **HERE})
        end = {"event": "end", "state": "completed", "reason": None, "pictures": []}
        recorder.message(chosen.trial_id, {**end, **HERE})
    recorder.flush(force=True)
    return recorder


def test_nothing_has_begun(make_sweep: Callable[..., Path]) -> None:
    found = status_of(str(make_sweep(3)))
    assert (found["done"], found["trials"], found["best"], found["finished"]) == (0, 3, None, False)
    text = status_text(found)
    assert "0 of 3 done (none started)" in text
    assert text.splitlines()[-1].startswith("Next      colorsweep resume")
    json.dumps(found, allow_nan=False)


def test_under_way_and_finished(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(3, sampler="random")
    play(folder, 2)
    assert not status_of(str(folder))["finished"]
    play(folder, 9)
    found = status_of(str(folder))
    assert (found["finished"], found["done"]) == (True, 3)
    assert best_text(found["best"]) == "t00002: val_ab_mae 7"
    assert "colorsweep report" in status_text(found)


def test_a_confirmation_that_waits_and_one_that_is_done(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(3, sampler="random", confirm={"top": 1, "replicates": 2})
    play(folder, 3)
    found = status_of(str(folder))
    assert (found["done"], found["to_confirm"], found["finished"]) == (3, 2, False)
    play(folder, 9)
    found = status_of(str(folder))
    assert (found["confirmed"], found["finished"]) == (2, True)
    assert found["best"]["basis"] == "confirm"
    assert best_text(found["best"]).endswith(", mean of 2 seeds")
    assert "Confirmed  2 of 2 trials done" in status_text(found)


def test_the_best_is_named_with_what_speaks_against_it(make_sweep: Callable[..., Path]) -> None:
    decide = {"by": "val_ab_mae", "subject_to": {"val_colorfulness": ">= 10"}}
    folder = make_sweep(2, sampler="random", decide=decide)
    values = {"val_ab_mae": 8.5, "val_ab_mae_baseline": 8.4, "val_colorfulness": 4.0}
    play(folder, 1, values)
    assert best_text(best_point(read_sweep(folder))) == (
        "t00000: val_ab_mae 8.5; does not meet val_colorfulness >= 10; "
        "no better than one color everywhere (8.4)"
    )
    play(folder, 9, values | {"val_ab_mae": 8.3, "val_colorfulness": 11.0})
    assert best_text(best_point(read_sweep(folder))) == "t00001: val_ab_mae 8.3"


def test_a_budget_that_is_spent(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(8, budget={"trials": 8, "images": 128})
    play(folder, 9)
    found = status_of(str(folder))
    assert (found["done"], found["finished"]) == (2, True)
    assert found["budget"] == {"images": [128.0, 128]}
    assert "128 of 128 images" in status_text(found)


def test_a_space_of_which_every_point_was_tried(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(8, space={"generator.dropout": {"choice": [0.0, 0.5]}})
    play(folder, 9)
    found = status_of(str(folder))
    assert (found["done"], found["finished"]) == (2, True)


def compared(make_sweep: Callable[..., Path], replicates: int = 3) -> Path:
    return make_sweep(
        None,
        space={"generator.width": {"choice": [4, 8, 16]}},
        design="compare",
        replicates=replicates,
        budget={},
    )


@pytest.mark.parametrize("done", [0, 1, 5, 8, 9])
def test_status_and_resume_agree_on_a_comparison(
    make_sweep: Callable[..., Path], done: int
) -> None:
    """Every level with its first seed is a third of it."""
    folder = compared(make_sweep)
    play(folder, done)
    found = status_of(str(folder))
    again = Recorder(folder, Study.from_data(read_sweep(folder).study, "study.yaml"))
    assert found["finished"] == again.is_finished == (done == 9)
    assert (found["done"], found["trials"]) == (done, 9)
    stopped = f"stopped, {done} of 9, resume"
    assert ("finished" if done == 9 else stopped) in status_text(found)


def test_more_seeds_are_to_be_done(make_sweep: Callable[..., Path]) -> None:
    folder = compared(make_sweep)
    play(folder, 9)
    data = read_sweep(folder).study
    extension(None, 2, needed=True)(data)
    study = Study.from_data(data, "study.yaml")
    (folder / "study.yaml").write_text(to_yaml(study.to_data()))
    found = status_of(str(folder))
    assert (found["done"], found["trials"], found["finished"]) == (9, 15, False)


def test_confirming_trials_are_not_those_of_the_search(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(4, sampler="random", confirm={"top": 2, "replicates": 2})
    play(folder, 6)
    text = status_text(status_of(str(folder)))
    assert "Trials     4 of 4 done (4 completed)" in text
    assert "Confirmed  2 of 4 trials done (2 completed)" in text
    assert "State      stopped, confirming 2 of 4, resume" in text


def test_no_more_are_confirmed_than_there_are(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(1, sampler="random", confirm={"top": 5, "replicates": 3})
    play(folder, 9)
    found = status_of(str(folder))
    assert (found["confirmed"], found["to_confirm"], found["finished"]) == (3, 3, True)


def test_without_a_driver_nothing_runs(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(14, sampler="random")
    recorder = play(folder, 3)
    for _ in range(2):
        assert recorder.next() is not None
    recorder.flush(force=True)
    text = status_text(status_of(str(folder)))
    assert "State     stopped, 3 of 14, resume" in text
    assert "3 of 14 done (3 completed, 2 cut off)" in text
    assert "running" not in text
    with Lease(folder):
        found = status_of(str(folder))
        assert found["states"] == {"completed": 3, "running": 2}
        text = status_text(found)
        assert "State     running, driven by process" in text
        # Eleven of two seconds, two at a time.
        assert found["left"] == "about 11 s left" and ", about 11 s left" in text
        assert [line.strip() for line in text.splitlines() if "at tick" in line] == [
            "t00003 at tick 0 of 2",
            "t00004 at tick 0 of 2",
        ]


def test_preempted_and_cancelled_trials() -> None:
    trials = [("completed", "search"), ("preempted", "search"), ("cancelled", "search")]
    counts = count_trials({"trials": 4}, trials, driven=False)
    assert (counts.done, counts.states["preempted"]) == (2, 1)
    assert counts.search_text == "2 of 4 done (1 cancelled, 1 completed, 1 preempted)"
    assert (counts.confirm_text, counts.stopped_text) == ("", "stopped, 2 of 4, resume")
    assert count_trials({}, [], driven=False).search_text == "0 of 0 done (none started)"


def test_a_budget_that_leaves_room_for_confirming_ends_it(make_sweep: Callable[..., Path]) -> None:
    """Status keeps the room for confirming that the driver keeps."""
    budget = {"trials": 8, "images": 330}
    folder = make_sweep(8, budget=budget, confirm={"top": 1, "replicates": 2})
    play(folder, 99)
    found = status_of(str(folder))
    again = Recorder(folder, Study.from_data(read_sweep(folder).study, "study.yaml"))
    assert found["finished"] == again.is_finished
    assert found["finished"] is True
    assert found["confirmed"] == 2


@pytest.mark.parametrize(
    ("trials", "more", "ended"),
    [
        (2, {"budget": {"trials": 2, "images": 128}}, None),
        (8, {"budget": {"trials": 8, "images": 128}}, "the budget of 128 images is spent"),
        (
            8,
            {"budget": {"trials": 8, "images": 330}, "confirm": {"top": 1, "replicates": 2}},
            "the budget of 330 images is spent",
        ),
        (2, {}, None),
    ],
    ids=["all were tried", "some", "room is left for confirming", "no other budget"],
)
def test_run_and_status_say_what_ended_it(
    make_sweep: Callable[..., Path], trials: int, more: dict[str, Any], ended: str | None
) -> None:
    folder = make_sweep(trials, **more)
    play(folder, 99)
    assert status_of(str(folder))["ended"] == ended
    again = Recorder(folder, Study.from_data(read_sweep(folder).study, "study.yaml"))
    assert again.is_finished
    assert again.why_over == ended


@pytest.mark.parametrize(
    ("states", "to_confirm"),
    [
        (["completed"] * 2, 6),
        (["completed"] * 4, 6),
        (["completed", "failed", "diverged", "pruned"], 3),
        (["failed"] * 4, 0),
        (["failed"] * 3, 6),
        (["failed"] * 3 + ["running"], 6),
    ],
)
def test_no_more_are_confirmed_than_completed(states: list[str], to_confirm: int) -> None:
    study = {"trials": 4, "confirm": {"top": 2, "replicates": 3}}
    pairs = [(state, "search") for state in states]
    assert count_trials(study, pairs, driven=True).to_confirm == to_confirm


def edited(folder: Path, **changes: Any) -> None:
    """Give a sweep's study other values, as `extend` and `confirm` do."""
    (folder / "study.yaml").write_text(to_yaml({**read_sweep(folder).study, **changes}))


def test_the_best_of_an_extended_search_are_confirmed_too(make_sweep: Callable[..., Path]) -> None:
    """Others are best then; counts of what is to be confirmed are never below what is."""
    folder = make_sweep(2, confirm={"top": 1, "replicates": 2}, sampler="random")
    play(folder, 99)
    assert status_of(str(folder))["told"]["confirmed"].startswith("2 of 2 trials done")
    edited(folder, budget={"trials": 3}, trials=3)
    play(folder, 1)
    found = status_of(str(folder))
    assert found["told"]["confirmed"].startswith("2 of 4 trials done")
    assert found["told"]["stopped"] == "stopped, confirming 2 of 4, resume"
    recorder = play(folder, 99)
    assert recorder.table.counts().to_confirm == 4
    found = status_of(str(folder))
    assert found["finished"]
    assert found["told"]["confirmed"].startswith("4 of 4 trials done")


def test_fewer_are_to_be_confirmed_than_are(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(2, confirm={"top": 2, "replicates": 2})
    play(folder, 99)
    edited(folder, confirm={"top": 1, "replicates": 2})
    assert status_of(str(folder))["told"]["confirmed"].startswith("4 of 4 trials done")


def test_a_budget_that_was_lowered_counts_what_was_tried() -> None:
    """A budget may be lowered below the trials that have been started."""
    counts = count_trials({"trials": 3}, [("completed", "search")] * 5, driven=False)
    assert counts.search_text == "5 of 5 done (5 completed)"


def test_an_extended_search_is_left_itself() -> None:
    """All that were best then are confirmed, and one of the new trials was cut off."""
    study = {"trials": 9, "confirm": {"top": 2, "replicates": 2}}
    trials = [("completed", "search")] * 8 + [("completed", "confirm")] * 4
    for last in ([("preempted", "search")], [("running", "search")], []):
        counts = count_trials(study, [*trials, *last], driven=False)
        assert counts.stopped_text == "stopped, 8 of 9, resume"


def test_a_command_to_type_next_has_the_folder_quoted(
    make_sweep: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "a sweep"
    make_sweep(2).rename(folder)
    result = SweepResult(str(folder), 1.0, interrupted=True)
    standing = status_text(status_of(str(folder)))
    texts = [_summary(result).text(), standing, stop(str(folder)).text()]
    for text in texts:
        assert text.splitlines()[-1].endswith(f"colorsweep resume '{folder}'")


def test_run_and_status_count_alike(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(4, confirm={"top": 1, "replicates": 2})
    play(folder, 99)
    result = SweepResult(str(folder), 1.0, interrupted=False)
    told, found = _summary(result).data(), status_of(str(folder))
    assert {key: told[key] for key in ("states", "confirming")} == {
        key: found[key] for key in ("states", "confirming")
    }
    assert sum(found["confirming"].values()) == 2


def test_an_exhausted_space_is_said(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(8, space={"generator.width": {"int": [8, 10]}})
    play(folder, 9)
    text = status_text(status_of(str(folder)))
    assert "Trials    3 of 3 done (3 completed)" in text
    assert "Ended     the space has no more than 3 points, and all were tried" in text


def state(number: int, name: str, attempt: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "trial_id": f"t{number:05d}",
        "number": number,
        "attempt": attempt,
        "seed": 0,
        "state": name,
        **more,
    }


def test_a_sweep_without_trials(make_sweep: Callable[..., Path]) -> None:
    assert events_text(str(make_sweep())) == ""


def test_no_sweep(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sweep"):
        events_text(str(tmp_path))


def test_one_line_for_each_change_in_order(make_sweep: Callable[..., Path]) -> None:
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


def test_a_torn_part_is_named(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep()
    writer = RecordsWriter(folder)
    writer.add("trials", state(0, "running"))
    writer.commit()
    (part,) = (folder / "records" / "trials").iterdir()
    part.write_bytes(part.read_bytes()[:-9])
    assert events_text(str(folder)).startswith("Problem: records/trials/part-")


def test_following_says_each_once_and_ends_with_its_driver(
    make_sweep: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = make_sweep(), io.StringIO()
    writer = RecordsWriter(folder)
    todo = ["completed", "running", None]

    def meanwhile(_seconds: float) -> None:
        assert todo, "it goes on although it has no driver"
        if (name := todo.pop(0)) is None:
            lease.__exit__(None, None, None)
            return
        writer.add("trials", state(len(todo), name))
        writer.commit()

    monkeypatch.setattr(status.time, "sleep", meanwhile)
    writer.add("trials", state(7, "running"))
    writer.commit()
    with Lease(folder) as lease:
        follow_events(str(folder), out)
    said = [line.split()[2:4] for line in out.getvalue().splitlines()]
    assert said == [["t00007", "running"], ["t00002", "completed"], ["t00001", "running"]]
