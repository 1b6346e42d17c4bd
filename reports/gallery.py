"""The same test pictures side by side: grey, truth, and what the best made of them."""

import base64
import io
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from reports.levels import setting_text
from reports.tables import SweepTables

TOP = 4
MOST_LEVELS = 8
"""Columns for a compared design, which has one for each of its levels."""
SMALL = 96
"""Pictures up to this side are enlarged without smoothing, so that their pixels can be judged."""
KINDS = (("grey", "Grey (input)"), ("truth", "Truth"))


class Tile(NamedTuple):
    """One picture; `source` is a data URI, empty where there is no readable picture."""

    source: str
    small: bool
    ab_mae: float | None
    colorfulness: float | None


class GalleryColumn(NamedTuple):
    """A column's heading: grey, truth or a trial with its rank."""

    title: str
    trial: str
    rank: int | None


class GalleryInfo(NamedTuple):
    """`rows` are (name of the picture, one tile per column)."""

    columns: tuple[GalleryColumn, ...]
    rows: tuple[tuple[str, tuple[Tile, ...]], ...]
    missing: str
    what: str = "the best configurations"


EMPTY = Tile("", True, None, None)


def prepare(sweep: SweepTables, top: int = TOP) -> GalleryInfo:
    """Tiles of the fixed pictures for the `top` best trials that have some.

    They are the common pictures where the study has some, else each trial's own held-out ones. A
    compared design shows one trial of every level, all of the same seed if none was lost.
    """
    frame = sweep.records.pictures()
    if frame.empty or "webp" not in frame:
        return GalleryInfo((), (), "No pictures are recorded yet.")
    searched = sweep.searched["trial_id"]
    frame = frame[frame["fixed"].astype(bool) & frame["webp"].notna()]
    frame = frame[frame["trial_id"].isin(searched)]
    if (common := frame["split"] == "eval").any():
        frame = frame[common]
    compared = (sweep.points["basis"] == "compare").any()
    top = MOST_LEVELS if compared else top
    if "tick" in frame:
        frame = frame.sort_values(["number", "tick"], kind="stable")
    tiles: dict[tuple[str, str], Tile] = {}
    names: dict[str, str] = {}
    chosen = sweep.ranked["trial_id"].tolist()
    wanted = set(chosen)
    for row in frame.to_dict("records"):
        key = row["trial_id"] if row["kind"] == "prediction" else row["kind"]
        if row["kind"] == "prediction" and key not in wanted:
            continue
        names.setdefault(row["picture_hash"], str(row["picture"]))
        tiles[key, row["picture_hash"]] = _tile(row)
    trials = [trial for trial in chosen if any(key == trial for key, _ in tiles)][:top]
    if not trials:
        return GalleryInfo((), (), "No trial that can be ranked has pictures yet.")
    columns = [GalleryColumn(title, kind, None) for kind, title in KINDS]
    known = sweep.ranked.set_index("trial_id")
    varied = [dimension.name for dimension in sweep.dimensions]
    for trial in trials:
        rank, point = int(known.loc[trial, "rank"]), known.loc[trial, "point"]
        title = f"#{rank} {setting_text(point, varied)}" if compared else f"#{rank}"
        columns.append(GalleryColumn(title, trial, rank))
    rows = tuple(
        (name, tuple(tiles.get((column.trial, digest), EMPTY) for column in columns))
        for digest, name in names.items()
    )
    what = "each level" if compared else "the best configurations"
    return GalleryInfo(tuple(columns), rows, "", what)


def _tile(row: dict[str, Any]) -> Tile:
    size = _size(row["webp"])
    if size is None:
        return EMPTY
    return Tile(
        source=f"data:image/webp;base64,{base64.b64encode(row['webp']).decode()}",
        small=max(size) <= SMALL,
        ab_mae=_number(row.get("ab_mae")),
        colorfulness=_number(row.get("colorfulness")),
    )


def _size(data: bytes) -> tuple[int, int] | None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.size if image.format == "WEBP" else None
    except (UnidentifiedImageError, OSError, ValueError):
        return None


def _number(value: Any) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None
