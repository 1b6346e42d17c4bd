"""What a sweep writes to the disk, and whether there is room for it."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from colornet.errors import InputError, why_not
from colornet.training.checkpoint import KEPT
from search.core.workload import Life
from search.run.checkpoints import KEEP_BEST

SPARE = 32 * 2**20
"""Bytes that are to stay free."""
SWEEP, TRIAL, TICK, PICTURE = 1_000_000, 10_000, 2_500, 170
"""Bytes of the records: of small parts that wait to be merged, of a trial's rows, of a tick's and
of a held-out picture's; 12 trials of 20 ticks on 246 pictures left 0.8 MB once merged."""
SHOWN = 8 * 3 * 2
"""Bytes for each pixel of a picture's side squared: eight pictures in grey, truth and prediction,
lossless, which compresses photographs to about two bytes a pixel."""


def records_bytes(lives: Sequence[Life], judged: int, image_size: int) -> int:
    """Bytes of the records of some trials.

    Args:
        judged: held-out pictures of which each trial that ends leaves a row.
    """
    ticks = sum(life.ticks for life in lives)
    each = TRIAL + PICTURE * judged + SHOWN * image_size**2
    return SWEEP + TICK * ticks + each * len(lives)


def checkpoint_bytes(learned: int, generator: int, *, averaged: bool) -> int:
    """Bytes of one checkpoint: every weight with Adam's two moments.

    Args:
        learned, generator: weights of all players, and of the generator.
        averaged: whether a mean of the generator's weights is kept too.
    """
    return 12 * learned + (4 * generator if averaged else 0)


def disk(
    location: str, records: int, checkpoint: int | None, generator: int | None, slots: int
) -> dict[str, Any]:
    """What a sweep needs at its place, in bytes, and what is free there.

    Args:
        checkpoint, generator: bytes of one; None where that is not known.
        slots: trials that run at a time, each with its kept checkpoints and one being written.

    Returns:
        what is free is None for a URI, whose storage does not say.
    """
    running = None if checkpoint is None else slots * (KEPT + 1) * checkpoint
    kept = None if generator is None else (KEEP_BEST + slots) * generator
    needed = records + (running or 0) + (kept or 0)
    free = None if "://" in location else shutil.disk_usage(nearest(Path(location))).free
    return {
        "place": location.rpartition("/")[0] or ".",
        "records": records,
        "checkpoints": running,
        "generators": kept,
        "needed": needed,
        "free": free,
        "short": 0 if free is None else max(0, needed + SPARE - free),
    }


def check_writable(location: str) -> None:
    """Raise InputError where a sweep's folder could not be made; a URI is not looked at."""
    if "://" in location:
        return
    parent = nearest(Path(location))
    if not parent.is_dir():
        raise InputError(f"{location}: cannot be written: {parent} is no folder.")
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".colorsweep-", dir=parent))
    except OSError as error:
        raise InputError(
            f"{location}: cannot be written: {why_not(error)}.\n"
            "Give --out a place with space that you may write to."
        ) from None


def check_room(location: str) -> None:
    """Raise InputError where a disk is as good as full; a URI is not looked at."""
    if "://" in location:
        return
    free = shutil.disk_usage(nearest(Path(location))).free
    if free < SPARE:
        raise InputError(
            f"{location}: {free / 1e6:.1f} MB are free there, and a sweep wants {SPARE / 1e6:.0f} "
            "at least.\nFree some space, or begin on another disk with --out."
        )


def nearest(location: Path) -> Path:
    """What is there already in which a path would be made: a folder, if it can be made at all."""
    found = location.absolute()
    while not os.path.lexists(found):
        found = found.parent
    return found
