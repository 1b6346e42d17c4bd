"""Build a folder of packed pictures once, however many processes ask for it at the same time.

A pack is `pictures.npy` (uint8, n x S x S x 3) and `index.json`. It is written beside its final
place and renamed, under a lock that the system releases when its holder dies.
"""

import fcntl
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import xxhash

from colornet.data.decode import is_grey
from colornet.data.near_duplicates import find_near_duplicates
from colornet.data.source import Decoded, Entry, Source, UnusablePicture, read_as
from colornet.data.splits import Split
from colornet.errors import InputError, os_error_reason
from colornet.storage import cache_folder, sync_folder, write_atomic

PACK_VERSION = 2
PICTURES, INDEX = "pictures.npy", "index.json"

_NAMED_WARNINGS = _NAMED_IN_ERROR = 3
GREY, DUPLICATE_OF = "grey", "duplicate of "
"""Why a picture is left out; for any other reason it could not be decoded."""
_SPARE_BYTES = 32 * 2**20
_log = logging.getLogger("colorsweep")


def pack_key(source: Source, skip_grey: bool) -> str:
    """Hash of everything a pack depends on. Raises InputError when the source has no pictures."""
    described = {"version": PACK_VERSION, "skip_grey": skip_grey, **source.key()}
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def index_hash(index: Mapping[str, Any]) -> str:
    """Hash of all that an index holds but this."""
    rest = {key: value for key, value in index.items() if key != "index_hash"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def build_once(
    folder: Path, source: Source, skip_grey: bool, image_size: int, is_built: Callable[[], bool]
) -> None:
    """Make sure that `folder` holds the pack of `source`.

    Args:
        folder: where the pack belongs; replaced when it is there but `is_built` says no.
        is_built: whether a whole pack is in place, asked again once the lock is held.

    Raises:
        InputError: no pictures, too many bad ones, too few left, or no place to write to.
    """
    if is_built():
        return
    packs = folder.parent
    try:
        with locked(folder):
            if not is_built():
                packs.mkdir(parents=True, exist_ok=True)
                prefix = f".building-{short_name(folder)}-"
                # We hold the lock, so the process that left these has ended.
                for remains in packs.glob(prefix + "*"):
                    shutil.rmtree(remains, ignore_errors=True)
                temporary = Path(tempfile.mkdtemp(prefix=prefix, dir=packs))
                try:
                    _build(temporary, source, skip_grey, image_size)
                    if not is_built():  # it raises where somebody has put other files there
                        shutil.rmtree(folder, ignore_errors=True)
                        temporary.chmod(0o755)
                        os.rename(temporary, folder)
                        sync_folder(packs)
                finally:
                    shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        refused = Path(error.filename or packs)  # the folder of packs, or that of locks
        if refused.is_relative_to(packs) or packs.is_relative_to(refused):
            refused = packs
        raise InputError(
            f"{refused}: cannot be written: {os_error_reason(error)}.\n"
            "Free some space, or take another place: COLORSWEEP_CACHE, for `data pack` also -o."
        ) from error


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Hold the lock of `folder`; lock files stay, since removing one would be a race."""
    locks = cache_folder() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / f"{short_name(folder)}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.info("waiting for another process that packs the same pictures")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def short_name(folder: Path) -> str:
    """A short name for a folder, whose own may be as long as the file system takes."""
    return hashlib.sha256(os.path.realpath(folder).encode()).hexdigest()[:24]


def _build(folder: Path, source: Source, skip_grey: bool, image_size: int) -> None:
    entries = packing_order(source.entries())
    _check_space(folder, len(entries), image_size)
    inventory = Inventory(skip_grey)
    digest = xxhash.xxh3_128()
    with (folder / PICTURES).open("wb") as file:
        _write_header(file, 0, image_size)
        for entry, decoded in decode_in_order(source, entries):
            if (pixels := inventory.add(entry, decoded)) is not None:
                digest.update(pixels)
                file.write(pixels)
            elif isinstance(decoded, UnusablePicture):
                _refuse_many_bad(inventory, source, len(entries))
        file.seek(0)
        _write_header(file, len(inventory.names), image_size)
        file.flush()
        os.fsync(file.fileno())
    _refuse_few(inventory, source, len(entries))
    described = {
        "version": PACK_VERSION,
        "key": pack_key(source, skip_grey),
        "image_size": image_size,
        "skip_grey": skip_grey,
        "read_as": read_as(source),
        **({"twins": find_near_duplicates(inventory.phashes)} if source.phashes else {}),
        **inventory.columns(),
        "pixels_hash": digest.hexdigest(),
    }
    index = described | {"index_hash": index_hash(described)}
    write_atomic(folder / INDEX, json.dumps(index).encode())


def _write_header(file: BinaryIO, count: int, image_size: int) -> None:
    """The .npy header; NumPy pads it so that it has the same length for any count."""
    shape = (count, image_size, image_size, 3)
    described = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, described)


def _check_space(folder: Path, count: int, image_size: int) -> None:
    needed = count * image_size**2 * 3 + _SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(
            f"{folder.parent}: the packed pictures need {needed / 1e6:,.0f} MB, "
            f"but {free / 1e6:,.0f} MB are free.\n"
            "Free some space, or take another disk: COLORSWEEP_CACHE, for `data pack` also -o."
        )


def packing_order(entries: Sequence[Entry]) -> list[Entry]:
    """Official test pictures first, then val: of equal pictures the first is kept."""
    turns = {"test": 0, "val": 1}
    return sorted(entries, key=lambda entry: turns.get(entry.official or "", 2))


def decode_in_order(
    source: Source, entries: Sequence[Entry]
) -> Iterator[tuple[Entry, Decoded | UnusablePicture]]:
    """Decode in order, a few pictures ahead of the writer."""

    def attempt(entry: Entry) -> Decoded | UnusablePicture:
        try:
            return source.decode(entry)
        except UnusablePicture as reason:
            return reason

    workers = min(8, os.cpu_count() or 1) if source.parallel else 1
    if workers == 1:
        for entry in entries:
            yield entry, attempt(entry)
        return
    waiting: deque[tuple[Entry, Future[Decoded | UnusablePicture]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    try:
        for entry in entries:
            waiting.append((entry, pool.submit(attempt, entry)))
            if len(waiting) > 4 * workers:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


class Inventory:
    """The pictures of a source that can be used, in order, and what is left out and why.

    Attributes:
        skipped: (name, reason) of those that are not used.
        bad: those of them that could not be decoded.
        skipped_grey: names of those without color.
        duplicates: (name, the one it repeats).
    """

    def __init__(self, skip_grey: bool) -> None:
        self.skip_grey = skip_grey
        self.names: list[str] = []
        self.hashes: list[str] = []
        self.classes: list[str] = []
        self.official: list[Split | None] = []
        self.grey: list[int] = []
        self.phashes: list[bytes] = []
        self.skipped: list[tuple[str, str]] = []
        self.bad: list[tuple[str, str]] = []
        self.skipped_grey: list[str] = []
        self.duplicates: list[tuple[str, str]] = []
        self._seen: dict[bytes, str] = {}
        self._content = hashlib.sha256()

    def add(self, entry: Entry, decoded: Decoded | UnusablePicture) -> bytes | None:
        """Note one picture; the pixels to pack, or None where it is left out."""
        if isinstance(decoded, UnusablePicture):
            self.bad.append((entry.name, str(decoded)))
            self.skipped.append(self.bad[-1])
            return None
        pixels = decoded.pixels.tobytes()
        pixel_hash = hashlib.sha256(pixels).digest()
        first = self._seen.setdefault(pixel_hash, entry.name)
        if first != entry.name:
            self.duplicates.append((entry.name, first))
            self.skipped.append((entry.name, f"{DUPLICATE_OF}{first}"))
            return None
        if is_grey(decoded.pixels):
            if self.skip_grey:
                self.skipped_grey.append(entry.name)
                self.skipped.append((entry.name, GREY))
                return None
            self.grey.append(len(self.names))
        self.names.append(entry.name)
        self.hashes.append(decoded.source_hash)
        self.classes.append(entry.label)
        self.official.append(entry.official)
        self.phashes.append(decoded.phash)
        identity = decoded.source_hash + (entry.official or "")
        self._content.update(pixel_hash + identity.encode())
        return pixels

    def columns(self) -> dict[str, Any]:
        """The lists of the index file, one item a picture in the order they are packed."""
        return {
            "names": self.names,
            "hashes": self.hashes,
            "classes": self.classes,
            "official": self.official,
            "grey": self.grey,
            "skipped": self.skipped,
            "content_hash": self._content.hexdigest(),
        }


def _refuse_many_bad(inventory: Inventory, source: Source, total: int) -> None:
    """Warn of a picture that was bad. Raises InputError when they have become too many."""
    bad = inventory.bad
    if len(bad) > source.max_bad_fraction * total:
        examples = "; ".join(f"{name}: {why}" for name, why in bad[:_NAMED_IN_ERROR])
        raise InputError(
            f"{source.where}: {len(bad)} bad of {total} pictures, more than "
            f"data.max_bad_fraction {source.max_bad_fraction:g} allows: {examples}\n"
            f"See them all with `colorsweep data check {source.where}`, "
            "then remove them or raise data.max_bad_fraction."
        )
    if len(bad) <= _NAMED_WARNINGS:
        _log.warning("%s: left out: %s", *bad[-1])


def _refuse_few(inventory: Inventory, source: Source, total: int) -> None:
    """Say how many were bad in all. Raises InputError when too few pictures remain."""
    bad = len(inventory.bad)
    if bad > _NAMED_WARNINGS:
        more = bad - _NAMED_WARNINGS
        _log.warning("%s: and %d more; `colorsweep data check` names all", source.where, more)
    if len(inventory.names) < 2:
        raise InputError(
            f"{source.where}: {len(inventory.names)} of {total} pictures can be used "
            f"({len(inventory.skipped_grey)} grey, {len(inventory.duplicates)} duplicates, {bad} "
            f"bad), at least 2 are needed.\nSee `colorsweep data check {source.where}`."
        )
