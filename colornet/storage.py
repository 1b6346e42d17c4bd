"""Files that are written whole or not at all, on any filesystem pyarrow.fs reaches.

On a local disk a write goes to a temporary name in the same folder, is flushed to the disk and
renamed, and the folder itself is flushed. On an object store one request either happens or not.

Whatever names are given, nothing outside the folder is touched: a name that leads out of it is
refused, and what is written, moved or deleted is not reached through a link that does.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from pyarrow import BufferReader, NativeFile, fs

from colornet.config.reading import MAX_BYTES, decoded, read_text
from colornet.errors import InputError

_WRITING = ".writing-"
REPLY_SECONDS = 6.0
"""In which storage behind a URI has to answer."""
_BUCKETS = ("s3", "gcs")
"""Filesystems of which the first part of a path is a bucket."""


@dataclass(frozen=True)
class Storage:
    """One folder, by path or URI, in which names are relative paths with `/`."""

    filesystem: fs.FileSystem
    root: str
    location: str
    """The folder's whole path, or its URI, from which another process can open it."""

    @classmethod
    def at(cls, location: str | os.PathLike[str]) -> "Storage":
        """Open a folder; nothing is created until something is written.

        Raises:
            InputError: when the URI's scheme is not known.
        """
        text = os.fspath(location)
        if "://" not in text:
            root = os.path.abspath(os.path.expanduser(text))
            return cls(fs.LocalFileSystem(), root, root)
        try:
            filesystem, root = fs.FileSystem.from_uri(text)
        except (OSError, ValueError) as error:
            raise InputError(f"{text}: not a storage location: {error}") from error
        return cls(filesystem, root, text)

    @property
    def local(self) -> Path | None:
        """The folder as a local path, or None on another filesystem."""
        return Path(self.root) if isinstance(self.filesystem, fs.LocalFileSystem) else None

    def path(self, name: str) -> Path | None:
        """Where a file or folder is on the local disk, or None on another filesystem.

        Raises:
            InputError: the name leads out of the folder.
        """
        full = self._full(name)
        return None if self.local is None else Path(full)

    def _full(self, name: str) -> str:
        """The whole path of a name. Raises InputError for one that leads out of the folder."""
        if name and not _is_inside(name):
            raise InputError(
                f"{self.location}: {name!r}: is no name within this folder, and is not followed.\n"
                "Nobody but a damaged or hostile file gives it: see who wrote the folder."
            )
        return f"{self.root}/{name}" if name else self.root

    def _changed(self, name: str) -> str:
        """The whole path of what is written, moved or deleted.

        Raises:
            InputError: the name leads out of the folder, by itself or through a link.
        """
        full = self._full(name)
        if self.local is not None:
            parent = os.path.realpath(os.path.dirname(full) if name else full)
            if not Path(parent).is_relative_to(os.path.realpath(self.root)):
                raise InputError(
                    f"{full}: is reached through a link that leads out of {self.root}.\n"
                    "Put what it stands for in its place, or link the whole folder."
                )
        return full

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises FileNotFoundError when it is not there."""
        with self.filesystem.open_input_file(self._full(name)) as file:
            return file.read()

    def text(self, name: str, most: int = MAX_BYTES) -> str:
        """The text of a file.

        Args:
            most: bytes that it may have.

        Raises:
            FileNotFoundError: it is not there.
            InputError: it cannot be read, is no file of text, or larger.
        """
        full = self._full(name)
        if self.local is not None:
            if not os.path.lexists(full):
                raise FileNotFoundError(full)
            return read_text(full, most)
        size = self.filesystem.get_file_info(full).size
        if size is not None and size > most:
            raise InputError(f"{full}: is larger than {most:,} bytes, and is not read.")
        return decoded(self.read(name), full)

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all; an older one of that name is replaced."""
        if self.local is not None:
            write_atomic(Path(self._changed(name)), data)
            return
        with self.open_output(name) as file:
            file.write(data)

    def open_file(self, name: str, *, whole: bool = True) -> NativeFile:
        """A file to be read here and there.

        Args:
            whole: whether storage that is no disk is asked once, for all of it.

        Raises:
            FileNotFoundError: when it is not there.
        """
        if whole and self.local is None:
            return BufferReader(self.read(name))
        return self.filesystem.open_input_file(self._full(name))

    def open_output(self, name: str) -> IO[bytes]:
        """A file to be written in pieces, which may be there in part when that is cut off."""
        full = self._changed(name)
        self.filesystem.create_dir(full.rsplit("/", 1)[0], recursive=True)
        return self.filesystem.open_output_stream(full)

    def names(self, folder: str = "") -> list[str]:
        """Names of the files directly in `folder`, sorted; empty when it is not there."""
        return self._listed(folder, fs.FileType.File)

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders directly in `folder`, sorted; empty when it is not there."""
        return self._listed(folder, fs.FileType.Directory)

    def _listed(self, folder: str, kind: fs.FileType) -> list[str]:
        selector = fs.FileSelector(self._full(folder), allow_not_found=True)
        try:
            infos = self.filesystem.get_file_info(selector)
        except FileNotFoundError:  # it is just being made, or removed
            return []
        names = sorted(info.base_name for info in infos if info.type == kind)
        return [name for name in names if _is_inside(name)]  # an object store takes `..` for a name

    def check_entries(self) -> None:
        """See that a folder holds files and folders only, and no link that leads out of it.

        Links would have others' files written or deleted, and pipes and devices never end.

        Raises:
            InputError: it does not; a URI's storage does.
        """
        if self.local is None:
            return
        root = Path(os.path.realpath(self.root))
        for item in _no_files(self.root):
            if not item.is_symlink():
                raise InputError(f"{item.path}: is no file and no folder.\nRemove it.")
            if not Path(os.path.realpath(item)).is_relative_to(root):
                raise InputError(
                    f"{item.path}: is a link that leads out of {self.root}, where nothing is "
                    "written or deleted.\n"
                    "Put what it stands for in its place, or link the whole folder."
                )

    def exists(self, name: str = "") -> bool:
        """Whether a file or folder of that name is there."""
        return self.filesystem.get_file_info(self._full(name)).type != fs.FileType.NotFound

    def move(self, name: str, to: str) -> None:
        """Give a file another name; one that has it already is replaced."""
        self.filesystem.move(self._changed(name), self._changed(to))

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
        """Remove a folder with all that is in it; it may already be gone.

        Of a link, here or further down, only the link goes, not what it leads to.
        """
        full = self._changed(name)
        with contextlib.suppress(FileNotFoundError):
            if self.local is None:
                self.filesystem.delete_dir(full)
            elif os.path.islink(full):
                os.unlink(full)
            else:
                shutil.rmtree(full)

    def delete(self, name: str) -> None:
        """Remove a file that may already be gone."""
        with contextlib.suppress(FileNotFoundError):
            self.filesystem.delete_file(self._changed(name))


def _is_inside(name: str) -> bool:
    """Whether a relative path stays where it begins, whatever is there."""
    return "\0" not in name and all(part not in ("", ".", "..") for part in name.split("/"))


def _no_files(folder: str) -> Iterator[os.DirEntry[str]]:
    """What is neither file nor folder in a folder and below: links, pipes, devices, sockets."""
    waiting = [folder]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for item in entries:
                if item.is_dir(follow_symlinks=False):
                    waiting.append(item.path)
                elif not item.is_file(follow_symlinks=False):
                    yield item


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, so that a rename in it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path` whole or not at all, flushed to the disk.

    A device or a pipe is written to as it is: a file in its place would be another thing.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        path.write_bytes(data)
        return
    with writing_atomic(path) as file:
        file.write(data)


@contextlib.contextmanager
def writing_atomic(path: Path) -> Generator[IO[bytes]]:
    """A file to write to, which gets its name when the block ends without an error.

    Its name until then is short: that of `path` may be as long as the file system takes. Folders
    are made; an older file is replaced, a link not followed.

    Raises:
        IsADirectoryError: a folder has the name, or a link to one.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=_WRITING, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)  # which can only be read by setting it
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


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


