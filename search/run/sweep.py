"""Run a study as a sweep, from its first trial or from where it was stopped."""

import contextlib
import functools
import logging
import os
import shlex
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from colornet.config.config import parse_config
from colornet.data.picture_files import suffixes
from colornet.errors import (
    INTERRUPTED,
    ColorsweepError,
    NoValidTrialError,
    StorageError,
    error_summary,
    ray_start_error,
)
from colornet.interrupt import StopSignals, write_stderr
from colornet.storage import Storage
from search.cluster.auth import check_version, connect, explain_error
from search.records.lease import Lease
from search.records.reader import read_study
from search.run import tune
from search.run.create import picture_roots
from search.run.preflight import check_nodes, check_worker_groups
from search.run.progress import Progress
from search.run.ray_cleanup import reap_on_death, watch_ray
from search.run.recorder import Recorder
from search.run.trial_actor import TRAIN
from spaces.study import Study

MAX_ROUNDS = 8
"""Times that Tune is started in a sweep, as it gives up when the host runs out of memory; a host
that is short of it all the time needs its user."""
log = logging.getLogger("colorsweep")


@dataclass(frozen=True)
class SweepResult:
    """How a sweep has ended, or was interrupted.

    Attributes:
        seconds: wall time of this run, Ray's start included.
        why_over: what ended the search before its trials were used up, in a sentence.
    """

    location: str
    seconds: float
    interrupted: bool
    why_over: str | None = None


def run(
    location: str | Path,
    address: str | None = None,
    train: str | Callable[..., Any] = TRAIN,
) -> SweepResult:
    """Run a sweep's trials until its budget is used; what has been done is not done again.

    Args:
        location: a folder or URI that `search.run.create.new_sweep` made.
        address: of a running Ray cluster; None starts one in this process's name.
        train: the training, as `search.run.tune.fit` takes it.

    Raises:
        InputError: the folder holds no sweep, or a node does not see it or its pictures.
        InUseError: another driver runs it.
        NoValidTrialError: every trial has ended and none can be chosen.
        ClusterError: no Ray cluster answers at `address`.
        StorageError: the sweep's storage is full, or takes no more.
        ColorsweepError: Ray failed again and again.
    """
    started = time.monotonic()
    location = Storage.at(location).location
    study = Study.from_data(read_study(Storage.at(location)), f"{location}/study.yaml")
    with Lease(location) as lease:
        recorder = Recorder(location, study, tune.terminate)
        if not recorder.is_finished:
            _drive(recorder, lease, started, address, train)
        recorder.close()
    if recorder.storage_error:
        raise StorageError(
            f"{recorder.storage_error}.\nMend that (free some space, or make it writable), then "
            f"resume: colorsweep resume {shlex.quote(location)}"
        )
    name = location if "://" in location else os.path.relpath(location)
    interrupted = not recorder.is_finished
    if not interrupted and recorder.table.best is None:
        states = [row["state"] for row in recorder.table.rows.values()]
        counts = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)]
        raise NoValidTrialError(
            f"{name}: finished, but no trial can be chosen: {', '.join(counts)}.\n"
            f"See why with `colorsweep report {shlex.quote(name)}`."
        )
    return SweepResult(name, time.monotonic() - started, interrupted, recorder.why_over)


def _drive(
    recorder: Recorder,
    lease: Lease,
    started: float,
    address: str | None,
    train: str | Callable[..., Any],
) -> None:
    """Start Ray and run trials, until none is left or a signal asks to stop."""
    is_training = False
    again = f"colorsweep resume {shlex.quote(recorder.location)}"

    def stop() -> None:
        if not is_training:
            raise KeyboardInterrupt
        recorder.stop()

    def at_once() -> None:
        # What is recorded is as whole as after a SIGKILL, and Ray's end could take seconds.
        write_stderr(f"Ended at once. Resume with: {again}")
        os._exit(INTERRUPTED)

    signals = StopSignals(stop, at_once)

    def on_ray_death() -> None:
        # A service manager, `timeout` and others signal all processes of a group.
        if signals.received:
            write_stderr(
                "The signal has ended Ray, too: running trials have their last checkpoints."
            )
            code = INTERRUPTED
        else:
            write_stderr(
                "Ray's own process on this node has died; the machine may be short of memory."
            )
            code = ColorsweepError.exit_code
        write_stderr(f"Nothing recorded is lost. Resume with: {again}")
        os._exit(code)

    with signals:
        try:
            with (
                _ray(address, dashboard=recorder.study.file.resources.workers > 1),
                watch_ray(ray.get_runtime_context().get_node_id(), on_ray_death),
                Progress(recorder, started) as progress,
            ):
                signals.install()  # Ray's start has set a handler of its own for SIGTERM
                if address:
                    study = recorder.study
                    # The first rules of reading pictures know no suffixes that may differ.
                    rules = getattr(parse_config(study.base_config, study.name).data, "rules", 2)
                    reads = None if rules == 1 else suffixes()
                    count = check_nodes(recorder.location, picture_roots(study), reads)
                    log.info("Nodes %d, which see the sweep and its pictures", count)
                is_training = True
                _supervise(recorder, lease, progress, train)
        except KeyboardInterrupt:
            write_stderr("Stopped before a trial was started")


def _supervise(
    recorder: Recorder, lease: Lease, progress: Progress, train: str | Callable[..., Any]
) -> None:
    """Run Tune, and again when it gives up because the host ran out of memory."""
    resources = recorder.study.file.resources
    if resources.workers > 1:
        check_worker_groups(resources.workers)
    allocation = tune.allocation(resources)
    progress.concurrent = allocation.concurrent
    recorder.budget.gpus = allocation.gpus * allocation.workers

    say_once = functools.cache(log.warning)

    def show() -> None:
        if lease.taken_over.is_set():
            raise ColorsweepError(f"{recorder.location}: another driver has taken the sweep over.")
        if recorder.stop_requested:
            say_once("Stopping: running trials write a checkpoint (again to end at once)")
            recorder.stop()
        recorder.watch_budget()
        progress.show()

    for round_number in range(MAX_ROUNDS):
        try:
            tune.fit(recorder, allocation, show, train)
            return
        except RuntimeError as error:
            if recorder.stop_requested:  # by a signal that Ray's own processes have had, too
                log.warning("Ray ended before running trials did: %s", error_summary(error))
                return
            log.warning("Ray stopped the sweep (%s); going on from the records", error)
            for trial_id in list(recorder.running):
                recorder.process_died(trial_id, f"Ray stopped: {str(error).splitlines()[0][:200]}")
            if round_number == MAX_ROUNDS - 1:
                raise ColorsweepError(f"Ray failed {round_number + 1} times: {error}") from error


@contextlib.contextmanager
def _ray(address: str | None, *, dashboard: bool) -> Generator[None, None, None]:
    """Ray for the time of a sweep: a cluster that is there, or one of our own."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if ray.is_initialized():
        yield
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    # Ray prints on stdout what becomes of its workers, which we report ourselves.
    with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):
        try:
            try:
                if address:
                    check_version(connect(address))
                    ray.init(address=address, **quiet)
                else:
                    reap_on_death()
                    # Only Ray's dashboard frees what is left of worker groups that are stopped.
                    ray.init(address="local", include_dashboard=dashboard, **quiet)
            except Exception as error:  # Ray raises no narrower one where its start times out
                raise (
                    explain_error(error, address) if address else ray_start_error(error)
                ) from error
            yield
        finally:
            ray.shutdown()
