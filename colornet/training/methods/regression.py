"""Regression: the generator alone, on the distance to the true colors."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from colornet.config.config import Config
from colornet.config.sections.losses import Reconstruction
from colornet.networks.build import build_generator
from colornet.pictures import Pictures, Prediction
from colornet.training.methods.player import Batch, Method, Player, generator_player
from colornet.training.methods.reconstruction import reconstruction


def build(config: Config, device: torch.device) -> Method:
    """The one player, freshly initialized from the training's seed."""
    return Regression(config, device)


class Regression:
    """A generator without an opponent."""

    judge = None
    unpaired = False

    def __init__(self, config: Config, device: torch.device) -> None:
        assert isinstance(config.loss, Reconstruction)
        self.loss = config.loss
        self.generator = build_generator(config.generator, config.training.seed, device)
        self.players: tuple[Player, ...] = (
            generator_player(self.generator, config, self.generator_losses),
        )

    def look(self, batch: Batch) -> tuple[Pictures, Prediction]:
        """The pictures and their prediction."""
        return batch.pictures, self.generator.colorize(batch.pictures)

    def generator_losses(self, scene: tuple[Pictures, Prediction]) -> dict[str, Tensor]:
        """Distance to the true colors."""
        pictures, prediction = scene
        total, terms = reconstruction(self.loss, prediction, pictures)
        return {"loss_generator": total, **terms}

    def state_dict(self) -> dict[str, Any]:
        """Nothing beside the player."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing beside the player."""
