"""One training from its first picture to its last, reporting once per tick.

The loop knows time: steps, ticks, checkpoints, interruptions, and what to do when a training
diverges. What a step does is in `steps`, what is minimized in `methods`; nothing here names a
player.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from colornet.cli_result import count_text
from colornet.config.columns import LOSSES
from colornet.config.config import Config
from colornet.data.packs import Packs, check_budget, open_packs
from colornet.errors import (
    DivergedError,
    InputError,
    TrainingInterrupted,
    error_summary,
    writing_to,
)
from colornet.evaluation.evaluation import (
    Evaluation,
    baseline_columns,
    held_out_splits,
    picture_rows,
)
from colornet.model.folder import manifest
from colornet.model.sweep_check import is_better
from colornet.ranks import StopChecks
from colornet.storage import write_atomic
from colornet.training import checkpoint
from colornet.training.cost import PeakMemory, cost_columns
from colornet.training.diagnostics import Diagnosis
from colornet.training.learner import Learner
from colornet.training.steps import Metrics, Totals

Report = Callable[[Metrics, Path | None], None]


@dataclass(frozen=True)
class TrainingResult:
    """What a training leaves; on several ranks, pictures and generator are with the first.

    Attributes:
        metrics: the last tick's columns.
        pictures: rows for the records, as `evaluation.picture_rows` gives them.
        generator: safetensors file of the generator's weights; None when no folder was given.
    """

    metrics: Metrics
    pictures: list[dict[str, Any]]
    generator: Path | None


def train(
    config: Config,
    report: Report,
    resume: Path | None = None,
    *,
    folder: Path | None = None,
    test: bool = False,
) -> TrainingResult:
    """Train once; where there is a process group, in all of its processes at once.

    Every rank then takes its part of `training.batch_size`, with a stream of noise of its own, and
    its part of what is evaluated. Without noise, and without batch normalization or with
    `training.sync_batch_norm`, losses and weights are those of one rank to float tolerance. All
    must see the same pictures and the same `resume`, which may be from more or fewer ranks; the
    first alone writes and reports. What its `report` raises, and a request to stop that any rank
    got, ends all of them. On GPUs, a rank's is the current device.

    Args:
        config: complete; its budget may be in images or epochs.
        report: called once per tick with `tick` (1 .. ticks), `images` (pictures seen), `seconds`
            (over all attempts, monotonic) and the columns `val_*`, `train_*`, `diag_*`, `cost_*`,
            with `evaluate_on` also `eval_*`; and with the checkpoint that was written at this tick,
            or None.
        resume: the checkpoint to continue from; the ticks before it are not reported again.
        folder: where checkpoints and the final generator go; None writes nothing.
        test: whether the last tick also has the columns `test_*`: of the test pictures of
            `evaluate_on`, or of the training's own where there is none.

    Raises:
        InputError: a config that the pictures cannot serve, a checkpoint of another training.
        DivergedError: a loss or metric became non-finite and `training.restores` are used up;
            nothing is reported for that tick.
        TrainingInterrupted: `interrupt.requested` was set; a checkpoint was written.
        StorageError: the disk is full or takes no more.
    """
    with start_training(config, folder, test=test) as training:
        if resume is not None:
            training.load_checkpoint(resume)
        while len(training.history) < config.training.ticks:
            training.run_tick(report)
        return training.result()


@contextmanager
def _read_as_state(path: Path) -> Generator[None]:
    """Raise InputError when a checkpoint holds another state than this training's meanwhile."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    # Whoever made it may have put anything in place of each number.
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise InputError(
            f"{path}: does not hold the state of this training: {error_summary(error)}.\n"
            "Start again without it."
        ) from error


