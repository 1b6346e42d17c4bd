"""Near duplicates are found in every guise, and nothing else is taken for one."""

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image

from colornet.config.sections.data import ScenesData
from colornet.data.decode import decode
from colornet.data.near_duplicates import HASH_SIDE, find_near_duplicates, perceptual_hash
from colornet.data.source import build_source


def photo(seed: int, width: int = 300, height: int = 200) -> Image.Image:
    """Clouds of color at several scales, as photos have them."""
    chance = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for cells, weight in ((2, 90), (5, 60), (11, 30), (40, 12)):
        coarse = chance.normal(0, weight, (cells, cells, 3)).astype(np.float32)
        for channel in range(3):
            plane = Image.fromarray(coarse[..., channel])
            total[..., channel] += np.asarray(
                plane.resize((width, height), Image.Resampling.BICUBIC)
            )
    return Image.fromarray((total + 128).clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def phash(data: bytes, image_size: int = 32) -> bytes:
    return decode(data, image_size, 10**8, phashes=True).phash


def copies(image: Image.Image) -> Iterator[bytes]:
    for quality in (30, 50, 75, 95):
        yield encoded(image, "JPEG", quality=quality)
    yield encoded(image, "PNG")
    yield encoded(image, "WEBP", quality=30)
    yield encoded(image.resize((90, 60), Image.Resampling.BICUBIC), "JPEG", quality=85)
    yield encoded(image.resize((500, 333), Image.Resampling.BICUBIC), "PNG")
    yield encoded(image, "JPEG", progressive=True)


def test_nothing_and_one_have_none() -> None:
    assert find_near_duplicates([]) == []
    assert find_near_duplicates([phash(encoded(photo(0), "PNG"))]) == []
    assert find_near_duplicates([b"", b""]) == []


def test_every_copy_is_found_and_only_copies_are() -> None:
    phashes = [phash(data) for seed in range(30) for data in copies(photo(seed))]
    each = len(list(copies(photo(0))))
    assert find_near_duplicates(phashes) == [
        list(range(n * each, (n + 1) * each)) for n in range(30)
    ]


def test_a_look_is_the_same_at_every_image_size() -> None:
    for data in (encoded(photo(1, 900, 700), "JPEG"), encoded(photo(1), "PNG")):
        assert len({phash(data, size) for size in (16, 32, 64, 100, 256)}) == 1


@pytest.mark.parametrize("tones", [(0, 0), (7, 7), (128, 128), (0, 255), (128, 129)])
def test_flat_pictures_are_not_alike(tones: tuple[int, int]) -> None:
    phashes = [phash(encoded(Image.new("RGB", (40, 40), (tone,) * 3), "PNG")) for tone in tones]
    assert phashes == [b"", b""]


def test_dark_noise_is_not_alike() -> None:
    chance = np.random.default_rng(0)
    dark = [chance.integers(0, 4, (64, 64, 3), dtype=np.uint8) for _ in range(50)]
    assert (
        find_near_duplicates([phash(encoded(Image.fromarray(one), "JPEG")) for one in dark]) == []
    )


def test_one_shape_in_other_colors_is_another_picture() -> None:
    ramp = np.linspace(0, 255, 64, dtype=np.uint8)
    squares = []
    for channel in range(3):
        pixels = np.full((64, 64, 3), 30, np.uint8)
        pixels[..., channel] = ramp
        squares.append(Image.fromarray(pixels))
    assert find_near_duplicates([perceptual_hash(square) for square in squares]) == []


def test_drawn_landscapes_are_not_alike() -> None:
    source = build_source(ScenesData(pictures=200, image_size=HASH_SIDE))
    drawn = [source.decode(entry).pixels for entry in source.entries()]
    assert find_near_duplicates([perceptual_hash(Image.fromarray(one)) for one in drawn]) == []


def scattered(count: int) -> list[bytes]:
    chance = np.random.default_rng(0)
    return [one.tobytes() for one in chance.integers(0, 256, (count, 224), dtype=np.uint8)]


def test_all_that_differ_in_few_bits_are_found() -> None:
    phashes = scattered(300)
    chance = np.random.default_rng(1)
    low = [16 * row + column for row in range(8) for column in range(8)]
    high = sorted(set(range(256)) - set(low))
    for at in range(300):
        bits = np.unpackbits(np.frombuffer(phashes[at][:32], np.uint8))
        bits[chance.choice(low, 7, replace=False)] ^= 1
        bits[chance.choice(high, 33, replace=False)] ^= 1
        phashes.append(np.packbits(bits).tobytes() + phashes[at][32:])
    assert find_near_duplicates(phashes) == [[at, at + 300] for at in range(300)]
    for at in range(300):
        bits = np.unpackbits(np.frombuffer(phashes[at][:32], np.uint8))
        bits[chance.choice(low, 8, replace=False)] ^= 1
        phashes[at + 300] = np.packbits(bits).tobytes() + phashes[at][32:]
    # Their colors alone would tell: they are let differ.
    for at in range(300):
        colors = np.frombuffer(phashes[at + 300][32:], np.uint8).astype(int)
        moved = (colors + chance.integers(-30, 31, 192)).clip(0, 255).astype(np.uint8)
        phashes[at + 300] = phashes[at + 300][:32] + moved.tobytes()
    assert find_near_duplicates(phashes) == []


def smooth(seed: int, side: int = 64) -> Image.Image:
    """A slope of color: most of its frequencies are nothing but rounding."""
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side, 0:1][:2] / side
    slopes = chance.choice([-1, 1], (2, 3)) * chance.uniform(60, 120, (2, 3))
    slopes[1] = abs(slopes[1])  # so that lightness has a slope, too
    values = chance.uniform(60, 190, 3) + x * slopes[0] + y * slopes[1]
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def cells(seed: int) -> Image.Image:
    """Sharp cells of color."""
    colors = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(colors).resize((64, 64), Image.Resampling.NEAREST)


@pytest.mark.parametrize("draw", [smooth, cells])
def test_pictures_of_few_frequencies_are_known_by_their_colors(
    draw: Callable[[int], Image.Image],
) -> None:
    images = [draw(seed) for seed in range(40)]
    phashes = [
        phash(data)
        for image in images
        for data in (encoded(image, "PNG"), encoded(image, "JPEG", quality=90))
    ]
    assert find_near_duplicates(phashes) == [[2 * n, 2 * n + 1] for n in range(40)]


def test_a_film_is_one_group_and_takes_no_time_in_proportion_to_its_square(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frames = [bytes([n // 256, n % 256, *([9] * 30), *(range(192))]) for n in range(1500)]
    compared = 0
    from colornet.data import near_duplicates

    pairs = near_duplicates._pairs

    def count(*arguments: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        nonlocal compared
        for first, second in pairs(*arguments):
            compared += len(first)
            yield first, second

    monkeypatch.setattr(near_duplicates, "_pairs", count)
    (group,) = find_near_duplicates(frames)
    assert group == list(range(1500))
    assert compared < 68 * 256 * 1500


def test_pairs_come_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    phashes = [one for one in scattered(40) for _ in range(3)]
    whole = find_near_duplicates(phashes)
    assert whole == [[3 * n, 3 * n + 1, 3 * n + 2] for n in range(40)]
    monkeypatch.setattr("colornet.data.near_duplicates._PAIRS_AT_A_TIME", 5)
    assert find_near_duplicates(phashes) == whole
