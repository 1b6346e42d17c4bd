"""Packed pictures: decoded once into one uint8 file that every training memory-maps.

`open_pack` finds or builds the pack of a data section in the cache; `pack_to` builds one in a
folder of the user's choice, which can then be used as `data.root` itself.
"""

import os
import shutil
from collections import Counter
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from colornet.cli_result import count_text
from colornet.config.reading import read_json
from colornet.config.sections.data import DataConfig, FolderData, splits_by_appearance
from colornet.data.build import (
    DUPLICATE_OF,
    GREY,
    INDEX,
    PACK_VERSION,
    PICTURES,
    build_once,
    pack_key,
)
from colornet.data.pack_check import MAX_INDEX, index_error, verify
from colornet.data.remote import fetch_pack, put_pack
from colornet.data.source import build_source, read_as
from colornet.data.splits import (
    LEFT_OUT,
    SPLITS,
    Split,
    assign_splits,
    near_duplicates_text,
    split_origins,
)
from colornet.errors import InputError, did_you_mean, error_summary
from colornet.storage import cache_folder, check_reachable

_LONGEST_HEADER = 512
"""Characters that describe the array in a pack's pictures; packing writes some 120."""


@dataclass(frozen=True, eq=False)
class Pack:
    """Packed pictures, mapped read-only, as one data section sees them.

    pictures: (n, S, S, 3) uint8 sRGB; rows that no split mentions are not in use.
    names, hashes, classes: one item a picture; a class is "" where there are none.
    content_hash: of all pictures and their identities, for provenance.
    path: the pack's folder. read_as: what was read as what, for people.
    skipped: (name, reason) of every picture left out when packing.
    split_origins: whether each split is `official` or by `hash`.
    checked_near_duplicates: whether near duplicates were looked for, and are kept in one split.
    """

    pictures: np.ndarray
    names: list[str]
    hashes: list[str]
    classes: list[str]
    content_hash: str
    path: Path
    read_as: str
    skipped: list[tuple[str, str]]
    split_origins: dict[Split, str]
    checked_near_duplicates: bool
    _splits: dict[str, np.ndarray] = field(repr=False)

    @property
    def image_size(self) -> int:
        """Side of the pictures, pixels."""
        return int(self.pictures.shape[1])

    def indices(self, split: str) -> np.ndarray:
        """Rows of `pictures` in a split, int64, in order of hash: any prefix is a fair sample.

        Args:
            split: train (what `fraction` or `train_pictures` leave of it), val or test.
        """
        return self._splits[split]

    def summary(self) -> dict[str, Any]:
        """For people: pictures, size, splits, their origins, classes, what was left out, bytes."""
        used = np.concatenate([self._splits[split] for split in SPLITS])
        classes = Counter(self.classes[row] for row in used)
        grey = sum(reason == GREY for _, reason in self.skipped)
        duplicates = sum(reason.startswith(DUPLICATE_OF) for _, reason in self.skipped)
        return {
            "pictures": len(used),
            "image_size": self.image_size,
            "splits": {split: len(self._splits[split]) for split in SPLITS},
            "split_origins": self.split_origins,
            "classes": {name: classes[name] for name in sorted(classes) if name},
            "grey": grey,
            "duplicates": duplicates,
            "bad": len(self.skipped) - grey - duplicates,
            "bytes": int(self.pictures.nbytes),
            "content_hash": self.content_hash,
            "read_as": self.read_as,
            "path": str(self.path),
        }


