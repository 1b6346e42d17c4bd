"""Decode one picture file to square sRGB bytes, whatever its mode, profile and orientation."""

import hashlib
import io
import threading
import warnings

import numpy as np
from PIL import Image, ImageCms, ImageOps

from colornet.data.source import Decoded, UnusablePicture

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
# Enough resolution left for the final Lanczos when a JPEG is decoded at a fraction of its size.
_REDUCING_GAP = 2.0
_GREY_SPREAD = 10
_SRGB = ImageCms.createProfile("sRGB")
# warnings.catch_warnings changes the process's filters, so one thread at a time.
_opening = threading.Lock()


def decode(data: bytes, image_size: int, max_pixels: int) -> Decoded:
    """Decode a file's bytes: upright, sRGB, shorter side resized, center cropped.

    Grey, palette, CMYK and 16-bit pictures become RGB, transparency is laid on white, an embedded
    profile is converted to sRGB (a broken one is passed over), EXIF rotation is applied, of
    animations the first frame counts.

    Args:
        data: the whole file.
        image_size: side of the result, pixels; smaller pictures are enlarged.
        max_pixels: refuse larger pictures, by their header, before decoding.

    Raises:
        UnusablePicture: not a picture, oversized, truncated or corrupt.
    """
    if not data:
        raise UnusablePicture("empty file")
    image = _open(data)
    width, height = image.size
    if width * height > max_pixels:
        raise UnusablePicture(f"oversized: {width} x {height} pixels, at most {max_pixels} allowed")
    if width == 0 or height == 0:
        raise UnusablePicture("no pixels")
    mode = image.mode
    try:
        pixels = to_square_rgb(image, image_size)
    # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and more on bad files.
    except Exception as error:
        raise UnusablePicture(f"corrupt or truncated ({_one_line(error)})") from error
    return Decoded(pixels, hashlib.sha256(data).hexdigest(), mode, width, height)


def is_grey(pixels: np.ndarray) -> bool:
    """Whether 99 % of the pixels (..., 3) have channels within 10 of each other (of 255)."""
    red, green, blue = (pixels[..., channel] for channel in range(3))
    high = np.maximum(np.maximum(red, green), blue)
    spread = (high - np.minimum(np.minimum(red, green), blue)).ravel()
    rank = int(0.99 * (spread.size - 1))
    return int(np.partition(spread, rank)[rank]) <= _GREY_SPREAD


def _open(data: bytes) -> Image.Image:
    try:
        with _opening, warnings.catch_warnings():
            # Our own pixel cap decides, with the picture's name in the message.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.UnidentifiedImageError:
        raise UnusablePicture("not a JPEG, PNG, WebP or BMP picture") from None
    except Image.DecompressionBombError:
        raise UnusablePicture("oversized: more pixels than Pillow decodes") from None
    except Exception as error:
        raise UnusablePicture(f"corrupt header ({_one_line(error)})") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:100] or type(error).__name__


def to_square_rgb(image: Image.Image, size: int) -> np.ndarray:
    """The center square of a picture of any mode, upright, as sRGB bytes (size, size, 3)."""
    profile = image.info.get("icc_profile")
    if image.format == "JPEG":
        scale = _REDUCING_GAP * size / min(image.size)
        if scale < 1:
            image.draft(None, (round(image.width * scale), round(image.height * scale)))
    image = _working_mode(ImageOps.exif_transpose(image))
    small = center_square(image, size)
    return np.asarray(_to_srgb(small, profile), dtype=np.uint8)


def _working_mode(image: Image.Image) -> Image.Image:
    """L, LA, RGB, RGBA or CMYK: what can be resized and has a meaning in a color profile."""
    if image.mode.startswith("I") or image.mode == "F":
        # 16-bit grey: the upper byte, where Pillow's own conversion clips at 255. Floating-point
        # grey is of 255 in Pillow.
        unit = 1.0 if image.mode == "F" else 257.0
        deep = np.nan_to_num(np.asarray(image).astype(np.float64))
        return Image.fromarray(np.clip(deep / unit + 0.5, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def center_square(image: Image.Image, size: int) -> Image.Image:
    """The center square of a picture, resized to `size` pixels with Lanczos."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return square.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    opaque = image.convert("RGB") if alpha else image
    if profile:
        opaque = _apply_profile(opaque, profile)
    rgb = opaque.convert("RGB")
    if alpha is None:
        return rgb
    white = Image.new("RGB", rgb.size, (255, 255, 255))
    white.paste(rgb, mask=alpha)
    return white


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    return image if converted is None else converted
