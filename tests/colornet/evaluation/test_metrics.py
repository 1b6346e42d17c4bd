"""Every metric on known and on awkward pictures; those of one idea have their own test files."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio

from colornet.color import AB_RANGE, split_lab
from colornet.config.columns import METRICS
from colornet.evaluation.metrics import (
    OVERALL,
    PER_PICTURE,
    Pair,
    Tally,
    clipped_gamut,
    colorfulness_of,
    colorfulness_ratio,
    eps_accuracy,
    opponents_of,
    psnr,
    strong_ab_mae,
)

ab_mae = PER_PICTURE["ab_mae"]
auc = PER_PICTURE["auc"]
chroma_bias = PER_PICTURE["chroma_bias"]
ciede2000 = PER_PICTURE["ciede2000"]
colorfulness = PER_PICTURE["colorfulness"]
colorfulness_abs = PER_PICTURE["colorfulness_abs"]
colorfulness_gap = PER_PICTURE["colorfulness_gap"]
eps_accuracy_ab = PER_PICTURE["eps_accuracy_ab"]
rgb_mae = PER_PICTURE["rgb_mae"]
ssim = PER_PICTURE["ssim"]
ab_histogram, auc_rebalanced = OVERALL["ab_histogram"], OVERALL["auc_rebalanced"]

CPU = torch.device("cpu")
PERFECT: dict[str, float | None] = {
    "ab_mae": 0,
    "rgb_mae": 0,
    "psnr": None,
    "ssim": 1,
    "ciede2000": 0,
    "auc": 1,
    "auc_rebalanced": 1,
    "eps_accuracy": 1,
    "eps_accuracy_ab": 1,
    "colorfulness_gap": 0,
    "colorfulness_ratio": 1,
    "chroma_bias": 0,
    "ab_histogram": 0,
    "clipped_gamut": 0,
    "strong_ab_mae": 0,
}
"""What a prediction equal to the truth gets; colorfulness is then that of the picture."""
BY_UNIT = {"of 1": (0, 1), "of pixels": (0, 1), "of 255": (0, 255)}
LIMITS = {"ssim": (-1, 1), "chroma_bias": (-160, math.inf)}
LIMITS |= {name: BY_UNIT[one.unit] for name, one in METRICS.items() if one.unit in BY_UNIT}
"""Least and greatest values; all others are 0 or more."""


def pair_of(
    true: np.ndarray,
    predicted_ab: torch.Tensor | None = None,
    shift: float = 0.0,
    darker: float | None = None,
) -> Pair:
    """True pictures (N, S, S, 3) uint8 with a prediction, by default theirs plus `shift`.

    Args:
        shift: Lab units added to a and b.
        darker: Lab units by which a lightness of the generator's own is too low; None for none.
    """
    rgb = torch.from_numpy(true)
    lightness, ab = split_lab(rgb)
    predicted = ab + shift / AB_RANGE if predicted_ab is None else predicted_ab
    own = None if darker is None else lightness - darker / 50
    return Pair(lightness, predicted, ab, rgb.permute(0, 3, 1, 2).float(), own)


def noise(count: int = 3, size: int = 24, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(60, 200, (count, size, size, 3), dtype=np.uint8)


def plain(color: tuple[int, int, int], size: int = 16) -> np.ndarray:
    return np.full((1, size, size, 3), color, dtype=np.uint8)


def all_of(pair: Pair) -> dict[str, list[float]]:
    """Every metric's values: one a picture, or one of all pictures."""
    tally = Tally(CPU)
    tally.add(pair)
    values = {name: metric(pair).tolist() for name, metric in PER_PICTURE.items()}
    return values | {name: [metric(tally)] for name, metric in OVERALL.items()}


def tally_of(*pairs: Pair) -> Tally:
    tally = Tally(CPU)
    for pair in pairs:
        tally.add(pair)
    return tally


def test_names_are_those_of_the_measures() -> None:
    assert not set(PER_PICTURE) & set(OVERALL)
    assert {**PER_PICTURE, **OVERALL}.keys() == METRICS.keys()


def test_labels_tell_metrics_apart() -> None:
    labels = [metric.label for metric in METRICS.values()]
    assert len(set(labels)) == len(labels)


