"""A response surface like that of colorization GANs, known in closed form.

Two errors of a training that has seen a share f of its pictures: ab MAE, and a gap in colorfulness
that wants other settings. Early values rank points badly, in the measure that real trainings showed
(Spearman's correlation with the end .5, .85 and .98 at a quarter, a half and three quarters of the
budget). Seeds add noise that is mostly the same for all points, so that a shared seed pairs them.
Where both learning rates are high trainings diverge.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import spearmanr

IMAGES = 12_800
TICKS = 20
RANKS = {0.0: 0.2, 0.25: 0.5, 0.5: 0.85, 0.75: 0.98, 1.0: 1.0}
"""Spearman's correlation of a metric with its end, by share of the budget."""
METRICS = ("ab_mae", "colorfulness_gap")
LR, RATIO, L1 = "optimizer.generator_lr", "optimizer.lr_ratio", "loss.l1_weight"
LOSS, SMOOTHING, DROPOUT = "loss.adversarial", "loss.label_smoothing", "generator.dropout"
LOSSES = ("bce", "lsgan", "hinge")
SPACE: dict[str, Any] = {
    LR: {"loguniform": [1e-5, 1e-2]},
    RATIO: {"loguniform": [0.05, 10]},
    L1: {"loguniform": [1, 300], "or": 0},
    LOSS: {"choice": list(LOSSES)},
    SMOOTHING: {"uniform": [0.0, 0.3], "when": {LOSS: ["bce", "lsgan"]}},
    DROPOUT: {"uniform": [0.0, 0.5]},
}
BEST_MAE = 6.0
"""The ab MAE of `Surface.optimum`, the least there is."""
_REFERENCE = 4096


