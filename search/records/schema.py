"""Which rows of the records can be relied on: what anybody may have written is looked at here.

Names of trials become names of files, numbers order rows, and JSON becomes settings: a row in which
one of these is not what this project writes is left out, and said.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from colornet.cli_result import count_text
from colornet.config.reading import json_mapping
from colornet.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""Of a trial: it stands in paths and in names of processes."""
_NUMBERS = {
    "trials": ["seq", "number", "attempt", "seed"],
    "ticks": ["seq", "number", "attempt", "seed", "tick"],
    "pictures": ["seq", "number", "attempt", "seed"],
}
"""Columns that are never null, and never below 0."""
_TEXTS = ["state", "origin", "point_id", "kind", "split", "picture_hash"]
"""Columns of text no longer than LONGEST."""
_JSON = ["point", "distributions", "system_attrs", "config"]
"""Columns of JSON mappings."""
_BLANK = {"origin": "", "point_id": "", "point": "{}", "distributions": "{}", "system_attrs": "{}"}
"""What stands for a null; a configuration that was not recorded stays one."""
LARGEST = 2**53
"""Numbers above it are no counts: floats do not hold them."""
CENTURY = pd.Timestamp("2000", tz="UTC"), pd.Timestamp("2200", tz="UTC")
SECONDS = 3e9
"""A century of them."""
LONGEST = 200
LONGEST_JSON = 1_000_000


def sound(table: str, frame: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Which rows can be relied on, and why the others cannot.

    Args:
        frame: some columns of a table of the records.

    Returns:
        (N,) bool, and a sentence for each way in which rows are damaged.
    """
    kept, problems = np.ones(len(frame), dtype=bool), []
    looks: list[tuple[list[str], Callable[[pd.Series], np.ndarray], str]] = [
        (["trial_id"], _names, "is no name of a trial"),
        (_NUMBERS[table], _counts, "is no number that it can have"),
        (_TEXTS, _texts, "is no short text"),
        (_JSON, _mappings, "is no JSON mapping"),
        (["time"], _times, "is no time of this century"),
        (["seconds"], lambda values: _within(values, SECONDS), "is no time that a training takes"),
        (["images"], lambda values: _within(values, LARGEST), "is no number of pictures"),
    ]
    for columns, look, what in looks:
        for name in columns:
            if name not in frame:
                continue
            bad = kept & ~look(frame[name])
            if bad.any():
                shown = _shown(frame[name].to_numpy()[bad][0])
                rows = count_text(int(bad.sum()), "row")
                problems.append(f"records/{table}: {rows} left out: {name} {what}, such as {shown}")
                kept &= ~bad
    return kept, problems


def _shown(value: Any) -> str:
    try:
        return repr(value)[:60]
    except (ValueError, NotImplementedError):  # a time that no calendar has
        return "one that no calendar has"


def filled(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows, with something to read in place of nulls."""
    return frame.fillna({name: text for name, text in _BLANK.items() if name in frame})


def _each(values: pd.Series, is_good: Callable[[Any], bool]) -> np.ndarray:
    """Look once at each value that occurs; a null is none."""
    good = [value for value in values.dropna().unique() if is_good(value)]
    return (values.isna() | values.isin(good)).to_numpy(dtype=bool)


def _names(values: pd.Series) -> np.ndarray:
    return values.notna().to_numpy(dtype=bool) & _each(
        values, lambda one: isinstance(one, str) and bool(_NAME.fullmatch(one))
    )


def _texts(values: pd.Series) -> np.ndarray:
    return _each(values, lambda one: isinstance(one, str) and 0 < len(one) <= LONGEST)


def _mappings(values: pd.Series) -> np.ndarray:
    return _each(values, lambda one: _mapping(one) is not None)


def _mapping(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, str) or len(value) > LONGEST_JSON:
        return None
    try:
        return json_mapping(value, "")
    except InputError:
        return None


def _times(values: pd.Series) -> np.ndarray:
    return values.between(*CENTURY).to_numpy(dtype=bool)


def _within(values: pd.Series, most: float) -> np.ndarray:
    """A null is not known, and no damage."""
    return (values.isna() | values.between(0, most)).to_numpy(dtype=bool)


def _counts(values: pd.Series) -> np.ndarray:
    known = values.notna().to_numpy(dtype=bool)
    if not pd.api.types.is_numeric_dtype(values):
        return known
    return known & (values >= 0).to_numpy(dtype=bool) & (values <= LARGEST).to_numpy(dtype=bool)
