"""What speaks against a trial is marked wherever it is shown, what against a sweep is said."""

from dataclasses import replace

import pytest

from reports.analysis.decision import decide
from reports.answers.health import flags, notes
from reports.page import gallery
from reports.page.decision_box import best
from reports.page.page import render
from reports.page.summary import trial_table
from reports.tables import SweepTables


def flagged(build):
    sweep = build()
    sweep.trial({}, 9.0, metrics={"diag_collapsed": 0.0, "diag_overfitting": 0.0})
    sweep.trial({}, 8.0, metrics={"diag_collapsed": 1.0, "diag_overfitting": 1.0})
    sweep.trial({}, 10.0)
    return sweep.tables()


def test_what_is_wrong_with_each_trial(build) -> None:
    both = "contest collapsed, discriminator overfits"
    assert sorted(flags(flagged(build))) == ["", "", both]


def test_the_best_is_shown_with_its_flags(build) -> None:
    sweep = flagged(build)
    shown = best(sweep, decide(sweep), gallery.prepare(sweep))
    assert shown["rows"][0]["flags"].startswith("contest collapsed")
    assert "<b>Flagged:</b> contest collapsed" in render(sweep)


def test_the_table_of_trials_has_them(build) -> None:
    table = trial_table(flagged(build))
    at = [column["name"] for column in table["columns"]].index("flags")
    assert [bool(row[at]) for row in table["rows"]].count(True) == 1


def test_sweeps_without_diagnostics_have_none(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0)
    tables = sweep.tables()
    assert list(flags(tables)) == [""]
    assert "Flagged" not in render(tables)
    assert list(flags(build(name="empty").tables())) == []


LR = "optimizer.generator_lr"
RANGE = {LR: {"type": "loguniform", "low": 1e-5, "high": 1e-2}}


def noted(sweep: SweepTables) -> tuple[str, ...]:
    return notes(sweep, decide(sweep))


def search(build, rates: list[float], space=None, **study):
    """A search over one rate in which the first rate is the best."""
    sweep = build(space or RANGE, **study)
    for index, rate in enumerate(rates):
        sweep.trial({LR: rate}, 9.0 + index)
    return sweep


def test_nothing_ran(build) -> None:
    assert noted(build().tables()) == ()


def test_awkward_sweeps_have_notes(awkward: SweepTables) -> None:
    found = noted(awkward)
    assert all(note.endswith(".") and len(note) < 600 for note in found)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (9.9e-3, "upper end of the range (0.0099 in 1e-05 to 0.01). Widen it upwards"),
        (1.1e-5, "lower end of the range (1.1e-05 in 1e-05 to 0.01). Widen it downwards"),
        (1e-3, None),
        (3e-4, None),  # near the end of the range by distance, not by ratio
    ],
)
def test_the_best_at_the_edge(build, rate: float, said: str | None) -> None:
    found = [note for note in noted(search(build, [rate, 1e-4]).tables()) if "range" in note]
    assert [said in note for note in found] == ([True] if said else [])
    if found:
        assert found[0].startswith(f"{LR}: the best lies at the ")
        assert "--trials 8 --study FILE --accept`" in found[0]


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "uniform", "low": 0.0, "high": 0.5},  # nothing lies below 0
        {"type": "uniform", "low": 0.001, "high": 0.001},
        {"type": "loguniform", "low": 0.01, "high": 1.0, "special": 0.001},
        {"type": "choice", "choices": [0.001, 0.1]},
    ],
)
def test_what_has_no_edge(build, spec: dict) -> None:
    sweep = search(build, [0.001, 0.001], {LR: spec})
    assert not [note for note in noted(sweep.tables()) if "range" in note]


def test_ties_at_the_edge(build) -> None:
    sweep = build(RANGE)
    points = [{LR: 9.9e-3}, {LR: 9.8e-3}, {LR: 1e-4}]
    for point in points:
        sweep.trial(point, 9.0)
    for number, point in enumerate(points):
        sweep.confirm(f"p{number}", point, [7.0, 7.4, 7.9])
    (note,) = [note for note in noted(sweep.tables()) if "range" in note]
    assert "2 of the 3 that cannot be told apart lie at the upper end" in note


