"""Run a study as a sweep, from its first trial or from where it was stopped."""

import contextlib
import functools
import logging
import os
import shlex
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
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
    first_line,
    not_started,
)
from colornet.interrupt import StopSignals, say
from colornet.storage import Storage
from search.cluster.auth import check_version, explain, reach
from search.records.lease import Lease
from search.records.reader import read_study
from search.run import tune
from search.run.create import picture_roots
from search.run.preflight import check_gangs, check_nodes
from search.run.progress import Progress
from search.run.ray_cleanup import ray_watched, reap_on_death
from search.run.recorder import Recorder
from search.run.trial_actor import TRAIN
from spaces.study import Study

MAX_ROUNDS = 8
"""Times that Tune may be started again after the host ran out of memory."""
log = logging.getLogger("colorsweep")


@dataclass(frozen=True)
class SweepResult:
    """How a sweep stands after `run` or `resume`.

    Attributes:
        states: number of trials by state.
        best: the best trial's value of `best_column`, the metric that decides.
        seconds: wall time of this run, Ray's start included.
    """

    location: str
    states: Mapping[str, int]
    best: float | None
    best_column: str
    seconds: float
    interrupted: bool
    why_over: str | None = None
    """What ended the search before its trials were used up, in a sentence."""


def run(
    location: str | Path,
    address: str | None = None,
    train: str | Callable[..., Any] = TRAIN,
) -> SweepResult:
    """Run a sweep's trials until its budget is used; what has been done is not done again.

    Args:
        location: a folder or URI that `search.run.create.begin` made.
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
    recorded = read_study_file(location)
    with Lease(location) as lease:
        recorder = Recorder(location, recorded, tune.terminate)
        if not recorder.is_finished:
            _drive(recorder, lease, started, address, train)
        recorder.close()
    if recorder.blocked:
        raise StorageError(
            f"{recorder.blocked}.\nMend that (free some space, or make it writable), then go on: "
            f"colorsweep resume {shlex.quote(location)}"
        )
    result = SweepResult(
        location=location if "://" in location else os.path.relpath(location),
        states=Counter(recorder.standing.states.values()),
        best=recorder.standing.best,
        best_column=recorder.standing.best_column,
        seconds=time.monotonic() - started,
        interrupted=not recorder.is_finished,
        why_over=recorder.why_over,
    )
    if not result.interrupted and recorder.standing.best is None:
        raise NoValidTrialError(
            f"{result.location}: finished, but no trial can be chosen: "
            + ", ".join(f"{count} {state}" for state, count in result.states.items())
            + f".\nSee why with `colorsweep report {shlex.quote(result.location)}`."
        )
    return result


def read_study_file(location: str) -> Study:
    """The study of a sweep's folder. Raises InputError when it is no sweep."""
    return Study.from_data(read_study(Storage.at(location)), f"{location}/study.yaml")


def _reads(study: Study) -> Sequence[str] | None:
    """Suffixes that nodes must read as this machine does; the first rules know none that differ."""
    data = parse_config(study.base_config, study.name).data
    return None if getattr(data, "rules", 2) == 1 else suffixes()


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
        say(f"Ended at once. Go on with: {again}")
        os._exit(INTERRUPTED)

    signals = StopSignals(stop, at_once)

    def bereft() -> None:
        # A service manager, `timeout` and others signal all processes of a group.
        if signals.heard:
            say("The signal has ended Ray, too: running trials have their last checkpoints.")
            code = INTERRUPTED
        else:
            say("Ray's own process on this node has died; the machine may be short of memory.")
            code = ColorsweepError.exit_code
        say(f"Nothing recorded is lost. Go on with: {again}")
        os._exit(code)

    with signals:
        try:
            cluster = _ray(address, gang=recorder.study.file.resources.workers > 1)
            with cluster, _watched(bereft), Progress(recorder, started) as progress:
                signals.install()  # Ray's start has set a handler of its own for SIGTERM
                if address:
                    count = check_nodes(
                        recorder.location, picture_roots(recorder.study), _reads(recorder.study)
                    )
                    log.info("Nodes %d, which see the sweep and its pictures", count)
                is_training = True
                _supervise(recorder, lease, progress, train)
        except KeyboardInterrupt:
            say("Stopped before a trial was started")


def _supervise(
    recorder: Recorder, lease: Lease, progress: Progress, train: str | Callable[..., Any]
) -> None:
    """Run Tune, and again when it gives up because the host ran out of memory."""
    resources = recorder.study.file.resources
    if resources.workers > 1:
        check_gangs(resources.workers)
    part = tune.share(resources)
    progress.concurrent = part.concurrent
    recorder.spending.gpus = part.gpus * part.workers

    say_once = functools.cache(log.warning)

    def show() -> None:
        if lease.lost.is_set():
            raise ColorsweepError(f"{recorder.location}: another driver has taken the sweep over.")
        if recorder.stopping:
            say_once("Stopping: running trials write a checkpoint (again to end at once)")
            recorder.stop()
        recorder.watch_budget()
        progress.show()

    for round_number in range(MAX_ROUNDS):
        try:
            tune.fit(recorder, part, show, train)
            return
        except RuntimeError as error:
            if recorder.stopping:  # by a signal that Ray's own processes have had, too
                log.warning("Ray ended before running trials did: %s", first_line(error))
                return
            log.warning("Ray stopped the sweep (%s); going on from the records", error)
            for trial_id in list(recorder.running):
                recorder.lost(trial_id, f"Ray stopped: {str(error).splitlines()[0][:200]}")
            if round_number == MAX_ROUNDS - 1:
                raise ColorsweepError(f"Ray failed {round_number + 1} times: {error}") from error


def _watched(bereft: Callable[[], None]) -> contextlib.AbstractContextManager[None]:
    return ray_watched(ray.get_runtime_context().get_node_id(), bereft)


@contextlib.contextmanager
def _ray(address: str | None, *, gang: bool) -> Generator[None, None, None]:
    """Ray for the time of a sweep: a cluster that is there, or one of our own."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if ray.is_initialized():
        yield
        return
    # Ray prints there what becomes of its workers, which we say ourselves.
    with (
        open(os.devnull, "w") as nothing,
        contextlib.redirect_stdout(nothing),
        _started(address, gang=gang),
    ):
        yield


@contextlib.contextmanager
def _started(address: str | None, *, gang: bool) -> Generator[None, None, None]:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        try:
            if address:
                check_version(reach(address))
                ray.init(address=address, **quiet)
            else:
                reap_on_death()
                # Of trials that span workers Ray's dashboard frees what is left when they stop.
                ray.init(address="local", include_dashboard=gang, **quiet)
        except Exception as error:  # Ray raises no narrower one where its start times out
            raise (explain(error, address) if address else not_started(error)) from error
        yield
    finally:
        ray.shutdown()
