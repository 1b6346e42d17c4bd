"""Sweeps as jobs on a cluster of several nodes, which are killed and added meanwhile."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from nodes import Nodes

from search.records.reader import read_states, read_sweep

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SMALL = ["--set", "data.image_size=16", "--set", "training.ticks=4", "--set", "confirm=null"]
KILLS = 6
ENDS_WITHIN = 540.0


def colorsweep(
    nodes: Nodes, folder: Path, *words: str, timeout: float = ENDS_WITHIN
) -> "subprocess.CompletedProcess[str]":
    """Run a command as somebody would whose machine sees the cluster's dashboard only."""
    return subprocess.run(
        [sys.executable, "-m", "search", *words],
        cwd=folder,
        env=nodes.environment,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def wait_until(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.3)


def ended(sweep: Path) -> int:
    """Trials that have ended."""
    if not (sweep / "study.yaml").exists():
        return 0
    return int((~read_sweep(sweep).trials["state"].isin(["running", "preempted"])).sum())


def check_whole(sweep: Path, trials: int) -> None:
    """Every trial is there once, has ended, and has each of its ticks once."""
    found = read_sweep(sweep)
    assert found.problems == []
    assert found.trials["number"].tolist() == list(range(trials))
    assert set(found.trials["state"]) <= {"completed", "pruned"}, found.trials["reason"].tolist()
    assert len(found.trials) == trials
    for trial_id, ticks in found.ticks.groupby("trial_id"):
        assert ticks["tick"].tolist() == list(range(1, len(ticks) + 1)), trial_id
        assert ticks["images"].is_monotonic_increasing
    completed = found.trials[found.trials["state"] == "completed"]["trial_id"]
    assert (found.ticks["trial_id"].value_counts()[completed] == 4).all()


def test_a_sweep_from_submission_to_report(tmp_path: Path) -> None:
    """A node dies, one is added, the job is stopped and gone on with."""
    sweep, laptop = tmp_path / "shared" / "balance", tmp_path / "laptop"
    laptop.mkdir()
    with Nodes(3) as nodes:
        words = ["learning-rate-balance", "--quick", "--trials", "16", *SMALL]
        words += ["--set", "training.images=4096", "--out", str(sweep)]
        done = colorsweep(nodes, laptop, "submit", *words)
        assert done.returncode == 0, done.stderr
        again = colorsweep(nodes, laptop, "submit", *words)
        assert (again.returncode, again.stdout) == (3, "")
        assert "colorsweep logs balance --follow" in again.stderr

        wait_until(lambda: ended(sweep) >= 2)
        nodes.kill(nodes.busy()[0])
        nodes.add()
        wait_until(lambda: ended(sweep) >= 5)
        stopped = colorsweep(nodes, laptop, "stop", "balance")
        assert stopped.returncode == 0, stopped.stderr
        assert "STOPPED" in stopped.stdout
        states = read_sweep(sweep).trials["state"]
        assert not (states == "running").any()
        status = colorsweep(nodes, laptop, "status", "balance")
        assert "State     stopped" in status.stdout

        done = colorsweep(nodes, laptop, "resume", "balance")
        assert done.returncode == 0, done.stderr
        followed = colorsweep(nodes, laptop, "logs", "balance", "--follow")
        assert followed.returncode == 0, followed.stderr
        assert "16/16" in followed.stderr
        assert Path(nodes.environment["RAY_AUTH_TOKEN_PATH"]).read_text() not in followed.stderr
    check_whole(sweep, 16)
    states, _ = read_states(sweep)
    # Ray may see the process's end before the node's.
    assert states["reason"].isin(["its node has died", "its process died"]).any()
    report = colorsweep(nodes, laptop, "report", str(sweep))
    assert report.returncode == 0, report.stderr
    assert (sweep / "report.html").stat().st_size > 100_000


def test_kills_at_random(tmp_path: Path) -> None:
    """Workers and whole nodes die under 64 short trials: none is lost, none done twice."""
    sweep = tmp_path / "shared" / "chaos"
    chance = random.Random(2)
    with Nodes(3) as nodes:
        words = ["learning-rate-balance", "--quick", "--trials", "64", *SMALL]
        words += ["--set", "training.images=512", "--set", "stopping.rule=none"]
        done = colorsweep(nodes, tmp_path, "submit", *words, "--out", str(sweep))
        assert done.returncode == 0, done.stderr
        for kill in range(KILLS):
            wait_until(lambda goal=4 + 8 * kill: ended(sweep) >= goal)
            time.sleep(chance.uniform(0, 2))
            if kill % 3 == 2:
                nodes.kill(chance.choice(nodes.nodes))
                nodes.add()
            else:
                wait_until(lambda: bool(nodes.workers()))
                nodes.end(chance.choice(nodes.workers()))
        followed = colorsweep(nodes, tmp_path, "logs", "chaos", "--follow")
        assert followed.returncode == 0, followed.stderr
    check_whole(sweep, 64)
    states, _ = read_states(sweep)
    assert (states["state"] == "preempted").sum() >= KILLS - 2  # one may die between two trials


def test_final_training_as_a_job(tmp_path: Path) -> None:
    """On two nodes; stopped, and gone on with by the same command."""
    model, laptop = tmp_path / "shared" / "model", tmp_path / "laptop"
    laptop.mkdir()
    with Nodes(2) as nodes:
        words = ["train", "pix2pix-small", "--workers", "2", "--out", str(model)]
        words += ["--set", "data.image_size=16", "--set", "training.images=24000"]
        words += ["--address", nodes.address]
        done = colorsweep(nodes, laptop, *words)
        assert done.returncode == 0 and "Job    model: RUNNING" in done.stdout, done.stderr
        assert colorsweep(nodes, laptop, *words).returncode == 3
        stopped = colorsweep(nodes, laptop, "stop", "model", "--address", nodes.address)
        assert "model: STOPPED" in stopped.stdout, stopped.stderr
        assert not (model / "model.safetensors").exists()
        done = colorsweep(nodes, laptop, *words, "--follow")
        assert done.returncode == 0 and "Job    model.2: SUCCEEDED" in done.stdout, done.stderr
        ticks = [line.split()[1] for line in done.stderr.splitlines() if line.startswith("tick ")]
        assert ticks[-1] == "20/20" and ticks[0] != "1/20"
        assert (model / "model.safetensors").exists()
    assert list(laptop.iterdir()) == []
