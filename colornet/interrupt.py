"""Asking a training or a sweep to stop: once in good order, twice at once.

A training stops where it looks at `requested` and raises TrainingInterrupted. SIGINT and SIGHUP
that were ignored when the process began stay ignored: it was started in the background of a
script, or with `nohup`, to outlive a Ctrl-C or a terminal. SIGTERM is always heard.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

SHOW_CURSOR = "\n\x1b[?25h"
requested = threading.Event()
"""Looked at before every step. Whoever starts trainings one after another clears it."""


def install() -> None:
    """Let SIGTERM and SIGINT set `requested`; main thread only.

    A second signal of the same kind acts as it did before `install`, or ends the process where it
    was ignored, so that a training that does not come to its next step can still be stopped.
    """
    handlers: dict[int, Any] = {}

    def stop(number: int, _frame: FrameType | None) -> None:
        requested.set()
        before = handlers[number]
        # None is a handler that Python has not set, and cannot set again.
        signal.signal(number, signal.SIG_DFL if before in (signal.SIG_IGN, None) else before)

    for number in (signal.SIGTERM, signal.SIGINT):
        handlers[number] = signal.getsignal(number)
        signal.signal(number, stop)


def write_stderr(text: str) -> None:
    """Put a line of its own on stderr, also from a signal handler, which may not use the stream.

    A terminal has just shown `^C` where the cursor was, which a live display may have hidden.
    """
    with contextlib.suppress(OSError):
        os.write(2, f"{SHOW_CURSOR if os.isatty(2) else ''}{text}\n".encode())


class StopSignals:
    """Hears SIGINT, SIGTERM and SIGHUP while it is entered; main thread only.

    Args:
        stop: called at the first signal of a kind, in the midst of whatever runs.
        at_once: called at each further one of the same kind; a terminal that closes and a service
            manager send SIGHUP beside others, so that it never counts as further.

    Attributes:
        received: the signals that have come.
    """

    def __init__(self, stop: Callable[[], None], at_once: Callable[[], None]) -> None:
        self._stop = stop
        self._at_once = at_once
        self.received: set[int] = set()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "StopSignals":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            before = signal.getsignal(number)
            if number == signal.SIGTERM or before is not signal.SIG_IGN:
                self._before[number] = signal.SIG_DFL if before is None else before
        self.install()
        return self

    def install(self) -> None:
        """Set the handlers, again where another library has set its own."""
        for number in self._before:
            signal.signal(number, self._handle)

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number in self.received:
            if number != signal.SIGHUP:
                self._at_once()
            return
        self.received.add(number)
        self._stop()