def open_pack(data: DataConfig) -> Pack:
    """The pack of a data section: built when it is not there yet, then mapped.

    It lies in COLORSWEEP_CACHE, else in the user's cache folder. Safe to call from many processes
    at once: one builds, the others wait. Where `data.root` is a folder made by `pack_to`, that is
    mapped as it is; from a URI it is copied to the cache first.

    Args:
        data: the config's data section.

    Raises:
        InputError: no pictures, too many bad ones, too few left, an unknown class, more
            `train_pictures` than there are, too little disk space, or a pack of another size.
    """
    if isinstance(data, FolderData):
        if "://" in data.root:
            folder = fetch_pack(data.root)
            if not _is_whole(folder):
                shutil.rmtree(folder, ignore_errors=True)  # damaged since it was copied
                folder = fetch_pack(data.root)
            return _open_packed_folder(data, folder)
        if is_pack(root := Path(data.root).expanduser()):
            return _open_packed_folder(data, root)
    source = build_source(data)
    key = pack_key(source, data.skip_grey)
    folder = cache_folder() / "packs" / f"{data.source}-{data.image_size}px-{key[:24]}"
    build_once(folder, source, data.skip_grey, data.image_size, lambda: _is_whole(folder))
    return _map(folder, data, read_as(source))


def pack_to(data: DataConfig, destination: str | Path) -> Pack:
    """Build the pack of a data section in a folder, or at a URI; one that is there is kept.

    Raises:
        InputError: as `open_pack`, and when there is anything else at `destination`.
    """
    if "://" in str(destination):
        check_reachable(str(destination))
        pack = open_pack(data)
        put_pack(pack.path, str(destination))
        return pack
    # Where a link leads: the folder may be one.
    folder = Path(os.path.realpath(Path(destination).expanduser()))
    source = build_source(data)
    key = pack_key(source, data.skip_grey)
    build_once(folder, source, data.skip_grey, data.image_size, lambda: _is_there(folder, key))
    return _map(folder, data, read_as(source))


def _is_there(folder: Path, key: str) -> bool:
    """Whether a folder is the pack of a key. Raises InputError when it is anything else."""
    if not os.path.lexists(folder) or (folder.is_dir() and not any(folder.iterdir())):
        return False
    if _is_whole(folder) and _read_index(folder)["key"] == key:
        return True
    raise InputError(f"{folder}: is not empty.\nPack into a new folder.")


def is_pack(folder: Path) -> bool:
    """Whether a folder was made by `pack_to`."""
    return (folder / INDEX).is_file() and (folder / PICTURES).is_file()


def _is_whole(folder: Path) -> bool:
    """Whether a pack is there and can be mapped; a damaged one in the cache is built again."""
    if not is_pack(folder):
        return False
    try:
        _map_pictures(folder, _read_index(folder))
    except (InputError, OSError):
        return False
    return True


def _read_index(folder: Path) -> dict[str, Any]:
    try:
        index = read_json(folder / INDEX, MAX_INDEX)
    except InputError as error:
        raise _damaged(folder, f"{INDEX} cannot be read: {error_summary(error)}") from None
    version = index.get("version") if isinstance(index, dict) else None
    if not isinstance(version, int):
        raise _damaged(folder, f"{INDEX} cannot be read: it names no version")
    if version != PACK_VERSION:
        raise InputError(
            f"{folder}: packed in format {version}, but this version reads {PACK_VERSION}.\n"
            "Pack the pictures again with `colorsweep data pack`."
        )
    if wrong := index_error(index):
        raise _damaged(folder, f"{INDEX}: {wrong}")
    return index


def _map_pictures(folder: Path, index: dict[str, Any]) -> np.ndarray:
    path, size = folder / PICTURES, index["image_size"]
    expected = (len(index["names"]), size, size, 3)
    try:
        # np.load would also take an archive or a pickle for an array.
        with path.open("rb") as file:
            if np.lib.format.read_magic(file) != (1, 0):
                raise ValueError("not written by packing")
            header = np.lib.format.read_array_header_1_0(file, max_header_size=_LONGEST_HEADER)
            first, length = file.tell(), os.fstat(file.fileno()).st_size
    # NumPy evaluates the header's text: what is wrong there raises all that Python's parser does.
    except Exception as error:
        raise _damaged(folder, f"{PICTURES} cannot be read") from error
    shape, fortran_order, kind = header
    if shape != expected or fortran_order or kind != np.uint8 or length - first != prod(expected):
        raise _damaged(folder, f"{PICTURES} and {INDEX} do not agree")
    pictures = np.memmap(path, np.uint8, "r", first, expected)
    verify(folder, index, pictures)
    return pictures


