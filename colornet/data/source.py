"""What a source of pictures is: names with classes, and a way to decode one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Entry:
    """One picture of a source before it is decoded.

    name: shown to people and kept in records; unique within the source, valid Unicode.
    label: its class, "" where there are none.
    place: what the source finds it by.
    """

    name: str
    label: str
    place: str | int


@dataclass(frozen=True)
class Decoded:
    """A picture ready to pack.

    pixels: sRGB bytes (image_size, image_size, 3).
    source_hash: hexadecimal hash that stays the same at every image size; it decides the split.
    mode, width, height: as the file has them.
    """

    pixels: np.ndarray
    source_hash: str
    mode: str
    width: int
    height: int


class UnusablePicture(Exception):
    """A picture that cannot be decoded; the message is the reason, without its name."""


class Source(Protocol):
    """Where pictures come from. Decoding must be safe to call from several threads.

    max_bad_fraction: share of undecodable pictures above which packing stops.
    parallel: whether decoding releases the interpreter, so that threads help.
    where: what error messages call the source.
    """

    max_bad_fraction: float
    parallel: bool
    where: str

    def entries(self) -> Sequence[Entry]:
        """The pictures in a fixed order. Raises InputError when there are none."""
        ...

    def key(self) -> Mapping[str, object]:
        """Everything, JSON-able, that the decoded pictures depend on."""
        ...

    def decode(self, entry: Entry) -> Decoded:
        """Decode one picture. Raises UnusablePicture."""
        ...
