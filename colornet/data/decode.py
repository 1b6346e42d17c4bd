"""Decode one picture file to square sRGB bytes, whatever its mode, profile and orientation."""

import hashlib
import io
import threading
import warnings
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

from colornet.data.near_duplicates import HASH_SIDE, perceptual_hash
from colornet.data.picture_files import formats, formats_named
from colornet.data.source import Decoded, UnusablePicture
from colornet.errors import error_summary

# Enough resolution left for the final Lanczos when a JPEG is decoded at a fraction of its size.
_REDUCING_GAP = 2.0
_GREY_SPREAD = 10
_SRGB = ImageCms.createProfile("sRGB")
# warnings.catch_warnings and Pillow's own limit are the process's, so one thread at a time.
_opening = threading.Lock()
# Of pictures that take more pixels than this in memory one is decoded at a time.
_LARGE = 25_000_000
_decoding_large = threading.Lock()


def decode(
    data: bytes, image_size: int, max_pixels: int, rules: int = 2, phashes: bool = False
) -> Decoded:
    """Decode a file's bytes: upright, sRGB, shorter side resized, center cropped.

    Grey, palette, CMYK and 16-bit pictures become RGB, transparency is laid on white, an embedded
    profile is converted to sRGB (a broken one is ignored), EXIF rotation is applied, and of
    animations and several pages the first is taken.

    Args:
        data: the whole file.
        image_size: side of the result, pixels; smaller pictures are enlarged.
        max_pixels: refuse those that take more pixels in memory, by their header, before decoding.
            A JPEG that is not progressive is decoded at a fraction of its size, and counts so.
        rules: `data.rules`; 1 knows fewer formats, and counts every picture at its full size.
        phashes: whether to give a perceptual hash.

    Raises:
        UnusablePicture: not a picture, oversized, truncated or corrupt.
    """
    if not data:
        raise UnusablePicture("empty file")
    image = open_picture(io.BytesIO(data), rules)
    width, height = image.size
    if width == 0 or height == 0:
        raise UnusablePicture("no pixels")
    mode = image.mode
    try:
        if rules == 1:
            check_pixels(width * height, image.size, max_pixels)
        if image.format == "JPEG" or (rules != 1 and image.format == "MPO"):
            _draft(image, image_size)
        # The decoder holds a progressive JPEG's coefficients of all pixels, whatever the fraction.
        whole = bool(image.info.get("progressive"))
        held = width * height if whole else image.width * image.height
        check_pixels(held, (width, height), max_pixels)
        with _decoding_large if held > _LARGE else nullcontext():
            if rules != 1 and held > _LARGE:
                image = reduced(image, image_size)
            pixels = to_square_rgb(image, image_size)
            phash = _phash(data, image, pixels, rules) if phashes else b""
    except UnusablePicture:
        raise
    # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and more on bad files.
    except Exception as error:
        raise UnusablePicture(f"corrupt or truncated ({error_summary(error)})") from error
    return Decoded(pixels, hashlib.sha256(data).hexdigest(), mode, width, height, phash)


def open_picture(file: Path | io.BytesIO, rules: int = 2) -> Image.Image:
    """Read a picture's header; its pixels are decoded when they are asked for.

    Raises:
        UnusablePicture: not a picture, or a corrupt one.
    """
    try:
        with _opening, warnings.catch_warnings():
            # Our own pixel cap decides, with the picture's name in the message.
            warnings.simplefilter("ignore")
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                return Image.open(file, formats=formats(rules))
            finally:
                Image.MAX_IMAGE_PIXELS = limit
    except Image.UnidentifiedImageError:
        raise UnusablePicture(f"not a {formats_named(rules)} picture") from None
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise UnusablePicture(reason or f"corrupt header ({error_summary(error)})") from error


def check_pixels(
    held: int, size: tuple[int, int], max_pixels: int, option: str = "data.max_pixels"
) -> None:
    """Raise UnusablePicture for a picture of more pixels than allowed.

    Args:
        held: pixels that are in memory at a time.
        size: width and height, to name.
        option: what raises the limit.
    """
    if held > max_pixels:
        width, height = size
        raise UnusablePicture(
            f"oversized: {width} x {height} pixels, at most {max_pixels} allowed ({option})"
        )


