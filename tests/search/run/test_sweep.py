"""Sweeps on a local Ray, with trainings that do nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from colornet.config.config import Config
from colornet.errors import ClusterError, InputError, NoValidTrialError, StorageError
from search.core.ask_tell import AskTell
from search.records.reader import read_states, read_sweep
from search.records.writer import RecordsWriter
from search.run import heartbeats, retries, sweep
from search.run.recorder import Recorder
from spaces.study import Study

pytestmark = pytest.mark.ray
MakeSweep = Callable[..., Path]


def training(act: Callable[[Config, int], Any] | None = None, ticks: int = 2) -> Callable[..., Any]:
    """A training that only reports; `act(config, tick)` may change the value, raise or kill.

    It is made in here so that Ray ships it by value: workers cannot import the tests.
    """

    def train(config: Any, report: Any, resume: Any, *, folder: Any = None) -> None:
        for tick in range(1, ticks + 1):
            value = act(config, tick) if act else None
            metrics = {"tick": tick, "images": 32 * tick, "seconds": 0.1 * tick}
            report({**metrics, "val_ab_mae": 5.0 / tick if value is None else value}, None)

    return train


@pytest.fixture(autouse=True)
def one_ray(local_ray: Any) -> None:
    """`sweep.run` uses the Ray that is there."""


def test_every_trial_completes_and_is_recorded(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each begins when its row is on the disk, in a process without what searches."""
    write = RecordsWriter._write

    def slowly(*arguments: Any) -> None:
        time.sleep(0.1)
        write(*arguments)

    def train(config: Any, report: Any, resume: Any, *, folder: Any = None) -> None:
        searching = {"optuna", "scipy"} & set(sys.modules)
        assert not searching, searching
        trial_id, sweep_folder = folder.parent.name, folder.parents[2]
        assert trial_id in set(read_sweep(sweep_folder).trials["trial_id"])
        for tick in (1, 2):
            metrics = {"tick": tick, "images": 32 * tick, "seconds": 0.1 * tick}
            report({**metrics, "val_ab_mae": 5.0 / tick}, None)

    monkeypatch.setattr(RecordsWriter, "_write", slowly)
    folder = make_sweep(6)
    result = sweep.run(folder, train=train)
    found = read_sweep(folder)
    assert (by_state(folder), result.interrupted) == ({"completed": 6}, False), found.trials
    assert found.problems == []
    assert found.trials["number"].tolist() == list(range(6))
    assert set(found.trials["attempt"]) == {0}
    for number, ticks in found.ticks.groupby("number"):
        assert ticks["tick"].tolist() == [1, 2], number
        assert ticks["val_ab_mae"].tolist() == [5.0, 2.5]
    states, _ = read_states(folder)
    assert states["state"].value_counts().to_dict() == {"running": 6, "completed": 6}
    for _, rows in states.groupby("trial_id"):
        assert rows["state"].tolist() == ["running", "completed"]
    assert not (folder / "lease.json").exists()
    printed = capfd.readouterr()
    assert printed.out == ""
    ended = [line for line in printed.err.splitlines() if "completed" in line]
    assert sorted(line.split()[1] for line in ended) == [f"t{n:05d}" for n in range(6)]
    assert [line.split()[0] for line in ended] == [f"{n}/6" for n in range(1, 7)]
    assert "\x1b" not in printed.err

    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError

    assert not sweep.run(folder, train=never).interrupted
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_promoted_trial_goes_on_from_its_checkpoint(make_sweep: MakeSweep) -> None:
    """The third of them that comes to the rung leaves room for the second, which was stopped."""
    folder = make_sweep(
        4,
        sampler="random",
        stopping={"rule": "asha", "promote": True},
        resources={"concurrent": 1},
    )
    asked = rates(folder, 4)

    def train(config: Any, report: Any, resume: Any, *, folder: Any = None) -> None:
        from colornet.training import checkpoint

        history = [] if resume is None else checkpoint.history(resume)
        number = asked.index(config.optimizer.generator_lr)
        for tick in range(len(history) + 1, 3):
            value = 5.0 + number - 3 * (tick == 2)
            metrics = {"tick": tick, "images": 32 * tick, "seconds": 0.1 * tick}
            history.append({**metrics, "val_ab_mae": value})
            report(history[-1], checkpoint.save(folder / checkpoint.name(tick), {}, history))

    assert not sweep.run(folder, train=train).interrupted
    found = read_sweep(folder)
    assert found.trials["state"].tolist() == ["completed", "completed", "pruned", "pruned"]
    rows = found.states[found.states["trial_id"] == "t00001"]
    assert rows["state"].tolist() == ["running", "pruned", "running", "completed"]
    ticks = found.ticks[found.ticks["trial_id"] == "t00001"]
    assert ticks[["tick", "attempt"]].to_numpy().tolist() == [[1, 0], [2, 1]]
    assert found.checkpointed == set()


