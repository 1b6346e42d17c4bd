"""What is missing of a sweep's records, though other parts of them are there.

Every part says how many rows of each table had been written by then, merging keeps all rows, and no
two rows have the same `seq`: where fewer are found than the newest part knows of, some are gone.
Parts of earlier releases say nothing; there a gap in what each trial must have left tells.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from colornet.cli_result import count_text
from colornet.config.reading import json_mapping
from colornet.errors import InputError
from colornet.storage import Storage
from search.records.parts import COUNTS, read_parts

NAMED = 5
ENDED = ("completed", "pruned")
"""States that no trial is in without ticks."""


@dataclass
class Tally:
    """Rows that the parts know of, and those that were found.

    Attributes:
        counted: whether any part that was read says how many there are.
    """

    expected: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    counted: bool = False

    def add(self, metadata: dict[bytes, bytes] | None) -> None:
        """Note what a part says."""
        try:
            said = json_mapping((metadata or {})[COUNTS], "")
        except (KeyError, InputError):
            return
        counts = {table: count for table, count in said.items() if type(count) is int}
        self.counted = True
        for table, count in counts.items():
            self.expected[table] = max(self.expected.get(table, 0), count)

    def known(self, table: str) -> int:
        """Rows that were written of a table."""
        return max(self.expected.get(table, 0), self.found.get(table, 0))

    def lost(self, storage: Storage) -> dict[str, int]:
        """Rows that are gone, by table.

        What seems to be missing is looked for once more: a sweep may go on while it is read.
        """
        lost = {}
        for table, found in self.found.items():
            expected = self.expected.get(table, 0)
            if found < expected:
                content, _ = read_parts(storage, table, columns=["seq"])
                found = len(content.column("seq").unique()) if content is not None else 0
            lost[table] = max(0, expected - found)
        return lost


def gone_trials(trials: pd.DataFrame, others: Iterable[pd.DataFrame]) -> list[str]:
    """Trials of which ticks, pictures or later numbers are there, and no row.

    Args:
        others: frames with trial_id and number.
    """
    names = {}
    for frame in others:
        rows = frame.drop_duplicates("trial_id")
        names |= dict(zip(rows["trial_id"], rows["number"], strict=True))
    known = set(trials["trial_id"])
    gone = {name: number for name, number in names.items() if name not in known}
    numbers = {*trials["number"], *gone.values()}
    last = max(numbers, default=-1)
    if last < 10 * len(numbers) + 1000:  # else it is no number that was counted up to
        gone |= {f"t{number:05d}": number for number in set(range(last + 1)) - numbers}
    return sorted(gone, key=lambda name: gone[name])


def losses(
    trials: pd.DataFrame,
    ticks: pd.DataFrame,
    pictured: set[str],
    gone: list[str],
    lost: dict[str, int],
    *,
    counted: bool,
) -> dict[str, str]:
    """What is gone of each table, in words.

    Args:
        pictured: trials of which there are pictures.
        gone: trials without a row.
        lost: rows that are gone, by table.
        counted: whether `lost` is known, and not to be guessed.
    """
    torn = _incomplete(trials, ticks)
    without = trials.loc[trials["state"].eq("completed"), "trial_id"]
    without = [name for name in without if name not in pictured]
    found = {"trials": ("rows", gone), "ticks": ("ticks", torn), "pictures": ("pictures", without)}
    said = {}
    for table, (what, names) in found.items():
        rows = lost.get(table, 0)
        if not rows and (counted or not names):
            continue
        count = f" ({count_text(rows, 'row')})" if rows else ""
        if names:
            whose = count_text(len(names), "trial")
            listed = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
            said[table] = f"{what} of {whose} are gone{count}: {listed}"
        else:
            said[table] = f"{what} are gone{count}, of which trials is not known"
    return said


def without_ticks(trials: pd.DataFrame, ticks: pd.DataFrame) -> int:
    """How many trials have no tick, though their state is none without."""
    ended = trials.loc[trials["state"].isin(ENDED), "trial_id"]
    return int((~ended.isin(ticks["trial_id"])).sum())


def _incomplete(trials: pd.DataFrame, ticks: pd.DataFrame) -> list[str]:
    """Trials whose ticks are not there, or not all of those up to the last."""
    each = ticks.groupby("trial_id")["tick"].agg(["max", "nunique"])
    each = each.reindex(trials["trial_id"]).fillna(0).reset_index(drop=True)
    must = trials["state"].isin(ENDED).to_numpy(dtype=bool)
    last = each["max"].to_numpy(dtype=float)
    asked = np.array(list(_asked(trials)), dtype=float)
    whole = np.where(trials["state"].eq("completed"), np.fmax(last, asked), last)
    short = (each["nunique"].to_numpy(dtype=float) < whole) | (must & (last == 0))
    return trials.loc[short, "trial_id"].tolist()


def _asked(trials: pd.DataFrame) -> Iterator[float]:
    """How many ticks each trial was to have."""
    known: dict[Any, float] = {}
    for text in trials["config"]:
        if text not in known:
            config = json.loads(text) if isinstance(text, str) else {}
            training = config.get("training")
            ticks = training.get("ticks") if isinstance(training, dict) else None
            known[text] = float(ticks) if isinstance(ticks, int) else np.nan
        yield known[text]
