"""One optimizer step: pictures in, every player's turn, losses summed up on the device.

Nothing here waits for the device: what a step measures is read once per tick.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import cos, pi

import numpy as np
import torch
from torch import Tensor

from colornet.color import split_lab
from colornet.config import Optimizer
from colornet.methods.player import Batch, Method, Player
from colornet.seeds import Order


@dataclass
class Feed:
    """Batches of training pictures, straight out of the memory-mapped pack.

    Attributes:
        pictures: (N, S, S, 3) uint8, the whole pack; only batches are ever copied.
        indices: the training pictures in it.
        order: in which they come.
        mirror: whether to mirror those that the order marks.
    """

    pictures: np.ndarray
    indices: np.ndarray
    order: Order
    mirror: bool
    device: torch.device

    def batch(self, seen: int, count: int) -> tuple[Tensor, Tensor]:
        """The batch that follows after `seen` pictures.

        Returns:
            lightness (count, 1, S, S) and ab (count, 2, S, S) on the device.
        """
        positions, mirrored = self.order.take(seen, count)
        rgb = self.pictures[self.indices[positions]]
        if self.mirror:
            rgb[mirrored] = rgb[mirrored, :, ::-1]
        pixels = torch.from_numpy(rgb)
        if self.device.type == "cuda":
            pixels = pixels.pin_memory().to(self.device, non_blocking=True)
        return split_lab(pixels)


@dataclass
class Totals:
    """Running sums of named losses, kept on the device until they are read."""

    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Count one step's losses in."""
        for name, loss in losses.items():
            value = loss.detach().float()
            self.sums[name] = self.sums[name] + value if name in self.sums else value
            self.counts[name] = self.counts.get(name, 0) + 1

    def means(self) -> dict[str, float]:
        """The means so far: one wait for the device."""
        if not self.sums:
            return {}
        values = torch.stack(list(self.sums.values())).tolist()
        return {
            name: value / self.counts[name] for name, value in zip(self.sums, values, strict=True)
        }


def rate_factor(options: Optimizer, seen: int, total: int) -> float:
    """What the learning rates are multiplied by in the step that begins after `seen` pictures.

    A linear rise over the first `warmup` share of the `total` pictures, then constant or a cosine
    down to 0. A function of pictures seen alone, so that a resumed training continues it.
    """
    warmup = options.warmup * total
    if seen < warmup:
        return (seen + 1) / (warmup + 1)
    if options.schedule == "constant":
        return 1.0
    return (1 + cos(pi * min(1.0, (seen - warmup) / (total - warmup)))) / 2


def play(
    method: Method,
    pictures: tuple[Tensor, Tensor],
    step: int,
    factor: float,
    autocast: torch.dtype | None,
) -> dict[str, Tensor]:
    """One step: the generator predicts once, then each player whose turn it is learns.

    Args:
        pictures: lightness (N, 1, H, W) and ab (N, 2, H, W).
        step: how many steps were done before.
        factor: multiplies each player's learning rate.
        autocast: the networks' reduced precision, or None for float32.

    Returns:
        the named losses of all players, scalars on the device.
    """
    lightness, ab = pictures
    device = lightness.device.type
    losses: dict[str, Tensor] = {}
    with torch.autocast(device, dtype=autocast, enabled=autocast is not None):
        batch = Batch(lightness, ab, method.generator(lightness))
    for player in method.players:
        if step % player.every:
            continue
        with only(player, method.players):
            with torch.autocast(device, dtype=autocast, enabled=autocast is not None):
                terms = player.losses(batch)
            for group in player.optimizer.param_groups:
                group["lr"] = player.learning_rate * factor
            player.optimizer.zero_grad(set_to_none=True)
            terms[f"loss_{player.name}"].backward()
            player.optimizer.step()
        losses |= terms
    return losses


@contextmanager
def only(player: Player, players: tuple[Player, ...]) -> Generator[None, None, None]:
    """Freeze the other players' weights: no gradient is computed for them."""
    others = [other.network for other in players if other is not player]
    for network in others:
        network.requires_grad_(False)
    try:
        yield
    finally:
        for network in others:
            network.requires_grad_(True)
