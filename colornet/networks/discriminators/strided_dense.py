"""Strided convolutions and average pooling, then one dense layer (README 000 at 256 pixels).

The 256-pixel model of pdrabinski/GAN_Colorizer: it quarters the picture twice before it looks at
shapes, so it judges color more than drawing.
"""

from torch import nn

from colornet.config.sections.discriminators import StridedDense
from colornet.errors import InputError
from colornet.networks.layers import activation, dropout, same_padding, with_norm

_REDUCTION = 16
"""Picture's side / side of what the dense layer sees."""


def build(options: StridedDense, inputs: int, image_size: int) -> nn.Module:
    """(N, inputs, S, S) -> logits (N, 1, 1, 1).

    Raises:
        InputError: when the picture is smaller than 16 pixels.
    """
    if image_size < _REDUCTION:
        raise InputError(
            f"data.image_size: {image_size}: too small for discriminator strided_dense.\n"
            f"Take at least {_REDUCTION}."
        )
    width = options.width
    side = image_size // _REDUCTION
    return nn.Sequential(
        *same_padding(nn.Conv2d(inputs, width, 3, 2)),
        activation(options.activation),
        nn.AvgPool2d(2),
        *_block(options, width, 2 * width, 1),
        *dropout(options.dropout),
        nn.AvgPool2d(2),
        *_block(options, 2 * width, 4 * width, 1),
        *dropout(options.dropout),
        *_block(options, 4 * width, 8 * width, 2),
        *dropout(options.last_dropout),
        nn.Flatten(),
        nn.Linear(8 * width * side**2, 1),
        nn.Unflatten(1, (1, 1, 1)),
    )


def _block(options: StridedDense, inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    *pad, convolution = same_padding(nn.Conv2d(inputs, outputs, 3, stride))
    normalized = with_norm(convolution, options.norm, outputs, True)
    return [*pad, *normalized, activation(options.activation)]
