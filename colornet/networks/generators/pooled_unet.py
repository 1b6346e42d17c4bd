"""U-Net of paired 3x3 convolutions, max pooling and 2x2 convolutions up (README 001, in Keras).

Ronneberger et al. 2015 with padding and batch normalization.
"""

import torch
from torch import Tensor, nn

from colornet.config.sections.generators import PooledUNet
from colornet.networks.layers import Part, conv_block, encode, same_padding


class PooledGenerator(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H, W); H and W are multiples of 2 ** depth."""

    def __init__(self, options: PooledUNet, inputs: int, outputs: int) -> None:
        super().__init__()
        depth = options.depth
        widths = [options.width * 2**level for level in range(depth + 1)]
        self.downs, self.enlarges, self.ups = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            part: Part = "bottleneck" if level == depth else "encoder"
            read = widths[level - 1] if level else inputs
            pool = [nn.MaxPool2d(2)] if level else []
            self.downs.append(nn.Sequential(*pool, *_pair(options, part, read, width)))
        for step, level in enumerate(reversed(range(depth))):
            width, inner = widths[level], step < max(1, depth // 2)
            *pad, up = same_padding(nn.Conv2d(widths[level + 1], width, 2))
            layers = conv_block(options, "decoder", up, width, inner)
            self.enlarges.append(nn.Sequential(nn.Upsample(scale_factor=2), *pad, *layers))
            self.ups.append(nn.Sequential(*_pair(options, "decoder", 2 * width, width, inner)))
        self.head = nn.Conv2d(widths[0], outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """The raw output of a batch."""
        *skips, x = encode(self.downs, x)
        for enlarge, up in zip(self.enlarges, self.ups, strict=True):
            x = up(torch.cat((skips.pop(), enlarge(x)), dim=1))
        return self.head(x)


def _pair(
    options: PooledUNet, part: Part, inputs: int, outputs: int, inner: bool = False
) -> list[nn.Module]:
    """Two convolutions of a level."""
    return [
        *conv_block(options, part, nn.Conv2d(inputs, outputs, 3, padding=1), outputs, inner),
        *conv_block(options, part, nn.Conv2d(outputs, outputs, 3, padding=1), outputs, inner),
    ]


build = PooledGenerator
