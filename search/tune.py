"""The one door to Ray Tune: thin Searcher, Scheduler and Callback over the Recorder.

Tune places actors, carries messages and notices dead processes; it keeps no state of its own that
matters. Each result is a list of a trial's messages, recorded in the scheduler, which Tune calls
first and which answers whether the trial goes on.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from search.chooser import CONFIRM
from search.recorder import Recorder
from search.shares import Machine, Share, split
from search.trial import TRAIN, TrialActor

ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the records replace Tune's five files a trial
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",  # a sweep is rebuilt from its records
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # search.sweep has its own
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
}


def share(gpus: str | float, concurrent: str | int) -> Share:
    """Work out a trial's share of the cluster that Ray is connected to. Raises as `split`."""
    cluster = ray.cluster_resources()
    machine = Machine(int(cluster.get("CPU", 1)), float(cluster.get("GPU", 0)))
    return split(machine, gpus, concurrent)


class _Searcher(Searcher):
    def __init__(self, recorder: Recorder, assignment: Callable[[Any], dict[str, Any]]) -> None:
        super().__init__()
        self._recorder = recorder
        self._assignment = assignment

    def suggest(self, trial_id: str) -> Any:
        chosen = self._recorder.next()
        if chosen is not None:
            return self._assignment(chosen)
        # A trial that still runs may die and have to be tried again.
        return None if self._recorder.running and not self._recorder.stopping else self.FINISHED

    def on_trial_complete(self, *_: Any, **__: Any) -> None:
        """The recorder tells Optuna, as it knows how the trial ended."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the records are the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""

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
        self._recorder.lost(trial.config["trial_id"], _why(trial))

    def __getstate__(self) -> dict[str, Any]:
        return {}


class _OnStep(tune.Callback):
    def __init__(self, recorder: Recorder, show: Callable[[], None]) -> None:
        self._recorder = recorder
        self._show = show

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        self._recorder.flush()
        self._show()

    def __getstate__(self) -> dict[str, Any]:
        return {}


def _why(trial: Trial) -> str:
    error = trial.get_error()
    text = str(error).strip().splitlines() if error else []
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

    def assignment(chosen: Any) -> dict[str, Any]:
        return {
            "trial_id": chosen.trial_id,
            "attempt": chosen.attempt,
            "config": chosen.config.model_dump_json(),  # Tune walks through whatever is nested
            "folder": str(recorder.location / "checkpoints" / chosen.trial_id),
            "cpus": part.cpus,
            "test": chosen.origin == CONFIRM,
        }

    os.environ.update(ENVIRONMENT)
    with tempfile.TemporaryDirectory(prefix="colorsweep-tune-") as scratch:
        trainable = tune.with_resources(
            tune.with_parameters(TrialActor, train=train), {"cpu": part.cpus, "gpu": part.gpus}
        )
        tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(
                search_alg=_Searcher(recorder, assignment),
                scheduler=_Scheduler(recorder),
                num_samples=-1,
                max_concurrent_trials=part.concurrent,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name=Path(recorder.location).name,
                storage_path=scratch,
                callbacks=[_OnStep(recorder, show)],
                failure_config=tune.FailureConfig(max_failures=0),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                verbose=0,
            ),
        ).fit()
