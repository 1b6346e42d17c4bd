"""Any tree of picture files; `colornet.data.layouts` says which folders are what."""

import logging
import os
import re
import stat
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from colornet.cli_result import count_text
from colornet.data.decode import decode
from colornet.data.layouts import PLACES, Layout, read_layout
from colornet.data.picture_files import FolderContents, find_pictures, passed_over_text, suffixes
from colornet.data.source import (
    Decoded,
    Entry,
    FileSource,
    UnusablePicture,
    file_stamp,
    readable,
    select_classes,
)
from colornet.errors import InputError

log = logging.getLogger("colorsweep")
# A line of Places365's own lists begins with a slash: /d/discotheque/00003105.jpg 122
_PLACES_LINE = re.compile(r"/([a-z]/.+)")


class _File(NamedTuple):
    """A file by its path relative to the root; size and mtime_ns are -1 where stat fails."""

    path: str
    size: int
    mtime_ns: int


class FolderSource(FileSource):
    """The pictures under `data.root`, or those of them that `data.list` names.

    Hidden names are passed over; links to folders are followed, but each folder is entered once.
    """

    parallel = True

    def entries(self) -> list[Entry]:
        """The pictures in order of their path.

        Raises:
            InputError: no such folder, no pictures in it, an unknown class, a bad list.
        """
        return select_classes(self._every, self.data.classes, self.where)

    @cached_property
    def layout(self) -> str:
        """What kind of tree it is, and which folders are which split."""
        return self._layout.described()

    @cached_property
    def passed_over(self) -> Mapping[str, int]:
        """Number of files that are not read, by suffix."""
        return {} if self.data.list else self._contents.passed_over

    def key(self) -> dict[str, object]:
        """Also the options, and the name, size and time of every file."""
        data = self.data
        self.entries()  # an unknown class is named before anything is looked up
        return {
            **super().key(),
            "max_pixels": data.max_pixels,
            "max_bad_fraction": data.max_bad_fraction,
            **({} if data.rules == 1 else {"rules": data.rules, "layout": data.layout}),
            **({"read as": self.layout} if self._layout.revised else {}),
            "lists": [file_stamp(path) for path in self._layout.lists],
            "files": self._files,
        }

    def decode(self, entry: Entry) -> Decoded:
        """Read and decode one picture. Raises UnusablePicture."""
        try:
            content = (self.root / str(entry.location)).read_bytes()
        except OSError as error:
            raise UnusablePicture(error.strerror or "unreadable") from error
        return decode(
            content, self.data.image_size, self.data.max_pixels, self.data.rules, self.phashes
        )

    @cached_property
    def _layout(self) -> Layout:
        paths = [file.path for file in self._files]
        return read_layout(self.root, paths, self.data.layout, self.data.rules)

    @cached_property
    def _every(self) -> list[Entry]:
        entries = []
        for file in self._files:
            if (label_and_split := self._layout.class_and_split(file.path)) is not None:
                label, official = label_and_split
                entries.append(Entry(readable(file.path), readable(label), file.path, official))
        return entries

    @cached_property
    def _files(self) -> list[_File]:
        # os.path, since Path's own raise for names that no file system takes.
        if not os.path.isdir(self.root):
            what = "not a folder" if os.path.exists(self.root) else "no such folder"
            accepted = " ".join(suffixes(self.data.rules))
            raise InputError(
                f"{self.root}: {what}.\ndata.root must be a folder of pictures: {accepted}"
            )
        try:
            files = self._listed() if self.data.list else self._walked()
        except OSError as error:
            raise InputError(f"{error.filename}: cannot be read: {error.strerror}.") from error
        return sorted(files)

    @cached_property
    def _contents(self) -> FolderContents:
        files = find_pictures(self.root, self.data.rules)
        for folder, reason in files.unread.items():
            log.warning("%s: cannot be read: %s", self.root / folder, reason)
        return files

    def _walked(self) -> list[_File]:
        files = list(filter(None, map(self._stat, self._contents.pictures)))
        if not files:
            what, others = "an empty folder", self._contents.passed_over
            if others:
                count = count_text(sum(others.values()), "file")
                what = f"no picture in {count} ({passed_over_text(others)})"
            raise InputError(
                f"{self.root}: {what}.\nAccepted: {' '.join(suffixes(self.data.rules))}"
            )
        return files

    def _listed(self) -> list[_File]:
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
        bases = ["", *(name for name in PLACES if (self.root / name).is_dir())]
        names = {os.path.normpath(self._named(line, bases)) for line in lines if line.strip()}
        if not names:
            raise InputError(f"data.list: {self.data.list}: names no pictures.")
        for name in sorted(names):
            if os.path.isabs(name) or name.split(os.sep)[0] == os.pardir:
                raise InputError(
                    f"data.list: {self.data.list}: '{readable(name)}' is not under {self.root}.\n"
                    "Write paths relative to data.root, one a line."
                )
        return list(filter(None, map(self._stat, names)))

    def _named(self, line: str, bases: Sequence[str]) -> str:
        """The path in a line; a label may follow it. Paths may hold spaces themselves.

        Args:
            bases: folders under the root to look in: the root itself, then those of Places365.
        """
        whole = line.strip()
        unlabeled = whole.rsplit(maxsplit=1)[0]
        for name in (whole, unlabeled):
            for base in bases:
                path = os.path.join(base, name.lstrip("/"))
                if os.path.exists(self.root / path):
                    return path
        missing = _PLACES_LINE.fullmatch(unlabeled)
        return os.path.join(bases[:2][-1], missing[1]) if missing else whole

    def _stat(self, path: str) -> _File | None:
        try:
            status = os.stat(self.root / path)
        except OSError:
            return _File(path, -1, -1)
        # A pipe or device named like a picture would block for ever.
        if not stat.S_ISREG(status.st_mode):
            return None
        return _File(path, status.st_size, status.st_mtime_ns)


build = FolderSource
