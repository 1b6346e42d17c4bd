"""Asking a training to stop: it writes a checkpoint and raises TrainingInterrupted."""

import signal
import threading
from types import FrameType

requested = threading.Event()
"""Looked at before every step. Whoever starts trainings one after another clears it."""


def install() -> None:
    """Let SIGTERM and SIGINT set `requested`; main thread only.

    A second signal of the same kind acts as it did before `install`, so that a training that does
    not come to its next step can still be stopped.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        _catch_once(number)


def _catch_once(number: signal.Signals) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        requested.set()
        signal.signal(number, before)

    before = signal.signal(number, stop)
