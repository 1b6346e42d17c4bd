"""Look at pictures before anything is trained: what is there, and what is wrong with it."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

import numpy as np

from colornet.config.sections.data import DataConfig
from colornet.data.build import decode_in_order, packing_order
from colornet.data.decode import is_grey
from colornet.data.few_pictures import few_pictures
from colornet.data.near_duplicates import find_twins
from colornet.data.picture_files import not_read
from colornet.data.source import Decoded, Entry, UnusablePicture, build_source
from colornet.data.splits import (
    LEFT_OUT,
    SPLITS,
    Split,
    assign_splits,
    near_duplicates_told,
    split_origins,
)
from colornet.errors import shown_name

_SHOWN = 10


@dataclass(frozen=True)
class CheckReport:
    """What a source of pictures holds.

    layout: how it was read. passed_over: files that were not, by suffix. files: pictures found.
    usable: those a training would use, grey ones left out.
    classes: usable pictures by class ("" = none). splits: usable pictures by split;
    split_origins: whether it is `official` or by `hash`.
    modes: decodable pictures by Pillow mode. shorter_sides: least, median and greatest, pixels,
    or None when nothing can be decoded. bad: (name, reason). grey, small: names; small ones have
    a shorter side below `image_size` and are enlarged. duplicates: (name, the one it repeats).
    near_duplicates: names of usable pictures that are alike, in groups; left_out: how many of them
    no split has, since an official one of their group is held out.
    """

    root: str
    source: str
    layout: str
    passed_over: Mapping[str, int]
    image_size: int
    max_bad_fraction: float
    files: int
    usable: int
    classes: dict[str, int]
    splits: dict[str, int]
    split_origins: dict[Split, str]
    modes: dict[str, int]
    shorter_sides: tuple[int, int, int] | None
    bad: list[tuple[str, str]]
    grey: list[str]
    duplicates: list[tuple[str, str]]
    small: list[str]
    near_duplicates: list[list[str]]
    left_out: int

    @property
    def can_train(self) -> bool:
        """Whether a training with these options would accept it."""
        few_bad = len(self.bad) <= self.max_bad_fraction * self.files
        return few_bad and self._can_split

    @property
    def _can_split(self) -> bool:
        return self.splits["train"] > 0 and self.splits["val"] > 0

    def data(self) -> dict[str, Any]:
        """Everything, as plain data for JSON."""
        return {
            "root": self.root,
            "source": self.source,
            "layout": self.layout,
            "passed_over": dict(self.passed_over),
            "image_size": self.image_size,
            "files": self.files,
            "usable": self.usable,
            "can_train": self.can_train,
            "max_bad_fraction": self.max_bad_fraction,
            "classes": self.classes,
            "splits": self.splits,
            "split_origins": self.split_origins,
            "modes": self.modes,
            "shorter_sides": None if self.shorter_sides is None else list(self.shorter_sides),
            "bad": [{"name": name, "reason": reason} for name, reason in self.bad],
            "grey": self.grey,
            "duplicates": [{"name": name, "of": first} for name, first in self.duplicates],
            "small": self.small,
            "near_duplicates": self.near_duplicates,
            "left_out": self.left_out,
        }

    def text(self) -> str:
        """The report as plain text: counts first, then what is wrong, ten names of each kind."""
        rows = [("layout", self.layout)]
        if self.passed_over:
            rows.append(("passed over", not_read(self.passed_over)))
        rows += [("pictures", str(self.files)), ("usable", str(self.usable))]
        for split in SPLITS:
            origin = "by hash" if self.split_origins[split] == "hash" else "official"
            rows.append((f"  {split}", f"{self.splits[split]} {origin}"))
        for name, count in self.classes.items():
            rows.append((f"class {shown_name(name)}" if name else "no class", str(count)))
        rows.append(("modes", ", ".join(f"{mode} {count}" for mode, count in self.modes.items())))
        if self.shorter_sides is not None:
            least, middle, greatest = self.shorter_sides
            rows.append(("shorter side", f"{least} to {greatest} px, median {middle}"))
        counts = (len(self.bad), len(self.grey), len(self.duplicates), len(self.small))
        labels = ("bad", "grey", "duplicates", f"below {self.image_size} px")
        rows += [(label, str(count)) for label, count in zip(labels, counts, strict=True)]
        if self.near_duplicates:
            alike = sum(map(len, self.near_duplicates))
            rows.append(("near duplicates", near_duplicates_told(alike, self.left_out)))
        width = max(len(label) for label, _ in rows) + 2
        lines = [shown_name(self.root), *(f"{label:<{width}}{value}" for label, value in rows)]
        lines += _listing("Bad", [f"{name}: {reason}" for name, reason in self.bad])
        lines += _listing("Grey, left out", self.grey)
        lines += _listing(
            "Duplicates, left out", [f"{name} = {first}" for name, first in self.duplicates]
        )
        alike = [" ~ ".join(group[:_SHOWN]) for group in self.near_duplicates]
        lines += _listing("Near duplicates, together in a split", alike)
        lines += _listing(f"Smaller than {self.image_size} px, enlarged", self.small)
        return "\n".join([*lines, "", self._verdict()])

    def _verdict(self) -> str:
        if self.usable < 2:
            return "Not usable: at least 2 usable pictures are needed."
        if not self._can_split:
            return "Not usable: one picture to train on and one to validate with are needed."
        if not self.can_train:
            return (
                f"Not usable as it is: {len(self.bad)} of {self.files} pictures are bad, more than "
                f"data.max_bad_fraction {self.max_bad_fraction:g} allows."
            )
        few = few_pictures(self.splits["train"], self.source)
        return f"Usable, but {few}" if few else "Usable."


def check(data: DataConfig, progress: Callable[[int, int], None] | None = None) -> CheckReport:
    """Decode every picture of a data section as a training would, and report.

    Args:
        data: `fraction`, `train_pictures` and `skip_grey` change nothing here.
        progress: called with pictures done and pictures in all.

    Raises:
        InputError: nothing there, no pictures in it, an unknown class, a bad list or file.
    """
    source = build_source(data)
    entries = packing_order(source.entries())
    tally = _Tally(data.image_size)
    for done, (entry, decoded) in enumerate(decode_in_order(source, entries), start=1):
        tally.add(entry, decoded)
        if progress is not None:
            progress(done, len(entries))
    return CheckReport(
        root=source.where,
        source=data.source,
        layout=source.layout(),
        passed_over=source.passed_over(),
        image_size=data.image_size,
        max_bad_fraction=source.max_bad_fraction,
        files=len(entries),
        usable=len(tally.hashes),
        classes=dict(sorted(tally.classes.items())),
        splits=tally.splits(),
        split_origins=split_origins(tally.official),
        modes=dict(tally.modes.most_common()),
        shorter_sides=tally.shorter_sides(),
        bad=tally.bad,
        grey=tally.grey,
        duplicates=tally.duplicates,
        small=tally.small,
        near_duplicates=[[tally.names[row] for row in group] for group in tally.twins],
        left_out=int((tally.sides == LEFT_OUT).sum()),
    )


class _Tally:
    def __init__(self, image_size: int) -> None:
        self.image_size = image_size
        self.hashes: list[str] = []
        self.names: list[str] = []
        self.looks: list[bytes] = []
        self.official: list[Split | None] = []
        self.classes: Counter[str] = Counter()
        self.modes: Counter[str] = Counter()
        self.bad: list[tuple[str, str]] = []
        self.grey: list[str] = []
        self.duplicates: list[tuple[str, str]] = []
        self.small: list[str] = []
        self._sides: list[int] = []
        self._seen: dict[bytes, str] = {}

    def add(self, entry: Entry, decoded: Decoded | UnusablePicture) -> None:
        if isinstance(decoded, UnusablePicture):
            self.bad.append((entry.name, str(decoded)))
            return
        self.modes[decoded.mode] += 1
        side = min(decoded.width, decoded.height)
        self._sides.append(side)
        if side < self.image_size:
            self.small.append(entry.name)
        first = self._seen.setdefault(hashlib.sha256(decoded.pixels.tobytes()).digest(), entry.name)
        if first != entry.name:
            self.duplicates.append((entry.name, first))
        elif is_grey(decoded.pixels):
            self.grey.append(entry.name)
        else:
            self.hashes.append(decoded.source_hash)
            self.names.append(entry.name)
            self.looks.append(decoded.look)
            self.official.append(entry.official)
            self.classes[entry.label] += 1

    @cached_property
    def twins(self) -> list[list[int]]:
        return find_twins(self.looks)

    @cached_property
    def sides(self) -> np.ndarray:
        return assign_splits(self.hashes, self.official, self.twins)

    def splits(self) -> dict[str, int]:
        return {split: int((self.sides == side).sum()) for side, split in enumerate(SPLITS)}

    def shorter_sides(self) -> tuple[int, int, int] | None:
        if not self._sides:
            return None
        return min(self._sides), round(median(self._sides)), max(self._sides)


def _listing(title: str, lines: list[str]) -> Iterator[str]:
    if not lines:
        return
    yield ""
    yield f"{title} ({len(lines)}):"
    yield from (f"  {shown_name(line)}" for line in lines[:_SHOWN])
    if len(lines) > _SHOWN:
        yield f"  and {len(lines) - _SHOWN} more"
