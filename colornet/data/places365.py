"""What the archives of Places365, http://places2.csail.mit.edu, unpack to."""

import os
from pathlib import Path

from colornet.data.splits import Split
from colornet.errors import InputError

PLACES: dict[str, Split] = {
    "data_256": "train",
    "data_256_standard": "train",
    "data_large": "train",
    "data_large_standard": "train",
    "val_256": "val",
    "val_large": "val",
    "test_256": "test",
    "test_large": "test",
}
"""The folders that the archives of Places365 unpack to."""
_LISTS = ("places365_val.txt", "categories_places365.txt")
_LISTS_IN = ("", "filelist_places365-standard")


def listed_labels(root: Path) -> tuple[dict[str, str], tuple[Path, ...]]:
    """Classes of the validation pictures by file name, where both lists are there.

    Returns:
        the classes, and the files that they are from.

    Raises:
        InputError: a list that cannot be read.
    """
    for folder in _LISTS_IN:
        files = tuple(root / folder / name for name in _LISTS)
        if all(file.is_file() for file in files):
            of_picture, of_scene = (_numbered(file) for file in files)
            scenes = {number: name.strip("/").partition("/")[2] for name, number in of_scene}
            labels = {name: scenes.get(number, str(number)) for name, number in of_picture}
            return {name: label.replace("/", os.sep) for name, label in labels.items()}, files
    return {}, ()


def _numbered(file: Path) -> list[tuple[str, int]]:
    """The lines `name number` of a list."""
    found = []
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read: {error}.") from error
    for count, line in enumerate(lines, start=1):
        name, _, number = line.strip().rpartition(" ")
        if not line.strip():
            continue
        if not name or not number.isascii() or not number.isdigit():
            raise InputError(
                f"{file}: line {count}: '{line[:60]}': not a name and a number.\n"
                "Take the list as Places365 has it, or remove it."
            )
        found.append((name.strip(), int(number)))
    return found
