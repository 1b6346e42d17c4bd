"""Each metric a function of predicted and true colors.

The names, units and directions are those of `colornet.config.columns.METRICS`. Most metrics give
one value per picture; NaN stands for "does not apply to this picture" and becomes null wherever
it is written. A few need all pixels of a split at once and are read from a `Tally`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from colornet.color import AB_RANGE, LIGHTNESS_HALF_RANGE, rgb_from_lab
from colornet.evaluation.ciede2000 import chroma_of, ciede2000_of
from colornet.evaluation.histograms import (
    ColorCounts,
    closeness,
    histogram_distance,
    rebalanced_closeness,
)
from colornet.evaluation.ssim import structural_similarity

STRONG_CHROMA = 40.0
"""Lab chroma above which a true color counts as strong."""
_EPSILON = 2.0
_AB_TOLERANCE = 2.2 * _EPSILON


@dataclass(frozen=True)
class Pair:
    """Predictions beside the truth.

    Attributes:
        lightness: (N, 1, H, W) in [-1, 1], common to both.
        predicted_ab: (N, 2, H, W), ab / 110.
        true_ab: (N, 2, H, W), ab / 110.
        true_rgb: (N, 3, H, W) float32 in [0, 255].
        predicted_lightness: (N, 1, H, W) in [-1, 1], the generator's own before the true one
            took its place; None where it predicts ab alone.
    """

    lightness: Tensor
    predicted_ab: Tensor
    true_ab: Tensor
    true_rgb: Tensor
    predicted_lightness: Tensor | None = None

    @cached_property
    def predicted_color(self) -> Tensor:
        """a and b (N, 2, H, W) in Lab units."""
        return (self.predicted_ab * AB_RANGE).contiguous()

    @cached_property
    def true_color(self) -> Tensor:
        """a and b (N, 2, H, W) in Lab units."""
        return (self.true_ab * AB_RANGE).contiguous()

    @cached_property
    def true_chroma(self) -> Tensor:
        """(N, H, W), Lab units."""
        return chroma_of(self.true_color)

    @cached_property
    def ab_error(self) -> Tensor:
        """Absolute differences (N, 2, H, W) in Lab units."""
        return (self.predicted_color - self.true_color).abs_()

    @cached_property
    def closeness(self) -> Tensor:
        """(N, H, W), what each pixel adds to the area under the curve of `auc`; at most 1."""
        return closeness(chroma_of(self.ab_error))

    @cached_property
    def unclipped_rgb(self) -> Tensor:
        """(N, 3, H, W) float32, whole numbers, beyond [0, 255] for colors that sRGB lacks."""
        return rgb_from_lab(self.lightness, self.predicted_ab).mul_(255).round_()

    @cached_property
    def predicted_rgb(self) -> Tensor:
        """(N, 3, H, W) float32, whole numbers in [0, 255]: the true lightness, predicted color."""
        return self.unclipped_rgb.clamp(0, 255)

    @cached_property
    def rgb_error(self) -> Tensor:
        """Differences (N, 3, H, W) of 255."""
        return self.predicted_rgb - self.true_rgb

    @cached_property
    def predicted_opponents(self) -> Tensor:
        """(N, 2, H, W), for the prediction's colorfulness."""
        return opponents_of(self.predicted_rgb)

    @cached_property
    def predicted_colorfulness(self) -> Tensor:
        """(N,)."""
        return colorfulness_of(self.predicted_opponents)

    @cached_property
    def true_colorfulness(self) -> Tensor:
        """(N,)."""
        return colorfulness_of(opponents_of(self.true_rgb))


def ab_mae(pair: Pair) -> Tensor:
    """Mean |difference| over pixels, a and b; Lab units."""
    return pair.ab_error.mean((1, 2, 3))


def strong_ab_mae(pair: Pair) -> Tensor:
    """`ab_mae` over the pixels whose true chroma is above 40; NaN for pictures without any."""
    strong = pair.true_chroma > STRONG_CHROMA
    error = pair.ab_error.mean(1) * strong
    return error.sum((1, 2)) / strong.sum((1, 2))


