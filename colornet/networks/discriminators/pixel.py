"""Pixel discriminator: is this pixel's color real, given its grey (Isola et al. 2017)?

It sees no neighbors, so it judges colors and how common they are, never where they are.
"""

from torch import nn

from colornet.config.sections.discriminators import Pixel
from colornet.networks.layers import activation, dropout, has_bias, with_norm


def build(options: Pixel, inputs: int, image_size: int) -> nn.Module:
    """(N, inputs, S, S) -> logits (N, 1, S, S), one per pixel; any size will do."""
    width, bias = options.width, has_bias(options.norm)
    return nn.Sequential(
        nn.Conv2d(inputs, width, 1),
        activation(options.activation),
        *dropout(options.dropout),
        *with_norm(nn.Conv2d(width, 2 * width, 1, bias=bias), options.norm, 2 * width, True),
        activation(options.activation),
        *dropout(options.dropout),
        nn.Conv2d(2 * width, 1, 1),
    )
