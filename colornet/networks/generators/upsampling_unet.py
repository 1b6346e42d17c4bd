"""U-Net of strided 3x3 convolutions down, repeated pixels and convolutions up (README 000).

The 256-pixel model of pdrabinski/GAN_Colorizer. The highest skip is at half the picture's size: the
last step up has only its own features to draw edges from.
"""

import torch
from torch import Tensor, nn

from colornet.config.sections.generators import UpsamplingUNet
from colornet.networks.layers import conv_block, encode, same_padding


class UpsamplingGenerator(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H, W); H and W are multiples of 2 ** depth."""

    def __init__(self, options: UpsamplingUNet, inputs: int, outputs: int) -> None:
        super().__init__()
        width, depth = options.width, options.depth
        self.downs, self.enlarges, self.ups = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        read = inputs
        for level in range(depth - 1):
            half, full = width * 2**level, width * 2 ** (level + 1)
            *pad, down = same_padding(nn.Conv2d(read, half, 3, 2))
            flat = nn.Conv2d(half, full, 3, padding=1)
            layers = conv_block(options, "encoder", down, half)
            layers += conv_block(options, "encoder", flat, full)
            self.downs.append(nn.Sequential(*pad, *layers))
            read = full
        *pad, down = same_padding(nn.Conv2d(read, 2 * read, 3, 2))
        self.bottom = nn.Sequential(*pad, *conv_block(options, "bottleneck", down, 2 * read))
        for step, level in enumerate(reversed(range(depth - 1))):
            full, inner = width * 2 ** (level + 1), step < max(1, depth // 2)
            up = nn.Conv2d(2 * full, full, 3, padding=1)
            flat = nn.Conv2d(2 * full, full, 3, padding=1)
            layers = conv_block(options, "decoder", up, full, inner)
            self.enlarges.append(nn.Sequential(nn.Upsample(scale_factor=2), *layers))
            self.ups.append(nn.Sequential(*conv_block(options, "decoder", flat, full, inner)))
        last = nn.Conv2d(2 * width, width, 3, padding=1)
        self.head = nn.Sequential(
            nn.Upsample(scale_factor=2),
            *conv_block(options, "decoder", last, width),
            nn.Conv2d(width, outputs, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The raw output of a batch."""
        skips = encode(self.downs, x)
        x = self.bottom(skips[-1])
        for enlarge, up in zip(self.enlarges, self.ups, strict=True):
            x = up(torch.cat((enlarge(x), skips.pop()), dim=1))
        return self.head(x)


build = UpsamplingGenerator
