"""A batch of true pictures, and of predicted ones: the same colors in every space.

Both have `ab` (N, 2, H, W) / 110, `lab` (N, 3, H, W) with L / 50 - 1 before it, and `rgb`
(N, 3, H, W) in [0, 1]; all float32 on the pictures' device, computed when first asked for.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from colornet.color import lab_from_rgb, rgb_from_lab, split_lab

Space = Literal["ab", "lab", "rgb"]
CHANNELS: dict[Space, int] = {"ab": 2, "lab": 3, "rgb": 3}
_LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601, as Pillow's and TensorFlow's conversions to grey have it."""


@dataclass(frozen=True)
class Pictures:
    """Pictures as they are.

    Attributes:
        pixels: (N, H, W, 3) uint8 sRGB.
    """

    pixels: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    @cached_property
    def _split(self) -> tuple[Tensor, Tensor]:
        return split_lab(self.pixels)

    @property
    def lightness(self) -> Tensor:
        """(N, 1, H, W) in [-1, 1]."""
        return self._split[0]

    @property
    def ab(self) -> Tensor:
        """(N, 2, H, W), ab / 110."""
        return self._split[1]

    @cached_property
    def lab(self) -> Tensor:
        """(N, 3, H, W)."""
        return torch.cat(self._split, 1)

    @cached_property
    def rgb(self) -> Tensor:
        """(N, 3, H, W) in [0, 1]."""
        return self.pixels.permute(0, 3, 1, 2).float().div_(255)

    @cached_property
    def luma(self) -> Tensor:
        """(N, 1, H, W) in [-1, 1]."""
        weights = self.rgb.new_tensor(_LUMA).view(1, 3, 1, 1)
        return (self.rgb * weights).sum(1, keepdim=True) * 2 - 1


@dataclass(frozen=True)
class Prediction:
    """Pictures as a generator has them.

    Attributes:
        space: what the generator predicts.
        values: (N, 2 or 3, H, W) in that space's units; carries the generator's graph.
        lightness: (N, 1, H, W), the true one.
    """

    space: Space
    values: Tensor
    lightness: Tensor

    @cached_property
    def _split(self) -> tuple[Tensor, Tensor]:
        """Lightness and ab, of the generator's own where it gives them."""
        if self.space == "ab":
            return self.lightness, self.values
        if self.space == "lab":
            return self.values[:, :1], self.values[:, 1:]
        return lab_from_rgb(self.values)

    @property
    def predicted_lightness(self) -> Tensor | None:
        """(N, 1, H, W), or None where the generator predicts ab alone."""
        return None if self.space == "ab" else self._split[0]

    @property
    def ab(self) -> Tensor:
        """(N, 2, H, W): what is measured and shown, on the true lightness."""
        return self._split[1]

    @cached_property
    def lab(self) -> Tensor:
        """(N, 3, H, W), with the generator's own L where it has one."""
        return torch.cat(self._split, 1)

    @cached_property
    def rgb(self) -> Tensor:
        """(N, 3, H, W) in [0, 1], beyond it for colors that a screen lacks."""
        return self.values if self.space == "rgb" else rgb_from_lab(*self._split)

    def detached(self) -> "Prediction":
        """The same colors without the generator's graph."""
        return Prediction(self.space, self.values.detach(), self.lightness)


def colors(picture: Pictures | Prediction, space: Space) -> Tensor:
    """The picture's colors in a space, (N, 2 or 3, H, W)."""
    return getattr(picture, space)
