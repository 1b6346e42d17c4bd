"""A pack is what was packed: its pixels and its index are verified, once on each machine.

That it was is remembered in the cache by size, times and inode of both files, so that a pack which
was copied or touched is verified again, and the trials of a sweep are not each kept waiting.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from colornet.cli_result import count_text
from colornet.config.reading import read_json
from colornet.data.build import INDEX, PICTURES, index_hash, locked
from colornet.data.splits import SPLITS
from colornet.errors import InputError
from colornet.storage import cache_folder, write_atomic

CHUNK = 1 << 24
"""Bytes of pictures that a thread takes at a time."""
MAX_INDEX = 1_000_000_000
"""Bytes: some 200 a picture."""
_HASH = re.compile("[0-9a-f]{8,128}")
_SIDES = (None, *SPLITS)


def pixels_hash(pictures: np.ndarray) -> str:
    """XXH3 of all pixels, which finds any damage at the speed of memory.

    Args:
        pictures: (n, S, S, 3) uint8.
    """
    whole = xxhash.xxh3_128()
    each = max(1, CHUNK // max(1, int(np.prod(pictures.shape[1:]))))
    for first in range(0, len(pictures), each):
        whole.update(np.ascontiguousarray(pictures[first : first + each]).data)
    return whole.hexdigest()


def content_hash(
    pictures: np.ndarray, hashes: Sequence[str], official: Sequence[str | None]
) -> str:
    """Hash of pictures and their identities, as packing has computed it.

    It takes a second and more for each GB: only packs that know no other are verified by it.

    Args:
        pictures: (n, S, S, 3) uint8.
    """
    each = max(1, CHUNK // max(1, int(np.prod(pictures.shape[1:]))))
    chunks = [pictures[first : first + each] for first in range(0, len(pictures), each)]
    whole = hashlib.sha256()
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="verify") as pool:
        digests = (one for chunk in pool.map(_digests, chunks) for one in chunk)
        for pixels, source, split in zip(digests, hashes, official, strict=True):
            whole.update(pixels + (source + (split or "")).encode())
    return whole.hexdigest()


def _digests(pictures: np.ndarray) -> list[bytes]:
    return [hashlib.sha256(picture).digest() for picture in pictures]


def verify(folder: Path, index: Mapping[str, Any], pictures: np.ndarray) -> None:
    """See that a pack is what was packed, unless that is remembered.

    Raises:
        InputError: it is not.
    """
    name = hashlib.sha256(os.path.realpath(folder).encode()).hexdigest()[:24]
    note = cache_folder() / "verified" / f"{name}.json"
    if _is_noted(note, folder):
        return
    try:
        with locked(note):
            if not _is_noted(note, folder):
                stamps = _stamps(folder)
                _check(folder, index, pictures)
                write_atomic(note, json.dumps(stamps).encode())
    except OSError:  # a cache that cannot be written to remembers nothing
        _check(folder, index, pictures)


def _check(folder: Path, index: Mapping[str, Any], pictures: np.ndarray) -> None:
    wrong, known = "", {"index_hash", "pixels_hash"} & index.keys()
    if len(known) == 1 or (known and index["index_hash"] != index_hash(index)):
        wrong = INDEX
    elif known:
        wrong = PICTURES if pixels_hash(pictures) != index["pixels_hash"] else ""
    elif content_hash(pictures, index["hashes"], index["official"]) != index["content_hash"]:
        wrong = f"{PICTURES} or the hashes and splits in {INDEX}"
    if wrong:
        raise InputError(
            f"{folder}: damaged: {wrong}: not what was packed.\n"
            "Remove the folder and pack it again, or copy it anew."
        )


def _is_noted(note: Path, folder: Path) -> bool:
    try:
        return read_json(note) == _stamps(folder)
    except (InputError, OSError):
        return False


def _stamps(folder: Path) -> list[list[int]]:
    return [_stamp((folder / name).stat()) for name in (PICTURES, INDEX)]


def _stamp(status: os.stat_result) -> list[int]:
    # The time of a file's change may be set back, as copying tools do; that of its inode may not.
    times = [status.st_mtime_ns, status.st_ctime_ns]
    return [status.st_size, *times, status.st_ino, status.st_dev]


def wrong_in(index: dict[str, Any]) -> str:
    """What an index lacks or holds of another kind, in words; nothing where it is sound."""
    for key, (fits, what) in _WANTED.items():
        if key not in index:
            return f"it has no {key}"
        if not fits(index[key]):
            return f"its {key} is no {what}"
    for key, (fits, what) in _MAY_BE.items():
        if key in index and not fits(index[key]):
            return f"its {key} is no {what}"
    count = len(index["names"])
    for key in ("hashes", "classes", "official"):
        if len(index[key]) != count:
            return f"its {key} are {len(index[key]):,}, for {count_text(count, 'name')}"
    if not all(0 <= row < count for row in index["grey"]):
        return "its grey names pictures that are not there"
    alike = [row for group in index.get("twins", ()) for row in group]
    if not all(0 <= row < count for row in alike) or len(set(alike)) < len(alike):
        return "its twins name pictures that are not there, or twice"
    return ""


def _list_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(fits, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and bool(_HASH.fullmatch(value))


def _is_row(value: Any) -> bool:
    return type(value) is int


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_text, value))


def _is_side(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value in _SIDES)


_WANTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "key": (_is_text, "text"),
    "image_size": (lambda value: type(value) is int and 0 < value <= 4096, "side of a picture"),
    "names": (_list_of(_is_text), "list of texts"),
    "hashes": (_list_of(_is_hash), "list of hashes"),
    "classes": (_list_of(_is_text), "list of texts"),
    "official": (_list_of(_is_side), "list of splits"),
    "grey": (_list_of(_is_row), "list of rows"),
    "skipped": (_list_of(_is_pair), "list of names with reasons"),
    "content_hash": (_is_text, "text"),
}
_MAY_BE: dict[str, tuple[Callable[[Any], bool], str]] = {
    "read_as": (_is_text, "text"),
    "twins": (_list_of(_list_of(_is_row)), "list of lists of rows"),
}
"""What packs of earlier versions lack."""
