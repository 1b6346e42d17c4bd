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
from search.plan.workload import Range, TrialLength, Workload, schedule
from search.records.missing import ENDED
from search.records.reader import SweepRecords, read_states, read_sweep, sweeps_folder
from search.run.resources import Allocation, allocate, this_machine

RAY_START = 6.0
"""Seconds from the command to the first trial's hand-out, and from the last one's end to the
command's, where an actor starts in ACTOR_START."""
ACTOR_START = 8.0
"""Seconds until an actor's first trial begins, as libraries are loaded; later trials reuse it. Both
measured on two idle cores; where an actor was seen to take longer, both do in proportion."""
BETWEEN = 0.5
"""Seconds between the end of a trial and the start of the next in its actor: Tune's own turn, as
measured on two idle cores."""
SAME_SIZE = 1.25
"""Factor within which trainings' multiply-accumulates are one size, of which medians are taken."""
MIN_SPREAD = 0.1
"""Fraction by which equal trainings differ even on an idle machine."""
SWEEPS = 10
"""The latest sweeps that are read: each takes a part of a second."""
COSTS = [f"cost_{part}_seconds" for part in ("step", "evaluation", "diagnosis", "checkpoint")]
log = logging.getLogger("colorsweep")


@dataclass(frozen=True)
class TrainingTimes:
    """What the parts of one training took.

    Attributes:
        gmac: multiply-accumulates per picture of a training step, in 1e9.
        picture: seconds per training picture.
        judged: seconds of an evaluation per held-out picture.
        diagnosis: seconds per tick. checkpoint: seconds for each.
        overhead: seconds of a trial on top of all these, in an actor that is running already.
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
class ConfigCost:
    """What a config computes for each picture and each tick.

    Attributes:
        gmac: as in `TrainingTimes`.
        held_out: pictures that are evaluated at every tick.
        tested: pictures that a confirming trial evaluates at its last tick besides.
    """

    gmac: float
    held_out: int
    tested: int
    checkpoint_every: int


class SpeedModel:
    """Predicts trainings from measured ones.

    Args:
        measured: at least one.

    Attributes:
        low, high: factors of the fastest and the slowest tenth on the expected time.
        start: seconds until an actor can begin its first trial.
    """

    def __init__(self, measured: Sequence[TrainingTimes]) -> None:
        sizes: dict[int, list[TrainingTimes]] = {}
        for times in measured:
            sizes.setdefault(round(math.log(times.gmac, SAME_SIZE)), []).append(times)
        groups = [sizes[size] for size in sorted(sizes)]
        self._log_gmac = [math.log(median(times.gmac for times in group)) for group in groups]
        self._medians = {
            name: [median(getattr(times, name) for times in group) for group in groups]
            for name in ("judged", "diagnosis", "checkpoint")
        }
        self._medians["picture_per_gmac"] = [
            median(times.picture / times.gmac for times in group) for group in groups
        ]
        starts = [times.start for times in measured if times.start is not None]
        self.start = median(starts) if starts else ACTOR_START
        self._overhead = median(times.overhead for times in measured)
        ratios = [
            times.picture / (times.gmac * self._at(times.gmac, "picture_per_gmac"))
            for times in measured
        ]
        low, high = np.percentile(ratios, [10, 90])
        self.low = min(float(low), 1 - MIN_SPREAD)
        self.high = max(float(high), 1 + MIN_SPREAD)

    def _at(self, gmac: float, name: str) -> float:
        # Constant beyond the ends: there a picture's time is proportional to its operations.
        return float(np.interp(math.log(gmac), self._log_gmac, self._medians[name]))

    def seconds(self, cost: ConfigCost, length: TrialLength, *, tested: bool = False) -> float:
        """Expected seconds of one training of some length.

        Args:
            tested: whether it ends on the test pictures.
        """
        evaluated = length.ticks * cost.held_out + (cost.tested if tested else 0)
        return (
            length.images * cost.gmac * self._at(cost.gmac, "picture_per_gmac")
            + evaluated * self._at(cost.gmac, "judged")
            + length.ticks * self._at(cost.gmac, "diagnosis")
            + length.ticks // cost.checkpoint_every * self._at(cost.gmac, "checkpoint")
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


def hours(speed: SpeedModel, workload: Workload, costs: Sequence[ConfigCost], slots: int) -> Hours:
    """Predict a sweep: its search over so many slots, then its confirmation over the same.

    Args:
        costs: of each config of the workload.
    """

    def simulate(trials: Sequence[TrialLength], factor: float) -> tuple[float, float]:
        search, confirm = (
            [factor * speed.seconds(costs[trial.config], trial, tested=tested) for trial in lengths]
            for lengths, tested in ((trials, False), (workload.confirm, True))
        )
        end = schedule(search, slots, each_slot=speed.start)
        return schedule(confirm, slots, end), sum(search) + sum(confirm)

    cases = (
        [simulate(workload.low, speed.low)],
        [simulate(trials, 1.0) for trials in workload.simulated],
        [simulate(workload.high, speed.high)],
    )
    busy = [fmean(end for end, _ in case) / 3600 for case in cases]
    training = [fmean(total for _, total in case) / 3600 for case in cases]
    wall = [expected + RAY_START * speed.start / ACTOR_START / 3600 for expected in busy]
    return Hours(*(Range.around(*values) for values in (wall, busy, training)))


def past_trainings(allocation: Allocation, folder: Path | None = None) -> list[TrainingTimes]:
    """Trainings of sweeps on this host in which a trial got the same allocation.

    Args:
        folder: holds sweeps [COLORSWEEP_OUT, else sweeps].
    """
    trainings: list[TrainingTimes] = []
    studies = sorted((folder or sweeps_folder()).glob("*/study.yaml"), key=os.path.getmtime)
    for path in reversed(studies[-SWEEPS:]):
        try:
            sweep = read_sweep(path.parent)
            if _is_alike(sweep, allocation):
                states, _ = read_states(path.parent)
                trainings += _separate_starts(_trainings(sweep, states), allocation.concurrent)
        except (InputError, OSError, KeyError, TypeError, ValueError) as error:
            log.warning("%s: not used for the estimate: %s", path.parent, str(error).split("\n")[0])
    return trainings


def _is_alike(sweep: SweepRecords, allocation: Allocation) -> bool:
    """Whether a sweep ran on this host, and gave a trial the same."""
    here = (socket.gethostname(), len(os.sched_getaffinity(0)))
    if (sweep.provenance.get("host"), sweep.provenance.get("cpus")) != here:
        return False
    resources = sweep.study["resources"]
    return allocate(this_machine(), resources["gpus"], resources["concurrent"]) == allocation


def _trainings(sweep: SweepRecords, states: pd.DataFrame) -> dict[int, TrainingTimes]:
    """By number of the trial."""
    data = sweep.provenance.get("data")
    has_costs = {*COSTS, "cost_training_gmac_per_picture"} <= {*sweep.ticks}
    if sweep.ticks.empty or not has_costs or not data:
        return {}
    evaluated = [*data[:1], sweep.provenance.get("evaluation")]
    held_out = sum(int(pack["splits"]["val"]) for pack in evaluated if pack)
    trainings = {}
    for trial_id, ticks in sweep.ticks.groupby("trial_id"):
        changes = states[states["trial_id"] == trial_id]
        if list(changes["state"])[0:1] == ["running"] and changes["state"].iloc[-1] in ENDED:
            times = _training(ticks, changes, held_out)
            if times is not None:
                trainings[int(ticks["number"].iloc[0])] = times
    return trainings


def _separate_starts(trainings: Mapping[int, TrainingTimes], slots: int) -> list[TrainingTimes]:
    """Take the start of its actor out of what the first trial of each slot took.

    Args:
        trainings: by number of the trial.
    """
    later = [times.overhead for number, times in trainings.items() if number >= slots]
    usual = median(later) if later else BETWEEN
    separated = []
    for number, times in trainings.items():
        if number < slots:
            start = max(0.0, times.overhead - usual)
            times = replace(times, overhead=min(usual, times.overhead), start=start)
        separated.append(times)
    return separated


def _training(ticks: pd.DataFrame, changes: pd.DataFrame, held_out: int) -> TrainingTimes | None:
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
    return TrainingTimes(
        gmac=gmac,
        picture=steps / images,
        judged=evaluation / (count * max(1, held_out)),
        diagnosis=diagnosis / count,
        checkpoint=checkpoint / max(1, written),
        overhead=max(0.0, wall - steps - evaluation - diagnosis - checkpoint),
    )


@dataclass(frozen=True)
class ConfigSize:
    """What torch counts of one config.

    Attributes:
        training_gmac: multiply-accumulates per picture of a training step, in 1e9.
        learned: weights of all players. generator: those of the generator.
    """

    training_gmac: float
    learned: int
    generator: int


def count_configs(configs: Sequence[Config]) -> list[ConfigSize]:
    """Count configs, those that differ only in rates and weights once. Needs torch.

    Raises:
        InputError: the networks of one do not fit its pictures.
    """
    from colornet.training.cost import count, training_macs

    sizes: dict[str, ConfigSize] = {}
    keys = []
    for config in configs:
        key = repr(_signs(config.model_dump(exclude={"about", "evaluate_on", "training"})))
        keys.append(key)
        if key not in sizes:
            cost = count(config)
            sizes[key] = ConfigSize(
                training_gmac=training_macs(config) / 1e9,
                learned=cost.generator_parameters + cost.discriminator_parameters,
                generator=cost.generator_parameters,
            )
    return [sizes[key] for key in keys]


def _signs(values: Any) -> Any:
    """The same with each real number replaced by whether it is zero: none shapes a network."""
    if isinstance(values, Mapping):
        return {name: _signs(value) for name, value in values.items()}
    return values != 0 if isinstance(values, float) else values
