"""Any tree of picture files: the first level of folders are the classes."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from colornet.config import FolderData
from colornet.data.decode import decode
from colornet.data.source import Decoded, Entry, UnusablePicture
from colornet.errors import InputError, did_you_mean

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")


@dataclass(frozen=True)
class _File:
    """A file by its path relative to the root; size and mtime_ns are -1 where stat fails."""

    path: str
    size: int
    mtime_ns: int


class FolderSource:
    """The pictures under `data.root`, or those of them that `data.list` names.

    Hidden names are passed over; links to folders are followed, but each folder is entered once.
    """

    parallel = True

    def __init__(self, data: FolderData) -> None:
        self.data = data
        self.root = Path(data.root).expanduser()
        self.where = str(self.root)
        self.max_bad_fraction = data.max_bad_fraction

    def entries(self) -> list[Entry]:
        """The pictures in order of their path.

        Raises:
            InputError: no such folder, no pictures in it, an unknown class, a bad list.
        """
        chosen = self.data.classes
        every = [Entry(readable(file.path), _label(file.path), file.path) for file in self._files]
        return [entry for entry in every if chosen is None or entry.label in chosen]

    def key(self) -> dict[str, object]:
        """Root, options, and the name, size and time of every file."""
        data = self.data
        return {
            "source": "folder",
            "root": os.path.realpath(self.root),
            "image_size": data.image_size,
            "max_pixels": data.max_pixels,
            "max_bad_fraction": data.max_bad_fraction,
            "classes": None if data.classes is None else sorted(data.classes),
            "files": [(file.path, file.size, file.mtime_ns) for file in self._files],
        }

    def decode(self, entry: Entry) -> Decoded:
        """Read and decode one picture. Raises UnusablePicture."""
        try:
            content = (self.root / str(entry.place)).read_bytes()
        except OSError as error:
            raise UnusablePicture(error.strerror or "unreadable") from error
        return decode(content, self.data.image_size, self.data.max_pixels)

    @cached_property
    def _files(self) -> list[_File]:
        if not self.root.is_dir():
            what = "not a folder" if self.root.exists() else "no such folder"
            raise InputError(
                f"{self.root}: {what}.\ndata.root must be a folder of pictures: {_accepted()}"
            )
        try:
            found = list(self._listed() if self.data.list else self._walked())
        except OSError as error:
            raise InputError(f"{error.filename}: cannot be read: {error.strerror}.") from error
        files = sorted(found, key=lambda file: file.path)
        self._check_classes({_label(file.path) for file in files})
        return files

    def _walked(self) -> Iterator[_File]:
        others = 0
        found = False
        for path in _walk(self.root):
            if os.path.splitext(path)[1].lower() not in SUFFIXES:
                others += 1
                continue
            if (file := self._stat(path)) is not None:
                found = True
                yield file
        if not found:
            what = f"none of its {others} files is a picture" if others else "an empty folder"
            raise InputError(f"{self.root}: {what}.\nAccepted: {_accepted()}")

    def _listed(self) -> Iterator[_File]:
        assert self.data.list is not None
        path = Path(self.data.list).expanduser()
        if not path.is_file():
            path = self.root / path
        try:
            lines = path.read_text("utf-8", errors="surrogateescape").splitlines()
        except OSError as error:
            raise InputError(
                f"data.list: {self.data.list}: cannot be read: {error.strerror}."
            ) from error
        names = {os.path.normpath(self._named(line)) for line in lines if line.strip()}
        if not names:
            raise InputError(f"data.list: {self.data.list}: names no pictures.")
        for name in sorted(names):
            if os.path.isabs(name) or name.split(os.sep)[0] == os.pardir:
                raise InputError(
                    f"data.list: {self.data.list}: '{readable(name)}' is not under {self.root}.\n"
                    "Write paths relative to data.root, one a line."
                )
            if (file := self._stat(name)) is not None:
                yield file

    def _named(self, line: str) -> str:
        """The path in a line; a label may follow it. Paths may hold spaces themselves."""
        whole = line.strip()
        if (self.root / whole).exists():
            return whole
        without_label = whole.rsplit(maxsplit=1)[0]
        return without_label if (self.root / without_label).exists() else whole

    def _stat(self, path: str) -> _File | None:
        try:
            status = os.stat(self.root / path)
        except OSError:
            return _File(path, -1, -1)
        # A pipe or device named like a picture would block for ever.
        if not stat.S_ISREG(status.st_mode):
            return None
        return _File(path, status.st_size, status.st_mtime_ns)

    def _check_classes(self, known: set[str]) -> None:
        for name in self.data.classes or ():
            if name not in known:
                folders = {readable(label) for label in known if label}
                hint = did_you_mean(name, folders) if folders else "It has no class folders."
                raise InputError(f"data.classes: '{name}': no such class in {self.root}.\n{hint}")


def readable(path: str) -> str:
    """A path as valid Unicode with forward slashes: bytes that are none are written as \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace").replace(os.sep, "/")


def _label(path: str) -> str:
    first, separator, _ = path.partition(os.sep)
    return readable(first) if separator else ""


def _accepted() -> str:
    return " ".join(SUFFIXES)


def _walk(root: Path) -> Iterator[str]:
    """Relative paths of the files that are not hidden; every folder is entered once."""
    seen: set[tuple[int, int]] = set()
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        status = os.stat(root / folder)
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(root / folder) as found:
            for item in sorted(found, key=lambda item: item.name, reverse=True):
                if item.name.startswith("."):
                    continue
                path = os.path.join(folder, item.name)
                if item.is_dir():
                    waiting.append(path)
                else:
                    yield path
