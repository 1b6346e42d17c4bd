"""The same pictures side by side: grey, truth, and what trials, or sweeps, made of them."""

import base64
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image, UnidentifiedImageError

from reports.answers.health import FLAGS
from reports.format import json_number, settings_text
from reports.tables import FAILED_STATES, SweepTables

MOST = 24
"""Trials whose pictures are embedded by default."""
SHOWN = 3
MOST_LEVELS = 8
"""Columns that are shown at first; for a compared design, which has one for each of its levels."""
PALEST, WORST = CONTRASTS = ("the palest", "the worst")
"""What is shown beside the best, as they look much alike."""
SMALL = 96
"""Pictures up to this side are enlarged without smoothing, so that their pixels can be judged."""
LARGE = 160
QUALITY = 90
"""Larger pictures are packed with a loss that the eye does not see: a page is to stay small."""
METADATA = {"exif", "xmp", "icc_profile"}
"""Metadata that a picture may carry and a report must not."""
WASHED_OUT = 0.6
"""Share of the truth's colorfulness below which a picture is plainly paler than it should be."""
MAX_COMPARED = 8
"""Pictures beside each other of several sweeps."""
KINDS = (("grey", "Grey (input)"), ("truth", "Truth"))


class Tile(NamedTuple):
    """One picture; `source` is a data URI, empty where there is no readable picture.

    `ratio` is its colorfulness over the truth's.
    """

    source: str
    small: bool
    ab_mae: float | None
    ratio: float | None


class GalleryColumn(NamedTuple):
    """A column's heading: grey, truth or a trial with its rank, and what else it is.

    `number` is the trial's, -1 for grey and truth, which always stay in view.
    """

    title: str
    trial: str
    rank: int | None
    number: int
    why: str
    shown: bool


class GalleryInfo(NamedTuple):
    """`rows` are (name of the picture, one tile per column); `recorded` counts trials with some."""

    columns: tuple[GalleryColumn, ...]
    rows: tuple[tuple[str, tuple[Tile, ...]], ...]
    recorded: int
    missing: str


