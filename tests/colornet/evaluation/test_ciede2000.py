"""CIEDE2000 beside scikit-image's and the published test pairs."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import deltaE_ciede2000

from colornet.evaluation.ciede2000 import chroma_of, ciede2000_of

PUBLISHED = [
    ((2.6772, -79.7751), (0.0, -82.7485), 2.0425),
    ((3.1571, -77.2803), (0.0, -82.7485), 2.8615),
    ((2.8361, -74.0200), (0.0, -82.7485), 3.4412),
    ((-1.3802, -84.2814), (0.0, -82.7485), 1.0000),
    ((-1.1848, -84.8006), (0.0, -82.7485), 1.0000),
    ((-0.9009, -85.5211), (0.0, -82.7485), 1.0000),
    ((0.0, 0.0), (-1.0, 2.0), 2.3669),
    ((-1.0, 2.0), (0.0, 0.0), 2.3669),
    ((2.4900, -0.0010), (-2.4900, 0.0009), 7.1792),
    ((2.4900, -0.0010), (-2.4900, 0.0011), 7.2195),
    ((2.4900, -0.0010), (-2.4900, 0.0012), 7.2195),
    ((-0.0010, 2.4900), (0.0009, -2.4900), 4.8045),
    ((-0.0010, 2.4900), (0.0011, -2.4900), 4.7461),
    ((2.5000, 0.0), (0.0, -2.5000), 4.3065),
    ((2.5000, 0.0), (3.1736, 0.5854), 1.0000),
    ((2.5000, 0.0), (3.2972, 0.0), 1.0000),
    ((2.5000, 0.0), (1.8634, 0.5757), 1.0000),
    ((2.5000, 0.0), (3.2592, 0.3350), 1.0000),
]
"""Sharma, Wu & Dalal 2005, table 1: the pairs of equal lightness.

Without the two whose hues are exactly opposite, where the mean hue is a matter of convention.
"""


def planes(*colors: tuple[float, float], dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """(1, 2, 1, number of colors)."""
    return torch.tensor(colors, dtype=dtype).T.reshape(1, 2, 1, -1)


@pytest.mark.parametrize(("first", "second", "expected"), PUBLISHED)
def test_published_pairs(
    first: tuple[float, float], second: tuple[float, float], expected: float
) -> None:
    found = ciede2000_of(planes(first), planes(second)).item()
    assert found == pytest.approx(expected, abs=6e-5)
    assert ciede2000_of(planes(second), planes(first)).item() == pytest.approx(found, abs=1e-9)


def test_it_is_that_of_scikit_image_in_single_precision() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.uniform(-108, 98, (2, 2, 2, 50, 40)).astype(np.float32)
    second[0] = first[0] + rng.normal(0, 2, first[0].shape)  # near ones too
    lightness = rng.uniform(0, 100, (2, 1, 50, 40))
    labs = [
        np.concatenate((lightness, ab), 1).transpose(0, 2, 3, 1).astype(float)
        for ab in (first, second)
    ]
    found = ciede2000_of(torch.from_numpy(first), torch.from_numpy(second))
    np.testing.assert_allclose(found, deltaE_ciede2000(*labs), atol=2e-3)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-110, 110, width=32), min_size=4, max_size=4))
def test_what_a_difference_is(values: list[float]) -> None:
    first, second = planes((values[0], values[1])), planes((values[2], values[3]))
    there, back = ciede2000_of(first, second), ciede2000_of(second, first)
    assert there.isfinite().all()
    assert there.item() >= 0
    assert there.item() == pytest.approx(back.item(), abs=1e-6)
    assert ciede2000_of(first, first).item() == 0


def test_arguments_are_left_alone() -> None:
    first, second = planes((10.0, 20.0)), planes((-5.0, 3.0))
    ciede2000_of(first, second)
    assert first.flatten().tolist() == [10, 20]
    assert second.flatten().tolist() == [-5, 3]


def test_grey_is_no_number_of_hues() -> None:
    grey = planes((0.0, 0.0), dtype=torch.float32)
    assert ciede2000_of(grey, grey).item() == 0
    assert ciede2000_of(grey, planes((30.0, -40.0), dtype=torch.float32)).isfinite().all()
    assert ciede2000_of(grey, grey * torch.nan).isnan().all()


def test_chroma() -> None:
    assert chroma_of(planes((30.0, -40.0), (0.0, 0.0))).flatten().tolist() == [50, 0]
