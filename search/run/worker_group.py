"""A trial that spans several workers: a Ray Train gang inside the trial's own actor.

Every worker runs what a trial of one worker runs; `colornet` sees to it that they train one
training together. The first of them speaks for all: what it says goes through a small actor to the
trial's actor, which hands it on to Tune and in the other direction asks the gang to stop.
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
"""Seconds between two looks at what the gang has said."""
LISTEN = 1.0
"""Seconds between two looks of a worker at whether the gang is to stop."""
STARTS = 2
"""Times that a gang may wait in vain for its resources, a minute each, before it is given up."""
NO_ROOM = "its workers were not given their resources in time"
Say = Callable[[dict[str, Any]], None]


_OF_PEERS = re.compile("Connection (reset|closed)|gloo|NCCL|ncclRemoteError|Broken pipe")
"""In what a worker says when it is another one that died."""
_OURS = re.compile(r"TrialFailed: (failed|oom|blocked): (.+)")


class GangLost(Exception):
    """Workers of a gang have died, or never started."""


class TrialFailed(Exception):
    """What a worker's training ended with; its message is a state and a reason."""


@ray.remote(num_cpus=0)
class _Listener:
    """Between a gang's first worker and the trial's actor, which may be on different nodes."""

    def __init__(self) -> None:
        self._said: list[dict[str, Any]] = []
        self._asked = False

    def tell(self, message: dict[str, Any]) -> bool:
        """Keep a message; returns whether the gang is to go on."""
        self._said.append(message)
        return not self._asked

    def take(self) -> list[dict[str, Any]]:
        """What was said since the last time."""
        said, self._said = self._said, []
        return said

    def ask_to_stop(self) -> None:
        self._asked = True

    def asked(self) -> bool:
        return self._asked


def run_gang(
    work: Callable[..., None],
    assignment: Mapping[str, Any],
    say: Say,
    stopped: threading.Event,
) -> None:
    """Train an assignment on `assignment["workers"]` workers; returns when they have ended.

    Args:
        work: what a worker runs, given the assignment, a way to speak, and an event that is set
            when it is to stop.
        say: takes what the first worker says.
        stopped: set from outside to have them stop.

    Raises:
        GangLost: they died or did not start, and nothing was said of an end.
    """
    listener = _Listener.remote()
    ended = False

    def hand_on() -> None:
        nonlocal ended
        for message in ray.get(listener.take.remote()):
            ended |= message["event"] == "end"
            say(message)

    settings = {"assignment": assignment, "work": work, "listener": listener}
    try:
        with (
            tempfile.TemporaryDirectory(prefix="colorsweep-gang-") as scratch,
            ThreadPoolExecutor(1, thread_name_prefix="ray-train") as thread,
        ):
            fitting = thread.submit(_trainer(settings, scratch).fit)
            while not fitting.done():
                if stopped.wait(POLL) or interrupt.requested.is_set():
                    ray.get(listener.ask_to_stop.remote())
                hand_on()
        hand_on()
        if (error := fitting.exception()) is not None and not ended:
            say({"event": "end", "pictures": [], **_end_of(error)})
    finally:
        ray.kill(listener)


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
            name="gang",
            storage_path=scratch,
            failure_config=failures,
            worker_runtime_env={"worker_process_setup_hook": "colornet.interrupt.install"},
        ),
    )


def _work(settings: dict[str, Any]) -> None:
    """What a worker of the gang does."""
    listener, stopped = settings["listener"], threading.Event()
    first = ray_train.get_context().get_world_rank() == 0
    failure: list[str] = []

    def say(message: dict[str, Any]) -> None:
        if message["event"] == "end" and message["state"] in ("failed", "oom", "blocked"):
            # It may only be the echo of another worker's death: let Ray Train collect them all.
            failure.append(f"{message['state']}: {message['reason']}")
        elif first and not ray.get(listener.tell.remote(message)):
            stopped.set()

    def listen() -> None:
        while not over.wait(LISTEN):
            if ray.get(listener.asked.remote()):
                interrupt.requested.set()
                return

    over = threading.Event()
    threading.Thread(target=listen, name="listen", daemon=True).start()
    try:
        settings["work"](settings["assignment"], say, stopped)
    finally:
        over.set()
    if failure:
        raise TrialFailed(failure[0])  # the others wait for this one: Ray Train ends them


def _end_of(error: BaseException) -> dict[str, str]:
    """State and reason of a gang whose workers failed.

    Raises:
        GangLost: it was not the training that failed, but a worker's process.
    """
    failures = [str(one) for one in getattr(error, "worker_failures", {}).values()]
    said = [_OURS.search(text) for text in failures]
    if not failures or not all(said):
        raise GangLost(_why(error)) from error
    own = [match for match in said if match and not _OF_PEERS.search(match[2])]
    if not own:
        raise GangLost("the connection between its workers broke") from error
    return {"state": own[0][1], "reason": own[0][2]}


def _why(error: BaseException) -> str:
    """What became of a gang's workers, in a sentence."""
    text = f"{type(error).__name__}: {error}"
    if "WorkerGroupStartupTimeout" in text:
        return NO_ROOM
    if re.search("worker died|WorkerCrashed|ActorDied|died unexpectedly|unexpected system", text):
        return "the process of one of its workers died"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300]
