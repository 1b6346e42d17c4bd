"""Sweeps in simulated time: the real recorder, with trainings read off a surface.

Workers take trials from the recorder and report ticks in its protocol, in the order in which the
ticks of trainings of different speed would end. Nothing sleeps.
"""

import heapq
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from landscape import Landscape
from surface import IMAGES, METRICS, SPACE, TICKS, Surface

from colornet.config.catalog import to_yaml
from colornet.training import checkpoint
from search.core.ask_tell import Assignment
from search.records.reader import CONFIRM
from search.records.writer import create_sweep
from search.run.recorder import Recorder
from spaces.loading import load_study
from spaces.study import Study

WORKERS = 4
HERE = {"pid": None, "host": "simulated"}
OBJECTIVES = ("val_ab_mae", "val_colorfulness_gap")
STUDY: dict[str, Any] = {
    "version": 1,
    "question": "Which settings are best?",
    "base": "pix2pix-small",
    "space": SPACE,
    "objectives": {OBJECTIVES[0]: "minimize"},
    "sampler": "tpe",
    "stopping": {"rule": "asha"},
    "budget": {"trials": 64},
}


@contextmanager
def fast_folder() -> Iterator[Path]:
    """A new folder, in memory where the system has such a place: every part is flushed."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_study(folder: Path, ticks: int = TICKS, **changes: Any) -> Study:
    """The study over the space of `surface.SPACE`, with keys of STUDY changed."""
    fixed = {"training.images": IMAGES, "training.ticks": ticks}
    path = folder / "study-file.yaml"
    path.write_text(to_yaml({**STUDY, "fixed": fixed, **changes}))
    return load_study(str(path))


def new_recorder(folder: Path, study: Study) -> Recorder:
    """The recorder of a sweep that has not begun."""
    create_sweep(folder, study.to_data(), {"host": "simulated"})
    return Recorder(folder, study)


@dataclass
class Training:
    """A trial under way: what it will report.

    Attributes:
        ends: how and at which tick it ends by itself, if not at the last one.
        seen: ticks it has reported.
        history: what it has reported.
    """

    assignment: Assignment
    values: np.ndarray
    ends: tuple[str, int] | None = None
    seen: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


class Simulation:
    """Drives a recorder until there is nothing left to do.

    Args:
        ending: how a trial ends by itself and at which tick ("failed", 3); None for at its end.
            "lost" is a process that dies; its trial goes on from where it was.
        checkpoints: whether trainings leave one at every tick, before they report it.

    Attributes:
        clock: simulated seconds.
        running: trials under way, by trial_id.
        images: pictures that all trainings have seen.
        first_bad: the tick at which a trial first reported a value that is not finite.
        stopped_at: the last tick of each trial.
    """

    def __init__(
        self,
        recorder: Recorder,
        surface: Surface | Landscape,
        workers: int = WORKERS,
        ending: Callable[[Assignment], tuple[str, int] | None] = lambda assignment: None,
        checkpoints: bool = False,
    ) -> None:
        self.recorder = recorder
        self.surface = surface
        self.workers = workers
        self.clock = 0.0
        self.images = 0.0
        self.running: dict[str, Training] = {}
        self.first_bad: dict[str, int] = {}
        self.stopped_at: dict[str, int] = {}
        self._ending = ending
        self._checkpoints = checkpoints
        self._ticks = int(recorder.study.base_config["training"]["ticks"])
        self._queue: list[tuple[float, int, str]] = []
        self._order = itertools.count()
        self._histories: dict[str, list[dict[str, Any]]] = {}
        """What trials had reported that may go on, as their checkpoints hold it."""

    def run(self) -> "Simulation":
        """Everything, to the end."""
        for _ in self.events():
            pass
        self.recorder.flush(force=True)
        return self

    def events(self) -> Iterator[None]:
        """One tick after the other; stands still in between."""
        self._fill_workers()
        while self._queue:
            self.clock, _, trial_id = heapq.heappop(self._queue)
            if self._tick(self.running[trial_id]):
                self._schedule(trial_id)
            else:
                self.stopped_at[trial_id] = self.running.pop(trial_id).seen
            self._fill_workers()
            yield

    def _fill_workers(self) -> None:
        while len(self.running) < self.workers:
            assignment = self.recorder.next()
            if assignment is None:
                return
            self.recorder.settle(assignment.trial_id)
            self._start(assignment)

    def _start(self, assignment: Assignment) -> None:
        trial_id = assignment.trial_id
        values = self.surface.curve(assignment.point, assignment.seed, self._ticks)
        if (history := self._histories.get(trial_id)) is None:
            training = Training(assignment, values, self._ending(assignment))
        else:
            training = Training(assignment, values, None, len(history), history)
            self._say(trial_id, {"event": "resumed", "history": history})
        self.running[trial_id] = training
        self._schedule(trial_id)

    def _schedule(self, trial_id: str) -> None:
        lasts = self.surface.seconds_per_tick(self.running[trial_id].assignment.point)
        heapq.heappush(self._queue, (self.clock + lasts, next(self._order), trial_id))

    def _tick(self, training: Training) -> bool:
        trial_id = training.assignment.trial_id
        if training.ends is not None and training.seen + 1 == training.ends[1]:
            state = training.ends[0]
            if state == "lost":
                self._histories[trial_id] = training.history
                self.recorder.process_died(trial_id, "its process died")
                return False
            return self._end(trial_id, state, f"it {state}")
        training.seen += 1
        self.images += IMAGES / self._ticks
        metrics = self._metrics(training)
        training.history.append(metrics)
        if self._checkpoints:
            self._save(training)
        if not np.isfinite(training.values[training.seen - 1]).all():
            self.first_bad.setdefault(trial_id, training.seen)
        if not self._say(trial_id, {"event": "tick", "metrics": metrics}):
            self._histories[trial_id] = training.history
            return False
        return training.seen < self._ticks or self._end(trial_id, "completed", None)

    def _save(self, training: Training) -> None:
        """A checkpoint without weights; one that diverged is not worth keeping."""
        if np.isfinite(training.values[training.seen - 1]).all():
            folder = Path(self.recorder.location) / "checkpoints" / training.assignment.trial_id
            attempt = f"attempt-{training.assignment.attempt:02d}"
            checkpoint.save(folder / attempt / checkpoint.name(training.seen), {}, training.history)

    def _end(self, trial_id: str, state: str, reason: str | None) -> bool:
        message = {"event": "end", "state": state, "reason": reason, "pictures": []}
        return self._say(trial_id, message)

    def _say(self, trial_id: str, message: dict[str, Any]) -> bool:
        return self.recorder.message(trial_id, {**message, **HERE})

    def _metrics(self, training: Training) -> dict[str, Any]:
        assignment, tick = training.assignment, training.seen
        metrics: dict[str, Any] = {
            "tick": tick,
            "images": round(IMAGES * tick / self._ticks),
            "seconds": tick * self.surface.seconds_per_tick(assignment.point),
        }
        values = training.values[tick - 1].tolist()
        metrics |= {f"val_{name}": value for name, value in zip(METRICS, values, strict=True)}
        if assignment.origin == CONFIRM and tick == self._ticks:
            judged = self.surface.test_values(assignment.point, assignment.seed).tolist()
            metrics |= {f"test_{name}": one for name, one in zip(METRICS, judged, strict=True)}
        return metrics
