"""Sky, mountains, hills, sea and meadow: everything without an outline of its own.

Each function paints a full-width layer onto the canvas; heights are fractions of the side.
"""

from dataclasses import dataclass

import numpy as np

from colornet.data.scenery.canvas import Canvas, Lab, lch
from colornet.data.scenery.light import DAY, DUSK, ORDINARY_CHROMA, OVERCAST, Light

ROCK = lch(47, 34, 290)
SNOW = lch(97, 3, 255)
FOREST = lch(35, 35, 138)
GRASS = lch(66, 37.5, 128)
SEA = lch(48, ORDINARY_CHROMA, 219)
SAND = lch(80, 36, 80)
GLOW = lch(92, ORDINARY_CHROMA, 82)


def fractal_line(rng: np.random.Generator, n: int, coarsest: int, octaves: int) -> np.ndarray:
    """A jagged line (n,) of amplitude about 1: octaves of interpolated random heights."""
    total = np.zeros(n, np.float32)
    at = np.linspace(0, 1, n)
    for octave in range(octaves):
        points = coarsest * 2**octave
        heights = rng.uniform(-1, 1, points + 1)
        line = np.interp(at, np.linspace(0, 1, points + 1), heights)
        total += (line / 2**octave).astype(np.float32)
    return total


def smooth_step(values: np.ndarray, width: float) -> np.ndarray:
    """0 below zero, 1 above `width`, linear between."""
    return np.clip(values / width, 0.0, 1.0)


@dataclass(frozen=True)
class Sky:
    """What the land below needs to know: the color at the horizon, and where the sun stands."""

    haze: Lab
    sun_x: float | None


def paint_sky(canvas: Canvas, rng: np.random.Generator, light: Light, horizon: float) -> Sky:
    """Gradient, sun or moon, stars and clouds over the whole canvas down to `horizon`."""
    column = light.sky_column(canvas.y[:, 0] / horizon).astype(np.float32)
    canvas.lab[:] = column[:, None, :]
    last = canvas.row(horizon) + 1
    if light.stars:
        _stars(canvas, rng, light.stars, last)
    sun_x = rng.uniform(0.12, 0.88)
    if light.sun is not None:
        _sun(canvas, rng, light, sun_x, horizon)
    _clouds(canvas, rng, light, last)
    lightness, a, b = light.sky_column(np.array([1.0]))[0].tolist()
    return Sky((lightness, a, b), None if light.sun is None else sun_x)


