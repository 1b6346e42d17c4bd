"""The built-in landscapes: repeatable, any size, strongly and variedly colored."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from skimage.color import rgb2lab

from colornet.config.sections.data import ScenesData
from colornet.data import scenery
from colornet.data.scenery.canvas import rgb_from_lab
from colornet.data.scenery.compositions import CLASSES, draw_scene
from colornet.data.sources.scenes import ScenesSource, _code_hash
from colornet.errors import InputError


def test_a_picture_depends_on_seed_number_and_size_only() -> None:
    first = draw_scene(3, 5, 32)
    draw_scene(0, 0, 64)
    np.testing.assert_array_equal(first, draw_scene(3, 5, 32))
    assert not np.array_equal(first, draw_scene(4, 5, 32))
    assert not np.array_equal(first, draw_scene(3, 9, 32))


@pytest.mark.parametrize("size", [8, 32, 40, 64, 128, 256])
def test_any_size(size: int) -> None:
    for index in range(len(CLASSES)):
        pixels = draw_scene(0, index, size)
        assert pixels.shape == (size, size, 3)
        assert pixels.dtype == np.uint8


def test_a_picture_shows_the_same_scene_at_every_size() -> None:
    for index in range(12):
        small = draw_scene(0, index, 32).astype(int)
        large = draw_scene(0, index, 128).reshape(32, 4, 32, 4, 3).mean((1, 3))
        assert np.abs(small - large).mean() < 10


def test_large_pictures_have_detail_of_their_own() -> None:
    large = draw_scene(0, 2, 256).astype(float)
    coarse = large.reshape(128, 2, 128, 2, 3).mean((1, 3)).repeat(2, 0).repeat(2, 1)
    assert np.abs(large - coarse).mean() > 1


@pytest.fixture(scope="module")
def lab() -> np.ndarray:
    return rgb2lab(np.array([draw_scene(0, index, 32) for index in range(400)]))


def test_no_single_color_comes_near(lab: np.ndarray) -> None:
    train, val = lab[:200, ..., 1:], lab[200:, ..., 1:]
    for guess in (np.zeros(2), train.mean((0, 1, 2)), np.median(train.reshape(-1, 2), axis=0)):
        assert np.abs(val - guess).mean() >= 18


def test_every_class_is_colored_and_vivid_things_are_rare(lab: np.ndarray) -> None:
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    for place in range(len(CLASSES)):
        assert np.abs(lab[place :: len(CLASSES), ..., 1:]).mean() > 15
        assert 0.005 < (chroma[place :: len(CLASSES)] > 40).mean() < 0.08
    assert 0.01 < (chroma > 45).mean() < 0.04


def test_lightness_has_texture(lab: np.ndarray) -> None:
    steps = np.abs(np.diff(lab[..., 0], axis=2)).mean((1, 2))
    assert np.quantile(steps, 0.05) > 0.5


def test_classes_take_turns_and_can_be_chosen() -> None:
    entries = ScenesSource(ScenesData(pictures=21)).entries()
    assert [entry.location for entry in entries] == list(range(21))
    assert [entry.label for entry in entries] == [CLASSES[index % 4] for index in range(21)]
    chosen = ScenesSource(ScenesData(pictures=21, classes=("sea", "village"))).entries()
    assert [entry.location for entry in chosen[:4]] == [1, 3, 5, 7]
    assert len(chosen) == 21
    assert {entry.label for entry in chosen} == {"sea", "village"}


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(InputError, match=r"Did you mean 'meadow'\?"):
        ScenesSource(ScenesData(classes=("meadows",)))


def test_fewer_pictures_are_the_first_ones_of_more() -> None:
    few, many = (ScenesSource(ScenesData(pictures=count)).entries() for count in (20, 30))
    assert few == many[:20]


def test_lab_is_the_one_of_scikit_image() -> None:
    levels = range(0, 256, 51)
    rgb = np.array(list(itertools.product(levels, levels, levels)), np.uint8)
    np.testing.assert_allclose(rgb_from_lab(rgb2lab(rgb)).astype(int), rgb, atol=1)


def test_only_changed_drawing_is_drawn_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "scenery"
    shutil.copytree(scenery.__path__[0], folder)
    monkeypatch.setattr(scenery, "__path__", [str(folder)])
    source, before = folder / "light.py", _code_hash.__wrapped__()
    text = source.read_text()
    assert _code_hash.__wrapped__() == before
    moved = text.replace("from colornet.data.scenery.canvas", "from elsewhere")
    source.write_text("# A remark.\n" + moved)
    assert moved != text and _code_hash.__wrapped__() == before
    source.write_text(text.replace("ORDINARY_CHROMA = 39.0", "ORDINARY_CHROMA = 38.0"))
    assert _code_hash.__wrapped__() != before
