"""Overfitting and collapse against the pictures: exact values."""

import numpy as np
import pytest

from colornet.evaluation.discriminator_stats import COLLAPSED, MEMORY
from reports.charts._style import MAX_POINTS
from reports.charts.gaps import Mark, caption, draw, each, prepare

GAP, LOSS = "diag_d_gap_auc", "diag_d_loss_norm"


def test_no_trial(build) -> None:
    sweep = build().tables()
    assert each(sweep) == []
    assert prepare(sweep).missing and prepare(sweep, LOSS).missing


def test_regression_has_nothing_to_show(build) -> None:
    sweep = build()
    sweep.trial({}, 5.0)
    assert each(sweep.tables()) == [] and prepare(sweep.tables()).missing


def test_marks_and_what_was_called_out(build) -> None:
    sweep = build()
    sweep.trial({}, 5.0, metrics={GAP: 0.5, "diag_overfitting": 0.0})
    sweep.trial({}, 6.0, metrics={GAP: 0.8, "diag_overfitting": 1.0})
    sweep.trial({}, 4.0, "pruned", metrics={GAP: 0.6})
    sweep.trial({}, 4.0, "diverged", metrics={GAP: 0.6})
    sweep.trial({}, 4.0)
    tables = sweep.tables()
    assert each(tables) == [{"diagnostic": GAP}]
    info = prepare(tables)
    assert info.marks == (
        Mark(0, "t00000", 0.5, 5.0, "scored", False),
        Mark(1, "t00001", 0.8, 6.0, "scored", True),
        Mark(2, "t00002", 0.6, 4.0, "partial", False),
    )
    assert (info.threshold, info.flagged, info.relation) == (0.5 + MEMORY, 1, None)
    assert "Too few trials" in caption(info) and "1 trial is called overfitting" in caption(info)
    shown = {n for trace in draw(info).data if trace.meta == "trials" for n in trace.customdata}
    assert shown == {0, 1, 2}


@pytest.mark.parametrize(("direction", "word"), [(1, "worse"), (-1, "better")])
@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_what_goes_together_is_said_the_right_way_round(build, direction, word, goal) -> None:
    sweep = build(objectives={"val_ab_mae": goal})
    sign = direction if goal == "minimize" else -direction
    for index in range(12):
        sweep.trial({}, 9.0 + sign * 0.1 * index, metrics={GAP: 0.5 + 0.01 * index})
    info = prepare(sweep.tables())
    assert info.relation is not None and info.relation.estimate == pytest.approx(sign)
    assert f"The more a discriminator remembered, the {word} the pictures" in caption(info)


def test_no_relation_claims_nothing(build) -> None:
    sweep = build()
    for index in range(12):
        sweep.trial({}, 9.0 + index % 2, metrics={LOSS: 0.1 + 0.01 * (index // 2)})
    assert "No visible relation" in caption(prepare(sweep.tables(), LOSS))


def test_a_loss_below_its_floor_is_drawn_at_the_edge(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0, metrics={LOSS: -1e-7, "diag_collapsed": 1.0})
    info = prepare(sweep.tables(), LOSS)
    assert info.threshold == COLLAPSED
    figure = draw(info)
    assert figure.data[0].x.tolist() == [1e-4]
    assert figure.layout.xaxis.range[0] < -4


def test_many_trials_are_thinned(build) -> None:
    sweep = build()
    for index in range(MAX_POINTS + 50):
        sweep.trial({}, 9.0 + index, ticks=1, metrics={GAP: 0.5})
    info = prepare(sweep.tables())
    assert len(info.marks) == MAX_POINTS
    assert info.marks[
        0
    ].trial == "t00000" and f"Drawn: {MAX_POINTS:,} of {MAX_POINTS + 50:,}" in caption(info)
    assert np.isfinite(info.threshold)
