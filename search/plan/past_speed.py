"""What trainings took in earlier sweeps on this machine, from their records."""

import json
import logging
import math
import os
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from colornet.errors import InputError
from search.plan.estimate import BETWEEN, Measured
from search.records.reader import SweepRecords, read_states, read_sweep, sweeps_folder
from search.run.resources import Allocation, allocate, this_machine

SWEEPS = 10
"""The latest sweeps that are looked at."""
COSTS = [f"cost_{part}_seconds" for part in ("step", "evaluation", "diagnosis", "checkpoint")]
ENDED = ("completed", "pruned")
log = logging.getLogger("colorsweep")


def past_trainings(share: Allocation, folder: Path | None = None) -> list[Measured]:
    """Trainings of sweeps on this host in which a trial got the same share.

    Args:
        folder: holds sweeps [COLORSWEEP_OUT, else sweeps].
    """
    found: list[Measured] = []
    studies = sorted((folder or sweeps_folder()).glob("*/study.yaml"), key=os.path.getmtime)
    for path in reversed(studies[-SWEEPS:]):
        try:
            sweep = read_sweep(path.parent)
            if _is_alike(sweep, share):
                states, _ = read_states(path.parent)
                found += _starts_apart(_trainings(sweep, states), share.concurrent)
        except (InputError, OSError, KeyError, TypeError, ValueError) as error:
            log.warning("%s: not used for the estimate: %s", path.parent, str(error).split("\n")[0])
    return found


def _is_alike(sweep: SweepRecords, share: Allocation) -> bool:
    """Whether a sweep ran on this host, and gave a trial the same."""
    here = (socket.gethostname(), len(os.sched_getaffinity(0)))
    if (sweep.provenance.get("host"), sweep.provenance.get("cpus")) != here:
        return False
    resources = sweep.study["resources"]
    return allocate(this_machine(), resources["gpus"], resources["concurrent"]) == share


def _trainings(sweep: SweepRecords, states: pd.DataFrame) -> dict[int, Measured]:
    """By number of the trial."""
    data = sweep.provenance.get("data")
    measured = {*COSTS, "cost_training_gmac_per_picture"} <= {*sweep.ticks}
    if sweep.ticks.empty or not measured or not data:
        return {}
    looked_at = [*data[:1], sweep.provenance.get("evaluation")]
    held_out = sum(int(pack["splits"]["val"]) for pack in looked_at if pack)
    found = {}
    for trial_id, ticks in sweep.ticks.groupby("trial_id"):
        changes = states[states["trial_id"] == trial_id]
        if list(changes["state"])[0:1] == ["running"] and changes["state"].iloc[-1] in ENDED:
            one = _training(ticks, changes, held_out)
            if one is not None:
                found[int(ticks["number"].iloc[0])] = one
    return found


def _starts_apart(trainings: Mapping[int, Measured], slots: int) -> list[Measured]:
    """Take the start of its actor out of what the first trial of each slot took.

    Args:
        trainings: by number of the trial.
    """
    later = [one.overhead for number, one in trainings.items() if number >= slots]
    usual = median(later) if later else BETWEEN
    return [
        one
        if number >= slots
        else replace(
            one,
            overhead=min(usual, one.overhead),
            start=max(0.0, one.overhead - usual),
        )
        for number, one in trainings.items()
    ]


def _training(ticks: pd.DataFrame, changes: pd.DataFrame, held_out: int) -> Measured | None:
    """What a trial took that ended in its first attempt; None where that is not known."""
    steps, evaluation, diagnosis, checkpoint = (
        float(ticks[name].sum(min_count=len(ticks))) for name in COSTS
    )
    images, count = int(ticks["images"].max()), len(ticks)
    config: dict[str, Any] = json.loads(changes["config"].iloc[-1])
    written = count // int(config["training"]["checkpoint_every"])
    gmac = float(ticks["cost_training_gmac_per_picture"].iloc[-1])
    wall = (changes["time"].iloc[-1] - changes["time"].iloc[0]).total_seconds()
    values = (steps, evaluation, diagnosis, checkpoint, gmac)
    is_whole = len(changes) == 2 and count == int(ticks["tick"].max())
    if not is_whole or not all(map(math.isfinite, values)) or min(gmac, steps, images) <= 0:
        return None
    return Measured(
        gmac=gmac,
        picture=steps / images,
        judged=evaluation / (count * max(1, held_out)),
        diagnosis=diagnosis / count,
        checkpoint=checkpoint / max(1, written),
        overhead=max(0.0, wall - steps - evaluation - diagnosis - checkpoint),
    )
