"""What a killed driver's Ray leaves is found by its session's name."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from search import watchdog
from search.watchdog import leftovers

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
        "import os, sys, time; from search.watchdog import reap_on_death; reap_on_death();"
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
    assert left.wait(timeout=watchdog.GRACE + 10) == -9
