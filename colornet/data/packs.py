"""The pictures of one training: what it learns from, what it is measured on, how many it needs."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from colornet.cli_result import count_text
from colornet.config.config import Config
from colornet.data.near_duplicates import find_near_duplicates, perceptual_hash_of_pixels
from colornet.data.packed import Pack, open_pack
from colornet.errors import InputError

MOST_COMPARED = 30_000
"""Training pictures that are searched for near duplicates of held-out ones: some 15 seconds."""
# How many photos it takes to do better than one color everywhere. Photos of six kinds of scenes at
# 32 pixels, 12,800 pictures seen, ab MAE on held-out ones / that of the best single color at the
# last tick, of pix2pix-small and unet-small: 100 photos .96, .96; 200 .92, .93; 400 .92, .90; 800
# .91, .84. Below 400 the error on training pictures was less than half of that on held-out ones,
# whose best was in the midst of the training: they were learned by heart. Of drawn landscapes 32
# are enough (.32), since their colors follow from few rules. After as many pictures seen
# cyclegan-small (1.55 with 100, 1.58 with 400) and encoder-decoder-32 (2.6, 2.9) were trained too
# shortly for any number of pictures to help: the rule says nothing of them.
FEW = 400
"""Photos below which a training learns its pictures rather than colors."""
_MEASURED = (
    "With 100 photos small presets ended 4% below the error of one color everywhere, with "
    "200 8%, with 400 9%, with 800 13%."
)


@dataclass(frozen=True)
class Packs:
    """What a training opens.

    Attributes:
        training: the pictures of `data`.
        common: those of `evaluate_on`, None where the config has none.
    """

    training: Pack
    common: Pack | None = None

    @property
    def evaluation(self) -> Pack:
        """Whose test pictures the training is evaluated on."""
        return self.common or self.training

    @property
    def evaluation_hash(self) -> str:
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
    """Whether these pictures can be trained and measured on.

    Args:
        test: whether the test pictures will be looked at.
        origin: whose pictures they are, for messages.

    Raises:
        InputError: `evaluate_on` has no pictures to validate with, or some of its held-out ones are
            trained on; no test pictures where they are needed.
    """
    section = f"{origin}: " if origin else ""
    section += "evaluate_on" if packs.common else "data"
    if packs.common:
        require_pictures(packs.common, "val", section)
        _check_apart(packs.training, packs.common, section)
    if test:
        require_pictures(packs.evaluation, "test", section)


def require_pictures(pack: Pack, split: str, section: str = "data") -> None:
    """Raise InputError, naming the config's section, when a split has no pictures."""
    if not len(pack.indices(split)):
        raise InputError(f"{section}: the {split} split has no pictures.\nGive it more pictures.")


def _check_apart(training: Pack, common: Pack, where: str) -> None:
    """Raise InputError when held-out pictures of `common` are among those of `training`."""
    held_out = {common.hashes[row] for split in ("val", "test") for row in common.indices(split)}
    trained_on = training.indices("train")
    if shared := [training.names[row] for row in trained_on if training.hashes[row] in held_out]:
        raise InputError(
            f"{where}: {len(shared)} of its held-out pictures are trained on, such as {shared[0]}."
            "\nLet data leave them out, or take both from one set, whose splits keep them apart."
        )


def leakage_warning(training: Iterable[Pack], common: Pack | None) -> str:
    """How many held-out pictures of `evaluate_on` have a near duplicate that is trained on.

    A sentence for people; empty where there are none, or where near duplicates of one of the sets
    were not looked for: of drawn landscapes, or by `data.split: content`. Of more training pictures
    than MOST_COMPARED the others are not looked at.

    Args:
        training: the pictures of each training.
    """
    if common is None or not common.checked_near_duplicates:
        return ""
    trained_on: dict[tuple[Path, int], bytes] = {}
    for pack in training:
        for row in pack.indices("train") if pack.checked_near_duplicates else ():
            if len(trained_on) < MOST_COMPARED and (pack.path, row) not in trained_on:
                trained_on[pack.path, row] = perceptual_hash_of_pixels(pack.pictures[row])
    if not trained_on:
        return ""
    held_out = [row for split in ("val", "test") for row in common.indices(split)]
    phashes = [perceptual_hash_of_pixels(common.pictures[row]) for row in held_out]
    count = len(held_out)
    groups = find_near_duplicates([*phashes, *trained_on.values()])
    both = [group for group in groups if group[-1] >= count]
    leaked = [held_out[row] for group in both for row in group if row < count]
    if not leaked:
        return ""
    return (
        f"evaluate_on: {len(leaked):,} of its {count:,} held-out pictures have a near duplicate "
        f"that is trained on, such as {common.names[leaked[0]]}: what it measures is too good"
    )


def check_budget(config: Config, pack: Pack) -> None:
    """Whether these pictures and this budget make a training.

    Raises:
        InputError: an empty split, a batch larger than the training set, a tick without a step.
    """
    options = config.training
    pictures = len(pack.indices("train"))
    for split in ("train", "val"):
        require_pictures(pack, split)
    if options.batch_size > pictures:
        raise InputError(
            f"training.batch_size: {options.batch_size}: there are only "
            f"{count_text(pictures, 'training picture')}.\n"
            f"Take a batch of at most {pictures}, or more pictures."
        )
    assert options.images is not None
    if (steps := ceil(options.images / options.batch_size)) < options.ticks:
        raise InputError(
            f"training.ticks: {options.ticks}: {count_text(options.images, 'image')} in batches of "
            f"{options.batch_size} are only {count_text(steps, 'step')}.\nTake at most "
            f"{count_text(steps, 'tick')}, or at least {options.ticks * options.batch_size} images."
        )


def few_pictures_warning(count: int, source: str) -> str | None:
    """What to expect where training pictures are few, in two sentences; else None.

    Args:
        count: pictures of the train split.
        source: the config's `data.source`; drawn scenes are never too few.
    """
    if source == "scenes" or count >= FEW:
        return None
    pictures = count_text(count, "training picture")
    verb = "is" if count == 1 else "are"
    return f"{pictures} {verb} few: take {FEW} or more. {_MEASURED}"
