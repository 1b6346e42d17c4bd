"""One training from its first picture to its last, reporting once per tick.

The loop knows time: steps, ticks, checkpoints, interruptions. What a step does is in `steps`, what
is minimised in `methods`; nothing here names a player.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from math import ceil, isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from colornet import checkpoint, interrupt
from colornet.budget import check_budget
from colornet.config import LOSSES, Config
from colornet.data.packed import Pack, open_pack
from colornet.errors import DivergedError, InputError, TrainingInterrupted
from colornet.evaluation import baseline_columns, evaluate, picture_rows
from colornet.methods.player import Method
from colornet.seeds import Order, noise_seed
from colornet.steps import Feed, Totals, play, rate_factor

Metrics = dict[str, float | int | None]
Report = Callable[[Metrics, Path | None], None]


@dataclass(frozen=True)
class TrainingResult:
    """What a training leaves.

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
) -> TrainingResult:
    """Train once.

    Args:
        config: complete; its budget may be in images or epochs.
        report: called once per tick with `tick` (1 .. ticks), `images` (pictures seen), `seconds`
            (over all attempts, monotonic) and the columns `val_*`, `train_*`, `cost_*`, and with
            the checkpoint that was written at this tick, or None.
        resume: the checkpoint to continue from; the ticks before it are not reported again.
        folder: where checkpoints and the final generator go; None writes nothing.

    Raises:
        InputError: a config that the pictures cannot serve, a checkpoint of another training.
        DivergedError: a loss or metric became non-finite; nothing is reported for that tick.
        TrainingInterrupted: `interrupt.requested` was set; a checkpoint was written.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pack = open_pack(config.data)
    config = config.resolved(len(pack.indices("train")))
    check_budget(config, pack)
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        training = _Training(config, pack, device, folder)
        if resume is not None:
            training.restore(resume)
        for tick in range(len(training.history) + 1, config.training.ticks + 1):
            training.run_to(tick)
            training.finish(tick, report)
        return training.result()


@dataclass
class _Training:
    """A training under way: everything that a checkpoint has to hold."""

    config: Config
    pack: Pack
    device: torch.device
    folder: Path | None
    seen: int = 0
    history: list[Metrics] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)
    step_seconds: float = 0.0

    def __post_init__(self) -> None:
        options = self.config.training
        assert options.images is not None
        self.images: int = options.images
        method = import_module(f"colornet.methods.{self.config.loss.method}")
        self.method: Method = method.build(self.config, self.device)
        indices = self.pack.indices("train")
        order = Order(len(indices), options.seed)
        mirror = self.config.data.horizontal_flip
        # A plain array over the same mapped memory: memmap's own indexing is several times slower.
        pictures = np.asarray(self.pack.pictures)
        self.feed = Feed(pictures, indices, order, mirror, self.device)
        self.autocast = _reduced_precision(options.precision, self.device)
        self.baselines = baseline_columns(self.pack, "val", self.device)
        self.started = time.monotonic()
        torch.manual_seed(noise_seed(options.seed))

    @property
    def seconds(self) -> float:
        """Spent on this training in all attempts."""
        return time.monotonic() - self.started

    @property
    def step(self) -> int:
        """Steps done."""
        return self.seen // self.config.training.batch_size

    def run_to(self, tick: int) -> None:
        """Take the steps up to the end of a tick."""
        options = self.config.training
        steps = ceil(self.images / options.batch_size)
        end = round(tick * steps / options.ticks)
        begun = time.monotonic()
        while self.step < end:
            if interrupt.requested.is_set():
                self.step_seconds += time.monotonic() - begun
                self.stop()
            factor = rate_factor(self.config.optimizer, self.seen, self.images)
            batch = self.feed.batch(self.seen, options.batch_size)
            self.totals.add(play(self.method, batch, self.step, factor, self.autocast))
            self.seen += options.batch_size
        self.train_losses = self.totals.means()
        self.step_seconds += time.monotonic() - begun

    def finish(self, tick: int, report: Report) -> None:
        """Evaluate, write a checkpoint if it is due, report."""
        for name, loss in self.train_losses.items():
            if not isfinite(loss):
                raise DivergedError(f"{name} became {loss} in tick {tick}", self.step)
        begun = time.monotonic()
        self.evaluation = evaluate(self.method.generator, self.pack, "val", self.device)
        if not self.evaluation.finite():
            raise DivergedError(f"val_ab_mae became non-finite in tick {tick}", self.step)
        metrics: Metrics = {"tick": tick, "images": self.seen, "seconds": self.seconds}
        metrics |= self.evaluation.means() | self.baselines
        metrics |= {f"train_{name}": self.train_losses.get(name) for name in LOSSES}
        metrics["cost_step_seconds"] = self.step_seconds
        metrics["cost_evaluation_seconds"] = time.monotonic() - begun
        # Not known before the checkpoint, which holds this row, is written.
        metrics["cost_checkpoint_seconds"] = 0.0
        self.history.append(metrics)
        self.totals, self.step_seconds = Totals(), 0.0
        begun = time.monotonic()
        due = tick % self.config.training.checkpoint_every == 0
        path = self.save(checkpoint.name(tick)) if due else None
        metrics["cost_checkpoint_seconds"] = time.monotonic() - begun
        report(dict(metrics), path)

    def save(self, name: str) -> Path | None:
        """Write a checkpoint, if there is a folder for it."""
        if self.folder is None:
            return None
        return checkpoint.save(self.folder / name, self.state_dict(), self.history)

    def stop(self) -> None:
        """Leave a checkpoint and raise."""
        tick = len(self.history)
        between = bool(self.totals.sums)
        path = self.save(checkpoint.name(tick, self.seen if between else None))
        place = f"checkpoint in {path}" if path else "no folder for a checkpoint was given"
        raise TrainingInterrupted(f"interrupted after {self.seen} images: {place}")

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on, and what it belongs to."""
        cuda = torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None
        return {
            "identity": self.identity(),
            "players": {player.name: player.state_dict() for player in self.method.players},
            "noise": {"cpu": torch.get_rng_state(), "cuda": cuda},
            "seen": self.seen,
            "seconds": self.seconds,
            "step_seconds": self.step_seconds,
            "totals": {"sums": self.totals.sums, "counts": self.totals.counts},
        }

    def identity(self) -> str:
        """What a checkpoint must share with the training that continues it."""
        values = self.config.model_dump(mode="json", exclude={"data", "training"})
        training = self.config.training.model_dump(exclude={"checkpoint_every", "precision"})
        return repr((values, training, self.pack.content_hash, len(self.feed.indices)))

    def restore(self, path: Path) -> None:
        """Continue from a checkpoint."""
        state, history = checkpoint.load(path)
        if state["identity"] != self.identity():
            raise InputError(
                f"{path}: the checkpoint of another training: its config or pictures differ.\n"
                "Resume it with the config it was started with."
            )
        for player in self.method.players:
            player.load_state_dict(state["players"][player.name])
        torch.set_rng_state(state["noise"]["cpu"])
        if self.device.type == "cuda" and state["noise"]["cuda"] is not None:
            torch.cuda.set_rng_state(state["noise"]["cuda"], self.device)
        sums = {name: value.to(self.device) for name, value in state["totals"]["sums"].items()}
        self.totals = Totals(sums, dict(state["totals"]["counts"]))
        self.seen, self.history = state["seen"], history
        self.step_seconds = state["step_seconds"]
        self.started = time.monotonic() - state["seconds"]

    def result(self) -> TrainingResult:
        """The final generator and how it does on every held-out picture."""
        evaluation = evaluate(self.method.generator, self.pack, "val", self.device)
        path = None
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / "generator.safetensors"
            weights = self.method.generator.state_dict()
            save_file({name: value.cpu().contiguous() for name, value in weights.items()}, path)
        rows = picture_rows(evaluation, self.pack, self.device)
        return TrainingResult(dict(self.history[-1]), rows, path)


def _reduced_precision(precision: str, device: torch.device) -> torch.dtype | None:
    """bfloat16 where it is faster or asked for; most CPUs are half as fast with it."""
    if precision == "bfloat16" or (precision == "auto" and device.type == "cuda"):
        return torch.bfloat16
    return None