def test_every_goal_has_its_perfect_value() -> None:
    missing = {name for name, metric in METRICS.items() if metric.goal} - set(PERFECT)
    assert not missing, "write into PERFECT what a prediction equal to the truth gets"


def test_goals_point_to_the_perfect_value() -> None:
    """From a grey prediction, too dark, to one that is nearly right, and on to the truth."""
    rgb = noise()
    rgb[:, :4, :4] = (255, 0, 0)
    worse = all_of(pair_of(rgb, torch.zeros(3, 2, 24, 24), darker=10.0))
    better = all_of(pair_of(rgb, shift=1.0, darker=0.0))
    for name, best in PERFECT.items():
        if goal := METRICS[name].goal:
            found = [np.mean(worse[name]), np.mean(better[name])]
            assert found[0] != found[1], name
            assert found == sorted(found, reverse=goal == "minimize"), f"{name}: goal {goal}"
            assert best is None or abs(found[1] - best) < abs(found[0] - best), name


def test_errors_in_lab_units_are_in_lab_units() -> None:
    """a and b 5 units off: 5 where the channels count alike, up to 5 x sqrt(2) as a distance."""
    rgb = noise()
    rgb[:, :4, :4] = (255, 0, 0)
    found = all_of(pair_of(rgb, shift=5.0))
    for name, metric in METRICS.items():
        if metric.unit == "Lab units" and metric.goal:
            assert 4.99 < np.mean(found[name]) < 7.08, f"{name}: unit {metric.unit}"


def test_no_metric_changes_what_others_measure() -> None:
    """They share a pair and what it remembers: whichever comes first, all find the same."""
    rgb = noise()
    rgb[:, :4, :4] = (255, 0, 0)
    pair, backwards = (pair_of(rgb, shift=5.0, darker=1.0) for _ in range(2))
    inputs = {key: value.clone() for key, value in vars(pair).items()}
    found = all_of(pair)
    for key, value in inputs.items():
        assert torch.equal(getattr(pair, key), value), key
    tally = tally_of(backwards)
    again = {name: [metric(tally)] for name, metric in reversed(OVERALL.items())}
    again |= {name: metric(backwards).tolist() for name, metric in reversed(PER_PICTURE.items())}
    for name, values in found.items():
        assert again[name] == pytest.approx(values, rel=1e-6, nan_ok=True), name


@pytest.mark.parametrize("name", sorted(PER_PICTURE))
def test_one_finite_value_per_picture(name: str) -> None:
    rgb = noise()
    rgb[:, :4, :4] = (255, 0, 0)
    value = PER_PICTURE[name](pair_of(rgb, shift=5.0, darker=1.0))
    assert value.shape == (3,)
    assert value.dtype == torch.float32
    assert value.isfinite().all()


def test_equality_is_perfect() -> None:
    rgb = noise()
    rgb[:, :4, :4] = (255, 0, 0)
    values = all_of(pair_of(rgb, darker=0.0))
    for name, best in PERFECT.items():
        if best is None:
            assert np.isnan(values[name]).all(), name
        else:
            assert values[name] == pytest.approx([best] * len(values[name]), abs=1e-6), name


AWKWARD: dict[str, dict[str, Any]] = {
    "grey, predicted grey": {"true": plain((120, 120, 120))},
    "grey, predicted colored": {"true": plain((120, 120, 120)), "shift": 20.0},
    "black": {"true": plain((0, 0, 0)), "shift": 3.0},
    "white": {"true": plain((255, 255, 255)), "shift": -3.0},
    "one color": {"true": plain((0, 0, 255)), "shift": 10.0},
    "one color, predicted grey": {
        "true": plain((255, 0, 0)),
        "predicted_ab": torch.zeros(1, 2, 16, 16),
    },
    "equal": {"true": noise()},
    "one pixel": {"true": noise(1, 1), "shift": 4.0},
    "smaller than a window": {"true": noise(2, 8), "shift": 4.0},
    "far outside sRGB": {"true": noise(), "shift": 400.0},
    "no numbers": {"true": noise(1), "predicted_ab": torch.full((1, 2, 24, 24), torch.nan)},
}


