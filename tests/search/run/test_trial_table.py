"""How trials stand, in memory and as it was recorded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from search.core.ranking import best_trials
from search.records.reader import read_sweep
from search.run.trial_table import Standing, reported
from spaces.study import Study

MakeStudy = Callable[..., Study]


def test_a_sweep_that_has_not_begun(make_sweep: Callable[..., Path]) -> None:
    standing = Standing(read_sweep(make_sweep(3)))
    assert (standing.states, standing.best, standing.count("search")) == ({}, None, 0)
    assert standing.snapshot().trials.empty


def test_it_ranks_as_the_records_do(played: Path) -> None:
    sweep = read_sweep(played)
    standing = Standing(sweep)
    shown = best_trials(standing.snapshot(), 10)
    pd.testing.assert_frame_equal(shown, best_trials(sweep, 10))
    assert (standing.best, standing.best_column) == (5.0, "val_ab_mae")
    assert standing.states["t00003"] == "diverged"


def test_an_update_counts_once_the_best_is_looked_for(played: Path) -> None:
    standing = Standing(read_sweep(played))
    row = read_sweep(played).trials.iloc[0].to_dict()
    row |= {"trial_id": "t00006", "number": 6, "state": "completed"}
    standing.update(row, {"tick": 2, "images": 64, "val_ab_mae": 1.0})
    standing.refresh_best()
    assert (standing.best, standing.states["t00006"]) == (1.0, "completed")


@pytest.mark.parametrize(
    ("bound", "value", "excess"),
    [
        ("<= 2", 2.0, 0.0),
        ("<= 2", 3.0, 1.0),
        (">= 2", 3.0, -1.0),
        (">= 2", 1.5, 0.5),
        ("< 2", 1.0, -1.0),
    ],
)
def test_by_how_much_a_bound_is_missed(
    make_study: MakeStudy, bound: str, value: float, excess: float
) -> None:
    study = make_study(3, constraints={"gmac_per_picture": bound})
    said = reported(study, {"tick": 2, "val_ab_mae": 5.0, "cost_gmac_per_picture": value})
    assert said == ((5.0,), 2, {"cost_gmac_per_picture": excess})


@pytest.mark.parametrize("bound", ["< 2", "> 2"])
def test_a_strict_bound_is_not_met_by_equality(make_study: MakeStudy, bound: str) -> None:
    study = make_study(3, constraints={"gmac_per_picture": bound})
    said = reported(study, {"cost_gmac_per_picture": 2.0})
    assert said.excess["cost_gmac_per_picture"] > 0


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_was_not_measured_violates_nothing(make_study: MakeStudy, value: Any) -> None:
    study = make_study(3, constraints={"gmac_per_picture": "< 2"})
    assert reported(study, {"cost_gmac_per_picture": value}) == ((None,), 0, {})
