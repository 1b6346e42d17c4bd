"""What networks cost before they are trained: weights, and multiplications a picture.

Weights say little about cost: the generator of README 002 has 1.4 million and takes four times the
multiplications of pix2pix's 54 million. Counted on torch's meta device, where nothing is computed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from colornet.config.config import Config
from colornet.networks.build import discriminator_core, generator_core, weighed
from colornet.pictures import CHANNELS


@dataclass(frozen=True)
class Cost:
    """The size and price of a config's networks; all 0 for a discriminator that is not there.

    Attributes:
        generator_parameters: weights that are learned; cyclegan's of both generators.
        generator_non_trainable: running means and variances of batch normalisation, as Keras
            counts them.
        discriminator_parameters, discriminator_non_trainable: the same; cyclegan's of both.
        generator_macs: multiply-accumulates of convolutions and dense layers to colorize one
            picture of the config's size.
        discriminator_macs: the same to judge one picture once.
    """

    generator_parameters: int
    generator_non_trainable: int
    generator_macs: int
    discriminator_parameters: int = 0
    discriminator_non_trainable: int = 0
    discriminator_macs: int = 0


def count(config: Config) -> Cost:
    """Count a config's networks.

    Raises:
        InputError: when the discriminator leaves nothing of the picture, or a network is too large.
    """
    size = config.data.image_size
    colors = CHANNELS[config.generator.predicts]

    def generator(inputs: int, outputs: int) -> nn.Module:
        return weighed("generator", lambda: generator_core(config.generator, inputs, outputs))

    def discriminator(inputs: int) -> nn.Module:
        core = config.discriminator
        return weighed("discriminator", lambda: discriminator_core(core, inputs, size))

    generators, discriminators, judged = [generator(1, colors)], list[nn.Module](), 0
    if config.discriminator is not None:
        judged = CHANNELS[config.discriminator.input] + config.discriminator.conditional
        discriminators.append(discriminator(judged))
    if config.loss.method == "cyclegan":
        generators.append(generator(colors, 1))
        discriminators.append(discriminator(1))
    return Cost(
        generator_parameters=_parameters(generators),
        generator_non_trainable=_non_trainable(generators),
        generator_macs=_macs(generators[0], 1, size),
        discriminator_parameters=_parameters(discriminators),
        discriminator_non_trainable=_non_trainable(discriminators),
        discriminator_macs=_macs(discriminators[0], judged, size) if discriminators else 0,
    )


def count_step(run: Callable[[], object]) -> int:
    """Multiply-accumulates of all convolutions and dense layers in what `run` does.

    Forward and backward, of all networks, on whatever device; `run` computes what it would have
    without being counted.
    """
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = _NoModules()  # ty: ignore[invalid-assignment]
    with counter:
        run()
    return counter.get_total_flops() // 2


class _NoModules:
    """In place of the counter's record of modules, whose hooks break gradients of gradients."""

    parents = frozenset({"Global"})

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_error: object) -> None:
        pass


def _parameters(networks: list[nn.Module]) -> int:
    return sum(weights.numel() for network in networks for weights in network.parameters())


def _non_trainable(networks: list[nn.Module]) -> int:
    modules = [module for network in networks for module in network.modules()]
    return sum(2 * one.num_features for one in modules if isinstance(one, nn.BatchNorm2d))


def _macs(network: nn.Module, inputs: int, size: int) -> int:
    network.eval()
    picture = torch.empty(1, inputs, size, size, device="meta")
    with torch.no_grad():
        return count_step(lambda: network(picture))