def is_grey(pixels: np.ndarray) -> bool:
    """Whether 99% of the pixels (..., 3) have channels within 10 of each other (of 255)."""
    red, green, blue = (pixels[..., channel] for channel in range(3))
    high = np.maximum(np.maximum(red, green), blue)
    spread = (high - np.minimum(np.minimum(red, green), blue)).ravel()
    # The 99th percentile by selection: JPEG's chroma noise makes single pixels of a grey picture
    # colored.
    rank = int(0.99 * (spread.size - 1))
    return int(np.partition(spread, rank)[rank]) <= _GREY_SPREAD


def to_square_rgb(image: Image.Image, size: int) -> np.ndarray:
    """The center square of a picture of any mode, upright, as sRGB bytes (size, size, 3)."""
    profile = image.info.get("icc_profile")
    image = working_mode(ImageOps.exif_transpose(image))
    rgb, alpha = split_alpha(center_square(image, size), profile)
    if alpha is not None:
        white = Image.new("RGB", rgb.size, (255, 255, 255))
        white.paste(rgb, mask=alpha)
        rgb = white
    return np.asarray(rgb, dtype=np.uint8)


def _draft(image: Image.Image, size: int) -> None:
    """Let a JPEG be decoded at a fraction of its size, as far as `size` allows."""
    scale = _REDUCING_GAP * size / min(image.size)
    if scale < 1:
        image.draft(None, (round(image.width * scale), round(image.height * scale)))


def _phash(data: bytes, image: Image.Image, pixels: np.ndarray, rules: int) -> bytes:
    """The perceptual hash of a picture that is decoded: of a JPEG at a fraction of its own."""
    if image.format in ("JPEG", "MPO"):
        again = open_picture(io.BytesIO(data), rules)
        _draft(again, HASH_SIDE)
        if again.size != image.size:
            return perceptual_hash(Image.fromarray(to_square_rgb(again, HASH_SIDE)))
    square = pixels if pixels.shape[0] == HASH_SIDE else to_square_rgb(image, HASH_SIDE)
    return perceptual_hash(Image.fromarray(square))


def reduced(image: Image.Image, size: int) -> Image.Image:
    """A large picture as a small one of the same mode, before copies of it are made."""
    factor = int(min(image.size) / (2 * _REDUCING_GAP * size))
    plain = image.mode in ("L", "RGB", "RGBA", "LA", "CMYK") and "transparency" not in image.info
    if factor < 2 or not plain:
        return image
    small = image.reduce(factor)
    small.info = image.info  # its orientation, profile and all
    return small


def working_mode(image: Image.Image) -> Image.Image:
    """L, LA, RGB, RGBA or CMYK: what can be resized and has a meaning in a color profile."""
    image = _eight_bit(image)
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Deeper grey as 8-bit grey, any other picture as it is.

    Pillow's own conversion clips at 255. Integers are of 65,535, or of 255 or more than that where
    none or some go beyond; floating-point grey is of 255, or of 1 where none goes beyond.
    """
    if image.mode.startswith("I"):
        deep = np.asarray(image)
        most = 65535 if image.mode != "I" else int(deep.max(initial=0))
        unit = 1 if most <= 255 else 257 if most <= 65535 else -(-most // 255)
        levels = (deep.clip(0).astype(np.uint32) + unit // 2) // unit
        return Image.fromarray(levels.astype(np.uint8))
    if image.mode == "F":
        levels = np.nan_to_num(np.asarray(image).astype(np.float64))
        unit = 1 / 255 if 0 < levels.max(initial=0) <= 1 else 1.0
        return Image.fromarray(np.clip(levels / unit + 0.5, 0, 255).astype(np.uint8))
    return image


def center_square(image: Image.Image, size: int) -> Image.Image:
    """The center square of a picture, resized to `size` pixels with Lanczos."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return square.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)


def split_alpha(
    image: Image.Image, profile: bytes | None
) -> tuple[Image.Image, Image.Image | None]:
    """A picture of a working mode as sRGB, and its transparency if it has any."""
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    opaque = image.convert("RGB") if alpha else image
    if profile:
        opaque = _apply_profile(opaque, profile)
    return (opaque if opaque.mode == "RGB" else opaque.convert("RGB")), alpha


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    return image if converted is None else converted
