"""GAN with a distance to the true colors (pix2pix, Isola et al. 2017, equation 4).

The discriminator plays first, on detached predictions; the generator then answers the updated
discriminator with the same predictions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from colornet.config.config import Config
from colornet.config.sections.losses import GanLoss
from colornet.networks.build import build_discriminator, build_generator
from colornet.pictures import Pictures, Prediction
from colornet.training.methods.contest import Contest
from colornet.training.methods.player import (
    Batch,
    Method,
    Player,
    discriminator_player,
    generator_player,
)
from colornet.training.methods.reconstruction import reconstruction


def build(config: Config, device: torch.device) -> Method:
    """Both players, freshly initialized from the training's seed."""
    return Gan(config, device)


@dataclass(frozen=True)
class Scene:
    """What both players see of a batch."""

    batch: Batch
    grey: Tensor
    prediction: Prediction

    @property
    def pictures(self) -> Pictures:
        """The truth."""
        return self.batch.pictures


class Gan:
    """Generator and discriminator, playing in turns."""

    unpaired = False

    def __init__(self, config: Config, device: torch.device) -> None:
        assert isinstance(config.loss, GanLoss)
        assert config.discriminator is not None
        size, seed = config.data.image_size, config.training.seed
        self.loss = config.loss
        self.generator = build_generator(config.generator, seed, device)
        self.discriminator = build_discriminator(config.discriminator, size, seed, device)
        self.contest = Contest(config.loss)
        generator = generator_player(
            self.generator, config, self.generator_losses, self.contest.generator_turns
        )
        discriminator = discriminator_player(
            self.discriminator, config, self.discriminator_losses, self.contest.discriminator_turns
        )
        alone = config.loss.adversarial == "none"
        self.judge = None if alone else self.discriminator
        self.players: tuple[Player, ...] = (generator,) if alone else (discriminator, generator)

    def look(self, batch: Batch) -> Scene:
        """Grey pictures and their prediction."""
        grey = self.generator.grey(batch.pictures)
        values = self.generator(grey)
        prediction = Prediction(self.generator.space, values, batch.pictures.lightness)
        return Scene(batch, grey, prediction)

    def discriminator_losses(self, scene: Scene) -> dict[str, Tensor]:
        """Tell real from predicted colors."""
        real = self.discriminator.view(scene.pictures, scene.grey)
        fake = self.discriminator.view(scene.prediction.detached(), scene.grey)
        return self.contest.discriminator_losses(self.discriminator, real, fake, scene.batch)

    def generator_losses(self, scene: Scene) -> dict[str, Tensor]:
        """Look real to the discriminator and stay close to the true colors."""
        total, terms = reconstruction(self.loss, scene.prediction, scene.pictures)
        if self.contest.is_on(scene.batch):
            view = self.discriminator.view(scene.prediction, scene.grey)
            adversarial = self.contest.generator_loss(self.discriminator, view, scene.batch)
            terms["loss_adversarial"] = adversarial
            total = total + self.loss.adversarial_weight * adversarial
        return {"loss_generator": total, **terms}

    def state_dict(self) -> dict[str, Any]:
        """What the contest remembers."""
        return self.contest.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict()`."""
        self.contest.load_state_dict(state)
