"""RGB <-> Lab, and the ranges the networks work in: defined here and nowhere else.

Shapes: N pictures, H x W pixels. `lightness` (N, 1, H, W) in [-1, 1] is L / 50 - 1; `ab`
(N, 2, H, W) is (a, b) / 110, within [-1, 1] for every color a screen can show. L in [0, 100] and
a, b in about [-108, 98] are CIE Lab under D65 / 2 degrees, as scikit-image computes them.

Everything is float32, outside autocast: bfloat16 cannot hold a color.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch
from torch import Tensor

LIGHTNESS_HALF_RANGE = 50.0
"""Lab units of L per unit of the networks."""
AB_RANGE = 110.0
"""Lab units of a and b per unit of the networks."""

# sRGB to XYZ (IEC 61966-2-1) and the D65 white at 2 degrees, as scikit-image has both; divided by
# the white, the XYZ of white is (1, 1, 1).
_WHITE = (0.95047, 1.0, 1.08883)
_RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_LINEAR_BELOW = 0.008856
"""Where CIE's cube root gives way to a straight line: (6 / 29)^3, whose slope there is 7.787."""
_HALVINGS, _GAMUT_STEPS = 5, 9
"""Steps in the search for the gamut's edge: halvings that find it, then false positions."""
_GAMUT_SLACK = 1e-4
"""Linear RGB outside [0, 1] by this is still a color: less than a tenth of an 8-bit step."""


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Outside autocast; the meta device, on which costs are counted, has none to leave."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


@cache
def _linear_table(device: torch.device) -> Tensor:
    """Linear light of the 256 sRGB values, (256,)."""
    # IEC 61966-2-1: a straight line near black, a power of 2.4 above it.
    value = torch.arange(256, dtype=torch.float64) / 255
    linear = torch.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
    return linear.float().to(device)


@cache
def _xyz_matrix(device: torch.device) -> Tensor:
    matrix = torch.tensor(_RGB_TO_XYZ, dtype=torch.float64)
    return (matrix / torch.tensor(_WHITE, dtype=torch.float64)[:, None]).float().to(device)