@pytest.mark.parametrize("case", AWKWARD)
def test_awkward_pictures_give_numbers_or_none(case: str) -> None:
    for name, values in all_of(pair_of(**AWKWARD[case])).items():
        assert not np.isinf(values).any(), name


def test_one_missing_number_is_seen_and_stays_in_its_picture() -> None:
    ab = torch.zeros(2, 2, 24, 24)
    ab[1, 0, 0, 0] = torch.nan
    pair = pair_of(noise(2), ab)
    assert ab_mae(pair).isfinite().tolist() == [True, False]
    for name, metric in PER_PICTURE.items():
        if name not in ("eps_accuracy", "strong_ab_mae"):
            assert metric(pair)[0].isfinite(), name
    assert 0 <= ab_histogram(tally_of(pair)) <= 1


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999), spread=st.floats(0, 120), size=st.sampled_from([1, 5, 12]))
def test_values_keep_within_their_limits(seed: int, spread: float, size: int) -> None:
    true = np.random.default_rng(seed).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    rng = torch.Generator().manual_seed(seed)
    wrong = torch.randn(2, 2, size, size, generator=rng) * spread / AB_RANGE
    pair = pair_of(true, split_lab(torch.from_numpy(true))[1] + wrong, darker=1.0)
    for name, values in all_of(pair).items():
        low, high = LIMITS.get(name, (0, math.inf))
        assert all(math.isnan(v) or low - 1e-6 <= v <= high + 1e-6 for v in values), name


def test_ab_mae_is_in_lab_units() -> None:
    assert ab_mae(pair_of(noise(), shift=7.0)).tolist() == pytest.approx([7.0] * 3, rel=1e-4)


def test_rgb_metrics_see_the_picture_as_shown() -> None:
    pair = pair_of(noise(), shift=9.0)
    shown = pair.predicted_rgb.permute(0, 2, 3, 1).byte().numpy()
    expected = np.abs(shown.astype(int) - noise()).mean((1, 2, 3))
    assert rgb_mae(pair).tolist() == pytest.approx(expected.tolist(), rel=1e-5)
    oracle = [peak_signal_noise_ratio(t, p) for t, p in zip(noise(), shown, strict=True)]
    assert psnr(pair).tolist() == pytest.approx(oracle, rel=1e-5)


def test_ssim_compares_what_is_shown() -> None:
    assert 0 < ssim(pair_of(noise(), shift=40.0)).max() < 0.99


def test_ciede2000_is_that_of_scikit_image() -> None:
    lab = rgb2lab(noise())
    moved = lab + np.array((0, 12, 12))
    expected = deltaE_ciede2000(lab, moved).mean((1, 2))
    assert ciede2000(pair_of(noise(), shift=12.0)).tolist() == pytest.approx(expected, abs=1e-3)


def test_auc_is_the_area_under_the_shares() -> None:
    generator = torch.Generator().manual_seed(0)
    predicted = torch.rand(3, 2, 24, 24, generator=generator) * 2 - 1
    pair = pair_of(noise(), predicted)
    distance = (pair.predicted_color - pair.true_color).norm(dim=1).flatten(1).numpy()
    thresholds = np.arange(151)
    shares = (distance[:, :, None] <= thresholds).mean(1)
    expected = np.trapezoid(shares, thresholds, axis=1) / 150
    assert auc(pair).tolist() == pytest.approx(expected, abs=5e-4)


def test_rebalanced_auc_hears_the_rare() -> None:
    picture = plain((120, 120, 120))
    picture[0, 0, 0] = (255, 0, 0)
    pair = pair_of(picture, torch.zeros(1, 2, 16, 16))
    missed = math.hypot(80.0923, 67.2028)
    assert auc(pair).item() == pytest.approx(1 - missed / 150 / 256, abs=1e-4)
    rebalanced = auc_rebalanced(tally_of(pair))
    assert rebalanced == pytest.approx(1 - missed / 150 / 2, abs=1e-4)


