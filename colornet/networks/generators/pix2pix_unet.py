"""The U-Net of pix2pix (Isola et al. 2017; README 003): `depth` halvings, of 256 pixels to one.

Activations come before the convolutions, so a skip is what the normalization gave. The outermost
and the innermost convolution down have no normalization: the first would hide the picture's own
brightness, and the last has one value per channel.
"""

import torch
from torch import Tensor, nn

from colornet.config.sections.generators import Pix2PixUNet
from colornet.networks.layers import encode, has_bias, part_activation, part_dropout, with_norm

_WIDEST = 8
"""Widths double per level up to this many times the first."""
_WITHOUT_DROPOUT = 5
"""Levels of the decoder that have none in pix2pix: the innermost and the four outermost."""


class Pix2PixGenerator(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H, W); H and W are multiples of 2 ** depth."""

    def __init__(self, options: Pix2PixUNet, inputs: int, outputs: int) -> None:
        super().__init__()
        depth, bias = options.depth, has_bias(options.norm)
        widths = [options.width * min(2**level, _WIDEST) for level in range(depth)]
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for level in range(depth):
            last = level == depth - 1
            read = inputs if level == 0 else widths[level - 1]
            down = nn.Conv2d(read, widths[level], 4, 2, 1, bias=bias)
            norm = "none" if level == 0 or last else options.norm
            layers = [] if level == 0 else [part_activation(options, "encoder")]
            layers += with_norm(down, norm, widths[level], options.batch_statistics)
            layers += part_dropout(options, "bottleneck" if last else "encoder")
            self.downs.append(nn.Sequential(*layers))
        # Steps up that have dropout in pix2pix: of depth 8 the second to the fourth.
        first = min(1, depth - 2)
        inner = range(first, first + max(1, depth - _WITHOUT_DROPOUT))
        for step, level in enumerate(reversed(range(1, depth))):
            read = widths[level] * (1 if step == 0 else 2)
            up = nn.ConvTranspose2d(read, widths[level - 1], 4, 2, 1, bias=bias)
            norm = with_norm(up, options.norm, widths[level - 1], options.batch_statistics)
            drop = part_dropout(options, "decoder", step in inner)
            self.ups.append(nn.Sequential(part_activation(options, "decoder"), *norm, *drop))
        self.head = nn.Sequential(
            part_activation(options, "decoder"), nn.ConvTranspose2d(2 * widths[0], outputs, 4, 2, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """The raw output of a batch."""
        *skips, x = encode(self.downs, x)
        for up in self.ups:
            x = torch.cat((skips.pop(), up(x)), dim=1)
        return self.head(x)


build = Pix2PixGenerator
