"""What an actor's thread makes of an assignment, without the actor."""

import logging
import queue
import socket
import threading
import traceback
import warnings
from pathlib import Path
from typing import Any

import pytest

from colornet.config.config import Config, parse_config
from colornet.data.picture_files import suffixes
from colornet.errors import DivergedError, InputError, TrainingInterrupted
from search.run.trial_actor import LINES, LogTail, _run


def said(train: Any, tmp_path: Path, **more: Any) -> list[dict[str, Any]]:
    """What the thread of an assignment says."""
    messages: queue.Queue[dict[str, Any]] = queue.Queue()
    assignment = {
        "trial_id": "t00000",
        "attempt": 0,
        "config": Config().model_dump_json(),
        "sweep": str(tmp_path),
        "cpus": 1,
        **more,
    }
    _run(train, assignment, messages.put, threading.Event())
    return [messages.get() for _ in range(messages.qsize())]


@pytest.mark.parametrize(
    ("more", "expected"), [({}, {}), ({"test": False}, {}), ({"test": True}, {"test": True})]
)
def test_only_a_trial_that_confirms_is_tested(
    tmp_path: Path, more: dict[str, Any], expected: dict[str, Any]
) -> None:
    seen: list[dict[str, Any]] = []

    def train(config: Config, report: Any, resume: Any, **options: Any) -> None:
        seen.append(options)

    assert [message["event"] for message in said(train, tmp_path, **more)] == ["end"]
    assert seen == [{"folder": tmp_path / "checkpoints" / "t00000" / "attempt-000", **expected}]


def test_where_other_files_are_pictures_nothing_is_trained(tmp_path: Path) -> None:
    (tmp_path / "a.avif").touch()
    data = {"source": "folder", "root": str(tmp_path)}
    given = {"config": parse_config({"data": data}, "test").model_dump_json()}
    began: list[Config] = []

    def train(config: Config, *_: Any, **__: Any) -> None:
        began.append(config)

    less = [one for one in suffixes() if one != ".avif"]
    (end,) = said(train, tmp_path, **given, reads=less)
    assert (end["event"], end["state"]) == ("end", "failed")
    assert end["reason"].startswith(f"{socket.gethostname()}: reads {tmp_path}/a.avif, which the")
    assert began == []
    (end,) = said(train, tmp_path, **given, reads=suffixes())
    assert (end["state"], len(began)) == ("completed", 1)


class OutOfMemoryError(RuntimeError):
    """As torch calls its own."""


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (DivergedError("a loss became nan", 3), "diverged"),
        (TrainingInterrupted("stopped"), "preempted"),
        (InputError("no pictures"), "failed"),
        (MemoryError("all of it"), "oom"),
        (OutOfMemoryError("of a card"), "oom"),
        (ZeroDivisionError("by zero"), "failed"),
    ],
)
def test_how_a_training_ends(tmp_path: Path, error: Exception, state: str) -> None:
    def train(config: Config, report: Any, resume: Any, *, folder: Path) -> None:
        raise error

    (end,) = said(train, tmp_path)
    assert (end["event"], end["state"], end["pictures"]) == ("end", state, [])
    assert str(error) in end["reason"]


def test_a_reason_holds_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "canary-environment")

    def train(config: Config, report: Any, resume: Any, *, folder: Path) -> None:
        raise ValueError("key canary-environment at https://me:canary-url@host")

    (end,) = said(train, tmp_path)
    assert end["reason"].startswith("ValueError: key *** at https://***@host")


def test_the_end_of_its_log_comes_with_its_end(tmp_path: Path) -> None:
    def train(config: Config, report: Any, resume: Any, *, folder: Path) -> None:
        logging.getLogger("colorsweep").warning("returned to tick 2")
        raise ZeroDivisionError("by zero")

    (end,) = said(train, tmp_path)
    lines = end["log"].splitlines()
    assert lines[0] == "WARNING colorsweep: returned to tick 2"
    assert lines[1].startswith("Traceback") and lines[-1] == "ZeroDivisionError: by zero"


def test_nothing_was_logged() -> None:
    with LogTail() as tail:
        pass
    assert tail.text is None


def test_warnings_messages_and_where_an_error_came_from() -> None:
    with LogTail() as tail:
        logging.getLogger("colorsweep").warning("returned to tick %d", 3)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("lr_scheduler before optimizer", stacklevel=1)
        try:
            {}["missing"]
        except KeyError as error:
            tail.lines.extend("".join(traceback.format_exception(error)).splitlines())
    assert tail.text is not None
    lines = tail.text.splitlines()
    assert lines[0] == "WARNING colorsweep: returned to tick 3"
    assert any("lr_scheduler before optimizer" in line for line in lines)
    assert lines[-1] == "KeyError: 'missing'"
    assert any(line.strip().startswith('File "') and "test_trial_actor" in line for line in lines)


def test_only_the_last_lines_are_kept() -> None:
    with LogTail() as tail:
        for number in range(LINES + 5):
            logging.getLogger("x").error("line %d", number)
    lines = (tail.text or "").splitlines()
    assert len(lines) == LINES and lines[-1].endswith(f"line {LINES + 4}")


def test_it_listens_no_longer_than_it_is_entered() -> None:
    with LogTail() as tail:
        pass
    logging.getLogger("x").error("later")
    assert tail.text is None


def test_secrets_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "s3cr3t-of-mine")
    with LogTail() as tail:
        logging.getLogger("x").error("cannot log in with s3cr3t-of-mine")
    assert tail.text is not None
    assert "cannot log in with" in tail.text and "s3cr3t" not in tail.text
