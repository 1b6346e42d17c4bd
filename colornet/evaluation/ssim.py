"""Structural similarity: whether edges and textures are where they were."""

from functools import cache

import torch
from torch import Tensor

_WINDOW = 11
_SIGMA = 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def structural_similarity(first: Tensor, second: Tensor) -> Tensor:
    """SSIM (Wang et al. 2004): Gaussian 11 x 11, sigma 1.5, K 0.01 and 0.03, where it fits.

    Args:
        first: (N, C, H, W) in [0, 255]; `second` likewise.

    Returns:
        (N,) in [-1, 1], means over places and channels; NaN for pictures smaller than the window.
    """
    if min(first.shape[-2:]) < _WINDOW:
        return first.new_full((len(first),), torch.nan)
    mean_first, mean_second = _smooth(first), _smooth(second)
    product = mean_first * mean_second
    squares = mean_first.square_().add_(mean_second.square_())
    # The two variances occur as their sum only.
    variances = _smooth(first * first + second * second).sub_(squares).add_(_C2)
    covariance = _smooth(first * second).sub_(product)
    likeness = product.mul_(2).add_(_C1).div_(squares.add_(_C1))
    likeness *= covariance.mul_(2).add_(_C2)
    return likeness.div_(variances).mean((1, 2, 3))


def _smooth(planes: Tensor) -> Tensor:
    """The Gaussian window at every place where it fits: (..., H, W) -> (..., H - 10, W - 10).

    Two matrix products, which for small pictures take a tenth of the time of a convolution.
    """
    height, width = planes.shape[-2:]
    return _window(height, planes.device) @ planes @ _window(width, planes.device).T


@cache
def _window(length: int, device: torch.device) -> Tensor:
    """Gaussian weights (length - 10, length): row i holds the window over i .. i + 10."""
    offset = torch.arange(_WINDOW, dtype=torch.float64) - _WINDOW // 2
    weights = torch.exp(-(offset**2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    window = torch.zeros(length - _WINDOW + 1, length, dtype=torch.float64)
    for row, line in enumerate(window):
        line[row : row + _WINDOW] = weights
    return window.float().to(device)