@pytest.mark.parametrize(
    ("shift", "darker", "ab", "all_three"),
    [(4.0, 1.0, 1, 1), (5.0, 1.0, 0, 0), (-4.0, 3.0, 1, 0), (0.0, 2.0, 1, 1), (0.0, 3.0, 1, 0)],
)
def test_accuracy_tolerates_two_percent(
    shift: float, darker: float, ab: float, all_three: float
) -> None:
    pair = pair_of(noise(), shift=shift, darker=darker)
    # A shift by whole units leaves fractions alone, but for the halves that are rounded to even.
    assert eps_accuracy_ab(pair).tolist() == pytest.approx([ab] * 3, abs=0.01)
    assert eps_accuracy(pair).tolist() == pytest.approx([all_three] * 3, abs=0.01)


def test_accuracy_rounds_to_whole_units() -> None:
    true = torch.tensor([[10.4, 0.0]]).view(1, 2, 1, 1) / AB_RANGE
    for a, right in ((14.4, 1.0), (14.6, 0.0), (5.6, 1.0), (5.4, 0.0)):
        predicted = torch.tensor([[a, 0.0]]).view(1, 2, 1, 1) / AB_RANGE
        pair = Pair(torch.zeros(1, 1, 1, 1), predicted, true, torch.zeros(1, 3, 1, 1))
        assert eps_accuracy_ab(pair).item() == right, a


def test_accuracy_of_one_channel_is_none() -> None:
    predicted = split_lab(torch.from_numpy(noise()))[1].clone()
    predicted[:, 1] += 30 / AB_RANGE
    assert eps_accuracy_ab(pair_of(noise(), predicted)).tolist() == [0, 0, 0]


def test_accuracy_with_lightness_needs_a_lightness() -> None:
    assert eps_accuracy(pair_of(noise())).isnan().tolist() == [True] * 3


def test_absolute_colorfulness_takes_red_and_green_for_the_same() -> None:
    picture = plain((255, 0, 0))
    picture[:, :, 8:] = (0, 255, 0)
    pair = pair_of(picture)
    assert colorfulness(pair).item() == pytest.approx(293.25, abs=1e-2)
    assert colorfulness_abs(pair).item() == pytest.approx(85.5296, abs=1e-2)


def test_colorfulness_gap_has_no_sign() -> None:
    pair = pair_of(noise(), torch.zeros(3, 2, 24, 24))
    assert colorfulness(pair).max() < 1
    assert (colorfulness_gap(pair) > 10).all()


def test_colorfulness_ratio_is_of_the_sums() -> None:
    red, blue = plain((255, 0, 0)), plain((0, 0, 255))
    faded = pair_of(red, torch.zeros(1, 2, 16, 16))
    tally = tally_of(faded, pair_of(blue))
    both = colorfulness(pair_of(red)).item() + colorfulness(pair_of(blue)).item()
    expected = (colorfulness(faded).item() + colorfulness(pair_of(blue)).item()) / both
    assert colorfulness_ratio(tally) == pytest.approx(expected)
    assert math.isnan(colorfulness_ratio(tally_of(pair_of(plain((9, 9, 9)), shift=5.0))))


def test_chroma_bias_has_a_sign() -> None:
    red = plain((255, 0, 0))
    ab = split_lab(torch.from_numpy(red))[1]
    chroma = math.hypot(80.0923, 67.2028)
    assert chroma_bias(pair_of(red, ab * 0)).item() == pytest.approx(-chroma, rel=1e-4)
    assert chroma_bias(pair_of(red, ab * -1.5)).item() == pytest.approx(chroma / 2, rel=1e-4)


def test_clipped_are_the_colors_that_a_screen_lacks() -> None:
    ab = torch.zeros(1, 2, 16, 16)
    ab[0, :, :4] = 0.9  # a vivid red, which a mid grey's lightness has no room for
    assert clipped_gamut(pair_of(plain((120, 120, 120)), ab)).item() == 0.25


def test_every_true_color_can_be_shown() -> None:
    levels = torch.tensor([*range(0, 256, 15)], dtype=torch.uint8)
    cube = torch.stack(torch.meshgrid(levels, levels, levels, indexing="ij"), -1)
    pair = pair_of(cube.flatten(0, 1)[None].numpy())
    assert clipped_gamut(pair).item() == 0
    assert torch.equal(pair.predicted_rgb, pair.true_rgb)


