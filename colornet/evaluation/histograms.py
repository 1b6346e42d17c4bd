"""All pixels of a split counted in fixed bins of color, so that rare colors can be heard.

The bins are squares of 10 Lab units in the ab plane around whole tens (Zhang et al. 2016 have the
same grid). Those that some 8-bit sRGB color falls into are 261, which is fewer than that paper's
313, whose rule is not published; they are fixed here, in `_ROWS`, so that numbers stay comparable.
"""

import math
from functools import cache

import torch
from torch import Tensor

BIN_WIDTH = 10.0
"""Lab units."""
_COLUMNS = (
    *((8, 8), (4, 8), (2, 9), (0, 9), (-2, 9), (-3, 9), (-4, 9), (-4, 9), (-5, 9), (-6, 9)),
    *((-7, 8), (-7, 8), (-8, 8), (-9, 8), (-9, 7), (-10, 7), (-11, 7), (-11, 7), (-9, 0), (-7, -5)),
)
_ROWS = {ten - 9: ends for ten, ends in enumerate(_COLUMNS)}
"""Tens of a -> first and last ten of b: the whole 256 x 256 x 256 cube, rounded."""
BINS = sum(last - first + 1 for first, last in _ROWS.values())
OUTSIDE = BINS
"""The bin of every color that no screen can show, and of what is not a number."""
_REACH = 12
_SIDE = 2 * _REACH + 1
_FURTHEST = 150.0
"""Lab units up to which `auc` asks what share of pixels is nearer to the truth."""


def color_bins() -> Tensor:
    """The centers (261, 2) of the bins, (a, b) in Lab units, in the order of their numbers."""
    tens = [(a, b) for a, (first, last) in _ROWS.items() for b in range(first, last + 1)]
    return torch.tensor(tens, dtype=torch.float32) * BIN_WIDTH


@cache
def _numbers(device: torch.device) -> Tensor:
    """Number of the bin of each cell of a square that reaches beyond all of them, flat, int32."""
    numbers = torch.full((_SIDE * _SIDE,), OUTSIDE, dtype=torch.int32)
    tens = (color_bins() / BIN_WIDTH).round().long() + _REACH
    numbers[tens[:, 0] * _SIDE + tens[:, 1]] = torch.arange(BINS, dtype=torch.int32)
    return numbers.to(device)


def bin_of(color: Tensor) -> Tensor:
    """Numbers of the bins of colors.

    Args:
        color: (N, 2, H, W), Lab units.

    Returns:
        (N * H * W,) int32, 0 .. 261.
    """
    # A bin is a place in a square that reaches beyond all of them; elsewhere it holds OUTSIDE.
    tens = (color * (1 / BIN_WIDTH)).round_().clamp_(-_REACH, _REACH).nan_to_num_(nan=_REACH)
    cells = (tens[:, 0] * _SIDE).add_(tens[:, 1]).add_(_REACH * _SIDE + _REACH)
    return _numbers(color.device).index_select(0, cells.flatten().int())


def closeness(distance: Tensor) -> Tensor:
    """A pixel's share of the area under the curve of `auc`.

    The curve tells for t from 0 to 150 Lab units which share of pixels is within t of the truth. A
    pixel at distance d is in it from d on, which makes its part of the whole area 1 - d / 150.
    (Summing over whole t instead gives values lower or higher by up to 0.0034.)

    Args:
        distance: Euclidean ab distances of any shape, Lab units.

    Returns:
        1 (equal) .. 0 (150 or further), same shape; NaN stays NaN.
    """
    return (distance * (-1 / _FURTHEST)).add_(1).clamp_min_(0)


class ColorCounts:
    """Pixels of a split, counted by bin; of fixed size, however many pictures are added.

    Attributes:
        true: pixels by the bin of their true color, (262,) float64.
        predicted: pixels by the bin of their predicted color, (262,).
        closeness: sums of `closeness` by the bin of the true color, (262,).
    """

    def __init__(self, device: torch.device) -> None:
        counts = torch.zeros(3, BINS + 1, dtype=torch.float64, device=device)
        self.true, self.predicted, self.closeness = counts

    def add(self, predicted: Tensor, true: Tensor, closeness: Tensor) -> None:
        """Count more pictures.

        Args:
            predicted: (N, 2, H, W), Lab units; `true` likewise.
            closeness: (N, H, W).
        """
        bins = bin_of(true)
        self.true += bins.bincount(minlength=BINS + 1)
        self.predicted += bin_of(predicted).bincount(minlength=BINS + 1)
        self.closeness += bins.bincount(closeness.flatten().double(), minlength=BINS + 1)


def rebalanced_closeness(counts: ColorCounts) -> float:
    """Mean closeness in [0, 1] over the bins that occur in the truth, each counting the same.

    That is Zhang et al.'s weighting of every pixel by 1 / p(its true bin), lambda 0, with p the
    distribution of the very pictures that are judged.
    """
    # Each pixel weighs 1 / p(bin), so that a bin's pixels weigh as much as any other bin's: what is
    # left is the mean over bins of their means (Zhang et al. 2016, equation 4 with lambda 0).
    occurs = counts.true > 0
    means = counts.closeness[occurs] / counts.true[occurs]
    return float(means.mean())


def histogram_distance(counts: ColorCounts) -> float:
    """Jensen-Shannon distance, to base 2, of predicted and true colors: 0 equal, 1 disjoint."""
    predicted = counts.predicted / counts.predicted.sum()
    true = counts.true / counts.true.sum()
    # JSD = (KL(p, m) + KL(q, m)) / 2 with m the mean of both (Lin 1991); in bits it is at most 1,
    # and its root is a metric (Endres & Schindelin 2003). xlogy takes 0 log 0 for 0.
    middle = (predicted + true) / 2
    gains = [(torch.xlogy(p, p) - torch.xlogy(p, middle)).sum() for p in (predicted, true)]
    return float(((gains[0] + gains[1]) / math.log(4)).clamp(0, 1).sqrt())
