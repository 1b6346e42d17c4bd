"""A trial that spans several workers: a Ray Train worker group inside the trial's own actor.

Every worker runs what a trial of one worker runs; `colornet` sees to it that they train one
training together. The first of them reports for all: its messages go through a small actor to the
trial's actor, which hands them on to Tune and in the other direction asks the group to stop.
"""

import re
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ray
from ray import train as ray_train
from ray.train.torch import TorchTrainer

from colornet import interrupt

POLL = 0.25
"""Seconds between two looks for messages of the group."""
LISTEN = 1.0
"""Seconds between two looks of a worker at whether the group is to stop."""
STARTS = 2
"""Times that a group may fail to get its resources, within a minute each, before it is given up."""
NO_ROOM = "its workers were not given their resources in time"
Send = Callable[[dict[str, Any]], None]

# Ray Train hands on a worker's error as text, and no type or code with it.
_PEER_FAILED = re.compile("Connection (reset|closed)|gloo|NCCL|ncclRemoteError|Broken pipe")
"""In what a worker fails with when it is another one that died."""
_TRAINING_FAILED = re.compile(r"TrialFailed: (failed|oom|storage_error): (.+)")
"""What a worker fails with whose training failed."""


class WorkerGroupDied(Exception):
    """Workers have died, or have never started."""


class TrialFailed(Exception):
    """How a worker's training failed; its message is a state and a reason."""


@ray.remote(num_cpus=0)
class _Mailbox:
    """Between a group's first worker and the trial's actor, which may be on different nodes."""

    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = []
        self._stopped = False

    def goes_on(self, message: dict[str, Any] | None = None) -> bool:
        """Keep a message, if there is one; returns whether the group is to go on."""
        self._messages += [message] if message else []
        return not self._stopped

    def take(self, *, stop: bool) -> list[dict[str, Any]]:
        """The messages since the last call; with `stop` the group is to stop."""
        self._stopped |= stop
        messages, self._messages = self._messages, []
        return messages


def run_worker_group(
    work: Callable[..., None],
    assignment: Mapping[str, Any],
    send: Send,
    stopped: threading.Event,
) -> None:
    """Train an assignment on `assignment["workers"]` workers; returns when they have ended.

    Args:
        work: what a worker runs, given the assignment, where to send messages, and an event that
            is set when it is to stop.
        send: takes the messages of the first worker.
        stopped: set from outside to have them stop.

    Raises:
        WorkerGroupDied: they died or did not start, and sent no message of their end.
    """
    mailbox = _Mailbox.remote()
    ended = False

    def hand_on(*, stop: bool = False) -> None:
        nonlocal ended
        for message in ray.get(mailbox.take.remote(stop=stop)):
            ended |= message["event"] == "end"
            send(message)

    settings = {"assignment": assignment, "work": work, "mailbox": mailbox}
    try:
        with (
            tempfile.TemporaryDirectory(prefix="colorsweep-workers-") as scratch,
            ThreadPoolExecutor(1, thread_name_prefix="ray-train") as thread,
        ):
            fitting = thread.submit(_trainer(settings, scratch).fit)
            while not fitting.done():
                hand_on(stop=stopped.wait(POLL) or interrupt.requested.is_set())
        hand_on()
        if (error := fitting.exception()) is not None and not ended:
            send({"event": "end", "pictures": [], **_end_of(error)})
    finally:
        ray.kill(mailbox)


def _trainer(settings: dict[str, Any], scratch: str) -> TorchTrainer:
    assignment = settings["assignment"]
    cpus, gpus = assignment["cpus"], assignment["gpus"]
    # Ray Train waits for ever for what the cluster does not have, a minute each time.
    failures = ray_train.FailureConfig(max_failures=0, controller_failure_limit=STARTS - 1)
    return TorchTrainer(
        _work,
        train_loop_config=settings,
        scaling_config=ray_train.ScalingConfig(
            num_workers=assignment["workers"],
            use_gpu=gpus > 0,
            resources_per_worker={"CPU": cpus, **({"GPU": gpus} if gpus else {})},
        ),
        run_config=ray_train.RunConfig(
            name="workers",
            storage_path=scratch,
            failure_config=failures,
            worker_runtime_env={"worker_process_setup_hook": "colornet.interrupt.install"},
        ),
    )


def _work(settings: dict[str, Any]) -> None:
    """What each worker does."""
    mailbox, stopped, over = settings["mailbox"], threading.Event(), threading.Event()
    first = ray_train.get_context().get_world_rank() == 0
    failure: list[str] = []

    def send(message: dict[str, Any]) -> None:
        if message["event"] == "end" and message["state"] in ("failed", "oom", "storage_error"):
            # It may only be the echo of another worker's death: let Ray Train collect them all.
            failure.append(f"{message['state']}: {message['reason']}")
        elif first and not ray.get(mailbox.goes_on.remote(message)):
            stopped.set()

    def listen() -> None:
        # Ray Train stops workers only by killing them, which leaves no checkpoint.
        while not over.wait(LISTEN):
            if not ray.get(mailbox.goes_on.remote()):
                interrupt.requested.set()
                return

    threading.Thread(target=listen, name="listen", daemon=True).start()
    try:
        settings["work"](settings["assignment"], send, stopped)
    finally:
        over.set()
    if failure:
        raise TrialFailed(failure[0])  # the others wait for this one: Ray Train ends them


def _end_of(error: BaseException) -> dict[str, str]:
    """State and reason of a group whose workers failed.

    Raises:
        WorkerGroupDied: it was not the training that failed, but a worker's process.
    """
    failures = [str(failure) for failure in getattr(error, "worker_failures", {}).values()]
    matches = [_TRAINING_FAILED.search(text) for text in failures]
    if not failures or not all(matches):
        raise WorkerGroupDied(_why(error)) from error
    causes = [match for match in matches if match and not _PEER_FAILED.search(match[2])]
    if not causes:
        raise WorkerGroupDied("the connection between its workers broke") from error
    return {"state": causes[0][1], "reason": causes[0][2]}


def _why(error: BaseException) -> str:
    """What became of a group's workers, in a sentence."""
    text = f"{type(error).__name__}: {error}"
    if "WorkerGroupStartupTimeout" in text:
        return NO_ROOM
    if re.search("worker died|WorkerCrashed|ActorDied|died unexpectedly|unexpected system", text):
        return "the process of one of its workers died"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300]
