"""What a killed driver's Ray leaves is found by its session's name."""

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator

import pytest

from search.run import ray_cleanup
from search.run.ray_cleanup import leftovers, watch_ray

DRIVER = 4_000_000 + os.getpid()


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def pretend(session: str) -> subprocess.Popen[bytes]:
    """A process whose command line names a Ray session."""
    program = "import time; time.sleep(60)"
    command = [sys.executable, "-S", "-c", program, f"--dir=/ray/{session}/logs"]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 5
    while b"session" not in _command_line(process.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return process


def _command_line(pid: int) -> bytes:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()


def test_only_the_driver_s_own_session_counts(processes: list[subprocess.Popen[bytes]]) -> None:
    mine = pretend(f"session_2026-01-01_00-00-00_000000_{DRIVER}")
    others = [
        pretend(f"session_2026-01-01_00-00-00_000000_{DRIVER}1"),
        pretend(f"session_2026-01-01_00-00-00_{DRIVER}_000000"),
    ]
    processes += [mine, *others]
    assert leftovers(DRIVER) == [mine.pid]
    assert leftovers(DRIVER + 7) == []


@pytest.mark.slow
def test_a_killed_driver_s_processes_are_ended(processes: list[subprocess.Popen[bytes]]) -> None:
    """The watcher notices the death on its pipe, waits, and ends what is left."""
    program = (
        "import os, sys, time; from search.run.ray_cleanup import reap_on_death; reap_on_death();"
        "print(os.getpid(), flush=True); time.sleep(60)"
    )
    driver = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    processes.append(driver)
    assert driver.stdout is not None
    pid = int(driver.stdout.readline())
    left = pretend(f"session_2026-01-01_00-00-00_000000_{pid}")
    processes.append(left)
    time.sleep(0.5)
    assert left.poll() is None
    driver.kill()
    driver.wait()
    assert left.wait(timeout=ray_cleanup.GRACE + 10) == -9


def pretended(name: str, node: str) -> subprocess.Popen[bytes]:
    """A process that looks like one of Ray's own of a node."""
    program = "import sys, time; print(1, flush=True); time.sleep(60)"
    started = subprocess.Popen(
        [f"/ray/core/{name}", "-c", program, f"--node_id={node}"],
        executable=sys.executable,
        stdout=subprocess.PIPE,
    )
    assert started.stdout is not None and started.stdout.readline() == b"1\n"
    return started


@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_a_driver_is_told_at_once_that_its_ray_has_died(name: str) -> None:
    told, node = threading.Event(), uuid.uuid4().hex
    ray, another = pretended(name, node), pretended(name, uuid.uuid4().hex)
    try:
        with watch_ray(node, told.set):
            another.kill()
            another.wait()
            assert not told.wait(0.2)
            ray.kill()
            assert told.wait(5)
    finally:
        ray.kill()
        ray.wait()


def test_a_driver_that_has_ended_is_told_nothing() -> None:
    told, node = threading.Event(), uuid.uuid4().hex
    ray = pretended("raylet", node)
    with watch_ray(node, told.set):
        pass
    ray.kill()
    ray.wait()
    assert not told.wait(0.2)
    with watch_ray("nothing of that name", told.set):
        assert not told.wait(0.1)
