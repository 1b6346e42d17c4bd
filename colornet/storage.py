"""Files that are written whole or not at all, on any filesystem pyarrow.fs reaches.

On a local disk a write goes to a temporary name in the same folder, is flushed to the disk and
renamed, and the folder itself is flushed. On an object store one request either happens or not.
"""

import contextlib
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pyarrow import BufferReader, NativeFile, fs

from colornet.errors import InputError


@dataclass(frozen=True)
class Storage:
    """One folder, by path or URI, in which names are relative paths with `/`."""

    filesystem: fs.FileSystem
    root: str
    uri: str | None = None

    @classmethod
    def at(cls, location: str | os.PathLike[str]) -> "Storage":
        """Open a folder; nothing is created until something is written.

        Raises:
            InputError: when the URI's scheme is not known.
        """
        text = os.fspath(location)
        if "://" not in text:
            return cls(fs.LocalFileSystem(), os.path.abspath(os.path.expanduser(text)))
        try:
            filesystem, root = fs.FileSystem.from_uri(text)
        except (OSError, ValueError) as error:
            raise InputError(f"{text}: not a storage location: {error}") from error
        return cls(filesystem, root, text)

    @property
    def location(self) -> str:
        """The folder's whole path, or its URI, from which another process can open it."""
        return self.root if self.uri is None else self.uri

    @property
    def local(self) -> Path | None:
        """The folder as a local path, or None on another filesystem."""
        return Path(self.root) if isinstance(self.filesystem, fs.LocalFileSystem) else None

    def _full(self, name: str) -> str:
        return f"{self.root}/{name}" if name else self.root

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises FileNotFoundError when it is not there."""
        with self.filesystem.open_input_file(self._full(name)) as file:
            return file.read()

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all; an older one of that name is replaced."""
        if self.local is not None:
            write_atomic(self.local / name, data)
            return
        parent = self._full(name).rsplit("/", 1)[0]
        self.filesystem.create_dir(parent, recursive=True)
        with self.filesystem.open_output_stream(self._full(name)) as file:
            file.write(data)

    def pieces(self, name: str) -> NativeFile:
        """A file to be read here and there: on a local disk as needed, else in one request.

        Raises:
            FileNotFoundError: when it is not there.
        """
        if self.local is None:
            return BufferReader(self.read(name))
        return self.filesystem.open_input_file(self._full(name))

    def reading(self, name: str) -> IO[bytes]:
        """A file to be read in pieces. Raises FileNotFoundError when it is not there."""
        return self.filesystem.open_input_stream(self._full(name))

    def writing(self, name: str) -> IO[bytes]:
        """A file to be written in pieces, which may be there in part when that is cut off."""
        parent = self._full(name).rsplit("/", 1)[0]
        self.filesystem.create_dir(parent, recursive=True)
        return self.filesystem.open_output_stream(self._full(name))

    def names(self, folder: str = "") -> list[str]:
        """Names of the files directly in `folder`, sorted; empty when it is not there."""
        return self._listed(folder, fs.FileType.File)

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders directly in `folder`, sorted; empty when it is not there."""
        return self._listed(folder, fs.FileType.Directory)

    def _listed(self, folder: str, kind: fs.FileType) -> list[str]:
        selector = fs.FileSelector(self._full(folder), allow_not_found=True)
        try:
            found = self.filesystem.get_file_info(selector)
        except FileNotFoundError:  # it is just being made, or removed
            return []
        return sorted(info.base_name for info in found if info.type == kind)

    def exists(self, name: str = "") -> bool:
        """Whether a file or folder of that name is there."""
        return self.filesystem.get_file_info(self._full(name)).type != fs.FileType.NotFound

    def move(self, name: str, to: str) -> None:
        """Give a file another name; one that has it already is replaced."""
        self.filesystem.move(self._full(name), self._full(to))

    def upload(self, folder: Path, name: str, last: str) -> None:
        """Copy a local folder's files.

        Args:
            last: the file that is copied when all others are there.
        """
        for path in sorted(folder.iterdir(), key=lambda path: path.name == last):
            self.write(f"{name}/{path.name}", path.read_bytes())

    def download(self, name: str, folder: Path) -> None:
        """Copy a folder's files to a local one, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for file in self.names(name):
            (folder / file).write_bytes(self.read(f"{name}/{file}"))

    def delete_folder(self, name: str) -> None:
        """Remove a folder with all that is in it; it may already be gone."""
        with contextlib.suppress(FileNotFoundError):
            self.filesystem.delete_dir(self._full(name))

    def delete(self, name: str) -> None:
        """Remove a file that may already be gone."""
        try:
            self.filesystem.delete_file(self._full(name))
        except FileNotFoundError:
            return


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, so that a rename in it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path` whole or not at all, flushed to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder() -> Path:
    """Where packed pictures are kept: COLORSWEEP_CACHE, else the user's cache folder."""
    if named := os.environ.get("COLORSWEEP_CACHE"):
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "colorsweep"
