"""How often the discriminator was right: exact values."""

import pytest

from reports.charts._curves import Curve
from reports.charts.contest import FEW, READINGS, caption, draw, each, prepare, table

REAL = "diag_d_acc_real_train"


def test_no_trial(build) -> None:
    sweep = build().tables()
    assert each(sweep) == [{"accuracy": REAL}]
    assert prepare(sweep).missing == "No trial has reported yet."


def test_regression_has_no_discriminator(build) -> None:
    sweep = build()
    sweep.trial({}, 5.0)
    info = prepare(sweep.tables())
    assert "had a discriminator" in info.missing
    assert (info.trials, info.without) == (0, 1)


def test_only_trials_that_cannot_be_ranked(build) -> None:
    sweep = build()
    sweep.trial({}, 5.0, "diverged", metrics={REAL: 0.5})
    info = prepare(sweep.tables())
    assert info.missing.startswith("No trial that can be ranked") and info.best == ()


def test_few_trials_are_lines_alone(build) -> None:
    sweep = build()
    sweep.trial({}, 5.0, ticks=1, metrics={REAL: 0.4})
    sweep.trial({}, 4.0, ticks=1, metrics={REAL: 0.2})
    sweep.trial({}, 3.0, ticks=1)
    info = prepare(sweep.tables())
    assert info.best == (
        Curve("t00001", 1, "completed", 2, (250.0,), ((0.2 * 1.75,),)),
        Curve("t00000", 0, "completed", 3, (250.0,), ((0.4 * 1.75,),)),
    )
    assert (info.bands, info.trials, info.without) == ((), 2, 1)
    assert caption(info).endswith("2 trials; 1 had no discriminator.")
    assert [trace.meta for trace in draw(info).data] == [{"trial": 0}, {"trial": 1}]
    assert table(info)["last"].tolist() == ["0.35", "0.7"]


def test_many_trials_are_bands(build) -> None:
    sweep = build()
    for index in range(FEW + 1):
        sweep.trial({}, 5.0 + index, ticks=2, metrics={REAL: 0.1 * index})
    info = prepare(sweep.tables())
    assert [row[0] for row in info.bands] == [250.0, 500.0]
    low, _, median, _, high = info.bands[1][1:6]
    assert (low, median, high) == pytest.approx((0.08 * 1.25, 0.4 * 1.25, 0.72 * 1.25))
    assert info.bands[1][6] == FEW + 1
    assert [course.rank for course in info.best] == [1, 2, 3, 4]


def test_a_panel_for_each_accuracy_that_is_known(build) -> None:
    sweep = build()
    sweep.trial({}, 5.0, metrics=dict.fromkeys(READINGS, 0.5))
    assert [choice["accuracy"] for choice in each(sweep.tables())] == list(READINGS)