def split_lab(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """What the generator sees, and what it has to predict.

    A table replaces the sRGB power function, which makes this twice as fast as kornia's
    `rgb_to_lab` (tests hold it to scikit-image within 1e-3 Lab units).

    Args:
        rgb: (N, H, W, 3) uint8.

    Returns:
        lightness (N, 1, H, W) and ab (N, 2, H, W), float32 on the same device.
    """
    count, height, width, _ = rgb.shape
    table = _linear_table(rgb.device)
    with full_precision(rgb.device):
        planes = rgb.permute(0, 3, 1, 2).reshape(-1).int()
        linear = table.index_select(0, planes).view(count, 3, height * width)
        xyz = torch.matmul(_xyz_matrix(rgb.device), linear)
        # CIE 15:2004, section 8.2.1: L = 116 f(Y) - 16, a = 500 (f(X) - f(Y)), b = 200 (f(Y) -
        # f(Z)), f the cube root. exp(log / 3) costs half of pow on a CPU.
        root = torch.exp(torch.log(xyz.clamp_min(_LINEAR_BELOW)) / 3)
        f = torch.where(xyz > _LINEAR_BELOW, root, 7.787 * xyz + 4 / 29)
        x, y, z = f.unbind(1)
        lightness = (116 / LIGHTNESS_HALF_RANGE) * y - (16 / LIGHTNESS_HALF_RANGE + 1)
        ab = torch.stack(((500 / AB_RANGE) * (x - y), (200 / AB_RANGE) * (y - z)), 1)
    return lightness.view(count, 1, height, width), ab.view(count, 2, height, width)


def join_lab(lightness: Tensor, ab: Tensor) -> Tensor:
    """Lab picture (N, 3, H, W) in Lab units from the networks' units."""
    return torch.cat(((lightness.float() + 1) * LIGHTNESS_HALF_RANGE, ab.float() * AB_RANGE), dim=1)


def lab_from_rgb(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Lightness and ab of float pictures, differentiable.

    Args:
        rgb: (N, 3, H, W); values outside [0, 1] count as the nearest in it.

    Returns:
        lightness (N, 1, H, W) and ab (N, 2, H, W).
    """
    from kornia.color import rgb_to_lab

    with full_precision(rgb.device):
        lab = rgb_to_lab(rgb.float().clamp(0, 1))
    return lab[:, :1] / LIGHTNESS_HALF_RANGE - 1, lab[:, 1:] / AB_RANGE


def rgb_from_lab(lightness: Tensor, ab: Tensor) -> Tensor:
    """Float pictures (N, 3, H, W), differentiable; outside [0, 1] for colors that sRGB lacks."""
    from kornia.color import lab_to_rgb

    with full_precision(lightness.device):
        return lab_to_rgb(join_lab(lightness, ab), clip=False)


def to_rgb8(lightness: Tensor, ab: Tensor) -> Tensor:
    """The picture as a screen shows it: clipped to sRGB and rounded to 8 bits.

    Returns:
        (N, 3, H, W) float32, whole numbers in [0, 255].
    """
    with full_precision(lightness.device):
        y, x, z = _f_of(lightness, ab)
        high, white, low = _from_f(y + x), _from_f(y), _from_f(y + z)
        planes = []
        # One plane at a time, in place: memory, not arithmetic, is what this takes time for.
        for of_x, of_y, of_z in _inverse_matrix():
            linear = (high * of_x).add_(white, alpha=of_y).add_(low, alpha=of_z).clamp_(0, 1)
            bright = linear.pow(1 / 2.4).mul_(1.055).sub_(0.055)
            planes.append(torch.where(linear > 0.0031308, bright, linear.mul_(12.92)))
        return torch.stack(planes, 1).mul_(255).round_()


def fit_gamut(lightness: Tensor, ab: Tensor) -> Tensor:
    """Pull colors that sRGB lacks towards grey, at the same lightness and hue.

    Clipping RGB instead would change the lightness, by up to 20 Lab units for a vivid blue.

    Args:
        lightness: (N, 1, H, W) in [-1, 1].
        ab: (N, 2, H, W).

    Returns:
        ab (N, 2, H, W), scaled per pixel by the largest factor in [0, 1] that sRGB can show.
    """
    y, x, z = _f_of(lightness, ab)
    white = _from_f(y)
    outside = (_beyond(y, white, x, z) > 0).view(-1).nonzero()[:, 0]
    if not len(outside):
        return ab
    y, white, x, z = (plane.reshape(-1)[outside] for plane in (y, white, x, z))
    low, high = torch.zeros_like(y), torch.ones_like(y)
    inner = outer = low
    # The edge is where the factor's distance beyond the gamut crosses 0. Halving brings it between
    # two ends whatever the curve is; from there the line through both ends (regula falsi) finds it
    # in fewer steps.
    for step in range(_GAMUT_STEPS):
        halves = step < _HALVINGS
        between = 0.5 if halves else inner / (inner - outer).clamp_max(-1e-12)
        share = low + (high - low) * between
        beyond = _beyond(y, white, x * share, z * share)
        fits = beyond <= 0
        low, high = torch.where(fits, share, low), torch.where(fits, high, share)
        # The Illinois rule (Dowell & Jarratt 1971): an end that stays counts for half, so that both
        # ends close in.
        inner = torch.where(fits, beyond, inner if halves else inner / 2)
        outer = torch.where(fits, outer if halves else outer / 2, beyond)
    fitted = ab.clone().movedim(1, 0).reshape(2, -1)
    fitted[:, outside] *= low.to(ab.dtype)
    return fitted.view(2, *ab[:, 0].shape).movedim(0, 1)


def _f_of(lightness: Tensor, ab: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """CIE's f of Y, and how much more that of X and of Z is, (N, H, W) float32."""
    y = (lightness[:, 0].float() + 1) * (LIGHTNESS_HALF_RANGE / 116) + 16 / 116
    return y, ab[:, 0].float() * (AB_RANGE / 500), ab[:, 1].float() * (-AB_RANGE / 200)


def _beyond(y: Tensor, white: Tensor, x: Tensor, z: Tensor) -> Tensor:
    """How far linear RGB lies outside [0, 1], with some slack; 0 and less for what sRGB has.

    Args:
        y: CIE's f of the luminance, white: the luminance; x, z: how much more f of the other two
            is; any shape.
    """
    # Linear RGB is within [0, 1] where it is at most 0.5 from the middle.
    furthest = None
    high, low = _from_f(y + x), _from_f(y + z)
    for of_x, of_y, of_z in _inverse_matrix():
        linear = (high * of_x).add_(white, alpha=of_y).add_(low, alpha=of_z)
        distance = linear.sub_(0.5).abs_()
        furthest = distance if furthest is None else torch.maximum(furthest, distance, out=furthest)
    assert furthest is not None
    return furthest.sub_(0.5 + _GAMUT_SLACK)


def _from_f(f: Tensor) -> Tensor:
    """X, Y or Z, relative to white, from CIE's f of it."""
    cube = f * f
    cube.mul_(f)
    dark = f <= _LINEAR_BELOW ** (1 / 3)
    # Most batches have no such pixel: asking costs less than a second branch for all.
    return torch.where(dark, (f - 4 / 29).div_(7.787), cube) if dark.any() else cube


@cache
def _inverse_matrix() -> list[list[float]]:
    """Linear RGB from XYZ relative to white: three rows."""
    return torch.linalg.inv(_xyz_matrix(torch.device("cpu")).double()).tolist()