@contextmanager
def start_training(
    config: Config, folder: Path | None = None, *, test: bool = False, objective: str | None = None
) -> Generator["TrainingRun"]:
    """A training before its first step; takes arguments and raises as `train` does.

    Afterwards the caller's random state is as before, and the training's memory is free.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    packs = open_packs(config, test=test)
    config = config.resolved(len(packs.training.indices("train")))
    check_budget(config, packs.training)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        training = TrainingRun(config, packs, device, folder, test, objective)
        try:
            yield training
        finally:
            training.learner.close()


@dataclass
class TrainingRun:
    """A training under way."""

    config: Config
    packs: Packs
    device: torch.device
    folder: Path | None
    test: bool = False
    objective: str | None = None
    """A column of which each best tick so far leaves a checkpoint, too."""
    history: list[Metrics] = field(default_factory=list)
    step_seconds: float = 0.0
    evaluations: dict[str, Evaluation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.learner = Learner(self.config, self.packs.training, self.device)
        self.ranks = self.learner.ranks
        self.stops = StopChecks(self.ranks)
        size = self.config.data.image_size
        splits = held_out_splits(self.packs, size, self.device, test=self.test)
        self.held_out = {split.name: split for split in splits}
        self.baselines = {
            split.name: baseline_columns(split.pack, split.split, self.device, split.name)
            for split in splits
        }
        self.cost = cost_columns(self.config)
        self.memory = PeakMemory(self.device)
        self.diagnosis = Diagnosis(self.config, self.packs.training, self.device)
        self.started = time.monotonic()
        self._save_restore_point()

    @property
    def seconds(self) -> float:
        """Spent on this training in all attempts."""
        return time.monotonic() - self.started

    def run_tick(self, report: Report) -> None:
        """Take a tick's steps, evaluate, write a checkpoint if it is due, report.

        A tick that diverges is taken back, as often as the config allows.
        """
        tick = len(self.history) + 1
        try:
            means = self.train_to(tick)
            metrics = self.measure(tick, means)
        except DivergedError:
            if self.learner.restores == self.config.training.restores:
                raise
            # The learner lowers its rates by each restore: the same ones would lead here again.
            restores = self.learner.restores + 1
            self.learner.load_state_dict(deepcopy(self.restore_point))
            self.learner.restores = restores
            return
        self.history.append(metrics)
        self.learner.totals, self.step_seconds = Totals(), 0.0
        self._save_restore_point()
        begun = time.monotonic()
        due = tick % self.config.training.checkpoint_every == 0 or self._is_best()
        state = self.state() if due else None
        with self.ranks.on_first() as is_first:
            if is_first:
                path = self.save(checkpoint.name(tick), state)
                metrics["cost_checkpoint_seconds"] = time.monotonic() - begun
                report(dict(metrics), path)

    def _is_best(self) -> bool:
        """Whether the last tick is the best by the objective."""
        if (objective := self.objective) is None or self.history[-1].get(objective) is None:
            return False
        values = [row[objective] for row in self.history]
        *earlier, last = [value for value in values if value is not None]
        return all(is_better(objective, last, value) for value in earlier)

    def train_to(self, tick: int) -> dict[str, float]:
        """Take the steps up to the end of a tick; the means of what they measured."""
        end = round(tick * self.learner.steps / self.config.training.ticks)
        begun = time.monotonic()
        self.stops.begin()
        while self.learner.step < end:
            if self.stops.requested():
                self.step_seconds += time.monotonic() - begun
                self.stop()
            self.learner.take_step(self.history)
        self.learner.sync_buffers()
        means = self.learner.totals.means()
        self.step_seconds += time.monotonic() - begun
        for name, value in means.items():
            if not isfinite(value):
                raise DivergedError(f"{name} became {value} in tick {tick}", self.learner.step)
        return means

    def measure(self, tick: int, means: dict[str, float]) -> Metrics:
        """The columns of a tick, as far as they are known before its checkpoint is written."""
        learner, begun = self.learner, time.monotonic()
        columns = self.evaluate_splits(tick)
        evaluated = time.monotonic()
        metrics: Metrics = {
            "tick": tick,
            "images": learner.seen,
            "seconds": self.seconds,
            **columns,
        }
        metrics |= {f"train_{name}": means.get(name) for name in LOSSES}
        metrics |= self.diagnosis.columns(learner, means, metrics, self.history)
        before = self.history[-1]["images"] if self.history else 0
        assert before is not None
        metrics |= self.cost
        metrics["cost_images_per_second"] = (learner.seen - before) / self.step_seconds
        (metrics["cost_peak_memory"],) = self.ranks.maximum([self.memory.read()])
        metrics["cost_step_seconds"] = self.step_seconds
        metrics["cost_evaluation_seconds"] = evaluated - begun
        metrics["cost_diagnosis_seconds"] = time.monotonic() - evaluated
        # Not known before the checkpoint, which holds this row, is written.
        metrics["cost_checkpoint_seconds"] = 0.0
        return self.ranks.broadcast(metrics)

    def evaluate_splits(self, tick: int) -> Metrics:
        """The columns of all held-out pictures that a tick looks at, baselines among them."""
        columns: Metrics = {}
        for name, pictures in self.held_out.items():
            if name == "test" and tick < self.config.training.ticks:
                continue
            evaluation = pictures.evaluate(self.learner.generator)
            if not evaluation.finite():
                raise DivergedError(
                    f"{name}_ab_mae became non-finite in tick {tick}", self.learner.step
                )
            self.evaluations[name] = evaluation
            columns |= evaluation.means() | self.baselines[name]
        return columns

    def _save_restore_point(self) -> None:
        """Keep the state to go back to, where that may be needed."""
        if self.config.training.restores:
            self.restore_point = deepcopy(self.learner.state_dict())

    def state(self) -> dict[str, Any] | None:
        """What a checkpoint holds beside the history, if there is a folder for it; of all ranks."""
        if self.folder is None:
            return None
        return {
            "identity": self.learner.identity + self.packs.evaluation_hash,
            "learner": self.learner.gathered_state_dict(),
            "seconds": self.seconds,
            "step_seconds": self.step_seconds,
        }

    def save(self, name: str, state: dict[str, Any] | None) -> Path | None:
        """Write a checkpoint of `state()`, if there is a folder for it."""
        if state is None or self.folder is None:
            return None
        return checkpoint.save(self.folder / name, state, self.history)

    def stop(self) -> None:
        """Leave a checkpoint and raise."""
        self.learner.sync_buffers()
        tick, seen = len(self.history), self.learner.seen
        name = checkpoint.name(tick, seen if self.learner.totals.sums else None)
        state, path = self.state(), self.folder
        with self.ranks.on_first() as is_first:
            if is_first:
                path = self.save(name, state)
        where = f"checkpoint in {path}" if path else "no folder for a checkpoint was given"
        raise TrainingInterrupted(f"interrupted after {count_text(seen, 'image')}: {where}")

    def load_checkpoint(self, path: Path) -> None:
        """Continue from a checkpoint."""
        with _read_as_state(path):
            state, self.history = checkpoint.load(path)
            identity, suffix = state["identity"], self.packs.evaluation_hash
            of_learner = identity.removesuffix(suffix)
            if not identity.endswith(suffix) or not self.learner.continues(of_learner):
                raise InputError(
                    f"{path}: the checkpoint of another training: its config or pictures differ.\n"
                    "Resume it with the config it was started with."
                )
            self.learner.load_gathered_state_dict(state["learner"])
            self.step_seconds = state["step_seconds"]
            self.started = time.monotonic() - state["seconds"]
        self._save_restore_point()

    def evaluate_checkpoint(self, path: Path) -> Metrics:
        """Take a checkpoint's weights; the columns of its tick, with those of the test pictures."""
        with _read_as_state(path):
            state, history = checkpoint.load(path)
            self.learner.load_gathered_state_dict(state["learner"])
            last = history[-1]
        evaluation = self.held_out["test"].evaluate(self.learner.generator)
        return {**last, **evaluation.means(), **self.baselines["test"]}

    def result(self) -> TrainingResult:
        """The final generator and how it does on every picture that judges it."""
        generator = self.learner.generator
        path = None
        if self.folder is not None and self.ranks.is_first:
            path = self.folder / "generator.safetensors"
            weights = generator.state_dict().items()
            data = save({name: value.cpu().contiguous() for name, value in weights})
            with writing_to(self.folder):
                write_atomic(path.with_suffix(".json"), manifest(data))
                write_atomic(path, data)
        rows = []
        for name, pictures in self.held_out.items():
            if name == "val" and self.packs.common:
                continue  # the sweep compares pictures of the common set, not each trial's own
            # A finished training that is resumed has not evaluated anything yet.
            evaluation = self.evaluations.get(name) or pictures.evaluate(generator)
            if self.ranks.is_first:
                rows += picture_rows(evaluation, pictures.pack, self.device)
        return TrainingResult(dict(self.history[-1]), rows, path)
