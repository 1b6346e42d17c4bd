"""Which pictures a training learns from, which judge it, and that these are never the same."""

from typing import Any

import pytest

from colornet.config import Config, parse_config
from colornet.data.packed import open_pack
from colornet.errors import InputError
from colornet.packs import Packs, check_packs, open_packs

DATA = {"source": "scenes", "pictures": 60, "image_size": 16}
SMALL = {"kind": "unet", "depth": 2}


def config(**evaluate_on: Any) -> Config:
    common = {**DATA, **evaluate_on} if evaluate_on else None
    return parse_config({"data": DATA, "evaluate_on": common, "generator": SMALL}, "test")


def test_without_common_pictures_the_own_ones_judge() -> None:
    packs = open_packs(config())
    assert packs.common is None
    assert packs.judging is packs.own
    assert packs.judges == ""


def test_common_pictures_judge() -> None:
    packs = open_packs(config(seed=5), test=True)
    assert packs.judging is packs.common
    assert packs.own.content_hash != packs.judging.content_hash


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
    assert len({open_packs(config(**other)).judges for other in others}) == 4
    assert open_packs(config(seed=5)).judges == open_packs(config(seed=5)).judges
