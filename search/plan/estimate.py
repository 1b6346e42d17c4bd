"""How long a sweep takes: from what trainings took on this machine, by work and by tick.

Time per picture is proportional to the multiply-accumulates of a training step between trainings
of about the same size, and interpolated over the logarithm of their number; what a tick costs is
interpolated the same way.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np

from search.plan.workload import Range, TrialLength, Workload, in_order, schedule

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
"""Allocation by which equal trainings differ even on an idle machine."""


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
