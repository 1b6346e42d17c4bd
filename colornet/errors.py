"""The errors a user can meet, with their exit codes.

```
ColorsweepError        1  the sweep or training failed
├── InputError         2  bad input, found before anything starts
├── InUseError         3  another driver holds the sweep
├── ClusterError       3  no Ray cluster answers at the address
├── NoValidTrialError  4  finished, but nothing to choose from
├── StorageError       1  a disk is full, or cannot be written any more
├── DivergedError      1  a loss or metric became non-finite
└── TrainingInterrupted 130  stopped from outside, checkpoint written
```

A message has at most three lines: what is wrong with its place and value, then the remedy.
"""

import contextlib
import errno
import logging
import re
from collections.abc import Generator, Iterable
from difflib import get_close_matches
from itertools import accumulate
from pathlib import PurePath

from colornet.redaction import redact

INTERRUPTED = 130
"""The exit code of a command that was stopped from outside."""
LONGEST = 200
"""Characters of a name in a message."""
LONGEST_LINE = 1200
_STEERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_NAME = re.compile(rf"\S{{{LONGEST + 1},}}")


class ColorsweepError(Exception):
    """Root of all errors that are shown to the user without a traceback, and without secrets."""

    exit_code = 1

    def __str__(self) -> str:
        return user_message(redact(super().__str__()))


def printable(text: str) -> str:
    """Text as a terminal may show it: what would steer it is written as an escape."""
    return _STEERS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def printable_name(name: object) -> str:
    """A name or path in a line of its own: line breaks are written as escapes, too."""
    return printable(re.sub(r"[\n\r\t]", lambda match: repr(match[0])[1:-1], str(name)))


def shorten(text: str, most: int = LONGEST) -> str:
    """A text of at most so many characters, its middle left out."""
    return text if len(text) <= most else f"{text[: most - 41]}…{text[-40:]}"


def user_message(text: str) -> str:
    """A message as it is shown: at most three lines, printable, names and lines not endless."""
    lines = text.split("\n")
    lines = [*lines[:2], " ".join(lines[2:])] if len(lines) > 3 else lines
    words = (_NAME.sub(lambda match: shorten(match[0]), line) for line in lines)
    return printable("\n".join(shorten(line, LONGEST_LINE) for line in words))


class InputError(ColorsweepError):
    """A file, option or value that cannot be used."""

    exit_code = 2


class InUseError(ColorsweepError):
    """The sweep is being run by another driver."""

    exit_code = 3


class ClusterError(ColorsweepError):
    """The Ray cluster that was named cannot be reached."""

    exit_code = 3


def ray_start_error(error: BaseException) -> ClusterError:
    """The error of a Ray that this process could not start."""
    return ClusterError(
        f"Ray did not start on this machine: {error_summary(error)}.\n"
        "See what it lacks with `colorsweep doctor`, or try again when the machine is less busy."
    )


class NoValidTrialError(ColorsweepError):
    """The sweep has ended without a trial that can be chosen."""

    exit_code = 4


class StorageError(ColorsweepError):
    """A place that was written to before takes no more: it is full, read-only, or away."""

    @classmethod
    def at(cls, location: object, error: BaseException) -> "StorageError":
        """The error of a folder or URI, with what the system said, in the error or a cause."""
        return cls(f"{location}: cannot be written: {os_error_reason(error)}")


@contextlib.contextmanager
def writing_to(location: object) -> Generator[None]:
    """Raise what the system refuses meanwhile as the StorageError of a folder or URI."""
    try:
        yield
    except OSError as error:
        raise StorageError.at(location, error) from error


class DivergedError(ColorsweepError):
    """A loss or a metric became NaN or infinite.

    Args:
        message: what became non-finite.
        step: optimizer steps done when it was seen.
    """

    def __init__(self, message: str, step: int) -> None:
        super().__init__(message)
        self.step = step

    def __reduce__(self) -> tuple[type, tuple[str, int]]:
        # As it is, pickle would leave the step out, and other processes could not read it.
        return type(self), (str(self), self.step)


class TrainingInterrupted(ColorsweepError):
    """The training was asked to stop; its checkpoint is in place."""

    exit_code = INTERRUPTED


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """One sentence that leads from a wrong word to the right one.

    Returns:
        `Did you mean 'x'?` when one of `choices` is close, else the list of them.
    """
    names = sorted(choices)
    if close := get_close_matches(word, names, n=1, cutoff=0.6):
        return f"Did you mean '{close[0]}'?"
    return f"Known: {_listed(names)}." if names else "There are none."


def _listed(names: list[str]) -> str:
    """The first of some names, about LONGEST characters of them, and how many more there are."""
    lengths = accumulate(len(name) + 2 for name in names)
    count = max(1, sum(length <= LONGEST for length in lengths))
    more = len(names) - count
    return ", ".join(names[:count]) + (f", … and {more} more" if more else "")


def find_os_error(error: BaseException | None) -> OSError | None:
    """The system's error among an error and its causes, None where there is none."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


def os_error_reason(error: BaseException) -> str:
    """The system's own words for what went wrong, short enough for a sentence."""
    os_error = find_os_error(error)
    return (os_error.strerror if os_error else None) or error_summary(os_error or error)


_INPUT = {
    *(errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM),
    *(errno.ELOOP, errno.EINVAL, errno.EROFS, errno.ENODEV, errno.ENXIO, errno.EEXIST),
}
"""Errors of the system that are about what a user has named."""


def from_os_error(error: OSError) -> ColorsweepError:
    """What the system refused, for a user: bad input, or a failure."""
    file = f"{error.filename}: " if error.filename else ""
    text = f"{file}{os_error_reason(error)}."
    return InputError(text) if error.errno in _INPUT else StorageError(text)


def error_summary(error: BaseException) -> str:
    """What an error says first, short enough for a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300].rstrip(".") if lines else type(error).__name__


class RedactingFilter(logging.Filter):
    """Takes secrets out of what is logged, as errors do of what they say."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; every one passes."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                printable_name(argument) if isinstance(argument, PurePath) else argument
                for argument in record.args
            )
        record.msg, record.args = user_message(redact(record.getMessage())), ()
        return True
