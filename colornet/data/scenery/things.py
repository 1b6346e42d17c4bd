"""Trees, houses, boats and flowers: what is drawn with an outline on the finished ground.

Roofs, hulls and flowers are the few vivid colors (chroma above 40). Their lightness does not say
which of them are red, orange, blue or plain: a model that plays safe paints them brown.
"""

from typing import TypeAlias

import numpy as np

from colornet.data.scenery.canvas import Canvas, Lab, Point, lch
from colornet.data.scenery.light import DUSK, SUNSET, Light

NEEDLES = lch(30, 27, 146)
LEAVES = lch(43, 36, 132)
BARK = lch(32, 18, 62)
ROOFS = ((0.55, lch(47, 72, 38)), (0.25, lch(52, 66, 55)), (0.2, lch(47, 9, 270)))
HULLS = ((0.45, lch(42, 74, 34)), (0.3, lch(42, 60, 284)), (0.25, lch(50, 10, 90)))
FLOWERS = ((0.6, lch(50, 80, 36)), (0.4, lch(84, 78, 92)))
WALLS = (lch(91, 14, 88), lch(85, 22, 80), lch(88, 16, 66))
WINDOW = lch(30, 8, 260)
LAMP = lch(82, 66, 82)
SAIL = lch(96, 5, 92)

Edge: TypeAlias = tuple[float, float, float]
"""A level line: from x, to x, at y."""


def _pick(rng: np.random.Generator, shares: tuple[tuple[float, Lab], ...]) -> Lab:
    at = rng.random() * sum(share for share, _ in shares)
    for share, color in shares:
        at -= share
        if at <= 0:
            return color
    return shares[-1][1]


def _trapezoid(first: Edge, second: Edge) -> list[Point]:
    """The corners between two level edges, in their order around it."""
    (left, right, y), (other_left, other_right, other_y) = first, second
    return [(left, y), (right, y), (other_right, other_y), (other_left, other_y)]


def _lighter(color: Lab, by: float) -> Lab:
    return (color[0] + by, color[1], color[2])


def draw_conifer(
    canvas: Canvas, rng: np.random.Generator, light: Light, x: float, y: float, height: float
) -> None:
    """A fir standing at (x, y): tiers of branches, lit from the left."""
    needles = light.on(NEEDLES)
    width = height * rng.uniform(0.19, 0.26)
    canvas.line([(x, y), (x, y - height * 0.2)], light.on(BARK), height * 0.06)
    tiers = 5
    for tier in range(tiers):
        low = y - height * (0.1 + 0.17 * tier)
        half = width * (1 - tier / (tiers + 0.6))
        tip = low - height * 0.30
        shade = light.brightness * rng.uniform(-3, 3)
        for edge, lit in ((x - half, 7), (x + half, -7)):
            color = _lighter(needles, shade + lit * light.brightness)
            canvas.polygon([(edge, low), (x, tip), (x, low + height * 0.025)], color)


def draw_broadleaf(
    canvas: Canvas, rng: np.random.Generator, light: Light, x: float, y: float, height: float
) -> None:
    """A round-crowned tree standing at (x, y): a heap of leaf clumps, brighter upper left."""
    leaves = light.on(LEAVES)
    canvas.line([(x, y), (x, y - height * 0.5)], light.on(BARK), height * 0.075)
    crown = y - height * 0.64
    radius = height * 0.34
    canvas.ellipse(x, crown, radius * 0.95, radius * 0.9, _lighter(leaves, -10 * light.brightness))
    spots = rng.uniform(-1, 1, (22, 2))
    for dx, dy in spots[np.argsort(-spots[:, 1])]:
        if dx * dx + dy * dy > 1:
            continue
        shade = light.brightness * (10 * (-dx * 0.5 - dy * 0.7) + rng.uniform(-4, 4))
        size = radius * rng.uniform(0.16, 0.30)
        spot_x, spot_y = x + dx * radius * 0.95, crown + dy * radius * 0.85
        canvas.ellipse(spot_x, spot_y, size, size * 0.85, _lighter(leaves, shade))