class Surface:
    """Trainings of a point with a seed.

    Args:
        diverging: share of random points whose training diverges.
        noise: standard deviation of what a seed adds to a metric.
        pairing: correlation of that between two points of the same seed.
        spread: standard deviation of ab MAE over random points; None for the surface's own.
        null: dimensions beside those of SPACE, without effect.

    Attributes: as of `landscape.Landscape`.
    """

    interactions = frozenset({frozenset({LR, RATIO})})
    risky = (LR, RATIO)
    best = BEST_MAE
    optimum: Mapping[str, Any] = {
        LR: 1e-5 * 1000**0.7,
        RATIO: 0.05 * 200**0.45,
        L1: 300**0.6,
        LOSS: "lsgan",
        SMOOTHING: 0.3 * 0.4,
        DROPOUT: 0.5 * 0.2,
    }

    def __init__(
        self,
        diverging: float = 0.0,
        noise: float = 0.35,
        pairing: float = 0.9,
        spread: float | None = None,
        null: Mapping[str, Any] | None = None,
    ) -> None:
        self.space: Mapping[str, Any] = {**SPACE, **(null or {})}
        self.null = tuple(null or ())
        self.edge = 2 - (2 * diverging) ** 0.5
        """Trainings diverge where the unit coordinates of both learning rates add up to more."""
        self.noise = noise
        self.pairing = pairing
        self._stretch = 1.0
        if spread is not None:
            self._stretch = spread / self._final(self._reference)[:, 0].std()

    def final(self, points: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """The errors at the end of a training, without noise and divergence, (N, 2)."""
        return self._final(coordinates(points))

    def regret(self, point: Mapping[str, Any]) -> float:
        """How far a point's ab MAE lies above the least there is; no less than 0."""
        return float(self.final([point])[0, 0] - BEST_MAE)

    def diverges(self, points: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Whether trainings of these points diverge, (N,) bool."""
        return coordinates(points)[:, :2].sum(1) > self.edge

    def at(self, points: Sequence[Mapping[str, Any]], share: float) -> np.ndarray:
        """The errors after a share of the budget, without noise and divergence, (N, 2)."""
        return self._at(coordinates(points), np.array([share]))

    def curve(self, point: Mapping[str, Any], seed: int, ticks: int = TICKS) -> np.ndarray:
        """What a training reports, (ticks, 2); NaN from where it diverged."""
        at = coordinates([point])
        shares = np.arange(1, ticks + 1) / ticks
        values = self._at(at, shares)
        values += self.noise * self._seed_noise(point, seed, ticks)
        beyond = (at[0, 0] + at[0, 1] - self.edge) / max(2 - self.edge, 1e-9)
        if beyond > 0:
            values[shares >= 0.65 - 0.6 * beyond] = np.nan
        return values

    def random_points(self, count: int, seed: int) -> list[dict[str, Any]]:
        """Points as a random sampler draws them from SPACE."""
        return random_points(count, seed)

    def test_values(self, point: Mapping[str, Any], seed: int) -> np.ndarray:
        """The errors of a finished training on the test pictures, (2,)."""
        noise = self._seed_noise(point, seed, 1, "test")
        return self.final([point])[0] + self.noise * noise[0]

    def seconds_per_tick(self, point: Mapping[str, Any]) -> float:
        """How long a tick takes: up to twice as long for some points as for others."""
        return 10 * 2 ** float(np.sin(50 * coordinates([point]).sum()) ** 2)

    def _seed_noise(
        self, point: Mapping[str, Any], seed: int, ticks: int, split: str = "val"
    ) -> np.ndarray:
        """Unit variance at each tick, most of it the same at all of them, (ticks, 2)."""
        common = wobble(f"{split} {seed}", ticks)
        own = wobble(f"{split} {seed} {sorted(point.items())}", ticks)
        return self.pairing**0.5 * common + (1 - self.pairing) ** 0.5 * own

    def _final(self, at: np.ndarray) -> np.ndarray:
        a, b, l1, special, loss, smoothing, dropout = at.T
        mae = 7 * (a - 0.7) ** 2 + 5 * (b - 0.45 - 0.5 * (a - 0.7)) ** 2
        mae += np.where(special, 1.2, 3 * (l1 - 0.6) ** 2) + 1.5 * (dropout - 0.2) ** 2
        mae += np.choose(loss.astype(int), [0.25, 0.0, 0.5])
        mae += np.where(loss < 2, (smoothing - 0.4) ** 2, 0)
        gap = 12 * (a - 0.5) ** 2 + 8 * (b - 0.65) ** 2
        gap += np.where(special, 0.0, 6 * l1**2) + np.choose(loss.astype(int), [1.0, 1.5, 0.0])
        gap += 2 * (dropout - 0.6) ** 2 + np.where(loss < 2, smoothing, 0)
        return np.stack([BEST_MAE + self._stretch * mae, 3 + gap], axis=1)

    def _at(self, at: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """The errors of many points after one share, or of one point after many."""
        angles = np.stack([np.interp(shares, list(RANKS), one) for one in self._angles], axis=1)
        return self._turned(at, angles) + 8 * (np.exp(-4 * shares) - np.exp(-4))[:, None]

    def _turned(self, at: np.ndarray, angles: np.ndarray) -> np.ndarray:
        """The final errors turned towards what shows early but does not last."""
        mean, scale = self._center, self._scale
        standard = (self._final(at) - mean) / scale
        return mean + scale * (np.cos(angles) * standard + np.sin(angles) * self._passing(at))

    def _passing(self, at: np.ndarray) -> np.ndarray:
        """Early advantages: fast learners and sheer luck, uncorrelated with the final errors."""
        mixed, weights = self._early
        standard = (self._final(at) - self._center) / self._scale
        raw = _early_shape(at) - np.stack([standard @ one for one in weights], axis=1)
        return (raw - mixed[0]) / mixed[1]

    @cached_property
    def _reference(self) -> np.ndarray:
        return coordinates(random_points(_REFERENCE, seed=11))

    @cached_property
    def _center(self) -> np.ndarray:
        return self._final(self._reference).mean(0)

    @cached_property
    def _scale(self) -> np.ndarray:
        return self._final(self._reference).std(0)

    @cached_property
    def _early(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and scale of early advantages, and their share of the final errors (2, 2)."""
        standard = (self._final(self._reference) - self._center) / self._scale
        raw = _early_shape(self._reference)
        weights = np.linalg.lstsq(standard, raw, rcond=None)[0].T
        rest = raw - standard @ weights.T
        return np.stack([rest.mean(0), rest.std(0)]), weights

    @cached_property
    def _angles(self) -> np.ndarray:
        """How far errors are turned at the shares of RANKS, so that ranks agree as said, (2, 5)."""
        final = self._final(self._reference)

        def too_alike(angle: float, metric: int, rank: float) -> float:
            early = self._turned(self._reference, np.array([angle, angle]))
            return spearmanr(early[:, metric], final[:, metric]).statistic - rank

        return np.array(
            [
                [
                    brentq(too_alike, 0, np.pi / 2, args=(metric, rank), xtol=1e-4)
                    if rank < 1
                    else 0.0
                    for rank in RANKS.values()
                ]
                for metric in range(len(METRICS))
            ]
        )


class Levels(Surface):
    """A surface over levels of dropout alone, with the ab MAE that is given for each.

    Nothing shows early that does not last.
    """

    def __init__(self, errors: Mapping[float, float], noise: float, pairing: float) -> None:
        super().__init__(noise=noise, pairing=pairing)
        self.errors = dict(errors)

    def final(self, points: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """The errors without noise, (N, 2); every gap in colorfulness is 3."""
        return np.array([(self.errors[point[DROPOUT]], 3.0) for point in points])

    def curve(self, point: Mapping[str, Any], seed: int, ticks: int = TICKS) -> np.ndarray:
        """What a training reports, (ticks, 2)."""
        return self.final([point]) + self.noise * self._seed_noise(point, seed, ticks)

    def seconds_per_tick(self, point: Mapping[str, Any]) -> float:
        """The same for all."""
        return 10.0


def coordinates(points: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Points as numbers, (N, 7).

    Columns are both learning rates, the L1 weight (each from 0 to 1 over its range), whether that
    weight is the special one, the index of the loss, smoothing and dropout (0 to 1).
    """
    rows = []
    for point in points:
        special = point[L1] == 0
        rows.append(
            (
                np.log(point[LR] / 1e-5) / np.log(1000),
                np.log(point[RATIO] / 0.05) / np.log(200),
                0.0 if special else np.log(point[L1]) / np.log(300),
                special,
                LOSSES.index(point[LOSS]),
                point.get(SMOOTHING, 0.0) / 0.3,
                point[DROPOUT] / 0.5,
            )
        )
    return np.array(rows, dtype=float).reshape(-1, 7)


def random_points(count: int, seed: int) -> list[dict[str, Any]]:
    """Points as a random sampler draws them from SPACE."""
    chance = np.random.default_rng(seed)
    points = []
    for a, b, c, smoothing, dropout in chance.random((count, 5)):
        point = {LR: 1e-5 * 1000**a, RATIO: 0.05 * 200**b}
        point[L1] = 0 if chance.random() < 0.5 else 300**c
        point[LOSS] = LOSSES[chance.integers(3)]
        if point[LOSS] != "hinge":
            point[SMOOTHING] = 0.3 * smoothing
        points.append({**point, DROPOUT: 0.5 * dropout})
    return points


def _early_shape(at: np.ndarray) -> np.ndarray:
    """Half a preference for high rates and little regularization, half without any order."""
    a, b, l1, special, loss, smoothing, dropout = at.T
    fast = -2 * a + 0.5 * dropout - 0.5 * special + 0.3 * smoothing
    lively = -1.5 * b - a + l1
    phase = at[:, :3] @ np.array([[311.0, 173.0], [207.0, 291.0], [157.0, 119.0]])
    luck = np.sin(phase + 97.0 * at[:, 6:] + loss[:, None])
    return np.stack([fast, lively], axis=1) + luck


def wobble(name: str, ticks: int) -> np.ndarray:
    """Noise of unit variance that belongs to a name; four fifths of it last over all ticks."""
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    draws = np.random.default_rng(key).standard_normal((ticks + 1, len(METRICS)))
    return 0.8**0.5 * draws[:1] + 0.2**0.5 * draws[1:]
