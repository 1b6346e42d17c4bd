"""Dimensions against the objective: exact values."""

from functools import partial

import pytest

from reports.analysis.ranks import Median
from reports.charts import _style
from reports.charts.dimensions import Mark, caption, draw, each, prepare

LR, LOSS = "optimizer.generator_lr", "loss.adversarial"


def test_no_trial(build) -> None:
    info = prepare(build().tables(), LR)
    assert info.points == () and info.missing


def test_unknown_dimension(build) -> None:
    with pytest.raises(KeyError):
        prepare(build().tables(), "loss.what")


def test_points_of_a_range(build) -> None:
    sweep = build()
    sweep.trial({LR: 1e-3, LOSS: "bce"}, 9.0)
    sweep.trial({LR: 1e-4, LOSS: "bce"}, 8.0, "pruned", ticks=4)
    sweep.trial({LR: 1e-5, LOSS: "bce"}, 7.0, "oom", ticks=1)
    sweep.trial({LR: 1e-5, LOSS: "bce"}, None, "running")
    info = prepare(sweep.tables(), LR)
    assert info.points == (
        Mark("t00000", 0, 1e-3, "0.001", 9.0, "scored", True),
        Mark("t00001", 1, 1e-4, "0.0001", 8.0, "partial", False),
        Mark("t00002", 2, 1e-5, "1e-05", None, "failed", False),
    )
    assert info.categories == () and info.medians == ()
    assert caption(info) == "1 trial; the best in orange; 1 failed (crosses)."


def test_categories_in_the_order_of_the_study(build) -> None:
    sweep = build()
    for index in range(6):
        sweep.trial({LR: 1e-3, LOSS: ["hinge", "bce"][index % 2]}, 6.0 + index)
    info = prepare(sweep.tables(), LOSS)
    assert info.categories == ("bce", "lsgan", "hinge")
    assert [round(point.x or 0) for point in info.points] == [2, 0, 2, 0, 2, 0]
    assert info.medians == (Median(0.0, 9.0, None, None, 3), Median(2.0, 8.0, None, None, 3))


def test_special_value_stands_apart(build) -> None:
    space = {"loss.l1_weight": {"type": "loguniform", "low": 1, "high": 300, "special": 0}}
    sweep = build(space)
    sweep.trial({"loss.l1_weight": 0}, 9.0)
    sweep.trial({"loss.l1_weight": 100.0}, 8.0)
    info = prepare(sweep.tables(), "loss.l1_weight")
    assert [(point.x, point.text) for point in info.points] == [(None, "0"), (100.0, "100")]
    figure = draw(info)
    assert figure.layout.xaxis2.ticktext == ("0",)


def test_inactive_trials_are_counted(build) -> None:
    smoothing = {"type": "uniform", "low": 0, "high": 0.3, "when": {LOSS: ["bce"]}}
    choice = {"type": "choice", "choices": ["bce", "hinge"]}
    sweep = build({LOSS: choice, "loss.label_smoothing": smoothing})
    sweep.trial({LOSS: "bce", "loss.label_smoothing": 0.1}, 9.0)
    sweep.trial({LOSS: "hinge"}, 8.0)
    info = prepare(sweep.tables(), "loss.label_smoothing")
    assert len(info.points) == 1 and info.inactive == 1
    assert caption(info) == "1 trial; 1 left out: active only for loss.adversarial in bce."


def test_every_objective_has_its_panels(build) -> None:
    sweep = build(objectives={"val_ab_mae": "minimize", "val_psnr": "maximize"}).tables()
    assert len(each(sweep)) == 4


def test_a_line_along_the_range(build) -> None:
    sweep = build()
    for index in range(40):
        sweep.trial({LR: 10 ** (-5 + index / 20), LOSS: "bce"}, 9.0 + index / 40)
    info = prepare(sweep.tables(), LR)
    assert [one.trials for one in info.medians] == [9] * len(info.medians)
    medians = [one.median for one in info.medians]
    assert medians == sorted(medians)
    assert "line: median of the nearest 9 with its 95% interval" in caption(info)
    traces = draw(info).data
    assert [trace.fill for trace in traces[:2]] == ["toself", None]
    assert [trace.meta for trace in traces] == [None, None, "trials", "trials", "trials"]


def test_start_points_outside_the_range_are_seen(build) -> None:
    sweep = build()
    sweep.trial({LR: 1e-5, LOSS: "bce"}, 9.0)
    sweep.trial({LR: 0.1, LOSS: "bce"}, 8.0)
    low, high = draw(prepare(sweep.tables(), LR)).layout.xaxis.range
    assert low < -5 and high > -1


def test_many_points_are_thinned_and_the_line_is_not(build, monkeypatch) -> None:
    sweep = build()
    for index in range(120):
        state = "failed" if index % 12 == 11 else "completed"
        sweep.trial({LR: 10 ** (-5 + index / 60), LOSS: "bce"}, 9.0 + index % 7, state)
    tables = sweep.tables()
    whole = prepare(tables, LR)
    monkeypatch.setattr(_style, "thinned", partial(_style.thinned, most=80))
    info = prepare(tables, LR)
    assert (len(info.points), len(whole.points)) == (80, 120)
    assert info.counts == whole.counts == (110, 10)
    assert info.medians == whole.medians
    assert sum(point.kind == "failed" for point in info.points) == 10
    assert caption(info).endswith(
        " Drawn: 80 of 120 trials, the best, the failed and a random part of the rest."
    )
