"""What people meet before and around a cluster's jobs; `test_cluster` has the jobs themselves."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from colornet.errors import ClusterError, InputError
from search.cluster import job_commands
from search.cluster.job_commands import logs, stop, submit
from search.options import StudyOptions
from search.records.lease import Lease

MakeSweep = Callable[..., Path]


@pytest.mark.parametrize("address", [None, "auto", "head:6379"])
def test_jobs_want_a_dashboard(address: str | None) -> None:
    with pytest.raises(InputError, match="http://HOST:8265"):
        submit(StudyOptions("demo"), address=address, out="/shared/first")


def test_a_folder_of_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLORSWEEP_OUT", raising=False)
    with pytest.raises(InputError, match="is a path of this machine only"):
        submit(StudyOptions("demo"), address="http://127.0.0.1:1", out="sweeps/first")
    with pytest.raises(InputError, match="is a path of this machine only"):
        submit(StudyOptions("demo"), address="http://127.0.0.1:1")


def test_bad_studies_are_refused_before_anybody_is_asked() -> None:
    with pytest.raises(InputError, match="no built-in study"):
        submit(StudyOptions("dmeo"), address="http://127.0.0.1:1", out="/shared/first")
    with pytest.raises(ClusterError, match="no Ray cluster answers"):
        submit(StudyOptions("demo"), address="http://127.0.0.1:1", out="/shared/first")


def test_the_log_of_a_folder(make_sweep: MakeSweep) -> None:
    folder = make_sweep()
    assert logs(str(folder)).text() == ""
    assert "colorsweep status" in logs(str(folder), follow=True).text()


def test_stopping_what_nobody_runs(make_sweep: MakeSweep) -> None:
    folder = make_sweep()
    assert "is not running" in stop(str(folder)).text()


def test_stopping_what_another_host_runs(make_sweep: MakeSweep) -> None:
    folder = make_sweep()
    with Lease(folder):
        held = json.loads((folder / "lease.json").read_text())
        (folder / "lease.json").write_text(json.dumps({**held, "host": "elsewhere"}))
        with pytest.raises(ClusterError, match="on elsewhere, not from here"):
            stop(str(folder))


DRIVER = """
import signal, sys, time
from search.records.lease import Lease
ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
with Lease(sys.argv[1]):
    print("held", flush=True)
    while not ended:
        time.sleep(0.05)
"""


def test_stopping_waits_for_the_driver(make_sweep: MakeSweep) -> None:
    folder = make_sweep()
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert driver.stdout is not None and driver.stdout.readline() == "held\n"
    answer = stop(str(folder))
    assert f"colorsweep resume {folder}" in answer.text()
    assert driver.wait(timeout=10) == 0
    assert not (folder / "lease.json").exists()


def test_a_driver_that_does_not_end(make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(job_commands.os, "kill", lambda pid, what: sent.append((pid, what)))
    monkeypatch.setattr(job_commands, "STOP_TIMEOUT", 0.0)
    folder = make_sweep()
    with Lease(folder), pytest.raises(job_commands.InUseError, match="has not ended yet"):
        stop(str(folder))
    assert sent == [(os.getpid(), signal.SIGTERM)]
