"""What the page shows of a single trial: curves, settings beside the base, how it went."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from reports.charts.losses import LOSSES
from reports.format import setting_text, time_text
from reports.tables import SweepTables
from spaces.dimensions import Dimension

WHOLE = 500
"""Up to this many trials curves have every tick and the losses; else `FEW` ticks of one metric."""
FEW = 30
MOST_LOGS = 300
"""Trials whose course and last lines are embedded: those that failed first."""
LINES = 40


def prepare(sweep: SweepTables) -> dict[str, Any]:
    """JSON-able data for the view of any trial.

    Returns:
        numbers (of the rows of the table of all trials), best (the number of the one that ranks
        first), base (the base config's value of each dimension), curves, and course: {number:
        lines of what happened to it}.
    """
    ranked = sweep.ranked["number"]
    base = sweep.records.study.get("base_config") or {}
    return {
        "numbers": [int(number) for number in sweep.trials["number"]],
        "best": int(ranked.iloc[0]) if len(ranked) else None,
        "base": {d.name: _base_value(base, d) for d in sweep.dimensions},
        "curves": curves(sweep),
        "course": course(sweep),
    }


def _base_value(base: dict[str, Any], dimension: Dimension) -> str | None:
    """The base config's value of a dimension; None for a bundle, which no config has."""
    value: Any = base
    for part in dimension.name.split("."):
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return setting_text(value)


def curves(sweep: SweepTables) -> dict[str, Any]:
    """The leading objective of every trial over pictures seen, and its losses.

    Returns:
        names and labels of the columns; start: for each row of `sweep.trials` and one beyond, where
        its ticks begin in images (int32) and in the values (float32) of each column, as typed
        arrays.
    """
    names = [sweep.leading.name]
    many = len(sweep.trials) > WHOLE
    if not many:
        names += sweep.reported(LOSSES)
    row_of = pd.Series(range(len(sweep.trials)), index=sweep.trials["trial_id"])
    ticks = sweep.ticks
    if sweep.leading.name not in ticks:
        ticks = ticks.iloc[:0]
    rows = ticks.assign(row=ticks["trial_id"].map(row_of)).dropna(subset="row")
    rows = rows.sort_values("row", kind="stable")
    if many:
        rows = rows.iloc[_few(rows["row"].to_numpy(dtype=int))]
    start = np.searchsorted(rows["row"].to_numpy(dtype=int), np.arange(len(sweep.trials) + 1))
    return {
        "names": names,
        "labels": [sweep.column(name).title for name in names],
        "start": _typed(start, "i4"),
        "images": _typed(rows["images"].to_numpy(), "i4"),
        "values": [
            _typed(rows[name].to_numpy(dtype=float) if name in rows else np.empty(0), "f4")
            for name in names
        ],
    }


def _few(where: np.ndarray) -> np.ndarray:
    """Places of at most `FEW` ticks of each trial, evenly spread, first and last among them."""
    starts = np.flatnonzero(np.diff(where, prepend=-1))
    lengths = np.diff(np.append(starts, len(where)))
    return np.concatenate(
        [
            start + np.unique(np.linspace(0, length - 1, min(length, FEW)).round().astype(int))
            for start, length in zip(starts, lengths, strict=True)
        ]
        or [np.empty(0, dtype=int)]
    )


def _typed(values: np.ndarray, dtype: str) -> dict[str, str]:
    """An array as Plotly writes one."""
    data = np.ascontiguousarray(values, dtype=f"<{dtype}").tobytes()
    return {"dtype": dtype, "bdata": base64.b64encode(data).decode()}


def course(sweep: SweepTables) -> dict[str, list[str]]:
    """What happened to trials that did not simply complete, and the last lines of their log."""
    states = sweep.records.states
    again = states.groupby("trial_id")["attempt"].transform("nunique") > 1
    notable = set(states.loc[again | states["log"].notna(), "trial_id"])
    notable |= set(sweep.trials.loc[sweep.trials["reason"].notna(), "trial_id"])
    trials = sweep.trials[sweep.trials["trial_id"].isin(notable)]
    trials = trials.assign(good=trials["state"].isin(("completed", "pruned")))
    trials = trials.sort_values(["good", "number"]).head(MOST_LOGS)
    states = states[states["trial_id"].isin(set(trials["trial_id"]))]
    return {
        str(int(rows["number"].iloc[0])): _lines(rows.to_dict("records"))
        for _, rows in states.groupby("trial_id", sort=False)
    }


def _lines(rows: Sequence[dict[Any, Any]]) -> list[str]:
    lines = []
    for row in rows:
        host = f" on {row['host']}" if isinstance(row["host"], str) else ""
        why = f": {row['reason']}" if isinstance(row["reason"], str) else ""
        lines.append(f"{time_text(row['time'], seconds=True)}  {row['state']}{host}{why}")
        if isinstance(row["log"], str):
            lines += [f"    {line}" for line in row["log"].splitlines()[-LINES:]]
    return lines
