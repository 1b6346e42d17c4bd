"""What happens to a sweep's trials, from being handed out to their end.

Sits between whoever runs trials (Ray Tune, or a test) and the records: every event is recorded,
Optuna is told, and checkpoints that are no longer needed are deleted. Knows nothing of Ray.
"""

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from colornet.storage import Storage
from search import confirmation
from search.chooser import CONFIRM, Assignment, Chooser
from search.keeping import KEEP_BEST, Keeper
from search.outcome import MAX_ATTEMPTS
from search.ranking import best_trials
from search.records import UNFINISHED, RecordsWriter, SweepRecords, read_states, read_sweep
from search.running import Running, identity, row_of, terminate_here
from search.spending import Spending
from search.standing import Standing, reported
from search.stopping import Stopper
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

    Attributes:
        stopping: set to let running trials end as preempted and hand out no more.
        standing: how the trials stand.
        spending: what is spent of the budgets.
        ended: trials that ended since this was last emptied (by the progress display).
    """

    def __init__(
        self,
        location: str | Path,
        study: Study,
        terminate: Callable[[Running], None] = terminate_here,
    ) -> None:
        self._terminate = terminate
        self.location = os.fspath(location)
        self.study = study
        self.stopping = False
        self.cut: str | None = None
        """Why running trials are cut off, once they are."""
        self.running: dict[str, Running] = {}
        self.ended: list[tuple[Assignment, str, str | None, dict[str, Any]]] = []
        self._writer = RecordsWriter(location)
        self._keeper = Keeper(Storage.at(location))
        self._deaths: Counter[str] = Counter()
        self._flushed = time.monotonic()
        self._objectives = list(study.file.objectives)
        sweep = read_sweep(location)
        self._known = set(zip(sweep.ticks["trial_id"], sweep.ticks["tick"], strict=True))
        if self._fill_gaps(sweep):
            sweep = read_sweep(location)
        self.standing = Standing(sweep)
        self.chooser = Chooser(study, sweep.trials, self.standing.reported(study))
        self.stopper = Stopper(study)
        searched = sweep.trials[sweep.trials["origin"] != CONFIRM]
        numbers = dict(zip(searched["trial_id"], searched["number"], strict=True))
        self.stopper.rebuild(sweep.ticks, numbers)
        self.spending = Spending(study.file.budget, read_states(location)[0], sweep.ticks)
        self._watched = dict.fromkeys([*self._objectives, self.standing.best_column])
        self._over: str | None = None

    def _fill_gaps(self, sweep: SweepRecords) -> bool:
        """Record the ticks that a checkpoint vouches for and the last driver had no time to.

        Returns:
            whether there were any.
        """
        for _, trial in sweep.trials[sweep.trials["state"].isin(UNFINISHED)].iterrows():
            known = {key: trial[key] for key in ("trial_id", "number", "attempt", "seed")}
            self._fill(known, self._keeper.history(trial["trial_id"]))
        filled = self._writer.pending
        self._writer.commit()
        return filled

    def _fill(self, known: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> None:
        """Record the ticks of a checkpoint's history that are not recorded yet."""
        for metrics in history:
            if (place := (known["trial_id"], metrics["tick"])) not in self._known:
                self._known.add(place)
                self._writer.tick({**metrics, **known})

    @property
    def total(self) -> int:
        """Trials of the search and its confirmation, at most."""
        return self.study.trials + confirmation.count(self.study)

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to run: the budget is used, and the best are confirmed."""
        if any(state in UNFINISHED for state in self.standing.states.values()):
            return False
        searched = self.chooser.done or self._search_is_over() is not None
        return searched and self._to_confirm() is None

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

    def settle(self) -> None:
        """Wait until the trial that was handed out last is on the disk as running."""
        self._writer.settle()

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
        images = self.study.base_config["training"]["images"] or self.spending.images_per_trial
        under_way = sum(
            (one.assignment.config.training.images or 0) - (one.last.get("images") or 0)
            for one in self.running.values()
        )
        left = max(0, confirmation.count(self.study) - self.standing.count(CONFIRM))
        self._over = self.spending.over(under_way, left * images)
        return self._over

    @property
    def why_over(self) -> str | None:
        """The budget that ended the search before its trials were used up, in a sentence."""
        return None if self.chooser.done else self._over

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
        running.pid, running.host = message.get("pid"), message.get("host")
        running.node = message.get("node")
        if message["event"] == "resumed":
            # The last attempt may have written this checkpoint after anybody listened to it.
            self._fill(identity(running.assignment), message["history"])
            running.last = dict(message["history"][-1]) if message["history"] else {}
            return True
        if message["event"] == "tick":
            return self._tick(running, message["metrics"])
        running.log = message.get("log")
        for picture in message["pictures"]:
            row = {
                **identity(running.assignment),
                "tick": running.last.get("tick"),
                **picture,
            }
            self._writer.picture(row)
        if message["state"] == "oom" and self._may_have_room(running.assignment):
            why = f"tried again with a card to itself: {message['reason']}"
            self._end(running, "preempted", why)
            self._again(running, alone=True)
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
        self._deaths[trial_id] += counts
        if self.stopping or self.cut:
            self._end(running, "preempted", reason)
        elif self._deaths[trial_id] >= MAX_ATTEMPTS:
            self._end(running, "failed", f"{reason} ({MAX_ATTEMPTS} attempts)")
        else:
            self._end(running, "preempted", reason)
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
        states = self.standing.states.items()
        self._keeper.sweep_up({trial_id for trial_id, one in states if one not in UNFINISHED})
        self.standing.refresh_best()

    def flush(self, *, force: bool = False) -> None:
        """Write what is waiting, at most every `FLUSH` seconds."""
        now = time.monotonic()
        if self._writer.pending and (force or now - self._flushed > FLUSH):
            self._writer.commit()
            self._flushed = now

    def _tick(self, running: Running, metrics: Mapping[str, Any]) -> bool:
        assignment = running.assignment
        running.last = dict(metrics)
        self._known.add((assignment.trial_id, metrics["tick"]))
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
        self.chooser.tell(assignment.number, state, reported(self.study, running.last))
        self._writer.trial(self._state(assignment, state, reason, running))
        self.ended.append((assignment, state, reason, running.last))
        if state == "completed" and not self._keeper.has(assignment.trial_id):
            return  # nothing to tidy: its last rows may wait for the next flush
        self._writer.commit()  # before the checkpoints that could bring it back are gone
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
        gpus = self.spending.gpus
        row = row_of(assignment, running) | {"state": state, "reason": reason, "gpus": gpus}
        self.standing.update(row, running.last if running else {})
        return row