def rgb_mae(pair: Pair) -> Tensor:
    """Mean |difference| of 8-bit RGB after clipping to sRGB; of 255 (Nazeri et al. 2018)."""
    return pair.rgb_error.abs().mean((1, 2, 3))


def psnr(pair: Pair) -> Tensor:
    """20 log10(255 / RMSE) of 8-bit RGB, dB; NaN for equal pictures, whose PSNR is infinite."""
    mean_square = pair.rgb_error.square().mean((1, 2, 3))
    value = 10 * torch.log10(255**2 / mean_square)
    return torch.where(mean_square == 0, torch.nan, value)


def ssim(pair: Pair) -> Tensor:
    """Structural similarity of 8-bit RGB (Wang et al. 2004), at most 1; mostly the lightness's.

    NaN for pictures smaller than its window of 11 pixels.
    """
    return structural_similarity(pair.predicted_rgb, pair.true_rgb)


def ciede2000(pair: Pair) -> Tensor:
    """Mean CIEDE2000 difference (Sharma et al. 2005) over pixels, both with the true lightness.

    About 1 is just noticeable.
    """
    return ciede2000_of(pair.predicted_color, pair.true_color).mean((1, 2))


def eps_accuracy(pair: Pair) -> Tensor:
    """Share of pixels right in L, a and b: README 001's accuracy (Nazeri et al. 2018).

    Right is a pixel whose channels, rounded to whole Lab units, differ by at most 2 in L and 4.4
    in a and b: 2 % of 100 and of 220. It judges the generator's own L; NaN where it has none.
    """
    if pair.predicted_lightness is None:
        return torch.full_like(pair.lightness[:, 0, 0, 0], torch.nan)
    predicted, true = (
        ((lightness[:, 0] + 1) * LIGHTNESS_HALF_RANGE).round_()
        for lightness in (pair.predicted_lightness, pair.lightness)
    )
    right = (predicted - true).abs_() <= _EPSILON
    return (right & _right_ab(pair)).float().mean((1, 2))


def eps_accuracy_ab(pair: Pair) -> Tensor:
    """`eps_accuracy` in a and b alone, which applies to every generator; the higher of the two."""
    return _right_ab(pair).float().mean((1, 2))


def _right_ab(pair: Pair) -> Tensor:
    """(N, H, W) bool."""
    difference = (pair.predicted_color.round() - pair.true_color.round()).abs_()
    right = difference <= _AB_TOLERANCE
    return right[:, 0] & right[:, 1]


def auc(pair: Pair) -> Tensor:
    """Area under the curve of the share of pixels within t of the truth, t = 0 .. 150 Lab units.

    Distances are Euclidean in ab; equal pictures have 1 (Zhang et al. 2016). It comes to
    1 - the mean of min(distance, 150) / 150.
    """
    return pair.closeness.mean((1, 2))


def colorfulness(pair: Pair) -> Tensor:
    """M3 of the prediction (Hasler & Süsstrunk 2003), with signed opponent channels."""
    return pair.predicted_colorfulness


def colorfulness_abs(pair: Pair) -> Tensor:
    """M3 of |red - green| and |yellow - blue|, as DDColor (Kang et al. 2023) has it.

    Half red, half green is 85.53 here, as all red is, and 293.25 in `colorfulness`.
    """
    return colorfulness_of(pair.predicted_opponents.abs())


def colorfulness_gap(pair: Pair) -> Tensor:
    """|Colorfulness of the prediction - that of the truth|."""
    return (pair.predicted_colorfulness - pair.true_colorfulness).abs()


def chroma_bias(pair: Pair) -> Tensor:
    """Mean chroma C* of the prediction - that of the truth, Lab units; below 0 is faded."""
    return (chroma_of(pair.predicted_color) - pair.true_chroma).mean((1, 2))


def clipped_gamut(pair: Pair) -> Tensor:
    """Share of pixels whose predicted color, with the true lightness, sRGB cannot show.

    Those are the ones with an 8-bit value outside 0 .. 255 before clipping.
    """
    red, green, blue = (pair.unclipped_rgb != pair.predicted_rgb).unbind(1)
    return (red | green | blue).float().mean((1, 2))


