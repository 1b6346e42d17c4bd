"""Patch discriminator: is this patch's color real, given its lightness? (Isola et al. 2017)

Its batch normalisation keeps no running statistics: a discriminator only ever judges batches of
one kind (all real, or all fake), and without statistics a generator's turn cannot leave a trace in
it.
"""

import torch
from torch import Tensor, nn

from colornet.config import Patch
from colornet.errors import InputError
from colornet.networks import LEAKY_SLOPE

_WIDEST = 8


def build(options: Patch, image_size: int) -> nn.Module:
    """The network for square pictures of `image_size`.

    Raises:
        InputError: when its layers halve the picture to nothing.
    """
    if 2**options.layers > image_size:
        raise InputError(
            f"discriminator.layers: {options.layers}: halve a picture of {image_size} px to "
            f"nothing.\nTake at most {image_size.bit_length() - 1}."
        )
    return PatchDiscriminator(options)


class PatchDiscriminator(nn.Module):
    """lightness (N, 1, H, W), ab (N, 2, H, W) -> logits (N, 1, H / 2**layers, W / 2**layers)."""

    def __init__(self, options: Patch) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for level in range(options.layers):
            outputs = options.width * min(2**level, _WIDEST)
            layers.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=level == 0))
            if level:
                layers.append(nn.BatchNorm2d(outputs, track_running_stats=False))
            layers.append(nn.LeakyReLU(LEAKY_SLOPE))
            if options.dropout:
                layers.append(nn.Dropout(options.dropout))
            inputs = outputs
        layers.append(nn.Conv2d(inputs, 1, 3, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, lightness: Tensor, ab: Tensor) -> Tensor:
        """Judge a batch of one kind."""
        picture = torch.cat((lightness, ab), dim=1)
        return self.layers(picture.contiguous(memory_format=torch.channels_last))
