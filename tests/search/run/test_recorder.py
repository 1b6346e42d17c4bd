"""What happens to trials between being handed out and their end, without Ray."""

import json
import math
import os
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from optuna.trial import TrialState

from search.core.ask_tell import AskTell, Assignment
from search.core.finished import is_left
from search.core.target import LastReport
from search.records.reader import read_states, read_sweep
from search.run.recorder import KEEP_BEST, Recorder
from search.run.retries import MAX_DEATHS
from spaces.study import Study

from ..conftest import STUDY, play

HERE = {"pid": 4_194_304, "host": socket.gethostname()}
ELSEWHERE = {"pid": 77, "host": "elsewhere"}
MakeSweep = Callable[..., Path]
SMALL = STUDY["fixed"]


def study_of(folder: Path) -> Study:
    return Study.from_data(read_sweep(folder).study, "study.yaml")


def open_recorder(folder: Path) -> Recorder:
    return Recorder(folder, study_of(folder))


def start(recorder: Recorder) -> Assignment:
    chosen = recorder.next()
    assert chosen is not None
    recorder.settle(chosen.trial_id)
    return chosen


def tick(recorder: Recorder, chosen: Assignment, at: int, value: Any = 5.0, **where: Any) -> bool:
    metrics = {"tick": at, "images": 32 * at, "seconds": 1.5 * at, "val_ab_mae": value}
    message = {"event": "tick", "metrics": metrics, **(where or HERE)}
    return recorder.message(chosen.trial_id, message)


def end(
    recorder: Recorder,
    chosen: Assignment,
    state: str = "completed",
    reason: str | None = None,
    pictures: list[dict[str, Any]] | None = None,
) -> bool:
    message = {"event": "end", "state": state, "reason": reason, "pictures": pictures or []}
    goes_on = recorder.message(chosen.trial_id, {**message, **HERE})
    recorder.flush(force=True)
    return goes_on


def finish(recorder: Recorder, chosen: Assignment, value: float = 5.0) -> None:
    """A trial that was handed out comes to its end."""
    for at in (1, 2):
        tick(recorder, chosen, at, value)
    end(recorder, chosen)


def run_one(recorder: Recorder, value: float) -> Assignment:
    """A trial from its start to its end."""
    chosen = start(recorder)
    for at in (1, 2):
        tick(recorder, chosen, at, value + 2 - at)
    end(recorder, chosen)
    return chosen


def leave_checkpoint(
    folder: Path, chosen: Assignment, at: int, attempt: int = 0, upto: int | None = None
) -> Path:
    """What `colornet.training.checkpoint` leaves after a tick, with a state of a few bytes."""
    from colornet.storage import sha256_file
    from colornet.training import checkpoint

    path = folder / "checkpoints" / chosen.trial_id / f"attempt-{attempt:03d}" / checkpoint.name(at)
    path.mkdir(parents=True)
    ticks = [
        {"tick": n, "images": 32 * n, "seconds": 1.5 * n, "val_ab_mae": 100.0 + n}
        for n in range(1, (upto or at) + 1)
    ]
    (path / "state.pt").write_bytes(b"weights")
    (path / "history.json").write_text(json.dumps(ticks))
    sums = {name: sha256_file(path / name) for name in ("history.json", "state.pt")}
    (path / "manifest.json").write_bytes(checkpoint._manifest(sums))
    assert checkpoint.verify(path)
    return path


def states_of(recorder: Recorder) -> dict[str, str]:
    return {name: row["state"] for name, row in recorder.table.rows.items()}


def optuna_states(recorder: Recorder) -> list[TrialState]:
    return [trial.state for trial in recorder.ask_tell._optuna.get_trials()]


def test_a_trial_is_on_the_disk_before_it_trains(make_sweep: MakeSweep) -> None:
    folder = make_sweep()
    recorder = open_recorder(folder)
    chosen = start(recorder)
    (row,) = read_sweep(folder).trials.to_dict("records")
    assert (row["trial_id"], row["state"], row["attempt"]) == ("t00000", "running", 0)
    assert json.loads(row["point"]) == chosen.point
    assert json.loads(row["config"]) == chosen.config.to_dict()
    assert (row["point_id"], row["origin"], row["seed"]) == (chosen.point_id, "search", 0)
    assert row["host"] == socket.gethostname()


def test_from_its_start_to_its_end(make_sweep: MakeSweep) -> None:
    folder = make_sweep(1)
    recorder = open_recorder(folder)
    chosen = start(recorder)
    assert tick(recorder, chosen, 1, 9.0) is True
    assert tick(recorder, chosen, 2, 7.0) is True
    picture = {"kind": "prediction", "split": "val", "picture": "a", "picture_hash": "h"}
    assert end(recorder, chosen, pictures=[{**picture, "fixed": True, "webp": b"x"}]) is False
    sweep = read_sweep(folder)
    (row,) = sweep.trials.to_dict("records")
    assert (row["state"], row["host"], row["pid"]) == ("completed", HERE["host"], HERE["pid"])
    assert sweep.ticks["val_ab_mae"].tolist() == [9.0, 7.0]
    assert sweep.ticks["images"].tolist() == [32, 64]
    (shown,) = sweep.pictures().to_dict("records")
    assert (shown["tick"], shown["webp"], shown["trial_id"]) == (2, b"x", "t00000")
    assert states_of(recorder) == {"t00000": "completed"}
    assert recorder.running == {}
    assert optuna_states(recorder) == [TrialState.COMPLETE]
    assert [(row["number"], row["state"]) for row in recorder.ended] == [(0, "completed")]
    assert recorder.table.last["t00000"]["tick"] == 2
    assert recorder.next() is None