@cache
def check_reachable(location: str) -> None:
    """Ask storage by URI whether it answers and has the bucket, once in a process.

    A filesystem's client retries for a minute and more where nobody answers, and cannot be left
    alone meanwhile: its process does not end before. So a process of its own asks, which can be
    killed: this module as a script. A local path is not looked at.

    Raises:
        InputError: no answer in time, no such bucket, or it cannot be read.
    """
    if "://" not in location or location.startswith("file://"):
        return
    # Ray's workers find this project on a path of their own, which a child does not inherit.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        process = subprocess.run(
            [sys.executable, "-P", "-m", "colornet.storage"],
            input=location,
            capture_output=True,
            text=True,
            timeout=REPLY_SECONDS,
            env=environment,
        )
        reply = json.loads(process.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        reply = {"error": f"no answer within {REPLY_SECONDS:g} s"}
    except (ValueError, IndexError):
        return  # whoever uses the storage will say what is wrong with it
    if bucket := reply.get("missing"):
        raise InputError(f"{location}: there is no bucket {bucket}: make it, or name another.")
    if error := reply.get("error"):
        raise InputError(
            f"{location}: cannot be reached: {error}: see its name, the network, the credentials, "
            "and AWS_ENDPOINT_URL for a server of your own."
        )


def _ask(location: str) -> dict[str, Any]:
    """What is wrong with a location: `missing`, a bucket, or `error`; empty where nothing is."""
    try:
        filesystem, root = fs.FileSystem.from_uri(location)
        if isinstance(filesystem, fs.S3FileSystem):
            # pyarrow has no way to change a client but to make another of the same options.
            _, (options,) = filesystem.__reduce__()
            once = fs.AwsStandardS3RetryStrategy(max_attempts=1)
            filesystem = fs.S3FileSystem(**{**options, "retry_strategy": once})
        bucket = root.partition("/")[0] if filesystem.type_name in _BUCKETS else ""
        if bucket and filesystem.get_file_info(bucket).type == fs.FileType.NotFound:
            return {"missing": bucket}
        filesystem.get_file_info(fs.FileSelector(root, allow_not_found=True))
    except (OSError, ValueError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return {"error": lines[0].rpartition("Details: ")[2].rstrip(".")[:200]}
    return {}


if __name__ == "__main__":
    print(json.dumps(_ask(sys.stdin.read())), flush=True)
