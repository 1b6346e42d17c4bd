"""What happens to a sweep's trials, from being handed out to their end.

Sits between what runs trials (Ray Tune, or a test) and the records: it records every event, tells
Optuna, and deletes checkpoints that are no longer needed. It knows nothing of Ray.
"""

import contextlib
import math
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from colornet.errors import StorageError
from colornet.redaction import redact
from colornet.storage import Storage
from search.core import confirmation
from search.core.ask_tell import AskTell, Assignment
from search.core.budget import BudgetTracker
from search.core.curves import Curves
from search.core.early_stopping import EarlyStopping
from search.core.finished import is_finished
from search.core.promotion import PausedTrials
from search.records.reader import CONFIRM, UNFINISHED, read_sweep
from search.records.writer import RecordsWriter
from search.run.checkpoints import KEEP_BEST, Backfill, Retention
from search.run.heartbeats import Heartbeats, longest_tick
from search.run.retries import Outcome, Retries
from search.run.trial_table import TrialTable
from spaces.study import Study

FLUSH = 0.5
"""Seconds that rows may wait to be written together: a part costs two flushes of the disk, and what
a killed driver had not written is read from checkpoints again."""


class Process(NamedTuple):
    """Where a trial trains; `node` is Ray's id."""

    pid: int | None
    host: str | None
    node: str | None


def terminate_here(process: Process) -> None:
    """Send SIGTERM to a trial's process, which may have ended, on this host."""
    if process.pid and process.host == socket.gethostname():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)


