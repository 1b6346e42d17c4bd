"""Medians with intervals that assume no distribution."""

import numpy as np
import pytest
from scipy import stats

from reports.analysis.medians import MIN_RUNNING, Median, by_category, median_of, running


def test_no_value() -> None:
    empty = np.array([])
    assert by_category(empty, empty) == running(empty, empty, log=False) == ()


def test_too_few_for_an_interval() -> None:
    assert median_of(1.0, np.array([3.0, 1.0, 2.0])) == Median(1.0, 2.0, None, None, 3)


@pytest.mark.parametrize("count", [6, 9, 15, 40, 101])
def test_the_interval_is_the_narrowest_that_holds_95_percent(count: int) -> None:
    _, _, low, high, _ = median_of(0.0, np.arange(count, dtype=float))
    assert low is not None and high == count - 1 - low

    def held(place: float) -> float:
        return 1 - 2 * stats.binom.cdf(place, count, 0.5)

    assert held(low) >= 0.95 > held(low + 1)


def test_categories_with_three_values_and_more() -> None:
    x = np.array([0.0, 0.0, 1.0, 1.0, 1.0])
    found = by_category(x, np.array([1.0, 2.0, 3.0, 9.0, 4.0]))
    assert found == (Median(1.0, 4.0, None, None, 3),)


def test_along_a_logarithmic_range() -> None:
    x = np.geomspace(1e-5, 1e-1, 100)
    found = running(x, np.log10(x), log=True)
    assert [one.trials for one in found] == [20] * len(found)
    for one in found:
        assert one.median == pytest.approx(np.log10(one.x), abs=0.15)
        assert one.low <= one.median <= one.high


def test_too_few_or_too_little_spread() -> None:
    few = np.arange(MIN_RUNNING - 1, dtype=float)
    assert running(few, few, log=False) == ()
    assert running(np.ones(50), np.arange(50.0), log=False) == ()


def test_what_has_no_logarithm_is_left_out() -> None:
    x = np.concatenate([[0.0], np.geomspace(1, 10, 30)])
    assert min(one.x for one in running(x, x, log=True)) >= 1
