"""Finding a network's architecture by its name, and giving it its first weights."""

from importlib import import_module
from typing import Any, TypeVar

import torch
from torch import nn

from colornet.heads import Colorizer, Judge
from colornet.layers import initialize
from colornet.pictures import CHANNELS
from colornet.seeds import weights_stream


def build_generator(options: Any, seed: int, device: torch.device) -> Colorizer:
    """Grey to color, as `colornet/generators/<kind>` has it."""
    core = generator_core(options, 1, CHANNELS[options.predicts])
    return begin(Colorizer(core, options), options.init, seed, "generator", device)


def generator_core(options: Any, inputs: int, outputs: int) -> nn.Module:
    """The bare architecture: (N, inputs, H, W) -> (N, outputs, H, W), before any head."""
    return import_module(f"colornet.generators.{options.kind}").build(options, inputs, outputs)


def build_discriminator(options: Any, image_size: int, seed: int, device: torch.device) -> Judge:
    """Pictures to logits, as `colornet/discriminators/<kind>` has it."""
    inputs = CHANNELS[options.input] + options.conditional
    core = discriminator_core(options, inputs, image_size)
    return begin(Judge(core, options), options.init, seed, "discriminator", device)


def discriminator_core(options: Any, inputs: int, image_size: int) -> nn.Module:
    """The bare architecture: (N, inputs, S, S) -> logits (N, 1, h, w)."""
    module = import_module(f"colornet.discriminators.{options.kind}")
    return module.build(options, inputs, image_size)


_Network = TypeVar("_Network", bound=nn.Module)


def begin(network: _Network, init: str, seed: int, name: str, device: torch.device) -> _Network:
    """Draw a network's first weights from the stream of its name, and place it."""
    initialize(network, init, weights_stream(seed, name))
    # torch's overloads leave out the memory format.
    return network.to(device, memory_format=torch.channels_last)  # ty: ignore[no-matching-overload]
