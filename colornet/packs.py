"""The pictures of one training: those it learns from, and those it is judged on."""

import hashlib
from dataclasses import dataclass

from colornet.config import Config
from colornet.data.packed import Pack, open_pack
from colornet.errors import InputError


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
        InputError: as `open_pack`; `evaluate_on` has no pictures to validate with, or some of its
            held-out ones are trained on; no test pictures where they are needed.
    """
    own = open_pack(config.data)
    common = open_pack(config.evaluate_on) if config.evaluate_on else None
    packs = Packs(own, common)
    where = "evaluate_on" if common else "data"
    if common:
        _check_some(common, "val", where)
        check_apart(own, common)
    if test:
        _check_some(packs.judging, "test", where)
    return packs


def _check_some(pack: Pack, split: str, where: str) -> None:
    if not len(pack.indices(split)):
        raise InputError(f"{where}: the {split} split has no pictures.\nGive it more pictures.")


def check_apart(own: Pack, common: Pack, origin: str = "") -> None:
    """Raise InputError when held-out pictures of `common` are among those trained on in `own`.

    Args:
        origin: what trains on them, for the message.
    """
    held_out = {common.hashes[row] for split in ("val", "test") for row in common.indices(split)}
    shared = [own.names[row] for row in own.indices("train") if own.hashes[row] in held_out]
    if shared:
        head = f"{origin}: evaluate_on" if origin else "evaluate_on"
        raise InputError(
            f"{head}: {len(shared)} of its held-out pictures are trained on, such as {shared[0]}.\n"
            "Let data leave them out, or take both from one set, whose splits keep them apart."
        )
