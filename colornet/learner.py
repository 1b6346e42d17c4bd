"""What learns: players, their pictures, and everything that the next step depends on."""

from importlib import import_module
from math import ceil
from typing import Any

import numpy as np
import torch

from colornet.config import Config
from colornet.data.packed import Pack
from colornet.heads import Colorizer
from colornet.methods.player import Batch, Method
from colornet.schedules import rate_factor
from colornet.seeds import Order, noise_seed
from colornet.stabilizers import Average
from colornet.steps import Feed, History, Pace, Totals, play

RATE_AFTER_RESTORE = 0.5
"""The learning rates after going back, beside those that led astray."""


class Learner:
    """A method at work on a pack.

    Attributes:
        seen: training pictures that were shown.
        restores: how often the training went back to an earlier state.
        totals: sums of what the steps since the last tick measured.
    """

    def __init__(self, config: Config, pack: Pack, device: torch.device) -> None:
        assert config.training.images is not None
        self.config, self.pack, self.device = config, pack, device
        self.images: int = config.training.images
        method = import_module(f"colornet.methods.{config.loss.method}")
        self.method: Method = method.build(config, device)
        decay = config.optimizer.ema_decay
        self.average = Average(self.method.generator, decay) if decay else None
        self.feed = self._feed("order")
        self.others = self._feed("unpaired") if self.method.unpaired else None
        self.autocast = _reduced_precision(config.training.precision, device)
        self.seen, self.restores, self.totals = 0, 0, Totals()
        torch.manual_seed(noise_seed(config.training.seed))

    def _feed(self, name: str) -> Feed:
        indices = self.pack.indices("train")
        order = Order(len(indices), self.config.training.seed, name)
        # A plain array over the same mapped memory: memmap's own indexing is several times slower.
        pictures = np.asarray(self.pack.pictures)
        return Feed(pictures, indices, order, self.config.data.horizontal_flip, self.device)

    @property
    def step(self) -> int:
        """Steps done."""
        return self.seen // self.config.training.batch_size

    @property
    def steps(self) -> int:
        """Steps in all."""
        return ceil(self.images / self.config.training.batch_size)

    @property
    def progress(self) -> float:
        """Share of the budget that is spent."""
        return self.seen / self.images

    @property
    def generator(self) -> Colorizer:
        """The generator that is judged and kept."""
        return self.average.network if self.average else self.method.generator

    def take_step(self, history: History) -> None:
        """Show the players one batch.

        Args:
            history: the ticks so far, which a schedule may follow.
        """
        count = self.config.training.batch_size
        pictures = self.feed.batch(self.seen, count)
        others = self.others.batch(self.seen, count) if self.others else None
        factor = rate_factor(self.config.schedule, self.seen, self.images, history)
        factor *= RATE_AFTER_RESTORE**self.restores
        batch = Batch(pictures, others, self.step, self.progress)
        pace = Pace(factor, self.config.optimizer.clip_norm, self.autocast)
        play(self.method, batch, pace, self.totals)
        if self.average:
            self.average.update(self.method.generator)
        self.seen += count

    def release(self) -> None:
        """Part players and method, which refer to each other.

        Their memory would else stay until Python looks for cycles, long after the next training in
        this process has begun.
        """
        self.method.players = ()

    def identity(self) -> str:
        """What a checkpoint must share with the training that continues it."""
        apart = {"about", "data", "evaluate_on", "training"}
        values = self.config.model_dump(mode="json", exclude=apart)
        training = self.config.training.model_dump(exclude={"checkpoint_every", "precision"})
        return repr((values, training, self.pack.content_hash, len(self.feed.indices)))

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        cuda = torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None
        return {
            "players": {player.name: player.state_dict() for player in self.method.players},
            "method": self.method.state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "noise": {"cpu": torch.get_rng_state(), "cuda": cuda},
            "seen": self.seen,
            "restores": self.restores,
            "totals": {"sums": self.totals.sums, "counts": self.totals.counts},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict()`."""
        for player in self.method.players:
            player.load_state_dict(state["players"][player.name])
        self.method.load_state_dict(state["method"])
        if self.average:
            self.average.load_state_dict(state["average"])
        torch.set_rng_state(state["noise"]["cpu"])
        if self.device.type == "cuda" and state["noise"]["cuda"] is not None:
            torch.cuda.set_rng_state(state["noise"]["cuda"], self.device)
        sums = {name: value.to(self.device) for name, value in state["totals"]["sums"].items()}
        self.totals = Totals(sums, dict(state["totals"]["counts"]))
        self.seen, self.restores = state["seen"], state["restores"]


def _reduced_precision(precision: str, device: torch.device) -> torch.dtype | None:
    """bfloat16 where it is faster or asked for; most CPUs are half as fast with it."""
    if precision == "bfloat16" or (precision == "auto" and device.type == "cuda"):
        return torch.bfloat16
    return None
