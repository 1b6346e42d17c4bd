"""The fixed bins, and what is read from counts of colors."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from colornet.color import AB_RANGE, split_lab
from colornet.evaluation.histograms import (
    BINS,
    OUTSIDE,
    ColorCounts,
    bin_of,
    closeness,
    color_bins,
    histogram_distance,
    rebalanced_closeness,
)

CPU = torch.device("cpu")


def bins_of_rgb(*levels: list[int]) -> set[int]:
    """The bins of every combination of levels of red, green and blue."""
    axes = torch.meshgrid(*(torch.tensor(level, dtype=torch.uint8) for level in levels))
    rgb = torch.stack(axes, -1).reshape(1, -1, 1, 3)
    return set(bin_of(split_lab(rgb)[1] * AB_RANGE).tolist())


def plane(*colors: tuple[float, float]) -> torch.Tensor:
    """One picture (1, 2, 1, number of colors)."""
    return torch.tensor(colors).float().T.reshape(1, 2, 1, -1)


def counts_of(predicted: torch.Tensor, true: torch.Tensor, batches: int = 1) -> ColorCounts:
    counts = ColorCounts(CPU)
    pairs = zip(predicted.chunk(batches, -1), true.chunk(batches, -1), strict=True)
    for one, two in pairs:
        counts.add(one, two, closeness((one - two).norm(dim=1)))
    return counts


@pytest.mark.filterwarnings("ignore:torch.meshgrid")
def test_the_cube_of_8_bit_colors_fills_exactly_the_bins() -> None:
    assert BINS == OUTSIDE == 261
    every, ends = list(range(256)), [0, 255]
    surface = [(ends, every, every), (every, ends, every), (every, every, ends)]
    found = set().union(*(bins_of_rgb(*levels) for levels in surface))
    assert found == set(range(BINS))
    third = list(range(0, 256, 3))
    assert bins_of_rgb(third, third, third) == set(range(BINS))


def test_a_center_lies_in_its_bin() -> None:
    centers = color_bins()
    assert centers.shape == (BINS, 2)
    assert torch.equal(bin_of(centers.T.reshape(1, 2, 1, -1)), torch.arange(BINS).int())
    for shift in product((-4.9, 4.9), (-4.9, 4.9)):
        moved = (centers + torch.tensor(shift)).T.reshape(1, 2, 1, -1)
        assert torch.equal(bin_of(moved), torch.arange(BINS).int())


@pytest.mark.parametrize(
    "color", [(110.0, 110.0), (-110.0, 0.0), (1e30, 0.0), (np.nan, 0.0), (0.0, -np.inf)]
)
def test_what_no_screen_shows_is_outside(color: tuple[float, float]) -> None:
    assert bin_of(plane(color, (0.0, 0.0))).tolist() == [OUTSIDE, bin_of(plane((0.0, 0.0))).item()]


def test_colors_are_left_alone() -> None:
    color = plane((14.0, -3.0))
    bin_of(color)
    assert color.flatten().tolist() == [14, -3]


def test_closeness_is_the_area_under_the_step() -> None:
    distance = torch.tensor([0.0, 0.3, 1.0, 1.01, 75.5, 149.2, 150.0, 150.1, 400.0])
    thresholds = np.linspace(0, 150, 150_001)
    areas = [(thresholds >= d).mean() for d in distance.numpy()]
    assert closeness(distance).tolist() == pytest.approx(areas, abs=2e-5)
    assert distance[0] == 0 and distance[-1] == 400
    assert closeness(torch.tensor([torch.nan])).isnan().all()


def test_every_true_color_counts_the_same() -> None:
    # Nine grey pixels hit, one blue one missed by 60 Lab units.
    true = plane(*[(0.0, 0.0)] * 9, (20.0, -60.0))
    predicted = plane(*[(0.0, 0.0)] * 9, (20.0, 0.0))
    missed = 1 - 60 / 150
    assert rebalanced_closeness(counts_of(predicted, true)) == pytest.approx((1 + missed) / 2)


def test_rebalancing_is_a_weighting_of_pixels() -> None:
    rng = torch.Generator().manual_seed(0)
    true = torch.randn(1, 2, 40, 40, generator=rng) * 25
    predicted = true + torch.randn(1, 2, 40, 40, generator=rng) * 20
    bins = bin_of(true).long()
    weight = 1 / torch.bincount(bins)[bins].double()
    score = closeness((predicted - true).norm(dim=1)).flatten().double()
    expected = (weight * score).sum() / weight.sum()
    assert rebalanced_closeness(counts_of(predicted, true)) == pytest.approx(expected.item())


def test_distance_is_that_of_scipy() -> None:
    rng = torch.Generator().manual_seed(0)
    true = torch.randn(2, 2, 30, 30, generator=rng) * 25
    predicted = torch.randn(2, 2, 30, 30, generator=rng) * 15 + 5
    counts = counts_of(predicted, true)
    expected = jensenshannon(
        np.bincount(bin_of(predicted), minlength=262), np.bincount(bin_of(true), minlength=262), 2
    )
    assert histogram_distance(counts) == pytest.approx(expected)
    assert 0.1 < expected < 0.9


def test_ends_of_the_distance() -> None:
    some, others = plane((0.0, 0.0), (20.0, 30.0)), plane((0.0, 50.0), (-40.0, 30.0))
    swapped = some.flip(-1)
    assert histogram_distance(counts_of(swapped, some)) == 0  # where a color is does not matter
    assert histogram_distance(counts_of(others, some)) == pytest.approx(1)
    unreal = torch.full_like(some, 110)
    assert histogram_distance(counts_of(unreal, some)) == pytest.approx(1)


def test_nothing_counted_is_no_number() -> None:
    counts = ColorCounts(CPU)
    assert np.isnan(rebalanced_closeness(counts))
    assert np.isnan(histogram_distance(counts))


def test_a_prediction_of_no_numbers_is_counted() -> None:
    some = plane((0.0, 0.0), (20.0, 30.0))
    counts = counts_of(some * torch.nan, some)
    assert counts.predicted[OUTSIDE] == counts.predicted.sum() == 2
    assert np.isnan(rebalanced_closeness(counts))
    assert histogram_distance(counts) == pytest.approx(1)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), spread=st.floats(0, 150), batches=st.integers(1, 4))
def test_batches_make_no_difference(seed: int, spread: float, batches: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    true = torch.randn(1, 2, 3, 12, generator=rng) * 20
    predicted = true + torch.randn(1, 2, 3, 12, generator=rng) * spread
    whole, parts = counts_of(predicted, true), counts_of(predicted, true, batches)
    for name in ("true", "predicted", "closeness"):
        torch.testing.assert_close(getattr(whole, name), getattr(parts, name))
    assert 0 <= rebalanced_closeness(whole) <= 1
    assert 0 <= histogram_distance(whole) <= 1
