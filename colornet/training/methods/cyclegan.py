"""CycleGAN: colors without pairs (Zhu et al. 2017, equations 1 to 3; README 003).

One generator makes color pictures of grey ones, another the grey ones of color; one discriminator
judges colors, another grey pictures. The grey pictures of a batch are `pictures`, of which nothing
else is looked at; the color pictures are `others`, in an order of their own. The generators play
first, then the discriminators, on the same fakes or older ones from a pool, as in the authors'
code (github.com/junyanz/pytorch-CycleGAN-and-pix2pix).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from colornet.config.config import Config
from colornet.config.sections.losses import CycleGanLoss
from colornet.networks.build import (
    begin,
    build_discriminator,
    build_generator,
    discriminator_core,
    generator_core,
)
from colornet.networks.heads import Judge
from colornet.pictures import CHANNELS, Pictures, Prediction, colors
from colornet.ranks import Ranks
from colornet.training.methods.contest import Contest
from colornet.training.methods.player import (
    Batch,
    Method,
    Player,
    discriminator_player,
    generator_player,
)
from colornet.training.stabilizers import Pool


def build(config: Config, device: torch.device) -> Method:
    """Both pairs, freshly initialized from the training's seed."""
    return CycleGan(config, device)


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
class Scene:
    """What all players see of a batch.

    Attributes:
        grey: (N, 1, H, W) in [-1, 1], the grey domain.
        color: (N, 2 or 3, H, W), the color domain in the space that the generator predicts.
        fake_color: the grey pictures in predicted colors.
        fake_grey: (N, 1, H, W), what the way back makes of `color`.
        shown: the fakes that the discriminators are shown, once they have come out of the pools.
    """

    batch: Batch
    grey: Tensor
    color: Tensor
    fake_color: Prediction
    fake_grey: Tensor
    shown: tuple[Tensor, Tensor] | None = None

    @property
    def prediction(self) -> Prediction:
        """What the generator that is kept makes of the grey pictures."""
        return self.fake_color

    @property
    def others(self) -> Pictures:
        """The color domain."""
        assert self.batch.others is not None
        return self.batch.others


class CycleGan:
    """Two generators and two discriminators."""

    unpaired = True

    def __init__(self, config: Config, device: torch.device) -> None:
        assert isinstance(config.loss, CycleGanLoss)
        assert config.discriminator is not None
        seed, size = config.training.seed, config.data.image_size
        options, judges = config.generator, config.discriminator
        self.loss = config.loss
        self.generator = build_generator(options, seed, device)
        back = GreyMaker(generator_core(options, CHANNELS[options.predicts], 1))
        self.back = begin(back, options.init, seed, "generator-reverse", device)
        self.discriminator = build_discriminator(judges, size, seed, device)
        grey_judge = Judge(discriminator_core(judges, 1, size), judges)
        self.grey_judge = begin(grey_judge, judges.init, seed, "discriminator-grey", device)
        self.judge: Judge | None = self.discriminator
        self.contest, self.grey_contest = Contest(config.loss), Contest(config.loss)
        # Each rank keeps fakes of its own pictures, which are as old as those of one rank alone.
        fakes = ceil(config.loss.pool / Ranks.here(device).world)
        self.pool, self.grey_pool = Pool(fakes), Pool(fakes)
        generators = nn.ModuleDict({"color": self.generator, "grey": self.back})
        discriminators = nn.ModuleDict({"color": self.discriminator, "grey": self.grey_judge})
        self.players: tuple[Player, ...] = (
            generator_player(
                generators, config, self.generator_losses, self.contest.generator_turns
            ),
            discriminator_player(
                discriminators, config, self.discriminator_losses, self.contest.discriminator_turns
            ),
        )

    def look(self, batch: Batch) -> Scene:
        """Both domains and the fakes of both."""
        assert batch.others is not None
        generator = self.generator
        grey, color = generator.signed_grey(batch.pictures), colors(batch.others, generator.space)
        values = generator(generator.ranged(grey))
        fake_color = Prediction(generator.space, values, batch.pictures.lightness)
        return Scene(batch, grey, color, fake_color, self.back(color))

    def generator_losses(self, scene: Scene) -> dict[str, Tensor]:
        """Look real in both domains, and find the way back (equation 3, plus identity)."""
        generator = self.generator
        view = self.discriminator.view(scene.fake_color, scene.grey)
        adversarial = self.contest.generator_loss(self.discriminator, view, scene.batch)
        adversarial = adversarial + self.grey_contest.generator_loss(
            self.grey_judge, scene.fake_grey, scene.batch
        )
        grey_again = self.back(scene.fake_color.values)
        color_again = generator(generator.ranged(scene.fake_grey))
        cycle = functional.l1_loss(grey_again, scene.grey)
        cycle = cycle + functional.l1_loss(color_again, scene.color)
        terms = {"loss_adversarial": adversarial, "loss_cycle": cycle}
        total = self.loss.adversarial_weight * adversarial + self.loss.cycle_weight * cycle
        if self.loss.identity_weight:
            own = generator(generator.grey(scene.others))
            terms["loss_identity"] = functional.l1_loss(own, scene.color)
            total = total + self.loss.identity_weight * terms["loss_identity"]
        # Measured, not learned.
        predicted = scene.fake_color.detached().ab
        terms["loss_l1"] = functional.l1_loss(predicted, scene.batch.pictures.ab)
        return {"loss_generator": total, **terms}

    def discriminator_losses(self, scene: Scene) -> dict[str, Tensor]:
        """Tell real from fake in both domains: the mean of the two, in one game's units."""
        if scene.shown is None:
            view = self.discriminator.view(scene.fake_color.detached(), scene.grey)
            shown = self.pool.exchange(view), self.grey_pool.exchange(scene.fake_grey.detach())
            scene.shown = shown
        fake_color, fake_grey = scene.shown
        real_color = self.discriminator.view(scene.others, scene.grey)
        of_color = self.contest.discriminator_losses(
            self.discriminator, real_color, fake_color, scene.batch
        )
        of_grey = self.grey_contest.discriminator_losses(
            self.grey_judge, scene.grey, fake_grey, scene.batch
        )
        return {name: (of_color[name] + of_grey[name]) / 2 for name in of_color}

    def state_dict(self) -> dict[str, Any]:
        """What the contests remember, and the pools."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict()`."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Contest | Pool]:
        return {
            "contest": self.contest,
            "contest_grey": self.grey_contest,
            "pool": self.pool,
            "pool_grey": self.grey_pool,
        }
