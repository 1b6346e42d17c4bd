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
from search.records import lease as module
from search.records.lease import LAPSE, LOCK, NAME, Lease, driver_of, holder, state_of


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
        assert driver_of(tmp_path) == taken(tmp_path)
        assert not lease.taken_over.is_set()
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
    assert driver_of(tmp_path) is None
    with Lease(tmp_path):
        assert taken(tmp_path)["pid"] == os.getpid()
        assert taken(tmp_path)["sequence"] == 2


ELSEWHERE = {"host": "elsewhere", "boot_id": "another boot"}
MINE = {"pid": os.getpid(), "process_start": module._process_start(os.getpid())}


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases are watched for a moment only."""
    monkeypatch.setattr(module, "WATCH", 0.3)
    monkeypatch.setattr(module, "RENEW", 0.05)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "dead"),
        ({"pid": os.getpid()}, "dead"),  # another process that got the same id
        ({"pid": os.getpid(), "process_start": None}, "dead"),
        (MINE, "alive"),  # of a version that held no lock
        ({**MINE, "locks": True}, "dead"),  # it would hold it
        ({**MINE, "pid_namespace": "pid:[1]"}, "unknown"),
        ({**MINE, "host": "a container"}, "unknown"),
        ({"boot_id": "another boot", "pid": 1}, "unknown"),
        (ELSEWHERE, "unknown"),
        ({**ELSEWHERE, "locks": True}, "unknown"),
    ],
)
@pytest.mark.usefixtures("soon")
def test_what_is_known_of_a_holder(tmp_path: Path, changes: dict[str, Any], state: str) -> None:
    write(tmp_path, **changes)
    assert state_of(Storage.at(tmp_path), taken(tmp_path)) == state
    if state == "alive":
        with pytest.raises(InUseError), Lease(tmp_path):
            pass
    else:
        with Lease(tmp_path):
            assert taken(tmp_path)["sequence"] == 8


@pytest.mark.parametrize("ahead", [0, 3600, -3600, 10 * 365 * 86400])
@pytest.mark.usefixtures("soon")
def test_one_that_is_not_renewed_while_it_is_watched_is_taken_over(
    tmp_path: Path, ahead: float, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever its clock says."""
    write(tmp_path, **ELSEWHERE, renewed=time.time() + ahead)
    with Lease(tmp_path):
        assert taken(tmp_path)["pid"] == os.getpid()
    assert "watching for" in caplog.text


@pytest.mark.parametrize("ahead", [0, 3600, -3600])
@pytest.mark.usefixtures("soon")
def test_one_that_is_renewed_while_it_is_watched_is_in_use(tmp_path: Path, ahead: float) -> None:
    write(tmp_path, **ELSEWHERE, renewed=time.time() + ahead)
    renewal = threading.Timer(
        0.1, lambda: write(tmp_path, **ELSEWHERE, renewed=time.time() + ahead + 1)
    )
    renewal.start()
    with pytest.raises(InUseError, match=r"on elsewhere[^\n]*\n.*--take-over"), Lease(tmp_path):
        pass
    renewal.join()
    assert taken(tmp_path)["host"] == "elsewhere"


@pytest.mark.parametrize(
    ("ahead", "runs"), [(0, True), (-LAPSE - 5, False), (3600, False), (LAPSE / 2, True)]
)
def test_a_reader_goes_by_the_clock_in_both_directions(
    tmp_path: Path, ahead: float, runs: bool
) -> None:
    write(tmp_path, **ELSEWHERE, renewed=time.time() + ahead)
    assert (driver_of(tmp_path) is not None) is runs


HOLD = (
    "import sys\n"
    "from search.records.lease import Lease\n"
    "with Lease(sys.argv[1]) as lease:\n"
    "    print('got it', flush=True)\n"
    "    print('lost' if lease.taken_over.wait(20) else 'kept', flush=True)\n"
)


UNSHARE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


def container(folder: Path) -> subprocess.Popen[str]:
    """A driver in a namespace of process ids of its own, on the same host."""
    started = subprocess.Popen(
        [*UNSHARE, sys.executable, "-c", HOLD, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    if started.stdout.readline() != "got it\n":
        _, said = started.communicate()
        if "unshare" in said:
            pytest.skip(f"no namespaces here: {said.strip()}")
        pytest.fail(said)
    return started


def test_a_driver_in_another_container_is_seen_and_can_be_taken_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process id is another one's here, or nobody's."""
    other = container(tmp_path)
    try:
        assert taken(tmp_path)["pid"] < 10
        assert driver_of(tmp_path) == taken(tmp_path)
        with pytest.raises(InUseError), Lease(tmp_path):
            pass
        other.kill()
        other.wait()
        deadline = time.monotonic() + 5
        while driver_of(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.02)
        with Lease(tmp_path):  # at once, as the kernel knows that it has ended
            assert taken(tmp_path)["pid"] == os.getpid()
    finally:
        other.kill()
        other.wait()


def test_taking_over_from_a_living_driver_stops_it(tmp_path: Path) -> None:
    code = "import search.records.lease as module\nmodule.RENEW = 0.1\n" + HOLD
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None and other.stdout.readline() == "got it\n"
    with Lease(tmp_path, take_over=True) as lease:
        assert taken(tmp_path)["pid"] == os.getpid()
        assert other.communicate(timeout=10)[0] == "lost\n"
        assert taken(tmp_path)["pid"] == os.getpid()
        assert not lease.taken_over.is_set()


def test_a_link_in_the_lock_s_place_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / LOCK).symlink_to(victim)
    with Lease(tmp_path / "sweep"):
        assert taken(tmp_path / "sweep")["pid"] == os.getpid()
    assert not victim.exists()


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
            assert lease.taken_over.wait(5)
        assert (tmp_path / NAME).exists() is (how == "taken over")
        if how == "taken over":
            assert taken(tmp_path)["host"] == "elsewhere"


def test_of_many_drivers_at_the_same_instant_one_gets_it(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from colornet.errors import InUseError\n"
        "from search.records.lease import Lease\n"
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
    for one in drivers:
        one.stdin.write("go\n")
        one.stdin.flush()
    said = sorted(one.stdout.readline().strip() for one in drivers)
    for one in drivers:
        one.communicate("end\n")
    assert said == ["got it", *["in use"] * 5]
