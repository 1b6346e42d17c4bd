"""Finding a network's architecture by its name, and giving it its first weights."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

import torch
from torch import nn

from colornet.errors import InputError, error_summary
from colornet.networks.heads import Colorizer, DiscriminatorNetwork
from colornet.networks.layers import initialize
from colornet.pictures import CHANNELS
from colornet.seeds import weights_generator

MAX_WEIGHTS = 1_000_000_000
"""Of a network: 4 GB of them, and twice that of Adam's moments."""


def build_generator(options: Any, seed: int, device: torch.device) -> Colorizer:
    """Grey to color, as `colornet/networks/generators/<kind>` has it."""
    colors = CHANNELS[options.predicts]
    build_on_meta("generator", lambda: generator_core(options, 1, colors))
    core = generator_core(options, 1, colors)
    return draw_weights(Colorizer(core, options), options.init, seed, "generator", device)


def generator_core(options: Any, inputs: int, outputs: int) -> nn.Module:
    """The bare architecture: (N, inputs, H, W) -> (N, outputs, H, W), before any head."""
    module = import_module(f"colornet.networks.generators.{options.kind}")
    return module.build(options, inputs, outputs)


def build_discriminator(
    options: Any, image_size: int, seed: int, device: torch.device
) -> DiscriminatorNetwork:
    """Pictures to logits, as `colornet/networks/discriminators/<kind>` has it."""
    inputs = CHANNELS[options.input] + options.conditional
    build_on_meta("discriminator", lambda: discriminator_core(options, inputs, image_size))
    network = DiscriminatorNetwork(discriminator_core(options, inputs, image_size), options)
    return draw_weights(network, options.init, seed, "discriminator", device)


def discriminator_core(options: Any, inputs: int, image_size: int) -> nn.Module:
    """The bare architecture: (N, inputs, S, S) -> logits (N, 1, h, w)."""
    module = import_module(f"colornet.networks.discriminators.{options.kind}")
    return module.build(options, inputs, image_size)


def build_on_meta(name: str, build: Callable[[], nn.Module]) -> nn.Module:
    """A network without its weights, on torch's meta device, where any size costs nothing.

    Args:
        name: generator or discriminator.

    Raises:
        InputError: it would have more than MAX_WEIGHTS, or what no tensor holds.
    """
    try:
        with torch.device("meta"):
            network = build()
        count = sum(weights.numel() for weights in network.parameters())
    except (RuntimeError, OverflowError, TypeError) as error:
        raise InputError(
            f"{name}: a layer of it is larger than any tensor: {error_summary(error)[:100]}.\n"
            f"Lower its widths: more than {MAX_WEIGHTS:,} weights are not built."
        ) from None
    if count > MAX_WEIGHTS:
        raise InputError(
            f"{name}: {count:,} weights: more than {MAX_WEIGHTS:,} are not built.\n"
            "Lower its widths, its depth, or data.image_size where dense layers see the picture."
        )
    return network


_Network = TypeVar("_Network", bound=nn.Module)


def draw_weights(
    network: _Network, init: str, seed: int, name: str, device: torch.device
) -> _Network:
    """Draw a network's first weights from the stream of its name, and place it."""
    if device.type != "meta":  # on which torch loads its compiler to draw nothing
        initialize(network, init, weights_generator(seed, name))
    # torch's overloads leave out the memory format.
    return network.to(device, memory_format=torch.channels_last)  # ty: ignore[no-matching-overload]
