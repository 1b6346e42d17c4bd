"""Axes, ticks and what a view leaves out."""

import pytest

from reports.charts._style import inside, log_ticks, safe, symbols, view_range, worst_edge


def test_view_without_values() -> None:
    assert view_range([]) == (0.0, 1.0)
    assert view_range([float("nan")]) == (0.0, 1.0)


def test_view_of_equal_values_has_a_width() -> None:
    low, high = view_range([9.0, 9.0, 9.0])
    assert low < 9.0 < high


def test_view_leaves_far_outliers_out() -> None:
    low, high = view_range([9.0, 10.0, 11.0, 12.0, 500.0])
    assert low < 9.0 and 12.0 < high < 20.0


def test_view_reaches_for_a_near_baseline_only() -> None:
    assert view_range([9.0, 12.0], [13.0])[1] > 13.0
    assert view_range([9.0, 12.0], [30.0, None])[1] < 13.0


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (1e-5, 1.0, (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)),
        (1, 300, (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)),
        (8, 64, (10.0, 20.0, 50.0)),
    ],
)
def test_log_ticks(low: float, high: float, ticks: tuple[float, ...]) -> None:
    assert log_ticks(low, high) == ticks


def test_outliers_stand_at_the_edge_as_arrows() -> None:
    assert inside([1.0, 5.0, 9.0], (2.0, 6.0)) == [2.0, 5.0, 6.0]
    assert symbols([1.0, 5.0, 9.0], (2.0, 6.0), "circle") == [
        "triangle-down",
        "circle",
        "triangle-up",
    ]


def test_worst_edge_follows_the_goal() -> None:
    assert worst_edge((0.0, 1.0), 1) == 1.0
    assert worst_edge((0.0, 1.0), -1) == 0.0


def test_safe_text_shows_as_written() -> None:
    assert safe("<b>&") == "&lt;b&gt;&amp;"
