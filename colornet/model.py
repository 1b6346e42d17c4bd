"""The model that a training leaves, and colorizing pictures of any size with it.

`colornet.modelfolder` says what its files are.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from colornet.catalog import read_yaml
from colornet.color import fit_gamut, split_lab, to_rgb8
from colornet.config import Config, parse_config
from colornet.errors import InputError
from colornet.heads import Colorizer
from colornet.modelfolder import CONFIG, WEIGHTS, check_model, write_model
from colornet.networks import build_generator
from colornet.pictures import Pictures

_LONGEST = 32
"""The network sees at most this many times its training size along the longer side."""
_STRIP_PIXELS = 1_000_000
"""Full-resolution pixels worked on at a time: some 100 MB of float32 planes."""


@dataclass(frozen=True)
class Model:
    """A generator that is ready to colorize."""

    generator: Colorizer
    config: Config
    device: torch.device

    def colorize(self, picture: Image.Image) -> Image.Image:
        """The picture in predicted colors, at its own size.

        The network sees it with its shorter side at the size of the training pictures; only the
        predicted ab is scaled up, and joined to the lightness of every original pixel. Colors
        beyond sRGB are made paler, never lighter or darker, so that the result's lightness is the
        picture's but for rounding to 8 bits.

        Args:
            picture: any size and mode, grey or colored; its EXIF rotation and color profile are
                applied.

        Returns:
            RGB, or RGBA when the picture has transparency.
        """
        rgb, alpha = _pixels(ImageOps.exif_transpose(picture))
        ab = self._predict(rgb)
        strips = [_paint(rows, ab, first, rgb.height) for first, rows in _strips(rgb)]
        result = Image.fromarray(np.concatenate(strips))
        if alpha is not None:
            result.putalpha(alpha)
        return result

    def _predict(self, rgb: Image.Image) -> tuple[Image.Image, Image.Image]:
        """Predicted a and b of the picture at the network's size, as float images."""
        width, height = self._working_size(rgb.size)
        small = np.array(rgb.resize((width, height), Image.Resampling.LANCZOS))
        multiple = self.config.generator.stride
        margins = ((0, -height % multiple), (0, -width % multiple), (0, 0))
        padded = np.pad(small, margins, mode="symmetric")
        with torch.inference_mode():
            pictures = Pictures(torch.from_numpy(padded)[None].to(self.device))
            ab = self.generator.colorize(pictures).ab[0, :, :height, :width].cpu().numpy()
        return Image.fromarray(ab[0]), Image.fromarray(ab[1])

    def _working_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height with the shorter side at the training size, the longer one limited."""
        shorter = self.config.data.image_size
        scale = shorter / min(size)
        width, height = (
            min(max(round(side * scale), shorter), shorter * _LONGEST) for side in size
        )
        return width, height


def _strips(rgb: Image.Image) -> Iterator[tuple[int, np.ndarray]]:
    """The picture in strips of whole rows: (first row, (rows, W, 3) uint8)."""
    rows = max(1, _STRIP_PIXELS // rgb.width)
    for first in range(0, rgb.height, rows):
        last = min(first + rows, rgb.height)
        yield first, np.array(rgb.crop((0, first, rgb.width, last)))


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


def _pixels(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The picture as 8-bit RGB, and its transparency if it has any."""
    if picture.mode.startswith("I"):
        levels = np.asarray(picture).astype(np.float64)
        # Pillow opens 16-bit grey as I;16 or, in some formats, as 32-bit integers.
        scale = 257 if picture.mode != "I" or levels.max() > 255 else 1
        picture = Image.fromarray((levels / scale).round().clip(0, 255).astype(np.uint8))
    alpha = None
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        alpha = picture.getchannel("A")
    return _to_srgb(picture).convert("RGB"), alpha


def _to_srgb(picture: Image.Image) -> Image.Image:
    """Colors by the picture's embedded profile; one that does not fit is passed over."""
    profile = picture.info.get("icc_profile")
    if not profile:
        return picture
    opaque = picture.convert("RGB") if picture.mode == "RGBA" else picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(opaque, source, srgb, outputMode="RGB") or picture
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture


def save_model(
    folder: Path, generator_state: Mapping[str, Tensor], config: Config, card: str
) -> None:
    """Write a model folder; files of the same names are replaced.

    Args:
        generator_state: the generator's `state_dict()`.
        config: what it was trained with.
        card: Markdown for people.
    """
    weights = {name: value.cpu().contiguous() for name, value in generator_state.items()}
    write_model(folder, save(weights, metadata={"version": "1"}), config, card)


def load_model(folder: Path) -> Model:
    """Read a model folder.

    Raises:
        InputError: when it is none, or its weights and config do not belong together.
    """
    check_model(folder)
    config = parse_config(read_yaml(folder / CONFIG), str(folder / CONFIG))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    generator = build_generator(config.generator, 0, device)
    try:
        generator.load_state_dict(load_file(folder / WEIGHTS))
    except (SafetensorError, RuntimeError, OSError) as error:
        raise InputError(
            f"{folder / WEIGHTS}: not the weights of the generator in {CONFIG}: "
            f"{str(error).splitlines()[0]}"
        ) from None
    return Model(generator.eval(), config, device)
