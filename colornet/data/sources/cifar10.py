"""CIFAR-10 as it is published (Krizhevsky 2009), python or binary version.

Both versions give the same names, hashes and so splits. Any number of rows in a file, and any of
the five training batches, at least one, will do.
"""

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

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
from colornet.data.near_duplicates import HASH_SIDE, perceptual_hash
from colornet.data.source import Decoded, Entry, FileSource, file_stamp, select_classes
from colornet.data.splits import Split
from colornet.errors import InputError

_TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
_BATCHES = (*_TRAIN, "test_batch")
_FOLDERS = ("", "cifar-10-batches-bin", "cifar-10-batches-py")
_SUFFIXES = {".bin": "binary", "": "python"}


def find_batches(root: Path) -> list[Path]:
    """The batch files in a folder, or in the published folders in it; of one version.

    Empty where there is no training batch. The binary version comes first, since it is no program.
    """
    for folder in _FOLDERS:
        for suffix in _SUFFIXES:
            files = [root / folder / f"{name}{suffix}" for name in _BATCHES]
            present = [file for file in files if file.is_file()]
            if present and present != files[-1:]:
                return present
    return []


class Cifar10Source(FileSource):
    """The pictures of all batches, held in memory (184 MB when complete) while they are packed."""

    def entries(self) -> list[Entry]:
        """The pictures in the order of the files and their rows.

        Raises:
            InputError: no batches, a damaged or dangerous one, an unknown class.
        """
        entries: list[Entry] = []
        for file, batch in self._batches.items():
            official: Split = "test" if file.stem == "test_batch" else "train"
            for row, label in enumerate(batch.labels):
                if label >= len(self._classes):
                    raise InputError(
                        f"{file}: label {label}: beyond the {len(self._classes)} that are known.\n"
                        "Fetch the batches again, with their batches.meta."
                    )
                name = f"{file.stem}/{row:05d}"
                entries.append(Entry(name, self._classes[label], name, official))
        return select_classes(entries, self.data.classes, self.where)

    @cached_property
    def layout(self) -> str:
        """The version, and the batches that are there."""
        version = _SUFFIXES[self._files[0].suffix]
        return f"CIFAR-10, {version} version ({', '.join(file.stem for file in self._files)})"

    def key(self) -> dict[str, object]:
        """Also the name, size and time of every file."""
        files = [(file.name, *file_stamp(file)[1:]) for file in (*self._files, *self._meta)]
        return {**super().key(), "files": files}

    def decode(self, entry: Entry) -> Decoded:
        """One picture; never unusable."""
        stem, _, row = str(entry.location).partition("/")
        file = self._files[0].with_stem(stem)
        planes = self._batches[file].planes[int(row)]
        pixels = planes.reshape(3, SIDE, SIDE).transpose(1, 2, 0)
        image = Image.fromarray(np.ascontiguousarray(pixels))
        if self.data.image_size != SIDE:
            pixels = np.asarray(center_square(image, self.data.image_size))
        digest = hashlib.sha256(planes.tobytes()).hexdigest()
        phash = perceptual_hash(center_square(image, HASH_SIDE)) if self.phashes else b""
        return Decoded(np.ascontiguousarray(pixels), digest, "RGB", SIDE, SIDE, phash)

    @cached_property
    def _files(self) -> list[Path]:
        files = find_batches(self.root)
        if not files:
            what = "no CIFAR-10 batches in it" if self.root.is_dir() else "no such folder"
            raise InputError(
                f"{self.root}: {what}.\n"
                "data.root must be the folder of data_batch_1 to data_batch_5 (python version) or "
                "data_batch_1.bin to data_batch_5.bin (binary version)."
            )
        return files

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
        batches = {file: read(file) for file in self._files}
        if not any(len(batch.labels) for batch in batches.values()):
            raise InputError(f"{self._files[0].parent}: its batches hold no pictures.")
        return batches


build = Cifar10Source
