"""What charts and page read."""

import math
from typing import Any

import pandas as pd
import pytest

from reports.page.summary import trial_table
from reports.tables import Column, count_states, place_in_range, tables_of
from search.records.lease import Lease
from search.records.reader import CUT_OFF, read_sweep
from spaces.dimensions import Dimension


def test_objectives_take_their_meaning_from_the_study(build) -> None:
    sweep = build(objectives={"val_psnr": "maximize", "val_ab_mae": "minimize"}).tables()
    assert sweep.objectives == (
        Column("val_psnr", "PSNR", "dB", "maximize"),
        Column("val_ab_mae", "ab MAE", "Lab units", "minimize"),
    )
    assert sweep.leading.name == "val_psnr"


def test_decide_leads(build) -> None:
    objectives = {"val_psnr": "maximize", "val_ab_mae": "minimize"}
    sweep = build(objectives=objectives, decide={"by": "val_ab_mae"}).tables()
    assert sweep.leading.name == "val_ab_mae"


def test_unknown_metric_is_shown_by_its_name(build) -> None:
    assert build().tables().column("val_new") == Column("val_new", "val_new", "", None)


def test_dimensions(build) -> None:
    space = {
        "loss.l1_weight": {"type": "loguniform", "low": 1, "high": 300, "special": 0},
        "pictures": {"type": "bundle", "labels": {"a": {}, "b": {}}},
    }
    weight, pictures = build(space).tables().dimensions
    assert weight.is_log and 0 in weight.special and 1.0 not in weight.special
    assert not weight.is_categorical and not weight.is_int
    assert pictures.is_categorical and pictures.choices == ("a", "b")


@pytest.mark.parametrize(
    ("dimension", "value", "place"),
    [
        (Dimension("d", "uniform", 0.0, 4.0), 1, 0.25),
        (Dimension("d", "loguniform", 0.01, 100.0), 1.0, 0.5),
        (Dimension("d", "loguniform", 0.01, 100.0, special=(0,)), 0, None),
        (Dimension("d", "uniform", 0.0, 4.0), None, None),
        (Dimension("d", "uniform", 2.0, 2.0), 2.0, None),
        (Dimension("d", "choice", choices=(1, 2)), 1, None),
    ],
)
def test_place_in_a_range(dimension: Dimension, value: Any, place: float | None) -> None:
    assert place_in_range(dimension, value) == pytest.approx(place)


def test_states_are_counted_in_a_fixed_order() -> None:
    states = pd.Series([CUT_OFF, "new", "failed", "completed", "failed"])
    expected = [("completed", 1), ("failed", 2), (CUT_OFF, 1), ("new", 1)]
    assert list(count_states(states).items()) == expected


def test_outcomes_tell_comparable_values_from_others(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0)
    sweep.trial({}, 9.0, "pruned", ticks=2)
    sweep.trial({}, 9.0, "diverged", ticks=2)
    sweep.trial({}, None, "running")
    sweep.trial({}, math.nan)
    kinds = sweep.tables().outcomes("val_ab_mae")["kind"].tolist()
    assert kinds == ["scored", "partial", "failed", "none", "none"]


def test_baseline(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0)
    tables = sweep.tables()
    assert tables.baseline("val_ab_mae") == 20.0
    assert tables.baseline("val_psnr") is None


def test_no_trial(build) -> None:
    sweep = build().tables()
    assert sweep.trials.empty and sweep.ranked.empty and sweep.how_ended() == {}
    assert sweep.outcomes("val_ab_mae").empty


def test_how_ended_keeps_states_of_later_versions(build) -> None:
    sweep = build()
    for state in ("running", "teleported", "completed"):
        sweep.trial({}, 9.0, state)
    with Lease(sweep.folder):
        assert sweep.tables().how_ended() == {"running": 1, "completed": 1, "teleported": 1}


def test_without_a_driver_no_trial_runs(build) -> None:
    sweep = build()
    for state in ("running", "completed"):
        sweep.trial({}, 9.0, state)
    assert sweep.tables().how_ended() == {"completed": 1, "cut off": 1}
    table = trial_table(sweep.tables())
    place = [column["name"] for column in table["columns"]].index("state")
    assert sorted(row[place] for row in table["rows"]) == ["completed", "cut off"]
    with Lease(sweep.folder):
        assert sweep.tables().how_ended() == {"running": 1, "completed": 1}


def test_torn_parts_do_not_stop_a_reader(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0)
    sweep.writer.commit()
    next((sweep.folder / "records" / "ticks").glob("*.parquet")).write_bytes(b"PAR1torn")
    tables = tables_of(read_sweep(sweep.folder))
    assert len(tables.trials) == 1
    assert tables.outcomes("val_ab_mae")["kind"].tolist() == ["none"]
    assert len(tables.records.problems) == 1


def test_trials_that_confirm_answer_no_question_of_the_search(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0)
    sweep.trial({}, 8.0)
    sweep.confirm("p0", {}, [7.0, 7.5])
    tables = sweep.tables()
    assert tables.outcomes("val_ab_mae")["trial_id"].tolist() == ["t00000", "t00001"]
    assert len(tables.trials) == 4 and len(tables.searched) == 2
    assert tables.ranked["trial_id"].tolist() == ["t00000", "t00001"]
    assert tables.ranked["rank"].tolist() == [1, 2]
