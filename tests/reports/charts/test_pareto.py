"""Pareto front: exact values."""

from reports.charts.pareto import caption, each, prepare

TWO = {"val_ab_mae": "minimize", "val_psnr": "maximize"}


def test_one_objective_has_no_front(build) -> None:
    assert each(build().tables()) == []


def test_no_trial(build) -> None:
    sweep = build(objectives=TWO).tables()
    assert each(sweep) == [{"pair": "val_ab_mae × val_psnr"}]
    assert prepare(sweep).missing


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
