"""Splits depend on the picture alone, unless there are too few."""

import hashlib

import numpy as np
import pytest

from colornet.data.splits import (
    LEFT_OUT,
    Split,
    assign_splits,
    split_named,
    split_origins,
    trainable_splits,
)


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
    assert (sides == 2).any() == (count > 2)


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
        ("eval Evaluation holdout hold-out held_out heldout dev devset val_set", {"val"}),
        ("test_set testset TestSet", {"test"}),
        ("training_set trainset train-set", {"train"}),
        ("sea set sunset testament train2 vale", {None}),
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
    assert trainable_splits(given) == settled


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


# Near duplicates


def pairs(count: int) -> list[list[int]]:
    return [[2 * number, 2 * number + 1] for number in range(count)]


@pytest.mark.parametrize("count", [2, 3, 5, 12, 24, 100, 1000])
def test_near_duplicates_are_in_one_split(count: int) -> None:
    sides = assign_splits(hashes(2 * count), twins=pairs(count))
    assert (sides[::2] == sides[1::2]).all()
    assert (sides == 0).any() and (sides == 1).any()
    assert (sides == 2).any() == (count > 2)


def test_shares_of_pairs_are_80_10_10() -> None:
    sides = assign_splits(hashes(20_000), twins=pairs(10_000))
    np.testing.assert_allclose(np.bincount(sides) / 20_000, [0.8, 0.1, 0.1], atol=0.01)


def test_other_pictures_stay_where_they_were() -> None:
    alone, with_twins = assign_splits(hashes(1000)), assign_splits(hashes(1000), twins=pairs(50))
    np.testing.assert_array_equal(alone[100:], with_twins[100:])


def test_order_does_not_matter_for_near_duplicates() -> None:
    many = hashes(300)
    forwards = dict(zip(many, assign_splits(many, twins=pairs(40)).tolist(), strict=True))
    turned = [[299 - row for row in group] for group in pairs(40)]
    assert dict(zip(many[::-1], assign_splits(many[::-1], twins=turned), strict=True)) == forwards


def test_one_group_is_for_training_only() -> None:
    assert assign_splits(hashes(6), twins=[list(range(6))]).tolist() == [0] * 6


def test_near_duplicates_of_official_test_pictures_are_left_out() -> None:
    official: list[Split | None] = ["train"] * 50 + ["test"] * 50
    twins = [[row, row + 50] for row in range(10)] + [[60, 61]]
    sides = assign_splits(hashes(100), official, twins)
    assert (sides[:10] == LEFT_OUT).all()
    assert (sides[10:50] >= 0).all()
    assert (sides[50:] == 2).all()


def test_near_duplicates_of_official_val_pictures_are_left_out_of_train_and_val_gives_way() -> None:
    official: list[Split | None] = ["train", "val", "val", "test", "train"]
    sides = assign_splits(hashes(5), official, [[0, 1], [2, 3]])
    assert sides.tolist() == [LEFT_OUT, 1, LEFT_OUT, 2, 0]
