"""Splits depend on the picture alone, unless there are too few."""

import hashlib

import numpy as np
import pytest

from colornet.data.splits import assign_splits


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