def _damaged(folder: Path, what: str) -> InputError:
    return InputError(f"{folder}: damaged: {what}.\nRemove the folder and pack it again.")


def _open_packed_folder(data: FolderData, folder: Path) -> Pack:
    size = _read_index(folder)["image_size"]
    if size != data.image_size:
        raise InputError(
            f"{folder}: packed at {size} pixels, but data.image_size is {data.image_size}.\n"
            f"Set data.image_size={size}, or pack the pictures again at {data.image_size}."
        )
    if data.list is not None:
        raise InputError(f"data.list: {folder} is packed already.\nGive the list when packing.")
    return _map(folder, data)


def _map(folder: Path, data: DataConfig, described: str | None = None) -> Pack:
    index = _read_index(folder)
    pictures = _map_pictures(folder, index)
    used = _rows_in_use(index, data)
    splits, twins_text = _split_rows(index, used, data)
    descriptions = [described or index.get("read_as") or "a pack", twins_text]
    return Pack(
        pictures=pictures,
        names=index["names"],
        hashes=index["hashes"],
        classes=index["classes"],
        content_hash=index["content_hash"],
        path=folder,
        read_as="; ".join(filter(None, descriptions)),
        skipped=[(name, reason) for name, reason in index["skipped"]],
        split_origins=split_origins([index["official"][row] for row in used]),
        checked_near_duplicates=splits_by_appearance(data) and "twins" in index,
        _splits=splits,
    )


def _rows_in_use(index: dict[str, Any], data: DataConfig) -> np.ndarray:
    """Rows left by `classes` and `skip_grey`; the cache's own packs hold nothing else."""
    classes = index["classes"]
    for name in data.classes or ():
        if name not in classes:
            hint = did_you_mean(name, {label for label in classes if label})
            raise InputError(f"data.classes: '{name}': no usable picture is of this class.\n{hint}")
    chosen = set(classes) if data.classes is None else set(data.classes)
    left_out = set(index["grey"]) if data.skip_grey else set()
    rows = [row for row, name in enumerate(classes) if name in chosen and row not in left_out]
    return np.array(rows, np.int64)


def _split_rows(
    index: dict[str, Any], used: np.ndarray, data: DataConfig
) -> tuple[dict[str, np.ndarray], str]:
    """The rows of each split, and what became of near duplicates, for people."""
    hashes, official = index["hashes"], index["official"]
    by_hash = np.array(sorted(used, key=lambda row: hashes[row]), np.int64)
    twins, twins_text = [], ""
    if splits_by_appearance(data):
        if "twins" not in index:
            twins_text = (
                "packed without looking for near duplicates, which may be in several splits"
            )
        position = {row: index for index, row in enumerate(by_hash.tolist())}
        groups = ([position[r] for r in group if r in position] for group in index.get("twins", ()))
        twins = [group for group in groups if len(group) > 1]
    sides = assign_splits(
        [hashes[row] for row in by_hash], [official[row] for row in by_hash], twins
    )
    if twins:
        twins_text = near_duplicates_text(sum(map(len, twins)), int((sides == LEFT_OUT).sum()))
    parts = [by_hash[sides == side] for side in range(len(SPLITS))]
    splits: dict[str, np.ndarray] = dict(zip(SPLITS, parts, strict=True))
    available = len(splits["train"])
    if available == 0 or len(splits["val"]) == 0:
        counts = ", ".join(f"{len(splits[split])} {split}" for split in SPLITS)
        raise InputError(
            f"{count_text(len(used), 'usable picture')} ({counts}): one to train on and one to "
            "validate with are needed.\nGive more pictures, or other data.classes."
        )
    wanted = data.train_pictures
    if wanted is None:
        wanted = max(1, round(data.fraction * available))
    elif wanted > available:
        raise InputError(f"data.train_pictures: {wanted}: of {available} that the train split has.")
    splits["train"] = splits["train"][:wanted]
    return splits, twins_text
