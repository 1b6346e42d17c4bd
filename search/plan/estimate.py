"""How long a sweep takes: from what earlier sweeps or probes took here, by work and by tick.

Time per picture is proportional to the multiply-accumulates of a training step between trainings
of about the same size, and interpolated over the logarithm of their number; what a tick costs is
interpolated the same way.
"""

import json
import logging
import math
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import pandas as pd

from colornet.config.config import Config
from colornet.errors import InputError
from search.plan.workload import Range, TrialLength, Workload, in_order, schedule
from search.records.reader import SweepRecords, read_states, read_sweep, sweeps_folder
from search.run.resources import Allocation, allocate, this_machine

RAY_START = 6.0
"""Seconds from the command to the first trial's hand-out, and from the last one's end to the
command's, where an actor starts in ACTOR_START."""
ACTOR_START = 8.0
"""Seconds until an actor's first trial begins, as libraries are loaded; later trials reuse it. Both
measured on two idle cores; where an actor was seen to take longer, both do in proportion."""
BETWEEN = 0.5
"""Seconds between the end of a trial and the beginning of the next in its actor."""
SAME_SIZE = 1.25
"""Trainings whose work differs by less are one size."""
LEAST_SPREAD = 0.1
"""Share by which equal trainings differ even on an idle machine."""
SWEEPS = 10
"""The latest sweeps that are looked at."""
COSTS = [f"cost_{part}_seconds" for part in ("step", "evaluation", "diagnosis", "checkpoint")]
ENDED = ("completed", "pruned")
log = logging.getLogger("colorsweep")


@dataclass(frozen=True)
class Measured:
    """What one training took.

    Attributes:
        gmac: multiply-accumulates per picture of a training step, in 1e9.
        picture: seconds per training picture.
        judged: seconds of an evaluation per held-out picture.
        diagnosis: seconds per tick. checkpoint: seconds for each.
        overhead: seconds of a trial beside all these, in an actor that is there already.
        start: seconds until an actor can begin its first trial; None where that was not seen.
    """

    gmac: float
    picture: float
    judged: float
    diagnosis: float
    checkpoint: float
    overhead: float
    start: float | None = None


@dataclass(frozen=True)
class Work:
    """What a config asks of a machine for each picture and each tick.

    Attributes:
        held_out: pictures that every tick looks at.
        tested: pictures that the last tick of a confirming trial looks at besides.
    """

    gmac: float
    held_out: int
    tested: int
    checkpoint_every: int


class Speed:
    """Predicts trainings from measured ones.

    Args:
        measured: at least one.

    Attributes:
        low, high: the fastest and the slowest tenth's time, beside the expected.
        start: seconds until an actor can begin its first trial.
    """

    def __init__(self, measured: Sequence[Measured]) -> None:
        sizes: dict[int, list[Measured]] = {}
        for one in measured:
            sizes.setdefault(round(math.log(one.gmac, SAME_SIZE)), []).append(one)
        groups = [sizes[size] for size in sorted(sizes)]
        self._gmac = [math.log(median(one.gmac for one in group)) for group in groups]
        self._per_gmac = [median(one.picture / one.gmac for one in group) for group in groups]
        self._judged = [median(one.judged for one in group) for group in groups]
        self._diagnosis = [median(one.diagnosis for one in group) for group in groups]
        self._checkpoint = [median(one.checkpoint for one in group) for group in groups]
        starts = [one.start for one in measured if one.start is not None]
        self.start = median(starts) if starts else ACTOR_START
        self._overhead = median(one.overhead for one in measured)
        ratios = [one.picture / self._picture(one.gmac) for one in measured]
        low, high = np.percentile(ratios, [10, 90])
        self.low = min(float(low), 1 - LEAST_SPREAD)
        self.high = max(float(high), 1 + LEAST_SPREAD)

    def _at(self, gmac: float, values: Sequence[float]) -> float:
        return float(np.interp(math.log(gmac), self._gmac, values))

    def _picture(self, gmac: float) -> float:
        return gmac * self._at(gmac, self._per_gmac)

    def seconds(self, work: Work, life: TrialLength, *, tested: bool = False) -> float:
        """Expected seconds of one training that goes so far.

        Args:
            tested: whether it ends on the test pictures.
        """
        looks = life.ticks * work.held_out + (work.tested if tested else 0)
        return (
            life.images * self._picture(work.gmac)
            + looks * self._at(work.gmac, self._judged)
            + life.ticks * self._at(work.gmac, self._diagnosis)
            + life.ticks // work.checkpoint_every * self._at(work.gmac, self._checkpoint)
            + self._overhead
        )


@dataclass(frozen=True)
class Hours:
    """Hours of a sweep.

    Attributes:
        wall: from the command to its end.
        busy: in which trials run.
        training: of all trials together.
    """

    wall: Range
    busy: Range
    training: Range


def hours(speed: Speed, load: Workload, works: Sequence[Work], slots: int) -> Hours:
    """Predict a sweep: its search over so many slots, then its confirmation over the same.

    Args:
        works: of each config of the workload.
    """

    def times(lives: Sequence[TrialLength], factor: float, *, tested: bool = False) -> list[float]:
        return [factor * speed.seconds(works[life.config], life, tested=tested) for life in lives]

    def both(lives: Sequence[TrialLength], factor: float) -> tuple[float, float]:
        search, confirm = times(lives, factor), times(load.confirm, factor, tested=True)
        searched = schedule(search, slots, each_slot=speed.start)
        return schedule(confirm, slots, searched), sum(search) + sum(confirm)

    cases = (
        [both(load.low, speed.low)],
        [both(lives, 1.0) for lives in load.drawn],
        [both(load.high, speed.high)],
    )
    busy = [fmean(one for one, _ in case) / 3600 for case in cases]
    training = [fmean(one for _, one in case) / 3600 for case in cases]
    wall = [one + RAY_START * speed.start / ACTOR_START / 3600 for one in busy]
    return Hours(in_order(*wall), in_order(*busy), in_order(*training))


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


@dataclass(frozen=True)
class Count:
    """Of one config.

    Attributes:
        training_gmac: multiply-accumulates per picture of a training step, in 1e9.
        learned: weights of all players. generator: those of the generator.
    """

    training_gmac: float
    learned: int
    generator: int


class Counts:
    """Counts configs, those that differ only in rates and weights once. Needs torch."""

    def __init__(self) -> None:
        self._known: dict[str, Count] = {}

    def of(self, config: Config) -> Count:
        """Count a config. Raises InputError when its networks do not fit its pictures."""
        from colornet.training.cost import count, training_macs

        key = repr(_signs(config.model_dump(exclude={"about", "evaluate_on", "training"})))
        if key not in self._known:
            cost = count(config)
            self._known[key] = Count(
                training_gmac=training_macs(config) / 1e9,
                learned=cost.generator_parameters + cost.discriminator_parameters,
                generator=cost.generator_parameters,
            )
        return self._known[key]


def _signs(values: Any) -> Any:
    """The same with each real number replaced by whether it is zero: none shapes a network."""
    if isinstance(values, Mapping):
        return {name: _signs(value) for name, value in values.items()}
    return values != 0 if isinstance(values, float) else values
