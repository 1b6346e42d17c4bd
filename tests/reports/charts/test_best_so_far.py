"""Best so far: exact values."""

from functools import partial

from reports.charts import _style
from reports.charts.best_so_far import caption, prepare, table

BCE = {"optimizer.generator_lr": 1e-3, "loss.adversarial": "bce"}


def test_no_trial(build) -> None:
    info = prepare(build().tables())
    assert (info.scored, info.partial, info.failed, info.best) == ((), (), (), ())
    assert info.missing


def test_running_best_over_equal_budget_only(build) -> None:
    sweep = build()
    sweep.trial(BCE, 9.0)
    sweep.trial(BCE, 3.0, "pruned", ticks=2)
    sweep.trial(BCE, 2.0, "diverged", ticks=2)
    sweep.trial(BCE, 11.0)
    sweep.trial(BCE, 8.0)
    info = prepare(sweep.tables())
    assert info.scored == (
        (0.0, 9.0, "t00000", 0),
        (3.0, 11.0, "t00003", 3),
        (4.0, 8.0, "t00004", 4),
    )
    assert info.partial == ((1.0, 3.75, "t00001", 1),)
    assert info.failed == ((2.0, "t00002", "diverged", 2),)
    assert info.best == ((0.0, 9.0), (3.0, 9.0), (4.0, 8.0))
    assert info.baseline == 20.0
    assert table(info)["best so far"].tolist() == [9.0, 9.0, 8.0]
    assert caption(info) == (
        "3 trials of equal budget; the best was found after 3 of them. "
        "Crosses at the edge: 1 trial without a result."
    )


def test_maximize(build) -> None:
    sweep = build(objectives={"val_psnr": "maximize"})
    for psnr in (20.0, 18.0, 22.0):
        sweep.trial(BCE, 9.0, metrics={"val_psnr": psnr})
    assert prepare(sweep.tables()).best == ((0.0, 20.0), (1.0, 20.0), (2.0, 22.0))


def test_against_compute_adds_up_all_trials(build) -> None:
    sweep = build()
    sweep.trial(BCE, 9.0)
    sweep.trial(BCE, 9.0, "diverged", ticks=2)
    sweep.trial(BCE, 8.0)
    info = prepare(sweep.tables(), against="seconds")
    assert [x for x, _ in info.best] == [10.0, 25.0]


def test_bounds_of_the_study_are_kept(build) -> None:
    decide = {"by": "val_ab_mae", "subject_to": {"val_psnr": ">= 20"}}
    sweep = build(decide=decide)
    sweep.trial(BCE, 5.0, metrics={"val_psnr": 10.0})
    sweep.trial(BCE, 9.0, metrics={"val_psnr": 21.0})
    info = prepare(sweep.tables())
    assert info.best == ((0.0, None), (1.0, 9.0))
    assert info.unmet == 1


def test_many_points_are_thinned_and_the_steps_are_not(build, monkeypatch) -> None:
    sweep = build()
    values = [50.0 - (index // 25) if index % 25 == 0 else 60.0 + index for index in range(150)]
    for value in values:
        sweep.trial(BCE, value)
    tables = sweep.tables()
    monkeypatch.setattr(_style, "thinned", partial(_style.thinned, most=60))
    info = prepare(tables)
    assert len(info.scored) == len(info.best) == 60
    assert {50.0, 49.0, 48.0, 47.0, 46.0, 45.0} == {value for _, value in info.best}
    assert (info.trials, info.best_after) == (150, 126)
    assert "Drawn: 60 of 150 trials" in caption(info)
