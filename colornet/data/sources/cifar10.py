"""CIFAR-10 as it is published (Krizhevsky 2009), python or binary version.

Both versions give the same names, hashes and so splits. Any number of rows in a file, and any of
the five training batches, at least one, will do.
"""

import hashlib
import os
from bisect import bisect_right
from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import numpy as np
from PIL import Image

from colornet.config.sections.data import Cifar10Data, keeps_twins_together
from colornet.data.cifar_batches import (
    CLASSES,
    SIDE,
    Batch,
    read_binary_batch,
    read_python_batch,
    read_python_classes,
    read_text_classes,
)
from colornet.data.decode import center_square
from colornet.data.near_duplicates import LOOK_SIDE, look_of
from colornet.data.source import Decoded, Entry, of_classes
from colornet.data.splits import Split
from colornet.errors import InputError

_TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
_BATCHES = (*_TRAIN, "test_batch")
_FOLDERS = ("", "cifar-10-batches-bin", "cifar-10-batches-py")
_SUFFIXES = {".bin": "binary", "": "python"}


def build(data: Cifar10Data) -> "Cifar10Source":
    """The source of `data.source: cifar10`."""
    return Cifar10Source(data)


def find_batches(root: Path) -> list[Path]:
    """The batch files in a folder, or in the published folders in it; of one version.

    Empty where there is no training batch. The binary version comes first, since it is no program.
    """
    for folder in _FOLDERS:
        for suffix in _SUFFIXES:
            files = [root / folder / f"{name}{suffix}" for name in _BATCHES]
            found = [file for file in files if file.is_file()]
            if found and found != files[-1:]:
                return found
    return []


class Cifar10Source:
    """The pictures of all batches, held in memory (184 MB when complete) while they are packed."""

    max_bad_fraction = 0.0
    parallel = False

    def __init__(self, data: Cifar10Data) -> None:
        self.data = data
        self.root = Path(data.root).expanduser()
        self.where = str(self.root)
        self.looks = keeps_twins_together(data)

    def entries(self) -> list[Entry]:
        """The pictures in the order of the files and their rows.

        Raises:
            InputError: no batches, a damaged or dangerous one, an unknown class.
        """
        found: list[Entry] = []
        for file, batch in self._batches.items():
            official: Split = "test" if file.stem == "test_batch" else "train"
            for row, label in enumerate(batch.labels):
                name = f"{file.stem}/{row:05d}"
                found.append(Entry(name, self._class_of(file, label), len(found), official))
        return list(of_classes(found, self.data.classes, self.where))

    def layout(self) -> str:
        """The version, and the batches that are there."""
        version = _SUFFIXES[self._files[0].suffix]
        return f"CIFAR-10, {version} version ({', '.join(file.stem for file in self._files)})"

    def passed_over(self) -> Mapping[str, int]:
        """Nothing: what is not named as its files are is not looked at."""
        return {}

    def key(self) -> dict[str, object]:
        """Root, options, and the name, size and time of every file."""
        data = self.data
        return {
            "source": "cifar10",
            "root": os.path.realpath(self.root),
            "image_size": data.image_size,
            **({"looks": True} if self.looks else {}),
            "classes": None if data.classes is None else sorted(data.classes),
            "files": [_stamp(file) for file in (*self._files, *self._meta)],
        }

    def decode(self, entry: Entry) -> Decoded:
        """One picture; never unusable."""
        planes = self._planes_of(int(entry.place))
        pixels = planes.reshape(3, SIDE, SIDE).transpose(1, 2, 0)
        image = Image.fromarray(np.ascontiguousarray(pixels))
        if self.data.image_size != SIDE:
            pixels = np.asarray(center_square(image, self.data.image_size))
        digest = hashlib.sha256(planes.tobytes()).hexdigest()
        look = look_of(center_square(image, LOOK_SIDE)) if self.looks else b""
        return Decoded(np.ascontiguousarray(pixels), digest, "RGB", SIDE, SIDE, look)

    @cached_property
    def _files(self) -> list[Path]:
        found = find_batches(self.root)
        if not found:
            what = "no CIFAR-10 batches in it" if self.root.is_dir() else "no such folder"
            raise InputError(
                f"{self.root}: {what}.\n"
                "data.root must be the folder of data_batch_1 to data_batch_5 (python version) or "
                "data_batch_1.bin to data_batch_5.bin (binary version)."
            )
        return found

    @property
    def _meta(self) -> list[Path]:
        """The file of class names, where there is one."""
        name = "batches.meta.txt" if self._files[0].suffix else "batches.meta"
        return [file for file in [self._files[0].parent / name] if file.is_file()]

    @cached_property
    def _classes(self) -> tuple[str, ...]:
        for file in self._meta:
            return (read_text_classes if file.suffix == ".txt" else read_python_classes)(file)
        return CLASSES

    @cached_property
    def _batches(self) -> dict[Path, Batch]:
        read = read_binary_batch if self._files[0].suffix else read_python_batch
        found = {file: read(file) for file in self._files}
        if not any(len(batch.labels) for batch in found.values()):
            raise InputError(f"{self._files[0].parent}: its batches hold no pictures.")
        return found

    @cached_property
    def _starts(self) -> list[int]:
        """The number of each file's first picture."""
        return [0, *accumulate(len(batch.labels) for batch in self._batches.values())][:-1]

    def _planes_of(self, place: int) -> np.ndarray:
        number = bisect_right(self._starts, place) - 1
        return self._batches[self._files[number]].planes[place - self._starts[number]]

    def _class_of(self, file: Path, label: int) -> str:
        if label >= len(self._classes):
            raise InputError(
                f"{file}: label {label}: beyond the {len(self._classes)} that are known.\n"
                "Fetch the batches again, with their batches.meta."
            )
        return self._classes[label]


def _stamp(file: Path) -> tuple[str, int, int]:
    status = file.stat()
    return file.name, status.st_size, status.st_mtime_ns
