"""What a source of pictures is: names with classes, and a way to decode one.

Each module of `colornet.data.sources` is one source: `build` makes it from its options.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from colornet.config.sections.data import DataConfig, splits_by_appearance
from colornet.data.picture_files import passed_over_text
from colornet.data.splits import Split
from colornet.errors import InputError, did_you_mean


@dataclass(frozen=True)
class Entry:
    """One picture of a source before it is decoded.

    name: shown to people and kept in records; unique within the source, valid Unicode.
    label: its class, "" where there are none.
    location: what the source finds it by.
    official: the split that its publisher has put it in, None where there is none.
    """

    name: str
    label: str
    location: str | int
    official: Split | None = None


@dataclass(frozen=True)
class Decoded:
    """A picture ready to pack.

    pixels: sRGB bytes (image_size, image_size, 3).
    source_hash: hexadecimal hash that stays the same at every image size; it decides the split.
    mode, width, height: as the file has them.
    phash: to find near duplicates with (`colornet.data.near_duplicates`), the same at every image
        size; empty where none are looked for, or the picture has too little structure.
    """

    pixels: np.ndarray
    source_hash: str
    mode: str
    width: int
    height: int
    phash: bytes = b""


class UnusablePicture(Exception):
    """A picture that cannot be decoded; the message is the reason, without its name."""


class Source(ABC):
    """Where pictures come from. Decoding must be safe to call from several threads.

    Attributes:
        where: what error messages call it.
        layout: what was found, in a line for people: the kind of data set, its splits.
        passed_over: number of files there that are not read, by suffix.
        max_bad_fraction: share of undecodable pictures above which packing stops.
        parallel: whether decoding releases the interpreter, so that threads help.
        phashes: whether near duplicates are looked for.
    """

    where: str
    layout: str
    passed_over: Mapping[str, int] = {}
    max_bad_fraction = 0.0
    parallel: bool = False
    phashes = False

    @abstractmethod
    def entries(self) -> Sequence[Entry]:
        """The pictures in a fixed order. Raises InputError when there are none."""

    @abstractmethod
    def key(self) -> dict[str, object]:
        """Everything, JSON-able, that the decoded pictures depend on."""

    @abstractmethod
    def decode(self, entry: Entry) -> Decoded:
        """Decode one picture. Raises UnusablePicture."""


class FileSource(Source):
    """Pictures in files under `data.root`."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.root = Path(data.root).expanduser()
        self.where = str(self.root)
        self.phashes = splits_by_appearance(data)
        self.max_bad_fraction = getattr(data, "max_bad_fraction", 0.0)

    def key(self) -> dict[str, object]:
        """What all of them depend on; packs are found by its hash, so that no name may change."""
        data = self.data
        return {
            "source": data.source,
            "root": os.path.realpath(self.root),
            "image_size": data.image_size,
            "classes": None if data.classes is None else sorted(data.classes),
            **({"looks": True} if self.phashes else {}),
        }


def readable(path: str | os.PathLike[str]) -> str:
    r"""A path as valid Unicode with forward slashes: bytes that are none are written as \xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace").replace(os.sep, "/")


def file_stamp(file: Path) -> tuple[str, int, int]:
    """Path, size and time of a file: what changes when its content does."""
    status = file.stat()
    return str(file), status.st_size, status.st_mtime_ns


def build_source(data: DataConfig) -> Source:
    """The source of a data section: `build(data)` of the module named after `data.source`.

    Raises:
        InputError: options that cannot be used.
    """
    return import_module(f"colornet.data.sources.{data.source}").build(data)


def read_as(source: Source) -> str:
    """What was read as what, and what was passed over, in a line for people."""
    return "; ".join(filter(None, [source.layout, passed_over_text(source.passed_over)]))


def select_classes(entries: list[Entry], chosen: Sequence[str] | None, where: str) -> list[Entry]:
    """The entries of the chosen classes, None for all. Raises InputError for an unknown class."""
    if chosen is None:
        return entries
    present = {entry.label for entry in entries}
    for name in chosen:
        if name not in present:
            classes = present - {""}
            hint = did_you_mean(name, classes) if classes else "Its pictures have no classes."
            raise InputError(f"data.classes: '{name}': no such class in {where}.\n{hint}")
    return [entry for entry in entries if entry.label in chosen]
