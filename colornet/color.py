"""RGB <-> Lab, and the ranges the networks work in: defined here and nowhere else.

Shapes: N pictures, H x W pixels. `lightness` (N, 1, H, W) in [-1, 1] is L / 50 - 1; `ab`
(N, 2, H, W) is (a, b) / 110, within [-1, 1] for every color a screen can show. L in [0, 100] and
a, b in about [-108, 98] are CIE Lab under D65 / 2 degrees, as scikit-image computes them.

Everything is float32, outside autocast: bfloat16 cannot hold a color.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch
from kornia.color import lab_to_rgb, rgb_to_lab
from torch import Tensor

LIGHTNESS_HALF_RANGE = 50.0
"""Lab units of L per unit of the networks."""
AB_RANGE = 110.0
"""Lab units of a and b per unit of the networks."""

# sRGB to XYZ, divided by the D65 white point: the XYZ of white becomes (1, 1, 1).
_WHITE = (0.95047, 1.0, 1.08883)
_RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_LINEAR_BELOW = 0.008856
"""Where CIE's cube root gives way to a straight line."""
_GAMUT_STEPS = 14
"""Halvings in the search for the gamut's edge: an error of 110 / 2**14 Lab units."""
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
        # exp(log / 3) costs half of pow on a CPU.
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
    with full_precision(rgb.device):
        lab = rgb_to_lab(rgb.float().clamp(0, 1))
    return lab[:, :1] / LIGHTNESS_HALF_RANGE - 1, lab[:, 1:] / AB_RANGE


def rgb_from_lab(lightness: Tensor, ab: Tensor) -> Tensor:
    """Float pictures (N, 3, H, W), differentiable; outside [0, 1] for colors that sRGB lacks."""
    with full_precision(lightness.device):
        return lab_to_rgb(join_lab(lightness, ab), clip=False)


def to_rgb8(lightness: Tensor, ab: Tensor) -> Tensor:
    """The picture as a screen shows it: clipped to sRGB and rounded to 8 bits.

    Returns:
        (N, 3, H, W) float32, whole numbers in [0, 255].
    """
    with full_precision(lightness.device):
        return lab_to_rgb(join_lab(lightness, ab)).mul_(255).round_()


def fit_gamut(lightness: Tensor, ab: Tensor) -> Tensor:
    """Pull colors that sRGB lacks towards grey, at the same lightness and hue.

    Clipping RGB instead would change the lightness, by up to 20 Lab units for a vivid blue.

    Args:
        lightness: (N, 1, H, W) in [-1, 1].
        ab: (N, 2, H, W).

    Returns:
        ab (N, 2, H, W), scaled per pixel by the largest factor in [0, 1] that sRGB can show.
    """
    outside = ~_in_gamut(lightness, ab)[:, 0]
    if not outside.any():
        return ab
    pixels = outside.nonzero(as_tuple=True)
    edge_lightness = lightness.movedim(1, -1)[pixels].T[None, :, None]
    edge_ab = ab.movedim(1, -1)[pixels].T[None, :, None]
    low = torch.zeros_like(edge_lightness)
    high = torch.ones_like(edge_lightness)
    for _ in range(_GAMUT_STEPS):
        middle = (low + high) / 2
        fits = _in_gamut(edge_lightness, edge_ab * middle)
        low = torch.where(fits, middle, low)
        high = torch.where(fits, high, middle)
    fitted = ab.movedim(1, -1).clone()
    fitted[pixels] = (edge_ab * low)[0, :, 0].T
    return fitted.movedim(-1, 1)


def _in_gamut(lightness: Tensor, ab: Tensor) -> Tensor:
    """Whether sRGB has the color, (N, 1, H, W) bool."""
    lab = join_lab(lightness, ab)
    y = (lab[:, :1] + 16) / 116
    f = torch.cat((y + lab[:, 1:2] / 500, y, y - lab[:, 2:] / 200), dim=1)
    xyz = torch.where(f > _LINEAR_BELOW ** (1 / 3), f**3, (f - 4 / 29) / 7.787)
    inverse = torch.linalg.inv(_xyz_matrix(lab.device).cpu().double()).float().to(lab.device)
    linear = torch.einsum("ij,njhw->nihw", inverse, xyz)
    low = linear.amin(1, keepdim=True) >= -_GAMUT_SLACK
    return low & (linear.amax(1, keepdim=True) <= 1 + _GAMUT_SLACK)
