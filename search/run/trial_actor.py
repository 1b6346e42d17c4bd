"""One trial in a reused Ray actor: trains in a thread, answers Tune on the main one.

Tune asks the actor for a step and gets the training's messages since then: ticks, and how it
ended. Signals reach the main thread, so that a SIGTERM makes the training write a checkpoint.
"""

import contextlib
import importlib
import json
import logging
import os
import queue
import signal
import socket
import tempfile
import threading
import traceback
from collections import deque
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
from search.records.reader import CHECKPOINTS
from search.run.checkpoints import Upload, download

TRAIN = "colornet.training.loop:train"
Send = Callable[[dict[str, Any]], None]
END_TIMEOUT = 30.0
"""Seconds that a stopped training may take to come to its next step; one that takes longer has its
process ended."""
LINES = 40
"""Lines of a training's log that are recorded: a traceback, and what was logged before it."""


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
        self._assignment = config
        interrupt.requested.clear()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Called with each further assignment; False has Tune start a fresh process."""
        if not self.cleanup():
            return False
        self._assignment = new_config
        interrupt.requested.clear()
        return True

    def step(self) -> dict[str, Any]:
        """The training's messages since the last step; waits for the first.

        The first step of a trial begins its training: until then its start may not be recorded.
        """
        if self._thread is None:
            self._begin()
        messages = [self._messages.get()]
        while not self._messages.empty() and messages[-1]["event"] != "died":
            messages.append(self._messages.get())
        if messages[-1]["event"] == "died":
            if len(messages) == 1:
                raise RuntimeError(messages[0]["reason"])
            self._messages.put(messages.pop())  # after the others, which an error would drop
        return {"messages": messages}

    def _begin(self) -> None:
        self._messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=_run if self._assignment["workers"] == 1 else _run_group,
            args=(self._train, self._assignment, self._messages.put, self._stopped),
            daemon=True,
        )
        self._thread.start()

    def cleanup(self) -> bool:
        """End what runs, as the actor is no longer needed; returns whether it has ended."""
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
    send: Send,
    stopped: threading.Event,
) -> None:
    node = ray.get_runtime_context().get_node_id() if ray.is_initialized() else None
    where = {"pid": os.getpid(), "host": socket.gethostname(), "node": node}

    def tell(event: str, **values: Any) -> None:
        if event == "tick" and stopped.is_set():
            raise TrainingInterrupted("the trial was stopped")
        send({"event": event, **values, **where})

    state, reason, pictures = "completed", None, []
    with LogTail() as tail:
        try:
            pictures = _train(train, assignment, tell)
        except DivergedError as error:
            state, reason = "diverged", str(error)
        except TrainingInterrupted as error:
            state, reason = "preempted", str(error)
        except StorageError as error:
            state, reason = "storage_error", f"{error} (on {where['host']})"
        except ColorsweepError as error:
            state, reason = "failed", str(error)
        except MemoryError as error:
            state, reason = "oom", f"out of host memory: {error}"
        except Exception as error:
            # By name, as torch is not imported where a training was not.
            state = "oom" if type(error).__name__ == "OutOfMemoryError" else "failed"
            reason = _last_lines(error)
            tail.lines.extend("".join(traceback.format_exception(error)).splitlines())
    reason = None if reason is None else redact(reason)
    tell("end", state=state, reason=reason, log=tail.text, pictures=pictures)


def _run_group(
    train: str | Callable[..., Any],
    assignment: Mapping[str, Any],
    send: Send,
    stopped: threading.Event,
) -> None:
    """The same on several workers, of which the first sends messages."""
    # Ray Train takes a second to import, which trials of one worker need not wait for.
    from search.run.worker_group import WorkerGroupDied, run_worker_group

    try:
        run_worker_group(partial(_run, train), assignment, send, stopped)
    except WorkerGroupDied as error:
        send({"event": "died", "reason": str(error)})


def _train(
    train: str | Callable[..., Any],
    assignment: Mapping[str, Any],
    tell: Callable[..., None],
) -> list[dict[str, Any]]:
    """Train the assignment, from its latest checkpoint where it has one; returns its pictures.

    One with `test` set is also judged on the test pictures.

    Args:
        tell: sends a message, given its event and values; raises TrainingInterrupted at a tick
            after which the training is to stop.
    """
    config: Config = parse_config(json.loads(assignment["config"]), assignment["trial_id"])
    check_reading(config, assignment.get("reads"))
    function = _resolve(train, assignment["cpus"]) if isinstance(train, str) else train
    options: dict[str, Any] = {"test": True} if assignment.get("test") else {}
    with _checkpoints(assignment) as (folder, push):
        resume = checkpoint.latest(folder)
        if resume is not None:
            tell("resumed", history=checkpoint.history(resume))

        def report(metrics: Mapping[str, Any], _checkpoint: Path | None) -> None:
            push()  # first: what is reported is on the storage
            tell("tick", metrics=dict(metrics))

        attempt = folder / f"attempt-{assignment['attempt']:03d}"
        result = function(config, report, resume, folder=attempt, **options)
        return result.pictures if result is not None else []


@contextlib.contextmanager
def _checkpoints(assignment: Mapping[str, Any]) -> Generator[tuple[Path, Callable[[], None]]]:
    """A trial's folder of checkpoints, and what takes new ones to the sweep's storage."""
    storage = Storage.at(assignment["sweep"])
    trial_id = assignment["trial_id"]
    folder = storage.path(f"{CHECKPOINTS}/{trial_id}")
    if folder is not None:
        yield folder, lambda: None
        return
    with tempfile.TemporaryDirectory(prefix=f"colorsweep-{trial_id}-") as scratch:
        upload = Upload(storage, trial_id, download(storage, trial_id, Path(scratch)))
        try:
            yield upload.folder, upload.push
        finally:
            upload.push()  # what was written when it was interrupted, or at its end


def _resolve(train: str, cpus: int) -> Callable[..., Any]:
    """Import the training and give its thread its CPUs."""
    import torch

    from colornet.ranks import prepare_worker

    prepare_worker(cpus)
    if torch.get_num_threads() != cpus:
        raise ColorsweepError(f"torch uses {torch.get_num_threads()} threads, not {cpus}")
    module, _, name = train.partition(":")
    return getattr(importlib.import_module(module), name)


def _last_lines(error: Exception) -> str:
    """The error and where it came from, short enough for a table."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {str(error)[:500]}{where}"


class LogTail(logging.Handler):
    """Keeps the last `LINES` lines of whatever is logged or warned of while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=LINES)
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def __enter__(self) -> "LogTail":
        logging.captureWarnings(True)
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        logging.getLogger().removeHandler(self)
        logging.captureWarnings(False)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message; `logging` reports one that cannot be formatted."""
        try:
            self.lines.extend(self.format(record).splitlines())
        except Exception:  # as every handler does: a log line ends no training
            self.handleError(record)

    @property
    def text(self) -> str | None:
        """The lines, without secrets; None where there are none."""
        return redact("\n".join(self.lines)) if self.lines else None
