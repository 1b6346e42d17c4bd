"""The one door to Ray Train: final training, which survives its workers and its driver.

What the workers do, and what is in the folder, is in `final`. The same command on the same folder
resumes, on as many workers as it names.
"""

import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import ray
from ray import train as ray_train
from ray.train.torch import TorchTrainer

from colornet.cli_result import count_text
from colornet.config.config import Config
from colornet.data.picture_files import suffixes
from colornet.errors import (
    ClusterError,
    ColorsweepError,
    InputError,
    StorageError,
    TrainingInterrupted,
    error_summary,
    ray_start_error,
)
from colornet.interrupt import StopSignals, write_stderr
from colornet.model.sweep_check import objective_column
from colornet.storage import write_atomic
from colornet.training import final
from colornet.training.final_checks import prepare

MAX_FAILURES = 3
POLL = 0.25
_SHORT_OF_MEMORY = "running low on memory"
"""What Ray's own reason says where it has killed a process for the node's memory."""
Keep = Literal["best", "last"]
Show = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Workers:
    """Who trains.

    Attributes:
        count: of workers, which share every batch.
        gpus: of each; None takes one where the cluster has any.
        address: of a running Ray cluster; None starts one for the time of the training.
    """

    count: int = 1
    gpus: float | None = None
    address: str | None = None


def train_final(
    config: Config,
    folder: Path,
    show: Show,
    origin: Mapping[str, Any] | None = None,
    *,
    searched: Config | None = None,
    workers: Workers | None = None,
    notes: Sequence[str] = (),
    keep: Keep = "best",
) -> dict[str, Any]:
    """Train a config to a model, or go on with what a killed training left in `folder`.

    Args:
        show: called with each tick's columns.
        origin: the `from` part of a best.yaml, for the card.
        searched: the config that it says was confirmed.
        notes: sentences for the card.
        keep: whose weights the model has: of the tick that is best on held-out pictures, by what
            the sweep decided by, or of the last one.

    Returns:
        the `test_*` columns, `images`, `seconds` and `tick` of the weights that are kept, and
        sentences: which `weights` these are, what has become of the `promise`, the card's `notes`,
        and the `shortfalls` for which the model should not be used.

    Raises:
        InputError: the folder holds another training or a model, the data cannot be used, or the
            cluster has no room for these workers.
        ClusterError: no cluster answers at the address.
        DivergedError, ColorsweepError: the training failed.
        TrainingInterrupted: stopped from outside, with a checkpoint.
    """
    config, workers = prepare(config, folder, quiet=True), workers or Workers()
    state = folder / "training"
    write_atomic(state / "signal", b"")
    with _ray(workers.address):
        alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        resources = worker_resources(alive, workers)
        used = f"Workers: {workers.count}, of {_named(resources)} each, which share every batch."
        settings = {
            "config": config.to_dict(),
            "searched": searched.to_dict() if searched else None,
            "folder": str(folder.absolute()),
            "origin": origin,
            "objective": objective_column(origin, config),
            "keep": keep,
            "cpus": int(resources["CPU"]),
            "reads": suffixes(),
            "notes": [used, *notes],
        }

        def stop() -> None:
            write_stderr("Stopping: the workers write a checkpoint (again to end at once)")
            (state / "signal").write_text("stop")

        # Python's own handler of Ctrl-C raises KeyboardInterrupt.
        with StopSignals(stop, lambda: signal.default_int_handler(signal.SIGINT, None)):
            _fit(settings, state, show, workers, resources)
    if final.stop_requested(state):
        raise TrainingInterrupted(f"{folder}: stopped with a checkpoint; the same command resumes")
    results = json.loads((state / "results.json").read_text())
    shutil.rmtree(state)
    return results


