"""One optimizer step: pictures in, every player's turns, losses summed up on the device.

Nothing here waits for the device: what a step measures is read once per tick.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from colornet.pictures import Pictures
from colornet.seeds import PictureOrder
from colornet.training.methods.player import Batch, Method, Player

Metrics = dict[str, float | int | None]
"""A tick's columns."""
History = Sequence[Metrics]
"""The ticks so far."""


@dataclass
class PictureFeed:
    """Training pictures, straight out of the memory-mapped pack.

    Attributes:
        pictures: (N, S, S, 3) uint8, the whole pack; only batches are ever copied.
        indices: the training pictures in it.
        order: in which they come.
        mirror: whether to mirror those that the order marks.
    """

    pictures: np.ndarray
    indices: np.ndarray
    order: PictureOrder
    mirror: bool
    device: torch.device

    def batch(self, seen: int, count: int) -> Pictures:
        """The `count` pictures that follow after `seen` ones, on the device."""
        positions, mirrored = self.order.take(seen, count)
        rgb = self.pictures[self.indices[positions]]
        if self.mirror:
            rgb[mirrored] = rgb[mirrored, :, ::-1]
        pixels = torch.from_numpy(rgb)
        if self.device.type == "cuda":
            pixels = pixels.pin_memory().to(self.device, non_blocking=True)
        return Pictures(pixels)


@dataclass
class Totals:
    """Running sums of named scalars, kept on the device until they are read."""

    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, terms: Mapping[str, Tensor]) -> None:
        """Count one turn's scalars in."""
        for name, term in terms.items():
            value = term.detach().float()
            self.sums[name] = self.sums[name] + value if name in self.sums else value
            self.counts[name] = self.counts.get(name, 0) + 1

    def means(self) -> dict[str, float]:
        """The means so far: one wait for the device."""
        if not self.sums:
            return {}
        sums = zip(self.sums, torch.stack(list(self.sums.values())).tolist(), strict=True)
        return {name: value / self.counts[name] for name, value in sums}


@dataclass(frozen=True)
class StepOptions:
    """How a step moves the weights.

    Attributes:
        factor: multiplies each player's learning rate.
        clip_norm: each player's gradient is scaled down to at most this norm; None leaves it.
        autocast: the networks' reduced precision, or None for float32.
    """

    factor: float
    clip_norm: float | None = None
    autocast: torch.dtype | None = None


def train_step(method: Method, batch: Batch, options: StepOptions, totals: Totals) -> None:
    """One step: the generator predicts once, then each player learns as often as it has turns.

    Args:
        totals: takes the named losses of all players, and `grad_norm_<player>` before clipping.
    """
    with _autocast(batch, options):
        forward = method.forward_pass(batch)
    # A generator that has moved invalidates its prediction, but only for those who follow losses
    # back into it: a discriminator that learns after it keeps to the prediction it was given.
    stale = False
    for player in method.players:
        for _ in range(player.turns(batch)):
            with freeze_others(player, method.players):
                with _autocast(batch, options):
                    if stale and player.predicts:
                        forward, stale = method.forward_pass(batch), False
                    terms = player.losses(forward)
                norm = optimizer_step(player, terms[f"loss_{player.name}"], options, batch)
            totals.add(terms | {f"grad_norm_{player.name}": norm})
            stale = stale or player.predicts


def optimizer_step(player: Player, loss: Tensor, options: StepOptions, batch: Batch) -> Tensor:
    """Follow a loss down once. Returns the gradient's norm, a scalar on the device.

    Args:
        loss: a mean over the rank's part of the batch; the gradient is that of the whole batch.
    """
    for group in player.optimizer.param_groups:
        group["lr"] = player.learning_rate * options.factor
    player.optimizer.zero_grad(set_to_none=True)
    ranks = batch.ranks
    # Weighted before: a gradient may come from the other ranks' losses, with synchronized layers.
    (loss if ranks.world == 1 else loss * batch.share).backward()
    weights = list(player.network.parameters())
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    ranks.sum_(gradients)
    # Recorded before clipping: its growth is what clipping hides.
    norm = torch.nn.utils.get_total_norm(gradients)
    if options.clip_norm is not None:
        torch.nn.utils.clip_grads_with_norm_(weights, options.clip_norm, norm)
    player.optimizer.step()
    return norm


def _autocast(batch: Batch, options: StepOptions) -> AbstractContextManager[object]:
    if options.autocast is None:
        return nullcontext()
    return torch.autocast(batch.pictures.pixels.device.type, dtype=options.autocast)


@contextmanager
def freeze_others(player: Player, players: tuple[Player, ...]) -> Generator[None, None, None]:
    """Freeze the other players: no gradient is computed for them, and they keep no statistics."""
    others = [other.network for other in players if other is not player]
    for network in others:
        network.requires_grad_(False)
    try:
        yield
    finally:
        for network in others:
            network.requires_grad_(True)
