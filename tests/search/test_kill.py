"""A sweep whose processes are killed again and again loses nothing and repeats nothing."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.records.reader import read_states, read_sweep
from search.run.retries import MAX_DEATHS

pytestmark = [pytest.mark.ray, pytest.mark.slow]

KILLS = int(os.environ.get("COLORSWEEP_KILLS", "10"))
TRIALS, TICKS = 36, 8
STUDY = f"""
version: 1
question: Does anything get lost?
base: unet-small
fixed: {{data.pictures: 200, generator.width: 4, training.images: 6400, training.ticks: {TICKS},
        training.checkpoint_every: 1}}
space: {{optimizer.generator_lr: {{loguniform: [1e-4, 1e-2]}}}}
objectives: {{val_ab_mae: minimize}}
budget: {{trials: {TRIALS}}}
"""


def colorsweep(*words: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start a `colorsweep` command that writes to files in `folder`."""
    log = (folder / "log.txt").open("ab")
    command = [sys.executable, "-c", "from search.cli import main; main()", *words]
    return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)


def descendants(pid: int) -> dict[int, str]:
    """Processes below a process, with when they started (in the kernel's ticks)."""
    parents, starts = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(path.parent.name)] = int(fields[1])
            starts[int(path.parent.name)] = fields[19]
    found, frontier = {}, {pid}
    while frontier:
        frontier = {child for child, parent in parents.items() if parent in frontier} - set(found)
        found |= {child: starts[child] for child in frontier}
    return found


def alive(processes: dict[int, str]) -> set[int]:
    """Those of some processes that still run."""

    def lives() -> Iterator[int]:
        for pid, start in processes.items():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z" and fields[19] == start:
                yield pid

    return set(lives())


def victim(driver: subprocess.Popen[bytes], who: str) -> int | None:
    """The process to kill: the driver, a trial's, or its raylet; None where it is not there yet."""
    if who == "driver":
        return driver.pid
    wanted = {"trial": b"ray::ResourceTrainable", "raylet": b"/raylet/raylet"}[who]
    for pid in descendants(driver.pid):
        try:
            if wanted in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        except OSError:
            continue
    return None


@pytest.mark.parametrize("who", ["driver", "trial", "raylet"])
def test_what_is_killed_loses_and_repeats_nothing(tmp_path: Path, who: str) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    rng = random.Random(1)
    sweep, seen, kills = tmp_path / "sweep", {}, 0
    driver = colorsweep("run", "study.yaml", "--out", "sweep", folder=tmp_path)
    while kills < KILLS:
        time.sleep(rng.uniform(2, 14))
        if driver.poll() is None:
            seen |= descendants(driver.pid)
            if (pid := victim(driver, who)) is not None:
                os.kill(pid, signal.SIGKILL)
                kills += 1
            if pid is None or who == "trial":
                continue  # the sweep goes on by itself
            driver.wait(timeout=60)
        elif driver.returncode == 0:
            break  # it has finished between two kills
        started = (sweep / "study.yaml").exists()
        words = ["resume", "sweep"] if started else ["run", "study.yaml", "--out", "sweep"]
        driver = colorsweep(*words, folder=tmp_path)
    log = (tmp_path / "log.txt").read_text
    assert driver.wait(timeout=600) == 0, log()
    assert kills >= min(KILLS, 5), "the sweep ended before it was killed often enough"
    print(f"{kills} kills; attempts: {read_sweep(sweep).trials['attempt'].tolist()}")
    assert "Traceback" not in log()

    records = read_sweep(sweep)
    assert records.problems == []
    assert records.trials["number"].tolist() == list(range(TRIALS))
    trials = records.trials.set_index("trial_id")
    ended = trials.index[trials["state"] == "completed"]
    if who == "trial":  # one that dies as often as it may is failed, and says so
        others = trials.drop(ended)
        assert set(others["state"]) <= {"failed"}
        assert set(others["attempt"]) <= {MAX_DEATHS - 1}
    else:
        assert len(ended) == TRIALS
    states, _ = read_states(sweep)
    assert (states["state"] == "completed").sum() == len(ended)
    for trial_id in ended:
        ticks = records.ticks[records.ticks["trial_id"] == trial_id]
        assert ticks["tick"].tolist() == list(range(1, TICKS + 1))
        assert ticks["images"].is_monotonic_increasing
    predicted = records.pictures()["kind"] == "prediction"
    assert predicted.sum() > 0 and predicted.sum() % len(ended) == 0

    time.sleep(30)
    assert alive(seen) == set()
