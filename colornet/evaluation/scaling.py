"""Pictures of another size than a network was trained at, colorized as a model in use does it.

`colornet.model.model` does the same to one picture of any shape; here it is done to a batch of
squares.
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from colornet.networks.heads import Colorizer
from colornet.pictures import Pictures, Prediction

_LOBES = 3
"""Of the Lanczos filter, as Pillow has it."""


def colorize_at(generator: Colorizer, pictures: Pictures, size: int) -> Prediction:
    """Pictures in colors that the network predicts at its own size.

    It sees them scaled to that size; only the predicted ab is scaled back, and joined to the
    lightness of every original pixel. Pictures that have the size already are colorized as they
    are, bit for bit.

    Args:
        pictures: squares.
        size: side at which the network sees them, pixels.
    """
    full = pictures.pixels.shape[1]
    if full == size:
        return generator.colorize(pictures)
    ab = generator.colorize(Pictures(scale_pixels(pictures.pixels, size))).ab
    scaled = functional.interpolate(ab.float(), (full, full), mode="bicubic", antialias=True)
    return Prediction("ab", scaled, pictures.lightness)


def scale_pixels(pixels: Tensor, size: int) -> Tensor:
    """Squares (N, S, S, 3) uint8 scaled to (N, size, size, 3) uint8 with Lanczos.

    As training pictures are scaled, and pictures to be colorized; within 1 of Pillow's.
    """
    weights = _lanczos(pixels.shape[1], size).to(pixels.device)
    narrow = torch.einsum("ow,nhwc->nhoc", weights, pixels.float()).round_().clamp_(0, 255)
    return torch.einsum("oh,nhwc->nowc", weights, narrow).round_().clamp_(0, 255).byte()


@cache
def _lanczos(full: int, size: int) -> Tensor:
    """The weight of each of `full` pixels in each of `size`, (size, full)."""
    # Pillow's convention: pixel centers at halves; where a picture shrinks, the filter, sinc(x)
    # sinc(x / 3), is stretched by the same factor, which keeps out what a smaller grid cannot hold.
    scale = full / size
    middles = (np.arange(size)[:, None] + 0.5) * scale - 0.5
    distance = (np.arange(full) - middles) / max(scale, 1.0)
    weights = np.sinc(distance) * np.sinc(distance / _LOBES) * (np.abs(distance) < _LOBES)
    return torch.from_numpy(weights / weights.sum(1, keepdims=True)).float()
