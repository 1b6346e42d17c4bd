"""U-Net: from lightness to color through `depth` halvings and back, with skips at every level.

Ronneberger et al. 2015 in the shape of pix2pix (Isola et al. 2017): strided 4x4 convolutions down,
transposed ones up, batch normalisation. The first layer works at full resolution, so that color
edges follow lightness edges to the pixel.
"""

import torch
from torch import Tensor, nn

from colornet.config import UNet
from colornet.networks import activation

_WIDEST = 8
"""Widths double per level up to this many times the first."""


def build(options: UNet, image_size: int) -> nn.Module:
    """The network for square pictures of `image_size`; larger ones pass through as well."""
    return UNetGenerator(options)


class UNetGenerator(nn.Module):
    """lightness (N, 1, H, W) in [-1, 1] -> ab (N, 2, H, W) in (-1, 1).

    H and W are multiples of 2 ** depth. Dropout follows the decoder's inner half of levels.
    """

    def __init__(self, options: UNet) -> None:
        super().__init__()
        widths = [options.width * min(2**level, _WIDEST) for level in range(options.depth + 1)]
        kind = options.activation
        self.first = nn.Sequential(nn.Conv2d(1, widths[0], 3, padding=1), activation(kind))
        self.downs = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(widths[level], widths[level + 1], 4, 2, 1, bias=False),
                nn.BatchNorm2d(widths[level + 1]),
                activation(kind),
            )
            for level in range(options.depth)
        )
        self.ups = nn.ModuleList()
        for step, level in enumerate(reversed(range(options.depth))):
            # Every step but the innermost also reads the skip of its own level.
            inputs = widths[level + 1] * (1 if step == 0 else 2)
            layers = [
                nn.ConvTranspose2d(inputs, widths[level], 4, 2, 1, bias=False),
                nn.BatchNorm2d(widths[level]),
                activation(kind),
            ]
            if options.dropout and step < max(1, options.depth // 2):
                layers.append(nn.Dropout(options.dropout))
            self.ups.append(nn.Sequential(*layers))
        self.head = nn.Sequential(nn.Conv2d(2 * widths[0], 2, 1), nn.Tanh())

    def forward(self, lightness: Tensor) -> Tensor:
        """Predict the colors of a batch."""
        x = self.first(lightness.contiguous(memory_format=torch.channels_last))
        skips = []
        for down in self.downs:
            skips.append(x)
            x = down(x)
        for up in self.ups:
            x = torch.cat((up(x), skips.pop()), dim=1)
        return self.head(x)
