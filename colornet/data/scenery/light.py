"""Times of day: what the sky looks like, and what its light makes of a material.

Every time of day has its own course of lightness down the sky and its own brightness of the land,
so that the colors can be told from a black-and-white picture.
"""

from dataclasses import dataclass

import numpy as np

from colornet.data.scenery.canvas import Lab, lch

# Ordinary materials stay below this chroma, so that chroma above 40 marks the few vivid things.
ORDINARY_CHROMA = 39.0


@dataclass(frozen=True)
class Light:
    """One time of day.

    share: how often it comes. sky: (place from zenith 0 to horizon 1, lightness, chroma, hue in
    degrees), top down. brightness, saturation: factors on the lightness and on the ab of what the
    light falls on; tint: ab added to it. cloud: lightness, chroma, hue; cloud_shade: how much
    darker it is below; cloudiness: range of the cover. mirrored: how much of the water's color is
    the sky's. streaks: clouds in bands, and a sun so low that it glitters on water. sun: range of
    its height above the horizon, as a share of the sky, or None. stars: how many.
    """

    name: str
    share: float
    sky: tuple[tuple[float, float, float, float], ...]
    brightness: float
    saturation: float
    tint: tuple[float, float]
    cloud: tuple[float, float, float]
    cloud_shade: float
    cloudiness: tuple[float, float]
    mirrored: float
    streaks: bool = False
    sun: tuple[float, float] | None = None
    stars: int = 0

    def sky_column(self, heights: np.ndarray) -> np.ndarray:
        """Lab (m, 3) of the sky at `places` (m,), 0 = zenith, 1 = horizon."""
        stops = np.array([lch(*stop[1:]) for stop in self.sky], np.float32)
        at = [stop[0] for stop in self.sky]
        return np.stack([np.interp(heights, at, stops[:, k]) for k in range(3)], axis=-1)

    def on(self, material: Lab, vivid: bool = False) -> Lab:
        """What `material` (Lab in plain daylight) looks like in this light."""
        lightness, a, b = material
        keep = self.saturation**0.3 if vivid else self.saturation
        a, b = a * keep + self.tint[0], b * keep + self.tint[1]
        if not vivid:
            excess = max(1.0, float(np.hypot(a, b)) / ORDINARY_CHROMA)
            a, b = a / excess, b / excess
        return (lightness * self.brightness, a, b)


C = ORDINARY_CHROMA
DAY = Light(
    name="day",
    share=0.43,
    sky=((0.0, 45, C, 288), (0.45, 59, C, 258), (1.0, 79, 36, 228)),
    brightness=1.0,
    saturation=1.0,
    tint=(0, 0),
    cloud=(97, 3, 250),
    cloud_shade=14,
    cloudiness=(0.0, 0.6),
    mirrored=0.2,
    sun=(0.6, 0.85),
)
GOLDEN = Light(
    name="golden hour",
    share=0.20,
    sky=((0.0, 68, 37, 40), (0.5, 80, C, 66), (1.0, 91, C, 84)),
    brightness=0.86,
    saturation=0.9,
    tint=(11, 12),
    cloud=(66, 34, 20),
    cloud_shade=-18,
    cloudiness=(0.1, 0.6),
    mirrored=0.9,
    streaks=True,
    sun=(0.15, 0.5),
)
SUNSET = Light(
    name="sunset",
    share=0.19,
    sky=((0.0, 27, C, 308), (0.4, 42, C, 345), (0.75, 60, C, 40), (1.0, 77, C, 68)),
    brightness=0.42,
    saturation=0.15,
    tint=(27, -24),
    cloud=(38, 36, 335),
    cloud_shade=-24,
    cloudiness=(0.3, 0.7),
    mirrored=0.85,
    streaks=True,
    sun=(-0.05, 0.2),
)
DUSK = Light(
    name="dusk",
    share=0.13,
    sky=((0.0, 10, 34, 294), (0.5, 22, C, 298), (1.0, 45, C, 325)),
    brightness=0.27,
    saturation=0.15,
    tint=(17, -32),
    cloud=(20, 30, 305),
    cloud_shade=4,
    cloudiness=(0.05, 0.3),
    mirrored=0.75,
    streaks=True,
    sun=(0.35, 0.8),
    stars=40,
)
OVERCAST = Light(
    name="overcast",
    share=0.035,
    sky=((0.0, 58, 24, 270), (1.0, 78, 16, 250)),
    brightness=0.7,
    saturation=0.75,
    tint=(-1, -2),
    cloud=(78, 10, 262),
    cloud_shade=26,
    cloudiness=(0.9, 1.3),
    mirrored=0.4,
)
LIGHTS = (DAY, GOLDEN, SUNSET, DUSK, OVERCAST)


def choose_light(rng: np.random.Generator) -> Light:
    """A time of day, by share."""
    bounds = np.cumsum([light.share for light in LIGHTS])
    return LIGHTS[int(np.searchsorted(bounds, rng.random() * bounds[-1]))]
