"""What the landscapes show: four compositions of sky, terrain and things, one a class."""

from collections.abc import Callable

import numpy as np

from colornet.data.scenery import terrain, things
from colornet.data.scenery.canvas import Canvas
from colornet.data.scenery.light import DAY, GOLDEN, Light, choose_light

_Composition = Callable[[Canvas, np.random.Generator, Light], None]


def draw_scene(seed: int, index: int, size: int) -> np.ndarray:
    """Landscape `index` of the series `seed`: sRGB bytes (size, size, 3)."""
    layout, texture = (np.random.default_rng((seed, index, stream)) for stream in (0, 1))
    canvas = Canvas(size, texture)
    light = choose_light(layout)
    _COMPOSITIONS[CLASSES[index % len(CLASSES)]](canvas, layout, light)
    return canvas.finish()


def _mountains(canvas: Canvas, rng: np.random.Generator, light: Light) -> None:
    base = rng.uniform(0.62, 0.74)
    sky = terrain.paint_sky(canvas, rng, light, base)
    terrain.paint_mountains(canvas, rng, light, base, rng.uniform(0.38, 0.55), sky.haze)
    if rng.random() < 0.4:
        terrain.paint_sea(canvas, rng, light, base, sky)
        ground = rng.uniform(0.86, 0.93)
    else:
        terrain.paint_hills(canvas, rng, light, base + 0.05, rng.uniform(0.06, 0.12), 0.5)
        ground = rng.uniform(0.78, 0.86)
    crest = terrain.paint_meadow(canvas, rng, light, ground)
    canvas.begin_drawing()
    if rng.random() < 0.45:
        x = rng.uniform(0.2, 0.8)
        things.draw_house(canvas, rng, light, x, _at(crest, x) + 0.05, rng.uniform(0.18, 0.26))
    _forest(canvas, rng, light, crest, things.draw_conifer, (3, 8), (0.14, 0.30))


def _sea(canvas: Canvas, rng: np.random.Generator, light: Light) -> None:
    horizon = rng.uniform(0.40, 0.58)
    sky = terrain.paint_sky(canvas, rng, light, horizon)
    if rng.random() < 0.35:
        terrain.paint_mountains(canvas, rng, light, horizon, rng.uniform(0.10, 0.2), sky.haze)
    terrain.paint_sea(canvas, rng, light, horizon, sky)
    beach = rng.random() < 0.4
    if beach:
        terrain.paint_beach(canvas, rng, light, rng.uniform(0.84, 0.94))
    canvas.begin_drawing()
    if rng.random() < 0.3:
        x = rng.choice([rng.uniform(0.08, 0.25), rng.uniform(0.75, 0.92)])
        things.draw_lighthouse(canvas, rng, light, x, horizon + 0.06, rng.uniform(0.28, 0.42))
    lowest = 0.72 if beach else 0.9
    for y in np.sort(rng.uniform(horizon + 0.06, lowest, int(rng.integers(1, 4)))):
        length = 0.12 + 0.42 * (y - horizon) * rng.uniform(0.8, 1.3)
        things.draw_sailing_boat(canvas, rng, light, rng.uniform(0.12, 0.88), float(y), length)


def _meadow(canvas: Canvas, rng: np.random.Generator, light: Light) -> None:
    horizon = rng.uniform(0.48, 0.64)
    sky = terrain.paint_sky(canvas, rng, light, horizon)
    if rng.random() < 0.4:
        terrain.paint_mountains(canvas, rng, light, horizon, rng.uniform(0.12, 0.25), sky.haze)
    terrain.paint_hills(canvas, rng, light, horizon + 0.02, rng.uniform(0.05, 0.12), 0.4)
    crest = terrain.paint_meadow(canvas, rng, light, horizon)
    canvas.begin_drawing()
    if rng.random() < 0.3:
        x = rng.uniform(0.15, 0.85)
        things.draw_house(canvas, rng, light, x, _at(crest, x) + 0.05, rng.uniform(0.17, 0.25))
    if light in (DAY, GOLDEN) and rng.random() < 0.4:
        things.draw_flowers(canvas, rng, light, horizon, int(rng.integers(40, 100)))
    _forest(canvas, rng, light, crest, things.draw_broadleaf, (1, 5), (0.18, 0.42))


def _village(canvas: Canvas, rng: np.random.Generator, light: Light) -> None:
    horizon = rng.uniform(0.46, 0.58)
    sky = terrain.paint_sky(canvas, rng, light, horizon)
    if rng.random() < 0.5:
        terrain.paint_mountains(canvas, rng, light, horizon, rng.uniform(0.15, 0.3), sky.haze)
    terrain.paint_hills(canvas, rng, light, horizon + 0.03, rng.uniform(0.08, 0.16), 0.4)
    crest = terrain.paint_meadow(canvas, rng, light, horizon + 0.04)
    canvas.begin_drawing()
    _forest(canvas, rng, light, crest, things.draw_broadleaf, (1, 4), (0.12, 0.2))
    for y in np.sort(rng.uniform(horizon + 0.1, 0.92, int(rng.integers(2, 5)))):
        width = 0.16 + 0.34 * (y - horizon)
        things.draw_house(canvas, rng, light, rng.uniform(0.08, 0.92), float(y), width)
    tree = things.draw_broadleaf if rng.random() < 0.6 else things.draw_conifer
    for y in np.sort(rng.uniform(0.8, 1.0, int(rng.integers(1, 4)))):
        tree(canvas, rng, light, rng.uniform(0.02, 0.98), float(y), rng.uniform(0.2, 0.3))


def _at(crest: np.ndarray, x: float) -> float:
    """The height of a crest at a fraction of the side."""
    return float(crest[min(int(x * len(crest)), len(crest) - 1)])


def _forest(
    canvas: Canvas,
    rng: np.random.Generator,
    light: Light,
    crest: np.ndarray,
    draw: Callable[..., None],
    count: tuple[int, int],
    height: tuple[float, float],
) -> None:
    """Trees on the ground that begins at `crest`, the nearer ones taller and drawn last."""
    for nearness in np.sort(rng.random(int(rng.integers(count[0], count[1] + 1)))):
        x = rng.uniform(0.02, 0.98)
        foot = _at(crest, x)
        tall = height[0] + (height[1] - height[0]) * nearness
        draw(canvas, rng, light, x, foot + 0.02 + (0.98 - foot) * 0.6 * nearness, tall)


_COMPOSITIONS: dict[str, _Composition] = {
    "mountains": _mountains,
    "sea": _sea,
    "meadow": _meadow,
    "village": _village,
}
CLASSES = tuple(_COMPOSITIONS)
