"""Every kind of picture file, good and bad."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from colornet.config.sections.data import FolderData
from colornet.data.decode import decode, is_grey, to_square_rgb
from colornet.data.picture_files import PICTURES, formats, formats_named
from colornet.data.source import UnusablePicture

RED = (200, 30, 40)
MAX_PIXELS = 40_000_000


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A tiny PNG whose header promises width x height pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"<html><body>404 Not Found</body></html>", "not a JPEG"),
        (b"\x89PNG\r\n\x1a\n", "not a JPEG"),
        (encoded(Image.new("RGB", (64, 64), RED))[:-30], "corrupt or truncated"),
        (encoded(Image.effect_noise((64, 64), 90), "JPEG")[:900], "corrupt or truncated"),
        (encoded(Image.new("RGB", (8, 8), RED), "PPM"), "not a JPEG, PNG, WebP, BMP, TIFF, GIF"),
        (bomb(9_000, 9_000), "oversized: 9000 x 9000"),
        (bomb(12_000, 12_000), "oversized: 12000 x 12000"),
        (bomb(60_000, 60_000), "oversized"),
    ],
)
def test_unusable_files_are_refused_with_a_reason_and_no_warning(data: bytes, reason: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UnusablePicture, match=reason):
            decode(data, 16, MAX_PIXELS)


def test_the_pixel_cap_is_exact() -> None:
    data = encoded(Image.new("RGB", (10, 10), RED))
    assert decode(data, 8, max_pixels=100).pixels.shape == (8, 8, 3)
    with pytest.raises(UnusablePicture, match="at most 99"):
        decode(data, 8, max_pixels=99)


@pytest.mark.parametrize("rules", [1, 2])
def test_bombs_are_refused_at_the_default_limit(rules: int) -> None:
    limit = FolderData(source="folder", root="x").max_pixels
    with pytest.raises(UnusablePicture, match=r"oversized: 15000 x 15000.*data\.max_pixels"):
        decode(bomb(15_000, 15_000), 16, limit, rules)
    with pytest.raises(UnusablePicture, match="oversized"):
        decode(bomb(200_000, 200_000), 16, limit, rules)


def flat(width: int, height: int, kind: str, **options: object) -> bytes:
    return encoded(Image.new("RGB", (width, height), RED), kind, **options)


def test_a_jpeg_counts_at_the_fraction_that_it_is_decoded_at() -> None:
    large = flat(800, 600, "JPEG")
    assert decode(large, 16, max_pixels=20_000).width == 800
    with pytest.raises(UnusablePicture, match="oversized: 800 x 600 pixels"):
        decode(large, 16, max_pixels=20_000, rules=1)
    with pytest.raises(UnusablePicture, match="oversized: 800 x 600 pixels"):
        decode(large, 16, max_pixels=7_000)
    # Its coefficients are held for all pixels.
    with pytest.raises(UnusablePicture, match="oversized"):
        decode(flat(800, 600, "JPEG", progressive=True), 16, max_pixels=20_000)
    with pytest.raises(UnusablePicture, match="oversized"):
        decode(flat(800, 600, "PNG"), 16, max_pixels=20_000)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_large_pictures_are_reduced_before_they_are_copied(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((960, 720), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(image, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    whole = decode(data, 16, MAX_PIXELS).pixels
    monkeypatch.setattr("colornet.data.decode._LARGE", 1000)
    reduced = decode(data, 16, MAX_PIXELS).pixels
    assert np.abs(reduced.astype(int) - whole).mean() < 5
    assert (decode(data, 16, MAX_PIXELS, rules=1).pixels == whole).all()


@pytest.mark.parametrize(("kind", "rules"), [("GIF", 2), ("TIFF", 2), ("AVIF", 2)])
def test_formats_of_the_second_rules(kind: str, rules: int) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    data = flat(50, 30, kind)
    pixels = decode(data, 16, MAX_PIXELS, rules).pixels
    np.testing.assert_allclose(pixels, np.broadcast_to(RED, (16, 16, 3)), atol=4)
    with pytest.raises(UnusablePicture, match="not a JPEG, PNG, WebP or BMP picture"):
        decode(data, 16, MAX_PIXELS, rules=1)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG", "WEBP"])
def test_the_first_frame_or_page_counts(kind: str) -> None:
    other = Image.new("RGB", (20, 20), (0, 0, 255))
    pages = encoded(Image.new("RGB", (20, 20), RED), kind, save_all=True, append_images=[other])
    np.testing.assert_allclose(decode(pages, 16, MAX_PIXELS).pixels[8, 8], RED, atol=4)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_tiff_with_and_without_compression(compression: str | None) -> None:
    data = flat(30, 20, "TIFF", compression=compression)
    np.testing.assert_allclose(decode(data, 16, MAX_PIXELS).pixels[8, 8], RED, atol=4)


@pytest.mark.parametrize(
    ("levels", "grey"),
    [
        (np.full((20, 20), 128 * 257, np.uint16), 128),
        (np.full((20, 20), 0.5, np.float32), 128),
        (np.full((20, 20), 90, np.float32), 90),
        (np.full((20, 20), 90 * 257, np.int32), 90),
        (np.full((20, 20), 90, np.int32), 90),
    ],
)
def test_deep_tiff(levels: np.ndarray, grey: int) -> None:
    data = encoded(Image.fromarray(levels), "TIFF")
    assert (decode(data, 16, MAX_PIXELS).pixels == grey).all()


def test_heic_where_it_can_be_read() -> None:
    pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    assert "HEIF" in formats()
    pixels = decode(flat(64, 64, "HEIF"), 16, MAX_PIXELS).pixels
    np.testing.assert_allclose(pixels, np.broadcast_to(RED, (16, 16, 3)), atol=6)


def test_a_jpeg_of_two_pictures_is_reduced_too() -> None:
    """Phones write MPO: a JPEG with another one behind it."""
    image = Image.new("RGB", (800, 600), RED)
    data = encoded(image, "MPO", save_all=True, append_images=[image])
    np.testing.assert_allclose(decode(data, 16, 20_000).pixels[8, 8], RED, atol=4)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_every_format_keeps_its_color(kind: str) -> None:
    decoded = decode(encoded(Image.new("RGB", (50, 30), RED), kind), 16, MAX_PIXELS)
    assert decoded.pixels.shape == (16, 16, 3)
    assert decoded.pixels.dtype == np.uint8
    assert (decoded.mode, decoded.width, decoded.height) == ("RGB", 50, 30)
    np.testing.assert_allclose(decoded.pixels, np.broadcast_to(RED, (16, 16, 3)), atol=4)


def sixteen_bit() -> bytes:
    return encoded(Image.fromarray(np.full((20, 20), 128 * 257, np.uint16)))


def palette_with_transparency() -> bytes:
    image = Image.new("P", (20, 20), 1)
    image.putpalette([0, 0, 0, *RED])
    return encoded(image, transparency=1)


@pytest.mark.parametrize(
    ("data", "color", "tolerance"),
    [
        (encoded(Image.new("1", (20, 20), 1)), (255, 255, 255), 0),
        (encoded(Image.new("L", (20, 20), 90)), (90, 90, 90), 0),
        (encoded(Image.new("LA", (20, 20), (0, 0))), (255, 255, 255), 0),
        (encoded(Image.new("LA", (20, 20), (90, 255))), (90, 90, 90), 0),
        (encoded(Image.new("RGB", (20, 20), RED).convert("P")), RED, 30),
        (palette_with_transparency(), (255, 255, 255), 0),
        (encoded(Image.new("RGB", (20, 20), RED), transparency=RED), (255, 255, 255), 0),
        (encoded(Image.new("RGBA", (20, 20), (*RED, 255))), RED, 0),
        (encoded(Image.new("RGBA", (20, 20), (*RED, 0))), (255, 255, 255), 0),
        (encoded(Image.new("RGBA", (20, 20), (*RED, 128))), (227, 142, 147), 1),
        (encoded(Image.new("CMYK", (20, 20), (0, 255, 255, 0)), "JPEG"), (255, 0, 0), 3),
        (sixteen_bit(), (128, 128, 128), 0),
        (encoded(Image.new("RGB", (1, 1), RED)), RED, 0),
    ],
)
def test_every_mode_becomes_rgb(data: bytes, color: tuple[int, int, int], tolerance: int) -> None:
    pixels = decode(data, 16, MAX_PIXELS).pixels
    np.testing.assert_allclose(
        pixels.astype(int), np.broadcast_to(color, (16, 16, 3)), atol=tolerance
    )


def deep(level: int, mode: str) -> Image.Image:
    """A picture of one level in 0..65535, in a mode with more than 8 bits."""
    kinds = {"I;16": "<u2", "I;16B": ">u2", "I": "<i4"}
    raw = np.full((20, 20), level, kinds[mode]).tobytes()
    return Image.frombytes(mode, (20, 20), raw)


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I"])
@pytest.mark.parametrize(("level", "grey"), [(0, 0), (90 * 257, 90), (65535, 255)])
def test_deep_grey_keeps_its_upper_byte(mode: str, level: int, grey: int) -> None:
    image = deep(level, mode)
    assert (to_square_rgb(image, 16) == grey).all()
    if mode != "I":  # in no file that is accepted
        assert (decode(encoded(image), 16, MAX_PIXELS).pixels == grey).all()


@pytest.mark.parametrize(("level", "grey"), [(0, 0), (90.4, 90), (255, 255), (300, 255), (-5, 0)])
def test_floating_point_grey_is_of_255(level: float, grey: int) -> None:
    assert (to_square_rgb(Image.new("F", (20, 20), level), 16) == grey).all()


@pytest.mark.parametrize("level", [float("nan"), float("inf"), float("-inf")])
def test_floating_point_grey_without_a_number(level: float) -> None:
    image = Image.new("F", (20, 20), 90)
    image.putpixel((0, 0), level)
    pixels = to_square_rgb(image, 16)
    assert pixels.dtype == np.uint8
    assert (pixels[8, 8] == 90).all()


@pytest.mark.parametrize(("alpha", "color"), [(255, RED), (0, (255, 255, 255))])
def test_a_palette_with_an_alpha_channel(alpha: int, color: tuple[int, int, int]) -> None:
    image = Image.new("PA", (20, 20), (1, alpha))
    image.putpalette([0, 0, 0, *RED])
    assert (to_square_rgb(image, 16) == color).all()


def test_black_and_white_is_resized_with_greys_between() -> None:
    board = Image.fromarray(np.indices((32, 32)).sum(0) % 2 == 0)
    assert board.mode == "1"
    pixels = decode(encoded(board), 16, MAX_PIXELS).pixels
    assert 100 < pixels[4:-4, 4:-4].mean() < 155
    assert (pixels[..., 0] == pixels[..., 1]).all()


@pytest.mark.parametrize("inks", [(0, 0, 0, 0), (255, 0, 0, 0), (0, 0, 0, 255), (0, 128, 200, 20)])
def test_inks_are_not_inverted(inks: tuple[int, int, int, int]) -> None:
    image = Image.new("CMYK", (20, 20), inks)
    expected = [(255 - ink) * (255 - inks[3]) / 255 for ink in inks[:3]]
    pixels = decode(encoded(image, "JPEG", quality=100), 16, MAX_PIXELS).pixels
    np.testing.assert_allclose(pixels.astype(int), np.broadcast_to(expected, (16, 16, 3)), atol=4)


def test_exif_rotation_is_applied() -> None:
    image = Image.new("RGB", (32, 32), (0, 0, 255))
    image.paste(RED, (0, 0, 32, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # the stored top belongs to the right
    pixels = decode(encoded(image, exif=exif), 32, MAX_PIXELS).pixels
    assert tuple(pixels[16, 31]) == RED
    assert tuple(pixels[0, 0]) == (0, 0, 255)


def test_every_suffix_that_pillow_gives_a_format_is_known() -> None:
    Image.init()
    read = {*formats(), "MPO"}
    registered = {
        suffix
        for suffix, kind in Image.registered_extensions().items()
        if kind in read - {"HEIF"}  # the plugin's own list has suffixes of other formats
    }
    assert registered <= PICTURES.keys()


@pytest.mark.parametrize("kind", ["BMP", "DIB"])
def test_a_bitmap_may_lack_the_header_of_a_file(kind: str) -> None:
    pixels = decode(flat(20, 20, kind), 16, MAX_PIXELS).pixels
    assert tuple(pixels[8, 8]) == RED
    assert "DIB" not in formats_named()


def test_an_embedded_profile_is_converted_to_srgb() -> None:
    # A linear-light profile would need primaries; a grey gamma shows the conversion as well.
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    image = Image.new("RGB", (20, 20), RED)
    same = decode(encoded(image, icc_profile=srgb.tobytes()), 16, MAX_PIXELS).pixels
    np.testing.assert_allclose(same, np.broadcast_to(RED, (16, 16, 3)), atol=2)
    wrong_kind = decode(encoded(image, icc_profile=lab.tobytes()), 16, MAX_PIXELS).pixels
    np.testing.assert_array_equal(wrong_kind, np.broadcast_to(RED, (16, 16, 3)))


def swapped_primaries() -> bytes:
    """An sRGB profile whose red and blue primaries have changed places."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = data.index(b"rXYZ"), data.index(b"bXYZ")
    data[red : red + 4], data[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(data)


def test_a_foreign_profile_changes_the_colors() -> None:
    image = Image.new("RGB", (20, 20), RED)
    pixels = decode(encoded(image, icc_profile=swapped_primaries()), 16, MAX_PIXELS).pixels
    red, _, blue = pixels[8, 8].astype(int)
    assert blue > red + 100


def test_a_broken_profile_is_passed_over() -> None:
    data = encoded(Image.new("RGB", (20, 20), RED), icc_profile=b"no profile at all")
    assert tuple(decode(data, 16, MAX_PIXELS).pixels[8, 8]) == RED


@pytest.mark.parametrize("size", [(90, 30), (30, 90)])
def test_the_center_is_kept(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, (0, 0, 255))
    left, top = (size[0] - 30) // 2, (size[1] - 30) // 2
    image.paste(RED, (left, top, left + 30, top + 30))
    pixels = decode(encoded(image), 10, MAX_PIXELS).pixels
    np.testing.assert_array_equal(pixels, np.broadcast_to(RED, (10, 10, 3)))


def test_a_reduced_jpeg_stays_close_to_the_full_one() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((1200, 1200), Image.Resampling.BICUBIC)
    fast = decode(encoded(image, "JPEG", quality=95), 32, MAX_PIXELS).pixels
    full = np.asarray(image.resize((32, 32), Image.Resampling.LANCZOS))
    assert np.abs(fast.astype(int) - full.astype(int)).mean() < 3


def test_grey_is_told_from_color_in_a_few_pixels() -> None:
    pixels = np.full((40, 40, 3), 120, np.uint8)
    assert is_grey(pixels)
    pixels[..., 0] += 10
    assert is_grey(pixels)
    pixels[:5, :5, 0] = 200
    assert not is_grey(pixels)