def _stars(canvas: Canvas, rng: np.random.Generator, count: int, last: int) -> None:
    side = max(1, canvas.n // 160)
    for x, y, glow in rng.random((count, 3)):
        row, column = int(y * 0.8 * last), int(x * canvas.n)
        canvas.lab[row : row + side, column : column + side, 0] += 25 + 45 * glow


def _sun(canvas: Canvas, rng: np.random.Generator, light: Light, x: float, horizon: float) -> None:
    assert light.sun is not None
    last = canvas.row(horizon) + 1
    y = horizon * (1 - rng.uniform(*light.sun))
    radius = rng.uniform(0.035, 0.06)
    distance = np.hypot(canvas.x - x, canvas.y[:last] - y)
    disc = smooth_step(radius - distance, 0.012)
    if light is DUSK:
        # A crescent: the moon less a disc of sky beside it.
        shadow = np.hypot(canvas.x - x - radius * 0.55, canvas.y[:last] - y + radius * 0.3)
        canvas.blend(disc * smooth_step(shadow - radius * 0.85, 0.012), lch(90, 12, 95))
        return
    reach, strength, glow = (0.1, 0.6, lch(94, 14, 225)) if light is DAY else (0.24, 0.6, GLOW)
    canvas.blend(np.exp(-((distance / reach) ** 2)) * strength, glow)
    canvas.blend(disc, lch(98, 16, 98))


def _clouds(canvas: Canvas, rng: np.random.Generator, light: Light, last: int) -> None:
    rows, columns = (9, 3) if light.streaks else (5, 4)
    body = canvas.noise(rng, rows, columns, last)
    body += 0.5 * canvas.noise(rng, rows * 2 + 1, columns * 3, last)
    body += 0.28 * canvas.noise(rng, rows * 4, columns * 6, last)
    body += 0.16 * canvas.noise(rng, rows * 9, columns * 14, last)
    cover = rng.uniform(*light.cloudiness)
    alpha = smooth_step(body - (1.0 - cover * 1.1), 0.35) * 0.92
    lightness, chroma, hue = light.cloud
    shade = smooth_step(body - (1.1 - cover), 1.0)
    color = np.full((last, canvas.n, 3), lch(lightness, chroma, hue), np.float32)
    color[..., 0] -= light.cloud_shade * (1 - shade if light.streaks else shade * 0.8)
    if light is OVERCAST:
        alpha *= 0.8
    canvas.blend(alpha, color)


def paint_mountains(
    canvas: Canvas, rng: np.random.Generator, light: Light, base: float, height: float, haze: Lab
) -> None:
    """A range of peaks standing on `base`, `height` above it, lit from the left, snow on top.

    The rock goes on a little below `base`, for whatever stands before it to cover.
    """
    peaks = int(rng.integers(2, 6))
    centers = np.sort((np.arange(peaks) + rng.uniform(0.1, 0.9, peaks)) / peaks).astype(np.float32)
    tops = (height * rng.uniform(0.55, 1.0, peaks)).astype(np.float32)
    slopes = rng.uniform(0.8, 1.5, peaks).astype(np.float32)
    cones = tops[:, None] - slopes[:, None] * np.abs(canvas.x - centers[:, None])
    nearest = cones.argmax(axis=0)
    crest = cones.max(axis=0) + height * 0.10 * fractal_line(rng, canvas.n, 8, 5)
    crest = base - np.maximum(crest, height * 0.12)
    top, bottom = canvas.row(max(0.0, float(crest.min()))), canvas.row(base + 0.12)
    y = canvas.y[top:bottom]
    rough = canvas.noise(rng, 14, 18, bottom - top) + 0.6 * canvas.noise(rng, 30, 40, bottom - top)
    grain = canvas.noise(canvas.texture_rng, canvas.n // 5, canvas.n // 4, bottom - top)
    # A valley between two peaks does not run straight down.
    slant = rng.choice([-0.6, 0.6]) * (y - crest) + 0.03 * rough
    column = np.clip((canvas.x + slant) * canvas.n, 0, canvas.n - 1).astype(np.intp)
    spine = centers[nearest[column]] + 0.05 * rough * smooth_step(y - crest, 0.1)
    lit = smooth_step(spine - canvas.x + 0.01, 0.02)
    color = np.full((bottom - top, canvas.n, 3), light.on(ROCK), np.float32)
    color[..., 0] += light.brightness * (20 * lit - 9 + 5 * rough + 4 * grain)
    color[..., 1:] += (lit * 0.5)[..., None] * np.array([5, 9], np.float32) * light.saturation
    snowline = base - height * rng.uniform(0.35, 0.75)
    snow = smooth_step(snowline - y + 0.05 * rough + 0.02 * grain, 0.012)
    white = np.full_like(color, light.on(SNOW))
    white[..., 0] -= light.brightness * (1 - lit) * 20
    color += snow[..., None] * (white - color)
    # Air between: the foot of the range takes on the color of the sky behind it.
    mist = smooth_step(y - (base - height), height) * 0.35
    color += mist[..., None] * (np.asarray(haze, np.float32) - color)
    canvas.blend(smooth_step(y - crest, 1.5 / canvas.n), color, top)


def paint_hills(
    canvas: Canvas, rng: np.random.Generator, light: Light, base: float, height: float, far: float
) -> np.ndarray:
    """Wooded hills down to the bottom; `far` in [0, 1] lightens them. Their crest (n,)."""
    at = np.linspace(0, 2 * np.pi, canvas.n, dtype=np.float32)
    crest = np.zeros(canvas.n, np.float32)
    for wave in range(1, 4):
        crest += np.sin(at * wave * rng.uniform(0.5, 1.2) + rng.uniform(0, 6.3)) / wave
    crest = base - height * (0.55 + 0.3 * crest)
    crest += 0.006 * fractal_line(canvas.texture_rng, canvas.n, 40, 2)
    top = canvas.row(max(0.0, float(crest.min())))
    rows = canvas.n - top
    leaves = canvas.noise(canvas.texture_rng, max(2, rows // 4), canvas.n // 4, rows)
    color = np.full((rows, canvas.n, 3), light.on(FOREST), np.float32)
    color[..., 0] += light.brightness * (14 * far + 9 * leaves)
    canvas.blend(smooth_step(canvas.y[top:] - crest, 1.5 / canvas.n), color, top)
    return crest


def paint_meadow(
    canvas: Canvas, rng: np.random.Generator, light: Light, horizon: float
) -> np.ndarray:
    """Grass from `horizon` to the bottom, blades standing taller towards the eye; crest (n,)."""
    at = np.linspace(0, np.pi * 2, canvas.n, dtype=np.float32)
    crest = horizon + 0.015 * np.sin(at * rng.uniform(0.4, 1.2) + rng.uniform(0, 6.3))
    crest = crest.astype(np.float32)
    top = canvas.row(float(crest.min()))
    rows = canvas.n - top
    depth = smooth_step(canvas.y[top:] - horizon, 1.0 - horizon)
    blades = canvas.noise(canvas.texture_rng, max(2, rows // 7), canvas.n // 2, rows)
    fine = canvas.noise(canvas.texture_rng, max(2, rows // 3), canvas.n // 2, rows)
    patches = canvas.noise(rng, 8, 5, rows)
    color = np.full((rows, canvas.n, 3), light.on(GRASS), np.float32)
    texture = 10 * blades * depth + 6 * fine * (1 - depth) + 5 * patches
    color[..., 0] += light.brightness * (texture + 9 - 16 * depth)
    canvas.blend(smooth_step(canvas.y[top:] - crest, 1.5 / canvas.n), color, top)
    return crest


def paint_sea(
    canvas: Canvas, rng: np.random.Generator, light: Light, horizon: float, sky: Sky
) -> None:
    """Water from `horizon` to the bottom: the sky mirrored, darker, in horizontal waves."""
    top = canvas.row(horizon)
    rows = canvas.n - top
    depth = smooth_step(canvas.y[top:] - horizon, 1.0 - horizon)
    mirror = light.sky_column(1 - depth[:, 0]).astype(np.float32)
    share = light.mirrored
    water = np.array(light.on(SEA), np.float32) * (1 - share) + mirror * share
    water[:, 0] = water[:, 0] * 0.92 + (1 - depth[:, 0]) * 6 * light.brightness
    # Waves lie closer together towards the horizon.
    waves = canvas.noise(canvas.texture_rng, max(4, canvas.n // 3), max(3, canvas.n // 14))
    far = np.log1p(10 * depth[:, 0]) / np.log(11.0)
    waves = waves[np.minimum((far * (canvas.n - 1)).astype(int), canvas.n - 1)]
    color = np.repeat(water[:, None, :], canvas.n, axis=1)
    color[..., 0] += (4 + 8 * light.brightness) * waves * (0.45 + 0.55 * depth)
    if light.streaks and sky.sun_x is not None:
        # The low sun (or moon) glitters on the crests below it.
        path = np.exp(-(((canvas.x - sky.sun_x) / (0.05 + 0.12 * depth)) ** 2))
        glitter = path * (0.35 + 0.65 * smooth_step(waves, 0.3))
        glow = light.on(GLOW) if light is DUSK else GLOW
        color += (0.8 * glitter)[..., None] * (np.array(glow, np.float32) - color)
    foam = smooth_step(waves - 0.62, 0.2) * depth
    color += (0.4 * foam)[..., None] * (np.array(light.on(SNOW), np.float32) - color)
    canvas.blend(np.ones((rows, canvas.n), np.float32), color, top)


def paint_beach(canvas: Canvas, rng: np.random.Generator, light: Light, shore: float) -> None:
    """Sand in the lower corner of the picture, from `shore` down, with a rim of foam."""
    at = np.linspace(0, 1, canvas.n, dtype=np.float32)
    slope = rng.uniform(-0.25, 0.25)
    edge = shore + slope * (at - 0.5) + 0.02 * np.sin(at * 9 + rng.uniform(0, 6)).astype(np.float32)
    top = canvas.row(float(edge.min()) - 0.03)
    y = canvas.y[top:]
    grain = canvas.noise(canvas.texture_rng, canvas.n // 3, canvas.n // 2, canvas.n - top)
    color = np.full((canvas.n - top, canvas.n, 3), light.on(SAND), np.float32)
    color[..., 0] += light.brightness * 3 * grain
    foam = smooth_step(y - edge + 0.025, 0.01)
    canvas.blend(foam * 0.85, light.on(SNOW), top)
    canvas.blend(smooth_step(y - edge, 0.01), color, top)
