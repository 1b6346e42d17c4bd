"""The one door to Ray Tune: a thin search, scheduler and callback over the Recorder.

Tune places actors, carries messages and notices dead processes; it keeps no state of its own that
matters. Each result is a list of a trial's messages, recorded in the scheduler, which Tune calls
first and which answers whether the trial goes on.
"""

import logging
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ray
from ray import tune
from ray.tune.execution import class_cache
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import SearchAlgorithm
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from colornet.data.picture_files import suffixes
from search.records.reader import CONFIRM
from search.run.recorder import Process, Recorder
from search.run.resources import Allocation, Capacity, allocate
from search.run.trial_actor import TRAIN, TrialActor, interrupt_process
from spaces.study import Resources

ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the records replace Tune's five files a trial
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",  # a sweep is rebuilt from its records
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # search.run.sweep has its own
    # Tune warns of two snapshots within 5 s, which a short sweep has.
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # the sweep has a progress display of its own
}


def terminate(process: Process) -> None:
    """Send SIGTERM to a trial's process, on whichever node it runs."""
    if process.pid and process.node:
        # Hard: on another node the same number is another process.
        there = NodeAffinitySchedulingStrategy(process.node, soft=False)
        interrupt_process.options(scheduling_strategy=there).remote(process.pid)


NODE_DIED = "its node has died"
"""In what Ray says of an actor that died with its node."""


def allocation(resources: Resources) -> Allocation:
    """What a trial gets of the cluster that Ray is connected to. Raises as `allocate`."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    whole = Capacity.of_nodes(
        (int(node.get("CPU", 0)), float(node.get("GPU", 0))) for node in nodes
    )
    return allocate(whole, resources.gpus, resources.concurrent, resources.workers)


class _Stateless:
    """Has no state that Tune could save.

    It pickles its search, scheduler and callbacks whenever it saves an experiment, and a sweep is
    rebuilt from its records.
    """

    def __getstate__(self) -> dict[str, Any]:
        return {}


class _Trial(Trial):
    """A trial of Tune's that asks the cluster for nothing and leaves nothing for Tune's own resume.

    Looking the actor's class up for every trial, asking its process where it runs, and writing
    every trial's state down at the end would take a fourth of a short trial's time.
    """

    def __init__(self, actor: type, **options: Any) -> None:
        self._actor = actor
        super().__init__(stub=True, **options)  # a stub looks up neither class nor resources

    def get_trainable_cls(self) -> type:
        return self._actor

    def set_ray_actor(self, ray_actor: Any) -> None:
        self.temporary_state.ray_actor = ray_actor

    def get_json_state(self) -> tuple[str, str]:
        return "{}", "{}"


@dataclass(eq=False)
class _Search(_Stateless, SearchAlgorithm):
    """Hands the recorder's trials to Tune, as many at a time as there is room for.

    A `Searcher` would be wrapped twice, and its assignments copied and searched at each turn.
    """

    recorder: Recorder
    allocation: Allocation
    actor: type
    spec: dict[str, Any] = field(default_factory=dict)

    def add_configurations(self, experiments: Any) -> None:
        """Tune's way to say what it will run; called once, with one experiment."""
        self.spec = experiments[0].spec

    def next_trial(self) -> Trial | None:
        recorder, allocation = self.recorder, self.allocation
        if self._finished or len(recorder.running) >= allocation.concurrent:
            return None
        chosen = recorder.next()
        if chosen is None:
            # A trial that still runs may die and have to be tried again.
            self._finished = not recorder.running or recorder.stop_requested
            return None
        assignment = {
            "trial_id": chosen.trial_id,
            "attempt": chosen.attempt,
            "config": chosen.config_json,  # Tune walks through whatever is nested
            "sweep": recorder.location,
            "cpus": allocation.cpus,
            "gpus": allocation.gpus,
            "workers": allocation.workers,
            "alone": chosen.alone,
            "reads": suffixes(),
            "test": chosen.origin == CONFIRM,
        }
        return _Trial(
            self.actor,
            trial_id=f"{chosen.trial_id}-{chosen.attempt}",  # Tune takes no id twice
            trainable_name=self.spec["run"],
            config=assignment,
            storage=self.spec["storage"],
            checkpoint_config=self.spec["checkpoint_config"],
        )


@dataclass(eq=False)
class _Scheduler(_Stateless, FIFOScheduler):
    """Records results and deaths: Tune calls it first, before any callback."""

    recorder: Recorder

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        for message in result["messages"]:
            if not self.recorder.message(trial.config["trial_id"], message):
                return TrialScheduler.STOP
        return TrialScheduler.CONTINUE

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        text = str(trial.get_error() or "").strip()
        node_died = NODE_DIED in text
        reason = f"its process died: {text.splitlines()[0][:300]}" if text else "its process died"
        self.recorder.process_died(
            trial.config["trial_id"],
            NODE_DIED if node_died else reason,
            may_be_own_fault=not node_died,
        )


@dataclass(eq=False)
class _OnStep(_Stateless, tune.Callback):
    """What is done between Tune's events, several times a second."""

    recorder: Recorder
    show: Callable[[], None]

    def on_trial_start(self, *_: Any, trial: Trial, **__: Any) -> None:
        """An actor has taken its assignment, and has not begun."""
        self.recorder.settle(trial.config["trial_id"])

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        stalled = self.recorder.heartbeats.newly_stalled()
        for trial in trials:
            if trial.config["trial_id"] in stalled and trial.temporary_state.ray_actor:
                # Tune then finds a dead actor, and calls `on_trial_error`.
                ray.kill(trial.temporary_state.ray_actor)
        self.recorder.flush()
        self.show()


def fit(
    recorder: Recorder,
    allocation: Allocation,
    show: Callable[[], None],
    train: str | Callable[..., Any] = TRAIN,
) -> None:
    """Run the recorder's trials until it hands out no more and none runs.

    Args:
        show: called several times a second, to redraw the progress.
        train: the training, by import string; a function in its place is called alike.

    Raises:
        RuntimeError: as Tune does when the host runs out of memory; the records stay whole, and
            a rebuilt recorder goes on.
    """
    os.environ.update(ENVIRONMENT)
    # It logs the traceback of every process that dies; the recorder records its first line.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    # Ray would copy a driver's credentials to every worker, and write them into its logs: nodes
    # have credentials of their own.
    class_cache.ENV_VARS_TO_PROPAGATE -= {
        name for name in class_cache.ENV_VARS_TO_PROPAGATE if name.startswith("AWS_")
    }
    with tempfile.TemporaryDirectory(prefix="colorsweep-tune-") as scratch:
        trainable = tune.with_resources(
            tune.with_parameters(TrialActor, train=train), allocation.of_actor
        )
        tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(
                search_alg=_Search(recorder, allocation, trainable),
                scheduler=_Scheduler(recorder),
                num_samples=-1,  # until the search is finished
                reuse_actors=True,  # a new process takes seconds to import torch
            ),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=scratch,
                callbacks=[_OnStep(recorder, show)],
                failure_config=tune.FailureConfig(max_failures=0),  # `Retries` has its own count
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                verbose=0,
            ),
        ).fit()
