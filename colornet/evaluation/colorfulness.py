"""How colorful a picture is, after Hasler & Süsstrunk 2003."""

import torch
from torch import Tensor


def opponents_of(rgb: Tensor) -> Tensor:
    """Red against green, and yellow against blue: (N, 3, H, W) in [0, 255] -> (N, 2, H, W)."""
    red, green, blue = rgb.unbind(1)
    return torch.stack((red - green, (red + green).mul_(0.5).sub_(blue)), 1)


def colorfulness_of(opponents: Tensor) -> Tensor:
    """M3: 0 for grey, 85.53 for pure red, 109 for what people call extremely colorful.

    Args:
        opponents: (N, 2, H, W), as `opponents_of` gives them.

    Returns:
        (N,): the norm of the two deviations + 0.3 x the norm of the two means.
    """
    variances, means = torch.var_mean(opponents.flatten(2), 2, correction=0)
    return variances.sum(1).sqrt() + 0.3 * means.square().sum(1).sqrt()
