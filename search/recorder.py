"""What happens to a sweep's trials, from being handed out to their end.

Sits between whoever runs trials (Ray Tune, or a test) and the records: every event is recorded,
Optuna is told, and checkpoints that are no longer needed are deleted. Knows nothing of Ray.
"""

import contextlib
import json
import math
import os
import shutil
import signal
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from colornet import checkpoint
from search.chooser import Assignment, Chooser
from search.outcome import MAX_ATTEMPTS
from search.ranking import best_trials, deciding_metric
from search.records import UNFINISHED, RecordsWriter, SweepRecords, read_sweep
from spaces.study import Study

KEEP_BEST = 3
"""Trials whose generator is kept after they end."""
FLUSH = 0.5
"""Seconds that ticks may wait to be written together."""


@dataclass
class Running:
    """A trial that has been handed out."""

    assignment: Assignment
    pid: int | None = None
    host: str | None = None
    last: dict[str, Any] = field(default_factory=dict)
    told_to_stop: bool = False


class Recorder:
    """Hands out trials and records what becomes of them.

    Args:
        location: the sweep's folder, which holds its study.
        study: the resolved study.

    Attributes:
        stopping: set to let running trials end as preempted and hand out no more.
        states: each trial's state, as it stands now.
    """

    def __init__(self, location: Path, study: Study) -> None:
        self.location = location
        self.study = study
        self.stopping = False
        self.running: dict[str, Running] = {}
        self.ended: list[tuple[Assignment, str, str | None, dict[str, Any]]] = []
        """Trials that ended since this was last emptied (by the progress display)."""
        self._writer = RecordsWriter(location)
        self._deaths: Counter[str] = Counter()
        self._flushed = time.monotonic()
        self._objectives = list(study.file.objectives)
        sweep = read_sweep(location)
        self._known = set(zip(sweep.ticks["trial_id"], sweep.ticks["tick"], strict=True))
        self._fill_gaps(sweep)
        sweep = read_sweep(location)
        self.chooser = Chooser(study, sweep.trials, self._last_values(sweep))
        self.states = dict(zip(sweep.trials["trial_id"], sweep.trials["state"], strict=True))
        self.best: float | None = None
        self.best_column = deciding_metric(sweep.study) or self._objectives[0]
        self.refresh_best(sweep)

    def _fill_gaps(self, sweep: SweepRecords) -> None:
        """Record the ticks that a checkpoint vouches for and the last driver had no time to."""
        for _, trial in sweep.trials[sweep.trials["state"].isin(UNFINISHED)].iterrows():
            latest = checkpoint.latest(self.location / "checkpoints" / trial["trial_id"])
            identity = {key: trial[key] for key in ("trial_id", "number", "attempt", "seed")}
            self._fill(identity, checkpoint.history(latest) if latest else [])
        self._writer.commit()

    def _fill(self, identity: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> None:
        """Record the ticks of a checkpoint's history that are not recorded yet."""
        for metrics in history:
            if (place := (identity["trial_id"], metrics["tick"])) not in self._known:
                self._known.add(place)
                self._writer.tick({**metrics, **identity})

    def _last_values(self, sweep: SweepRecords) -> dict[str, tuple[float | None, ...]]:
        last = sweep.ticks.drop_duplicates("trial_id", keep="last").set_index("trial_id")
        last = last.reindex(columns=self._objectives).astype(float)
        return {str(trial): tuple(row) for trial, row in zip(last.index, last.values, strict=True)}

    def next(self) -> Assignment | None:
        """The next trial, recorded as running before it is returned; None when there is none."""
        if self.stopping:
            return None
        assignment = self.chooser.ask()
        if assignment is None:
            return None
        self.running[assignment.trial_id] = Running(assignment)
        self._state(assignment, "running", None)
        self._writer.commit()
        return assignment

    def message(self, trial_id: str, message: Mapping[str, Any]) -> bool:
        """Record what a trial's actor said; returns whether the trial is to go on."""
        running = self.running.get(trial_id)
        if running is None:
            return False
        running.pid, running.host = message.get("pid"), message.get("host")
        if message["event"] == "resumed":
            # The last attempt may have written this checkpoint after anybody listened to it.
            self._fill(self._identity(running.assignment), message["history"])
            running.last = dict(message["history"][-1]) if message["history"] else {}
            return True
        if message["event"] == "tick":
            return self._tick(running, message["metrics"])
        for picture in message["pictures"]:
            row = {
                **self._identity(running.assignment),
                "tick": running.last.get("tick"),
                **picture,
            }
            self._writer.picture(row)
        self._end(running, message["state"], message["reason"])
        return False

    def lost(self, trial_id: str, reason: str) -> None:
        """The trial's process died: try it again from its checkpoint, a few times."""
        running = self.running.get(trial_id)
        if running is None:
            return
        self._deaths[trial_id] += 1
        if self.stopping:
            self._end(running, "preempted", reason)
        elif self._deaths[trial_id] >= MAX_ATTEMPTS:
            self._end(running, "failed", f"{reason} ({MAX_ATTEMPTS} attempts)")
        else:
            del self.running[trial_id]
            again = replace(running.assignment, attempt=running.assignment.attempt + 1)
            self.chooser.waiting.append(again)

    def preempt_all(self, reason: str) -> None:
        """Whatever still counts as running was stopped from outside."""
        for running in list(self.running.values()):
            self._end(running, "preempted", reason)

    def flush(self, *, force: bool = False) -> None:
        """Write what is waiting, at most every `FLUSH` seconds."""
        now = time.monotonic()
        if self._writer.pending and (force or now - self._flushed > FLUSH):
            self._writer.commit()
            self._flushed = now

    def _tick(self, running: Running, metrics: Mapping[str, Any]) -> bool:
        running.last = dict(metrics)
        values = [metrics.get(name) for name in self._objectives]
        bad = [
            name
            for name, value in zip(self._objectives, values, strict=True)
            if value is not None and not math.isfinite(value)
        ]
        self._known.add((running.assignment.trial_id, metrics["tick"]))
        self._writer.tick({**self._identity(running.assignment), **metrics})
        if bad:
            self._end(
                running, "diverged", f"{bad[0]} is {metrics[bad[0]]} at tick {metrics['tick']}"
            )
            return False
        self.flush()
        if self.stopping and not self._is_local(running):
            self._end(running, "preempted", "the sweep was interrupted")
            return False
        return True

    @staticmethod
    def _is_local(running: Running) -> bool:
        return running.host == socket.gethostname()

    def stop(self) -> None:
        """Hand out no more, and have the trials that run write a checkpoint and end.

        Those on this host are sent SIGTERM, as soon as their process is known; those elsewhere end
        at their next tick. To be called again until none runs.
        """
        self.stopping = True
        for running in self.running.values():
            if running.pid and not running.told_to_stop and self._is_local(running):
                running.told_to_stop = True
                with contextlib.suppress(ProcessLookupError):
                    os.kill(running.pid, signal.SIGTERM)

    def _end(self, running: Running, state: str, reason: str | None) -> None:
        assignment = running.assignment
        del self.running[assignment.trial_id]
        values = [running.last.get(name) for name in self._objectives]
        self.chooser.tell(assignment.number, state, values)
        self._state(assignment, state, reason, running)
        self._writer.commit()
        self.ended.append((assignment, state, reason, running.last))
        if state != "preempted":
            self._tidy(assignment.trial_id)

    def _state(
        self,
        assignment: Assignment,
        state: str,
        reason: str | None,
        running: Running | None = None,
    ) -> None:
        self._writer.trial(
            {
                **self._identity(assignment),
                "state": state,
                "reason": reason,
                "origin": assignment.origin,
                "point_id": assignment.point_id,
                "point": json.dumps(assignment.point),
                "distributions": assignment.distributions,
                "system_attrs": assignment.system_attrs,
                "config": json.dumps(assignment.config.to_dict()),
                "host": running.host if running else socket.gethostname(),
                "pid": running.pid if running else None,
            }
        )
        self.states[assignment.trial_id] = state

    @staticmethod
    def _identity(assignment: Assignment) -> dict[str, Any]:
        return {
            "trial_id": assignment.trial_id,
            "number": assignment.number,
            "attempt": assignment.attempt,
            "seed": assignment.seed,
        }

    def _tidy(self, trial_id: str) -> None:
        """Keep the generators of the best few trials and no other checkpoint."""
        folder = self.location / "checkpoints"
        kept = sorted(folder.glob(f"{trial_id}/attempt-*/generator.safetensors"))
        if kept:
            kept[-1].replace(folder / f"{trial_id}.safetensors")
        shutil.rmtree(folder / trial_id, ignore_errors=True)
        sweep = read_sweep(self.location) if kept else None
        if sweep is None:
            return
        self.refresh_best(sweep)
        best = set(best_trials(sweep, KEEP_BEST)["trial_id"])
        for path in folder.glob("*.safetensors"):
            if path.stem not in best:
                path.unlink()

    def refresh_best(self, sweep: SweepRecords) -> None:
        """Read `best` from the records."""
        best = best_trials(sweep, 1)
        self.best = float(best[self.best_column].iloc[0]) if len(best) else None
