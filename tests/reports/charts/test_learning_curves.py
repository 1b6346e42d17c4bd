"""Learning curves: exact values, and bands for many."""

import numpy as np
import pytest

from reports.charts._curves import Curve
from reports.charts.learning_curves import draw, prepare


def test_no_trial(build) -> None:
    info = prepare(build().tables())
    assert (info.curves, info.bands, info.trials) == ((), (), 0)
    assert info.missing


def test_curves_with_the_best_first(build) -> None:
    sweep = build()
    sweep.trial({}, 8.0, ticks=2)
    sweep.trial({}, 16.0, ticks=1)
    sweep.trial({}, 4.0, "diverged", ticks=1)
    sweep.trial({}, None, "failed")
    assert prepare(sweep.tables()).curves == (
        Curve("t00000", 0, "completed", 1, (250.0, 500.0), ((14.0, 10.0),)),
        Curve("t00001", 1, "completed", 2, (250.0,), ((28.0,),)),
        Curve("t00002", 2, "diverged", None, (250.0,), ((7.0,),)),
    )


def test_ticks_without_a_value_are_left_out(build) -> None:
    sweep = build(objectives={"val_psnr": "maximize"})
    sweep.trial({}, 8.0)
    assert prepare(sweep.tables()).missing


def test_many_trials_become_bands(build) -> None:
    sweep = build()
    for index in range(41):
        sweep.trial({}, float(index), ticks=4)
    info = prepare(sweep.tables())
    assert [curve.rank for curve in info.curves] == [1, 2, 3, 4, 5]
    assert [row[0] for row in info.bands] == [250.0, 500.0, 750.0, 1000.0]
    assert info.bands[-1] == pytest.approx((1000.0, 4.0, 10.0, 20.0, 30.0, 36.0, 41))


def test_many_budgets_are_binned(build) -> None:
    sweep = build()
    rng = np.random.default_rng(0)
    for number in range(41):
        common = {"trial_id": f"t{number:05d}", "number": number, "attempt": 1, "seed": 0}
        for tick, images in enumerate(np.sort(rng.integers(1, 10_000, 5)), start=1):
            row = {"tick": tick, "images": int(images), "seconds": 1.0, "val_ab_mae": 9.0}
            sweep.writer.add("ticks", {**common, **row})
        sweep.number = number
        sweep.trial({}, None)
    assert 0 < len(prepare(sweep.tables()).bands) <= 61


def test_lines_name_their_trials(build) -> None:
    sweep = build()
    for index in range(3):
        sweep.trial({}, 8.0 + index)
    metas = [trace.meta for trace in draw(prepare(sweep.tables())).data]
    assert metas == [{"trial": 2}, {"trial": 1}, {"trial": 0}]
