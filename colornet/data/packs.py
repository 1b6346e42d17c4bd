"""The pictures of one training: those it learns from, and those it is judged on."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from colornet.config.config import Config
from colornet.data.near_duplicates import find_twins, look_of_packed
from colornet.data.packed import Pack, open_pack
from colornet.errors import InputError

MOST_COMPARED = 30_000
"""Training pictures that are looked at for near duplicates of those that judge: some 15 seconds."""


@dataclass(frozen=True)
class Packs:
    """What a training opens.

    Attributes:
        own: the pictures of `data`.
        common: those of `evaluate_on`, None where the config has none.
    """

    own: Pack
    common: Pack | None = None

    @property
    def judging(self) -> Pack:
        """Whose test pictures judge the training."""
        return self.common or self.own

    @property
    def judges(self) -> str:
        """Hash of the common held-out pictures, empty where there are none."""
        if self.common is None:
            return ""
        digest = hashlib.sha256(self.common.content_hash.encode())
        for split in ("val", "test"):
            digest.update(split.encode())
            for row in self.common.indices(split):
                digest.update(self.common.hashes[row].encode())
        return digest.hexdigest()


def open_packs(config: Config, *, test: bool = False) -> Packs:
    """Open, and where need be build, the packs of a config.

    Args:
        test: whether the test pictures will be looked at.

    Raises:
        InputError: as `open_pack` and `check_packs`.
    """
    common = open_pack(config.evaluate_on) if config.evaluate_on else None
    packs = Packs(open_pack(config.data), common)
    check_packs(packs, test=test)
    return packs


def check_packs(packs: Packs, *, test: bool = False, origin: str = "") -> None:
    """Whether these pictures can train and judge.

    Args:
        test: whether the test pictures will be looked at.
        origin: whose pictures they are, for messages.

    Raises:
        InputError: `evaluate_on` has no pictures to validate with, or some of its held-out ones are
            trained on; no test pictures where they are needed.
    """
    head = f"{origin}: " if origin else ""
    if packs.common:
        _check_some(packs.common, "val", f"{head}evaluate_on")
        _check_apart(packs.own, packs.common, f"{head}evaluate_on")
    if test:
        _check_some(packs.judging, "test", f"{head}{'evaluate_on' if packs.common else 'data'}")


def _check_some(pack: Pack, split: str, where: str) -> None:
    if not len(pack.indices(split)):
        raise InputError(f"{where}: the {split} split has no pictures.\nGive it more pictures.")


def _check_apart(own: Pack, common: Pack, where: str) -> None:
    """Raise InputError when held-out pictures of `common` are among those trained on in `own`."""
    held_out = {common.hashes[row] for split in ("val", "test") for row in common.indices(split)}
    shared = [own.names[row] for row in own.indices("train") if own.hashes[row] in held_out]
    if shared:
        raise InputError(
            f"{where}: {len(shared)} of its held-out pictures are trained on, such as {shared[0]}."
            "\nLet data leave them out, or take both from one set, whose splits keep them apart."
        )


def twins_told(own: Iterable[Pack], common: Pack | None) -> str:
    """How many held-out pictures of `evaluate_on` have a near duplicate that is trained on.

    A sentence for people; empty where there are none, or where near duplicates of one of the sets
    were not looked for: of drawn landscapes, or by `data.split: content`. Of more training pictures
    than MOST_COMPARED the others are not looked at.

    Args:
        own: the pictures of each training.
    """
    if common is None or not common.finds_twins:
        return ""
    trained_on: dict[tuple[Path, int], bytes] = {}
    for pack in own:
        for row in pack.indices("train") if pack.finds_twins else ():
            if len(trained_on) < MOST_COMPARED and (pack.path, row) not in trained_on:
                trained_on[pack.path, row] = look_of_packed(pack.pictures[row])
    if not trained_on:
        return ""
    held_out = [row for split in ("val", "test") for row in common.indices(split)]
    looks = [look_of_packed(common.pictures[row]) for row in held_out]
    count = len(held_out)
    groups = find_twins([*looks, *trained_on.values()])
    both = [group for group in groups if group[-1] >= count]
    found = [held_out[place] for group in both for place in group if place < count]
    if not found:
        return ""
    return (
        f"evaluate_on: {len(found):,} of its {count:,} held-out pictures have a near duplicate "
        f"that is trained on, such as {common.names[found[0]]}: what it measures is too good"
    )
