"""Conditional GAN with an L1 term (pix2pix, Isola et al. 2017, equation 4).

The discriminator plays first, on detached predictions; the generator then answers the updated
discriminator with the same predictions. Real and fake pictures pass the discriminator in separate
batches, each normalised by itself.
"""

import torch
from torch import Tensor
from torch.nn import functional

from colornet.config import Config, GanLoss
from colornet.losses import ADVERSARIAL
from colornet.methods.player import Batch, Method, Player, adam
from colornet.networks import build_discriminator, build_generator


def build(config: Config, device: torch.device) -> Method:
    """Both players, freshly initialized from the training's seed."""
    return Gan(config, device)


class Gan:
    """Generator and discriminator, playing in turns."""

    def __init__(self, config: Config, device: torch.device) -> None:
        assert isinstance(config.loss, GanLoss)
        assert config.discriminator is not None
        size, seed = config.data.image_size, config.training.seed
        self.loss = config.loss
        self.generator = build_generator(config.generator, size, seed, device)
        self.discriminator = build_discriminator(config.discriminator, size, seed, device)
        rate = config.optimizer.generator_lr
        self.players: tuple[Player, ...] = (
            Player(
                "discriminator",
                self.discriminator,
                adam(self.discriminator, config.optimizer),
                rate * config.optimizer.lr_ratio,
                self.discriminator_losses,
            ),
            Player(
                "generator",
                self.generator,
                adam(self.generator, config.optimizer),
                rate,
                self.generator_losses,
            ),
        )

    def discriminator_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Tell real from predicted colors."""
        real = self.discriminator(batch.lightness, batch.ab).float()
        fake = self.discriminator(batch.lightness, batch.prediction.detach()).float()
        target = 1.0 - self.loss.label_smoothing
        loss = ADVERSARIAL[self.loss.adversarial].discriminator(real, fake, target)
        return {"loss_discriminator": loss}

    def generator_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Look real to the discriminator and stay close to the true colors."""
        logits = self.discriminator(batch.lightness, batch.prediction).float()
        adversarial = ADVERSARIAL[self.loss.adversarial].generator(logits)
        l1 = functional.l1_loss(batch.prediction.float(), batch.ab)
        return {
            "loss_generator": adversarial + self.loss.l1_weight * l1,
            "loss_adversarial": adversarial,
            "loss_l1": l1,
        }
