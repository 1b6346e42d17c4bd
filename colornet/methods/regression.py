"""Regression: the generator alone, on the distance to the true colors."""

import torch
from torch import Tensor
from torch.nn import functional

from colornet.config import Config
from colornet.methods.player import Batch, Method, Player, adam
from colornet.networks import build_generator


def build(config: Config, device: torch.device) -> Method:
    """The one player, freshly initialized from the training's seed."""
    return Regression(config, device)


class Regression:
    """A generator without an opponent."""

    def __init__(self, config: Config, device: torch.device) -> None:
        self.l1_weight = config.loss.l1_weight
        self.generator = build_generator(
            config.generator, config.data.image_size, config.training.seed, device
        )
        self.players: tuple[Player, ...] = (
            Player(
                "generator",
                self.generator,
                adam(self.generator, config.optimizer),
                config.optimizer.generator_lr,
                self.generator_losses,
            ),
        )

    def generator_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Mean absolute difference of ab."""
        l1 = functional.l1_loss(batch.prediction.float(), batch.ab)
        return {"loss_generator": self.l1_weight * l1, "loss_l1": l1}
