"""One driver at a time."""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from colornet.errors import InUseError
from colornet.storage import Storage
from search import lease as module
from search.lease import LAPSE, NAME, Lease, holder, is_alive


def taken(folder: Path) -> dict[str, Any]:
    found = holder(Storage.at(folder))
    assert found is not None
    return found


def write(folder: Path, **changes: Any) -> None:
    """A lease of a process that is dead, with changes."""
    dead = {
        "host": socket.gethostname(),
        "pid": 2**22 + 1,
        "boot_id": module._boot_id(),
        "process_start": "1",
        "sequence": 7,
        "since": "2026-01-01 00:00:00",
        "renewed": time.time(),
    }
    (folder / NAME).write_text(json.dumps(dead | changes))


def test_it_is_there_while_it_is_held(tmp_path: Path) -> None:
    assert holder(Storage.at(tmp_path)) is None
    with Lease(tmp_path) as lease:
        assert taken(tmp_path)["pid"] == os.getpid()
        assert taken(tmp_path)["sequence"] == 1
        assert is_alive(taken(tmp_path))
        assert not lease.lost.is_set()
    assert holder(Storage.at(tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_it_is_given_back_when_the_driver_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Lease(tmp_path):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_second_driver_is_told_who_holds_it(tmp_path: Path) -> None:
    with Lease(tmp_path):
        with pytest.raises(InUseError) as caught, Lease(tmp_path):
            pass
        assert f"in use by process {os.getpid()} on {socket.gethostname()}" in str(caught.value)
        assert taken(tmp_path)["sequence"] == 1
    with Lease(tmp_path):
        pass


def take_and_die(folder: Path) -> None:
    """What a driver that is killed leaves."""
    Lease(folder).__enter__()
    os._exit(1)


def test_a_dead_driver_s_lease_is_taken_over(tmp_path: Path) -> None:
    child = multiprocessing.get_context("fork").Process(target=take_and_die, args=(tmp_path,))
    child.start()
    child.join()
    assert taken(tmp_path)["pid"] == child.pid
    assert not is_alive(taken(tmp_path))
    with Lease(tmp_path):
        assert taken(tmp_path)["pid"] == os.getpid()
        assert taken(tmp_path)["sequence"] == 2


@pytest.mark.parametrize(
    ("changes", "alive"),
    [
        ({}, False),
        ({"pid": os.getpid()}, False),  # another process that got the same id
        ({"pid": os.getpid(), "process_start": None}, False),
        ({"boot_id": "another boot", "pid": 1}, False),
        ({"host": "elsewhere"}, True),
        ({"host": "elsewhere", "renewed": time.time() - LAPSE - 5}, False),
        ({"pid": os.getpid(), "process_start": module._process_start(os.getpid())}, True),
    ],
)
def test_whose_holder_is_alive(tmp_path: Path, changes: dict[str, Any], alive: bool) -> None:
    write(tmp_path, **changes)
    assert is_alive(taken(tmp_path)) is alive
    if alive:
        with pytest.raises(InUseError), Lease(tmp_path):
            pass
    else:
        with Lease(tmp_path):
            assert taken(tmp_path)["sequence"] == 8


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '{"host": "x"}', "\x00"])
def test_a_damaged_lease_holds_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with Lease(tmp_path):
        assert taken(tmp_path)["pid"] == os.getpid()


class TestRenewal:
    @pytest.fixture(autouse=True)
    def often(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "RENEW", 0.02)

    def test_it_is_renewed(self, tmp_path: Path) -> None:
        with Lease(tmp_path):
            first = taken(tmp_path)["renewed"]
            deadline = time.monotonic() + 5
            while taken(tmp_path)["renewed"] == first and time.monotonic() < deadline:
                time.sleep(0.02)
            assert taken(tmp_path)["renewed"] > first
        assert threading.active_count() < 20

    @pytest.mark.parametrize("how", ["taken over", "deleted"])
    def test_who_has_lost_it_is_told_and_leaves_it_alone(self, tmp_path: Path, how: str) -> None:
        with Lease(tmp_path) as lease:
            if how == "deleted":
                (tmp_path / NAME).unlink()
            else:
                write(tmp_path, host="elsewhere", sequence=9)
            assert lease.lost.wait(5)
        assert (tmp_path / NAME).exists() is (how == "taken over")
        if how == "taken over":
            assert taken(tmp_path)["host"] == "elsewhere"


def test_of_many_drivers_at_the_same_instant_one_gets_it(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from colornet.errors import InUseError\n"
        "from search.lease import Lease\n"
        "sys.stdin.readline()\n"
        "try:\n"
        f"    with Lease({str(tmp_path)!r}):\n"
        "        print('got it', flush=True)\n"
        "        sys.stdin.readline()\n"
        "except InUseError:\n"
        "    print('in use', flush=True)\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    drivers = [subprocess.Popen([sys.executable, "-c", code], **pipes) for _ in range(6)]
    for driver in drivers:
        driver.stdin.write("go\n")
        driver.stdin.flush()
    said = sorted(driver.stdout.readline().strip() for driver in drivers)
    for driver in drivers:
        driver.communicate("end\n")
    assert said == ["got it", *["in use"] * 5]
