"""What kind of source a path is, from what lies there."""

import os
from collections.abc import Iterator
from pathlib import Path

from colornet.config.paths import TAGS
from colornet.data.packed import is_pack
from colornet.data.picture_files import PICTURES, is_folder, suffix_of
from colornet.data.sources.cifar10 import find_batches
from colornet.data.sources.parquet import SUFFIX

FILE_SOURCES = tuple(
    name for name, options in TAGS["data"][1].items() if "root" in options.model_fields
)
"""The values of `data.source` that read what lies at `data.root`."""


def detect_source(path: Path) -> str:
    """The value of `data.source` that a path is for.

    `parquet` for a Parquet file, and for a folder with such files in it or one level below and no
    pictures beside them; `cifar10` for its batches; else `folder`, which says what is wrong.
    """
    path = path.expanduser()
    if not os.path.isdir(path):
        return "parquet" if path.suffix.lower() == SUFFIX else "folder"
    if is_pack(path):
        return "folder"
    if find_batches(path):
        return "cifar10"
    found = False
    for suffix in _suffixes(path):
        if suffix in PICTURES:
            return "folder"
        found |= suffix == SUFFIX
    return "parquet" if found else "folder"


def _suffixes(folder: Path, deeper: bool = True) -> Iterator[str]:
    """Of the files in a folder, then in those directly below; what cannot be read has none."""
    try:
        with os.scandir(folder) as found:
            items = [item for item in found if not item.name.startswith(".")]
    except OSError:
        return
    yield from (suffix_of(item.name) for item in items if not is_folder(item))
    if deeper:
        for item in items:
            if is_folder(item):
                yield from _suffixes(Path(item.path), deeper=False)
