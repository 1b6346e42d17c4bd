"""Each metric a function of predicted and true colors, giving one value per picture.

The names are those of `colornet.config.METRICS`. NaN stands for "does not apply to this picture"
and becomes null wherever it is written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from kornia.metrics import ssim as kornia_ssim
from torch import Tensor

from colornet.color import AB_RANGE, to_rgb8

STRONG_CHROMA = 40.0
"""Lab chroma above which a true color counts as strong."""
_SSIM_WINDOW = 11


@dataclass(frozen=True)
class Pair:
    """Predictions beside the truth.

    Attributes:
        lightness: (N, 1, H, W) in [-1, 1], common to both.
        predicted_ab: (N, 2, H, W), ab / 110.
        true_ab: (N, 2, H, W), ab / 110.
        true_rgb: (N, 3, H, W) float32 in [0, 255].
    """

    lightness: Tensor
    predicted_ab: Tensor
    true_ab: Tensor
    true_rgb: Tensor

    @cached_property
    def predicted_rgb(self) -> Tensor:
        """(N, 3, H, W) float32, whole numbers in [0, 255]: the true lightness, predicted color."""
        return to_rgb8(self.lightness, self.predicted_ab)

    @cached_property
    def ab_error(self) -> Tensor:
        """Absolute differences (N, 2, H, W) in Lab units."""
        return (self.predicted_ab - self.true_ab).abs() * AB_RANGE


def ab_mae(pair: Pair) -> Tensor:
    """Mean |difference| over pixels, a and b; Lab units."""
    return pair.ab_error.mean((1, 2, 3))


def strong_ab_mae(pair: Pair) -> Tensor:
    """`ab_mae` over the pixels whose true chroma is above 40; NaN for pictures without any."""
    strong = (pair.true_ab * AB_RANGE).square().sum(1) > STRONG_CHROMA**2
    error = pair.ab_error.mean(1) * strong
    return error.sum((1, 2)) / strong.sum((1, 2))


def rgb_mae(pair: Pair) -> Tensor:
    """Mean |difference| of 8-bit RGB after clipping to sRGB; of 255 (Nazeri et al. 2018)."""
    return (pair.predicted_rgb - pair.true_rgb).abs().mean((1, 2, 3))


def psnr(pair: Pair) -> Tensor:
    """20 log10(255 / RMSE) of 8-bit RGB, dB; NaN for equal pictures, whose PSNR is infinite."""
    mean_square = (pair.predicted_rgb - pair.true_rgb).square().mean((1, 2, 3))
    value = 10 * torch.log10(255**2 / mean_square)
    return torch.where(mean_square == 0, torch.nan, value)


def ssim(pair: Pair) -> Tensor:
    """Structural similarity (Wang et al. 2004): Gaussian 11 x 11, sigma 1.5, valid crop, RGB mean.

    NaN for pictures smaller than the window.
    """
    if min(pair.true_rgb.shape[-2:]) < _SSIM_WINDOW:
        return pair.true_rgb.new_full((len(pair.true_rgb),), torch.nan)
    similarity = kornia_ssim(
        pair.predicted_rgb / 255, pair.true_rgb / 255, _SSIM_WINDOW, padding="valid"
    )
    return similarity.mean((1, 2, 3))


def colorfulness_of(rgb: Tensor) -> Tensor:
    """Hasler & Süsstrunk 2003, M3, with signed opponent channels: 0 for grey, 85.53 for pure red.

    Args:
        rgb: (N, 3, H, W) in [0, 255].

    Returns:
        (N,).
    """
    red, green, blue = rgb.unbind(1)
    opponents = torch.stack((red - green, (red + green) / 2 - blue), 1)
    deviation = opponents.std((2, 3), correction=0).norm(dim=1)
    return deviation + 0.3 * opponents.mean((2, 3)).norm(dim=1)


def colorfulness(pair: Pair) -> Tensor:
    """Colorfulness M3 of the prediction."""
    return colorfulness_of(pair.predicted_rgb)


def colorfulness_gap(pair: Pair) -> Tensor:
    """|Colorfulness of the prediction - that of the truth|."""
    return (colorfulness_of(pair.predicted_rgb) - colorfulness_of(pair.true_rgb)).abs()


PER_PICTURE: dict[str, Callable[[Pair], Tensor]] = {
    "ab_mae": ab_mae,
    "rgb_mae": rgb_mae,
    "psnr": psnr,
    "ssim": ssim,
    "colorfulness": colorfulness,
    "colorfulness_gap": colorfulness_gap,
    "strong_ab_mae": strong_ab_mae,
}
"""Metrics of one picture; over many pictures their mean counts."""


def colorfulness_ratio(predicted: Tensor, true: Tensor) -> float:
    """Mean colorfulness of predictions / mean colorfulness of the truth, both given as (N,).

    NaN when the truth has no color at all.
    """
    return float(predicted.mean() / true.mean()) if true.any() else float("nan")
