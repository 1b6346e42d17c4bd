"""Which files are pictures, and how they are found: one table for all that looks at files."""

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from PIL import features

from colornet.errors import os_error_reason

_SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
    "AVIF": (".avif", ".avifs"),
    "HEIF": (".heic", ".heif", ".hif"),
}
PICTURES: Mapping[str, str] = MappingProxyType(
    {suffix: name for name, suffixes in _SUFFIXES.items() for suffix in suffixes}
)
"""Suffixes of picture files, and the format by which Pillow knows them. AVIF and HEIF are read
where the installed libraries can."""
FIRST_RULES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
"""The suffixes that `data.rules: 1` reads, whose contents are of these formats, too."""

_KINDS_NAMED = 6
_HEIC_EXTRA = "pip install 'colorsweep[heic]'"


@cache
def suffixes(rules: int = 2) -> tuple[str, ...]:
    """Suffixes, in small letters, of the files that are read as pictures here."""
    candidates = FIRST_RULES if rules == 1 else PICTURES
    return tuple(sorted(suffix for suffix in candidates if _reads(PICTURES[suffix])))


@cache
def formats(rules: int = 2) -> tuple[str, ...]:
    """The formats that Pillow may take a file for, whatever its suffix is."""
    read = suffixes(rules)
    names = tuple(dict.fromkeys(kind for suffix, kind in PICTURES.items() if suffix in read))
    if ".dib" in read:
        names += ("DIB",)  # a BMP without the header of the file
    if "HEIF" in names:
        import pillow_heif

        pillow_heif.register_heif_opener()
    return names


def formats_named(rules: int = 2) -> str:
    """The formats as words: `JPEG, PNG, … or HEIF`."""
    kinds = (kind for kind in formats(rules) if kind != "DIB")
    *others, last = ("WebP" if kind == "WEBP" else kind for kind in kinds)
    return f"{', '.join(others)} or {last}"


def _reads(kind: str) -> bool:
    if kind == "HEIF":
        return find_spec("pillow_heif") is not None
    return kind != "AVIF" or bool(features.check("avif"))


def suffix_of(path: str | os.PathLike[str]) -> str:
    """The suffix in small letters, empty where there is none."""
    return os.path.splitext(path)[1].lower()


@dataclass(frozen=True)
class FolderContents:
    """Files of a folder by their paths under it: pictures in order, and what else lies there.

    passed_over: number of other files by suffix, "" for those without one.
    unread: folders within that cannot be read, and why.
    """

    pictures: list[str]
    passed_over: Mapping[str, int]
    unread: Mapping[str, str]


def find_pictures(root: Path, rules: int = 2, apart_from: Path | None = None) -> FolderContents:
    """The pictures under a folder.

    Hidden names are passed over in silence; links to folders are followed, but each folder is
    entered once. Links that lead nowhere are files: opening them says why.

    Args:
        apart_from: a folder that is not looked into.

    Raises:
        OSError: the folder itself cannot be read.
    """
    pictures, others, unread = [], Counter[str](), dict[str, str]()
    for path in _walk(root, apart_from, unread):
        if (suffix := suffix_of(path)) in suffixes(rules):
            pictures.append(path)
        else:
            others[suffix] += 1
    return FolderContents(sorted(pictures), others, unread)


def passed_over_text(passed_over: Mapping[str, int]) -> str:
    """What was passed over, for people: `900 .heic, 9 .txt: not read`; empty for nothing."""
    if not passed_over:
        return ""
    # Other pictures first: they are what is missed.
    kinds = sorted(
        passed_over, key=lambda suffix: (suffix not in PICTURES, -passed_over[suffix], suffix)
    )
    named = []
    for kind in kinds[:_KINDS_NAMED]:
        readable = kind.encode("ascii", "backslashreplace").decode()[:20]
        named.append(f"{passed_over[kind]:,} {readable or 'without a suffix'}")
    if rest := sum(passed_over[kind] for kind in kinds[_KINDS_NAMED:]):
        named.append(f"{rest:,} of {len(kinds) - _KINDS_NAMED} other kinds")
    has_heif = any(PICTURES.get(suffix) == "HEIF" for suffix in kinds)
    remedy = f" ({_HEIC_EXTRA} to read them)" if has_heif else ""
    return f"{', '.join(named)}: not read{remedy}"


def format_mismatch(root: Path, there: Collection[str]) -> str:
    """What this machine does not take for a picture but another does, or the other way round.

    Args:
        root: a folder of pictures.
        there: the other machine's `suffixes()`.

    Returns:
        a sentence with the remedy; empty where no file of the folder is read otherwise.
    """
    differ = set(suffixes()) ^ set(there)
    for file in _walk(root, None, {}) if differ and root.is_dir() else ():
        if (suffix := suffix_of(file)) not in differ:
            continue
        is_heif = PICTURES.get(suffix) == "HEIF"
        remedy = _HEIC_EXTRA if is_heif else "install the same colorsweep and Pillow"
        if suffix in suffixes():
            return f"reads {root / file}, which the machine that began does not: {remedy} there."
        return f"does not read {root / file}, as the machine that began does: {remedy} here."
    return ""


def is_folder(item: os.DirEntry[str]) -> bool:
    """Whether it is a folder or leads to one; a link that leads round in a circle does not."""
    try:
        return item.is_dir()
    except OSError:
        return False


def _walk(root: Path, apart_from: Path | None, unread: dict[str, str]) -> Iterator[str]:
    """Relative paths of the files that are not hidden; every folder is entered once.

    Folders within the root that cannot be read are noted in `unread`, with the reason.
    """
    seen: set[tuple[int, int]] = set()
    if apart_from is not None and os.path.isdir(apart_from):
        status = os.stat(apart_from)
        seen.add((status.st_dev, status.st_ino))
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            status = os.stat(root / folder)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(root / folder) as entries:
                items = sorted(entries, key=lambda item: item.name, reverse=True)
        except OSError as error:
            if not folder:
                raise
            unread[folder] = os_error_reason(error)
            continue
        for item in items:
            if item.name.startswith("."):
                continue
            path = os.path.join(folder, item.name)
            if is_folder(item):
                waiting.append(path)
            else:
                yield path
