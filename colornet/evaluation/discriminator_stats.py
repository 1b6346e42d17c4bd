"""Statistics of a discriminator's scores: how right it is, whether it remembers single pictures.

A score is a picture's mean logit, one number however many patches are judged. T are real training
pictures that it was shown, V real held-out ones, F_T and F_V what the generator makes of either.
A value that does not apply, or that scores which are not a number leave open, is None.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from colornet.config.columns import finite_or_none

COLLAPSED = 0.002
"""Share of the way from the loss's floor to its equilibrium below which the discriminator has won.
A published run that never recovers is at 0.0077, 0.0104, 0.0007, 0.0003 after its first epochs."""
_TICKS = 3
"""Memory is judged by the mean of so many ticks."""
MEMORY = 0.1
"""Least excess over 0.5, of the AUROC of T over V, that is called overfitting."""
_ERRORS = 3.0
"""Standard errors by which it must also exceed 0.5: the sample is the same in every tick."""
_TOLD_APART = 2.0
"""Standard errors between the means of T and F_V from which on `r_v` has a scale."""


@dataclass(frozen=True)
class Scores:
    """Scores of four kinds of pictures, each (N,) with an N of its own.

    Attributes:
        matched, mismatched: of held-out pictures in their own and in another one's colors; None
            where the discriminator does not see lightness.
    """

    real_train: np.ndarray
    real_val: np.ndarray
    fake_train: np.ndarray
    fake_val: np.ndarray
    matched: np.ndarray | None = None
    mismatched: np.ndarray | None = None


def discriminator_columns(scores: Scores, boundary: float | None) -> dict[str, float | None]:
    """Columns of the discriminator's accuracy and memory, by their names in DIAGNOSTICS.

    Accuracies count pictures, in four separate numbers: BigGAN's discriminator knows over 98% of
    training pictures and 50-55% of held-out ones (Brock et al. 2018, section 4.2). `r_t` and `r_v`
    are the heuristics of Karras et al. 2020 (ADA, equation 1).

    Args:
        boundary: the score above which a picture is called real; None where there is no such.
    """
    if any(kind is not None and np.isnan(kind).any() for kind in vars(scores).values()):
        return {}
    real_train, real_val = scores.real_train, scores.real_val
    columns = {
        "d_auc_val": auroc(real_val, scores.fake_val),
        "d_gap": finite_or_none(_difference(real_train, real_val)),
        "d_gap_auc": auroc(real_train, real_val),
        "r_v": r_v(real_train, real_val, scores.fake_val),
    }
    if scores.matched is not None and scores.mismatched is not None:
        columns["d_pair_auc"] = auroc(scores.matched, scores.mismatched)
    if boundary is not None:
        columns |= {
            "d_acc_real_train": float(np.mean(real_train > boundary)),
            "d_acc_real_val": float(np.mean(real_val > boundary)),
            "d_acc_fake_train": float(np.mean(scores.fake_train <= boundary)),
            "d_acc_fake_val": float(np.mean(scores.fake_val <= boundary)),
            "r_t": float(np.mean(np.sign(real_train - boundary))),
        }
    return columns


def auroc(high: np.ndarray, low: np.ndarray) -> float | None:
    """The probability that one of `high` scores above one of `low`, ties half (Mann-Whitney).

    Args:
        high, low: (N,) and (M,); infinities are in order, an empty one or a NaN gives None.
    """
    if not len(high) or not len(low) or np.isnan(high).any() or np.isnan(low).any():
        return None
    # The Mann-Whitney U statistic over its greatest value N M (Hanley & McNeil 1982).
    above = high[:, None] > low[None, :]
    equal = high[:, None] == low[None, :]
    return float(np.mean(above + 0.5 * equal))


def r_v(real_train: np.ndarray, real_val: np.ndarray, fake_val: np.ndarray) -> float | None:
    """(E T - E V) / (E T - E F_V): 0 no memory, 1 held-out pictures look as fake as fakes.

    None while training pictures and fakes are not clearly apart: nothing over nothing.
    """
    if min(len(real_train), len(fake_val)) < 2:
        return None
    apart = _difference(real_train, fake_val)
    with np.errstate(invalid="ignore"):
        # Of a difference of two means (Welch): the sum of each one's variance over its count.
        error = sum(np.var(scores, ddof=1) / len(scores) for scores in (real_train, fake_val))
    if not apart > _TOLD_APART * error**0.5:
        return None
    return finite_or_none(_difference(real_train, real_val) / apart)


def loss_norm(loss: float, limits: tuple[float, float] | None) -> float | None:
    """Where a discriminator's loss is between its floor (0, it is sure) and guessing (1).

    Args:
        loss: without penalty.
        limits: floor and equilibrium in the loss's units, as `floor_and_equilibrium` gives them.
    """
    if limits is None:
        return None
    floor, equilibrium = limits
    return finite_or_none((loss - floor) / (equilibrium - floor))


def overfits(gap_aucs: Sequence[float | None], shown: int, held_out: int) -> bool:
    """Whether a discriminator knows training pictures from held-out ones.

    By the mean over the last three ticks of `d_gap_auc`, which has no threshold and no scale, so
    that it means the same for every adversarial loss: more than the choice of these pictures
    explains (standard error of an AUROC at 0.5: Hanley & McNeil 1982), and more than a trifle.

    Args:
        gap_aucs: of all ticks in order; None where nothing was judged.
        shown, held_out: how many pictures were judged, the same ones in every tick.
    """
    recent = [value for value in gap_aucs if value is not None][-_TICKS:]
    if not recent:
        return False
    # The variance of U / (N M) where both samples are alike: (N + M + 1) / (12 N M).
    error = ((shown + held_out + 1) / (12 * shown * held_out)) ** 0.5
    return bool(np.mean(recent) - 0.5 > max(MEMORY, _ERRORS * error))


def collapsed(loss_norms: Sequence[float | None]) -> bool:
    """Whether the discriminator has won: in some tick it had next to nothing to learn.

    One tick is enough and it stays so: a loss at its floor gives no way back.

    Args:
        loss_norms: `d_loss_norm` of all ticks in order; None where there is none.
    """
    return any(value is not None and value < COLLAPSED for value in loss_norms)


def _difference(first: np.ndarray, second: np.ndarray) -> float:
    """Of the means; NaN where both are infinite."""
    with np.errstate(invalid="ignore"):
        return float(np.mean(first) - np.mean(second))