PER_PICTURE: dict[str, Callable[[Pair], Tensor]] = {
    "ab_mae": ab_mae,
    "rgb_mae": rgb_mae,
    "psnr": psnr,
    "ssim": ssim,
    "ciede2000": ciede2000,
    "auc": auc,
    "eps_accuracy": eps_accuracy,
    "eps_accuracy_ab": eps_accuracy_ab,
    "colorfulness": colorfulness,
    "colorfulness_abs": colorfulness_abs,
    "colorfulness_gap": colorfulness_gap,
    "chroma_bias": chroma_bias,
    "clipped_gamut": clipped_gamut,
    "strong_ab_mae": strong_ab_mae,
}
"""Metrics of one picture; over many pictures their mean counts."""


@dataclass
class Tally:
    """What the metrics of a whole split need, added up batch by batch, of fixed size.

    Attributes:
        colors: pixels by color.
        predicted_colorfulness: sum over the pictures; `true_colorfulness` likewise.
    """

    colors: ColorCounts
    predicted_colorfulness: Tensor
    true_colorfulness: Tensor

    @classmethod
    def none(cls, device: torch.device) -> "Tally":
        """Before the first picture."""
        return cls(ColorCounts.none(device), *torch.zeros(2, dtype=torch.float64, device=device))

    def sums(self) -> list[Tensor]:
        """All that is added up, float64."""
        colors = self.colors
        counts = [colors.true, colors.predicted, colors.closeness]
        return [*counts, self.predicted_colorfulness, self.true_colorfulness]

    def add(self, pair: Pair) -> None:
        """Count more pictures."""
        self.colors.add(pair.predicted_color, pair.true_color, pair.closeness)
        self.predicted_colorfulness += pair.predicted_colorfulness.double().sum()
        self.true_colorfulness += pair.true_colorfulness.double().sum()


def colorfulness_ratio(tally: Tally) -> float:
    """Sum of the predictions' colorfulness / that of the truth's; NaN when all of it is grey."""
    if not tally.true_colorfulness:
        return float("nan")
    return float(tally.predicted_colorfulness / tally.true_colorfulness)


def auc_rebalanced(tally: Tally) -> float:
    """`auc` with every pixel weighted by 1 / p(its true color) (Zhang et al. 2016, lambda 0).

    p is the distribution of the split's own true colors over 261 bins of 10 Lab units, so that
    each color that occurs counts the same, however rare: trials judged on the same pictures
    compare, values from other pictures do not. The paper's p is that of ImageNet.
    """
    return rebalanced_closeness(tally.colors)


def ab_histogram(tally: Tally) -> float:
    """Jensen-Shannon distance of the predicted and true colors of the whole split.

    To base 2, over the 261 bins and one for colors that no screen shows: 0 when every color is
    predicted as often as it occurs, wherever that is, 1 when no bin occurs in both.
    """
    return histogram_distance(tally.colors)


OVERALL: dict[str, Callable[[Tally], float]] = {
    "colorfulness_ratio": colorfulness_ratio,
    "auc_rebalanced": auc_rebalanced,
    "ab_histogram": ab_histogram,
}
"""Metrics of a split as a whole, which have no value per picture."""


def opponents_of(rgb: Tensor) -> Tensor:
    """Red against green, and yellow against blue: (N, 3, H, W) in [0, 255] -> (N, 2, H, W)."""
    red, green, blue = rgb.unbind(1)
    return torch.stack((red - green, (red + green).mul_(0.5).sub_(blue)), 1)


def colorfulness_of(opponents: Tensor) -> Tensor:
    """M3: 0 for grey, 85.53 for pure red, 109 for what people call extremely colorful.

    Args:
        opponents: (N, 2, H, W), as `opponents_of` gives them.

    Returns:
        (N,): the norm of the two deviations + 0.3 x the norm of the two means.
    """
    variances, means = torch.var_mean(opponents.flatten(2), 2, correction=0)
    return variances.sum(1).sqrt() + 0.3 * means.square().sum(1).sqrt()
