"""How different two colors look: CIEDE2000."""

import math

import torch
from torch import Tensor

_TURN = 2 * math.pi
_FAR = 30.0
"""exp(-30) adds nothing any more, and exp(-100) is a denormal number, which is slow."""


def ciede2000_of(first: Tensor, second: Tensor) -> Tensor:
    """The CIEDE2000 difference (Sharma, Wu & Dalal 2005) of colors of equal lightness.

    With equal lightness L enters nowhere: its difference is 0, and it scales that difference only.

    Args:
        first: (N, 2, H, W), a and b in Lab units; `second` likewise.

    Returns:
        (N, H, W), 0 or more; about 1 is just noticeable.
    """
    # Equations 2 to 5: a' = (1 + G) a with G = (1 - sqrt(C^7 / (C^7 + 25^7))) / 2 widens the
    # neutral axis, where a and b are not felt alike.
    mean = (chroma_of(first) + chroma_of(second)).mul_(0.5)
    stretch = 1.5 - 0.5 * _saturation(mean)
    (a1, b1), (a2, b2) = first.unbind(1), second.unbind(1)
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = _length(a1, b1), _length(a2, b2)
    # Equations 7, 10 and 14: hue angles, their difference and their mean, both by the shorter way.
    hue = torch.atan2(b1, a1)
    turn = torch.atan2(b2, a2).sub_(hue)
    turn -= torch.round(turn / _TURN).mul_(_TURN)
    hue += turn / 2
    mean = (c1 + c2).mul_(0.5)
    weight = (  # T of equation 15
        (1 - 0.17 * torch.cos(hue - math.radians(30)))
        .add_(torch.cos(hue * 2), alpha=0.24)
        .add_(torch.cos(3 * hue + math.radians(6)), alpha=0.32)
        .sub_(torch.cos(4 * hue - math.radians(63)), alpha=0.20)
    )
    # Equations 9, 11, 19 and 20: differences of chroma and hue over S_C and S_H.
    by_chroma = (c2 - c1) / (1 + 0.045 * mean)
    by_hue = (c1 * c2).sqrt_().mul_(2).mul_(turn.mul_(0.5).sin_())
    by_hue /= 1 + 0.015 * mean * weight
    # R_T of equations 16, 17 and 21: around 275 degrees, in blue, chroma and hue are felt together.
    from_blue = torch.remainder(hue, _TURN).sub_(math.radians(275)).div_(math.radians(25))
    from_blue.square_().clamp_max_(_FAR)
    rotation = from_blue.neg_().exp_().mul_(math.radians(60)).sin_()
    rotation *= _saturation(mean).mul_(-2)
    # Equation 22 without the term of lightness. The square of equal colors may round below 0.
    square = by_chroma.square() + by_hue.square() + rotation * by_chroma * by_hue
    return square.clamp_min_(0).sqrt_()


def chroma_of(color: Tensor) -> Tensor:
    """Distance from grey: (N, 2, H, W) -> (N, H, W), Lab units."""
    return _length(*color.unbind(1))


def _length(x: Tensor, y: Tensor) -> Tensor:
    """sqrt(x² + y²), in a quarter of the time of torch.hypot, a hundredth of that of a norm."""
    return (x * x).addcmul_(y, y).sqrt_()


def _saturation(chroma: Tensor) -> Tensor:
    """sqrt(C^7 / (C^7 + 25^7)), from 0 for grey towards 1."""
    square = chroma * chroma
    power = square * square * square * chroma
    return power.div_(power + 25.0**7).sqrt_()
