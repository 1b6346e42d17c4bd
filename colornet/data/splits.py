"""Training, validation and test pictures: the publisher's splits, else split by hash.

A picture that is split by its hash never changes sides, whatever else is added or removed.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

_TRAIN, _VAL, _TEST = range(3)
_VAL_FROM, _TEST_FROM = 0.8, 0.9
_WORDS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def split_named(word: str) -> Split | None:
    """The split that a folder, file or column calls by this word, None when it is none."""
    return _WORDS.get(word.lower())


def settle(official: Sequence[Split | None]) -> list[Split | None]:
    """Official splits that can be trained with.

    Held-out pictures without others are no split but the whole set. Validation pictures without
    test pictures become the test split, as those of Places365 and ImageNet, whose test sets have
    no labels: what is published of a model is measured on them.
    """
    found = set(official)
    if not found - {"val", "test"}:
        return [None] * len(official)
    if "test" in found:
        return list(official)
    return ["test" if split == "val" else split for split in official]


def assign_splits(
    hashes: Sequence[str], official: Sequence[Split | None] | None = None
) -> np.ndarray:
    """The split of every picture as an index into SPLITS, int8 (n,).

    Pictures that are officially val or test stay there. The others, officially train or nothing,
    are split by the value of their hash: from 0.8 to 0.9 val, from 0.9 on test, but train where
    that split has official pictures. So without official splits 80/10/10 are train, val and test,
    and of an official training set a tenth becomes val, or nothing beside an official val.

    In a set too small for that to fill all splits, the others in order of hash give one tenth (at
    least one) to val, as many to test if there are three or more, and the rest to train.

    Args:
        hashes: hexadecimal, uniformly distributed, without duplicates.
        official: one item a picture; None: no official splits.
    """
    values = np.array([int(digest[:8], 16) / 2**32 for digest in hashes], np.float64)
    given = np.array([_fixed(split) for split in official or [None] * len(hashes)], np.int8)
    missing = [split for split in (_VAL, _TEST) if split not in given]
    by_hash = np.where(values < _VAL_FROM, _TRAIN, np.where(values < _TEST_FROM, _VAL, _TEST))
    by_hash[~np.isin(by_hash, missing)] = _TRAIN
    rest = np.flatnonzero(given == _TRAIN)
    found = given.copy()
    found[rest] = by_hash[rest]
    if len(rest) >= 2 and len(np.unique(found[rest])) <= len(missing):
        held_out = max(1, len(rest) // 10)
        order = rest[np.argsort(values[rest], kind="stable")]
        found[order] = _TRAIN
        for turn, split in enumerate(missing):
            if len(rest) >= turn + 2:
                found[order[turn * held_out : (turn + 1) * held_out]] = split
    return found


def split_origins(official: Sequence[Split | None]) -> dict[Split, str]:
    """Where each split comes from, for people: `official` or `hash`."""
    held_out = {split: "official" if split in official else "hash" for split in SPLITS[1:]}
    train = "official" if set(held_out.values()) == {"official"} else "hash"
    return {"train": train, **held_out}


def _fixed(split: Split | None) -> int:
    """The index of a split that stays as it is; what may be split further counts as train."""
    return _TRAIN if split is None else SPLITS.index(split)
