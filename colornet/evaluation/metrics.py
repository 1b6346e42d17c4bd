"""Each metric a function of predicted and true colors.

The names, units and directions are those of `colornet.config.columns.METRICS`. Most metrics give
one value per picture; NaN means "does not apply to this picture" and becomes null wherever
it is written. A few need all pixels of a split at once and are read from a `Tally`.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from colornet.color import AB_RANGE, LIGHTNESS_HALF_RANGE, rgb_from_lab
from colornet.evaluation import histograms
from colornet.evaluation.ciede2000 import chroma_of, ciede2000_of
from colornet.evaluation.ssim import structural_similarity

STRONG_CHROMA = 40.0
"""Lab chroma above which a true color counts as strong."""
_EPSILON = 2.0
_AB_TOLERANCE = 2.2 * _EPSILON


def opponents_of(rgb: Tensor) -> Tensor:
    """Red against green, and yellow against blue: (N, 3, H, W) in [0, 255] -> (N, 2, H, W)."""
    red, green, blue = rgb.unbind(1)
    # rg = R - G, yb = (R + G) / 2 - B (equations 1 and 2).
    return torch.stack((red - green, (red + green).mul_(0.5).sub_(blue)), 1)


def colorfulness_of(opponents: Tensor) -> Tensor:
    """M3: 0 for grey, 85.53 for pure red, 109 for what people call extremely colorful.

    Args:
        opponents: (N, 2, H, W), as `opponents_of` gives them.

    Returns:
        (N,): the norm of the two deviations + 0.3 x the norm of the two means.
    """
    # M3 = sqrt(var rg + var yb) + 0.3 sqrt(mean rg^2 + mean yb^2) (section 7).
    variances, means = torch.var_mean(opponents.flatten(2), 2, correction=0)
    return variances.sum(1).sqrt() + 0.3 * means.square().sum(1).sqrt()


class Pair:
    """Predictions beside the truth, and what several metrics read of them.

    Args:
        lightness: (N, 1, H, W) in [-1, 1], common to both.
        predicted_ab: (N, 2, H, W), ab / 110.
        true_ab: (N, 2, H, W), ab / 110.
        true_rgb: (N, 3, H, W) float32 in [0, 255].
        predicted_lightness: (N, 1, H, W) in [-1, 1], the generator's own before the true one
            took its place; None where it predicts ab alone.

    Attributes:
        predicted_color, true_color: a and b (N, 2, H, W) in Lab units.
        true_chroma: (N, H, W), Lab units.
        ab_error: absolute differences (N, 2, H, W) in Lab units.
        closeness: (N, H, W), what each pixel adds to the area under the curve of `auc`; at most 1.
        unclipped_rgb: (N, 3, H, W) float32, whole numbers, beyond [0, 255] for colors that sRGB
            lacks.
        predicted_rgb: the same within [0, 255]: the true lightness, predicted color.
        rgb_error: differences (N, 3, H, W) of 255.
        right_ab: (N, H, W) bool: pixels within 4.4 Lab units in a and in b, rounded to whole ones.
        predicted_opponents: (N, 2, H, W), for the prediction's colorfulness.
        predicted_colorfulness, true_colorfulness: (N,).
    """

    def __init__(
        self,
        lightness: Tensor,
        predicted_ab: Tensor,
        true_ab: Tensor,
        true_rgb: Tensor,
        predicted_lightness: Tensor | None = None,
    ) -> None:
        self.lightness, self.predicted_lightness = lightness, predicted_lightness
        self.true_rgb = true_rgb
        self.predicted_color = (predicted_ab * AB_RANGE).contiguous()
        self.true_color = (true_ab * AB_RANGE).contiguous()
        self.true_chroma = chroma_of(self.true_color)
        self.ab_error = (self.predicted_color - self.true_color).abs_()
        self.closeness = histograms.closeness(chroma_of(self.ab_error))
        self.unclipped_rgb = rgb_from_lab(lightness, predicted_ab).mul_(255).round_()
        self.predicted_rgb = self.unclipped_rgb.clamp(0, 255)
        self.rgb_error = self.predicted_rgb - true_rgb
        rounded_error = (self.predicted_color.round() - self.true_color.round()).abs_()
        self.right_ab = (rounded_error <= _AB_TOLERANCE).all(1)
        self.predicted_opponents = opponents_of(self.predicted_rgb)
        self.predicted_colorfulness = colorfulness_of(self.predicted_opponents)
        self.true_colorfulness = colorfulness_of(opponents_of(true_rgb))


def strong_ab_mae(pair: Pair) -> Tensor:
    """`ab_mae` over the pixels whose true chroma is above 40; NaN for pictures without any."""
    return mean_on_strong_colors(pair.ab_error, pair.true_chroma)


def mean_on_strong_colors(ab_error: Tensor, true_chroma: Tensor) -> Tensor:
    """Mean (N,) of (N, 2, H, W) over the pixels with a chroma (N, H, W) above 40 Lab units."""
    strong = true_chroma > STRONG_CHROMA
    error = ab_error.mean(1) * strong
    return error.sum((1, 2)) / strong.sum((1, 2))


def psnr(pair: Pair) -> Tensor:
    """20 log10(255 / RMSE) of 8-bit RGB, dB; NaN for equal pictures, whose PSNR is infinite."""
    mean_square = pair.rgb_error.square().mean((1, 2, 3))
    value = 10 * torch.log10(255**2 / mean_square)
    return torch.where(mean_square == 0, torch.nan, value)


def eps_accuracy(pair: Pair) -> Tensor:
    """Share of pixels right in L, a and b: README 001's accuracy (Nazeri et al. 2018).

    Right is a pixel whose channels, rounded to whole Lab units, differ by at most 2 in L and 4.4
    in a and b: 2% of 100 and of 220. It judges the generator's own L; NaN where it has none.
    """
    if pair.predicted_lightness is None:
        return torch.full_like(pair.lightness[:, 0, 0, 0], torch.nan)
    predicted, true = (
        ((lightness[:, 0] + 1) * LIGHTNESS_HALF_RANGE).round_()
        for lightness in (pair.predicted_lightness, pair.lightness)
    )
    right = (predicted - true).abs_() <= _EPSILON
    return (right & pair.right_ab).float().mean((1, 2))


def clipped_gamut(pair: Pair) -> Tensor:
    """Share of pixels whose predicted color, with the true lightness, sRGB cannot show.

    Those are the ones with an 8-bit value outside 0 .. 255 before clipping.
    """
    red, green, blue = (pair.unclipped_rgb != pair.predicted_rgb).unbind(1)
    return (red | green | blue).float().mean((1, 2))


PER_PICTURE: dict[str, Callable[[Pair], Tensor]] = {
    # Mean |difference| over pixels, a and b; Lab units.
    "ab_mae": lambda pair: pair.ab_error.mean((1, 2, 3)),
    # Mean |difference| of 8-bit RGB after clipping to sRGB, of 255 (Nazeri et al. 2018).
    "rgb_mae": lambda pair: pair.rgb_error.abs().mean((1, 2, 3)),
    "psnr": psnr,
    # Of 8-bit RGB (Wang et al. 2004), at most 1; mostly the lightness's, which both share.
    "ssim": lambda pair: structural_similarity(pair.predicted_rgb, pair.true_rgb),
    # Mean over pixels, both with the true lightness (Sharma et al. 2005); 1 is just noticeable.
    "ciede2000": lambda pair: ciede2000_of(pair.predicted_color, pair.true_color).mean((1, 2)),
    # Area under the curve of the share of pixels within t Lab units of the truth in ab, t = 0 ..
    # 150; equal pictures have 1 (Zhang et al. 2016). It is 1 - mean of min(distance, 150) / 150.
    "auc": lambda pair: pair.closeness.mean((1, 2)),
    "eps_accuracy": eps_accuracy,
    # The same in a and b alone, which applies to every generator; the higher of the two.
    "eps_accuracy_ab": lambda pair: pair.right_ab.float().mean((1, 2)),
    # M3 (Hasler & Suesstrunk 2003), with signed opponent channels.
    "colorfulness": lambda pair: pair.predicted_colorfulness,
    # M3 of |red - green| and |yellow - blue|, as DDColor (Kang et al. 2023) has it. Half red, half
    # green is 85.53 here, as all red is, and 293.25 in `colorfulness`.
    "colorfulness_abs": lambda pair: colorfulness_of(pair.predicted_opponents.abs()),
    "colorfulness_gap": lambda pair: (pair.predicted_colorfulness - pair.true_colorfulness).abs(),
    # Mean chroma C* of the prediction - that of the truth, Lab units; below 0 is faded.
    "chroma_bias": lambda pair: (chroma_of(pair.predicted_color) - pair.true_chroma).mean((1, 2)),
    "clipped_gamut": clipped_gamut,
    "strong_ab_mae": strong_ab_mae,
}
"""Metrics of one picture, (N,); over many pictures their mean counts."""


class Tally:
    """What the metrics of a whole split need, added up batch by batch, of fixed size.

    Attributes:
        colors: pixels by color.
        predicted_colorfulness: sum over the pictures; `true_colorfulness` likewise.
    """

    def __init__(self, device: torch.device) -> None:
        self.colors = histograms.ColorCounts(device)
        sums = torch.zeros(2, dtype=torch.float64, device=device)
        self.predicted_colorfulness, self.true_colorfulness = sums

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


OVERALL: dict[str, Callable[[Tally], float]] = {
    "colorfulness_ratio": colorfulness_ratio,
    # `auc` with every pixel weighted by 1 / p(its true color) (Zhang et al. 2016, lambda 0). Here
    # p is the distribution of the split's own true colors, so that each color that occurs counts
    # the same, however rare: trials measured on the same pictures compare, values from other
    # pictures do not. The paper's p is that of ImageNet.
    "auc_rebalanced": lambda tally: histograms.rebalanced_closeness(tally.colors),
    # 0 when every color is predicted as often as it occurs, wherever that is; 1 when no bin of
    # color, nor that of colors which no screen shows, occurs in both.
    "ab_histogram": lambda tally: histograms.histogram_distance(tally.colors),
}
"""Metrics of a split as a whole, which have no value per picture."""
