"""Finding a network's architecture by its name, and giving it its first weights."""

from importlib import import_module
from typing import Any

import torch
from torch import nn

from colornet.seeds import weights_stream

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}
LEAKY_SLOPE = 0.2
_WEIGHT_DEVIATION = 0.02
"""DCGAN's and pix2pix's initial standard deviation."""


def activation(name: str) -> nn.Module:
    """A fresh activation layer by the config's name."""
    if name == "leaky_relu":
        return nn.LeakyReLU(LEAKY_SLOPE)
    return ACTIVATIONS[name]()


def build_generator(options: Any, image_size: int, seed: int, device: torch.device) -> nn.Module:
    """lightness (N, 1, H, W) -> ab (N, 2, H, W) in [-1, 1], as `colornet/generators/<kind>`."""
    module = import_module(f"colornet.generators.{options.kind}")
    return _begin(module.build(options, image_size), seed, "generator", device)


def build_discriminator(
    options: Any, image_size: int, seed: int, device: torch.device
) -> nn.Module:
    """lightness, ab -> logits (N, 1, h, w), as `colornet/discriminators/<kind>`."""
    module = import_module(f"colornet.discriminators.{options.kind}")
    return _begin(module.build(options, image_size), seed, "discriminator", device)


def _begin(network: nn.Module, seed: int, name: str, device: torch.device) -> nn.Module:
    initialize(network, weights_stream(seed, name))
    # torch's overloads leave out the memory format.
    return network.to(device, memory_format=torch.channels_last)  # ty: ignore[no-matching-overload]


def initialize(network: nn.Module, stream: torch.Generator) -> None:
    """Draw all weights from `stream`, in the order of the modules.

    Convolutions N(0, 0.02), normalisation scales N(1, 0.02), biases 0 (Radford et al. 2015).
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, _WEIGHT_DEVIATION, generator=stream)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, _WEIGHT_DEVIATION, generator=stream)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
