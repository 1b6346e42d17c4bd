"""Players, their pictures, and everything else that the next step depends on."""

from ast import literal_eval
from importlib import import_module
from math import ceil
from typing import Any

import numpy as np
import torch

from colornet.config.config import Config, parse_config
from colornet.config.paths import TAGS
from colornet.data.packed import Pack
from colornet.errors import InputError
from colornet.networks.layers import running_statistics, synchronize_batch_norm
from colornet.ranks import Ranks
from colornet.seeds import PictureOrder, derive, noise_seed
from colornet.training.methods.player import Batch, Method
from colornet.training.schedules import rate_factor
from colornet.training.stabilizers import WeightAverage
from colornet.training.steps import History, PictureFeed, StepOptions, Totals, train_step

RATE_AFTER_RESTORE = 0.5
"""Factor on the learning rates each time a training goes back to an earlier state."""
_LONGEST_IDENTITY = 100_000
"""Characters; that of the largest config has 3,000."""


class Learner:
    """A method at work on a pack; on several ranks, on this rank's part of each batch.

    The weights are the same on all ranks at every step. A rank's own are its stream of noise
    (dropout, augmentation, instance noise), what it remembers of its fakes, and between two calls
    of `sync_buffers` its running statistics and totals.

    Attributes:
        steps: in all.
        identity: what a checkpoint must share with the training that continues it.
        generator: the one that is evaluated and kept.
        seen: training pictures that were shown, on all ranks.
        restores: how often the training went back to an earlier state.
        totals: sums of what the steps since the last tick measured.
    """

    def __init__(self, config: Config, pack: Pack, device: torch.device) -> None:
        assert config.training.images is not None
        self.config, self.pack, self.device = config, pack, device
        self.images: int = config.training.images
        self.ranks = Ranks.here(device)
        batch, workers = config.training.batch_size, self.ranks.world
        self.steps = ceil(self.images / batch)
        if batch < workers:
            raise InputError(
                f"training.batch_size: {batch}: fewer pictures than the {workers} workers that "
                "share them.\nTake a larger batch, or fewer workers."
            )
        self.share = self.ranks.share(batch)
        method = import_module(f"colornet.training.methods.{config.loss.method}")
        self.method: Method = method.build(config, device)
        if config.training.sync_batch_norm and self.ranks.world > 1:
            for player in self.method.players:
                synchronize_batch_norm(player.network)
        decay = config.optimizer.ema_decay
        self.average = WeightAverage(self.method.generator, decay) if decay else None
        self.generator = self.average.network if self.average else self.method.generator
        self.feed = self._feed("order")
        self.others = self._feed("unpaired") if self.method.unpaired else None
        # bfloat16 where it is faster or asked for; most CPUs are half as fast with it.
        precision = config.training.precision
        reduced = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
        self.autocast = torch.bfloat16 if reduced else None
        self.identity = identity_of(config, pack.content_hash, len(self.feed.indices))
        self.seen, self.restores, self.totals = 0, 0, Totals()
        torch.manual_seed(noise_seed(config.training.seed, self.ranks.rank))

    def _feed(self, name: str) -> PictureFeed:
        indices = self.pack.indices("train")
        order = PictureOrder(len(indices), self.config.training.seed, name)
        # A plain array over the same mapped memory: memmap's own indexing is several times slower.
        pictures = np.asarray(self.pack.pictures)
        return PictureFeed(pictures, indices, order, self.config.data.horizontal_flip, self.device)

    @property
    def step(self) -> int:
        """Steps done."""
        return self.seen // self.config.training.batch_size

    @property
    def progress(self) -> float:
        """Share of the budget that is spent."""
        return self.seen / self.images

    def take_step(self, history: History) -> None:
        """Show the players one batch, or this rank's part of it.

        Args:
            history: the ticks so far, which a schedule may follow.
        """
        count = self.config.training.batch_size
        part = self.ranks.part(count)
        span = self.seen + part.start, part.stop - part.start
        pictures = self.feed.batch(*span)
        others = self.others.batch(*span) if self.others else None
        factor = rate_factor(self.config.schedule, self.seen, self.images, history)
        factor *= RATE_AFTER_RESTORE**self.restores
        batch = Batch(pictures, others, self.step, self.progress, self.ranks, self.share)
        options = StepOptions(factor, self.config.optimizer.clip_norm, self.autocast)
        train_step(self.method, batch, options, self.totals)
        if self.average:
            self.average.update(self.method.generator)
        self.seen += count

    def sync_buffers(self) -> None:
        """Have the same running statistics and totals on all ranks: the means over the ranks.

        Both are linear in what a rank measured at each step, so that it does not matter when.
        """
        networks = [player.network for player in self.method.players]
        statistics = [buffer for network in networks for buffer in running_statistics(network)]
        self.ranks.mean_([*statistics, *self.totals.sums.values()], self.share)
        if self.average:
            self.average.follow(self.method.generator)

    def close(self) -> None:
        """Part players and method, which refer to each other.

        Their memory would else stay until Python looks for cycles, long after the next training in
        this process has begun.
        """
        self.method.players = ()

    def continues(self, identity: str) -> bool:
        """Whether a checkpoint's identity is this training's.

        Earlier checkpoints have the whole config in it: what they do not know has its default.
        """
        if identity == self.identity:
            return True
        try:
            values, training, content_hash, pictures = literal_eval(identity[:_LONGEST_IDENTITY])
            training = {**self.config.training.model_dump(), **training}
            values = {**self.config.to_dict(), **values, "training": training}
            earlier = parse_config(values, "the checkpoint")
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, InputError):
            return False
        return identity_of(earlier, content_hash, pictures) == self.identity

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step of this rank depends on."""
        return {
            "players": {player.name: player.state_dict() for player in self.method.players},
            "average": self.average.state_dict() if self.average else None,
            **self._own_state(),
            "seen": self.seen,
            "restores": self.restores,
            "totals": {"sums": self.totals.sums, "counts": self.totals.counts},
        }

    def _own_state(self) -> dict[str, Any]:
        """What each rank has for itself."""
        cuda = torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None
        noise = {"cpu": torch.get_rng_state(), "cuda": cuda}
        return {"method": self.method.state_dict(), "noise": noise}

    def gathered_state_dict(self) -> dict[str, Any]:
        """`state_dict()` for a checkpoint, with what the other ranks have for themselves.

        Only the first rank's is whole; all have to ask for it.
        """
        others = self.ranks.gather(None if self.ranks.is_first else _on_cpu(self._own_state()))[1:]
        return self.state_dict() | {"others": others}

    def load_gathered_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `gathered_state_dict()`, which may be that of more or fewer ranks.

        A rank that it does not know takes over what the first remembers of its fakes, and begins a
        stream of noise of its own.
        """
        rank, others = self.ranks.rank, state.get("others", [])
        if rank and rank <= len(others):
            state = state | others[rank - 1]
        self.load_state_dict(state)
        if rank > len(others):
            torch.manual_seed(derive(self.config.training.seed, "noise", rank, self.seen))

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


def identity_of(config: Config, content_hash: str, pictures: int) -> str:
    """What decides a training, in one text.

    Only options that differ from their defaults are in it, so that one which is added to a section
    later, with a default that changes nothing, leaves earlier checkpoints what they are.

    Args:
        content_hash: of the pack.
        pictures: training pictures in it.
    """
    # A variant's tag may itself be a default, and options of the same name occur in several.
    kinds = {name: getattr(getattr(config, name), tag, None) for name, (tag, _) in TAGS.items()}
    del kinds["data"]
    apart = {"version": True, "about": True, "data": True, "evaluate_on": True}
    apart["training"] = {"checkpoint_every": True, "precision": True}
    values = config.model_dump(mode="json", exclude=apart, exclude_defaults=True)
    return repr((kinds, values, content_hash, pictures))


def _on_cpu(state: Any) -> Any:
    """Nested plain data with its tensors where every rank can have them."""
    if isinstance(state, dict):
        return {name: _on_cpu(value) for name, value in state.items()}
    return state.cpu() if isinstance(state, torch.Tensor) else state
