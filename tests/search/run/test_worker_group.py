"""Trials of two workers: a sweep of worker groups from start to end, and a group that dies."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nodes import Nodes, all_processes, command_of, descendants

from search.records.reader import read_states, read_sweep

pytestmark = [pytest.mark.ray, pytest.mark.slow]

STUDY = """
version: 1
question: Do two workers train what one does?
base: pix2pix-small
fixed:
  {data.image_size: 16, training.images: 512, training.ticks: 4, training.checkpoint_every: 1}
space: {optimizer.generator_lr: {loguniform: [1e-6, 1e-2]}}
objectives: {val_ab_mae: minimize}
sampler: random
stopping: {rule: asha, grace: 0.25}
budget: {trials: 6}
resources: {workers: 2}
"""
GONE_WITHIN = 30.0


def colorsweep(folder: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "search", *words],
        cwd=folder,
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_cluster_without_a_dashboard_is_refused(tmp_path: Path) -> None:
    """Nothing there would free the place of a worker group that is stopped early."""
    (tmp_path / "study.yaml").write_text(STUDY)
    with Nodes(2, dashboard=False) as nodes:
        words = ["run", "study.yaml", "--out", "sweep", "--address", nodes.gcs]
        done = subprocess.run(
            [sys.executable, "-m", "search", *words],
            cwd=tmp_path,
            env=nodes.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    reason, remedy = done.stderr.strip().splitlines()[-2:]
    assert reason.startswith("resources.workers: 2: trials that span workers need Ray's dashboard")
    assert "--include-dashboard=true" in remedy
    assert read_sweep(tmp_path / "sweep").trials.empty


def left(pids: set[int], driver: int) -> list[str]:
    """Those of the processes that a driver has started which still run."""
    session = f"_{driver}"
    return [
        command_of(pid)
        for pid in all_processes()
        if pid in pids or session in command_of(pid)
        if "watchdog.py" not in command_of(pid) and command_of(pid)
    ]


GROUPS = """
import json, sys, time
import ray
from ray.util import placement_group_table
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
while True:
    there = [one for one in placement_group_table().values() if one["state"] == "CREATED"]
    groups = [one for one in there if any("CPU" in part for part in one["bundles"].values())]
    print(json.dumps([time.time(), len(groups)]))  # without the place of a trial's own actor
    sys.stdout.flush()
    time.sleep(0.5)
"""
FREED_WITHIN = 15.0


def test_places_of_stopped_trials_are_freed_while_others_run(tmp_path: Path) -> None:
    """On a cluster with room for one worker group: none waits for one that has ended."""
    (tmp_path / "study.yaml").write_text(STUDY)
    with Nodes(2) as nodes:
        words = ["run", "study.yaml", "--out", "sweep", "--address", nodes.gcs]
        options = {"cwd": tmp_path, "env": nodes.environment, "text": True}
        command = [sys.executable, "-c", GROUPS, nodes.gcs]
        watcher = subprocess.Popen(command, stdout=subprocess.PIPE, **options)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "search", *words],
                capture_output=True,
                timeout=500,
                **options,
            )
        finally:
            watcher.terminate()
        seen = [json.loads(line) for line in watcher.communicate()[0].splitlines()]
    assert done.returncode == 0, done.stderr
    assert "Nodes 2, which see the sweep and its pictures" in done.stderr
    states, _ = read_states(tmp_path / "sweep")
    ends = states[states["state"].isin(["pruned", "completed"])]
    assert len(ends) == 6 and (ends["state"] == "pruned").any()
    assert max(count for _, count in seen) == 1
    waits = []
    for end in ends["time"].map(lambda when: when.timestamp()).iloc[:-1]:
        waits.append(min(at for at, count in seen if at > end and count == 0) - end)
    print("freed after", [f"{wait:.1f} s" for wait in waits])
    assert max(waits) < FREED_WITHIN


def test_worker_groups_are_stopped_early_and_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    driver = colorsweep(tmp_path, "run", "study.yaml", "--out", "sweep")
    seen: set[int] = set()
    while driver.poll() is None:
        seen |= set(descendants(driver.pid))
        time.sleep(0.5)
    out = driver.communicate()[0]
    assert driver.returncode == 0, out
    ended, until = time.monotonic(), time.monotonic() + GONE_WITHIN
    while left(seen, driver.pid) and time.monotonic() < until:
        time.sleep(0.5)
    assert left(seen, driver.pid) == []
    print(f"nothing left {time.monotonic() - ended:.1f} s after the end")

    found = read_sweep(tmp_path / "sweep")
    assert found.problems == []
    states = found.trials["state"].value_counts().to_dict()
    assert states.keys() == {"completed", "pruned"} and sum(states.values()) == 6
    for trial_id, ticks in found.ticks.groupby("trial_id"):
        assert ticks["tick"].tolist() == list(range(1, len(ticks) + 1)), trial_id
    assert not [name for name in os.listdir(tmp_path / "sweep" / "checkpoints") if "." not in name]


def test_a_worker_group_that_lost_a_worker_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    text = STUDY.replace("trials: 6", "trials: 1").replace("images: 512", "images: 4096")
    (tmp_path / "study.yaml").write_text(text)
    driver = colorsweep(tmp_path, "run", "study.yaml", "--out", "sweep")
    until = time.monotonic() + 240
    while not list(tmp_path.glob("sweep/checkpoints/t00000/attempt-000/tick-000002")):
        assert driver.poll() is None and time.monotonic() < until, driver.communicate()[0]
        time.sleep(0.2)
    workers = [pid for pid in descendants(driver.pid) if "RayTrainWorker" in command_of(pid)]
    assert len(workers) == 2
    os.kill(workers[1], signal.SIGKILL)
    out = driver.communicate(timeout=300)[0]
    assert driver.returncode == 0, out
    states, _ = read_states(tmp_path / "sweep")
    assert states["state"].tolist() == ["running", "preempted", "running", "completed"]
    assert states["attempt"].tolist() == [0, 0, 1, 1]
    ticks = read_sweep(tmp_path / "sweep").ticks
    assert ticks["tick"].tolist() == [1, 2, 3, 4]
    assert ticks["images"].tolist() == [1024, 2048, 3072, 4096]
    assert ticks["attempt"].tolist()[:2] == [0, 0]


def test_more_workers_than_there_is_room_for(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY.replace("workers: 2", "workers: 1000"))
    for words in (["plan", "study.yaml"], ["run", "study.yaml", "--out", "sweep"]):
        driver = colorsweep(tmp_path, *words)
        out = driver.communicate(timeout=120)[0]
        assert driver.returncode == 2, out
        assert "resources.workers: 1000: there is room for" in out
