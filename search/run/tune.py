"""The one door to Ray Tune: a thin search, scheduler and callback over the Recorder.

Tune places actors, carries messages and notices dead processes; it keeps no state of its own that
matters. Each result is a list of a trial's messages, recorded in the scheduler, which Tune calls
first and which answers whether the trial goes on.
"""

import logging
import os
import tempfile
from collections.abc import Callable
from typing import Any

import ray
from ray import tune
from ray.tune.execution import class_cache
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import SearchAlgorithm
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from colornet.data.picture_files import suffixes
from search.core.ask_tell import CONFIRM, Assignment
from search.run.recorder import Recorder
from search.run.resources import Machine, Share, split
from search.run.running import Running
from search.run.trial_actor import TRAIN, TrialActor, interrupt_process
from spaces.study import Resources

ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the records replace Tune's five files a trial
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",  # a sweep is rebuilt from its records
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # search.run.sweep has its own
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
}


def terminate(running: Running) -> None:
    """Send SIGTERM to a trial's process, on whichever node it runs."""
    if running.pid and running.node:
        there = NodeAffinitySchedulingStrategy(running.node, soft=False)
        interrupt_process.options(scheduling_strategy=there).remote(running.pid)


NODE_DIED = "its node has died"
"""In what Ray says of an actor that was lost with its node."""


def share(resources: Resources) -> Share:
    """Work out a trial's share of the cluster that Ray is connected to. Raises as `split`."""
    nodes = [one["Resources"] for one in ray.nodes() if one["Alive"]]
    whole = Machine.of_nodes((int(one.get("CPU", 0)), float(one.get("GPU", 0))) for one in nodes)
    return split(whole, resources.gpus, resources.concurrent, resources.workers)


class _Trial(Trial):
    """A trial of Tune's that asks the cluster for nothing and leaves nothing for Tune's own resume.

    Looking the actor's class up for every trial, asking its process where it runs, and writing
    every trial's state down at the end would take a fourth of a short trial's time.
    """

    def __init__(self, actor: type, **options: Any) -> None:
        self._actor = actor
        super().__init__(stub=True, **options)

    def get_trainable_cls(self) -> type:
        return self._actor

    def set_ray_actor(self, ray_actor: Any) -> None:
        self.temporary_state.ray_actor = ray_actor

    def get_json_state(self) -> tuple[str, str]:
        return "{}", "{}"


class _Search(SearchAlgorithm):
    """Hands the recorder's trials to Tune, as many at a time as there is room for.

    A `Searcher` would be wrapped twice, and its assignments copied and searched at each turn.
    """

    def __init__(self, recorder: Recorder, part: Share, actor: type) -> None:
        self._recorder = recorder
        self._part = part
        self._actor = actor
        self._spec: dict[str, Any] = {}

    def add_configurations(self, experiments: Any) -> None:
        """Tune's way to say what it will run; called once, with one experiment."""
        self._spec = experiments[0].spec

    def next_trial(self) -> Trial | None:
        if self._finished or len(self._recorder.running) >= self._part.concurrent:
            return None
        chosen = self._recorder.next()
        if chosen is None:
            # A trial that still runs may die and have to be tried again.
            self._finished = not self._recorder.running or self._recorder.stopping
            return None
        return _Trial(
            self._actor,
            trial_id=f"{chosen.trial_id}-{chosen.attempt}",
            trainable_name=self._spec["run"],
            config=self._assignment(chosen),
            storage=self._spec["storage"],
            checkpoint_config=self._spec["checkpoint_config"],
        )

    def _assignment(self, chosen: Assignment) -> dict[str, Any]:
        """What a trial's actor is told."""
        return {
            "trial_id": chosen.trial_id,
            "attempt": chosen.attempt,
            "config": chosen.config_json,  # Tune walks through whatever is nested
            "sweep": self._recorder.location,
            "cpus": self._part.cpus,
            "gpus": self._part.gpus,
            "workers": self._part.workers,
            "alone": chosen.alone,
            "reads": suffixes(),
            "test": chosen.origin == CONFIRM,
        }

    def __getstate__(self) -> dict[str, Any]:
        return {}


class _Scheduler(FIFOScheduler):
    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        for message in result["messages"]:
            if not self._recorder.message(trial.config["trial_id"], message):
                return TrialScheduler.STOP
        return TrialScheduler.CONTINUE

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        why = _why(trial)
        self._recorder.lost(trial.config["trial_id"], why, counts=NODE_DIED not in why)

    def __getstate__(self) -> dict[str, Any]:
        return {}


class _OnStep(tune.Callback):
    def __init__(self, recorder: Recorder, show: Callable[[], None]) -> None:
        self._recorder = recorder
        self._show = show

    def on_trial_start(self, *_: Any, trial: Trial, **__: Any) -> None:
        """An actor has taken its assignment, and has not begun."""
        self._recorder.settle(trial.config["trial_id"])

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        silent = self._recorder.hearing.newly_silent()
        for trial in trials:
            if trial.config["trial_id"] in silent and trial.temporary_state.ray_actor:
                ray.kill(trial.temporary_state.ray_actor)  # it is lost, then, as if it had died
        self._recorder.flush()
        self._show()

    def __getstate__(self) -> dict[str, Any]:
        return {}


def _why(trial: Trial) -> str:
    error = trial.get_error()
    whole = str(error)
    if NODE_DIED in whole:
        return NODE_DIED
    text = whole.strip().splitlines() if error else []
    return f"its process died: {text[0][:300]}" if text else "its process died"


def fit(
    recorder: Recorder,
    part: Share,
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
    # It logs the traceback of every process that dies, of which the recorder says what counts.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    # Ray would write these of a driver's into its logs: nodes have credentials of their own.
    class_cache.ENV_VARS_TO_PROPAGATE -= {
        name for name in class_cache.ENV_VARS_TO_PROPAGATE if name.startswith("AWS_")
    }
    with tempfile.TemporaryDirectory(prefix="colorsweep-tune-") as scratch:
        trainable = tune.with_resources(
            tune.with_parameters(TrialActor, train=train), part.of_actor
        )
        tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(
                search_alg=_Search(recorder, part, trainable),
                scheduler=_Scheduler(recorder),
                num_samples=-1,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=scratch,
                callbacks=[_OnStep(recorder, show)],
                failure_config=tune.FailureConfig(max_failures=0),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                verbose=0,
            ),
        ).fit()
