"""One trial in a reused Ray actor: trains in a thread, answers Tune on the main one.

Tune asks the actor for a step and gets whatever the training has said since: ticks, and how it
ended. Signals reach the main thread, so that a SIGTERM makes the training write a checkpoint.
"""

import contextlib
import importlib
import json
import os
import queue
import signal
import socket
import tempfile
import threading
import traceback
from collections.abc import Callable, Generator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray import tune

from colornet import interrupt
from colornet.config.config import Config, parse_config
from colornet.errors import ColorsweepError, DivergedError, StorageError, TrainingInterrupted
from colornet.redaction import redact
from colornet.storage import Storage
from colornet.training import checkpoint
from colornet.training.final_checks import check_reading
from search.run.checkpoints import Mirror, fetch, of_trial
from search.run.log_tail import LogTail

TRAIN = "colornet.training.loop:train"
Say = Callable[[dict[str, Any]], None]
END_TIMEOUT = 30.0
"""Seconds that a stopped training may take to come to its next step."""


@ray.remote(num_cpus=0)
def interrupt_process(pid: int) -> None:
    """Send SIGTERM to a trial's process, which may have ended, on the node that this runs on."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


class TrialActor(tune.Trainable):
    """Trains one assignment after another; see `search.run.tune` for what it is given."""

    def setup(self, config: dict[str, Any], train: str | Callable[..., Any] = TRAIN) -> None:
        """Called once for a process, with the first assignment."""
        self._train = train
        self._thread: threading.Thread | None = None
        interrupt.install()
        self._take(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Called with each further assignment; False has Tune start a fresh process."""
        if not self._end():
            return False
        self._take(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """What the training has said since the last step; waits for the first word.

        The first step of a trial begins its training: until then its start may not be recorded.
        """
        if self._thread is None:
            self._begin()
        messages = [self._said.get()]
        while not self._said.empty() and messages[-1]["event"] != "lost":
            messages.append(self._said.get())
        if messages[-1]["event"] == "lost":
            if len(messages) == 1:
                raise RuntimeError(messages[0]["reason"])
            self._said.put(messages.pop())  # Tune is to hear the others first
        return {"messages": messages}

    def cleanup(self) -> None:
        """The actor is no longer needed."""
        self._end()

    def _take(self, assignment: dict[str, Any]) -> None:
        self._assignment = assignment
        interrupt.requested.clear()

    def _begin(self) -> None:
        self._said: queue.Queue[dict[str, Any]] = queue.Queue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=_run if self._assignment["workers"] == 1 else _run_gang,
            args=(self._train, self._assignment, self._said.put, self._stopped),
            daemon=True,
        )
        self._thread.start()

    def _end(self) -> bool:
        if self._thread is None:
            return True
        self._stopped.set()
        interrupt.requested.set()
        self._thread.join(END_TIMEOUT)
        ended = not self._thread.is_alive()
        self._thread = None
        return ended


def _run(
    train: str | Callable[..., Any],
    assignment: Mapping[str, Any],
    say: Say,
    stopped: threading.Event,
) -> None:
    where = {"pid": os.getpid(), "host": socket.gethostname(), "node": _node()}

    def report(metrics: Mapping[str, Any], _checkpoint: Path | None) -> None:
        if stopped.is_set():
            raise TrainingInterrupted("the trial was stopped")
        say({"event": "tick", "metrics": dict(metrics), **where})

    def resumed(history: list[dict[str, Any]]) -> None:
        say({"event": "resumed", "history": history, **where})

    state, reason, pictures = "completed", None, []
    with LogTail() as tail:
        try:
            pictures = _train(train, assignment, report, resumed)
        except DivergedError as error:
            state, reason = "diverged", str(error)
        except TrainingInterrupted as error:
            state, reason = "preempted", str(error)
        except StorageError as error:
            state, reason = "blocked", f"{error} (on {where['host']})"
        except ColorsweepError as error:
            state, reason = "failed", str(error)
        except MemoryError as error:
            state, reason = "oom", f"out of host memory: {error}"
        except Exception as error:
            state = "oom" if type(error).__name__ == "OutOfMemoryError" else "failed"
            reason = _last_lines(error)
            tail.failed(error)
    reason = None if reason is None else redact(reason)
    end = {"event": "end", "state": state, "reason": reason, "log": tail.text}
    say({**end, "pictures": pictures, **where})


def _run_gang(
    train: str | Callable[..., Any],
    assignment: Mapping[str, Any],
    say: Say,
    stopped: threading.Event,
) -> None:
    """The same on several workers, of which the first speaks."""
    from search.run.worker_group import GangLost, run_gang

    try:
        run_gang(partial(_run, train), assignment, say, stopped)
    except GangLost as error:
        say({"event": "lost", "reason": str(error)})


def _node() -> str | None:
    """Ray's name of the node that this process runs on."""
    return ray.get_runtime_context().get_node_id() if ray.is_initialized() else None


def _train(
    train: str | Callable[..., Any],
    assignment: Mapping[str, Any],
    report: Callable[[Mapping[str, Any], Path | None], None],
    resumed: Callable[[list[dict[str, Any]]], None],
) -> list[dict[str, Any]]:
    """Train the assignment, from its latest checkpoint where it has one; returns its pictures.

    One with `test` set is also judged on the test pictures.
    """
    config: Config = parse_config(json.loads(assignment["config"]), assignment["trial_id"])
    check_reading(config, assignment.get("reads"))
    function = _resolve(train, assignment["cpus"]) if isinstance(train, str) else train
    options: dict[str, Any] = {"test": True} if assignment.get("test") else {}
    with _checkpoints(assignment) as (folder, push):
        resume = checkpoint.latest(folder)
        if resume is not None:
            resumed(checkpoint.history(resume))

        def written(metrics: Mapping[str, Any], path: Path | None) -> None:
            push()
            report(metrics, path)

        attempt = folder / f"attempt-{assignment['attempt']:03d}"
        result = function(config, written, resume, folder=attempt, **options)
        return result.pictures if result is not None else []


@contextlib.contextmanager
def _checkpoints(
    assignment: Mapping[str, Any],
) -> Generator[tuple[Path, Callable[[], None]]]:
    """A trial's folder of checkpoints, and what takes new ones to the sweep's storage."""
    storage = Storage.at(assignment["sweep"])
    trial_id = assignment["trial_id"]
    folder = of_trial(storage, trial_id)
    if folder is not None:
        yield folder, lambda: None
        return
    with tempfile.TemporaryDirectory(prefix=f"colorsweep-{trial_id}-") as scratch:
        mirror = Mirror(storage, trial_id, fetch(storage, trial_id, Path(scratch)))
        try:
            yield mirror.folder, mirror.push
        finally:
            mirror.push()  # what was written when it was interrupted, or at its end


def _resolve(train: str, cpus: int) -> Callable[..., Any]:
    """Import the training and give its thread its CPUs."""
    import torch

    from colornet.training.process import prepare_worker

    prepare_worker(cpus)
    if torch.get_num_threads() != cpus:
        raise ColorsweepError(f"torch uses {torch.get_num_threads()} threads, not {cpus}")
    module, _, name = train.partition(":")
    return getattr(importlib.import_module(module), name)


def _last_lines(error: Exception) -> str:
    """The error and where it came from, short enough for a table."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {str(error)[:500]}{place}"
