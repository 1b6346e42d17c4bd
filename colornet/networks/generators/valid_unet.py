"""Unpadded convolutions at full resolution and transposed ones back, with skips (README 002).

Nothing is pooled or strided, so a pixel's color depends on some fifty pixels around it, and few
weights cost many multiplications. The convolution in the middle ends in tanh whatever the options
say, as in the README's code.
"""

from itertools import chain

import torch
from torch import Tensor, nn

from colornet.config.sections.generators import ValidUNet
from colornet.networks.layers import Part, conv_block, encode, part_dropout, with_norm

_STAGES = 3
_DOWN, _UP = (5, 3, 3), (3, 3, 5)
"""Kernels of a stage: each takes 8 pixels off both sides together, or gives them back."""


class ValidGenerator(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H, W); H and W are at least 25."""

    def __init__(self, options: ValidUNet, inputs: int, outputs: int) -> None:
        super().__init__()
        width = options.width
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        read = inputs
        for stage in range(_STAGES):
            half, full = width * 2**stage, width * 2 ** (stage + 1)
            widths = (read, half, full, full)
            layers = [nn.Conv2d(*shape) for shape in zip(widths, widths[1:], _DOWN, strict=False)]
            self.downs.append(nn.Sequential(*_blocks(options, "encoder", layers)))
            read = full
        middle = nn.Conv2d(read, read, 3, padding=1)
        self.middle = nn.Sequential(
            *with_norm(middle, options.norm, read, options.batch_statistics),
            nn.Tanh(),
            *part_dropout(options, "bottleneck"),
        )
        for stage in reversed(range(_STAGES)):
            half, full = width * 2**stage, width * 2 ** (stage + 1)
            narrow = half if stage else outputs
            widths = (2 * full, full, full, narrow)
            layers = [
                nn.ConvTranspose2d(*shape) for shape in zip(widths, widths[1:], _UP, strict=False)
            ]
            last = [] if stage else [layers.pop()]
            inner = stage == _STAGES - 1
            self.ups.append(nn.Sequential(*_blocks(options, "decoder", layers, inner), *last))

    def forward(self, x: Tensor) -> Tensor:
        """The raw output of a batch."""
        skips = encode(self.downs, x)
        x = self.middle(skips[-1])
        for up in self.ups:
            x = up(torch.cat((x, skips.pop()), dim=1))
        return x


def _blocks(options: ValidUNet, part: Part, layers: list, inner: bool = False) -> list[nn.Module]:
    blocks = (conv_block(options, part, layer, layer.out_channels, inner) for layer in layers)
    return list(chain.from_iterable(blocks))


build = ValidGenerator