def test_ticks_are_written_together_and_within_a_second(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_sweep()
    now = [100.0]
    monkeypatch.setattr("search.run.recorder.time.monotonic", lambda: now[0])
    recorder = open_recorder(folder)
    chosen = start(recorder)
    recorder.flush(force=True)
    for at in (1, 2):
        tick(recorder, chosen, at, 5.0)
        recorder.flush()
    assert read_sweep(folder).ticks.empty
    now[0] += 1.0
    recorder.flush()
    assert read_sweep(folder).ticks["tick"].tolist() == [1, 2]
    assert len(list((folder / "records" / "ticks").iterdir())) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_non_finite_objective_ends_the_trial_at_once(make_sweep: MakeSweep, value: float) -> None:
    folder = make_sweep()
    recorder = open_recorder(folder)
    chosen = start(recorder)
    assert tick(recorder, chosen, 1, 5.0) is True
    assert tick(recorder, chosen, 2, value) is False
    (row,) = read_sweep(folder).trials.to_dict("records")
    assert row["state"] == "diverged"
    assert row["reason"] == f"val_ab_mae is {value} at tick 2"
    assert optuna_states(recorder) == [TrialState.PRUNED]
    assert tick(recorder, chosen, 3, 1.0) is False
    assert end(recorder, chosen) is False
    assert read_sweep(folder).trials["state"].tolist() == ["diverged"]
    assert math.isnan(read_sweep(folder).ticks["val_ab_mae"].tolist()[1])


def test_an_objective_that_does_not_apply_is_no_divergence(make_sweep: MakeSweep) -> None:
    recorder = open_recorder(make_sweep())
    assert tick(recorder, start(recorder), 1, None) is True


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("diverged", TrialState.PRUNED),
        ("oom", TrialState.PRUNED),
        ("failed", TrialState.FAIL),
        ("preempted", TrialState.RUNNING),
    ],
)
def test_other_ends(make_sweep: MakeSweep, state: str, told: TrialState) -> None:
    folder = make_sweep()
    recorder = open_recorder(folder)
    chosen = start(recorder)
    end(recorder, chosen, state, "because")
    (row,) = read_sweep(folder).trials.to_dict("records")
    assert (row["state"], row["reason"]) == (state, "because")
    assert optuna_states(recorder) == [told]


@pytest.mark.parametrize("trial_id", ["t00000", "t99999", ""])
def test_words_of_unknown_trials_are_not_recorded(make_sweep: MakeSweep, trial_id: str) -> None:
    folder = make_sweep()
    recorder = open_recorder(folder)
    metrics = {"tick": 1, "val_ab_mae": 1.0}
    assert recorder.message(trial_id, {"event": "tick", "metrics": metrics, **HERE}) is False
    recorder.process_died(trial_id, "died")
    recorder.flush(force=True)
    assert not (folder / "records").exists()