def test_how_trials_may_end(make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch) -> None:
    """NaN is diverged at once, an exception failed with its reason, a dead process retried."""
    monkeypatch.setattr(retries, "MAX_DEATHS", 2)
    folder = make_sweep(4, fixed={"data.image_size": 16, "training.images": 64})
    asked = rates(folder, 4)

    def act(config: Any, tick: int) -> float | None:
        number = asked.index(config.optimizer.generator_lr)
        if number == 0 and tick == 2:
            return float("nan")
        if number == 1 and tick == 2:
            raise ValueError("out of\nluck")
        if number == 2 and tick == 2:
            import os
            import time

            time.sleep(0.3)
            os.kill(os.getpid(), 9)
        return None

    sweep.run(folder, train=training(act, ticks=3))
    found = read_sweep(folder)
    trials = found.trials.set_index("number")
    assert trials["state"].tolist() == ["diverged", "failed", "failed", "completed"]
    assert trials["reason"][0] == "val_ab_mae is nan at tick 2"
    assert trials["reason"][1].startswith("ValueError: out of\nluck (")
    assert trials["log"][1].startswith("Traceback") and trials["log"][1].endswith("luck")
    assert trials["log"].isna().tolist() == [True, False, True, True]
    assert "its process died" in trials["reason"][2]
    assert "(2 attempts)" in trials["reason"][2]
    assert trials["attempt"].tolist() == [0, 0, 1, 0]
    ticks = found.ticks.groupby("number")["tick"].apply(list).to_dict()
    assert (ticks[0], ticks[1], ticks[3]) == ([1, 2], [1], [1, 2, 3])
    states, _ = read_states(folder)
    died = ["running", "preempted", "running", "failed"]
    assert states[states["number"] == 2]["state"].tolist() == died


def rates(folder: Path, count: int) -> list[float]:
    """The rates of the first trials, which do not depend on how they end."""
    ask_tell = AskTell(Study.from_data(read_sweep(folder).study, "x"), pd.DataFrame(), {})
    asked = (ask_tell.ask() for _ in range(count))
    return [one.config.optimizer.generator_lr for one in asked if one]


@pytest.mark.slow
def test_a_sweep_in_which_nothing_can_be_chosen(make_sweep: MakeSweep) -> None:
    def act(_config: Any, _tick: int) -> float:
        raise RuntimeError("never")

    folder = make_sweep(2)
    with pytest.raises(NoValidTrialError, match="2 failed"):
        sweep.run(folder, train=training(act))
    assert set(read_sweep(folder).trials["state"]) == {"failed"}


def test_a_real_training_gets_its_cpus_as_threads(make_sweep: MakeSweep) -> None:
    """`search.run.trial_actor` refuses to train with other threads than its CPUs: our setting."""
    folder = make_sweep(
        1,
        base="unet-small",
        space={"optimizer.generator_lr": {"loguniform": [1e-4, 1e-3]}},
        fixed={
            "data.pictures": 80,
            "data.image_size": 16,
            "generator.width": 4,
            "training.images": 64,
            "training.ticks": 2,
            "training.batch_size": 16,
        },
    )
    sweep.run(folder)
    assert by_state(folder) == {"completed": 1}
    found = read_sweep(folder)
    assert found.ticks["tick"].tolist() == [1, 2]
    assert set(found.pictures()["kind"]) == {"prediction", "truth", "grey"}
    kept = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert kept == ["t00000.json", "t00000.safetensors"]


