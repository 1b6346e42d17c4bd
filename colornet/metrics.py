"""Each metric a function of predicted and true colors, giving one value per picture.

The names are those of `colornet.config.METRICS`. NaN stands for "does not apply to this picture"
and becomes null wherever it is written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import torch
from torch import Tensor

from colornet.color import AB_RANGE, to_rgb8

STRONG_CHROMA = 40.0
"""Lab chroma above which a true color counts as strong."""
_SSIM_WINDOW = 11
_SSIM_SIGMA = 1.5
_SSIM_C1, _SSIM_C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


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
    def predicted_colorfulness(self) -> Tensor:
        """(N,)."""
        return colorfulness_of(self.predicted_rgb)

    @cached_property
    def true_colorfulness(self) -> Tensor:
        """(N,)."""
        return colorfulness_of(self.true_rgb)

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
    x, y = pair.predicted_rgb, pair.true_rgb
    mean_x, mean_y = _smooth(x), _smooth(y)
    variance_x = _smooth(x * x) - mean_x * mean_x
    variance_y = _smooth(y * y) - mean_y * mean_y
    covariance = _smooth(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _SSIM_C1) / (mean_x**2 + mean_y**2 + _SSIM_C1)
    structure = (2 * covariance + _SSIM_C2) / (variance_x + variance_y + _SSIM_C2)
    return (luminance * structure).mean((1, 2, 3))


def _smooth(planes: Tensor) -> Tensor:
    """SSIM's Gaussian window at every place where it fits: (..., H, W) -> (..., H - 10, W - 10).

    Two matrix products, which for small pictures take a tenth of the time of a convolution.
    """
    height, width = planes.shape[-2:]
    return _window(height, planes.device) @ planes @ _window(width, planes.device).T


@cache
def _window(length: int, device: torch.device) -> Tensor:
    """Gaussian weights (length - 10, length): row i holds the window over i .. i + 10."""
    offset = torch.arange(_SSIM_WINDOW, dtype=torch.float64) - _SSIM_WINDOW // 2
    weights = torch.exp(-(offset**2) / (2 * _SSIM_SIGMA**2))
    weights /= weights.sum()
    window = torch.zeros(length - _SSIM_WINDOW + 1, length, dtype=torch.float64)
    for row, line in enumerate(window):
        line[row : row + _SSIM_WINDOW] = weights
    return window.float().to(device)


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
    return pair.predicted_colorfulness


def colorfulness_gap(pair: Pair) -> Tensor:
    """|Colorfulness of the prediction - that of the truth|."""
    return (pair.predicted_colorfulness - pair.true_colorfulness).abs()


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
