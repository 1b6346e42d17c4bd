"""What the best of several sweeps made of the same pictures."""

import base64
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from reports.tables import SweepTables

MAX_PICTURES = 8


class SideBySide(NamedTuple):
    """`rows` are (name of the picture, a data URI per column, "" where there is none)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    missing: str


def side_by_side(
    names: Sequence[str], sweeps: Sequence[SweepTables], trials: Sequence[str]
) -> SideBySide:
    """The fixed pictures that all sweeps share, by their content: grey, truth, each one's best.

    Args:
        trials: the configuration of each sweep; the next best with pictures stands in for one
            that has none.
    """
    frames = [_pictures(sweep, trial) for sweep, trial in zip(sweeps, trials, strict=True)]
    shared = [dict(zip(f["picture_hash"], f["picture"], strict=True)) for f in frames]
    hashes = [one for one in shared[0] if all(one in other for other in shared[1:])]
    if not hashes:
        return SideBySide((), (), "They have no fixed picture in common.")
    first = frames[0]
    columns = [_of(first, "grey"), _of(first, "truth")]
    columns += [_of(frame, "prediction") for frame in frames]
    rows = tuple(
        (str(shared[0][one]), tuple(column.get(one, "") for column in columns))
        for one in hashes[:MAX_PICTURES]
    )
    return SideBySide(("Grey (input)", "Truth", *names), rows, "")


def _pictures(sweep: SweepTables, trial: str) -> pd.DataFrame:
    ranked = sweep.ranked["trial_id"].tolist()
    recorded = sweep.records.pictured()
    shown = next((one for one in [trial, *ranked] if one in recorded), None)
    frame = sweep.records.pictures([shown] if shown else [], fixed=True)
    if (common := frame["split"] == "eval").any():
        frame = frame[common]
    return frame.drop_duplicates(["kind", "picture_hash"], keep="last")


def _of(frame: pd.DataFrame, kind: str) -> dict[str, str]:
    own = frame[frame["kind"] == kind]
    return {
        digest: f"data:image/webp;base64,{base64.b64encode(data).decode()}"
        for digest, data in zip(own["picture_hash"], own["webp"], strict=True)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    }