def worker_resources(nodes: Sequence[Mapping[str, float]], workers: Workers) -> dict[str, float]:
    """What each worker gets: its GPUs, and as many CPUs as all of them can have.

    Args:
        nodes: the CPUs and GPUs of each node.

    Raises:
        InputError: when the cluster could never hold so many workers.
    """
    cores, cards = (sum(node.get(kind, 0) for node in nodes) for kind in ("CPU", "GPU"))
    gpus = workers.gpus if workers.gpus is not None else float(cards > 0)
    of_gpus = {"GPU": gpus} if gpus else {}
    most = int(max((node.get("CPU", 0) for node in nodes), default=0))
    for cpus in range(most, 0, -1):
        if _places(nodes, cpus, gpus) >= workers.count:
            return {"CPU": cpus, **of_gpus}
    wanted, fitting = _named({"CPU": 1, **of_gpus}), _places(nodes, 1, gpus)
    raise InputError(
        f"--workers {workers.count}: each needs {wanted}, and there is room for {fitting}: the "
        f"cluster has {count_text(cores, 'CPU')} and {count_text(cards, 'GPU')} on "
        f"{count_text(len(nodes), 'node')}.\n"
        f"Take {'fewer workers or ' if fitting else ''}another cluster, or set --gpus-per-worker."
    )


def _places(nodes: Sequence[Mapping[str, float]], cpus: int, gpus: float) -> int:
    """How many workers of this size fit on the nodes."""
    places = 0.0
    for node in nodes:
        by_gpus = node.get("GPU", 0) // gpus if gpus else float("inf")
        places += min(node.get("CPU", 0) // cpus, by_gpus)
    return int(places)


def _named(resources: Mapping[str, float]) -> str:
    return " and ".join(count_text(count, kind) for kind, count in resources.items())


@contextlib.contextmanager
def _ray(address: str | None) -> Generator[None, None, None]:
    """Ray for the time of a training: a cluster that is there, or one of our own."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_TRAIN_ENABLE_PRINT_PATCH", "0")
    if ray.is_initialized():
        yield
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        try:
            if address:
                # Ray would try for minutes where nobody listens.
                host, _, port = address.rpartition(":")
                if host and port.isdigit():
                    socket.create_connection((host, int(port)), timeout=5).close()
                ray.init(address=address, **quiet)
            else:
                ray.init(address="local", include_dashboard=False, **quiet)
        except Exception as error:  # Ray raises no narrower one where its start times out
            if address is None:
                raise ray_start_error(error) from error
            reason = error_summary(error)
            raise ClusterError(f"{address}: no Ray cluster answers: {reason}.") from error
        yield
    finally:
        ray.shutdown()


def _fit(
    settings: dict[str, Any], state: Path, show: Show, workers: Workers, resources: dict[str, float]
) -> None:
    """Run Ray Train in a thread, so that signals and progress stay in this one."""
    failure: list[BaseException] = []

    def fit() -> None:
        try:
            trainer.fit()
        except Exception as error:
            failure.append(error)

    logging.getLogger("ray.train").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="colorsweep-train-") as scratch:
        trainer = TorchTrainer(
            final.work,
            train_loop_config=settings,
            scaling_config=ray_train.ScalingConfig(
                num_workers=workers.count,
                use_gpu="GPU" in resources,
                resources_per_worker=resources,
            ),
            run_config=ray_train.RunConfig(
                name="final",
                # Of several nodes, Ray Train wants a folder that they share.
                storage_path=str(state / "ray") if workers.address else scratch,
                failure_config=ray_train.FailureConfig(max_failures=MAX_FAILURES),
                worker_runtime_env={"worker_process_setup_hook": "colornet.interrupt.install"},
            ),
        )
        thread = threading.Thread(target=fit, name="ray-train", daemon=True)
        thread.start()
        count = len(final.read_ticks(state))
        while thread.is_alive():
            thread.join(POLL)
            for metrics in final.read_ticks(state)[count:]:
                count += 1
                show(metrics)
    if failure:
        raise _training_error(failure[0]) from failure[0]


def _training_error(error: BaseException) -> ColorsweepError:
    """What ended a training, in the words of the worker that failed where they are our own."""
    failures = getattr(error, "worker_failures", {}).values()
    ours = next((failed for failed in failures if isinstance(failed, ColorsweepError)), None)
    if isinstance(ours, StorageError):
        return StorageError(
            f"{ours}.\nMend that (free some space, or make it writable), then give the same "
            "command again: it goes on from the last checkpoint."
        )
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if any(_SHORT_OF_MEMORY in line for line in lines):  # then come lines on Ray's settings
        return ColorsweepError(
            "the training failed: the machine ran out of memory, and Ray ended a worker.\n"
            "Free some: the same command goes on from the last checkpoint."
        )
    why = ours or (lines[-1][:500] if lines else type(error).__name__)
    return ColorsweepError(f"the training failed: {why}")
