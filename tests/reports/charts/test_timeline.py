"""Which trial ran when: exact spans, over pauses, retries and what has not ended."""

from datetime import UTC, datetime, timedelta

from reports.charts import timeline
from reports.charts.timeline import Span, Usage, caption, draw, prepare, table
from reports.format import percent_text

START = datetime(2026, 1, 2, 8, 0, tzinfo=UTC)


def states(sweep, trial: int, *rows: tuple[float, str, int, str | None]) -> None:
    """Changes of a trial's state: (seconds from the start, state, attempt, host)."""
    for seconds, state, attempt, host in rows:
        sweep.writer.add(
            "trials",
            {
                "trial_id": f"t{trial:05d}",
                "number": trial,
                "attempt": attempt,
                "seed": 0,
                "state": state,
                "origin": "search",
                "point_id": f"p{trial}",
                "point": {},
                "config": {},
                "host": host,
                "time": START + timedelta(seconds=seconds),
            },
        )


def tick(sweep, trial: int, attempt: int, seconds: float) -> None:
    when = START + timedelta(seconds=seconds)
    row = {"trial_id": f"t{trial:05d}", "number": trial, "attempt": attempt, "seed": 0, "tick": 1}
    sweep.writer.add(
        "ticks", {**row, "images": 10, "seconds": 5.0, "time": when, "val_ab_mae": 9.0}
    )


def test_no_trial(build) -> None:
    info = prepare(build().tables())
    assert info.missing and info.spans == ()


def test_a_trial_that_has_just_started(build) -> None:
    sweep = build()
    states(sweep, 0, (0, "running", 1, "head"))
    info = prepare(sweep.tables())
    assert info.missing == "No trial has taken any time yet."
    assert info.spans == (Span(0, "t00000", 1, "head", 0, 0.0, 0.0, "running"),)


def test_one_trial(build) -> None:
    sweep = build()
    states(sweep, 0, (0, "running", 1, "head"), (30, "completed", 1, "a"))
    info = prepare(sweep.tables())
    assert info.spans == (Span(0, "t00000", 1, "a", 0, 0.0, 30.0, "completed"),)
    assert info.busy == ((0.0, 1.0), (30.0, 0.0))
    assert (info.peak, info.pauses) == (1, ())
    assert "on average 100% of that" in caption(info)
    assert caption(info) == (
        "From 2026-01-02 08:00 UTC. At most 1 attempt at once; on average 100% of that."
    )
    assert draw(info).data[1].customdata.tolist() == [0]


def test_lanes_by_host(build) -> None:
    sweep = build()
    states(sweep, 0, (0, "running", 1, "head"), (30, "completed", 1, "b"))
    states(sweep, 1, (0, "running", 1, "head"), (10, "diverged", 1, "a"))
    states(sweep, 2, (5, "running", 1, "head"), (20, "pruned", 1, "a"))
    states(sweep, 3, (12, "running", 1, "head"), (30, "completed", 1, "a"))
    info = prepare(sweep.tables())
    assert info.lanes == (("a", 2), ("b", 1))
    assert [(span.trial, span.lane) for span in info.spans] == [
        ("t00000", 2),
        ("t00001", 0),
        ("t00002", 1),
        ("t00003", 0),
    ]
    assert info.busy == ((0, 2), (5, 3), (10, 2), (12, 3), (20, 2), (30, 0))
    assert f"on average {percent_text((30 + 10 + 15 + 18) / 90)} of that" in caption(info)
    assert info.usage[1] == Usage(
        "a", 3, 0, 43.0, (("completed", 1), ("pruned", 1), ("diverged", 1))
    )
    assert table(info)["host"].tolist() == ["all", "a", "b"]


def test_a_retry_and_a_driver_that_died(build) -> None:
    sweep = build()
    states(
        sweep,
        0,
        (0, "running", 1, "head"),
        (10, "preempted", 1, "a"),
        (12, "running", 2, "head"),  # whose driver dies after the tick
        (1000, "running", 3, "head"),
        (1020, "completed", 3, "b"),
    )
    tick(sweep, 0, 2, 20)
    info = prepare(sweep.tables())
    assert [span[2:] for span in info.spans] == [
        (1, "a", 0, 0.0, 10.0, "preempted"),
        (2, "host not known", 2, 12.0, 20.0, "cut off"),
        (3, "b", 1, 20.0, 40.0, "completed"),
    ]
    assert info.pauses == ((20.0, 980.0),)
    assert info.whole == 40.0
    text = caption(info)
    assert "Cut out: 1 pause in which nothing ran, 16 min in all (dotted)." in text
    assert "2 attempts went on with a trial that had been lost or stopped." in text
    assert "1 cut off with the driver" in text
    figure = draw(info)
    assert len(figure.layout.shapes) == 3  # a pause, and two lines between three hosts
    again = next(trace for trace in figure.data if trace.name == "tried again")
    assert again.customdata.tolist() == [0, 0]


def test_running_trials_end_at_their_last_tick(build) -> None:
    sweep = build()
    states(sweep, 0, (0, "running", 1, "head"))
    states(sweep, 1, (0, "running", 1, "head"), (30, "completed", 1, "a"))
    tick(sweep, 0, 1, 20)
    info = prepare(sweep.tables())
    assert info.spans[0] == Span(0, "t00000", 1, "a", 0, 0.0, 20.0, "running")
    assert "1 still running" in caption(info)


def test_sweeps_that_recorded_no_beginning(build) -> None:
    sweep = build()
    tick(sweep, 0, 1, 20)
    states(sweep, 0, (30, "completed", 1, None))
    (span,) = prepare(sweep.tables()).spans
    assert span == Span(0, "t00000", 1, "host not known", 0, 0.0, 15.0, "completed")


def test_many_trials_are_counts(build, monkeypatch) -> None:
    monkeypatch.setattr(timeline, "MAX_TRIALS", 2)
    monkeypatch.setattr(timeline, "STEPS", 2)
    sweep = build()
    states(sweep, 0, (0, "running", 1, "h"), (30, "completed", 1, "a"))
    states(sweep, 1, (0, "running", 1, "h"), (15, "completed", 1, "a"))
    states(sweep, 2, (30, "running", 1, "h"), (40, "completed", 1, "a"))
    info = prepare(sweep.tables())
    assert info.spans == ()
    assert info.busy == ((0.0, 1.75), (20.0, 1.0), (40.0, 0.0))
    assert info.peak == 2 and "instead of bars" in caption(info)
    assert [trace.type for trace in draw(info).data] == ["scatter"]
