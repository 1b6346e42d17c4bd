"""Which pictures a training learns from, which judge it, and that these are never the same."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colornet.config.config import Config, parse_config
from colornet.config.sections.data import FolderData
from colornet.data import packs
from colornet.data.packed import Pack, open_pack
from colornet.data.packs import (
    FEW,
    Packs,
    check_packs,
    few_pictures_warning,
    leakage_warning,
    open_packs,
)
from colornet.errors import InputError

DATA = {"source": "scenes", "pictures": 60, "image_size": 16}
SMALL = {"kind": "unet", "depth": 2}


def config(**evaluate_on: Any) -> Config:
    common = {**DATA, **evaluate_on} if evaluate_on else None
    return parse_config({"data": DATA, "evaluate_on": common, "generator": SMALL}, "test")


def test_without_common_pictures_the_own_ones_judge() -> None:
    found = open_packs(config())
    assert found.common is None
    assert found.evaluation is found.training
    assert found.evaluation_hash == ""


def test_common_pictures_judge() -> None:
    found = open_packs(config(seed=5), test=True)
    assert found.evaluation is found.common
    assert found.training.content_hash != found.evaluation.content_hash


@pytest.mark.parametrize("other", [{"image_size": 24}, {"horizontal_flip": False}])
def test_one_set_keeps_its_own_splits_apart(other: dict[str, Any]) -> None:
    assert open_packs(config(**other)).common is not None


def test_one_class_judges() -> None:
    common = open_packs(config(classes=["sea"], pictures=120)).common
    assert common is not None
    assert {common.classes[row] for row in common.indices("val")} == {"sea"}


def test_pictures_on_both_sides_are_counted_and_one_is_named() -> None:
    """Of a set too small for its hashes to decide, a part may be split otherwise."""
    own = open_pack(parse_config({"data": {**DATA, "seed": 1}}, "test").data)
    small = {**DATA, "seed": 1, "pictures": 20, "image_size": 24}
    common = open_pack(parse_config({"data": {**small}, "generator": SMALL}, "test").data)
    held_out = {common.hashes[row] for name in ("val", "test") for row in common.indices(name)}
    both = [own.names[row] for row in own.indices("train") if own.hashes[row] in held_out]
    assert len(both) == 4
    with pytest.raises(InputError) as caught:
        check_packs(Packs(own, common), origin="a study")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("a study: evaluate_on: 4 of its held-out")
    assert lines[0].endswith(f"such as {both[0]}.")
    assert len(lines) == 2


def test_what_judges_tells_sets_apart() -> None:
    others = [{"seed": 5}, {"seed": 6}, {"seed": 5, "image_size": 24}, {"classes": ["sea"]}]
    assert len({open_packs(config(**other)).evaluation_hash for other in others}) == 4
    assert open_packs(config(seed=5)).evaluation_hash == open_packs(config(seed=5)).evaluation_hash


def saved(folder: Path, seeds: Iterable[int], suffix: str = ".png", side: int = 64) -> str:
    """A folder of random pictures, one a seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        colors = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        picture = Image.fromarray(colors).resize((side, side), Image.Resampling.NEAREST)
        picture.save(folder / f"{seed:03d}{suffix}", quality=80)
    return str(folder)


def opened(root: str, image_size: int = 16, **options: Any) -> Pack:
    return open_pack(FolderData(source="folder", root=root, image_size=image_size, **options))


def seeds_of(pack: Pack, *splits: str) -> set[int]:
    return {int(Path(pack.names[row]).stem) for split in splits for row in pack.indices(split)}


@pytest.mark.parametrize("image_size", [16, 48])
def test_near_duplicates_on_both_sides_are_counted(tmp_path: Path, image_size: int) -> None:
    own = opened(saved(tmp_path / "own", range(60)))
    common = opened(saved(tmp_path / "common", range(30, 130), ".jpg", 100), image_size)
    check_packs(Packs(own, common))
    both = seeds_of(own, "train") & seeds_of(common, "val", "test")
    held_out = len(seeds_of(common, "val", "test"))
    assert len(both) > 2
    told = leakage_warning([own], common)
    assert told.startswith(f"evaluate_on: {len(both)} of its {held_out} held-out pictures ")
    named = told.split("such as ")[1].split(":")[0]
    assert int(Path(named).stem) in both
    assert (
        leakage_warning([opened(saved(tmp_path / "third", range(200, 220))), own], common) == told
    )


def test_what_is_held_out_or_trained_on_alone_is_no_near_duplicate(tmp_path: Path) -> None:
    own = opened(saved(tmp_path / "own", range(40)))
    twice = saved(tmp_path / "common", range(100, 140))
    common = opened(saved(Path(twice), range(100, 140), ".jpg", 100))
    assert leakage_warning([own], common) == ""
    assert leakage_warning([own], own) == ""
    assert leakage_warning([own], None) == ""


@pytest.mark.parametrize("side", ["own", "common"])
def test_of_sets_without_looking_for_near_duplicates_nothing_is_said(
    tmp_path: Path, side: str
) -> None:
    options = {name: {"split": "content"} if name == side else {} for name in ("own", "common")}
    own = opened(saved(tmp_path / "own", range(60)), **options["own"])
    common = opened(saved(tmp_path / "common", range(60), ".jpg"), **options["common"])
    assert leakage_warning([own], common) == ""
    drawn = open_packs(config(seed=5))
    assert leakage_warning([drawn.training], drawn.common) == ""


def test_so_many_training_pictures_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = opened(saved(tmp_path / "own", range(60)))
    common = opened(saved(tmp_path / "common", range(60), ".jpg"))
    seen: list[int] = []
    monkeypatch.setattr(packs, "MOST_COMPARED", 7)
    monkeypatch.setattr(
        packs, "perceptual_hash_of_pixels", lambda pixels: bytes(seen.append(1) or b"")
    )
    assert leakage_warning([own], common) == ""
    assert len(seen) == 7 + len(seeds_of(common, "val", "test"))


@pytest.mark.parametrize("count", [0, 1, 163, FEW - 1])
def test_few_photos_are_said_to_be_few_with_what_was_measured(count: int) -> None:
    said = few_pictures_warning(count, "folder")
    assert said is not None
    assert said.startswith(f"{count} training picture{'s are' if count != 1 else ' is'} few: ")
    assert "With 100 photos" in said


@pytest.mark.parametrize("source", ["folder", "parquet", "cifar10"])
def test_enough_are_not_mentioned(source: str) -> None:
    assert few_pictures_warning(FEW, source) is None


def test_drawn_scenes_are_never_few() -> None:
    assert few_pictures_warning(32, "scenes") is None
