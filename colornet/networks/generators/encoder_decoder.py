"""Convolutions, max pooling, and repeated pixels back up, without skips (README 000 at 32 pixels).

Normalization comes after the activation, as in the original.
"""

from functools import partial

from torch import nn

from colornet.config.sections.generators import EncoderDecoder
from colornet.networks.layers import Part, part_activation, part_dropout, with_norm

_convolution = partial(nn.Conv2d, kernel_size=3, padding=1)


def build(options: EncoderDecoder, inputs: int, outputs: int) -> nn.Module:
    """(N, inputs, H, W) -> (N, outputs, H, W); H and W are multiples of 2 ** depth."""
    width, depth = options.width, options.depth
    layers: list[nn.Module] = []
    read = inputs
    for level in range(depth):
        wide = width * 2**level
        layers += [_convolution(read, wide), part_activation(options, "encoder")]
        layers += [*_normalized(options, "encoder", wide, wide), nn.MaxPool2d(2)]
        read = wide
    wide = width * 2**depth
    layers += _normalized(options, "bottleneck", read, wide)
    read = wide
    for step in range(depth):
        wide = width * 2 ** (depth - step)
        layers.append(nn.Upsample(scale_factor=2))
        layers += _normalized(options, "decoder", read, wide, inner=step < max(1, depth // 2))
        read = wide
    layers += [_convolution(read, width), part_activation(options, "decoder")]
    return nn.Sequential(*layers, *part_dropout(options, "decoder"), _convolution(width, outputs))


def _normalized(
    options: EncoderDecoder, part: Part, inputs: int, outputs: int, inner: bool = False
) -> list[nn.Module]:
    """Convolution, activation, normalization, dropout."""
    layer = _convolution(inputs, outputs)
    convolution, *norm = with_norm(layer, options.norm, outputs, options.batch_statistics)
    return [convolution, part_activation(options, part), *norm, *part_dropout(options, part, inner)]
