"""Pareto fronts: exact values."""

import numpy as np

from reports.charts.pareto import caption, draw, each, prepare

TWO = {"val_ab_mae": "minimize", "val_psnr": "maximize"}
TIME = {"pair": "seconds × val_ab_mae"}


def test_no_trial(build) -> None:
    sweep = build(objectives=TWO).tables()
    assert each(sweep) == [{"pair": "val_ab_mae × val_psnr"}, TIME]
    assert prepare(sweep).missing


def test_one_objective_is_set_against_time(build) -> None:
    assert each(build().tables()) == [TIME]


def test_costs_and_qualities_where_they_vary(build) -> None:
    sweep = build()
    for index in range(3):
        metrics = {
            "val_colorfulness_gap": 5.0 + index,
            "val_auc_rebalanced": 0.5 + 0.1 * index,
            "val_ssim": 0.5 + 0.1 * index,
            "cost_gmac_per_picture": 1.0,
            "cost_training_gmac_per_picture": 1.0 + index,
        }
        sweep.trial({}, 9.0, metrics=metrics)
    assert [choice["pair"] for choice in each(sweep.tables())] == [
        "seconds × val_ab_mae",
        "cost_training_gmac_per_picture × val_ab_mae",
        "val_ab_mae × val_colorfulness_gap",
        "val_ab_mae × val_auc_rebalanced",
    ]


def test_front_of_equal_budget(build) -> None:
    sweep = build(objectives=TWO)
    for value, psnr in ((5.0, 20.0), (6.0, 22.0), (7.0, 21.0), (6.0, 19.0), (6.0, 22.0)):
        sweep.trial({}, value, metrics={"val_psnr": psnr})
    sweep.trial({}, 1.0, "pruned", metrics={"val_psnr": 30.0})
    sweep.trial({}, 1.0, "diverged", metrics={"val_psnr": 30.0})
    info = prepare(sweep.tables())
    assert info.front == (
        (5.0, 20.0, "t00000", 0),
        (6.0, 22.0, "t00001", 1),
        (6.0, 22.0, "t00004", 4),
    )
    assert info.others == ((6.0, 19.0, "t00003", 3), (7.0, 21.0, "t00002", 2))
    assert info.partial == ((1.0, 30.0, "t00005", 5),)
    assert caption(info) == (
        "3 of 5 trials of equal budget are on the front; "
        "lower ab MAE is better and higher PSNR is better."
    )
    traces = draw(info).data
    assert [trace.customdata.tolist() for trace in traces] == [[5], [3, 2], [0, 1, 4]]
    assert {trace.meta for trace in traces} == {"trials"}


def test_quality_against_time(build) -> None:
    sweep = build()
    for value, seconds in ((9.0, 10.0), (8.0, 200.0), (9.5, 300.0)):
        sweep.trial({}, value, seconds=seconds)
    info = prepare(sweep.tables())
    assert info.front == ((10.0, 9.0, "t00000", 0), (200.0, 8.0, "t00001", 1))
    assert (info.x.title, info.x.goal) == ("Time of a training (s)", "minimize")
    axis = draw(info).layout.xaxis
    assert axis.type == "log" and axis.range[0] < 1 < np.log10(300) < axis.range[1]


def test_time_on_cards_where_there_are_some(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0)
    tables = sweep.tables()
    object.__setattr__(tables, "trials", tables.trials.assign(gpu_seconds=5.0))
    assert each(tables)[0] == {"pair": "gpu_seconds × val_ab_mae"}
    assert prepare(tables).front == ((5.0, 9.0, "t00000", 0),)
