"""The model that a training leaves, and colorizing pictures of any size with it.

`colornet.model.folder` says what its files are.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import ExifTags, Image, ImageFile, ImageOps
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from colornet.color import fit_gamut, split_lab, to_rgb8
from colornet.config.catalog import read_yaml
from colornet.config.config import Config, parse_config
from colornet.data.decode import split_alpha, working_mode
from colornet.data.source import UnusablePicture
from colornet.errors import InputError
from colornet.model.folder import CONFIG, WEIGHTS, check_model, read_weights, write_model
from colornet.networks.build import build_generator
from colornet.networks.heads import Colorizer
from colornet.pictures import Pictures
from colornet.storage import Storage

_LONGEST = 32
"""The network sees at most this many times its training size along the longer side."""
_STRIP_PIXELS = 150_000
"""Full-resolution pixels worked on at a time: their planes fit a processor's cache."""
_SMALL = 256 * 256
"""Pixels that the network sees of which one thread makes as much as several do."""
_LARGEST = 2048
"""Greatest shorter side that the network is shown, pixels."""


@dataclass(frozen=True)
class Model:
    """A generator that is ready to colorize.

    size: shorter side at which it sees pictures, pixels; None: that of its training.
    """

    generator: Colorizer
    config: Config
    device: torch.device
    size: int | None = None

    def at(self, size: int) -> "Model":
        """The same that sees pictures at another size. Raises InputError where it cannot."""
        least = self.config.generator.smallest
        if not least <= size <= _LARGEST:
            raise InputError(
                f"--size: {size}: this model's network takes {least} to {_LARGEST} pixels.\n"
                f"Leave it out for the {self.config.data.image_size} that it was trained with."
            )
        return replace(self, size=size)

    def colorize(self, picture: Image.Image) -> Image.Image:
        """The picture in predicted colors, at its own size.

        The network sees it with its shorter side at the size of the training pictures; only the
        predicted ab is scaled up, and joined to the lightness of every original pixel. Colors
        beyond sRGB are made paler, never lighter or darker, so that the result's lightness is the
        picture's but for rounding to 8 bits.

        Args:
            picture: any size and mode, grey or colored; its EXIF rotation and color profile are
                applied. One that is opened from a file is painted over or closed, to save memory.

        Returns:
            RGB, or RGBA when the picture has transparency.

        Raises:
            UnusablePicture: predicted colors are not finite.
        """
        turned = picture.getexif().get(ExifTags.Base.Orientation, 1) != 1
        upright = _let_go(picture, ImageOps.exif_transpose(picture) if turned else picture)
        profile = upright.info.get("icc_profile")
        rgb, alpha = split_alpha(working_mode(upright), profile)
        _let_go(upright, rgb)
        ab = self._predict(rgb)
        is_own = rgb is not picture or isinstance(picture, ImageFile.ImageFile)
        result = rgb if is_own else Image.new("RGB", rgb.size)
        with _one_thread():
            count = max(1, _STRIP_PIXELS // rgb.width)
            for first in range(0, rgb.height, count):
                last = min(first + count, rgb.height)
                rows = np.array(rgb.crop((0, first, rgb.width, last)))
                painted = _paint(rows, ab, first, rgb.height)
                result.paste(Image.fromarray(painted), (0, first))
        if alpha is not None:
            result.putalpha(alpha)
        return result

    def _predict(self, rgb: Image.Image) -> tuple[Image.Image, Image.Image]:
        """Predicted a and b of the picture at the network's size, as float images."""
        width, height = self._working_size(rgb.size)
        small = np.array(rgb.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0))
        multiple = self.config.generator.stride
        margins = ((0, -height % multiple), (0, -width % multiple), (0, 0))
        padded = np.pad(small, margins, mode="symmetric")
        with torch.inference_mode(), _one_thread(width * height <= _SMALL):
            pictures = Pictures(torch.from_numpy(padded)[None].to(self.device))
            ab = self.generator.colorize(pictures).ab[0, :, :height, :width].cpu().numpy()
        if not np.isfinite(ab).all():
            raise UnusablePicture("the model's colors of it are not finite: it is damaged")
        return Image.fromarray(ab[0]), Image.fromarray(ab[1])

    def _working_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height of what the network sees, the longer one limited."""
        shorter = self.size or self.config.data.image_size
        scale = shorter / min(size)
        longest = max(shorter, self.config.data.image_size * _LONGEST)
        width, height = (min(max(round(side * scale), shorter), longest) for side in size)
        return width, height


@contextmanager
def _one_thread(wanted: bool = True) -> Generator[None]:
    """Keep to one thread: on little work others only spin."""
    threads = torch.get_num_threads()
    if wanted:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _let_go(picture: Image.Image, made_of_it: Image.Image) -> Image.Image:
    """What was made of a picture, whose memory is freed if it is our own or a file's."""
    if made_of_it is not picture and isinstance(picture, ImageFile.ImageFile):
        picture.close()
    return made_of_it


def _paint(
    rows: np.ndarray, ab: tuple[Image.Image, Image.Image], first: int, height: int
) -> np.ndarray:
    """The rows' own lightness with the predicted color, (rows, W, 3) uint8."""
    lightness, _ = split_lab(torch.from_numpy(rows)[None])
    scale = ab[0].height / height
    box = (0.0, first * scale, float(ab[0].width), (first + len(rows)) * scale)
    size = (rows.shape[1], len(rows))
    planes = [np.array(plane.resize(size, Image.Resampling.BICUBIC, box=box)) for plane in ab]
    color: Tensor = torch.from_numpy(np.stack(planes))[None]
    painted = to_rgb8(lightness, fit_gamut(lightness, color))
    return painted[0].permute(1, 2, 0).byte().numpy()


def save_model(
    folder: Path,
    generator_state: Mapping[str, Tensor],
    config: Config,
    card: str,
    lightness: Mapping[str, Any] | None = None,
) -> None:
    """Write a model folder; files of the same names are replaced.

    Args:
        generator_state: the generator's `state_dict()`.
        config: what it was trained with.
        card: Markdown for people.
        lightness: `TrainingLightness.to_data()`, None where it was not measured.
    """
    weights = {name: value.cpu().contiguous() for name, value in generator_state.items()}
    write_model(folder, save(weights, metadata={"version": "1"}), config, card, lightness)


def load_model(folder: Path) -> Model:
    """Read a model folder.

    Raises:
        InputError: when it is none, is damaged, holds weights that are not finite, or its weights
            and config do not belong together.
    """
    check_model(folder)
    config = parse_config(read_yaml(folder / CONFIG), str(folder / CONFIG))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        weights = load(read_weights(Storage.at(folder), WEIGHTS))
        meta = torch.device("meta")
        with meta:  # whatever the config says, nothing is built that does not fit
            build_generator(config.generator, 0, meta).load_state_dict(weights, assign=True)
        generator = build_generator(config.generator, 0, device)
        generator.load_state_dict(weights)
    except (SafetensorError, RuntimeError, OSError) as error:
        raise InputError(
            f"{folder / WEIGHTS}: not the weights of the generator in {CONFIG}: "
            f"{str(error).splitlines()[0]}"
        ) from None
    return Model(generator.eval(), config, device)
