"""A response surface over real settings: the seam of `surface.Surface` for any true error.

A kind of landscape (`landscapes.py`) gives its space, its error in units of its own, and where its
trainings diverge and are noisy; scales, early values and noise are made of these here.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from surface import BEST_MAE, TICKS, wobble

from spaces.dimensions import Dimension, Point, draw, in_order
from spaces.parsing import parse_dimension

SPECIAL = -1.0
"""Coordinate of a value beside the range."""
_REFERENCE = 4096


class Landscape(ABC):
    """Trainings of a point with a seed.

    Coordinates, (N, D) in the order of the space: 0 to 1 over a range (on its own scale), the index
    of a choice, SPECIAL for the value beside a range, NaN where a condition is not met.

    Args:
        noise: standard deviation of what a seed adds, over random points.
        pairing: correlation of that between two points of the same seed.

    Attributes:
        space: the study's.
        null: dimensions without effect.
        interactions: pairs of dimensions of which one's effect depends on the other.
        risky: dimensions on which it depends whether a training diverges.
        diverging: share of random points whose training diverges.
        ranks: Spearman's correlation of the first error with its end, after a tenth, a quarter and
            half of the budget.
        optimum: a point of the least error.
        least: what `_raw` is there.
        haste: how much more a point at the upper end of the first range shows early, in raw units.
    """

    space: Mapping[str, Any]
    null: tuple[str, ...] = ()
    interactions: frozenset[frozenset[str]] = frozenset()
    risky: tuple[str, ...] = ()
    diverging = 0.0
    ranks: tuple[float, float, float]
    optimum: Mapping[str, Any]
    least = 0.0
    haste = 0.0
    best = BEST_MAE

    def __init__(self, noise: float = 0.35, pairing: float = 0.9) -> None:
        self.noise, self.pairing = noise, pairing
        parsed = [parse_dimension(name, spec, "landscape") for name, spec in self.space.items()]
        self.dimensions = in_order(parsed, "landscape")
        reference = self.coordinates(self.random_points(_REFERENCE, seed=11))
        raw = self._raw(reference, np.ones(1))
        self._scale = float(raw.std())
        risks = self._risk(reference)
        self.edge = float(np.quantile(risks, 1 - self.diverging))
        self._highest = float(risks.max())
        self._wanting = [
            at
            for at, axis in enumerate(self.dimensions)
            if not axis.is_categorical and axis.name not in self.null
        ]

    def final(self, points: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """The errors at the end of a training, without noise and divergence, (N, 2)."""
        return self.at(points, 1.0)

    def at(self, points: Sequence[Mapping[str, Any]], share: float) -> np.ndarray:
        """The errors after a share of the budget, without noise and divergence, (N, 2)."""
        return self._errors(self.coordinates(points), np.array([share]))

    def regret(self, point: Mapping[str, Any]) -> float:
        """How far a point's error lies above the least there is; no less than 0."""
        return float(self.final([point])[0, 0] - self.best)

    def diverges(self, points: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Whether trainings of these points diverge, (N,) bool."""
        return self._beyond(self.coordinates(points)) > 0

    def curve(self, point: Mapping[str, Any], seed: int, ticks: int = TICKS) -> np.ndarray:
        """What a training reports, (ticks, 2); NaN from where it diverged."""
        at = self.coordinates([point])
        shares = np.arange(1, ticks + 1) / ticks
        values = self._errors(at, shares) + self._noise(at, point, seed, ticks, "val")
        beyond = min(float(self._beyond(at)[0]), 1.0)
        if beyond > 0:
            values[shares >= 0.65 - 0.6 * beyond] = np.nan
        return values

    def test_values(self, point: Mapping[str, Any], seed: int) -> np.ndarray:
        """The errors of a finished training on the test pictures, (2,)."""
        at = self.coordinates([point])
        return (self._errors(at, np.ones(1)) + self._noise(at, point, seed, 1, "test"))[0]

    def seconds_per_tick(self, point: Mapping[str, Any]) -> float:
        """How long a tick takes: up to twice as long for some points as for others."""
        total = np.nansum(self.coordinates([point]))
        return 10 * 2 ** float(np.sin(50 * total) ** 2)

    def random_points(self, count: int, seed: int) -> list[Point]:
        """Points as a random sampler draws them."""
        chance = _Chance(np.random.default_rng(seed))
        return [draw(chance, self.dimensions) for _ in range(count)]

    def coordinates(self, points: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Points as numbers, (N, D)."""
        rows = [[_coordinate(axis, point) for axis in self.dimensions] for point in points]
        return np.array(rows, dtype=float).reshape(-1, len(self.dimensions))

    @abstractmethod
    def _raw(self, at: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """The first error in units of its own: of many points after one share, or of one point
        after many."""

    def _risk(self, at: np.ndarray) -> np.ndarray:
        """What makes a training diverge when it is high, (N,)."""
        return np.zeros(len(at))

    def _loudness(self, at: np.ndarray) -> np.ndarray:
        """Standard deviation of noise relative to its root mean square over random points."""
        return np.ones(len(at))

    def _shaped(self, normal: np.ndarray) -> np.ndarray:
        """Normal noise of unit variance, in the shape that noise has here."""
        return normal

    def _descent(self, shares: np.ndarray) -> np.ndarray:
        """What all trainings lose alike on their way."""
        return 8 * (np.exp(-4 * shares) - np.exp(-4))

    def _errors(self, at: np.ndarray, shares: np.ndarray) -> np.ndarray:
        hasty = self.haste * (1 - shares) ** 2 * (1 - at[:, 0])
        first = (self._raw(at, shares) + hasty - self.least) / self._scale
        wants = np.nan_to_num(at[:, self._wanting], nan=0.5).clip(0)
        second = 3 + 8 * ((wants - 0.9) ** 2).mean(1) * np.ones(len(shares))
        descent = self._descent(shares)
        return np.stack([self.best + first + descent, second + descent], axis=1)

    def _beyond(self, at: np.ndarray) -> np.ndarray:
        if not self.diverging:
            return np.zeros(len(at))
        return (self._risk(at) - self.edge) / (self._highest - self.edge)

    def _noise(
        self, at: np.ndarray, point: Mapping[str, Any], seed: int, ticks: int, split: str
    ) -> np.ndarray:
        common = wobble(f"{split} {seed}", ticks)
        own = wobble(f"{split} {seed} {sorted(point.items())}", ticks)
        normal = self.pairing**0.5 * common + (1 - self.pairing) ** 0.5 * own
        return self.noise * self._loudness(at)[:, None] * self._shaped(normal)


class _Chance:
    """Draws as a random sampler does."""

    def __init__(self, chance: np.random.Generator) -> None:
        self.chance = chance

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None, log: bool
    ) -> float:
        ranged = Dimension(name, "loguniform" if log else "uniform", low, high, step=step)
        return ranged.quantile(self.chance.random())

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        ranged = Dimension(name, "logint" if log else "int", low, high, step=step)
        return ranged.quantile(self.chance.random())

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return choices[self.chance.integers(len(choices))]


def _coordinate(axis: Dimension, point: Mapping[str, Any]) -> float:
    if axis.name not in point:
        return np.nan
    value = point[axis.name]
    if axis.is_categorical:
        return axis.choices.index(value)
    if value in axis.special:
        return SPECIAL
    low, high = axis.low or 0.0, axis.high or 0.0
    if axis.is_log:
        return float(np.log(value / low) / np.log(high / low))
    return (value - low) / (high - low)
