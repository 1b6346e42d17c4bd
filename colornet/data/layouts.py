"""How a tree of pictures is read: which of its folders are splits, which are classes.

Known by their shape are

- Places365-Standard: `data_256/<letter>/<scene>[/<kind>]/*.jpg` (or `data_256_standard`,
  `data_large`) beside `val_256/Places365_val_*.jpg`, whose classes are in `places365_val.txt` and
  `categories_places365.txt`. A class is the scene without its letter, such as `field/cultivated`.
- colornet: `Train/` and `Test/`, or these two in `images/`.
- any folders of splits: `train/`, `val/`, `test/`, with folders of classes in them or without.
- folders of classes, and pictures in no folder, as in Landscape Pictures.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from colornet.data.splits import Split, settle, split_named
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
_WRAPPER = "images"


@dataclass(frozen=True)
class Layout:
    """How the pictures under a root are read.

    name: for people.
    depth: how many leading folders name the split, 0 where none does.
    splits: the official split of each such folder, by its path.
    lettered: those (or the root, "") whose classes are `<letter>/<scene>[/<kind>]`.
    labels: classes by file name, for pictures that lie in no class folder.
    lists: the files that `labels` come from.
    """

    name: str
    depth: int = 0
    splits: dict[str, Split | None] = field(default_factory=dict)
    lettered: frozenset[str] = frozenset()
    labels: dict[str, str] = field(default_factory=dict)
    lists: tuple[Path, ...] = ()

    def place(self, path: str) -> tuple[str, Split | None]:
        """Class ("" for none) and official split of a picture, by its path under the root."""
        parts = path.split(os.sep)
        top = os.sep.join(parts[: self.depth])
        folders = parts[self.depth : -1]
        if top in self.lettered:
            label = os.sep.join(folders[1:])
        else:
            label = folders[0] if folders else self.labels.get(parts[-1], "")
        return label, self.splits.get(top)

    def described(self) -> str:
        """Its name, and what each folder of a split is taken for."""
        roles = [f"{folder}: {split or 'no split'}" for folder, split in self.splits.items()]
        return f"{self.name} ({', '.join(roles)})" if roles else self.name


def read_layout(root: Path, paths: Sequence[str]) -> Layout:
    """Find out how a tree is read.

    Folders are splits only when every first folder that holds pictures is named as one (or every
    one in a single folder `images`); otherwise the first folders are classes.

    Args:
        root: folder of the pictures.
        paths: of its pictures, relative to it.

    Raises:
        InputError: a list of Places365 that cannot be read.
    """
    parts = [path.split(os.sep)[:-1] for path in paths]
    first = {folders[0] for folders in parts if folders}
    depth = 1
    if first == {_WRAPPER}:
        depth = 2
        first = {os.sep.join(folders[:2]) for folders in parts if folders}
    named = {folder: _split_of(folder) for folder in sorted(first)}
    if not named or None in named.values():
        return _without_splits(parts)
    splits = dict(zip(named, settle(list(named.values())), strict=True))
    inside: dict[str, list[list[str]]] = {folder: [] for folder in splits}
    for folders in parts:
        if folders:
            inside[os.sep.join(folders[:depth])].append(folders[depth:])
    lettered = frozenset(folder for folder in splits if _is_lettered(inside[folder]))
    if not lettered and not first <= PLACES.keys():
        return Layout("split folders", depth, splits)
    labels, lists = _listed_labels(root)
    return Layout("Places365", depth, splits, lettered, labels, lists)


def _without_splits(parts: Sequence[Sequence[str]]) -> Layout:
    if not any(parts):
        return Layout("pictures without folders")
    if _is_lettered(parts):
        return Layout("Places365", lettered=frozenset({""}))
    return Layout("class folders")


def _split_of(folder: str) -> Split | None:
    name = os.path.basename(folder)
    return PLACES.get(name) or split_named(name)


def _is_lettered(parts: Iterable[Sequence[str]]) -> bool:
    """Whether all pictures lie in `<letter>/<scene that begins with it>`, and there are any."""
    found = False
    for folders in parts:
        if len(folders) < 2 or len(folders[0]) != 1 or not folders[1].startswith(folders[0]):
            return False
        found = True
    return found


def _listed_labels(root: Path) -> tuple[dict[str, str], tuple[Path, ...]]:
    """Classes of the validation pictures of Places365, where both lists are there."""
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
