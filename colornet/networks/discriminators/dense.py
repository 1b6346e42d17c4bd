"""Blocks of convolutions and pooling, then dense layers: one judgment a picture.

The discriminators of README 000 at 32 pixels, of README 001 in Keras and of README 002. Most of
their weights are in the first dense layer, which is also what remembers single pictures.
"""

from torch import nn

from colornet.config.sections.discriminators import Dense
from colornet.errors import InputError
from colornet.networks.layers import activation, dropout, same_padding, spectral_norm, with_norm


def build(options: Dense, inputs: int, image_size: int) -> nn.Module:
    """(N, inputs, S, S) -> logits (N, 1, 1, 1).

    Raises:
        InputError: when its layers leave nothing of the picture.
    """
    layers: list[nn.Module] = []
    for index, width in enumerate(options.widths):
        layers += _block(options, index, inputs, width)
        inputs = width
    layers.append(nn.Flatten())
    inputs *= _side(options, image_size) ** 2
    for width in options.hidden:
        layer = nn.Linear(inputs, width)
        layers.append(spectral_norm(layer) if options.norm == "spectral" else layer)
        layers += [activation(options.hidden_activation), *dropout(options.hidden_dropout)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, 1), nn.Unflatten(1, (1, 1, 1)))


def _block(options: Dense, index: int, inputs: int, width: int) -> list[nn.Module]:
    kernel = options.kernels[index if len(options.kernels) > 1 else 0]
    layers: list[nn.Module] = []
    for _ in range(options.convolutions):
        layer: nn.Module = nn.Conv2d(inputs, width, kernel)
        if options.padding == "same":
            *pad, layer = same_padding(layer)
            layers += pad
        layers += with_norm(layer, options.norm, width, True)
        layers.append(activation(options.activation))
        inputs = width
    pools = options.pool_last or index < len(options.widths) - 1
    pool = [nn.MaxPool2d(2)] if pools else []
    drop = dropout(options.dropout)
    return layers + (drop + pool if options.dropout_before_pool else pool + drop)


def _side(options: Dense, image_size: int) -> int:
    """Height and width of what the dense layers see."""
    side = image_size
    for index in range(len(options.widths)):
        if options.padding == "valid":
            kernel = options.kernels[index if len(options.kernels) > 1 else 0]
            side -= (kernel - 1) * options.convolutions
        if options.pool_last or index < len(options.widths) - 1:
            side //= 2
        if side < 1:
            raise InputError(
                f"discriminator.widths: {list(options.widths)}: block {index + 1} leaves nothing "
                f"of a picture of {image_size} px.\nTake fewer blocks or larger pictures."
            )
    return side
