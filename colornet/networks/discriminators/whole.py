"""Strided 4x4 convolutions down to one judgment a picture.

The discriminator of the CIFAR variants in PyTorch (karoly-hars/GAN_image_colorizing), with batch or
spectral normalization in all but its first and its last layer. Its last convolution spans what is
left of the picture: 4x4 of 32 pixels.
"""

from torch import nn

from colornet.config.sections.discriminators import Whole
from colornet.errors import InputError
from colornet.networks.layers import Enlarge, activation, dropout, with_norm


def build(options: Whole, inputs: int, image_size: int) -> nn.Module:
    """(N, inputs, S, S) -> logits (N, 1, 1, 1).

    Raises:
        InputError: when its layers halve the picture to nothing.
    """
    halvings = len(options.widths) - 1
    side = image_size >> halvings
    if side < 1:
        raise InputError(
            f"discriminator.widths: {list(options.widths)}: halve a picture of {image_size} px to "
            f"nothing.\nTake at most {image_size.bit_length()} widths."
        )
    layers: list[nn.Module] = [Enlarge(3)]
    for level, width in enumerate(options.widths):
        layer = nn.Conv2d(inputs, width, 4, 2, 1) if level else nn.Conv2d(inputs, width, 4)
        layers += with_norm(layer, options.norm if level else "none", width, True)
        layers += [activation(options.activation), *dropout(options.dropout)]
        inputs = width
    return nn.Sequential(*layers, nn.Conv2d(inputs, 1, side))
