"""Training, validation and test pictures: split by hash, so that a picture never changes sides."""

from collections.abc import Sequence

import numpy as np

SPLITS = ("train", "val", "test")
_VAL_FROM, _TEST_FROM = 0.8, 0.9


def assign_splits(hashes: Sequence[str]) -> np.ndarray:
    """The split of every picture as an index into SPLITS, int8 (n,).

    80/10/10 by the value of the hash: adding or removing others moves no picture. In a set too
    small for that to fill all three splits, the pictures in order of hash give one tenth (at least
    one) to val, as many to test if there are three or more, and the rest to train.

    Args:
        hashes: hexadecimal, uniformly distributed, without duplicates.
    """
    values = np.array([int(digest[:8], 16) / 2**32 for digest in hashes], np.float64)
    found = np.where(values < _VAL_FROM, 0, np.where(values < _TEST_FROM, 1, 2)).astype(np.int8)
    if len(found) >= 2 and len(np.unique(found)) < len(SPLITS):
        held_out = max(1, len(found) // 10)
        order = np.argsort(values, kind="stable")
        found[:] = 0
        found[order[:held_out]] = 1
        if len(found) >= 3:
            found[order[held_out : 2 * held_out]] = 2
    return found
