"""The sets of pictures that a training is measured on, and the columns that each of them fills."""

from dataclasses import dataclass
from typing import Any

import torch

from colornet.data.packed import Pack
from colornet.data.packs import Packs
from colornet.evaluation.evaluation import Evaluation, baseline_columns, evaluate, picture_rows
from colornet.networks.heads import Colorizer
from colornet.ranks import Ranks


@dataclass(frozen=True)
class HeldOut:
    """A split of a pack that a generator is measured on.

    Attributes:
        name: `val` (the training's own), `eval` (those of `evaluate_on`) or `test`: the prefix of
            columns, and the split in the records of pictures.
        split: of the pack.
        size: side at which the network sees the pictures, pixels.
    """

    name: str
    pack: Pack
    split: str
    size: int
    device: torch.device

    def baselines(self) -> dict[str, float]:
        """What `evaluation.baseline_columns` says of them."""
        return baseline_columns(self.pack, self.split, self.device, self.name)

    def evaluate(self, generator: Colorizer) -> Evaluation:
        """Measure a generator, sharing the pictures with the other ranks if there are any.

        A training's chance is as it was afterwards. That of its own pictures is not: they have been
        measured in its stream from the first.
        """
        if self.name == "val":
            return self._measure(generator)
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            return self._measure(generator)

    def _measure(self, generator: Colorizer) -> Evaluation:
        return evaluate(
            generator,
            self.pack,
            self.split,
            self.device,
            name=self.name,
            size=self.size,
            ranks=Ranks.here(self.device),
        )

    def rows(self, evaluation: Evaluation) -> list[dict[str, Any]]:
        """Rows for the records, as `evaluation.picture_rows` gives them."""
        return picture_rows(evaluation, self.pack, self.device)


def held_out(packs: Packs, size: int, device: torch.device) -> list[HeldOut]:
    """`val`, and `eval` where there are common pictures."""
    own = HeldOut("val", packs.own, "val", size, device)
    return [own, HeldOut("eval", packs.common, "val", size, device)] if packs.common else [own]


def unseen(packs: Packs, size: int, device: torch.device) -> HeldOut:
    """`test`: pictures that nothing was chosen by, the common ones where there are any."""
    return HeldOut("test", packs.judging, "test", size, device)
