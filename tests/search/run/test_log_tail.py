"""The last lines of a training's process."""

import logging
import warnings

import pytest

from search.run.log_tail import LINES, LogTail


def test_nothing_was_said() -> None:
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
            tail.failed(error)
    assert tail.text is not None
    lines = tail.text.splitlines()
    assert lines[0] == "WARNING colorsweep: returned to tick 3"
    assert any("lr_scheduler before optimizer" in line for line in lines)
    assert lines[-1] == "KeyError: 'missing'"
    assert any(line.strip().startswith('File "') and "test_log_tail" in line for line in lines)


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
