"""What happens to a sweep's trials, from being handed out to their end.

Sits between whoever runs trials (Ray Tune, or a test) and the records: every event is recorded,
Optuna is told, and checkpoints that are no longer needed are deleted. Knows nothing of Ray.
"""

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from colornet.errors import StorageError
from colornet.redaction import redact
from colornet.storage import Storage
from search.core import confirmation
from search.core.ask_tell import CONFIRM, Assignment, Chooser
from search.core.budget import Spending
from search.core.early_stopping import Stopper
from search.core.finished import is_finished, search_is_over
from search.core.ranking import best_trials
from search.records.reader import UNFINISHED, read_states, read_sweep
from search.records.writer import RecordsWriter
from search.run.backfill import Gaps
from search.run.checkpoints import KEEP_BEST, Keeper
from search.run.heartbeats import Hearing, longest_tick
from search.run.running import Running, identity, row_of, terminate_here
from search.run.trial_table import Standing, reported
from spaces.distributions import Point
from spaces.study import Study

FLUSH = 0.5
"""Seconds that rows may wait to be written together."""


class Recorder:
    """Hands out trials and records what becomes of them.

    Args:
        location: the sweep's folder or URI, which holds its study.
        study: the resolved study.
        terminate: sends SIGTERM to a trial's process, wherever it runs.
        clock: gives seconds, for how long trials are silent.

    Attributes:
        stopping: set to let running trials end as preempted and hand out no more.
        blocked, cut: why nothing can be written any more, why what runs is cut off, if so.
        hearing: which trials have been silent for too long.
        standing: how the trials stand.
        spending: what is spent of the budgets.
        ended: trials that ended since this was last emptied (by the progress display).
    """

    def __init__(
        self,
        location: str | Path,
        study: Study,
        terminate: Callable[[Running], None] = terminate_here,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._terminate = terminate
        self.location = os.fspath(location)
        self.study = study
        self.stopping = False
        self.blocked: str | None = None
        self.cut: str | None = None
        self.running: dict[str, Running] = {}
        self.ended: list[tuple[Assignment, str, str | None, dict[str, Any]]] = []
        self._writer = RecordsWriter(location)
        self._keeper = Keeper(Storage.at(location))
        self._flushed = time.monotonic()
        self._objectives = list(study.file.objectives)
        sweep = read_sweep(location)
        self._gaps = Gaps(self._writer, sweep)
        if self._gaps.fill_all(sweep, self._keeper):
            sweep = read_sweep(location)
        self.hearing = Hearing(longest_tick(sweep.ticks), clock)
        self.standing = Standing(sweep)
        self.chooser = Chooser(study, sweep.trials, self.standing.reported(study))
        self.chooser.next_number = max(self.chooser.next_number, self._gaps.next_number)
        self.stopper = Stopper(study)
        searched = sweep.trials[sweep.trials["origin"] != CONFIRM]
        numbers = dict(zip(searched["trial_id"], searched["number"], strict=True))
        self.stopper.rebuild(sweep.ticks, numbers)
        self.spending = Spending(study.file.budget, read_states(location)[0], sweep.ticks)
        self._watched = dict.fromkeys([*self._objectives, self.standing.best_column])
        self._over: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to run: the budget is used, and the best are confirmed."""
        self._search_is_over()
        return is_finished(self.study, self.standing.snapshot(), self.spending)

    def next(self) -> Assignment | None:
        """The next trial, None when there is none; it may begin to train after `settle`."""
        if self.stopping or self.cut:
            return None
        assignment = self._choose()
        if assignment is None:
            return None
        self.spending.start()
        self.running[assignment.trial_id] = Running(assignment)
        self._writer.start(self._state(assignment, "running", None))
        return assignment

    def settle(self, trial_id: str) -> None:
        """A trial has a process: wait until it is on the disk as running."""
        self.hearing.begin(trial_id)
        self._written(self._writer.settle)

    def _written(self, write: Callable[[], None]) -> bool:
        """Write; where the storage takes nothing, rows wait and the sweep stops."""
        try:
            write()
        except StorageError as error:
            self._block(str(error))
            return False
        return True

    def _block(self, reason: str) -> None:
        self.blocked = self.blocked or reason
        self.stopping = True

    def _choose(self) -> Assignment | None:
        if self.chooser.waiting or self._search_is_over() is None:
            found = self.chooser.ask()
            if found is not None:
                return found
        if any(one.assignment.origin != CONFIRM for one in self.running.values()):
            return None  # the best are not known yet
        repeated = self._to_confirm()
        return self.chooser.repeat(*repeated) if repeated else None

    def _search_is_over(self) -> str | None:
        """Which budget is used up, if one is; room is left for confirming."""
        under_way = sum(
            (one.assignment.config.training.images or 0) - (one.last.get("images") or 0)
            for one in self.running.values()
        )
        confirming = self.standing.count(CONFIRM)
        self._over = search_is_over(self.study, self.spending, confirming, under_way)
        return self._over

    @property
    def why_over(self) -> str | None:
        """What ended the search before its trials were used up, in a sentence."""
        return self.chooser.exhausted if self.chooser.done else self._over

    def _to_confirm(self) -> tuple[Point, int] | None:
        """The next point to repeat, with its seed."""
        if self.study.file.confirm is None or self.spending.over() is not None:
            return None
        return next(confirmation.missing(self.study, self.standing.snapshot()), None)

    def message(self, trial_id: str, message: Mapping[str, Any]) -> bool:
        """Record what a trial's actor said; returns whether the trial is to go on."""
        running = self.running.get(trial_id)
        if running is None:
            return False
        running.pid, running.host, running.node = map(message.get, ("pid", "host", "node"))
        self.hearing.word(trial_id)
        if message["event"] == "resumed":
            # The last attempt may have written this checkpoint after anybody listened to it.
            self._gaps.fill(identity(running.assignment), message["history"])
            running.last = dict(message["history"][-1]) if message["history"] else {}
            return True
        if message["event"] == "tick":
            return self._tick(running, message["metrics"])
        running.log = message.get("log")
        for picture in message["pictures"]:
            known = {**identity(running.assignment), "tick": running.last.get("tick")}
            self._writer.picture({**known, **picture})
        if message["state"] == "oom" and self._may_have_room(running.assignment):
            why = f"tried again with a card to itself: {message['reason']}"
            self._end(running, "preempted", why)
            self._again(running, alone=True)
            return False
        if message["state"] == "blocked":
            self._block(message["reason"])
            self._end(running, "preempted", message["reason"])
            return False
        self._end(running, message["state"], message["reason"])
        if message["state"] == "preempted" and not (self.stopping or self.cut):
            self._again(running)  # its node is wanted back: another one goes on
        return False

    def lost(self, trial_id: str, reason: str, *, counts: bool = True) -> None:
        """The trial's process died: try it again from its checkpoint.

        Args:
            counts: whether it may have been the trial's own fault, which it is granted a few times.
        """
        running = self.running.get(trial_id)
        if running is None:
            return
        ends = self.stopping or self.cut is not None
        state, reason = self.hearing.lost(trial_id, redact(reason), counts=counts)
        self._end(running, "preempted" if ends else state, reason)
        if state == "preempted" and not ends:
            self._again(running)

    def _again(self, running: Running, *, alone: bool = False) -> None:
        """Hand a trial out once more, from its last checkpoint."""
        told, attempt = running.assignment, running.assignment.attempt + 1
        self.chooser.waiting.append(replace(told, attempt=attempt, alone=alone or told.alone))

    def _may_have_room(self, assignment: Assignment) -> bool:
        """Whether a trial that ran out of memory had only a part of its card."""
        ends = self.stopping or self.cut is not None
        return 0 < self.spending.gpus < 1 and not assignment.alone and not ends

    def preempt_all(self, reason: str) -> None:
        """Whatever still counts as running was stopped from outside."""
        for running in list(self.running.values()):
            self._end(running, "preempted", reason)

    def close(self) -> None:
        """Nothing runs any more: write what is waiting, and tidy up after the trials."""
        self.flush(force=True)
        if self._writer.pending:
            return  # what is not on the disk is not over
        states = self.standing.states.items()
        self._keeper.sweep_up({trial_id for trial_id, one in states if one not in UNFINISHED})
        self.standing.refresh_best()

    def flush(self, *, force: bool = False) -> None:
        """Write what is waiting, at most every `FLUSH` seconds."""
        now = time.monotonic()
        if self._writer.pending and (force or now - self._flushed > FLUSH):
            self._written(self._writer.commit)
            self._flushed = now

    def _tick(self, running: Running, metrics: Mapping[str, Any]) -> bool:
        assignment = running.assignment
        running.last = dict(metrics)
        self._gaps.note(assignment.trial_id, metrics["tick"])
        self._writer.tick({**identity(assignment), **metrics})
        self.spending.add(assignment.trial_id, metrics.get("images"), metrics.get("seconds"))
        for name in self._watched:
            value = metrics.get(name)
            if value is not None and not math.isfinite(value):
                self._end(running, "diverged", f"{name} is {value} at tick {metrics['tick']}")
                return False
        reason = self._lags(assignment, metrics)
        if reason is not None:
            self._end(running, "pruned", reason)
            return False
        self.flush()
        return True

    def _lags(self, assignment: Assignment, metrics: Mapping[str, Any]) -> str | None:
        if assignment.origin == CONFIRM:
            return None
        values = [metrics.get(name) for name in self._objectives]
        return self.stopper.add(assignment.trial_id, assignment.number, metrics["images"], values)

    def stop(self) -> None:
        """Hand out no more, and have the trials that run write a checkpoint and end.

        They are sent SIGTERM as soon as their process is known. To be called again until none runs.
        """
        self.stopping = True
        self._interrupt()

    def watch_budget(self) -> None:
        """Cut running trials off, once a budget is gone and the study says `cut`."""
        if self.study.file.budget.when_spent == "cut" and self.cut is None:
            self.cut = self.spending.over()
        if self.cut is not None:
            self._interrupt()

    def _interrupt(self) -> None:
        for running in self.running.values():
            if running.pid and not running.told_to_stop:
                running.told_to_stop = True
                self._terminate(running)

    def _end(self, running: Running, state: str, reason: str | None) -> None:
        assignment = running.assignment
        if state == "preempted" and self.cut and not self.stopping:
            state, reason = "cancelled", self.cut
        del self.running[assignment.trial_id]
        self.hearing.end(assignment.trial_id)
        self.chooser.tell(assignment.number, state, reported(self.study, running.last))
        self._writer.trial(self._state(assignment, state, reason, running))
        self.ended.append((assignment, state, reason, running.last))
        if state == "completed" and not self._keeper.has(assignment.trial_id):
            return  # nothing to tidy: its last rows may wait for the next flush
        if not self._written(self._writer.commit):
            return  # else the checkpoints that could bring it back would be gone
        if state != "preempted" and self._keeper.tidy(assignment.trial_id):
            self.standing.refresh_best()
            best = best_trials(self.standing.snapshot(), KEEP_BEST)
            self._keeper.keep(set(best["trial_id"]))

    def _state(
        self,
        assignment: Assignment,
        state: str,
        reason: str | None,
        running: Running | None = None,
    ) -> dict[str, Any]:
        """The row of a trial that is now in a state."""
        more = {"state": state, "reason": reason, "gpus": self.spending.gpus}
        row = row_of(assignment, running) | more
        self.standing.update(row, running.last if running else {})
        return row
