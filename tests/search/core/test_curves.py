"""What stopped trials would have come to."""

import math

import pandas as pd
import pytest

from search.core.curves import MOST_IMPUTED, Curves
from search.core.target import LastReport, Target
from spaces.dimensions import Dimension

TARGET = Target({"val_ab_mae": "minimize"}, [("val_psnr", ">= 20")])


def curves(**reports: list[tuple[int, float | None, float | None]]) -> Curves:
    made = Curves(TARGET)
    for trial_id, rows in reports.items():
        for images, mae, psnr in rows:
            metrics = {"tick": images // 100, "val_ab_mae": mae, "val_psnr": psnr}
            made.add(trial_id, images, TARGET.report(metrics))
    return made


RATE = Dimension("rate", "uniform", 0.0, 1.0)


def final(trial_id: str, made: Curves, *finished: str) -> LastReport | None:
    ends = {name: report for name in finished if (report := made.at(name, 800)) is not None}
    points = {name: {"rate": 0.5} for name in (*finished, trial_id)}
    return made.finals([RATE], points, ends).get(trial_id)


def test_a_trial_that_reported_nothing_comes_to_nothing() -> None:
    assert final("a", curves()) is None
    assert curves().images("a") == 0
    assert curves().at("a", 100) is None


def test_without_a_finished_one_it_comes_to_what_it_had() -> None:
    assert final("a", curves(a=[(100, 9.0, 10.0), (400, 7.0, 15.0)])) == LastReport(
        (7.0,), 4, {"val_psnr": 5.0}
    )


def test_with_few_finished_ones_it_changes_as_they_did_on_average() -> None:
    made = curves(
        a=[(400, 7.0, 15.0)],
        b=[(400, 6.0, 18.0), (800, 5.0, 22.0)],
        c=[(200, 20.0, 1.0), (410, 9.0, 10.0), (800, 6.0, 16.0)],
        stopped=[(400, 8.0, 12.0)],
    )
    assert final("a", made, "b", "c") == LastReport((5.0,), 4, {"val_psnr": 0.0})


@pytest.mark.parametrize("value", [None, math.nan])
def test_what_was_not_measured_moves_nothing(value: float | None) -> None:
    made = curves(a=[(400, 7.0, None)], b=[(400, 6.0, 18.0), (800, value, 22.0)])
    assert final("a", made, "b") == LastReport((7.0,), 4, {"val_psnr": None})


@pytest.mark.parametrize(("count", "learns"), [(16, True), (MOST_IMPUTED, False)])
def test_with_many_finished_ones_it_changes_as_those_like_it_did(count: int, learns: bool) -> None:
    """Those of a high rate fall by twice their rate until the end."""
    rates = {f"t{at}": at / (count - 1) for at in range(count)}
    made = curves(
        **{
            name: [(400, 9.0 - rate, None), (800, 9.0 - 3 * rate, None)]
            for name, rate in rates.items()
        }
    )
    made.add("stopped", 400, TARGET.report({"tick": 4, "val_ab_mae": 8.1}))
    ends = {name: report for name in rates if (report := made.at(name, 800)) is not None}
    points = {**{name: {"rate": rate} for name, rate in rates.items()}, "stopped": {"rate": 0.9}}
    end = made.finals([RATE], points, ends)["stopped"]
    assert end.values == (pytest.approx(6.3 if learns else 7.1, abs=0.1),)
    assert end.excess == {"val_psnr": None}
    assert made.finals([RATE], points, ends)["stopped"] == end


def test_they_are_rebuilt_from_ticks_of_which_the_last_counts() -> None:
    rows = [("a", 100, 1, 9.0), ("a", 200, 2, 8.0), ("b", 100, 1, 5.0), ("a", 200, 2, 7.0)]
    made = Curves(TARGET)
    made.rebuild(pd.DataFrame(rows, columns=["trial_id", "images", "tick", "val_ab_mae"]))
    last = made.at("a", 101)
    assert last is not None and last.values == (7.0,) and last.tick == 2
    assert made.images("a") == 200
    made.rebuild(pd.DataFrame())
