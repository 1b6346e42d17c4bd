"""U-Net of 4x4 convolutions whose first level keeps the full size (README 001, in TensorFlow).

The same layers make the CIFAR variants in PyTorch (karoly-hars/GAN_image_colorizing), which enlarge
the picture where TensorFlow pads it.
"""

import torch
from torch import Tensor, nn

from colornet.config.sections.generators import DeconvUNet
from colornet.networks.layers import Enlarge, conv_block, encode, same_padding

_INNER = 2
"""Decoder levels with dropout in the CIFAR model of README 001."""


class DeconvGenerator(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H, W); H and W are multiples of the options' stride."""

    def __init__(self, options: DeconvUNet, inputs: int, outputs: int) -> None:
        super().__init__()
        widths = options.widths
        depth = len(widths) - 1
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            if level:
                resize, down = [], nn.Conv2d(widths[level - 1], width, 4, 2, 1)
            elif options.enlarge:
                resize, down = [Enlarge(3)], nn.Conv2d(inputs, width, 4)
            else:
                *resize, down = same_padding(nn.Conv2d(inputs, width, 4))
            part = "bottleneck" if level == depth else "encoder"
            self.downs.append(nn.Sequential(*resize, *conv_block(options, part, down, width)))
        for step, level in enumerate(reversed(range(depth))):
            read = widths[level + 1] * (1 if step == 0 else 2)
            up = nn.ConvTranspose2d(read, widths[level], 4, 2, 1)
            layers = conv_block(options, "decoder", up, widths[level], inner=step < _INNER)
            self.ups.append(nn.Sequential(*layers))
        self.head = nn.Conv2d(2 * widths[0], outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """The raw output of a batch."""
        *skips, x = encode(self.downs, x)
        for up in self.ups:
            x = torch.cat((skips.pop(), up(x)), dim=1)
        return self.head(x)


build = DeconvGenerator
