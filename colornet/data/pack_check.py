"""Whether a pack still is what was packed: its pixels and index are verified, once on each machine.

That they were is noted in the cache with size, times and inode of both files, so that a pack which
was copied or touched is verified again, and the trials of a sweep do not each wait for it.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import xxhash
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from colornet.cli_result import count_text
from colornet.config.reading import read_json
from colornet.data.build import INDEX, PICTURES, index_hash, locked, short_name
from colornet.data.splits import Split
from colornet.errors import InputError
from colornet.storage import cache_folder, write_atomic

CHUNK = 1 << 24
"""Bytes of pictures that a thread takes at a time."""
MAX_INDEX = 1_000_000_000
"""Bytes: some 200 a picture."""


def pixels_hash(pictures: np.ndarray) -> str:
    """XXH3 of all pixels, which finds any damage at the speed of memory.

    Args:
        pictures: (n, S, S, 3) uint8.
    """
    whole = xxhash.xxh3_128()
    for chunk in _chunks(pictures):
        whole.update(np.ascontiguousarray(chunk).data)
    return whole.hexdigest()


def _chunks(pictures: np.ndarray) -> Iterator[np.ndarray]:
    each = max(1, CHUNK // max(1, int(np.prod(pictures.shape[1:]))))
    for first in range(0, len(pictures), each):
        yield pictures[first : first + each]


def content_hash(
    pictures: np.ndarray, hashes: Sequence[str], official: Sequence[str | None]
) -> str:
    """Hash of pictures and their identities, as packing has computed it.

    It takes a second and more for each GB: only packs that know no other are verified by it.

    Args:
        pictures: (n, S, S, 3) uint8.
    """
    whole = hashlib.sha256()
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="verify") as pool:
        digests = pool.map(
            lambda chunk: [hashlib.sha256(picture).digest() for picture in chunk], _chunks(pictures)
        )
        pixels_digests = chain.from_iterable(digests)
        for pixels, source, split in zip(pixels_digests, hashes, official, strict=True):
            whole.update(pixels + (source + (split or "")).encode())
    return whole.hexdigest()


def verify(folder: Path, index: Mapping[str, Any], pictures: np.ndarray) -> None:
    """Check that a pack is what was packed, unless that is noted.

    Raises:
        InputError: it is not.
    """
    note = cache_folder() / "verified" / f"{short_name(folder)}.json"
    if _is_noted(note, folder):
        return
    try:
        with locked(note):
            if not _is_noted(note, folder):
                stamps = _stamps(folder)
                _check(folder, index, pictures)
                write_atomic(note, json.dumps(stamps).encode())
    except OSError:  # a cache that cannot be written to holds no notes
        _check(folder, index, pictures)


def _check(folder: Path, index: Mapping[str, Any], pictures: np.ndarray) -> None:
    wrong, recorded = "", {"index_hash", "pixels_hash"} & index.keys()
    if len(recorded) == 1 or (recorded and index["index_hash"] != index_hash(index)):
        wrong = INDEX
    elif recorded:
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
    """Size, times, inode and device of both files, which change when they do.

    A file's time of change may be set back, as copying tools do; that of its inode may not.
    """
    every = [(folder / name).stat() for name in (PICTURES, INDEX)]
    return [[s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino, s.st_dev] for s in every]


class _Index(BaseModel):
    """What the index of a pack holds; packs of earlier versions lack what has a default."""

    model_config = ConfigDict(strict=True)

    key: str = Field(title="text")
    image_size: int = Field(gt=0, le=4096, title="side of a picture")
    names: list[str] = Field(title="list of texts")
    hashes: list[Annotated[str, Field(pattern="^[0-9a-f]{8,128}$")]] = Field(title="list of hashes")
    classes: list[str] = Field(title="list of texts")
    official: list[Split | None] = Field(title="list of splits")
    grey: list[int] = Field(title="list of rows")
    skipped: list[Annotated[list[str], Field(min_length=2, max_length=2)]] = Field(
        title="list of names with reasons"
    )
    content_hash: str = Field(title="text")
    read_as: str = Field("", title="text")
    twins: list[list[int]] = Field([], title="list of lists of rows")


def index_error(index: dict[str, Any]) -> str:
    """What an index lacks or holds of another kind, in words; nothing where it is sound."""
    try:
        pack = _Index.model_validate(index)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = str(first["loc"][0])
        if first["type"] == "missing":
            return f"it has no {key}"
        return f"its {key} is no {_Index.model_fields[key].title}"
    count = len(pack.names)
    for key in ("hashes", "classes", "official"):
        if len(index[key]) != count:
            return f"its {key} are {len(index[key]):,}, for {count_text(count, 'name')}"
    if not all(0 <= row < count for row in pack.grey):
        return "its grey names pictures that are not there"
    alike = [row for group in pack.twins for row in group]
    if not all(0 <= row < count for row in alike) or len(set(alike)) < len(alike):
        return "its twins name pictures that are not there, or twice"
    return ""
