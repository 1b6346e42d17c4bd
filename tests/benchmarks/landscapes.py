"""Response surfaces of seven kinds, over real settings, beside the one of `surface.py`.

None was made after the platform's own models. All have the seam of `surface.Surface`: true errors
of random points that spread by one standard deviation, noise of 0.35 of which most belongs to the
seed, and a least error of `BEST_MAE`. The first of the two errors is the one of interest; the
second, a gap in colorfulness, wants high settings whatever the first one wants.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from itertools import combinations
from typing import Any

import numpy as np
from scipy.special import ndtr, stdtrit
from surface import BEST_MAE, TICKS, Surface, wobble

from spaces.dimensions import Dimension, Point, draw, in_order
from spaces.parsing import parse_dimension

LR, RATIO, L1 = "optimizer.generator_lr", "optimizer.lr_ratio", "loss.l1_weight"
LOSS, SMOOTHING, DROPOUT = "loss.adversarial", "loss.label_smoothing", "generator.dropout"
BETA, ACTIVATION, FLIPS = "optimizer.beta1", "generator.activation", "loss.label_flips"
RATE: dict[str, Any] = {"loguniform": [1e-5, 1e-2]}
BALANCE: dict[str, Any] = {"loguniform": [0.05, 10]}
WEIGHT: dict[str, Any] = {"loguniform": [1, 300]}
MOMENTUM: dict[str, Any] = {"uniform": [0.0, 0.9]}
DROPPED: dict[str, Any] = {"uniform": [0.0, 0.5]}
SMOOTHED: dict[str, Any] = {"uniform": [0.0, 0.3]}
FUNCTIONS: dict[str, Any] = {"choice": ["relu", "elu", "gelu"]}
SPECIAL = -1.0
"""Coordinate of a value beside the range."""
_REFERENCE = 4096


class Landscape:
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

    def _raw(self, at: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """The first error in units of its own: of many points after one share, or of one point
        after many."""
        raise NotImplementedError

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


class Hartmann6(Landscape):
    """Six settings of which all depend on each other, with other optima early.

    Hartmann's function as of Surjanovic and Bingham (sfu.ca/~ssurjano/hart6.html). Early the
    weights of its four wells are others: Kandasamy et al. (2016, Gaussian Process Bandit
    Optimisation with Multi-fidelity Evaluations, appendix) shift them in steps of SHIFT from one
    fidelity to the next. So small steps leave ranks as they are; here 20 of them lie between the
    start and the end.
    """

    space: Mapping[str, Any] = {
        LR: RATE,
        RATIO: BALANCE,
        L1: WEIGHT,
        BETA: MOMENTUM,
        DROPOUT: DROPPED,
        SMOOTHING: SMOOTHED,
    }
    interactions = frozenset(map(frozenset, combinations(space, 2)))
    ranks = (0.96, 0.98, 0.99)
    least = -3.3223680114155156
    optimum: Mapping[str, Any] = {
        LR: 1e-5 * 1000**0.20168951,
        RATIO: 0.05 * 200**0.15001069,
        L1: 300**0.47687398,
        BETA: 0.9 * 0.27533243,
        DROPOUT: 0.5 * 0.31165162,
        SMOOTHING: 0.3 * 0.65730053,
    }
    WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
    SHIFT = np.array([0.01, -0.01, -0.1, 0.1])
    WIDTHS = np.array(
        [
            [10, 3, 17, 3.5, 1.7, 8],
            [0.05, 10, 17, 0.1, 8, 14],
            [3, 3.5, 1.7, 10, 17, 8],
            [17, 8, 0.05, 10, 0.1, 14],
        ]
    )
    CENTERS = 1e-4 * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    )

    def _raw(self, at: np.ndarray, shares: np.ndarray) -> np.ndarray:
        wells = np.exp(-(self.WIDTHS * (at[:, None] - self.CENTERS) ** 2).sum(2))
        weights = self.WEIGHTS + 20 * (1 - shares)[:, None] * self.SHIFT
        return -(weights * wells).sum(1)


class BraninEdge(Landscape):
    """The best generator rate is the highest there is; three dimensions do nothing.

    Branin's function (sfu.ca/~ssurjano/branin.html), cut off before its valley ends: the first
    coordinate goes from -2 to 2.6 and the minimum of the whole at pi is beyond. At each of its
    values the second one can make the square 0, so that the least is at the edge. Early constants
    are those of Kandasamy et al. (2017, Multi-fidelity Bayesian Optimisation with Continuous
    Approximations, appendix).
    """

    space: Mapping[str, Any] = {
        LR: RATE,
        RATIO: BALANCE,
        BETA: MOMENTUM,
        DROPOUT: DROPPED,
        ACTIVATION: FUNCTIONS,
    }
    null = (BETA, DROPOUT, ACTIVATION)
    interactions = frozenset({frozenset({LR, RATIO})})
    ranks = (1.0, 1.0, 1.0)
    EDGE = 2.6
    B, C, T = 5.1 / (4 * np.pi**2), 5 / np.pi, 1 / (8 * np.pi)
    least = 10 + 10 * (1 - T) * np.cos(EDGE)
    optimum: Mapping[str, Any] = {
        LR: 1e-2,
        RATIO: 0.05 * 200 ** ((B * EDGE**2 - C * EDGE + 6) / 15),
        BETA: 0.0,
        DROPOUT: 0.0,
        ACTIVATION: "relu",
    }

    def _raw(self, at: np.ndarray, shares: np.ndarray) -> np.ndarray:
        first, second = -2 + (self.EDGE + 2) * at[:, 0], 15 * at[:, 1]
        to_go = 1 - shares
        b, c, t = self.B - 0.01 * to_go, self.C - 0.1 * to_go, self.T + 0.05 * to_go
        return (second - b * first**2 + c * first - 6) ** 2 + 10 * (1 - t) * np.cos(first) + 10


class Mixed(Landscape):
    """Choices, a conditional dimension, a special value; the best rate depends on the loss.

    Trainings diverge at high rates, under one loss sooner than under another.
    """

    LOSSES = ("bce", "lsgan", "hinge")
    space: Mapping[str, Any] = {
        LR: RATE,
        LOSS: {"choice": list(LOSSES)},
        SMOOTHING: {**SMOOTHED, "when": {LOSS: ["bce", "lsgan"]}},
        L1: {**WEIGHT, "or": 0},
        ACTIVATION: FUNCTIONS,
        BETA: MOMENTUM,
    }
    null = (BETA,)
    interactions = frozenset({frozenset({LR, LOSS})})
    risky = (LR, LOSS)
    diverging = 0.25
    ranks = (0.65, 0.78, 0.94)
    haste = 4.0
    optimum: Mapping[str, Any] = {
        LR: 1e-5 * 1000**0.55,
        LOSS: "lsgan",
        SMOOTHING: 0.3 * 0.3,
        L1: 300**0.7,
        ACTIVATION: "elu",
        BETA: 0.5,
    }

    def _raw(self, at: np.ndarray, shares: np.ndarray) -> np.ndarray:
        rate, loss, smoothing, l1, activation, _ = at.T
        kind = loss.astype(int)
        raw = 6 * (rate - np.array([0.3, 0.55, 0.65])[kind]) ** 2 + np.array([0.3, 0, 0.6])[kind]
        raw += 0.8 * (np.nan_to_num(smoothing, nan=0.3) - 0.3) ** 2
        raw += np.where(l1 == SPECIAL, 1.0, 2 * (l1 - 0.7) ** 2)
        return raw + np.array([0.4, 0.0, 0.15])[activation.astype(int)] + 0 * shares

    def _risk(self, at: np.ndarray) -> np.ndarray:
        return at[:, 0] + np.array([0.15, 0.0, 0.3])[at[:, 1].astype(int)]


class Curves(Landscape):
    """Learning curves that cross: power laws whose height and steepness depend on the settings.

    They are pow3 of Domhan et al. (2015, Speeding up Automatic Hyperparameter Optimization of Deep
    Neural Networks by Extrapolation of Learning Curves, table 1): end + a * (share^-b - 1). Slow
    learners, with low rates and much dropout, come off badly early. Noise grows threefold along the
    rate.
    """

    space: Mapping[str, Any] = {
        LR: RATE,
        RATIO: BALANCE,
        L1: WEIGHT,
        DROPOUT: DROPPED,
        FLIPS: SMOOTHED,
    }
    null = (FLIPS,)
    interactions = frozenset({frozenset({LR, RATIO})})
    risky = (LR, RATIO)
    diverging = 0.3
    ranks = (0.25, 0.7, 0.94)
    optimum: Mapping[str, Any] = {
        LR: 1e-5 * 1000**0.4,
        RATIO: 0.05 * 200**0.5,
        L1: 300**0.6,
        DROPOUT: 0.5 * 0.7,
        FLIPS: 0.1,
    }

    def _raw(self, at: np.ndarray, shares: np.ndarray) -> np.ndarray:
        rate, ratio, l1, dropout, _ = at.T
        end = 5 * (rate - 0.4) ** 2 + 4 * (ratio - 0.5 + 0.5 * (rate - 0.4)) ** 2
        end += 2 * (l1 - 0.6) ** 2 + 1.5 * (dropout - 0.7) ** 2
        height = 0.1 + 0.6 * (1 - rate) + 1.2 * dropout**2
        steepness = 0.3 + 0.5 * l1 * (1 - 0.5 * rate)
        return end + height * (shares**-steepness - 1)

    def _risk(self, at: np.ndarray) -> np.ndarray:
        return at[:, 0] + 0.5 * at[:, 1]

    def _loudness(self, at: np.ndarray) -> np.ndarray:
        return _growing(at[:, 0], 3)

    def _descent(self, shares: np.ndarray) -> np.ndarray:
        return np.zeros(len(shares))


class Valley(Landscape):
    """A narrow curved valley: Rosenbrock's in three settings, on a logarithmic scale.

    sfu.ca/~ssurjano/rosen.html. Noise has the tails of Student's t with 3 degrees of freedom.
    """

    space: Mapping[str, Any] = {LR: RATE, RATIO: BALANCE, L1: WEIGHT, DROPOUT: DROPPED}
    null = (DROPOUT,)
    interactions = frozenset(map(frozenset, combinations((LR, RATIO, L1), 2)))
    ranks = (0.8, 0.89, 0.98)
    haste = 3.0
    optimum: Mapping[str, Any] = {
        LR: 1e-5 * 1000 ** (5 / 6),
        RATIO: 0.05 * 200 ** (5 / 6),
        L1: 300 ** (5 / 6),
        DROPOUT: 0.0,
    }

    def _raw(self, at: np.ndarray, shares: np.ndarray) -> np.ndarray:
        x = 3 * at[:, :3] - 1.5
        steps = 100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2
        return np.log1p(steps.sum(1) / 20) + 0 * shares

    def _shaped(self, normal: np.ndarray) -> np.ndarray:
        return stdtrit(3, ndtr(normal)) / 3**0.5


class Additive(Landscape):
    """Effects that add up, and three dimensions without any."""

    space: Mapping[str, Any] = {
        LR: RATE,
        RATIO: BALANCE,
        L1: WEIGHT,
        LOSS: {"choice": ["bce", "lsgan", "hinge"]},
        BETA: MOMENTUM,
        DROPOUT: DROPPED,
        ACTIVATION: FUNCTIONS,
    }
    null = (BETA, DROPOUT, ACTIVATION)
    ranks = (0.8, 0.86, 0.955)
    haste = 5.0
    optimum: Mapping[str, Any] = {
        LR: 1e-5 * 1000**0.65,
        RATIO: 0.05,
        L1: 300**0.5,
        LOSS: "hinge",
        BETA: 0.0,
        DROPOUT: 0.0,
        ACTIVATION: "relu",
    }

    def _raw(self, at: np.ndarray, shares: np.ndarray) -> np.ndarray:
        rate, ratio, l1, loss = at.T[:4]
        raw = 6 * (rate - 0.65) ** 2 + 1.5 * ratio + 3 * (l1 - 0.5) ** 2
        return raw + np.array([0.8, 0.3, 0.0])[loss.astype(int)] + 0 * shares


class GrowingNoise(Additive):
    """The same truth, where noise grows sixfold along the generator's rate and is skewed."""

    SKEW = 0.6

    def _loudness(self, at: np.ndarray) -> np.ndarray:
        return _growing(at[:, 0], 6)

    def _shaped(self, normal: np.ndarray) -> np.ndarray:
        """Shifted lognormal, of skewness 2.3."""
        square = np.exp(self.SKEW**2)
        return (np.exp(self.SKEW * normal) - square**0.5) / (square * (square - 1)) ** 0.5


SURFACES: dict[str, Callable[[], Surface | Landscape]] = {
    "colorization": Surface,
    "colorization-diverging": partial(Surface, 0.2),
    "hartmann6": Hartmann6,
    "branin-edge": BraninEdge,
    "mixed": Mixed,
    "curves": Curves,
    "valley": Valley,
    "additive": Additive,
    "growing-noise": GrowingNoise,
}


@cache
def surface_named(name: str) -> Surface | Landscape:
    """One surface a process, as it measures itself when it is made."""
    return SURFACES[name]()


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


def _growing(at: np.ndarray, times: float) -> np.ndarray:
    """From one end of a range to the other so many times as much; its mean square is 1."""
    mean_square = (times**2 - 1) / (2 * np.log(times))
    return times**at / mean_square**0.5
