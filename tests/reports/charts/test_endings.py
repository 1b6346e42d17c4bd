"""How trials ended and why, and what that cost and saved: exact values."""

from reports.charts.endings import (
    MAX_BARS,
    Ending,
    Savings,
    caption,
    draw,
    prepare,
    savings,
    table,
)


def test_no_trial(build) -> None:
    info = prepare(build().tables())
    assert (info.endings, info.trials, info.savings) == ((), 0, Savings(0, 0.0, 0.0, 0.0, 0.0))
    assert info.missing


def test_reasons_that_differ_by_numbers_are_one(build) -> None:
    sweep = build()
    sweep.trial({}, None, "failed", reason="exit code 9\nTraceback: x")
    sweep.trial({}, None, "failed", reason="exit code -11 at 0x7ff1")
    sweep.trial({}, 9.0)
    sweep.trial({}, None, "failed", reason="exit code 137")
    sweep.trial({}, 9.0, "diverged", reason="val_ab_mae is nan at tick 3", ticks=2)
    sweep.trial({}, 9.0, "diverged", reason="val_ab_mae is 1.5e-07 at tick 3", ticks=2)
    info = prepare(sweep.tables())
    assert info.endings == (
        Ending("completed", "", 1, "t00002", 10.0),
        Ending("diverged", "val_ab_mae is 1.5e-07 at tick 3", 1, "t00005", 5.0),
        Ending("diverged", "val_ab_mae is nan at tick 3", 1, "t00004", 5.0),
        Ending("failed", "exit code 9", 2, "t00000", 0.0),
        Ending("failed", "exit code -11 at 0x7ff1", 1, "t00001", 0.0),
    )
    assert "completed 10 s (50%), diverged 10 s (50%)." in caption(info)
    assert draw(info).data[0].x.tolist() == [1, 1, 1, 2, 1]
    assert table(info)["trials"].tolist() == [1, 1, 1, 2, 1]


def test_what_stopping_saved(build) -> None:
    sweep = build()  # 1,000 pictures in 10 s by their configs
    sweep.trial({}, 9.0)
    sweep.trial({}, 9.0, "pruned", ticks=2)
    sweep.trial({}, 9.0, "pruned", ticks=1, seconds=20.0)
    sweep.trial({}, None, "pruned")
    sweep.trial({}, 9.0, "diverged", ticks=1)
    found = savings(sweep.tables())
    assert found == Savings(3, 1250.0, 1250 / 3250, 20.0, 0.0)
    text = caption(prepare(sweep.tables()))
    assert "ended 3 trials and spared 1,250 pictures, 38% of all, or about 20 s" in text


def test_cards_count(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0, "pruned", ticks=2)
    tables = sweep.tables()
    records = tables.trials.assign(gpu_seconds=tables.trials["seconds"] * 0.5)
    object.__setattr__(tables, "trials", records)
    assert savings(tables).gpu_seconds == 2.5


def test_nothing_was_stopped(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0)
    assert "stopping" not in caption(prepare(sweep.tables()))


def test_many_reasons_stand_in_the_table(build) -> None:
    sweep = build()
    for index in range(MAX_BARS + 3):
        sweep.trial({}, None, "failed", reason="x" * (index + 1))
    info = prepare(sweep.tables())
    assert len(draw(info).data[0].x) == MAX_BARS and len(table(info)) == MAX_BARS + 3
    assert "3 rarer reasons" in caption(info)