class TestLost:
    def test_a_dead_trial_comes_first_and_again(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep()
        recorder = open_recorder(folder)
        one, two = start(recorder), start(recorder)
        recorder.process_died(one.trial_id, "its process died")
        again = start(recorder)
        assert (again.trial_id, again.attempt, again.point) == (one.trial_id, 1, one.point)
        assert read_sweep(folder).trials["attempt"].tolist() == [1, 0]
        assert recorder.ask_tell.started == 2
        assert start(recorder).number == 2
        assert two.attempt == 0

    def test_what_happened_is_recorded(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(1)
        recorder = open_recorder(folder)
        chosen = start(recorder)
        tick(recorder, chosen, 1, **ELSEWHERE)
        recorder.process_died(chosen.trial_id, "its node has died", may_be_own_fault=False)
        start(recorder)
        states, _ = read_states(folder)
        assert states["state"].tolist() == ["running", "preempted", "running"]
        assert states["attempt"].tolist() == [0, 0, 1]
        assert states["reason"].tolist()[1] == "its node has died"
        assert states["host"].tolist()[1] == "elsewhere"

    def test_lost_nodes_use_up_no_attempts(self, make_sweep: MakeSweep) -> None:
        recorder = open_recorder(make_sweep(1))
        for attempt in range(3 * MAX_DEATHS):
            chosen = start(recorder)
            assert chosen.attempt == attempt
            recorder.process_died(chosen.trial_id, "its node has died", may_be_own_fault=False)
        finish(recorder, start(recorder))
        assert states_of(recorder) == {"t00000": "completed"}

    @pytest.mark.parametrize(("gpus", "again"), [(0.25, True), (1.0, False), (0.0, False)])
    def test_out_of_a_shared_card_s_memory_it_has_the_card_to_itself_once(
        self, make_sweep: MakeSweep, gpus: float, again: bool
    ) -> None:
        folder = make_sweep(1)
        recorder = open_recorder(folder)
        recorder.budget.gpus = gpus
        chosen = start(recorder)
        assert not chosen.alone
        end(recorder, chosen, "oom", "CUDA out of memory")
        if again:
            chosen = start(recorder)
            assert (chosen.trial_id, chosen.attempt, chosen.alone) == ("t00000", 1, True)
            end(recorder, chosen, "oom", "CUDA out of memory")
        assert recorder.next() is None
        (row,) = read_sweep(folder).trials.to_dict("records")
        assert (row["state"], row["reason"]) == ("oom", "CUDA out of memory")

    def test_a_trial_whose_process_was_asked_to_leave_goes_on_elsewhere(
        self, make_sweep: MakeSweep
    ) -> None:
        folder = make_sweep(1)
        recorder = open_recorder(folder)
        chosen = start(recorder)
        assert end(recorder, chosen, "preempted", "interrupted after 32 images") is False
        again = start(recorder)
        assert (again.trial_id, again.attempt) == (chosen.trial_id, 1)
        finish(recorder, again)
        assert recorder.next() is None
        assert recorder.is_finished

    def test_it_fails_when_it_dies_again_and_again(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(1)
        recorder = open_recorder(folder)
        for attempt in range(MAX_DEATHS):
            chosen = start(recorder)
            assert chosen.attempt == attempt
            recorder.process_died(chosen.trial_id, "its process died")
        assert recorder.next() is None
        (row,) = read_sweep(folder).trials.to_dict("records")
        assert row["state"] == "failed"
        assert row["reason"] == f"its process died ({MAX_DEATHS} attempts)"
        assert optuna_states(recorder) == [TrialState.FAIL]

    def test_another_s_deaths_do_not_count(self, make_sweep: MakeSweep) -> None:
        recorder = open_recorder(make_sweep())
        for _ in range(MAX_DEATHS - 1):
            recorder.process_died(start(recorder).trial_id, "died")
        other = recorder.ask_tell.waiting.pop()
        fresh = start(recorder)
        assert fresh.number != other.number
        recorder.process_died(fresh.trial_id, "died")
        assert recorder.table.rows[fresh.trial_id]["state"] == "preempted"  # and not failed

    def test_when_the_sweep_is_stopping_it_is_preempted(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep()
        recorder = open_recorder(folder)
        chosen = start(recorder)
        recorder.stop()
        recorder.process_died(chosen.trial_id, "its process died")
        assert read_sweep(folder).trials["state"].tolist() == ["preempted"]


class TestStop:
    def test_each_trial_is_terminated_once_when_its_process_is_known(
        self, make_sweep: MakeSweep
    ) -> None:
        sent: list[int | None] = []
        folder = make_sweep()
        study = study_of(folder)
        recorder = Recorder(folder, study, lambda running: sent.append(running.pid))
        here, there, silent = start(recorder), start(recorder), start(recorder)
        tick(recorder, here, 1, 5.0)
        tick(recorder, there, 1, 5.0, **ELSEWHERE)
        for _ in range(3):
            recorder.stop()
        assert sent == [HERE["pid"], ELSEWHERE["pid"]]
        assert recorder.next() is None
        assert tick(recorder, here, 2, 4.0) is True
        end(recorder, here, "preempted", "asked to stop")
        tick(recorder, silent, 1, 5.0)
        recorder.stop()
        assert sent == [HERE["pid"], ELSEWHERE["pid"], HERE["pid"]]
        for trial_id in list(recorder.running):
            recorder.process_died(trial_id, "the sweep was interrupted")
        assert set(read_sweep(folder).trials["state"]) == {"preempted"}
        assert recorder.running == {}

    def test_only_processes_of_this_host_are_killed_from_here(
        self, make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[tuple[int, int]] = []
        monkeypatch.setattr(
            "search.run.recorder.os.kill", lambda pid, what: sent.append((pid, what))
        )
        recorder = open_recorder(make_sweep())
        here, there = start(recorder), start(recorder)
        tick(recorder, here, 1, 5.0)
        tick(recorder, there, 1, 5.0, **ELSEWHERE)
        recorder.stop()
        assert sent == [(HERE["pid"], signal.SIGTERM)]

    def test_a_process_that_has_gone_is_no_trouble(self, make_sweep: MakeSweep) -> None:
        recorder = open_recorder(make_sweep())
        chosen = start(recorder)
        assert not os.path.exists(f"/proc/{HERE['pid']}")
        tick(recorder, chosen, 1, 5.0)
        recorder.stop()

    def test_preempted_trials_come_first_after_reopening(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(6)
        recorder = open_recorder(folder)
        run_one(recorder, 5.0)
        stopped = [start(recorder), start(recorder)]
        recorder.stop_requested = True
        for trial_id in list(recorder.running):
            recorder.process_died(trial_id, "interrupted")
        again = open_recorder(folder)
        first = [start(again), start(again)]
        assert [(one.number, one.attempt) for one in first] == [(1, 1), (2, 1)]
        assert [one.point for one in first] == [one.point for one in stopped]
        assert start(again).number == 3
        assert again.table.rows["t00000"]["state"] == "completed"
        assert again.table.best == 5.0


class TestReopened:
    @pytest.mark.parametrize("kill", [0, 1, 2, 8, 14])
    def test_a_killed_sweep_goes_on_as_if_nothing_had_been(
        self, make_sweep: MakeSweep, kill: int
    ) -> None:
        """The recorder is dropped after an event; the sweep ends as it would have."""
        folder = make_sweep(5)
        recorders, events = [open_recorder(folder)], iter(range(100))

        def survive() -> None:
            if next(events) == kill:
                recorders[-1].flush(force=True)
                recorders.append(open_recorder(folder))

        while (chosen := recorders[-1].next()) is not None:
            for at in (1, 2):
                tick(recorders[-1], chosen, at, chosen.number + 2.0 - at)
                survive()
            end(recorders[-1], chosen)
            survive()
        assert len(recorders) == 2
        found = read_sweep(folder)
        alone = [one.point for one in iter(AskTell(study_of(folder), pd.DataFrame(), {}).ask, None)]
        assert [json.loads(point) for point in found.trials["point"]] == alone
        assert set(found.trials["state"]) == {"completed"}
        states, _ = read_states(folder)
        assert (states["state"] == "completed").sum() == 5
        values = [number + 2.0 - at for number in range(5) for at in (1, 2)]
        assert found.ticks["val_ab_mae"].tolist() == values

    def test_gaps_are_filled_from_the_checkpoint(self, make_sweep: MakeSweep) -> None:
        """The driver died before the last ticks were written; the checkpoint vouches for them."""
        folder = make_sweep()
        recorder = open_recorder(folder)
        chosen = start(recorder)
        tick(recorder, chosen, 1, 9.0)
        recorder.flush(force=True)
        leave_checkpoint(folder, chosen, 3)
        open_recorder(folder)
        ticks = read_sweep(folder).ticks
        assert ticks["tick"].tolist() == [1, 2, 3]
        assert ticks["val_ab_mae"].tolist() == [9.0, 102.0, 103.0]
        assert ticks["attempt"].tolist() == [0, 0, 0]
        open_recorder(folder)
        assert len(read_sweep(folder).ticks) == 3

    @pytest.mark.parametrize("damage", ["cut", "no manifest", "flipped"])
    def test_a_damaged_checkpoint_vouches_for_nothing(
        self, make_sweep: MakeSweep, damage: str
    ) -> None:
        folder = make_sweep()
        recorder = open_recorder(folder)
        chosen = start(recorder)
        leave_checkpoint(folder, chosen, 1)
        path = leave_checkpoint(folder, chosen, 3, attempt=1)
        if damage == "no manifest":
            (path / "manifest.json").unlink()
        else:
            data = (path / "history.json").read_bytes()
            changed = data[:-5] if damage == "cut" else data.replace(b"102.0", b"902.0")
            (path / "history.json").write_bytes(changed)
        open_recorder(folder)
        assert read_sweep(folder).ticks["val_ab_mae"].tolist() == [101.0]

    def test_finished_trials_are_left_alone(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep()
        recorder = open_recorder(folder)
        chosen = run_one(recorder, 5.0)
        leave_checkpoint(folder, chosen, 3)
        again = open_recorder(folder)
        assert read_sweep(folder).ticks["tick"].tolist() == [1, 2]
        assert start(again).number == 1

    def test_a_diverged_objective_is_not_forgotten(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep()
        recorder = open_recorder(folder)
        chosen = start(recorder)
        tick(recorder, chosen, 1, math.nan)
        assert optuna_states(open_recorder(folder)) == [TrialState.PRUNED]

    def test_attempts_of_a_trial_that_kills_every_driver_go_up(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep()
        attempts = [start(open_recorder(folder)).attempt for _ in range(3)]
        assert attempts == [0, 1, 2]


class TestGenerators:
    def leave(self, folder: Path, chosen: Assignment) -> None:
        leave_checkpoint(folder, chosen, 1)
        path = folder / "checkpoints" / chosen.trial_id / "attempt-000" / "generator.safetensors"
        path.write_bytes(chosen.trial_id.encode())

    def test_those_of_the_best_few_are_kept(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep()
        recorder = open_recorder(folder)
        for value in (6.0, 2.0, 5.0, 1.0, 9.0, 3.0):
            chosen = start(recorder)
            self.leave(folder, chosen)
            tick(recorder, chosen, 1, value)
            end(recorder, chosen)
        kept = sorted(path.name for path in (folder / "checkpoints").iterdir())
        assert kept == ["t00001.safetensors", "t00003.safetensors", "t00005.safetensors"]
        assert len(kept) == KEEP_BEST
        for name in kept:
            assert (folder / "checkpoints" / name).read_text() == Path(name).stem
        assert recorder.table.best == 1.0

    @pytest.mark.parametrize("state", ["failed", "diverged", "oom"])
    def test_those_of_bad_ends_are_not(self, make_sweep: MakeSweep, state: str) -> None:
        folder = make_sweep()
        recorder = open_recorder(folder)
        chosen = start(recorder)
        self.leave(folder, chosen)
        tick(recorder, chosen, 1, 0.1)
        end(recorder, chosen, state)
        assert list((folder / "checkpoints").iterdir()) == []
        assert recorder.table.best is None

    def test_a_preempted_trial_keeps_its_checkpoint(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep()
        recorder = open_recorder(folder)
        chosen = start(recorder)
        path = leave_checkpoint(folder, chosen, 1)
        end(recorder, chosen, "preempted")
        assert path.exists()


def test_the_best_so_far(make_sweep: MakeSweep) -> None:
    folder = make_sweep()
    recorder = open_recorder(folder)
    assert (recorder.table.best, recorder.table.best_column) == (None, "val_ab_mae")
    for value, best in ((6.0, 6.0), (2.0, 2.0), (5.0, 2.0)):
        run_one(recorder, value)
        recorder.table.refresh_best()
        assert recorder.table.best == best


class TestStoppedEarly:
    ASHA = {"stopping": {"rule": "asha"}, "sampler": "random"}  # noqa: RUF012

    def test_who_lags_behind_is_pruned_with_its_reason(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(4, **self.ASHA)
        recorder = open_recorder(folder)
        first, second = recorder.next(), recorder.next()
        assert first and second
        assert tick(recorder, first, 1, 5.0)
        assert not tick(recorder, second, 1, 6.0)
        found = read_sweep(folder).trials.set_index("trial_id").loc[second.trial_id]
        assert (found["state"], found["reason"]) == (
            "pruned",
            "1 of 2 trials were better after 32 pictures",
        )
        assert not tick(recorder, second, 2, 1.0), "nobody listens to it any more"

    def test_a_reopened_sweep_knows_its_rungs(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(4, **self.ASHA)
        recorder = open_recorder(folder)
        first, second = recorder.next(), recorder.next()
        assert first and second
        tick(recorder, first, 1, 5.0)
        recorder.flush(force=True)
        again = open_recorder(folder)
        assert again.early_stopping.reached == [{first.trial_id: LastReport((5.0,))}]
        for _ in range(2):
            again.next()
        assert not tick(again, second, 1, 6.0)


class TestPromoted:
    """With one rung after the first of two ticks, at which one in two goes on."""

    PROMOTE = {"stopping": {"rule": "asha", "promote": True}, "sampler": "random"}  # noqa: RUF012
    VALUES = (5.0, 6.0, 9.0)
    """The second is stopped, and due once the third has come."""

    def stopped(self, folder: Path, values: tuple[float, ...] = VALUES) -> Recorder:
        """The first of some trials runs, the others were stopped at the rung."""
        recorder = open_recorder(folder)
        for value in values:
            chosen = start(recorder)
            leave_checkpoint(folder, chosen, 1)
            goes_on = tick(recorder, chosen, 1, value)
            assert goes_on == (value == values[0])
        return recorder

    def checkpoints(self, folder: Path) -> set[str]:
        return read_sweep(folder).checkpointed

    def test_a_trial_that_is_due_goes_on_before_a_new_point(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(8, **self.PROMOTE)
        recorder = self.stopped(folder)
        chosen = start(recorder)
        assert (chosen.trial_id, chosen.attempt) == ("t00001", 1)
        assert start(recorder).trial_id == "t00003"
        history = [{"tick": 1, "images": 32, "seconds": 1.5, "val_ab_mae": 6.0}]
        assert recorder.message(
            chosen.trial_id, {"event": "resumed", "history": history, **ELSEWHERE}
        )
        assert tick(recorder, chosen, 2, 3.0, **ELSEWHERE)
        end(recorder, chosen)
        sweep = read_sweep(folder)
        rows = sweep.states[sweep.states["trial_id"] == "t00001"]
        assert rows["state"].tolist() == ["running", "pruned", "running", "completed"]
        assert sweep.attempts.query("trial_id == 't00001'")["state"].tolist() == [
            "pruned",
            "completed",
        ]
        assert recorder.budget.spent()["images"] == 32 + 64 + 32
        assert optuna_states(recorder)[1] == TrialState.COMPLETE
        assert recorder.ask_tell._optuna.trials[1].value == 3.0
        assert recorder.table.counts().states == {"completed": 1, "pruned": 1, "running": 2}
        recorder.table.refresh_best()
        assert recorder.table.best == 3.0

    def test_nobody_is_unless_the_study_says_so(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(8, stopping={"rule": "asha"}, sampler="random")
        recorder = self.stopped(folder)
        assert self.checkpoints(folder) == {"t00000"}
        assert start(recorder).trial_id == "t00003"

    def test_checkpoints_of_the_best_few_of_a_rung_are_kept(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(8, **self.PROMOTE)
        recorder = open_recorder(folder)
        chosen = [start(recorder) for _ in range(6)]
        for trial, value in zip(chosen, (1.0, 6.0, 1.5, 9.0, 8.0, 7.0), strict=True):
            leave_checkpoint(folder, trial, 1)
            tick(recorder, trial, 1, value)
        assert recorder.paused.trials == {"t00001", "t00004", "t00005"}
        assert self.checkpoints(folder) == recorder.paused.trials | {"t00000", "t00002"}

    def test_a_reopened_sweep_promotes_the_same(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(8, **self.PROMOTE)
        self.stopped(folder).flush(force=True)
        recorder = open_recorder(folder)
        assert [start(recorder).trial_id for _ in range(3)] == ["t00000", "t00001", "t00003"]

    def test_one_that_is_cut_off_goes_on_as_the_next_attempt(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(8, **self.PROMOTE)
        start(self.stopped(folder))
        recorder = open_recorder(folder)
        chosen = [start(recorder) for _ in range(3)]
        attempts = [(trial.trial_id, trial.attempt) for trial in chosen]
        assert attempts == [("t00000", 1), ("t00001", 2), ("t00003", 0)]

    def test_one_without_a_checkpoint_stays_stopped(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(8, **self.PROMOTE)
        recorder = self.stopped(folder)
        shutil.rmtree(folder / "checkpoints" / "t00001")
        assert start(recorder).trial_id == "t00003"
        assert states_of(recorder)["t00001"] == "pruned"
        assert start(open_recorder(folder)).trial_id == "t00000"

    def test_one_whose_checkpoint_is_damaged_begins_anew(self, make_sweep: MakeSweep) -> None:
        """Its training found none to go on from."""
        folder = make_sweep(8, **self.PROMOTE)
        recorder = self.stopped(folder)
        chosen = start(recorder)
        assert tick(recorder, chosen, 1, 70.0), "nobody is judged twice at a rung"
        assert tick(recorder, chosen, 2, 3.0)
        end(recorder, chosen)
        assert states_of(recorder)["t00001"] == "completed"
        assert recorder.budget.spent()["images"] == 32 + 64 + 32

    def test_ticks_that_only_its_checkpoint_holds_count(self, make_sweep: MakeSweep) -> None:
        """A training that is stopped may end a tick before it hears of it."""
        fixed = {"training.images": 256, "training.ticks": 8}
        stopping = {"rule": "asha", "grace": 0.125, "promote": True}
        folder = make_sweep(8, sampler="random", stopping=stopping, fixed=SMALL | fixed)
        recorder = self.stopped(folder)
        chosen = start(recorder)
        history = [
            {"tick": at, "images": 32 * at, "seconds": 1.5 * at, "val_ab_mae": 6.0} for at in (1, 2)
        ]
        message = {"event": "resumed", "history": history, **HERE}
        assert recorder.message(chosen.trial_id, message)
        assert recorder.budget.spent()["images"] == 32 + 64 + 32
        assert set(recorder.early_stopping.reached[1]) == {"t00001"}
        recorder.flush(force=True)
        assert open_recorder(folder).early_stopping.reached == recorder.early_stopping.reached

    def test_one_may_be_stopped_again_at_a_later_rung(self, make_sweep: MakeSweep) -> None:
        fixed = {"training.images": 256, "training.ticks": 8}
        stopping = {"rule": "asha", "grace": 0.125, "promote": True}
        folder = make_sweep(8, sampler="random", stopping=stopping, fixed=SMALL | fixed)
        recorder = self.stopped(folder)
        assert tick(recorder, recorder.running["t00000"], 2, 5.0)
        chosen = start(recorder)
        assert not tick(recorder, chosen, 2, 6.0)
        assert states_of(recorder)["t00001"] == "pruned"
        assert recorder.early_stopping.last_rung("t00001") == 1
        assert start(recorder).trial_id == "t00003"

    def test_what_is_left_of_a_budget_goes_to_the_best(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(3, budget={"trials": 3, "images": 1000}, **self.PROMOTE)
        recorder = self.stopped(folder)
        finish(recorder, recorder.running["t00000"])
        assert not recorder.is_finished and not open_recorder(folder).is_finished
        assert is_left(read_sweep(folder))
        for trial_id in ("t00001", "t00002"):
            chosen = start(recorder)
            assert chosen.trial_id == trial_id
            tick(recorder, chosen, 2)
            end(recorder, chosen)
        assert recorder.next() is None and recorder.is_finished
        assert not is_left(read_sweep(folder))

    def ends_without_checkpoints(self, recorder: Recorder, folder: Path) -> None:
        assert recorder.next() is None and recorder.is_finished
        recorder.close()
        assert self.checkpoints(folder) == set()

    def test_no_more_than_is_left_of_it(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(3, budget={"trials": 3, "images": 160}, **self.PROMOTE)
        recorder = self.stopped(folder)
        finish(recorder, recorder.running["t00000"])
        chosen = start(recorder)
        tick(recorder, chosen, 2)
        end(recorder, chosen)
        self.ends_without_checkpoints(recorder, folder)

    def test_trials_alone_are_no_such_budget(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(3, **self.PROMOTE)
        recorder = self.stopped(folder)
        finish(recorder, recorder.running["t00000"])
        self.ends_without_checkpoints(recorder, folder)

    def test_they_stay_for_a_sweep_that_was_interrupted(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(8, **self.PROMOTE)
        recorder = self.stopped(folder)
        recorder.stop()
        end(recorder, recorder.running["t00000"], "preempted")
        assert recorder.next() is None
        recorder.close()
        assert self.checkpoints(folder) == {"t00000", "t00001", "t00002"}

    def test_the_best_are_confirmed_after_it(self, make_sweep: MakeSweep) -> None:
        confirm = {"top": 1, "replicates": 2}
        budget = {"trials": 3, "images": 1000}
        folder = make_sweep(3, budget=budget, confirm=confirm, **self.PROMOTE)
        recorder = self.stopped(folder)
        finish(recorder, recorder.running["t00000"])
        asked = []
        while (chosen := recorder.next()) is not None:
            asked.append((chosen.trial_id, chosen.origin))
            finish(recorder, chosen, 4.0)
        searched = [("t00001", "search"), ("t00002", "search")]
        assert asked == [*searched, ("t00003", "confirm"), ("t00004", "confirm")]
        assert recorder.is_finished


class TestBudgets:
    def test_no_trial_is_handed_out_beyond_the_pictures(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(8, budget={"trials": 8, "images": 200})
        recorder = open_recorder(folder)
        asked = []
        while (chosen := recorder.next()) is not None:
            asked.append(chosen)
            finish(recorder, chosen)
        assert len(asked) == 4  # 4 x 64 >= 200, 3 x 64 is not
        assert recorder.why_over == "the budget of 200 images is spent"
        assert recorder.is_finished
        assert open_recorder(folder).is_finished

    def test_running_trials_are_counted_in_full(self, make_sweep: MakeSweep) -> None:
        recorder = open_recorder(make_sweep(8, budget={"trials": 8, "images": 128}))
        first = recorder.next()
        assert first
        tick(recorder, first, 1)
        assert recorder.next() is not None  # 64 are reckoned, 64 are left
        assert recorder.next() is None
        assert not recorder.is_finished

    def test_cut_trials_are_cancelled(
        self, make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = make_sweep(8, budget={"trials": 8, "images": 64, "when_spent": "cut"})
        recorder = open_recorder(folder)
        first, second = recorder.next(), recorder.next()
        assert first and second
        told = []
        monkeypatch.setattr(os, "kill", lambda pid, number: told.append((pid, number)))
        tick(recorder, second, 1)
        finish(recorder, first)
        recorder.watch_budget()
        recorder.watch_budget()
        assert recorder.cut_reason == "the budget of 64 images is spent"
        assert [number for _, number in told] in ([], [signal.SIGTERM])
        end(recorder, second, "preempted")
        assert recorder.table.rows[second.trial_id]["state"] == "cancelled"
        assert recorder.next() is None
        assert recorder.is_finished
        assert open_recorder(folder).is_finished

    def test_trials_may_finish_otherwise(self, make_sweep: MakeSweep) -> None:
        recorder = open_recorder(make_sweep(8, budget={"trials": 8, "images": 64}))
        first = recorder.next()
        assert first
        finish(recorder, first)
        recorder.watch_budget()
        assert recorder.cut_reason is None


class TestConfirmation:
    CONFIRM = {"confirm": {"top": 2, "replicates": 2}, "sampler": "random"}  # noqa: RUF012

    def played(self, recorder: Recorder) -> list[Assignment]:
        asked = []
        while (chosen := recorder.next()) is not None:
            asked.append(chosen)
            finish(recorder, chosen, value=5.0 + chosen.number % 3)
        return asked

    def test_the_best_are_repeated_with_fresh_seeds(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(4, **self.CONFIRM)
        recorder = open_recorder(folder)
        asked = self.played(recorder)
        searched, confirming = asked[:4], asked[4:]
        assert [one.origin for one in confirming] == ["confirm"] * 4
        assert [one.number for one in asked] == list(range(8))
        best = [searched[0].point_id, searched[3].point_id]
        assert [one.point_id for one in confirming] == best * 2
        seeds = [one.seed for one in confirming]
        assert seeds[0] == seeds[1] != seeds[2] == seeds[3]
        assert not {one.seed for one in searched} & set(seeds)
        assert all(one.config.training.seed == one.seed for one in confirming)
        assert recorder.is_finished
        assert open_recorder(folder).next() is None

    def test_they_wait_for_the_search_to_end(self, make_sweep: MakeSweep) -> None:
        recorder = open_recorder(make_sweep(2, **self.CONFIRM))
        first, second = recorder.next(), recorder.next()
        assert first and second
        finish(recorder, first)
        assert recorder.next() is None
        assert not recorder.is_finished
        finish(recorder, second)
        chosen = recorder.next()
        assert chosen and chosen.origin == "confirm"

    def test_a_killed_confirmation_goes_on(self, make_sweep: MakeSweep) -> None:
        folder = make_sweep(3, **self.CONFIRM)
        recorder = open_recorder(folder)
        for _ in range(3):
            chosen = recorder.next()
            assert chosen
            finish(recorder, chosen, value=5.0 + chosen.number)
        running = recorder.next()
        assert running and running.origin == "confirm"
        again = open_recorder(folder)
        assert not again.is_finished
        asked = self.played(again)
        assert (asked[0].trial_id, asked[0].attempt) == (running.trial_id, 1)
        assert [one.number for one in asked] == [3, 4, 5, 6]
        assert read_sweep(folder).trials["point_id"].nunique() == 3

    def test_nothing_is_confirmed_when_nothing_can_be_chosen(self, make_sweep: MakeSweep) -> None:
        recorder = open_recorder(make_sweep(2, **self.CONFIRM))
        for _ in range(2):
            chosen = recorder.next()
            assert chosen
            end(recorder, chosen, "failed")
        assert recorder.next() is None
        assert recorder.is_finished

    def test_a_trial_that_confirms_is_not_stopped_early(self, make_sweep: MakeSweep) -> None:
        recorder = open_recorder(make_sweep(2, **self.CONFIRM, stopping={"rule": "asha"}))
        for _ in range(2):
            chosen = recorder.next()
            assert chosen
            finish(recorder, chosen, value=5.0 - chosen.number)
        chosen = recorder.next()
        assert chosen and chosen.origin == "confirm"
        assert tick(recorder, chosen, 1, 99.0)

    def test_the_search_leaves_room_in_the_budget(self, make_sweep: MakeSweep) -> None:
        budget = {"trials": 20, "images": 10 * 64}
        recorder = open_recorder(make_sweep(20, **self.CONFIRM, budget=budget))
        asked = self.played(recorder)
        assert [one.origin for one in asked].count("confirm") == 4
        assert recorder.budget.spent()["images"] <= 10 * 64

    def test_more_trials_may_change_who_is_best(
        self, make_sweep: MakeSweep, make_study: Callable[..., Study]
    ) -> None:
        folder = make_sweep(3, **self.CONFIRM)
        self.played(open_recorder(folder))
        grown = Recorder(folder, make_study(4, **self.CONFIRM))
        chosen = grown.next()
        assert chosen and (chosen.number, chosen.origin) == (7, "search")
        finish(grown, chosen, value=1.0)
        asked = self.played(grown)
        assert {one.point_id for one in asked} == {chosen.point_id}
        assert [one.origin for one in asked] == ["confirm"] * 2


def test_a_constraint_that_is_not_met_keeps_a_trial_from_being_best(make_sweep: MakeSweep) -> None:
    folder = make_sweep(2, constraints={"gmac_per_picture": "< 2"})
    recorder = open_recorder(folder)
    for gmac in (3.0, 1.0):
        chosen = recorder.next()
        assert chosen
        metrics = {"tick": 1, "images": 32, "val_ab_mae": 5.0 - gmac}
        metrics["cost_gmac_per_picture"] = gmac
        recorder.message(chosen.trial_id, {"event": "tick", "metrics": metrics, **HERE})
        end(recorder, chosen, "completed")
    recorder.table.refresh_best()
    assert recorder.table.best == 4.0
    trials = open_recorder(folder).ask_tell._optuna.get_trials()
    assert [one.constraints["cost_gmac_per_picture"] for one in trials] == [1.0, -1.0]


class TestAFullDisk:
    @staticmethod
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    def test_ends_the_sweep_and_loses_nothing(
        self, make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = make_sweep(3)
        recorder = open_recorder(folder)
        first = start(recorder)
        with monkeypatch.context() as patched:
            patched.setattr("colornet.storage.write_atomic", self.full)
            end(recorder, first, "completed")
            assert recorder.storage_error == f"{folder}: cannot be written: No space left on device"
            assert recorder.stop_requested and recorder.next() is None
            recorder.close()
        assert read_sweep(folder).trials["state"].tolist() == ["running"]
        recorder.close()  # there is space again
        assert read_sweep(folder).trials["state"].tolist() == ["completed"]

    def test_keeps_the_checkpoints_of_what_could_not_be_recorded(
        self, make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = make_sweep(3)
        recorder = open_recorder(folder)
        first = start(recorder)
        kept = folder / "checkpoints" / first.trial_id / "attempt-000"
        kept.mkdir(parents=True)
        with monkeypatch.context() as patched:
            patched.setattr("colornet.storage.write_atomic", self.full)
            end(recorder, first, "failed")
            recorder.close()
        assert kept.is_dir()
        assert open_recorder(folder).ask_tell.waiting[0].trial_id == first.trial_id

    def test_of_a_trial_stops_the_others(self, make_sweep: MakeSweep) -> None:
        told: list[int | None] = []
        folder = make_sweep(4)
        recorder = Recorder(folder, study_of(folder), lambda one: told.append(one.pid))
        first, second = start(recorder), start(recorder)
        tick(recorder, second, 1)
        reason = "/sweep: cannot be written: No space left on device (on there)"
        end(recorder, first, "storage_error", reason)
        assert recorder.storage_error == reason and recorder.next() is None
        recorder.stop()
        assert told == [HERE["pid"]]
        end(recorder, second, "preempted", "stopped")
        recorder.close()
        states = read_sweep(folder).trials
        assert states["state"].tolist() == ["preempted", "preempted"]
        assert states["reason"].tolist() == [reason, "stopped"]


def test_a_trial_that_is_silent_is_tried_once_more(make_sweep: MakeSweep) -> None:
    now, folder = [0.0], make_sweep(1)
    recorder = Recorder(folder, study_of(folder), clock=lambda: now[0])
    for attempt, state in enumerate(["preempted", "stalled"]):
        chosen = recorder.next()
        assert chosen is not None and chosen.attempt == attempt
        recorder.settle(chosen.trial_id)
        now[0] += 2.0
        tick(recorder, chosen, attempt + 1)
        now[0] += 599.0
        assert recorder.heartbeats.newly_stalled() == []
        now[0] += 2.0
        assert recorder.heartbeats.newly_stalled() == [chosen.trial_id]
        recorder.process_died(chosen.trial_id, "its process died")
        last = read_states(folder)[0].iloc[-1]
        assert (last["state"], last["reason"]) == (
            state,
            "stalled: nothing was heard of it for 601 s",
        )
    assert recorder.next() is None and recorder.is_finished


def test_a_space_with_too_few_points_ends_the_search_in_words(make_sweep: MakeSweep) -> None:
    space = {"generator.width": {"int": [8, 10]}}
    folder = play(make_sweep(8, space=space))
    sweep = read_sweep(folder)
    recorder = Recorder(folder, Study.from_data(sweep.study, "study.yaml"))
    assert sorted(json.loads(point)["generator.width"] for point in sweep.trials["point"]) == [
        8, 9, 10,
    ]  # fmt: skip
    assert (recorder.is_finished, recorder.next()) == (True, None)
    assert recorder.table.counts().search_text == "3 of 3 done (2 completed, 1 failed)"
    assert recorder.why_over == "the space has no more than 3 points, and all were tried"