def test_a_folder_that_is_no_sweep(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sweep"):
        sweep.run(tmp_path)
    assert list(tmp_path.iterdir()) == []


FEW_PICTURES = {
    "data.pictures": 80,
    "data.image_size": 16,
    "training.batch_size": 8,
    "training.images": 64,
    "training.ticks": 2,
}
DRIVER = """
import signal, sys, time
from search.run import heartbeats, retries, sweep
from search.core.ask_tell import AskTell
from search.cli import main

def fake():
    def train(config, report, resume, *, folder=None):
        import time
        from colornet import interrupt
        from colornet.errors import TrainingInterrupted
        for tick in range(1, 5):
            for _ in range(10):
                if interrupt.requested.is_set():
                    raise TrainingInterrupted("asked to stop")
                time.sleep(0.03)
            report({"tick": tick, "images": tick, "seconds": 1.0, "val_ab_mae": 1.0 / tick}, None)
    return train

sweep.run.__defaults__ = (None, fake())
signal.signal(signal.SIGINT, getattr(signal, sys.argv[2]))
main(["resume", sys.argv[1]])
"""


def by_state(folder: Path) -> dict[str, int]:
    """Number of trials by state."""
    return read_sweep(folder).trials["state"].value_counts().to_dict()


def drive(folder: Path, sigint: str = "default_int_handler") -> subprocess.Popen[str]:
    """`colorsweep resume` in a process and Ray of its own.

    Args:
        sigint: what the process does at SIGINT when it begins: `SIG_IGN` in a script's background.
    """
    root = Path(sweep.__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), sigint],
        cwd=folder.parent,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_ticks(folder: Path, count: int, driver: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300  # Ray's start on a busy machine
    while len(read_sweep(folder).ticks) < count:
        assert driver.poll() is None, driver.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_a_stopped_driver_leaves_a_sweep_that_resume_finishes(
    make_sweep: MakeSweep, number: signal.Signals
) -> None:
    folder = make_sweep(5, fixed=FEW_PICTURES)
    driver = drive(folder)
    wait_for_ticks(folder, 3, driver)
    driver.send_signal(number)
    out, err = driver.communicate(timeout=120)
    stopped = read_sweep(folder)
    done = stopped.trials[stopped.trials["state"] == "completed"]
    assert len(done) < 5
    if number == signal.SIGKILL:
        assert "running" in set(stopped.trials["state"])
    else:
        assert driver.returncode == 130, err
        assert out.splitlines()[-1] == f"Next    colorsweep resume {folder.name}"
        assert set(stopped.trials["state"]) <= {"completed", "preempted"}
        assert not (folder / "lease.json").exists()

    result = sweep.run(folder, train=training(ticks=4))
    assert (by_state(folder), result.interrupted) == ({"completed": 5}, False)
    found = read_sweep(folder)
    assert found.trials["number"].tolist() == list(range(5))
    assert set(found.trials["state"]) == {"completed"}
    assert (read_states(folder)[0]["state"] == "completed").sum() == 5
    for _, ticks in found.ticks.groupby("number"):
        assert ticks["tick"].tolist() == [1, 2, 3, 4]
    for _, row in done.iterrows():
        again = found.trials.set_index("trial_id").loc[row["trial_id"]]
        assert (again["seq"], again["attempt"]) == (row["seq"], row["attempt"])
    assert json.loads(found.trials["config"][0])["training"]["images"] == 64


@pytest.mark.slow
def test_a_sweep_in_the_background_of_a_script_outlives_ctrl_c(make_sweep: MakeSweep) -> None:
    """Its SIGINT is ignored from the start; SIGTERM stops it all the same."""
    folder = make_sweep(5, fixed=FEW_PICTURES)
    driver = drive(folder, sigint="SIG_IGN")
    wait_for_ticks(folder, 1, driver)
    driver.send_signal(signal.SIGINT)
    wait_for_ticks(folder, len(read_sweep(folder).ticks) + 2, driver)
    driver.send_signal(signal.SIGTERM)
    out, err = driver.communicate(timeout=120)
    assert driver.returncode == 130, err
    assert out.splitlines()[-1] == f"Next    colorsweep resume {folder.name}"
    assert set(read_sweep(folder).trials["state"]) <= {"completed", "preempted"}


@pytest.mark.slow
def test_a_second_ctrl_c_ends_at_once_and_loses_nothing(make_sweep: MakeSweep) -> None:
    folder = make_sweep(5, fixed=FEW_PICTURES)
    driver = drive(folder)
    wait_for_ticks(folder, 3, driver)
    driver.send_signal(signal.SIGINT)
    time.sleep(0.1)  # less than Ray's end takes; two signals that wait become one
    driver.send_signal(signal.SIGINT)
    out, err = driver.communicate(timeout=120)
    assert (driver.returncode, out) == (130, "")
    assert err.splitlines()[-1] == f"Ended at once. Resume with: colorsweep resume {folder}"
    before = read_sweep(folder).ticks
    sweep.run(folder, train=training(ticks=4))
    assert by_state(folder) == {"completed": 5}
    after = read_sweep(folder).ticks
    assert len(after.merge(before, on=["trial_id", "tick"])) == len(before)


def test_ctrl_c_while_ray_starts_leaves_the_sweep_as_it_was(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = make_sweep(2)

    def start(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    monkeypatch.setattr(sweep.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(sweep.ray, "init", start)
    monkeypatch.setattr(sweep.ray, "shutdown", lambda: None)
    result = sweep.run(folder, train=training())
    assert (by_state(folder), result.interrupted) == ({}, True)
    assert capfd.readouterr().err == "Stopped before a trial was started\n"
    assert not (folder / "lease.json").exists()


def test_a_ray_that_does_not_start_in_time_is_said_in_two_lines(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: Any, **__: Any) -> None:
        raise Exception("The current node timed out during startup.\nThis could\nhappen")

    monkeypatch.setattr(sweep.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(sweep.ray, "init", start)
    monkeypatch.setattr(sweep.ray, "shutdown", lambda: None)
    with pytest.raises(ClusterError) as raised:
        sweep.run(make_sweep(2), train=training())
    assert str(raised.value).splitlines() == [
        "Ray did not start on this machine: The current node timed out during startup.",
        "See what it lacks with `colorsweep doctor`, or try again when the machine is less busy.",
    ]


@pytest.mark.slow
def test_a_training_that_hangs_is_ended_and_tried_once_more(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others go on meanwhile."""
    for name in ("LEAST", "LEAST_FIRST", "UNKNOWN"):
        monkeypatch.setattr(heartbeats, name, 3.0)
    folder = make_sweep(4)
    hangs = rates(folder, 4)[1]

    def act(config: Any, tick: int) -> None:
        if config.optimizer.generator_lr == hangs and tick == 2:
            time.sleep(1e6)

    sweep.run(folder, train=training(act))
    assert by_state(folder) == {"completed": 3, "stalled": 1}
    states, _ = read_states(folder)
    mine = states[states["number"] == 1]
    assert mine["state"].tolist() == ["running", "preempted", "running", "stalled"]
    assert mine["attempt"].tolist() == [0, 0, 1, 1]
    assert mine["reason"].iloc[-1].startswith("stalled: nothing was heard of it for ")
    assert read_sweep(folder).trials["state"].tolist()[1] == "stalled"


@pytest.mark.slow
@pytest.mark.parametrize("who", ["records", "a trial"])
def test_a_full_disk_ends_the_sweep_with_a_sentence(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """What was recorded stays, and with space again the sweep goes on to its end."""
    folder = make_sweep(6)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    def act(config: Any, tick: int) -> None:
        if who == "a trial" and tick == 2 and len(read_sweep(folder).trials) > 3:
            raise StorageError.at(folder, OSError(28, "No space left on device"))

    def watch(recorder: Any) -> None:
        if who == "records" and len(recorder.table.rows) > 3:
            monkeypatch.setattr("colornet.storage.write_atomic", full)
        flush(recorder)

    flush = Recorder.flush
    monkeypatch.setattr(Recorder, "flush", lambda self, *, force=False: watch(self))
    said = f"{folder}: cannot be written: No space left on device"
    with pytest.raises(StorageError, match=said) as raised:
        sweep.run(folder, train=training(act))
    assert f"colorsweep resume {folder}" in str(raised.value)
    assert str(raised.value).count("\n") == 1
    monkeypatch.undo()
    before = read_sweep(folder)
    assert before.problems == []
    assert not (folder / "lease.json").exists()
    sweep.run(folder, train=training())
    assert by_state(folder) == {"completed": 6}
    after = read_sweep(folder).ticks
    assert len(after) == 12
    kept = after.merge(before.ticks, on=["trial_id", "tick"])
    assert len(kept) == len(before.ticks)
