"""Training, validation and test pictures: the publisher's splits, else split by hash.

A picture that is split by its hash never changes sides, whatever else is added or removed.
"""

import hashlib
import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Literal

import numpy as np

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

_TRAIN, _VAL, _TEST = range(3)
LEFT_OUT = -1
"""Of pictures that no split has: near duplicates of official ones that are held out."""
_VAL_FROM, _TEST_FROM = 0.8, 0.9
_FIRST_WORDS: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""Those that `data.rules: 1` knows."""
_LATER_WORDS = ("dev", "development", "eval", "evaluation", "holdout", "heldout")
_FIRST = {word: split for split, words in _FIRST_WORDS.items() for word in words}
_WORDS: dict[str, Split] = {**_FIRST, **dict.fromkeys(_LATER_WORDS, "val")}
_LIKE_WORDS = {
    *("benchmark", "blind", "challenge", "cv", "extra", "final", "hidden", "minival", "ood"),
    *("other", "probe", "query", "quiz", "rest", "score", "tr", "trainval", "trn", "ts", "tst"),
    *("unlabeled", "unlabelled", "unseen", "vl", "vld"),
}
"""Words for parts of a data set that are no known split, but may well be meant as one."""


def split_named(word: str, rules: int = 2) -> Split | None:
    """The split that a folder, file or column calls by this word, None when it is none.

    By the second rules also with `set` or `data` after it and joined by signs: `held-out`,
    `test_set`, `traindata`.
    """
    if rules == 1:
        return _FIRST.get(word.lower())
    return _WORDS.get(_plain(word))


def resembles_split(word: str) -> bool:
    """Whether a word is no known one for a split, but may be meant as one, or be misspelt."""
    plain = _plain(word)
    return plain in _LIKE_WORDS or bool(get_close_matches(plain, _WORDS, n=1, cutoff=0.8))


def _plain(word: str) -> str:
    return re.sub(r"[\s_.-]", "", word.lower()).removesuffix("set").removesuffix("data")


def trainable_splits(official: Sequence[Split | None]) -> list[Split | None]:
    """Official splits that can be trained with.

    Held-out pictures without others are no split but the whole set. Validation pictures without
    test pictures become the test split, as those of Places365 and ImageNet, whose test sets have
    no labels: what is published of a model is measured on them.
    """
    splits = set(official)
    if not splits - {"val", "test"}:
        return [None] * len(official)
    if "test" in splits:
        return list(official)
    return ["test" if split == "val" else split for split in official]


def assign_splits(
    hashes: Sequence[str],
    official: Sequence[Split | None] | None = None,
    twins: Sequence[Sequence[int]] = (),
) -> np.ndarray:
    """The split of every picture as an index into SPLITS, or LEFT_OUT; int8 (n,).

    Pictures that are officially val or test stay there. The others, officially train or nothing,
    are split by the value of their hash: from 0.8 to 0.9 val, from 0.9 on test, but train where
    that split has official pictures. So without official splits 80/10/10 are train, val and test,
    and of an official training set a tenth becomes val, or nothing beside an official val.

    Near duplicates are in one split, by a hash of their least hash. What is published of a model is
    measured on the whole official test set, so it is their near duplicates elsewhere that are left
    out, and those in training of official val pictures.

    In a set too small for that to fill all splits, the others in order of hash give one tenth (at
    least one) to val, as many to test if there are three or more, and the rest to train.

    Args:
        hashes: hexadecimal, uniformly distributed, without duplicates.
        official: one item a picture; None: no official splits.
        twins: groups of near duplicates, by position.
    """
    values = np.array([_value(digest) for digest in hashes], np.float64)
    group = np.arange(len(hashes))
    # What may be split further counts as train.
    splits = official or [None] * len(hashes)
    official_sides = np.array([SPLITS.index(split or "train") for split in splits], np.int8)
    sides = official_sides.copy()
    for members in twins:
        least = min(hashes[row] for row in members)
        values[members] = _value(hashlib.sha256(least.encode()).hexdigest())
        group[members] = members[0]
        held_out = max(official_sides[row] for row in members)
        for row in members:
            if held_out != _TRAIN and official_sides[row] != held_out:
                sides[row] = LEFT_OUT
    missing = [split for split in (_VAL, _TEST) if split not in official_sides]
    # The hash is uniform, so that its value alone says in which tenth a picture is, at any size of
    # the set: what is added later moves nothing.
    by_hash = np.where(values < _VAL_FROM, _TRAIN, np.where(values < _TEST_FROM, _VAL, _TEST))
    by_hash[~np.isin(by_hash, missing)] = _TRAIN
    rest = np.flatnonzero(sides == _TRAIN)
    sides[rest] = by_hash[rest]
    if len(rest) >= 2 and len(np.unique(sides[rest])) <= len(missing):
        _fill(sides, rest[np.lexsort((group[rest], values[rest]))], group, missing)
    return sides


def _fill(sides: np.ndarray, order: np.ndarray, group: np.ndarray, missing: Sequence[int]) -> None:
    """Give a tenth of a small set's pictures, group by group, to each split that is missing."""
    held_out = max(1, len(order) // 10)
    sides[order] = _TRAIN
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    groups = np.split(order, starts[1:])
    for turn, split in enumerate(missing):
        if len(groups) < 2 or len(order) < turn + 2:
            return
        taken = 0
        while taken < held_out and len(groups) > 1:
            members = groups.pop(0)
            sides[members] = split
            taken += len(members)


def _value(digest: str) -> float:
    """A hash as a number in [0, 1)."""
    return int(digest[:8], 16) / 2**32


def near_duplicates_text(pictures: int, left_out: int) -> str:
    """What becomes of near duplicates, for people."""
    text = f"{pictures:,} near duplicates, each kept in the split of its likes"
    return f"{text}, {left_out:,} left out for official held-out ones" if left_out else text


def split_origins(official: Sequence[Split | None]) -> dict[Split, str]:
    """Where each split comes from, for people: `official` or `hash`."""
    held_out = {split: "official" if split in official else "hash" for split in SPLITS[1:]}
    train = "official" if set(held_out.values()) == {"official"} else "hash"
    return {"train": train, **held_out}
