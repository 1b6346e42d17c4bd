"""How a tree of pictures is read: which of its folders are splits, which are classes.

Known by their shape are

- Places365-Standard: `data_256/<letter>/<scene>[/<kind>]/*.jpg` (or `data_256_standard`,
  `data_large`) beside `val_256/Places365_val_*.jpg`, whose classes are in `places365_val.txt` and
  `categories_places365.txt`. A class is the scene without its letter, such as `field/cultivated`.
- colornet: `Train/` and `Test/`, or these two in `images/`.
- CycleGAN: `trainA/`, `trainB/`, `testA/`, `testB/`; the sides are classes A and B.
- any folders of splits: `train/`, `val/`, `test/`, or named after them, as COCO's `train2017/` and
  `val2017/` are; with folders of classes in them or without, and in single folders themselves.
  One folder that all of them have and nothing beside it, `train/images/`, is no class.
- folders of splits in each folder of a class: `sea/train/`, `sea/test/`; both of these also below
  folders that hold little else.
- folders of classes, and pictures in no folder, as in Landscape Pictures.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from colornet.cli_result import count_text
from colornet.data.splits import Split, resembles_split, split_named, trainable_splits
from colornet.errors import InputError, printable_name

LayoutChoice = Literal["auto", "splits", "classes"]
_DEEPEST = 4
"""Folders that are alone in theirs, which are searched for folders of splits."""
_NO_PART = 0.1
"""Share of the pictures that, lying beside folders of splits, are no part of the set: a logo."""
_NAMED = 8
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_SIDES = re.compile(r"(?:.*/)?(train|val|valid|test)_?([AB])", re.IGNORECASE | re.DOTALL)
"""Folders of CycleGAN: split and side."""
PLACES: dict[str, Split] = {
    **dict.fromkeys(("data_256", "data_256_standard"), "train"),
    **dict.fromkeys(("data_large", "data_large_standard"), "train"),
    **{f"{split}_{size}": split for split in ("val", "test") for size in ("256", "large")},
}
"""The folders that the archives of Places365 unpack to."""
_LISTS = ("places365_val.txt", "categories_places365.txt")
_LISTS_IN = ("", "filelist_places365-standard")


@dataclass(frozen=True)
class Layout:
    """How the pictures under a root are read.

    name: for people.
    depth: how many leading folders name the split, 0 where none does.
    splits: the official split of each such folder, by its path.
    lettered: those (or the root, "") whose classes are `<letter>/<scene>[/<kind>]`.
    labels: classes by file name, for pictures that lie in no class folder.
    lists: the files that `labels` come from.
    classes: the class of all pictures in such a folder, by its path, where it is known.
    left_out: folders beside the outermost of splits, and how many pictures lie there; "" for
        those in no folder.
    revised: whether the second rules once read it otherwise, so that older packs differ.
    """

    name: str
    depth: int = 0
    splits: dict[str, Split | None] = field(default_factory=dict)
    lettered: frozenset[str] = frozenset()
    labels: dict[str, str] = field(default_factory=dict)
    lists: tuple[Path, ...] = ()
    classes: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    revised: bool = False

    def class_and_split(self, path: str) -> tuple[str, Split | None] | None:
        """Class ("" for none) and official split of a picture, by its path under the root.

        None for one that is no part of the set.
        """
        parts = path.split(os.sep)
        top = os.sep.join(parts[: self.depth])
        if any(os.sep.join(parts[:depth]) in self.left_out for depth in range(1, len(parts))):
            return None
        if "" in self.left_out and top not in self.splits:
            return None
        folders = parts[self.depth : -1]
        if top in self.classes:
            label = self.classes[top]
        elif top in self.lettered:
            label = os.sep.join(folders[1:])
        else:
            label = folders[0] if folders else self.labels.get(parts[-1], "")
        return label, self.splits.get(top)

    def described(self) -> str:
        """Its name, and what each folder of a split is taken for."""
        roles = {folder: split or "no split" for folder, split in self.splits.items()}
        named = [f"{_listed([folder])}: {role}" for folder, role in roles.items()]
        if len(named) > _NAMED:
            counts = Counter(roles.values())
            named = [f"{count_text(count, 'folder')}: {role}" for role, count in counts.items()]
        text = f"{self.name} ({', '.join(named)})" if named else self.name
        if self.left_out:
            text += f", left out: {_with_counts(self.left_out)}"
        return text


def read_layout(
    root: Path, paths: Sequence[str], choice: LayoutChoice = "auto", rules: int = 2
) -> Layout:
    """Find out how a tree is read.

    By the first rules folders are splits only when every first folder that holds pictures is named
    as one (or every one in a single folder `images`); otherwise the first folders are classes.

    By the second, folders named after splits are splits, at any depth. What lies beside them is
    left out if it is little; where it is not, or where the only split is a held-out one, it is not
    guessed.

    Args:
        root: folder of the pictures.
        paths: of its pictures, relative to it.
        choice: `data.layout`.
        rules: `data.rules`.

    Raises:
        InputError: a list of Places365 that cannot be read; folders of splits beside others;
            no folders of splits where `choice` demands them.
    """
    parts = [path.split(os.sep)[:-1] for path in paths]
    tree = _Tree(root, parts)
    if rules == 1:
        return tree.by_first_rules()
    if choice == "classes":
        return tree.without_splits()
    depth = 1
    while depth < _DEEPEST:
        tops = Counter(os.sep.join(folders[:depth]) for folders in parts if folders)
        named = _splits_among(tops)
        shallow = any(len(folders) <= depth for folders in parts)
        if any(named.values()) or len(tops) != 1 or shallow:
            break
        depth += 1
    if not any(named.values()):
        return tree.below(choice)
    splits = {folder: split for folder, split in named.items() if split}
    others = tree.beside(depth, splits)
    if others.keys() == {""} and set(splits.values()) == {"train"}:
        others = {}  # nothing is held out, by hash or not: these are split like the others
    if others and choice == "auto":
        if set(splits.values()) == {"train"}:
            if all(resembles_split(os.path.basename(folder)) for folder in others if folder):
                raise tree.ambiguous(splits, others)
            return tree.below(choice)  # a class of trains among others
        if set(splits.values()) <= {"val", "test"} or sum(others.values()) > _NO_PART * len(parts):
            raise tree.ambiguous(splits, others)
    revised = _splits_among(tops, rules=1) != named or "" in others
    return tree.settled(depth, splits, others, revised)


@dataclass(frozen=True)
class _Tree:
    """The folders that each picture under a root lies in, the outermost first."""

    root: Path
    parts: Sequence[Sequence[str]]

    def settled(
        self, depth: int, splits: dict[str, Split], others: Mapping[str, int], revised: bool
    ) -> Layout:
        """The layout of folders of splits, without what is alone in each of them."""
        while deeper := self._repeated(depth, splits):
            depth, splits = depth + 1, deeper
        while deeper := self._wrapped(depth, splits):
            depth, splits, revised = depth + 1, deeper, True
        return replace(self._with_splits(depth, splits, others), revised=revised)

    def _repeated(self, depth: int, splits: Mapping[str, Split]) -> dict[str, Split]:
        """The folders of splits within those of the same names, as archives unpack."""
        inner: dict[str, Split] = {}
        for folders in self.parts:
            if split := splits.get(top := os.sep.join(folders[:depth])):
                if len(folders) <= depth or folders[depth] != os.path.basename(top):
                    return {}
                inner[os.path.join(top, folders[depth])] = split
        return inner

    def _wrapped(self, depth: int, splits: Mapping[str, Split]) -> dict[str, Split]:
        """The only folder in each of those of splits, where its name is one: it is no class."""
        inside = [f[depth:] for f in self.parts if os.sep.join(f[:depth]) in splits]
        names = {tuple(folders[:1]) for folders in inside}
        if len(names) != 1 or _is_lettered(inside) or any(map(_SIDES.fullmatch, splits)):
            return {}
        (name,) = names
        return {os.path.join(top, *name): split for top, split in splits.items()} if name else {}

    def by_first_rules(self) -> Layout:
        inside = [folders for folders in self.parts if folders]
        depth = 2 if {folders[0] for folders in inside} == {"images"} else 1
        first = {os.sep.join(folders[:depth]) for folders in inside}
        named = {folder: _split_of(folder, rules=1) for folder in sorted(first)}
        splits = {folder: split for folder, split in named.items() if split}
        if not named or len(splits) < len(named):
            return self.without_splits(named=False)
        return self._with_splits(depth, splits, {})

    def _with_splits(
        self, depth: int, named: Mapping[str, Split], others: Mapping[str, int]
    ) -> Layout:
        splits = dict(zip(named, trainable_splits(list(named.values())), strict=True))
        inside: dict[str, list[Sequence[str]]] = {folder: [] for folder in splits}
        for folders in self.parts:
            if (top := os.sep.join(folders[:depth])) in inside:
                inside[top].append(folders[depth:])
        matches = map(_SIDES.fullmatch, splits)
        sides = {match[0]: match[2].upper() for match in matches if match}
        lettered = frozenset(folder for folder in splits if _is_lettered(inside[folder]))
        if not lettered and not splits.keys() <= PLACES.keys():
            name = "CycleGAN" if sides else "split folders"
            return Layout(name, depth, splits, classes=sides, left_out=others)
        labels, lists = listed_labels(self.root)
        return Layout("Places365", depth, splits, lettered, labels, lists, left_out=others)

    def below(self, choice: LayoutChoice) -> Layout:
        """Folders of splits that lie deeper: below another folder, or in each of those of classes.

        Without any the first folders are classes.

        Raises:
            InputError: as `read_layout`.
        """
        holders_by_parent = _holders(self.parts)
        if len(holders_by_parent) > 1:
            held = [os.sep.join(h) for holders in holders_by_parent.values() for h in holders]
            raise InputError(
                f"{self.root}: folders named after splits lie in several: "
                f"{_listed(sorted(held))}.\n"
                "Give one of those above them as data.root; data.layout=classes takes each of the "
                "first folders for a class."
            )
        if not holders_by_parent:
            if choice == "splits":
                raise InputError(
                    f"data.layout: splits: no folder in {self.root} is named after a split.\n"
                    "Known are train, val, eval, dev, holdout and test, and names with these words."
                )
            return self.without_splits()
        ((above, holders),) = holders_by_parent.items()
        depth = len(above) + 2
        splits = {
            os.sep.join((*holder, name)): split
            for holder, named in sorted(holders.items())
            for name, split in named.items()
            if split
        }
        others = self.beside(depth, splits)
        if choice == "auto" and sum(others.values()) > _NO_PART * len(self.parts):
            raise self.ambiguous(splits, others)
        if len(holders) == 1:
            return self.settled(depth, splits, others, revised=True)
        classes = {folder: folder.split(os.sep)[-2] for folder in splits}
        official = dict(zip(splits, trainable_splits(list(splits.values())), strict=True))
        name = "class folders with split folders"
        revised = bool(above or others)
        return Layout(name, depth, official, classes=classes, left_out=others, revised=revised)

    def beside(self, depth: int, splits: Mapping[str, Split]) -> dict[str, int]:
        """What is in no folder of a split, by its outermost folder; "" for none of these."""
        tops = (folder.split(os.sep) for folder in splits)
        above = {os.sep.join(top[:length]) for top in tops for length in range(depth)}
        counts = Counter[str]()
        for folders in self.parts:
            if os.sep.join(folders[:depth]) not in splits:
                tops = (os.sep.join(folders[:length]) for length in range(1, len(folders) + 1))
                counts[next((top for top in tops if top not in above), "")] += 1
        return dict(counts)

    def ambiguous(self, splits: Mapping[str, Split], others: Mapping[str, int]) -> InputError:
        return InputError(
            f"{self.root}: {_listed(splits)} {'is' if len(splits) == 1 else 'are'} named after "
            f"splits, but beside them lie {_with_counts(others)}.\n"
            "Say what they are: data.layout=splits leaves the others out, data.layout=classes "
            "takes each folder for a class."
        )

    def without_splits(self, *, named: bool = True) -> Layout:
        if not any(self.parts):
            return Layout("pictures without folders")
        if _is_lettered(self.parts):
            return Layout("Places365", lettered=frozenset({""}))
        classes = sorted({folders[0] for folders in self.parts if folders})
        return Layout(f"class folders ({_listed(classes)})" if named else "class folders")


_Holders = dict[tuple[str, ...], dict[str, Split | None]]


def _holders(parts: Sequence[Sequence[str]]) -> dict[tuple[str, ...], _Holders]:
    """Folders that hold folders of splits, by the one above them; the outermost alone.

    Those that hold nothing else count with the others in the folder above: `land/train/` beside
    `sea/train/` and `sea/test/`.
    """
    inside: dict[tuple[str, ...], Counter[str]] = {}
    loose: set[tuple[str, ...]] = set()
    for folders in set(map(tuple, parts)):
        loose.add(folders)
        for depth, name in enumerate(folders):
            inside.setdefault(folders[:depth], Counter())[name] += 1
    holders_by_parent: dict[tuple[str, ...], _Holders] = {}
    for holder, names in inside.items():
        named = _splits_among(names)
        complete = all(named.values()) and holder not in loose
        if holder and (complete or _is_split(named.values())):
            holders_by_parent.setdefault(holder[:-1], {})[holder] = named
    every = {
        above: holders
        for above, holders in holders_by_parent.items()
        if _is_split(split for named in holders.values() for split in named.values())
    }
    inner = {above for above in every for depth in range(len(above)) if above[:depth] in every}
    return {above: holders for above, holders in every.items() if above not in inner}


def _is_split(splits: Iterable[Split | None]) -> bool:
    """Whether some are for training and some for holding out."""
    return {"train"} < set(splits) - {None}


def _splits_among(tops: Mapping[str, int], rules: int = 2) -> dict[str, Split | None]:
    """What each of some folders is, from all of their names.

    Names with a word for a split in them count where there are such for training and for holding
    out: `train2017` beside `val2017`, but not `train_station` beside `street`.
    """
    exact = {folder: _split_of(folder, rules) for folder in sorted(tops)}
    loose = {folder: split or _split_within(folder, rules) for folder, split in exact.items()}
    return loose if _is_split(loose.values()) else exact


def _split_within(folder: str, rules: int) -> Split | None:
    if side := _SIDES.fullmatch(folder):
        return split_named(side[1])
    words = _WORDS.findall(os.path.basename(folder))
    splits = {split for word in words if (split := split_named(word, rules))}
    return splits.pop() if len(splits) == 1 else None


def _with_counts(folders: Mapping[str, int]) -> str:
    named = [f"{name} ({count_text(n, 'picture')})" for name, n in folders.items() if name]
    loose = [f"{count_text(folders[''], 'picture')} in no such folder"] if "" in folders else []
    return _listed([*named, *loose])


def _listed(names: Iterable[str]) -> str:
    """Names in a line that ends."""
    every = [
        printable_name(os.fsencode(name).decode("utf-8", "backslashreplace")) for name in names
    ]
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more


def _split_of(folder: str, rules: int = 2) -> Split | None:
    name = os.path.basename(folder)
    return PLACES.get(name) or split_named(name, rules)


def _is_lettered(parts: Iterable[Sequence[str]]) -> bool:
    """Whether all pictures lie in `<letter>/<scene that begins with it>`, and there are any."""
    every = list(parts)
    return bool(every) and all(
        len(folders) > 1 and len(folders[0]) == 1 and folders[1].startswith(folders[0])
        for folders in every
    )


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
    numbered = []
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
        numbered.append((name.strip(), int(number)))
    return numbered