def draw_house(
    canvas: Canvas, rng: np.random.Generator, light: Light, x: float, y: float, width: float
) -> None:
    """A house standing at (x, y): a gable to the left, a long roof of tiles, windows, a chimney."""
    wall = light.on(WALLS[int(rng.integers(len(WALLS)))])
    roof = light.on(_pick(rng, ROOFS), vivid=True)
    front, height = width * 0.36, width * rng.uniform(0.38, 0.52)
    rise, eave = width * rng.uniform(0.30, 0.40), width * 0.04
    left, right, top = x - width / 2, x + width / 2, y - height
    middle = left + front / 2
    dim = 16 * light.brightness
    side = _trapezoid((left + front, right, y), (left + front, right, top))
    canvas.polygon(side, _lighter(wall, -dim))
    canvas.polygon(
        [(left, y), (left, top), (middle, top - rise), (left + front, top), (left + front, y)], wall
    )
    ends = right - width * 0.25, right - width * 0.25 + width * 0.07
    chimney = _trapezoid((*ends, top - rise * 1.25), (*ends, top - rise * 0.5))
    canvas.polygon(chimney, _lighter(wall, -dim * 1.6))
    ridge_end = right - front / 2 + eave
    ridge = (middle - eave * 0.4, ridge_end, top - rise - eave * 0.4)
    gutter = (left + front + eave * 0.2, right + eave, top + eave)
    canvas.polygon(_trapezoid(ridge, gutter), roof)
    canvas.line([(middle, top - rise), (left - eave, top + eave)], _lighter(roof, -6), width * 0.05)
    for step in (0.3, 0.6, 0.9):
        start = middle + (left + front - middle) * step
        end = ridge_end + (right + eave - ridge_end) * step
        level = top - rise + (rise + eave) * step
        canvas.line([(start, level), (end, level)], _lighter(roof, -7 * light.brightness), 0.0)
    for place in (0.25, 0.55, 0.82):
        pane, window = _pane(rng, light), left + front + (right - (left + front)) * place
        half_width = (right - (left + front)) * 0.075
        canvas.polygon(_box(window, top + height * 0.48, half_width, height * 0.18), pane)
    pane = _pane(rng, light)
    canvas.polygon(_box(middle, top + height * 0.35, front * 0.14, height * 0.16), pane)


def _pane(rng: np.random.Generator, light: Light) -> Lab:
    if light in (DUSK, SUNSET) and rng.random() < 0.75:
        return LAMP
    return light.on(WINDOW)


def _box(x: float, y: float, half_width: float, half_height: float) -> list[Point]:
    left, right = x - half_width, x + half_width
    return _trapezoid((left, right, y - half_height), (left, right, y + half_height))


def draw_sailing_boat(
    canvas: Canvas, rng: np.random.Generator, light: Light, x: float, y: float, length: float
) -> None:
    """A boat on the water line (x, y): hull, mast, two sails, and the hull mirrored below."""
    hull = light.on(_pick(rng, HULLS), vivid=True)
    sail = light.on(SAIL)
    deep, half = length * 0.2, length / 2
    mast_top = y - length * rng.uniform(1.0, 1.3)
    mast = x - length * 0.05
    boom = y - deep * 1.25
    mirrored = _trapezoid(
        (x - half * 0.8, x + half * 0.8, y), (x - half * 0.5, x + half * 0.6, y + deep)
    )
    canvas.polygon(mirrored, (hull[0] * 0.75, hull[1] * 0.45, hull[2] * 0.45))
    canvas.line([(mast, y), (mast, mast_top)], light.on(BARK), length * 0.03)
    canvas.polygon([(mast + 0.004, mast_top), (x + half * 0.8, boom), (mast + 0.004, boom)], sail)
    canvas.polygon(
        [(mast - 0.004, mast_top + length * 0.12), (x - half * 0.85, boom), (mast - 0.004, boom)],
        _lighter(sail, -12 * light.brightness),
    )
    rail = (x - half, x + half * 1.1, y - deep)
    canvas.polygon(_trapezoid(rail, (x - half * 0.75, x + half * 0.75, y)), hull)
    canvas.line([(rail[0], rail[2]), (rail[1], rail[2])], _lighter(hull, 22), length * 0.03)


def draw_lighthouse(
    canvas: Canvas, rng: np.random.Generator, light: Light, x: float, y: float, height: float
) -> None:
    """A tower with bands of red, on a rock at (x, y)."""
    half = height * 0.11
    canvas.ellipse(x, y + height * 0.03, height * 0.36, height * 0.13, light.on(lch(35, 12, 70)))
    bands = 5
    red, white = light.on(lch(46, 74, 36), vivid=True), light.on(SAIL)
    for band in range(bands):
        low, high = y - height * 0.78 * band / bands, y - height * 0.78 * (band + 1) / bands
        wide, narrow = half * (1 - 0.09 * band), half * (1 - 0.09 * (band + 1))
        color = red if band % 2 == 0 else white
        canvas.polygon(_trapezoid((x - wide, x + wide, low), (x - narrow, x + narrow, high)), color)
        shaded = _trapezoid((x + wide * 0.3, x + wide, low), (x + narrow * 0.3, x + narrow, high))
        canvas.polygon(shaded, _lighter(color, -10 * light.brightness))
    top = y - height * 0.78
    canvas.polygon(_box(x, top - height * 0.06, half * 0.45, height * 0.06), _pane(rng, light))
    eaves = top - height * 0.11
    canvas.polygon([(x - half * 0.6, eaves), (x, top - height * 0.2), (x + half * 0.6, eaves)], red)


def draw_flowers(
    canvas: Canvas, rng: np.random.Generator, light: Light, horizon: float, count: int
) -> None:
    """Flowers of one kind in drifts over a meadow below `horizon`, larger towards the eye."""
    color = light.on(_pick(rng, FLOWERS), vivid=True)
    center = rng.uniform(0.1, 0.9)
    for nearness, offset, shade in rng.random((count, 3)):
        y = horizon + 0.04 + (0.98 - horizon) * nearness**0.8
        x = center + (offset - 0.5) * (0.3 + 0.5 * nearness)
        size = 0.005 + 0.012 * nearness
        canvas.ellipse(x, y, size, size * 0.8, _lighter(color, 10 * (shade - 0.5)))
