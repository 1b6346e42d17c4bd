"""When training pictures are few."""

import pytest

from colornet.data.few_pictures import FEW, few_pictures


@pytest.mark.parametrize("count", [0, 1, 163, FEW - 1])
def test_few_photos_are_said_to_be_few_with_what_was_measured(count: int) -> None:
    said = few_pictures(count, "folder")
    assert said is not None
    assert said.startswith(f"{count} training picture{'s are' if count != 1 else ' is'} few: ")
    assert "With 100 photos" in said


@pytest.mark.parametrize("source", ["folder", "parquet", "cifar10"])
def test_enough_are_not_mentioned(source: str) -> None:
    assert few_pictures(FEW, source) is None


def test_drawn_scenes_are_never_few() -> None:
    assert few_pictures(32, "scenes") is None