def test_strong_colors_alone_count() -> None:
    picture = plain((120, 120, 120))
    picture[0, :2] = (255, 0, 0)
    found = strong_ab_mae(pair_of(picture, torch.zeros(1, 2, 16, 16)))
    assert found.item() == pytest.approx((80.0923 + 67.2028) / 2, rel=1e-4)
    assert strong_ab_mae(pair_of(plain((120, 120, 120)))).isnan().all()


def test_a_tally_does_not_mind_how_pictures_come() -> None:
    one, two = noise(2, seed=1), noise(3, seed=2)
    whole = tally_of(pair_of(np.concatenate((one, two)), shift=11.0))
    parts = tally_of(pair_of(two, shift=11.0), pair_of(one, shift=11.0))
    for name, metric in OVERALL.items():
        assert metric(whole) == pytest.approx(metric(parts), rel=1e-6), name


def test_a_transposed_prediction_is_the_same_prediction() -> None:
    """Networks give planes in channels-last order."""
    ab = split_lab(torch.from_numpy(noise()))[1] * 0.5
    plain_order = all_of(pair_of(noise(), ab))
    last = all_of(pair_of(noise(), ab.contiguous(memory_format=torch.channels_last)))
    for name, values in plain_order.items():
        assert last[name] == pytest.approx(values, nan_ok=True, rel=1e-5), name


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_measures_the_same() -> None:
    pair = pair_of(noise(), shift=9.0, darker=1.0)
    predicted_ab, true_ab = pair.predicted_color / AB_RANGE, pair.true_color / AB_RANGE
    there = Pair(
        *(tensor.cuda() for tensor in (pair.lightness, predicted_ab, true_ab)),
        pair.true_rgb.cuda(),
        pair.lightness.cuda() - 1 / 50,
    )
    tally = Tally(torch.device("cuda"))
    tally.add(there)
    found = {name: metric(there).tolist() for name, metric in PER_PICTURE.items()}
    found |= {name: [metric(tally)] for name, metric in OVERALL.items()}
    for name, values in all_of(pair).items():
        assert found[name] == pytest.approx(values, rel=1e-3, abs=2e-3), name


RED, GREEN, GREY = (255, 0, 0), (0, 255, 0), (128, 128, 128)


def halves(left: tuple[int, int, int], right: tuple[int, int, int]) -> torch.Tensor:
    """One picture (1, 3, 8, 8), its left half of one color, its right half of another."""
    picture = torch.empty(1, 3, 8, 8)
    picture[..., :4] = torch.tensor(left).float().view(1, 3, 1, 1)
    picture[..., 4:] = torch.tensor(right).float().view(1, 3, 1, 1)
    return picture


@pytest.mark.parametrize(
    ("left", "right", "signed", "absolute"),
    [
        (RED, RED, 85.5296, 85.5296),
        (GREY, GREY, 0.0, 0.0),
        (RED, GREEN, 293.25, 85.5296),
        # rg 255 and 0, yb 127.5 and 0: deviations 127.5 and 63.75, means the same.
        (RED, GREY, 1.3 * np.hypot(127.5, 63.75), 1.3 * np.hypot(127.5, 63.75)),
    ],
)
def test_known_pictures(
    left: tuple[int, int, int], right: tuple[int, int, int], signed: float, absolute: float
) -> None:
    opponents = opponents_of(halves(left, right))
    assert colorfulness_of(opponents).item() == pytest.approx(signed, abs=1e-3)
    assert colorfulness_of(opponents.abs()).item() == pytest.approx(absolute, abs=1e-3)


def test_noise_is_that_of_numpy() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (3, 64, 64)).astype(float)
    rg, yb = rgb[0] - rgb[1], (rgb[0] + rgb[1]) / 2 - rgb[2]
    expected = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    found = colorfulness_of(opponents_of(torch.from_numpy(rgb).float()[None]))
    assert found.item() == pytest.approx(expected, rel=1e-5)
    assert expected == pytest.approx(138.5, abs=3)


def test_pictures_do_not_mix() -> None:
    both = torch.cat((halves(RED, GREEN), halves(GREY, GREY)))
    assert colorfulness_of(opponents_of(both)).tolist() == pytest.approx([293.25, 0], abs=1e-3)