class Recorder:
    """Hands out trials and records what becomes of them.

    Args:
        location: the sweep's folder or URI, which holds its study.
        study: the resolved study.
        terminate: sends SIGTERM to a trial's process, wherever it runs.
        clock: gives seconds, for how long trials are silent.

    Attributes:
        stop_requested: by a signal, or as nothing can be written: running trials end as preempted.
        storage_error: why nothing can be written any more, if so.
        cut_reason: which budget is spent, if running trials are cut off for it.
        running: trials that were handed out and have not ended, by trial_id.
        paused: stopped trials that may be promoted.
        ended: rows of trials that ended since this was last emptied (by the progress display).
    """

    def __init__(
        self,
        location: str | Path,
        study: Study,
        terminate: Callable[[Process], None] = terminate_here,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.location = os.fspath(location)
        self.study = study
        self.stop_requested = False
        self.storage_error: str | None = None
        self.cut_reason: str | None = None
        self.running: dict[str, Assignment] = {}
        self.ended: list[dict[str, Any]] = []
        self._terminate = terminate
        self._processes: dict[str, Process] = {}
        self._interrupted: set[str] = set()
        self._writer = RecordsWriter(location)
        self._flushed = time.monotonic()
        self._retention = Retention(Storage.at(location))
        sweep = read_sweep(location)
        # The number of a trial whose row is missing is not given again, or its ticks would be mixed
        # up with another's.
        next_number = int(max(sweep.ticks["number"], default=-1)) + 1
        recorded = set(zip(sweep.ticks["trial_id"], sweep.ticks["tick"], strict=True))
        self._backfill = Backfill(self._writer, recorded)
        if self._backfill.fill_all(sweep.trials, self._retention):
            sweep = read_sweep(location)
        self.heartbeats = Heartbeats(longest_tick(sweep.ticks), clock)
        self._retries = Retries()
        self.table = TrialTable(study, sweep)
        reports = {trial_id: self.table.last_report(trial_id) for trial_id in self.table.last}
        self._curves = Curves(self.table.target)
        self._curves.rebuild(sweep.ticks)
        self.ask_tell = AskTell(study, sweep.trials, reports, next_number, self._curves)
        self.early_stopping = EarlyStopping(study)
        searched = sweep.trials[sweep.trials["origin"] != CONFIRM]
        numbers = dict(zip(searched["trial_id"], searched["number"], strict=True))
        self.early_stopping.rebuild(sweep.ticks, numbers)
        self.paused = PausedTrials(self.early_stopping, self._stopped(sweep.checkpointed))
        self.budget = BudgetTracker(study.file.budget, sweep)
        self._objectives = list(study.file.objectives)
        self._tidy(self.paused.give_up())

    def _stopped(self, trials: Iterable[str]) -> list[str]:
        """Those of some trials that were stopped early, where such may be promoted."""
        if not self.study.file.stopping.promote:
            return []
        rows = self.table.rows
        return [name for name in trials if name in rows and rows[name]["state"] == "pruned"]

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to run: the budget is used, and the best are confirmed."""
        return is_finished(self.study, self.table.snapshot(), self.budget)

    @property
    def is_ending(self) -> bool:
        """Whether no trial is handed out any more, finished or not."""
        return self.stop_requested or self.cut_reason is not None

    @property
    def why_over(self) -> str | None:
        """What ended the search before its trials were used up, in a sentence."""
        return self.ask_tell.why_exhausted if self.ask_tell.is_done else self._search_spent_text()

    def _search_spent_text(self) -> str | None:
        """Which budget is used up, if one is; room is left for confirming."""
        ahead = 0
        for trial_id, trial in self.running.items():
            seen = self.table.last.get(trial_id, {}).get("images") or 0
            ahead += (trial.config.training.images or 0) - seen
        started = sum(row["origin"] == CONFIRM for row in self.table.rows.values())
        return self.budget.search_spent_text(self.study, started, ahead)

    def next(self) -> Assignment | None:
        """The next trial, None when there is none; it may begin to train after `settle`."""
        if self.is_ending:
            return None
        trial = None
        if self.ask_tell.waiting or self._search_spent_text() is None:
            trial = self._next_searching()
        # The best are known once no trial of the search runs any more.
        if trial is None and all(other.origin == CONFIRM for other in self.running.values()):
            trial = self._next_confirming()
        if trial is not None:
            self.budget.start()
            self.running[trial.trial_id] = trial
            self._writer.start(self.table.start(trial, self.budget.gpus))
        return trial

    def _next_searching(self) -> Assignment | None:
        """The next trial of the search: one that waits, one that is due to go on, a new one.

        With no further point, but a budget left, whichever stopped one is the best.
        """
        is_done = self.ask_tell.is_done
        if not self.ask_tell.waiting and not is_done and (due := self._promote(only_due=True)):
            return due
        trial = self.ask_tell.ask()
        if trial is None and self.study.file.budget.is_limited:
            trial = self._promote(only_due=False)
        return trial

    def _promote(self, *, only_due: bool) -> Assignment | None:
        """A stopped trial that goes on; one whose checkpoints somebody deleted stays stopped."""
        while (trial_id := self.paused.best(only_due=only_due)) is not None:
            self.paused.trials.remove(trial_id)
            if self._retention.has(trial_id):
                return self.ask_tell.promote(self.table.rows[trial_id])
        return None

    def _next_confirming(self) -> Assignment | None:
        """The next trial that repeats one of the best."""
        if self.study.file.confirm is None or self.budget.spent_text() is not None:
            return None
        missing = next(confirmation.missing(self.study, self.table.snapshot()), None)
        return self.ask_tell.assign(*missing, CONFIRM) if missing else None

    def settle(self, trial_id: str) -> None:
        """Note that a trial has a process, and wait until its row is on the disk."""
        self.heartbeats.beat(trial_id)
        self._write(self._writer.settle)

    def message(self, trial_id: str, message: Mapping[str, Any]) -> bool:
        """Record a message of a trial's actor; returns whether the trial is to go on."""
        trial = self.running.get(trial_id)
        if trial is None:
            return False
        self._processes[trial_id] = Process(*map(message.get, Process._fields))
        self.heartbeats.beat(trial_id)
        if message["event"] == "resumed":
            return self._resumed(trial, message["history"])
        if message["event"] == "tick":
            return self._tick(trial, message["metrics"])
        at_tick = self.table.last.get(trial_id, {}).get("tick")
        for picture in message["pictures"]:
            self._writer.add("pictures", {**trial.row_key, "tick": at_tick, **picture})
        state, reason = message["state"], message["reason"]
        if state == "storage_error":  # a full storage takes nothing from other trials either
            self.storage_error, self.stop_requested = self.storage_error or reason, True
            state = "preempted"
        outcome = self._retries.ended(
            trial, state, reason, gpus=self.budget.gpus, sweep_ends=self.is_ending
        )
        self._end(trial, outcome, message.get("log"))
        return False

    def process_died(self, trial_id: str, reason: str, *, may_be_own_fault: bool = True) -> None:
        """The trial's process died: try it again from its checkpoint, if `Retries` allows it."""
        if (trial := self.running.get(trial_id)) is not None:
            outcome = self._retries.died(
                trial,
                redact(reason),
                stalled=self.heartbeats.stalled.get(trial_id),
                may_be_own_fault=may_be_own_fault,
                sweep_ends=self.is_ending,
            )
            self._end(trial, outcome)

    def _resumed(self, trial: Assignment, history: Sequence[Mapping[str, Any]]) -> bool:
        """A trial goes on from a checkpoint, which may be later than what was heard of it."""
        for metrics in history[-1:]:
            self.table.last[trial.trial_id] = {**trial.row_key, **metrics}
        return all(
            self._tick(trial, metrics)
            for metrics in history
            if (trial.trial_id, metrics["tick"]) not in self._backfill.recorded
        )

    def _tick(self, trial: Assignment, metrics: Mapping[str, Any]) -> bool:
        trial_id = trial.trial_id
        row = {**trial.row_key, **metrics, **trial.row_key}  # whatever a checkpoint may hold
        self.table.last[trial_id] = row
        self._backfill.recorded.add((trial_id, metrics["tick"]))
        self._writer.add("ticks", row)
        self.budget.add(trial_id, metrics.get("images"), metrics.get("seconds"))
        for name in dict.fromkeys([*self._objectives, self.table.best_column]):
            value = metrics.get(name)
            if value is not None and not math.isfinite(value):
                reason = f"{name} is {value} at tick {metrics['tick']}"
                self._end(trial, Outcome("diverged", reason))
                return False
        if trial.origin != CONFIRM:  # of a replicate that was stopped early no mean could be taken
            report = self.table.last_report(trial_id)
            self._curves.add(trial_id, metrics["images"], report)
            reason = self.early_stopping.add(trial_id, trial.number, metrics["images"], report)
            if reason is not None:
                self._end(trial, Outcome("pruned", reason))
                return False
        self.flush()
        return True

    def _end(self, trial: Assignment, outcome: Outcome, log: str | None = None) -> None:
        trial_id, (state, reason, retry) = trial.trial_id, outcome
        if state == "preempted" and self.cut_reason and not self.stop_requested:
            state, reason = "cancelled", self.cut_reason
        del self.running[trial_id]
        self._interrupted.discard(trial_id)
        self.heartbeats.stop(trial_id)
        self.ask_tell.tell(trial.number, state, self.table.last_report(trial_id))
        process = self._processes.pop(trial_id, Process(None, None, None))
        row = {**self.table.rows[trial_id], "state": state, "reason": reason, "log": log}
        row = self.table.update({**row, "host": process.host, "pid": process.pid})
        self._writer.add("trials", row)
        self.ended.append(row)
        if retry is not None:
            self.ask_tell.waiting.append(retry)
        if state == "completed" and not self._retention.has(trial_id):
            return  # nothing to tidy: its last rows may wait for the next flush
        # Its checkpoints could bring it back, and stay until its end is on the disk.
        if not self._write(self._writer.commit):
            return
        if state == "preempted":
            return
        self.paused.trials.update(self._stopped([trial_id]))
        self._tidy(self.paused.give_up() | ({trial_id} - self.paused.trials))

    def _tidy(self, ended: Iterable[str]) -> None:
        """Delete what is no longer needed of the checkpoints of trials that have ended."""
        if any([self._retention.tidy(trial_id) for trial_id in ended]):
            self._retention.keep(set(self.table.refresh_best(KEEP_BEST)))

    def close(self) -> None:
        """Nothing runs any more: write what is waiting, and tidy up after the trials."""
        self.flush(force=True)
        if self._writer.pending:
            return  # until its end is on the disk, a trial has not ended
        rows = self.table.rows.items()
        ended = {name for name, row in rows if row["state"] not in UNFINISHED}
        self._retention.sweep_up(ended - self.paused.trials)
        if self.is_finished:
            self._retention.sweep_up(self.paused.trials)
        self.table.refresh_best()

    def flush(self, *, force: bool = False) -> None:
        """Write what is waiting, at most every `FLUSH` seconds."""
        now = time.monotonic()
        if self._writer.pending and (force or now - self._flushed > FLUSH):
            self._write(self._writer.commit)
            self._flushed = now

    def _write(self, write: Callable[[], None]) -> bool:
        """Write; where the storage takes nothing, rows wait and the sweep stops."""
        try:
            write()
        except StorageError as error:
            self.storage_error, self.stop_requested = self.storage_error or str(error), True
            return False
        return True

    def stop(self) -> None:
        """Hand out no more trials, and have those that run write a checkpoint and end.

        They are sent SIGTERM as soon as their process is known. To be called again until none runs.
        """
        self.stop_requested = True
        self._interrupt()

    def watch_budget(self) -> None:
        """Cut running trials off, once a budget is spent and the study says `cut`."""
        if self.study.file.budget.when_spent == "cut" and self.cut_reason is None:
            self.cut_reason = self.budget.spent_text()
        if self.cut_reason is not None:
            self._interrupt()

    def _interrupt(self) -> None:
        for trial_id in self.running:
            process = self._processes.get(trial_id)
            if process and process.pid and trial_id not in self._interrupted:
                self._interrupted.add(trial_id)
                self._terminate(process)
