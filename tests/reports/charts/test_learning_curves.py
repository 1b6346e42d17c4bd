"""Learning curves: exact values, and bands for many."""

import numpy as np
import pytest

from reports.charts.learning_curves import MAX_PICKED, Curve, curves_data, draw, prepare


def test_no_trial(build) -> None:
    info = prepare(build().tables())
    assert (info.curves, info.bands, info.trials) == ((), (), 0)
    assert info.missing


def test_curves_with_the_best_on_top(build) -> None:
    sweep = build()
    sweep.trial({}, 8.0, ticks=2)
    sweep.trial({}, 16.0, ticks=1)
    sweep.trial({}, 4.0, "diverged", ticks=1)
    sweep.trial({}, None, "failed")
    assert prepare(sweep.tables()).curves == (
        Curve("t00002", 2, "diverged", None, (250.0,), (7.0,)),
        Curve("t00001", 1, "completed", 2, (250.0,), (28.0,)),
        Curve("t00000", 0, "completed", 1, (250.0, 500.0), (14.0, 10.0)),
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
    assert [curve.rank for curve in info.curves] == [5, 4, 3, 2, 1]
    assert [row[0] for row in info.bands] == [250.0, 500.0, 750.0, 1000.0]
    assert info.bands[-1] == pytest.approx((1000.0, 4.0, 10.0, 20.0, 30.0, 36.0, 41))


def test_many_budgets_are_binned(build) -> None:
    sweep = build()
    rng = np.random.default_rng(0)
    for number in range(41):
        common = {"trial_id": f"t{number:05d}", "number": number, "attempt": 1, "seed": 0}
        for tick, images in enumerate(np.sort(rng.integers(1, 10_000, 5)), start=1):
            row = {"tick": tick, "images": int(images), "seconds": 1.0, "val_ab_mae": 9.0}
            sweep.writer.tick({**common, **row})
        sweep.number = number
        sweep.trial({}, None)
    assert 0 < len(prepare(sweep.tables()).bands) <= 61


def test_lines_name_their_trials(build) -> None:
    sweep = build()
    for index in range(3):
        sweep.trial({}, 8.0 + index)
    metas = [trace.meta for trace in draw(prepare(sweep.tables())).data]
    assert metas == [{"trial": 2}, {"trial": 1}, {"trial": 0}]


def test_no_trial_has_no_data(build) -> None:
    assert curves_data(build().tables(), "val_ab_mae") == {}
    failed = build(name="failed")
    failed.trial({}, None, "failed")
    assert curves_data(failed.tables(), "val_ab_mae") == {}


def test_data_of_few_trials_is_all_of_it(build) -> None:
    sweep = build()
    sweep.trial({}, 8.0, ticks=2)
    sweep.trial({}, 1 / 3, "diverged", ticks=1)
    assert curves_data(sweep.tables(), "val_ab_mae") == {
        0: [[250, 500], [14.0, 10.0]],
        1: [[250], [0.58333]],
    }


def test_data_of_many_has_the_best_the_start_and_each_way_of_failing(build) -> None:
    sweep = build()
    for index in range(MAX_PICKED + 50):
        origin = "start_from" if index == 240 else "search"
        sweep.trial({}, float(index), ticks=1, origin=origin)
    sweep.trial({}, 400.0, "diverged", ticks=1)
    sweep.trial({}, 400.0, "oom", ticks=1)
    tables = sweep.tables()
    found = curves_data(tables, "val_ab_mae")
    assert len(found) == MAX_PICKED
    assert {*range(100), 240, 250, 251} <= set(found)
    assert found == curves_data(tables, "val_ab_mae")


def test_long_curves_keep_their_last_tick(build) -> None:
    sweep = build()
    sweep.trial({}, 8.0, ticks=173)
    images, values = curves_data(sweep.tables(), "val_ab_mae")[0]
    assert len(images) == len(values) == 50
    assert images[0] == 250 and images[-1] == 250 * 173
