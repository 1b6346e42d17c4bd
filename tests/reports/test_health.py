"""Trials against which the diagnostics speak are marked wherever they are shown."""

from reports.health import flags
from reports.leaders import best
from reports.page import render
from reports.summary import trial_table


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
    assert best(flagged(build))["rows"][0]["flags"].startswith("contest collapsed")
    assert "<b>Flagged:</b> contest collapsed" in render(flagged(build))


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
