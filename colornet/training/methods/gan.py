"""GAN with a distance to the true colors (pix2pix, Isola et al. 2017, equation 4).

The discriminator learns first, on detached predictions; the generator then answers the updated
discriminator with the same predictions.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from colornet.config.config import Config
from colornet.config.sections.losses import GanLoss
from colornet.networks.build import build_discriminator, build_generator
from colornet.training.losses import reconstruction
from colornet.training.methods.adversarial_game import AdversarialGame
from colornet.training.methods.player import ForwardPass, Method, player_of


class Gan(Method):
    """Generator and discriminator in turns, freshly initialized from the training's seed."""

    def __init__(self, config: Config, device: torch.device) -> None:
        assert isinstance(config.loss, GanLoss)
        assert config.discriminator is not None
        size, seed = config.data.image_size, config.training.seed
        self.loss = config.loss
        self.game = AdversarialGame(config.loss)
        self.generator = build_generator(config.generator, seed, device)
        turns = self.game.generator_turns
        losses = self.generator_losses
        generator = player_of("generator", self.generator, config, losses, turns)
        self.players = (generator,)
        # Also where it never learns, so that one which leaves nothing of the picture is refused.
        self.network = build_discriminator(config.discriminator, size, seed, device)
        if config.loss.adversarial != "none":
            self.discriminator = self.network
            losses, turns = self.discriminator_losses, self.game.discriminator_turns
            discriminator = player_of("discriminator", self.network, config, losses, turns)
            self.players = (discriminator, generator)

    def discriminator_losses(self, forward: ForwardPass) -> dict[str, Tensor]:
        """Tell real from predicted colors."""
        real = self.network.view(forward.batch.pictures, forward.grey)
        fake = self.network.view(forward.prediction.detached(), forward.grey)
        return self.game.discriminator_losses(self.network, real, fake, forward.batch)

    def generator_losses(self, forward: ForwardPass) -> dict[str, Tensor]:
        """Look real to the discriminator and stay close to the true colors."""
        total, terms = reconstruction(self.loss, forward.prediction, forward.batch.pictures)
        if self.game.is_on(forward.batch):
            view = self.network.view(forward.prediction, forward.grey)
            terms["loss_adversarial"] = self.game.generator_loss(self.network, view, forward.batch)
            # Isola et al. 2017, equation 4, with lambda in front of L1 and a weight here, too.
            total = total + self.loss.adversarial_weight * terms["loss_adversarial"]
        return {"loss_generator": total, **terms}

    def state_dict(self) -> dict[str, Any]:
        """What the game remembers."""
        return self.game.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict()`."""
        self.game.load_state_dict(state)


build = Gan
