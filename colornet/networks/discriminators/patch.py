"""Patch discriminator: is this patch's color real, given its grey (Isola et al. 2017)?

The 70-pixel one of pix2pix has three halvings, one flat layer and a last kernel of 4. That of
README 001 in TensorFlow pads where it loses a pixel, and has biases everywhere.
"""

from torch import nn

from colornet.config.sections.discriminators import Patch
from colornet.errors import InputError
from colornet.networks.layers import activation, dropout, has_bias, same_padding, with_norm

_WIDEST = 8
"""Widths double per layer up to this many times the first."""


def build(options: Patch, inputs: int, image_size: int) -> nn.Module:
    """(N, inputs, S, S) -> logits (N, 1, h, w), one per patch.

    Raises:
        InputError: when its layers leave nothing of the picture.
    """
    _check(options, image_size)
    bias = options.bias or has_bias(options.norm)
    layers: list[nn.Module] = []
    read = inputs
    for level in range(options.layers + options.flat_layers):
        width = options.width * min(2**level, _WIDEST)
        if level < options.layers:
            layer: nn.Module = nn.Conv2d(read, width, 4, 2, 1, bias=bias or level == 0)
        else:
            *pad, layer = _flat(options, nn.Conv2d(read, width, 4, bias=bias))
            layers += pad
        layers += with_norm(layer, options.norm if level else "none", width, True)
        layers += [activation(options.activation), *dropout(options.dropout)]
        read = width
    if options.last_kernel == 3:
        layers.append(nn.Conv2d(read, 1, 3, padding=1))
    else:
        layers += _flat(options, nn.Conv2d(read, 1, 4))
    return nn.Sequential(*layers)


def _flat(options: Patch, convolution: nn.Conv2d) -> list[nn.Module]:
    """A 4x4 convolution of stride 1."""
    if options.keep_size:
        return same_padding(convolution)
    convolution.padding = (1, 1)
    return [convolution]


def _check(options: Patch, image_size: int) -> None:
    """Refuse a picture that the layers halve, and cut, to nothing."""
    cut = 0 if options.keep_size else options.flat_layers + (options.last_kernel == 4)
    if image_size >> options.layers > cut:
        return
    most = (image_size // (cut + 1)).bit_length() - 1
    raise InputError(
        f"discriminator.layers: {options.layers}: halve a picture of {image_size} px to nothing.\n"
        + (f"Take at most {most}." if most > 0 else "Take larger pictures.")
    )
