"""Splits depend on the picture alone, unless there are too few."""

import hashlib

import numpy as np
import pytest

from colornet.data.splits import Split, assign_splits, settle, split_named, split_origins


def hashes(count: int) -> list[str]:
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]


def test_nothing_splits_into_nothing() -> None:
    assert assign_splits([]).tolist() == []


def test_one_picture_is_for_training_or_held_out() -> None:
    assert len(assign_splits(hashes(1))) == 1


@pytest.mark.parametrize("count", range(2, 60))
def test_val_and_test_are_never_empty(count: int) -> None:
    sides = assign_splits(hashes(count))
    assert (sides == 0).any()
    assert (sides == 1).any()
    assert (sides == 2).any() or count == 2


def test_shares_are_80_10_10() -> None:
    shares = np.bincount(assign_splits(hashes(20_000))) / 20_000
    np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=0.01)


def test_a_picture_never_changes_sides_when_others_come() -> None:
    some, more = assign_splits(hashes(200)), assign_splits(hashes(1000))
    np.testing.assert_array_equal(some, more[:200])


def test_order_does_not_matter_in_small_sets_either() -> None:
    few = hashes(5)
    forwards = dict(zip(few, assign_splits(few).tolist(), strict=True))
    backwards = dict(zip(few[::-1], assign_splits(few[::-1]).tolist(), strict=True))
    assert forwards == backwards


# Official splits


def counts(sides: np.ndarray) -> list[int]:
    return np.bincount(sides, minlength=3).tolist()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Train training TRAIN", {"train"}),
        ("val valid Validation", {"val"}),
        ("test Testing", {"test"}),
        ("sea testament train2 vale", {None}),
    ],
)
def test_words_for_splits(words: str, expected: set[str | None]) -> None:
    assert {split_named(word) for word in words.split()} == expected


@pytest.mark.parametrize(
    ("given", "settled"),
    [
        ([], []),
        ([None, None], [None, None]),
        (["train", "test"], ["train", "test"]),
        (["train", "val"], ["train", "test"]),
        ([None, "val"], [None, "test"]),
        (["train", "val", "test"], ["train", "val", "test"]),
        (["test", "test"], [None, None]),
        (["val", "test"], [None, None]),
    ],
)
def test_official_splits_are_settled(
    given: list[Split | None], settled: list[Split | None]
) -> None:
    assert settle(given) == settled


def test_official_pictures_stay_and_a_tenth_of_the_others_becomes_val() -> None:
    official: list[Split | None] = ["train"] * 20_000 + ["test"] * 1000
    sides = assign_splits(hashes(21_000), official)
    assert (sides[20_000:] == 2).all()
    assert (sides[:20_000] < 2).all()
    np.testing.assert_allclose((sides[:20_000] == 1).mean(), 0.1, atol=0.01)


def test_val_by_hash_is_the_same_with_and_without_official_test_pictures() -> None:
    plain = assign_splits(hashes(1000))
    official = assign_splits(hashes(1000), [None] * 990 + ["test"] * 10)
    np.testing.assert_array_equal(plain[:990] == 1, official[:990] == 1)


def test_with_official_val_and_test_nothing_is_split_by_hash() -> None:
    official: list[Split | None] = ["train"] * 500 + [None] * 5 + ["val"] * 10 + ["test"] * 20
    assert counts(assign_splits(hashes(535), official)) == [505, 10, 20]


def test_official_val_alone_leaves_test_to_the_hash() -> None:
    found = assign_splits(hashes(1000), ["train"] * 900 + ["val"] * 100)
    assert (found[900:] == 1).all()
    assert set(found[:900]) == {0, 2}


@pytest.mark.parametrize("count", range(2, 40))
def test_val_is_never_empty_beside_official_test_pictures(count: int) -> None:
    found = assign_splits(hashes(count + 3), [None] * count + ["test"] * 3)
    train, val, test = counts(found)
    assert train and val
    assert test == 3


def test_nothing_is_trained_with_held_out_pictures() -> None:
    assert counts(assign_splits(hashes(9), ["test"] * 5 + ["val"] * 4)) == [0, 4, 5]


def test_origins() -> None:
    assert split_origins([]) == {"train": "hash", "val": "hash", "test": "hash"}
    assert split_origins(["train", None]) == {"train": "hash", "val": "hash", "test": "hash"}
    assert split_origins(["train", "test"])["test"] == "official"
    assert set(split_origins(["train", "val", "test"]).values()) == {"official"}
