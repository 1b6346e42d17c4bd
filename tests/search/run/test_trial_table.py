"""A running sweep's trials, in memory and as they were recorded."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from search.core.finished import counts_of
from search.core.ranking import best_trials
from search.records.reader import read_sweep
from search.run.trial_table import TrialTable
from spaces.study import Study


def table_of(folder: Path) -> TrialTable:
    sweep = read_sweep(folder)
    return TrialTable(Study.from_data(sweep.study, "study.yaml"), sweep)


def test_a_sweep_that_has_not_begun(make_sweep: Callable[..., Path]) -> None:
    table = table_of(make_sweep(3))
    assert (table.rows, table.best) == ({}, None)
    assert table.snapshot().trials.empty


def test_it_ranks_as_the_records_do(played: Path) -> None:
    table = table_of(played)
    ranked = best_trials(table.snapshot(), 10)
    pd.testing.assert_frame_equal(ranked, best_trials(read_sweep(played), 10))
    assert (table.best, table.best_column) == (5.0, "val_ab_mae")
    assert table.rows["t00003"]["state"] == "diverged"


def test_an_update_counts_once_the_best_is_looked_for(played: Path) -> None:
    table = table_of(played)
    row = read_sweep(played).trials.iloc[0].to_dict()
    table.update({**row, "trial_id": "t00006", "number": 6, "state": "completed"})
    table.last["t00006"] = {"trial_id": "t00006", "tick": 2, "images": 64, "val_ab_mae": 1.0}
    table.refresh_best()
    assert (table.best, table.rows["t00006"]["state"]) == (1.0, "completed")


def test_it_counts_as_the_records_do(played: Path) -> None:
    """Also a replicate of a point that is no longer among the best, besides those of the best."""
    sweep = read_sweep(played)
    sweep = replace(sweep, study={**sweep.study, "confirm": {"top": 2, "replicates": 3}})
    table = TrialTable(Study.from_data(sweep.study, "study.yaml"), sweep)
    assert table.counts() == counts_of(table.snapshot(), driven=True)
    assert table.counts().to_confirm == 6
    worst = best_trials(sweep, 10).iloc[-1]["trial_id"]
    row = sweep.trials.set_index("trial_id", drop=False).loc[worst].to_dict()
    row |= {"trial_id": "c00000", "number": 9, "origin": "confirm", "seed": 77}
    table.update({**row, "state": "running"})
    assert table.counts() == counts_of(table.snapshot(), driven=True)
    assert table.counts().to_confirm == 7
