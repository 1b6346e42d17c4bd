"""What a source of pictures is: names with classes, and a way to decode one.

Each module of `colornet.data.sources` is one source: `build` makes it from its options.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

import numpy as np

from colornet.config.sections.data import DataConfig
from colornet.data.picture_files import not_read
from colornet.data.splits import Split
from colornet.errors import InputError, did_you_mean


@dataclass(frozen=True)
class Entry:
    """One picture of a source before it is decoded.

    name: shown to people and kept in records; unique within the source, valid Unicode.
    label: its class, "" where there are none.
    place: what the source finds it by.
    official: the split that its publisher has put it in, None where there is none.
    """

    name: str
    label: str
    place: str | int
    official: Split | None = None


@dataclass(frozen=True)
class Decoded:
    """A picture ready to pack.

    pixels: sRGB bytes (image_size, image_size, 3).
    source_hash: hexadecimal hash that stays the same at every image size; it decides the split.
    mode, width, height: as the file has them.
    look: for finding near duplicates (`colornet.data.near_duplicates`), the same at every image
        size; empty where none are looked for, or the picture has too little structure.
    """

    pixels: np.ndarray
    source_hash: str
    mode: str
    width: int
    height: int
    look: bytes = b""


class UnusablePicture(Exception):
    """A picture that cannot be decoded; the message is the reason, without its name."""


class Source(Protocol):
    """Where pictures come from. Decoding must be safe to call from several threads.

    max_bad_fraction: share of undecodable pictures above which packing stops.
    parallel: whether decoding releases the interpreter, so that threads help.
    where: what error messages call the source.
    looks: whether near duplicates are looked for.
    """

    max_bad_fraction: float
    parallel: bool
    where: str
    looks: bool

    def entries(self) -> Sequence[Entry]:
        """The pictures in a fixed order. Raises InputError when there are none."""
        ...

    def layout(self) -> str:
        """What was found, in a line for people: the kind of data set, its splits."""
        ...

    def passed_over(self) -> Mapping[str, int]:
        """Number of files there that are not read, by suffix."""
        ...

    def key(self) -> Mapping[str, object]:
        """Everything, JSON-able, that the decoded pictures depend on."""
        ...

    def decode(self, entry: Entry) -> Decoded:
        """Decode one picture. Raises UnusablePicture."""
        ...


def build_source(data: DataConfig) -> Source:
    """The source of a data section: `build(data)` of the module named after `data.source`.

    Raises:
        InputError: options that cannot be used.
    """
    return import_module(f"colornet.data.sources.{data.source}").build(data)


def read_as(source: Source) -> str:
    """What was read as what, and what was passed over, in a line for people."""
    return "; ".join(part for part in (source.layout(), not_read(source.passed_over())) if part)


def of_classes(
    entries: Sequence[Entry], chosen: Sequence[str] | None, where: str
) -> Sequence[Entry]:
    """The entries of the chosen classes, None for all. Raises InputError for an unknown class."""
    if chosen is None:
        return entries
    known = {entry.label for entry in entries}
    for name in chosen:
        if name not in known:
            classes = known - {""}
            hint = did_you_mean(name, classes) if classes else "Its pictures have no classes."
            raise InputError(f"data.classes: '{name}': no such class in {where}.\n{hint}")
    return [entry for entry in entries if entry.label in chosen]
