"""Players and methods: what the loop iterates over.

The loop knows time and order; a method knows the mathematics. Whether there is a discriminator,
and when it plays, is data in the list of players.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from colornet.config import Optimizer


@dataclass(frozen=True)
class Batch:
    """One step's pictures: lightness (N, 1, H, W), true ab and predicted ab (N, 2, H, W).

    The prediction carries the generator's graph; it is computed once and shared by all players.
    """

    lightness: Tensor
    ab: Tensor
    prediction: Tensor


@dataclass(frozen=True)
class Player:
    """A network with its optimizer.

    Attributes:
        name: `generator`, `discriminator`; also the key of its state in a checkpoint.
        learning_rate: the rate that the schedule scales.
        losses: named scalars of a batch. `loss_<name>` is what the player minimises; the others
            are its terms, for the records.
        every: plays at each n-th step.
    """

    name: str
    network: nn.Module
    optimizer: torch.optim.Optimizer
    learning_rate: float
    losses: Callable[[Batch], dict[str, Tensor]]
    every: int = 1

    def state_dict(self) -> dict[str, Any]:
        """Weights and optimizer."""
        return {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict()`."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])


class Method(Protocol):
    """How a training learns.

    Attributes:
        generator: the network that colorizes, lightness -> ab.
        players: in the order of their turns.
    """

    generator: nn.Module
    players: tuple[Player, ...]


def adam(network: nn.Module, options: Optimizer) -> torch.optim.Optimizer:
    """Adam over a network's weights, in one fused kernel; the loop sets its rate at every step."""
    betas = (options.beta1, options.beta2)
    return torch.optim.Adam(network.parameters(), lr=0.0, betas=betas, fused=True)
