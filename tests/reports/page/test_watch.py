"""A page that follows its sweep: rewritten when there is more, final when no driver is left."""

import json
from pathlib import Path
from typing import Any

import pytest

from colornet.errors import InputError
from reports.commands import report
from reports.page import watch


class Clock:
    """Stands in for the pause between looks: each one runs the next step of a story."""

    def __init__(self, *steps: Any) -> None:
        self.steps = list(steps)

    def wait(self, _every: float) -> None:
        self.steps.pop(0)()


@pytest.fixture
def story(monkeypatch: pytest.MonkeyPatch):
    """Lets a driver hold the sweep until the last step, and something happen at each look."""

    def tell(*steps: Any) -> Clock:
        clock = Clock(*steps)
        monkeypatch.setattr(watch.threading, "Event", lambda: clock)
        monkeypatch.setattr(watch, "driver_of", lambda _place: clock.steps or None)
        return clock

    return tell


def test_a_sweep_without_a_driver_gets_one_page(build, capsys) -> None:
    sweep = build()
    sweep.tables()
    found = report(str(sweep.folder), watch=True, every=0.01)
    assert found.path.exists()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].endswith("the page is final")


def test_it_is_rewritten_when_there_is_more_and_only_then(build, story) -> None:
    sweep = build()
    sweep.tables()
    pages: list[int] = []

    def more() -> None:
        sweep.trial({}, 9.0)
        sweep.writer.commit()

    clock = story(lambda: None, more, lambda: None, more)
    last = watch.watch(str(sweep.folder), lambda: pages.append(sweep.number) or sweep.number, 1)
    assert clock.steps == []
    assert pages == [0, 1, 2]
    assert last == 2


def test_ctrl_c_leaves_a_whole_page_of_what_there_is(build, story, capsys) -> None:
    sweep = build()
    sweep.tables()

    def interrupt() -> None:
        sweep.trial({}, 9.0)
        sweep.writer.commit()
        raise KeyboardInterrupt

    story(interrupt, lambda: None)
    with pytest.raises(KeyboardInterrupt):
        report(str(sweep.folder), watch=True)
    page = (sweep.folder / "report.html").read_text()
    assert page.rstrip().endswith("</html>") and "t00000" in page
    assert "the last page is whole" in capsys.readouterr().err


def test_a_living_driver_is_seen(build, tmp_path: Path) -> None:
    import os
    import socket
    import time

    sweep = build()
    sweep.tables()
    assert watch.driver_of(str(sweep.folder)) is None
    held = {"host": "elsewhere", "pid": os.getpid(), "boot_id": "", "process_start": "1"}
    held |= {"sequence": 1, "since": "today", "renewed": time.time()}
    (sweep.folder / "lease.json").write_text(json.dumps(held))
    driver = watch.driver_of(str(sweep.folder))
    assert driver is not None and driver["host"] == "elsewhere" != socket.gethostname()
    (sweep.folder / "lease.json").write_text(json.dumps({**held, "renewed": 0.0}))
    assert watch.driver_of(str(sweep.folder)) is None


def test_several_sweeps_are_not_followed(build) -> None:
    build(name="a").tables()
    build(name="b").tables()
    with pytest.raises(InputError, match="follows one sweep"):
        report("a", "b", watch=True)
    with pytest.raises(InputError, match="--every"):
        report("a", watch=True, every=0.0)
