"""What is missing of a sweep's records, though other parts of them are there.

Every part says how many rows of each table had been written by then, merging keeps all rows, and no
two rows have the same `seq`: where fewer are found than the newest part knows of, some are missing.
Parts of earlier releases say nothing; there, gaps in what each trial must have left show it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from colornet.cli_result import count_text
from colornet.config.reading import json_mapping
from colornet.errors import InputError
from colornet.storage import Storage
from search.records.parts import COUNTS, read_parts

NAMED = 5
"""Trials that are named in a sentence."""
ENDED = ("completed", "pruned")
"""States that no trial is in without ticks."""


@dataclass
class Tally:
    """Rows that the parts know of, and those that were found.

    Attributes:
        counted: whether any part that was read says how many there are.
    """

    expected: dict[str, int] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)
    counted: bool = False

    def add(self, metadata: dict[bytes, bytes] | None) -> None:
        """Note what a part says."""
        try:
            counts = json_mapping((metadata or {})[COUNTS], "")
        except (KeyError, InputError):
            return
        self.counted = True
        for table, count in counts.items():
            if type(count) is int:
                self.expected[table] = max(self.expected.get(table, 0), count)

    def missing_rows(self, storage: Storage) -> dict[str, int]:
        """Rows that are missing, by table.

        What seems to be missing is looked for once more: a sweep may go on while it is read.
        """
        missing = {}
        for table, count in self.read.items():
            expected = self.expected.get(table, 0)
            if count < expected:
                content, _ = read_parts(storage, table, columns=["seq"])
                count = len(content.column("seq").unique()) if content is not None else 0
            missing[table] = max(0, expected - count)
        return missing


def missing_trials(trials: pd.DataFrame, others: Iterable[pd.DataFrame]) -> list[str]:
    """Trials of which ticks, pictures or later numbers are there, and no row.

    Args:
        others: frames with trial_id and number.
    """
    numbers_of = {}
    for frame in others:
        rows = frame.drop_duplicates("trial_id")
        numbers_of |= dict(zip(rows["trial_id"], rows["number"], strict=True))
    recorded = set(trials["trial_id"])
    missing = {name: number for name, number in numbers_of.items() if name not in recorded}
    numbers = {*trials["number"], *missing.values()}
    last = max(numbers, default=-1)
    # Numbers are counted up: a much larger one is damage, and no sign of all those before it.
    if last < 10 * len(numbers) + 1000:
        missing |= {f"t{number:05d}": number for number in set(range(last + 1)) - numbers}
    return sorted(missing, key=lambda name: missing[name])


def missing_text(
    trials: pd.DataFrame,
    ticks: pd.DataFrame,
    pictured: set[str],
    missing: list[str],
    missing_rows: dict[str, int],
    *,
    counted: bool,
) -> dict[str, str]:
    """What is missing of each table, in words.

    Args:
        pictured: trials of which there are pictures.
        missing: trials without a row.
        missing_rows: by table.
        counted: whether `missing_rows` is known, and not to be guessed.
    """
    without = trials.loc[trials["state"].eq("completed"), "trial_id"]
    without = [name for name in without if name not in pictured]
    whose = {
        "trials": ("rows", missing),
        "ticks": ("ticks", _incomplete(trials, ticks)),
        "pictures": ("pictures", without),
    }
    texts = {}
    for table, (what, names) in whose.items():
        rows = missing_rows.get(table, 0)
        if not rows and (counted or not names):
            continue
        count = f" ({count_text(rows, 'row')})" if rows else ""
        if names:
            listed = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
            of = count_text(len(names), "trial")
            texts[table] = f"{what} of {of} are missing{count}: {listed}"
        else:
            texts[table] = f"{what} are missing{count}, of which trials is not known"
    return texts


def _incomplete(trials: pd.DataFrame, ticks: pd.DataFrame) -> list[str]:
    """Trials whose ticks are not there, or not all of those up to the last."""
    each = ticks.groupby("trial_id")["tick"].agg(["max", "nunique"])
    each = each.reindex(trials["trial_id"]).fillna(0).reset_index(drop=True)
    has_ticks = trials["state"].isin(ENDED).to_numpy(dtype=bool)
    last = each["max"].to_numpy(dtype=float)
    planned = trials["config"].map({text: _planned(text) for text in trials["config"].unique()})
    planned = planned.to_numpy(dtype=float)
    whole = np.where(trials["state"].eq("completed"), np.fmax(last, planned), last)
    short = (each["nunique"].to_numpy(dtype=float) < whole) | (has_ticks & (last == 0))
    return trials.loc[short, "trial_id"].tolist()


def _planned(config: object) -> float:
    """How many ticks a trial of a recorded config has; NaN where that is not known."""
    training = json.loads(config).get("training") if isinstance(config, str) else None
    ticks = training.get("ticks") if isinstance(training, dict) else None
    return float(ticks) if isinstance(ticks, int) else np.nan
