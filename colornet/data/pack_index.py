"""What the index of a pack holds, looked at before anything relies on it."""

import re
from collections.abc import Callable
from typing import Any

from colornet.cli_result import count_text
from colornet.data.splits import SPLITS

MAX_INDEX = 1_000_000_000
"""Bytes: some 200 a picture."""
_HASH = re.compile("[0-9a-f]{8,128}")
_SIDES = (None, *SPLITS)


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
