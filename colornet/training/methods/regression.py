"""Regression: the generator alone, on the distance to the true colors."""

import torch
from torch import Tensor

from colornet.config.config import Config
from colornet.config.sections.losses import Reconstruction
from colornet.networks.build import build_generator
from colornet.training.losses import reconstruction
from colornet.training.methods.player import ForwardPass, Method, player_of


class Regression(Method):
    """A generator without a discriminator, freshly initialized from the training's seed."""

    def __init__(self, config: Config, device: torch.device) -> None:
        assert isinstance(config.loss, Reconstruction)
        self.loss = config.loss
        self.generator = build_generator(config.generator, config.training.seed, device)
        losses = self.generator_losses
        self.players = (player_of("generator", self.generator, config, losses),)

    def generator_losses(self, forward: ForwardPass) -> dict[str, Tensor]:
        """Distance to the true colors."""
        total, terms = reconstruction(self.loss, forward.prediction, forward.batch.pictures)
        return {"loss_generator": total, **terms}


build = Regression
