"""Players and methods: what a training step iterates over.

The loop knows time and order; a method knows the mathematics. Whether there is a discriminator,
and in which steps it learns, is data in the list of players.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from colornet.config.config import Config
from colornet.config.sections.optimizer import Optimizer
from colornet.networks.heads import Colorizer, DiscriminatorNetwork
from colornet.pictures import Pictures, Prediction
from colornet.ranks import Ranks


@dataclass(frozen=True)
class Batch:
    """One step's pictures: on several ranks, a rank's part of them.

    Attributes:
        pictures: N training pictures.
        others: N other ones in an order of their own, for methods that want unpaired pictures.
        step: how many steps were done before.
        progress: share of the budget that was spent before, in [0, 1].
        ranks: who has the other parts.
        share: this part's, in (0, 1], of the whole batch.
    """

    pictures: Pictures
    others: Pictures | None
    step: int
    progress: float
    ranks: Ranks = field(default_factory=Ranks)
    share: float = 1.0


@dataclass(frozen=True)
class Player:
    """A network, or a pair of them, with its optimizer.

    Attributes:
        name: `generator`, `discriminator`; also the key of its state in a checkpoint.
        learning_rate: the rate that the schedule scales.
        losses: named scalars of what the method's `forward_pass` gave. `loss_<name>` is what the
            player minimizes; the others are its terms, for the records.
        turns: how often it learns from a batch.
        predicts: whether its losses are followed back into the predictions, which then have to be
            fresh.
    """

    name: str
    network: nn.Module
    optimizer: torch.optim.Optimizer
    learning_rate: float
    losses: Callable[[Any], dict[str, Tensor]]
    turns: Callable[[Batch], int]
    predicts: bool

    def state_dict(self) -> dict[str, Any]:
        """Weights and optimizer."""
        return {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict()`."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])


@dataclass
class ForwardPass:
    """What the players of a step share: one prediction, with the generator's graph.

    Attributes:
        grey: (N, 1, H, W), what the generator has seen.
        prediction: what it makes of the batch's pictures.
    """

    batch: Batch
    grey: Tensor
    prediction: Prediction


class Method:
    """How a training learns.

    Attributes:
        generator: the network that colorizes.
        discriminator: of colors, or None where there is none.
        players: in the order of their turns.
        unpaired: whether batches need other pictures beside.
        parts: what a checkpoint needs beside the players, by the name of its state there.
    """

    generator: Colorizer
    discriminator: DiscriminatorNetwork | None = None
    players: tuple[Player, ...]
    unpaired = False
    parts: Mapping[str, Any] = {}

    def forward_pass(self, batch: Batch) -> ForwardPass:
        """The pictures as the generator predicts them."""
        grey = self.generator.grey(batch.pictures)
        values = self.generator(grey)
        prediction = Prediction(self.generator.space, values, batch.pictures.lightness)
        return ForwardPass(batch, grey, prediction)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs beside the players; tensors and plain data."""
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict()`."""
        for name, part in self.parts.items():
            part.load_state_dict(state[name])


def player_of(
    name: Literal["generator", "discriminator"],
    network: nn.Module,
    config: Config,
    losses: Callable[[Any], dict[str, Tensor]],
    turns: Callable[[Batch], int] = lambda _batch: 1,
) -> Player:
    """The player that colorizes, or the one that tells real from predicted colors."""
    options, predicts = config.optimizer, name == "generator"
    rate = options.generator_lr if predicts else options.generator_lr * options.lr_ratio
    return Player(name, network, adam(network, options), rate, losses, turns, predicts)


def adam(network: nn.Module, options: Optimizer) -> torch.optim.Optimizer:
    """Adam over a network's weights, in one fused kernel; every step sets its rate."""
    betas = (options.beta1, options.beta2)
    weights = list(network.parameters())
    # The meta device, on which costs are counted, has no fused kernel.
    fused = weights[0].device.type != "meta"
    return torch.optim.Adam(weights, lr=0.0, betas=betas, fused=fused)
