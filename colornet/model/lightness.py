"""Whether pictures look like those that a model was trained on, by their lightness alone.

Six statistics of a picture's L*, at the training's size: mean, standard deviation, 5% and 95%
quantile, mean difference of neighboring pixels, and the share of neighbors that are equal. A
picture is unlike the training's when any of them is outside the range from their 1% to their 99%
quantile; a set of pictures is, when more than half of them are.

Measured at 64 pixels, on 500 training pictures: of others of the same kind 9% are unlike them; to
drawn landscapes 95% of the photos of one set and 87% of another are, to photos 39% of another
set, which is not said, and 24% of drawn landscapes: those are missed. At 32 pixels it is the same
within 5%, and to CIFAR-10 14 to 42% of other photos are unlike. One picture alone would be
called unlike wrongly in 9% of all cases, in 17% with 100 training pictures; four or more of the
training's kind are in .3% (1.9% with 100), five in .9% (4.4%), six in .2% (1.3%).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from colornet.config.reading import json_mapping, read_text
from colornet.data.decode import reduced, to_square_rgb
from colornet.data.packed import Pack
from colornet.errors import InputError
from colornet.model.folder import MANIFEST

NAMES = ("mean", "deviation", "low", "high", "detail", "flat")
SAMPLE = 500
"""Training pictures that ranges are measured on; they are in order of hash."""
LEAST_MEASURED = 100
"""Of fewer training pictures no range says anything."""
LEAST_JUDGED = 4
"""Of fewer pictures nothing is said."""
_EQUAL = 1.0
"""Difference of L*, of 255, up to which neighbors are equal."""
_TO_LAB = ImageCms.buildTransform(
    ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
)


@dataclass(frozen=True)
class TrainingLightness:
    """What the training pictures' lightness was like.

    image_size: side at which it was measured, pixels.
    ranges: from the 1% to the 99% quantile of each statistic, in the order of NAMES.
    """

    image_size: int
    ranges: Sequence[tuple[float, float]]

    @classmethod
    def of(cls, pack: Pack) -> "TrainingLightness | None":
        """Measured on a sample of a pack's training pictures; None where these are too few."""
        rows = pack.indices("train")[:SAMPLE]
        if len(rows) < LEAST_MEASURED:
            return None
        measured = np.array([statistics(pack.pictures[row]) for row in rows])
        low, high = np.quantile(measured, [0.01, 0.99], axis=0).round(3).tolist()
        return cls(pack.image_size, list(zip(low, high, strict=True)))

    @classmethod
    def kept_in(cls, folder: Path) -> "TrainingLightness | None":
        """As a model's folder keeps it; None for models of which it was not measured.

        Raises:
            InputError: what is kept there is damaged.
        """
        file = folder / MANIFEST
        if not file.is_file():
            return None
        data = json_mapping(read_text(file), str(file)).get("lightness")
        return None if data is None else cls.from_data(data, str(file))

    @classmethod
    def from_data(cls, data: Any, origin: str) -> "TrainingLightness":
        """Of what `to_data` has given. Raises InputError for anything else."""
        try:
            size, ranges = data["image_size"], [(low, high) for low, high in map(data.get, NAMES)]
            numbers = [end for ends in ranges for end in ends]
            if type(size) is not int or not 8 <= size <= 2048:
                raise ValueError(size)
            if not all(type(end) in (int, float) and 0 <= end <= 255 for end in numbers):
                raise ValueError(numbers)
            if not all(low <= high for low, high in ranges):
                raise ValueError(ranges)
            return cls(size, ranges)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(
                f"{origin}: lightness: not the ranges that were written.\n"
                "Copy the file again from where it was whole, or take lightness out of it."
            ) from None

    def to_data(self) -> dict[str, Any]:
        """As plain data."""
        ranges = zip(NAMES, self.ranges, strict=True)
        return {"image_size": self.image_size, **{name: list(ends) for name, ends in ranges}}

    def is_unlike(self, picture: Image.Image) -> bool:
        """Whether any statistic of a picture, of any size and mode, is outside its range."""
        small = reduced(picture, self.image_size)  # no copies are made of a large one
        values = zip(statistics(to_square_rgb(small, self.image_size)), self.ranges, strict=True)
        return not all(low <= value <= high for value, (low, high) in values)


def statistics(pixels: np.ndarray) -> list[float]:
    """The statistics of a picture in the order of NAMES: L* in 0 to 255, a share in 0 to 1.

    Args:
        pixels: (S, S, 3) uint8 sRGB.
    """
    lab = ImageCms.applyTransform(Image.fromarray(pixels), _TO_LAB)
    assert lab is not None
    lightness = np.asarray(lab)[..., 0].astype(np.float32)
    step = np.concatenate([np.abs(np.diff(lightness, axis=axis)).ravel() for axis in (0, 1)])
    low, high = np.quantile(lightness, [0.05, 0.95])
    values = (lightness.mean(), lightness.std(), low, high, step.mean(), (step <= _EQUAL).mean())
    return [float(value) for value in values]


def unlike_warning(unlike: int, judged: int) -> str:
    """A sentence on a set of pictures that is unlike the training's; empty where it is not."""
    if judged < LEAST_JUDGED or 2 * unlike <= judged:
        return ""
    return (
        f"{unlike} of {judged} pictures lie outside what the model was trained on, "
        "by lightness or detail: colors may be wrong"
    )
