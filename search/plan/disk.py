"""What a sweep writes to the disk."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from colornet.training.checkpoint import KEPT
from search.plan.workload import TrialLength
from search.run.checkpoints import KEEP_BEST
from search.run.create import SPARE, nearest

SWEEP, TRIAL, TICK, PICTURE = 1_000_000, 10_000, 2_500, 170
"""Bytes of the records: of small parts that wait to be merged, of a trial's rows, of a tick's and
of a held-out picture's; 12 trials of 20 ticks on 246 pictures left 0.8 MB once merged."""
FIXED_PICTURES = 8 * 3 * 2
"""Bytes for each pixel of a picture's side squared: eight pictures in grey, truth and prediction,
lossless, which compresses photographs to about two bytes a pixel."""


def records_bytes(trials: Sequence[TrialLength], judged: int, image_size: int) -> int:
    """Bytes of the records of some trials.

    Args:
        judged: held-out pictures, of which each trial that ends records a row.
    """
    ticks = sum(trial.ticks for trial in trials)
    each = TRIAL + PICTURE * judged + FIXED_PICTURES * image_size**2
    return SWEEP + TICK * ticks + each * len(trials)


def checkpoint_bytes(learned: int, generator: int, *, averaged: bool) -> int:
    """Bytes of one checkpoint: every weight with Adam's two moments.

    Args:
        learned, generator: weights of all players, and of the generator.
        averaged: whether a mean of the generator's weights is kept too.
    """
    return 12 * learned + (4 * generator if averaged else 0)


def disk(
    location: str,
    records: int,
    checkpoint: int | None,
    generator: int | None,
    slots: int,
    paused: int = 0,
) -> dict[str, Any]:
    """What a sweep needs on its disk, in bytes, and what is free there.

    Args:
        checkpoint, generator: bytes of one; None if unknown.
        slots: trials that run at a time, each with its kept checkpoints and one being written.
        paused: stopped trials that may go on, at most, each with its kept checkpoints.

    Returns:
        `free` is None for a URI, whose storage does not report it.
    """
    most = slots * (KEPT + 1) + paused * KEPT
    checkpoints = None if checkpoint is None else most * checkpoint
    generators = None if generator is None else (KEEP_BEST + slots) * generator
    needed = records + (checkpoints or 0) + (generators or 0)
    free = None if "://" in location else shutil.disk_usage(nearest(Path(location))).free
    return {
        "place": location.rpartition("/")[0] or ".",
        "records": records,
        "checkpoints": checkpoints,
        "generators": generators,
        "needed": needed,
        "free": free,
        "short": 0 if free is None else max(0, needed + SPARE - free),
    }
