"""stdout and stderr as a command may find them: closed, full, or read by nobody any more.

What a command answers goes to stdout or is an error; what it says on stderr is lost where nobody
takes it, and ends nothing.
"""

import io
import os
import sys
from typing import Any, TextIO

from colornet.errors import StorageError, os_error_reason


class LossyStream:
    """A text stream whose words are lost where they cannot be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, or nothing where the stream takes none."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError):  # ValueError: the stream is closed
            return len(text)

    def flush(self) -> None:
        """Flush, or nothing where the stream cannot."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def open_standard_streams() -> bool:
    """Make the three streams usable, whatever this process was started with.

    A descriptor that is closed is opened on nothing, or the next file would be taken for it. Text
    that a stream's encoding lacks is written with escapes.

    Returns:
        whether stdout was open.
    """
    was_open = True
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            was_open = was_open and number != 1
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if not isinstance(sys.stderr, LossyStream):
        sys.stderr = LossyStream(sys.stderr)
    return was_open


def write_result(text: str, end: str = "\n") -> None:
    """Write a command's result to stdout; where a reader has seen enough, that is the end of it.

    Raises:
        StorageError: stdout takes nothing.
    """
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        discard_stdout()
    except (OSError, ValueError) as error:
        discard_stdout()
        raise StorageError(f"stdout: cannot be written: {os_error_reason(error)}") from None


def discard_stdout() -> None:
    """What is left in stdout's buffer goes nowhere, also when the interpreter ends."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
