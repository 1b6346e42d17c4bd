"""Losses of the best trials: exact values."""

from reports.charts._curves import Curve
from reports.charts.losses import each, prepare


def test_no_trial(build) -> None:
    sweep = build().tables()
    assert each(sweep) == [{"loss": "train_loss_generator"}]
    assert prepare(sweep).curves == () and prepare(sweep).missing


def test_best_first_and_no_more_than_four(build) -> None:
    sweep = build()
    for value in (5.0, 4.0, 3.0, 2.0, 1.0):
        sweep.trial({}, value, ticks=1)
    sweep.trial({}, 0.5, "diverged", ticks=1)
    info = prepare(sweep.tables())
    assert [curve.trial for curve in info.curves] == ["t00004", "t00003", "t00002", "t00001"]
    assert info.curves[0] == Curve("t00004", 4, "completed", 1, (250.0,), ((0.3 * 1.75,),))


def test_regression_has_no_discriminator(build) -> None:
    sweep = build()
    sweep.trial({}, 5.0)
    tables = sweep.tables()
    assert [choice["loss"] for choice in each(tables)] == [
        "train_loss_generator",
        "train_loss_discriminator",
    ]
    without = tables.ticks.drop(columns="train_loss_discriminator")
    object.__setattr__(tables, "ticks", without)
    assert each(tables) == [{"loss": "train_loss_generator"}]


def test_the_best_of_those_that_have_a_discriminator(build) -> None:
    sweep = build()
    for value in (5.0, 4.0, 3.0, 2.0, 1.0, 6.0):
        adversarial = value > 5
        loss = {} if adversarial else {"train_loss_discriminator": float("nan")}
        sweep.trial({}, value, metrics=loss)
    curves = prepare(sweep.tables(), "train_loss_discriminator").curves
    assert [(curve.trial, curve.rank) for curve in curves] == [("t00005", 6)]