class SideBySide(NamedTuple):
    """Pictures that several sweeps share.

    `rows` are (name of the picture, a data URI per column, "" where there is none).
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    missing: str


EMPTY = Tile("", True, None, None)


def prepare(sweep: SweepTables, most: int = MOST) -> GalleryInfo:
    """Tiles of the fixed pictures for at most `most` trials that have some, the best first.

    They are the common pictures where the study has some, else each trial's own held-out ones. A
    compared design shows one trial of every level, all of the same seed if none was lost.
    """
    if most < 1:
        return GalleryInfo((), (), 0, "This page was built without pictures.")
    recorded = sweep.records.pictured()
    if not recorded:
        return GalleryInfo((), (), 0, "No pictures are recorded yet.")
    chosen = embedded(sweep, recorded, most)
    frame = _fixed(sweep, list(chosen)).sort_values(["number", "tick"], kind="stable")
    tiles, names = _tiles(frame)
    chosen = {trial: why for trial, why in chosen.items() if any(key == trial for key, _ in tiles)}
    if not chosen:
        return GalleryInfo((), (), len(recorded), "No trial that can be shown has pictures yet.")
    columns = [GalleryColumn(title, kind, None, -1, "", True) for kind, title in KINDS]
    columns += _columns(sweep, chosen)
    rows = tuple(
        (name, tuple(tiles.get((column.trial, digest), EMPTY) for column in columns))
        for digest, name in names.items()
    )
    return GalleryInfo(tuple(columns), rows, len(recorded), "")


def embedded(sweep: SweepTables, recorded: set[str], most: int) -> dict[str, str]:
    """Which trials' pictures go into the page: {trial: what else it is}, the best first.

    The points that the study starts from, one trial for each way of failing, the palest and the
    worst are among them where there is room beside the best.
    """
    ranked = [trial for trial in sweep.ranked["trial_id"] if trial in recorded]
    others: dict[str, str] = {}
    searched = sweep.searched[sweep.searched["trial_id"].isin(recorded)]
    for trial in searched.loc[searched["origin"] == "start_from", "trial_id"]:
        others.setdefault(trial, "a starting point")
    for trial, why in _failures(sweep, searched, ranked):
        others.setdefault(trial, why)
    leading = ranked[: max(most - len(others), min(SHOWN, most))]
    chosen = list(dict.fromkeys([*leading, *others]))[:most]
    return {trial: others.get(trial, "") for trial in chosen}


def _failures(
    sweep: SweepTables, searched: pd.DataFrame, ranked: list[str]
) -> list[tuple[str, str]]:
    """One trial for each way in which trials fail."""
    examples = []
    for state in (*FAILED_STATES, "pruned"):
        examples += [(t, state) for t in searched.loc[searched["state"] == state, "trial_id"][:1]]
    names = set(searched["trial_id"])  # not replicates that represent a point whose own row is gone
    worst_first = pd.Index([trial for trial in reversed(ranked) if trial in names], dtype=str)
    trials = sweep.trials.set_index("trial_id")
    for column, words in FLAGS.items():
        raised = sweep.last_values(column).set_axis(trials.index).reindex(worst_first) == 1
        examples += [(str(trial), words) for trial in worst_first[raised][:1]]
    prefix = "eval" if sweep.records.study.get("evaluate_on") else "val"
    ratio = sweep.last_values(f"{prefix}_colorfulness_ratio").set_axis(trials.index)
    ratio = ratio.reindex(worst_first).dropna()
    if len(ratio) and ratio.min() < WASHED_OUT:
        examples.append((str(ratio.idxmin()), PALEST))
    if len(ranked) > SHOWN:
        examples.append((ranked[-1], WORST))
    return examples


def _columns(sweep: SweepTables, chosen: dict[str, str]) -> list[GalleryColumn]:
    compared = bool((sweep.points["basis"] == "compare").any())
    varied = [dimension.name for dimension in sweep.dimensions]
    trials = sweep.trials.set_index("trial_id")
    columns = []
    for index, (trial, why) in enumerate(chosen.items()):
        row = trials.loc[trial]
        rank = int(row["rank"]) if np.isfinite(row["rank"]) else None
        title = f"#{rank}" if rank else str(row["state"])
        if compared and rank:
            title = f"#{rank} {settings_text(row['point'], varied)}"
        shown = index < (MOST_LEVELS if compared else SHOWN) or why in CONTRASTS
        columns.append(GalleryColumn(title, trial, rank, int(row["number"]), why, shown))
    return columns


def _tiles(frame: pd.DataFrame) -> tuple[dict[tuple[str, str], Tile], dict[str, str]]:
    """{(trial or kind, picture's hash): tile} and {picture's hash: name}."""
    tiles: dict[tuple[str, str], Tile] = {}
    names: dict[str, str] = {}
    truths = frame[frame["kind"] == "truth"]
    colorfulness = truths.reindex(columns=["colorfulness"])["colorfulness"]
    true = dict(zip(truths["picture_hash"], map(json_number, colorfulness), strict=True))
    for row in frame.to_dict("records"):
        key = row["trial_id"] if row["kind"] == "prediction" else row["kind"]
        if row["kind"] == "prediction":
            names.setdefault(row["picture_hash"], str(row["picture"]))
        elif (key, row["picture_hash"]) in tiles:
            continue  # the same for every trial
        tiles[key, row["picture_hash"]] = _tile(row, true.get(row["picture_hash"]))
    return tiles, names


def _tile(row: dict[str, Any], true_colorfulness: float | None) -> Tile:
    source, side = _packed(row["webp"])
    if not source:
        return EMPTY
    colorfulness, ratio = json_number(row.get("colorfulness")), None
    if colorfulness is not None and true_colorfulness and row["kind"] != "grey":
        ratio = colorfulness / true_colorfulness
    return Tile(source, side <= SMALL, json_number(row.get("ab_mae")), ratio)


def _packed(data: bytes) -> tuple[str, int]:
    """A picture as a data URI for the page, and its longer side; ("", 0) if unreadable."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            side = max(image.size)
            if image.format != "WEBP":
                return "", 0
            if side > LARGE or METADATA & image.info.keys():
                stream = io.BytesIO()
                packing = {"lossless": True} if side <= LARGE else {"quality": QUALITY}
                # Through an array: Pillow would copy EXIF and profiles of the opened file.
                Image.fromarray(np.asarray(image.convert("RGB"))).save(stream, "WEBP", **packing)
                data = stream.getvalue()
    except (UnidentifiedImageError, OSError, ValueError):
        return "", 0
    return f"data:image/webp;base64,{base64.b64encode(data).decode()}", side


def side_by_side(
    names: Sequence[str], sweeps: Sequence[SweepTables], trials: Sequence[str]
) -> SideBySide:
    """The fixed pictures that all sweeps share, by their content: grey, truth, each one's best.

    Args:
        trials: the configuration of each sweep; one without pictures is replaced by the
            next best that has some.
    """
    frames = [_fixed_pictures(sweep, trial) for sweep, trial in zip(sweeps, trials, strict=True)]
    pictures = [dict(zip(f["picture_hash"], f["picture"], strict=True)) for f in frames]
    hashes = [key for key in pictures[0] if all(key in other for other in pictures[1:])]
    if not hashes:
        return SideBySide((), (), "They have no fixed picture in common.")
    first = frames[0]
    columns = [first[first["kind"] == kind] for kind, _ in KINDS]
    columns += [frame[frame["kind"] == "prediction"] for frame in frames]
    data = [dict(zip(f["picture_hash"], f["webp"], strict=True)) for f in columns]
    rows = tuple(
        (str(pictures[0][key]), tuple(_packed(column.get(key, b""))[0] for column in data))
        for key in hashes[:MAX_COMPARED]
    )
    return SideBySide((*(title for _, title in KINDS), *names), rows, "")


def _fixed_pictures(sweep: SweepTables, trial: str) -> pd.DataFrame:
    """Of a trial, or of the next best that has some."""
    recorded = sweep.records.pictured()
    trials = [name for name in (trial, *sweep.ranked["trial_id"]) if name in recorded]
    frame = _fixed(sweep, trials[:1])
    return frame.drop_duplicates(["kind", "picture_hash"], keep="last")


def _fixed(sweep: SweepTables, trials: list[str]) -> pd.DataFrame:
    """The fixed pictures of some trials: the common ones where the study has some."""
    frame = sweep.records.pictures(trials, fixed=True)
    common = frame["split"] == "eval"
    return frame[common] if common.any() else frame
