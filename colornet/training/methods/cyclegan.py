"""CycleGAN: colors without pairs (Zhu et al. 2017, equations 1 to 3; README 003).

One generator makes color pictures of grey ones, another the grey ones of color; one discriminator
judges colors, another grey pictures. The grey pictures of a batch are `pictures`, of which nothing
else is used; the color pictures are `others`, in an order of their own. The generators learn
first, then the discriminators, on the same fakes or older ones from a pool, as in the authors'
code (github.com/junyanz/pytorch-CycleGAN-and-pix2pix).
"""

from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor, nn
from torch.nn import functional

from colornet.config.config import Config
from colornet.config.sections.losses import CycleGanLoss
from colornet.networks.build import (
    build_discriminator,
    build_generator,
    discriminator_core,
    draw_weights,
    generator_core,
)
from colornet.networks.heads import DiscriminatorNetwork
from colornet.pictures import CHANNELS, Prediction, colors
from colornet.ranks import Ranks
from colornet.training.methods.adversarial_game import AdversarialGame
from colornet.training.methods.player import Batch, ForwardPass, Method, player_of
from colornet.training.stabilizers import FakePool


class GreyMaker(nn.Module):
    """The way back: an architecture with a tanh, from colors to a grey picture.

    Args:
        core: (N, 2 or 3, H, W) -> (N, 1, H, W), before the head.
    """

    def __init__(self, core: nn.Module) -> None:
        super().__init__()
        self.core = core

    def forward(self, color: Tensor) -> Tensor:
        """Grey (N, 1, H, W) in [-1, 1], float32, of colors in canonical units."""
        raw = self.core(color.contiguous(memory_format=torch.channels_last))
        return torch.tanh(raw.float())


@dataclass
class CycleForwardPass(ForwardPass):
    """Both domains, and the fakes of both.

    Attributes:
        grey: (N, 1, H, W) in [-1, 1], the grey domain.
        prediction: the grey pictures in predicted colors.
        color: (N, 2 or 3, H, W), the color domain in the space that the generator predicts.
        fake_grey: (N, 1, H, W), what the way back makes of `color`.
        fakes: what the discriminators see, once it has come out of the pools.
    """

    color: Tensor
    fake_grey: Tensor
    fakes: tuple[Tensor, Tensor] | None = None


class CycleGan(Method):
    """Two generators and two discriminators, freshly initialized from the training's seed."""

    unpaired = True

    def __init__(self, config: Config, device: torch.device) -> None:
        assert isinstance(config.loss, CycleGanLoss)
        assert config.discriminator is not None
        seed, size = config.training.seed, config.data.image_size
        self.loss = config.loss
        options = config.generator
        self.generator = build_generator(options, seed, device)
        back = GreyMaker(generator_core(options, CHANNELS[options.predicts], 1))
        self.back = draw_weights(back, options.init, seed, "generator-reverse", device)
        options = config.discriminator
        self.network = self.discriminator = build_discriminator(options, size, seed, device)
        grey = DiscriminatorNetwork(discriminator_core(options, 1, size), options)
        self.grey_network = draw_weights(grey, options.init, seed, "discriminator-grey", device)
        # Each rank keeps fakes of its own pictures, which are as old as those of one rank alone.
        fakes = ceil(config.loss.pool / Ranks.here(device).world)
        self.game, self.grey_game = AdversarialGame(config.loss), AdversarialGame(config.loss)
        self.pool, self.grey_pool = FakePool(fakes), FakePool(fakes)
        self.parts = {
            "contest": self.game,
            "contest_grey": self.grey_game,
            "pool": self.pool,
            "pool_grey": self.grey_pool,
        }
        generators = nn.ModuleDict({"color": self.generator, "grey": self.back})
        discriminators = nn.ModuleDict({"color": self.network, "grey": self.grey_network})
        turns = self.game.generator_turns, self.game.discriminator_turns
        self.players = (
            player_of("generator", generators, config, self.generator_losses, turns[0]),
            player_of("discriminator", discriminators, config, self.discriminator_losses, turns[1]),
        )

    def forward_pass(self, batch: Batch) -> CycleForwardPass:
        """Both domains and the fakes of both."""
        assert batch.others is not None
        generator = self.generator
        grey, color = generator.signed_grey(batch.pictures), colors(batch.others, generator.space)
        values = generator(generator.ranged(grey))
        prediction = Prediction(generator.space, values, batch.pictures.lightness)
        return CycleForwardPass(batch, grey, prediction, color, self.back(color))

    def generator_losses(self, forward: CycleForwardPass) -> dict[str, Tensor]:
        """Look real in both domains, and find the way back (equation 3, plus identity)."""
        generator, batch, prediction = self.generator, forward.batch, forward.prediction
        view, fake_grey = self.network.view(prediction, forward.grey), forward.fake_grey
        in_color = self.game.generator_loss(self.network, view, batch)
        in_grey = self.grey_game.generator_loss(self.grey_network, fake_grey, batch)
        adversarial = in_color + in_grey
        # Equation 2: grey -> color -> grey and color -> grey -> color come back to where they were.
        grey_again = self.back(prediction.values)
        color_again = generator(generator.ranged(fake_grey))
        cycle = functional.l1_loss(grey_again, forward.grey)
        cycle = cycle + functional.l1_loss(color_again, forward.color)
        terms = {"loss_adversarial": adversarial, "loss_cycle": cycle}
        total = self.loss.adversarial_weight * adversarial + self.loss.cycle_weight * cycle
        if self.loss.identity_weight:
            assert batch.others is not None
            same = generator(generator.grey(batch.others))
            terms["loss_identity"] = functional.l1_loss(same, forward.color)
            total = total + self.loss.identity_weight * terms["loss_identity"]
        # Measured, not learned: unpaired pictures have no true colors to compare with.
        terms["loss_l1"] = functional.l1_loss(prediction.detached().ab, batch.pictures.ab)
        return {"loss_generator": total, **terms}

    def discriminator_losses(self, forward: CycleForwardPass) -> dict[str, Tensor]:
        """Tell real from fake in both domains: the mean of the two, in one game's units."""
        batch = forward.batch
        assert batch.others is not None
        if forward.fakes is None:  # further turns in a batch see the same fakes
            view = self.network.view(forward.prediction.detached(), forward.grey)
            grey = forward.fake_grey.detach()
            forward.fakes = self.pool.exchange(view), self.grey_pool.exchange(grey)
        fake_color, fake_grey = forward.fakes
        real_color = self.network.view(batch.others, forward.grey)
        color = self.game.discriminator_losses(self.network, real_color, fake_color, batch)
        game, network = self.grey_game, self.grey_network
        grey = game.discriminator_losses(network, forward.grey, fake_grey, batch)
        return {name: (color[name] + grey[name]) / 2 for name in color}


build = CycleGan
