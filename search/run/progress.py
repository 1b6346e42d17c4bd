"""One quiet display of a running sweep, on stderr.

On a terminal one line that is redrawn; elsewhere one line for each trial that has ended.
"""

import contextlib
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from colornet.cli_result import count_text, duration_text
from search.records.reader import CONFIRM, UNFINISHED

if TYPE_CHECKING:
    from search.run.recorder import Recorder  # and with it what asks Optuna: status does without

REDRAW = 0.25
"""Seconds between two redraws: the thread that draws is the one that hands out trials."""


class Progress:
    """Shows a recorder's trials while it is entered."""

    def __init__(
        self, recorder: "Recorder", started: float, console: Console | None = None
    ) -> None:
        self.recorder = recorder
        self.concurrent = 1
        self._console = console or Console(stderr=True, highlight=False)
        self._started = started
        self._last_redraw = 0.0
        self._durations: list[float] = []
        self._live: Live | None = None
        counts = recorder.table.counts()
        self._done = {False: counts.done, True: counts.confirmed}
        """Trials that have ended and were shown, of the search and of its confirmation."""
        rows = recorder.table.rows
        self._stopped = {name for name, row in rows.items() if row["state"] == "pruned"}
        """Those of them that were stopped, and may yet go on."""

    def __enter__(self) -> "Progress":
        if self._console.is_terminal:
            self._live = Live(self._line(), console=self._console, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.show(force=True)
        if self._live:
            with contextlib.suppress(OSError):
                self._live.stop()

    def show(self, *, force: bool = False) -> None:
        """Say what has happened since the last call."""
        now = time.monotonic()
        if not force and now - self._last_redraw < REDRAW:
            return
        self._last_redraw = now
        with contextlib.suppress(OSError):  # a terminal that was closed stops no sweep
            self._show()

    def _show(self) -> None:
        ended, self.recorder.ended = self.recorder.ended, []
        for row in ended:
            seconds = self.recorder.table.last.get(row["trial_id"], {}).get("seconds")
            if row["state"] not in UNFINISHED and seconds:
                self._durations.append(seconds)
            if self._live is None:
                self._count(row)
                self._console.print(self._ended(row), soft_wrap=True)
        if self._live:
            self._live.update(self._line(), refresh=True)

    def _count(self, row: Mapping[str, Any]) -> None:
        """A trial has ended, for the first time or after it was promoted."""
        if row["state"] in UNFINISHED:
            return
        if row["trial_id"] not in self._stopped:
            self._done[row["origin"] == CONFIRM] += 1
        if row["state"] == "pruned":
            self._stopped.add(row["trial_id"])

    def _ended(self, row: Mapping[str, Any]) -> Text:
        """The line of a trial that has ended."""
        table, confirms = self.recorder.table, row["origin"] == CONFIRM
        counts, done = table.counts(), self._done[confirms]
        order = f"confirming {done}/{counts.to_confirm}" if confirms else f"{done}/{counts.total}"
        value = table.last.get(row["trial_id"], {}).get(table.best_column)
        metric = f"{table.best_column} {value:.4g}" if value is not None else None
        to_go = counts.total + counts.to_confirm - sum(self._done.values())
        left = time_left(to_go, self._durations, self.concurrent)
        words = [order, row["trial_id"], row["state"], metric, row["reason"], left]
        return Text("  ".join(word for word in words if word))

    def _line(self) -> Text:
        """The line that is redrawn."""
        table, counts = self.recorder.table, self.recorder.table.counts()
        parts = [f"{counts.done}/{count_text(counts.total, 'trial')}"]
        if counts.confirming:
            parts.append(f"confirming {counts.confirmed}/{counts.to_confirm}")
        parts.append(f"{len(self.recorder.running)} running")
        if table.best is not None:
            parts.append(f"best {table.best_column} {table.best:.4g}")
        to_go = counts.total + counts.to_confirm - counts.done - counts.confirmed
        if left := time_left(to_go, self._durations, self.concurrent):
            parts.append(left)
        parts.append(duration_text(time.monotonic() - self._started))
        return Text("  ·  ".join(parts))


def time_left(to_go: int, durations: Sequence[float], at_once: int) -> str | None:
    """`about 12 min left`, by the median of trainings that ended; None where that is not known.

    Args:
        to_go: trials that are still to end.
        at_once: trials that run at a time.
        durations: seconds of trainings that ended.
    """
    if not len(durations) or to_go <= 0 or not at_once:
        return None
    return f"about {duration_text(statistics.median(durations) * to_go / at_once)} left"
