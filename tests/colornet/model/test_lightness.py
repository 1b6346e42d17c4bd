"""Pictures unlike those that a model was trained on are told by their lightness."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colornet.config.config import parse_config
from colornet.data.packed import Pack, open_pack
from colornet.errors import InputError
from colornet.model.lightness import NAMES, TrainingLightness, statistics, unlike_warning

DRAWN = {"source": "scenes", "pictures": 200, "image_size": 16}


def pack(**changes: Any) -> Pack:
    return open_pack(parse_config({"data": {**DRAWN, **changes}}, "test").data)


def measured() -> TrainingLightness:
    found = TrainingLightness.of(pack())
    assert found is not None
    return found


def noise(seed: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def share_unlike(trained_on: TrainingLightness, pictures: list[Image.Image]) -> float:
    return float(np.mean([trained_on.is_unlike(one) for one in pictures]))


def test_of_too_few_training_pictures_nothing_is_known() -> None:
    assert TrainingLightness.of(pack(train_pictures=99)) is None
    assert TrainingLightness.of(pack(train_pictures=100)) is not None


def test_statistics_of_a_flat_picture_and_of_an_edge() -> None:
    flat = dict(zip(NAMES, statistics(np.full((8, 8, 3), 255, np.uint8)), strict=True))
    assert flat == {"mean": 255, "deviation": 0, "low": 255, "high": 255, "detail": 0, "flat": 1}
    edge = np.zeros((8, 8, 3), np.uint8)
    edge[:4] = 255
    found = dict(zip(NAMES, statistics(edge), strict=True))
    assert (found["mean"], found["low"], found["high"]) == (127.5, 0, 255)
    assert found["detail"] == pytest.approx(255 * 8 / 112)
    assert found["flat"] == pytest.approx(104 / 112)


def test_others_of_the_same_kind_are_like_and_noise_is_not() -> None:
    others = pack(seed=7)
    same = [Image.fromarray(picture) for picture in others.pictures]
    assert share_unlike(measured(), same) < 0.25
    assert share_unlike(measured(), [noise(seed) for seed in range(20)]) == 1


def test_color_and_mode_do_not_matter_and_size_hardly_does() -> None:
    grey = statistics(np.full((8, 8, 3), 119, np.uint8))
    assert statistics(np.full((8, 8, 3), (0, 132, 132), np.uint8)) == pytest.approx(grey, abs=4)
    trained_on = measured()
    plain = [Image.fromarray(picture) for picture in pack(seed=7).pictures[:40]]
    said = [trained_on.is_unlike(one) for one in plain]
    assert [trained_on.is_unlike(one.convert("RGBA")) for one in plain] == said
    large = [one.resize((300, 300), Image.Resampling.BICUBIC) for one in plain]
    assert abs(share_unlike(trained_on, large) - np.mean(said)) < 0.1


@pytest.mark.parametrize(("unlike", "judged"), [(0, 0), (1, 1), (3, 3), (0, 4), (2, 4), (7, 14)])
def test_few_pictures_and_half_of_them_are_not_told(unlike: int, judged: int) -> None:
    assert unlike_warning(unlike, judged) == ""


@pytest.mark.parametrize(("unlike", "judged"), [(3, 4), (4, 4), (12, 14)])
def test_more_than_half_are_told_with_figures(unlike: int, judged: int) -> None:
    assert unlike_warning(unlike, judged).startswith(f"{unlike} of {judged} pictures lie outside ")


def test_what_a_model_keeps_is_read_equal(tmp_path: Path) -> None:
    trained_on = measured()
    (tmp_path / "manifest.json").write_text(json.dumps({"lightness": trained_on.to_data()}))
    kept = TrainingLightness.kept_in(tmp_path)
    assert kept is not None
    assert kept.to_data() == trained_on.to_data()


def test_models_of_before_keep_nothing(tmp_path: Path) -> None:
    assert TrainingLightness.kept_in(tmp_path) is None
    (tmp_path / "manifest.json").write_text('{"version": 1, "sha256": "0"}')
    assert TrainingLightness.kept_in(tmp_path) is None


DAMAGED: list[Any] = [
    *([], "x", 3, {}, {"image_size": 16}),
    {"image_size": 10**9},
    {"image_size": "16"},
    *({"mean": bad} for bad in (None, [1], [1, 2, 3], ["1", "2"], [None, 5], [1e300, 1e301], {})),
    *({"flat": bad} for bad in ([1, 0], [True, True], [False, 1])),
]


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_ranges_are_refused(tmp_path: Path, damage: Any) -> None:
    if isinstance(damage, dict) and damage not in ({}, {"image_size": 16}):
        damage = measured().to_data() | damage
    (tmp_path / "manifest.json").write_text(json.dumps({"lightness": damage}))
    with pytest.raises(InputError, match=r"manifest\.json: lightness: not the ranges") as caught:
        TrainingLightness.kept_in(tmp_path)
    assert len(str(caught.value).splitlines()) == 2
