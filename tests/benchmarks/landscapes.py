"""Response surfaces of seven kinds, over real settings, beside the one of `surface.py`.

None was made after the platform's own models. All have the seam of `surface.Surface`: true errors
of random points that spread by one standard deviation, noise of 0.35 of which most belongs to the
seed, and a least error of `BEST_MAE`. The first of the two errors is the one of interest; the
second, a gap in colorfulness, wants high settings whatever the first one wants.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from itertools import combinations
from typing import Any

import numpy as np
from landscape import SPECIAL, Landscape
from scipy.special import ndtr, stdtrit
from surface import Surface

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


class Hartmann6(Landscape):
    """Six settings of which all depend on each other, with other optima early.

    Hartmann's function as of Surjanovic and Bingham (sfu.ca/~ssurjano/hart6.html). Early the
    weights of its four wells are others, as in Kandasamy et al. (NIPS 2016, MF-GP-UCB, appendix),
    who shift them by SHIFT or less from one fidelity to the next. So little leaves ranks as they
    are: here the start and the end are 20 times SHIFT apart.
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
    are those of Kandasamy et al. (ICML 2017, BOCA, appendix).
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


def _growing(at: np.ndarray, times: float) -> np.ndarray:
    """From one end of a range to the other so many times as much; its mean square is 1."""
    mean_square = (times**2 - 1) / (2 * np.log(times))
    return times**at / mean_square**0.5
