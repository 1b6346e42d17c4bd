"""Pictures before anything is trained: which source a path is for, and what is wrong in it."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from colornet.cli_result import align_columns
from colornet.config.paths import TAGS
from colornet.config.sections.data import DataConfig
from colornet.data.build import Inventory, decode_in_order, packing_order
from colornet.data.near_duplicates import find_near_duplicates
from colornet.data.packed import is_pack
from colornet.data.packs import few_pictures_warning
from colornet.data.picture_files import PICTURES, is_folder, passed_over_text, suffix_of
from colornet.data.source import Decoded, build_source
from colornet.data.sources.cifar10 import find_batches
from colornet.data.sources.parquet import SUFFIX
from colornet.data.splits import (
    LEFT_OUT,
    SPLITS,
    Split,
    assign_splits,
    near_duplicates_text,
    split_origins,
)
from colornet.errors import printable_name

_MOST_NAMES = 10
FILE_SOURCES = tuple(
    name for name, options in TAGS["data"][1].items() if "root" in options.model_fields
)
"""The values of `data.source` that read what lies at `data.root`."""


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
        return few_bad and self.splits["train"] > 0 and self.splits["val"] > 0

    def data(self) -> dict[str, Any]:
        """Everything, as plain data for JSON."""
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "passed_over": dict(self.passed_over),
            "can_train": self.can_train,
            "bad": [{"name": name, "reason": reason} for name, reason in self.bad],
            "duplicates": [{"name": name, "of": first} for name, first in self.duplicates],
        }

    def text(self) -> str:
        """The report as plain text: counts first, then what is wrong, ten names of each kind."""
        rows = [("layout", self.layout)]
        if self.passed_over:
            rows.append(("passed over", passed_over_text(self.passed_over)))
        rows += [("pictures", str(self.files)), ("usable", str(self.usable))]
        for split in SPLITS:
            origin = "by hash" if self.split_origins[split] == "hash" else "official"
            rows.append((f"  {split}", f"{self.splits[split]} {origin}"))
        for name, count in self.classes.items():
            rows.append((f"class {printable_name(name)}" if name else "no class", str(count)))
        rows.append(("modes", ", ".join(f"{mode} {count}" for mode, count in self.modes.items())))
        if self.shorter_sides is not None:
            least, middle, greatest = self.shorter_sides
            rows.append(("shorter side", f"{least} to {greatest} px, median {middle}"))
        rows += [("bad", str(len(self.bad))), ("grey", str(len(self.grey)))]
        rows.append(("duplicates", str(len(self.duplicates))))
        rows.append((f"below {self.image_size} px", str(len(self.small))))
        if self.near_duplicates:
            count = sum(map(len, self.near_duplicates))
            rows.append(("near duplicates", near_duplicates_text(count, self.left_out)))
        lines = [printable_name(self.root), align_columns(rows)]
        alike = [" ~ ".join(group[:_MOST_NAMES]) for group in self.near_duplicates]
        for title, names in (
            ("Bad", [f"{name}: {reason}" for name, reason in self.bad]),
            ("Grey, left out", self.grey),
            ("Duplicates, left out", [f"{name} = {first}" for name, first in self.duplicates]),
            ("Near duplicates, together in a split", alike),
            (f"Smaller than {self.image_size} px, enlarged", self.small),
        ):
            if names:
                lines += ["", f"{title} ({len(names)}):"]
                lines += [f"  {printable_name(name)}" for name in names[:_MOST_NAMES]]
            if len(names) > _MOST_NAMES:
                lines.append(f"  and {len(names) - _MOST_NAMES} more")
        return "\n".join([*lines, "", self._verdict()])

    def _verdict(self) -> str:
        if self.usable < 2:
            return "Not usable: at least 2 usable pictures are needed."
        if not (self.splits["train"] and self.splits["val"]):
            return "Not usable: one picture to train on and one to validate with are needed."
        if not self.can_train:
            return (
                f"Not usable as it is: {len(self.bad)} of {self.files} pictures are bad, more than "
                f"data.max_bad_fraction {self.max_bad_fraction:g} allows."
            )
        few = few_pictures_warning(self.splits["train"], self.source)
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
    usable, modes, sides, small = Inventory(skip_grey=True), Counter[str](), list[int](), []
    for done, (entry, decoded) in enumerate(decode_in_order(source, entries), start=1):
        usable.add(entry, decoded)
        if isinstance(decoded, Decoded):
            modes[decoded.mode] += 1
            sides.append(min(decoded.width, decoded.height))
            small += [entry.name] if sides[-1] < data.image_size else []
        if progress is not None:
            progress(done, len(entries))
    twins = find_near_duplicates(usable.phashes)
    assigned = assign_splits(usable.hashes, usable.official, twins)
    return CheckReport(
        root=source.where,
        source=data.source,
        layout=source.layout,
        passed_over=source.passed_over,
        image_size=data.image_size,
        max_bad_fraction=source.max_bad_fraction,
        files=len(entries),
        usable=len(usable.hashes),
        classes=dict(sorted(Counter(usable.classes).items())),
        splits={split: int((assigned == index).sum()) for index, split in enumerate(SPLITS)},
        split_origins=split_origins(usable.official),
        modes=dict(modes.most_common()),
        shorter_sides=(min(sides), round(median(sides)), max(sides)) if sides else None,
        bad=usable.bad,
        grey=usable.skipped_grey,
        duplicates=usable.duplicates,
        small=small,
        near_duplicates=[[usable.names[row] for row in group] for group in twins],
        left_out=int((assigned == LEFT_OUT).sum()),
    )


def detect_source(path: Path) -> str:
    """The value of `data.source` that a path is for.

    `parquet` for a Parquet file, and for a folder with such files in it or one level below and no
    pictures beside them; `cifar10` for its batches; else `folder`, which says what is wrong.
    """
    path = path.expanduser()
    if not os.path.isdir(path):
        return "parquet" if path.suffix.lower() == SUFFIX else "folder"
    if is_pack(path):
        return "folder"
    if find_batches(path):
        return "cifar10"
    has_parquet = False
    for suffix in _suffixes(path):
        if suffix in PICTURES:
            return "folder"
        has_parquet |= suffix == SUFFIX
    return "parquet" if has_parquet else "folder"


def _suffixes(folder: Path, deeper: bool = True) -> Iterator[str]:
    """Of the files in a folder, then in those directly below; what cannot be read has none."""
    try:
        with os.scandir(folder) as entries:
            items = [item for item in entries if not item.name.startswith(".")]
    except OSError:
        return
    folders = [item for item in items if is_folder(item)]
    yield from (suffix_of(item.name) for item in items if item not in folders)
    for item in folders if deeper else ():
        yield from _suffixes(Path(item.path), deeper=False)
