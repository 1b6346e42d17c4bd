"""Axes, ticks and what a view leaves out."""

import numpy as np
import pandas as pd
import pytest

from reports.charts._style import (
    BEST,
    failed_marks,
    left_out_text,
    log_ticks,
    marks,
    safe,
    thinned,
    view_range,
)


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
    marker = {"symbol": "circle"}
    points = [(0, 1.0, 0, "a"), (1, 5.0, 1, "b"), (2, 9.0, 2, "c")]
    trace = marks(points, marker, view=(2.0, 6.0))
    assert list(trace.y) == [2.0, 5.0, 6.0]
    assert list(trace.marker.symbol) == ["triangle-down", "circle", "triangle-up"]
    inside = marks(points[1:2], marker, view=(2.0, 6.0))
    assert inside.marker.symbol == "circle"


def test_failures_are_marked_at_the_bad_edge() -> None:
    for sign, edge in ((1, 1.0), (-1, 0.0)):
        assert list(failed_marks([(3.0, 7, "t7")], (0.0, 1.0), sign).y) == [edge]


def test_safe_text_shows_as_written() -> None:
    assert safe("<b>&") == "&lt;b&gt;&amp;"


def rows(scored: int, failed: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    kinds = ["scored"] * scored + ["failed"] * failed
    return pd.DataFrame({"kind": kinds, "value": rng.normal(size=scored + failed)})


def test_few_are_all_kept() -> None:
    frame = rows(5, 5)
    assert thinned(frame, 1, most=10) is frame
    assert len(thinned(rows(0, 0), 1)) == 0


def test_the_best_and_the_failed_are_kept() -> None:
    frame = rows(900, 30)
    for sign in (1, -1):
        kept = thinned(frame, sign, most=200)
        assert len(kept) == 200
        assert (kept["kind"] == "failed").sum() == 30
        best = (frame["value"][:900] * sign).nsmallest(BEST).index
        assert set(best) <= set(kept.index)
        assert kept.index.is_monotonic_increasing
    pd.testing.assert_frame_equal(thinned(frame, 1, most=200), thinned(frame, 1, most=200))


def test_failures_leave_room_for_results() -> None:
    kept = thinned(rows(500, 5000), 1, most=200)
    assert len(kept) == 200
    assert (kept["kind"] == "failed").sum() == 100


def test_some_stay_in_any_case() -> None:
    frame = rows(900, 0)
    worst = frame["value"].rank(ascending=False) <= 5
    kept = thinned(frame, 1, always=worst, most=100)
    assert len(kept) == 100
    assert worst[kept.index].sum() == 5


def test_the_caption_says_so() -> None:
    assert left_out_text(10, 10) == ""
    assert left_out_text(2000, 10_000).startswith(" Drawn: 2,000 of 10,000 trials")
