"""Fixed pictures as a training sees them: grey, predicted and true, side by side in one PNG."""

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colornet.color import rgb_from_lab
from colornet.pictures import Pictures

_GAP = 2
"""Pixels of white between pictures."""
_SIDE = 96
"""Smaller pictures are enlarged by a whole number, to at least about this."""


def grid(predicted: np.ndarray, true: np.ndarray) -> bytes:
    """A PNG with a row for each picture: grey, predicted, true.

    Args:
        predicted: (N, S, S, 3) uint8; `true` likewise.
    """
    shown = np.stack((_grey(true), predicted, true), 1)
    scale = max(1, round(_SIDE / shown.shape[2]))
    shown = shown.repeat(scale, 2).repeat(scale, 3)
    spaced = np.pad(shown, ((0, 0), (0, 0), (0, _GAP), (0, _GAP), (0, 0)), constant_values=255)
    rows, columns, height, width, _ = spaced.shape
    sheet = spaced.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(sheet)).save(buffer, "PNG")
    return buffer.getvalue()


def _grey(true: np.ndarray) -> np.ndarray:
    """The pictures' lightness, (N, S, S, 3) uint8."""
    lightness: Tensor = Pictures(torch.from_numpy(np.ascontiguousarray(true))).lightness
    rgb = rgb_from_lab(lightness, torch.zeros_like(lightness).expand(-1, 2, -1, -1))
    return rgb.mul(255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
