"""Between a network's numbers and colors: input ranges, heads, and what a discriminator sees.

Architectures know channels and nothing of color; here their input and output get units.
"""

from typing import Any

import torch
from torch import Tensor, nn

from colornet.color import AB_RANGE, LIGHTNESS_HALF_RANGE, full_precision
from colornet.pictures import Pictures, Prediction, Space, colors

_AB_REACH = {"tanh_110": 110.0, "tanh_127": 127.0, "tanh_128": 128.0}
"""Lab units of a and b at a head's 1."""
_SIGNED = {"signed": 110.0, "signed_127": 127.0, "signed_128": 128.0}
"""Lab units of a and b at 1 in a discriminator's input."""


class Colorizer(nn.Module):
    """A generator: an architecture with its input's range and its head.

    Args:
        core: (N, 1, H, W) -> (N, C, H, W), before the head.
        options: the config's generator section.
    """

    def __init__(self, core: nn.Module, options: Any) -> None:
        super().__init__()
        self.core = core
        self.space: Space = options.predicts
        self.head: str = options.head
        self.input: str = options.input
        self.input_range: str = options.input_range

    def grey(self, pictures: Pictures) -> Tensor:
        """What the generator sees of pictures, (N, 1, H, W) in its own range."""
        return self.ranged(self.signed_grey(pictures))

    def signed_grey(self, pictures: Pictures) -> Tensor:
        """The same in [-1, 1]."""
        return pictures.lightness if self.input == "lightness" else pictures.luma

    def ranged(self, signed: Tensor) -> Tensor:
        """Grey pictures (N, 1, H, W) in [-1, 1] in the generator's own range."""
        if self.input_range == "signed":
            return signed
        unit = (signed + 1) / 2
        return unit if self.input_range == "unit" else unit * 255

    def forward(self, grey: Tensor) -> Tensor:
        """Colors (N, 2 or 3, H, W) in canonical units, float32, of a grey batch in its range."""
        raw = self.core(grey.contiguous(memory_format=torch.channels_last))
        with full_precision(raw.device):
            return to_units(self.head, self.space, raw.float())

    def colorize(self, pictures: Pictures) -> Prediction:
        """The pictures in predicted colors."""
        return Prediction(self.space, self(self.grey(pictures)), pictures.lightness)


def to_units(head: str, space: Space, raw: Tensor) -> Tensor:
    """A network's last numbers in canonical units.

    Args:
        raw: (N, C, H, W), before the activation.
    """
    if space == "rgb":
        if head == "tanh":
            return (torch.tanh(raw) + 1) / 2
        return {"sigmoid": torch.sigmoid, "relu": torch.relu, "linear": nn.Identity()}[head](raw)
    # Lab images of 8 bits have a and b in [-128, 127], which a sigmoid spreads over [0, 1].
    if head == "sigmoid":
        return _on_planes(space, torch.sigmoid(raw), (2.0, -1.0), (255 / AB_RANGE, -128 / AB_RANGE))
    if head == "linear":
        return _on_planes(space, raw, (1 / LIGHTNESS_HALF_RANGE, -1.0), (1 / AB_RANGE, 0.0))
    return _on_planes(space, torch.tanh(raw), (1.0, 0.0), (_AB_REACH[head] / AB_RANGE, 0.0))


def _on_planes(
    space: Space, values: Tensor, lightness: tuple[float, float], ab: tuple[float, float]
) -> Tensor:
    """Scale and shift the lightness plane, if there is one, and the color planes."""
    color = (values if space == "ab" else values[:, 1:]) * ab[0] + ab[1]
    if space == "ab":
        return color
    return torch.cat((values[:, :1] * lightness[0] + lightness[1], color), 1)


class DiscriminatorNetwork(nn.Module):
    """A discriminator: an architecture with its view of a picture.

    Args:
        core: (N, C, H, W) -> logits (N, 1, h, w).
        options: the config's discriminator section.
    """

    def __init__(self, core: nn.Module, options: Any) -> None:
        super().__init__()
        self.core = core
        self.space: Space = options.input
        self.conditional: bool = options.conditional
        self.input_range: str = options.input_range

    def view(self, picture: Pictures | Prediction, grey: Tensor) -> Tensor:
        """What the discriminator sees: (N, C, H, W).

        Args:
            grey: (N, 1, H, W), what the generator saw.
        """
        color = self._scaled(colors(picture, self.space))
        return torch.cat((grey, color), 1) if self.conditional else color

    def _scaled(self, color: Tensor) -> Tensor:
        kind = self.input_range
        if self.space == "rgb":
            return {"unit": color, "raw": color * 255}.get(kind, color * 2 - 1)
        if kind == "unit":
            return _on_planes(self.space, color, (0.5, 0.5), (AB_RANGE / 255, 128 / 255))
        if kind == "raw":
            lightness = (LIGHTNESS_HALF_RANGE, LIGHTNESS_HALF_RANGE)
            return _on_planes(self.space, color, lightness, (AB_RANGE, 0.0))
        return _on_planes(self.space, color, (1.0, 0.0), (AB_RANGE / _SIGNED[kind], 0.0))

    def forward(self, view: Tensor) -> Tensor:
        """Logits (N, 1, h, w), float32, of a batch of views."""
        return self.core(view.contiguous(memory_format=torch.channels_last)).float()
