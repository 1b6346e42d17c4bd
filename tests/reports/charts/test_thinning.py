"""Which trials are drawn where there are too many."""

import numpy as np
import pandas as pd

from reports.charts._thinning import BEST, left_out_text, thinned


def rows(scored: int, failed: int) -> pd.DataFrame:
    chance = np.random.default_rng(0)
    kinds = ["scored"] * scored + ["failed"] * failed
    return pd.DataFrame({"kind": kinds, "value": chance.normal(size=scored + failed)})


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