def test_a_best_that_was_never_repeated(build) -> None:
    sweep = search(build, [1e-3, 1e-4])
    (note,) = [note for note in noted(sweep.tables()) if "confirm" in note]
    assert note.startswith("The best was trained once") and "--top 2 --replicates 3`" in note
    sweep.confirm("p0", {LR: 1e-3}, [7.0, 7.4])
    (note,) = [note for note in noted(sweep.tables()) if "confirm" in note]
    assert note.startswith("The best was confirmed with 2 seeds alone")
    sweep.confirm("p0", {LR: 1e-3}, [7.0, 7.4, 7.2])
    assert not [note for note in noted(sweep.tables()) if "confirm" in note]


def test_levels_with_few_seeds(build) -> None:
    space = {"loss.adversarial": {"type": "choice", "choices": ["bce", "hinge"]}}
    sweep = build(space, design="compare")
    sweep.compare({"bce": [9.0, 9.1], "hinge": [10.0, 10.1]}, "loss.adversarial")
    (note,) = [note for note in noted(sweep.tables()) if "level" in note]
    assert note.startswith("The best level has 2 seeds alone") and "--replicates 1`" in note


def test_a_sampler_that_learned_too_little(build) -> None:
    few = noted(search(build, [1e-3] * 12, sampler="tpe").tables())
    assert any(note.startswith("tpe has learned in ") for note in few)
    drawn = noted(search(build, [1e-3] * 12, name="random").tables())
    assert not any("tpe" in note for note in drawn)


def test_failures_by_cause(build) -> None:
    sweep = search(build, [1e-3] * 2)
    sweep.trial({LR: 1e-3}, 9.0, "diverged", reason="val_ab_mae is nan\nmore")
    sweep.trial({LR: 1e-3}, 9.0, "diverged", reason="val_ab_mae is inf")
    sweep.trial({LR: 1e-3}, None, "oom")
    found = [note for note in noted(sweep.tables()) if " of 5 trials " in note]
    assert [note.split(": ")[0] for note in found] == [
        "2 of 5 trials diverged, for example t00002 (val_ab_mae is nan)",
        "1 of 5 trials ran out of memory, for example t00004",
    ]


def test_only_failures(build) -> None:
    sweep = build()
    sweep.trial({}, None, "failed", reason="exit code 1")
    (note,) = noted(sweep.tables())
    assert note.startswith("1 of 1 trial failed, for example t00000 (exit code 1): ")


def test_flagged_contests(build) -> None:
    found = [note for note in noted(flagged(build)) if "contests flagged" in note]
    assert [note.split(". ")[0] for note in found] == [
        "1 of 2 contests flagged: contest collapsed, the best among them",
        "1 of 2 contests flagged: discriminator overfits, the best among them",
    ]


ASHA = {"rule": "asha", "grace": 0.25, "factor": 2.0}


def test_stopping_that_stopped_nothing(build) -> None:
    found = noted(search(build, [1e-3] * 6, stopping=ASHA).tables())
    assert any("stopped none of 6 trials: lower `stopping.grace`" in note for note in found)
    few = noted(search(build, [1e-3] * 4, stopping=ASHA, name="few").tables())
    assert not any("arly stopping" in note for note in few)
    off = noted(search(build, [1e-3] * 6, name="off").tables())
    assert not any("arly stopping" in note for note in off)


@pytest.mark.parametrize(("early", "told"), [(1.0, False), (-1.0, True)])
def test_ranks_that_foretold_nothing(build, early: float, told: bool) -> None:
    sweep = search(build, [1e-3] * 8, stopping=ASHA)
    sweep.trial({LR: 1e-3}, 9.0, "pruned", ticks=1)
    tables = sweep.tables()
    ticks = tables.ticks
    values = ticks["val_ab_mae"].where(ticks["tick"] > 1, early * ticks["val_ab_mae"])
    found = notes(replace(tables, ticks=ticks.assign(val_ab_mae=values)), None)
    assert any("raise `stopping.grace`" in note for note in found) == told


def test_what_is_missing_of_the_records(build) -> None:
    tables = search(build, [1e-3] * 5).tables()
    assert not [note for note in noted(tables) if "are missing" in note]
    gap = tables.ticks[(tables.ticks["trial_id"] != "t00001") | (tables.ticks["tick"] != 2)]
    records = replace(tables.records, problems=["records/ticks/part-1 cannot be read: torn"])
    found = notes(replace(tables, ticks=gap, records=records), None)
    assert [note.split(":")[0] for note in found if "missing" in note.split("`")[0]] == [
        "1 part of the records cannot be read",
        "5.0% of the ticks are missing, in 1 trial",
    ]
