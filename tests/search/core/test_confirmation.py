"""Which points are repeated, with which seeds."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.core.confirmation import missing, seeds
from search.records.reader import SweepRecords, read_sweep
from spaces.study import Study

MakeStudy = Callable[..., Study]
CONFIRM = {"top": 2, "replicates": 3}


def repeated(sweep: SweepRecords, *rows: dict[str, Any]) -> SweepRecords:
    """The sweep with trials that confirm."""
    import pandas as pd

    trials = pd.concat([sweep.trials, pd.DataFrame(rows)], ignore_index=True)
    return replace(sweep, trials=trials)


def test_without_a_confirmation_nothing_is_missing(make_study: MakeStudy, played: Path) -> None:
    study = make_study(6)
    assert (study.confirming, seeds(study), list(missing(study, read_sweep(played)))) == (0, [], [])


def test_no_trial_gives_nothing_to_repeat(
    make_study: MakeStudy, make_sweep: Callable[..., Path]
) -> None:
    study = make_study(6, confirm=CONFIRM)
    assert list(missing(study, read_sweep(make_sweep(6)))) == []


def test_the_best_points_with_each_seed(make_study: MakeStudy, played: Path) -> None:
    study, sweep = make_study(6, confirm=CONFIRM, seed=4), read_sweep(played)
    found = list(missing(study, sweep))
    assert study.confirming == len(found) == 6
    best = [json.loads(point) for point in sweep.trials["point"][:2]]
    assert [point for point, _ in found] == best * 3
    assert [seed for _, seed in found] == [seed for seed in seeds(study) for _ in range(2)]
    assert len({4, *seeds(study)}) == 4


@pytest.mark.parametrize("state", ["completed", "failed", "diverged", "running"])
def test_what_was_started_is_not_started_again(
    make_study: MakeStudy, played: Path, state: str
) -> None:
    study, sweep = make_study(6, confirm=CONFIRM), read_sweep(played)
    first = sweep.trials.iloc[0].to_dict()
    row = {**first, "trial_id": "t00006", "number": 6, "origin": "confirm", "state": state}
    again = repeated(sweep, {**row, "seed": seeds(study)[0]})
    assert len(list(missing(study, again))) == 5


def test_more_replicates_add_to_those_there_are(make_study: MakeStudy) -> None:
    few, many = (
        seeds(make_study(6, confirm={"top": 1, "replicates": replicates})) for replicates in (2, 5)
    )
    assert many[:2] == few
