"""The two losses against each other: exact values."""

from reports.charts._curves import Curve
from reports.charts.players import STAGES, caption, draw, each, prepare, table

NORM, ADVERSARIAL = "diag_d_loss_norm", "train_loss_adversarial"


def test_no_trial(build) -> None:
    sweep = build().tables()
    assert each(sweep) == [] and prepare(sweep).missing


def test_regression_has_no_second_player(build) -> None:
    sweep = build()
    sweep.trial({}, 5.0)
    tables = sweep.tables()
    without = tables.ticks.drop(columns="train_loss_discriminator")
    object.__setattr__(tables, "ticks", without)
    assert each(tables) == [] and prepare(tables).missing


def test_losses_as_they_are_where_nothing_better_is_known(build) -> None:
    sweep = build()
    sweep.trial({}, 5.0, ticks=1)
    info = prepare(sweep.tables())
    assert info.curves == (
        Curve("t00000", 0, "completed", 1, (250.0,), ((0.7 / 1.75,), (0.3 * 1.75,))),
    )
    assert info.discriminator.name == "train_loss_discriminator"
    assert "it guesses" not in caption(info)
    assert not draw(info).layout.shapes


def test_comparable_losses_come_first(build) -> None:
    sweep = build()
    sweep.trial({}, 5.0, ticks=2, metrics={NORM: 0.5, ADVERSARIAL: 0.8})
    sweep.trial({}, 4.0, ticks=2)
    info = prepare(sweep.tables())
    assert info.curves == (
        Curve(
            "t00000",
            0,
            "completed",
            2,
            (250.0, 500.0),
            ((0.5 * 1.75, 0.5 * 1.25), (0.8 * 1.75, 0.8 * 1.25)),
        ),
    )
    assert (info.discriminator.name, info.generator.name) == (NORM, ADVERSARIAL)
    assert "1: it guesses" in caption(info)
    figure = draw(info)
    assert figure.data[0].meta == {"trial": 0}
    assert figure.data[0].marker.size.tolist() == [4, 12]
    assert table(info)["D, last"].tolist() == ["0.625"]


def test_long_trainings_are_means_of_stages(build) -> None:
    sweep = build()
    sweep.trial({}, 5.0, ticks=3 * STAGES, metrics={NORM: 0.5, ADVERSARIAL: 0.8})
    (curve,) = prepare(sweep.tables()).curves
    assert len(curve.images) == len(curve.values[0]) == STAGES
    assert curve.images[0] == 500.0
    assert curve.values[0][0] == sum(0.5 * (0.75 + 1 / tick) for tick in (1, 2, 3)) / 3
