"""Compared levels: exact values."""

import pytest

from reports.charts import best_so_far, importance
from reports.charts.compared import Replicate, caption, draw, each, prepare, table

LOSS, DROPOUT = "loss.adversarial", "generator.dropout"
SPACE = {LOSS: {"type": "choice", "choices": ["bce", "lsgan", "hinge"]}}


def test_a_search_compares_no_levels(build) -> None:
    assert each(build(SPACE).tables()) == []


def test_a_comparison_has_no_search_charts(build) -> None:
    sweep = build(SPACE, design="compare")
    sweep.compare({"bce": [9.0, 9.5], "lsgan": [8.0, 8.4]}, LOSS)
    tables = sweep.tables()
    assert best_so_far.each(tables) == importance.each(tables) == []


def test_no_training(build) -> None:
    info = prepare(build(SPACE, design="compare").tables(), LOSS)
    assert info.replicates == () and info.missing
    assert [level.name for level in info.levels] == ["bce", "lsgan", "hinge"]


def test_unknown_dimension(build) -> None:
    with pytest.raises(KeyError):
        prepare(build(SPACE, design="compare").tables(), "loss.what")


def test_only_lost_ones(build) -> None:
    sweep = build(SPACE, design="compare").compare({"bce": [None, None]}, LOSS)
    info = prepare(sweep.tables(), LOSS)
    assert [one.value for one in info.replicates] == [None, None]
    assert not any(level.best for level in info.levels)


def test_trainings_are_joined_by_seed(build) -> None:
    sweep = build(SPACE, design="compare", replicates=2)
    sweep.compare({"bce": [9.0, 9.5], "lsgan": [8.0, 8.5], "hinge": [11.0, None]}, LOSS)
    info = prepare(sweep.tables(), LOSS)
    series = [f'[{{"{LOSS}": null}}, {seed}]' for seed in (0, 1)]
    assert info.replicates == (
        Replicate("t00000", 0, 0, series[0], 9.0),
        Replicate("t00001", 1, 1, series[0], 8.0),
        Replicate("t00002", 2, 2, series[0], 11.0),
        Replicate("t00003", 3, 0, series[1], 9.5),
        Replicate("t00004", 4, 1, series[1], 8.5),
        Replicate("t00005", 5, 2, series[1], None),
    )
    assert [level.mean.estimate for level in info.levels] == [9.25, 8.25, 11.0]
    assert [level.best for level in info.levels] == [False, True, False]
    assert info.series == 2
    assert caption(info).startswith("6 trainings of 3 levels, 1 lost (crosses). Best mean: lsgan.")
    assert table(info)["seeds"].tolist() == [2, 2, 1]
    joined = draw(info).data[0]
    assert joined.meta is None
    assert joined.x.size == 7


def test_the_highest_mean_is_best_where_higher_is_better(build) -> None:
    sweep = build(SPACE, design="compare", objectives={"val_psnr": "maximize"})
    for seed in (0, 1):
        for level, psnr in (("bce", 20.0), ("hinge", 25.0)):
            metrics = {"val_psnr": psnr + seed}
            more = {"origin": "compare", "point_id": level, "seed": seed, "metrics": metrics}
            sweep.trial({LOSS: level}, 1.0, **more)
    levels = prepare(sweep.tables(), LOSS).levels
    assert [level.name for level in levels if level.best] == ["hinge"]


def test_several_dimensions_have_a_panel_each(build) -> None:
    dropout = {"type": "choice", "choices": [0.0, 0.5]}
    sweep = build({**SPACE, DROPOUT: dropout}, design="compare", replicates=2)
    for seed in (0, 1):
        for loss, worse in (("bce", 0.0), ("hinge", 2.0)):
            for rate in (0.0, 0.5):
                sweep.trial(
                    {LOSS: loss, DROPOUT: rate},
                    9.0 + worse + rate + seed,
                    origin="compare",
                    point_id=f"{loss}{rate}",
                    seed=seed,
                )
    tables = sweep.tables()
    assert [choice["dimension"] for choice in each(tables)] == [LOSS, DROPOUT]
    info = prepare(tables, DROPOUT)
    assert info.series == 4
    assert [(level.name, level.mean.estimate, level.mean.n) for level in info.levels] == [
        ("0", 10.5, 2),
        ("0.5", 11.0, 2),
    ]
    assert info.levels[0].best


def test_lines_run_in_the_order_of_the_levels(build) -> None:
    sweep = build(SPACE, design="compare")
    sweep.compare({"hinge": [11.0], "bce": [9.0], "lsgan": [8.0]}, LOSS)
    joined = draw(prepare(sweep.tables(), LOSS)).data[0]
    assert joined.x[:3].tolist() == [0, 1, 2]
    assert joined.y[:3].tolist() == [9.0, 8.0, 11.0]
