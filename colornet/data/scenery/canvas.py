"""A supersampled canvas in CIE Lab: colors mix in Lab, textures change the lightness.

Drawing in Lab keeps the promise that matters for colorization: texture lives in the lightness,
color is smooth within a material. Only the small final picture is converted to sRGB.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

Lab: TypeAlias = tuple[float, float, float]
Point: TypeAlias = tuple[float, float]

SMALLEST_CANVAS = 96
SUPERSAMPLING = 2

# sRGB (IEC 61966-2-1) from XYZ with the D65 white, as scikit-image's lab2rgb has it.
_WHITE = np.array([0.95047, 1.0, 1.08883], np.float32)
_RGB_FROM_XYZ = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ],
    np.float32,
)


def lch(lightness: float, chroma: float, hue: float) -> Lab:
    """Lab of a lightness (0-100), a chroma and a hue angle in degrees (0 = pink, 90 = yellow)."""
    angle = np.deg2rad(hue)
    return (lightness, float(chroma * np.cos(angle)), float(chroma * np.sin(angle)))


def rgb_from_lab(lab: np.ndarray) -> np.ndarray:
    """sRGB bytes (..., 3) of Lab floats (..., 3); colors outside the gamut are clipped."""
    y = (lab[..., 0] + 16.0) / 116.0
    f = np.stack([y + lab[..., 1] / 500.0, y, y - lab[..., 2] / 200.0], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, (f - 16 / 116) / 7.787) * _WHITE
    linear = np.clip(xyz @ _RGB_FROM_XYZ.T, 0.0, 1.0)
    rgb = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return np.rint(rgb * 255.0).astype(np.uint8)


class Canvas:
    """A square picture in the making; places are fractions of its side, y downwards.

    `lab` (n, n, 3) is painted first (sky, land, water); `begin_drawing` freezes it to bytes for
    things with outlines. `texture_rng` is for fine grain that depends on the size; everything
    that decides what the picture shows comes from the caller's own generator, so that a picture
    shows the same scene at every size.
    """

    def __init__(self, size: int, texture_rng: np.random.Generator) -> None:
        self.size = size
        self.n = max(SMALLEST_CANVAS, SUPERSAMPLING * size)
        self.texture_rng = texture_rng
        self.lab = np.zeros((self.n, self.n, 3), np.float32)
        steps = (np.arange(self.n, dtype=np.float32) + 0.5) / self.n
        self.x = steps[None, :]
        self.y = steps[:, None]

    def row(self, y: float) -> int:
        """Row index of height `y`, within the canvas."""
        return int(np.clip(round(y * self.n), 0, self.n - 1))

    def blend(self, alpha: np.ndarray, color: np.ndarray | Lab, top: int = 0) -> None:
        """Mix `color` (broadcast to rows, n, 3) in by `alpha` (rows, n), from row `top` down."""
        part = self.lab[top : top + alpha.shape[0]]
        part += alpha[..., None] * (np.asarray(color, np.float32) - part)

    def noise(
        self, rng: np.random.Generator, rows: int, columns: int, height: int | None = None
    ) -> np.ndarray:
        """Smooth noise in [-1, 1] from a rows x columns grid, (height or n, n)."""
        grid = rng.integers(0, 256, (rows, columns), dtype=np.uint8)
        image = Image.fromarray(grid).resize((self.n, height or self.n), Image.Resampling.BICUBIC)
        return np.asarray(image, np.float32) * (2 / 255) - 1

    def begin_drawing(self) -> None:
        """From here on things are drawn over the painted ground."""
        encoded = self.lab * np.array([2.55, 1, 1], np.float32)
        encoded += np.array([0.5, 128.5, 128.5], np.float32)
        self._image = Image.fromarray(np.clip(encoded, 0, 255).astype(np.uint8))
        self._draw = ImageDraw.Draw(self._image)

    @staticmethod
    def _ink(color: Lab) -> tuple[int, int, int]:
        encoded = (color[0] * 2.55 + 0.5, color[1] + 128.5, color[2] + 128.5)
        lightness, a, b = (int(min(max(value, 0), 255)) for value in encoded)
        return lightness, a, b

    def polygon(self, points: Sequence[Point], color: Lab) -> None:
        """A filled polygon."""
        n = self.n
        self._draw.polygon([(x * n, y * n) for x, y in points], fill=self._ink(color))

    def ellipse(self, x: float, y: float, rx: float, ry: float, color: Lab) -> None:
        """A filled ellipse around (x, y)."""
        n = self.n
        self._draw.ellipse(
            ((x - rx) * n, (y - ry) * n, (x + rx) * n, (y + ry) * n), fill=self._ink(color)
        )

    def line(self, points: Sequence[Point], color: Lab, width: float) -> None:
        """A line of `width` (a fraction of the side, at least one canvas pixel)."""
        n, pixels = self.n, max(1, round(width * self.n))
        self._draw.line([(x * n, y * n) for x, y in points], self._ink(color), pixels)

    def finish(self) -> np.ndarray:
        """The picture as sRGB bytes (size, size, 3)."""
        small = self._image.resize((self.size, self.size), Image.Resampling.LANCZOS)
        lab = np.asarray(small, np.float32) - np.array([0, 128, 128], np.float32)
        lab[..., 0] /= 2.55
        return rgb_from_lab(lab)
