"""What early ranks were worth."""

import numpy as np
import pytest
from scipy import stats

from reports.charts.early_ranks import MAX_SHARES, caption, draw, prepare, table
from reports.tables import SweepTables, tables_of
from search.records.reader import SweepRecords, read_sweep

RATE = {"optimizer.generator_lr": 1e-3}


def with_course(build, courses: list[list[float]], states: list[str] | None = None, **study):
    """A sweep whose trials reported the given values, tick by tick."""
    sweep = build(**study)
    states = states or ["completed"] * len(courses)
    for course, state in zip(courses, states, strict=True):
        sweep.trial(RATE, 1.0, state, ticks=len(course))
    sweep.writer.commit()
    records = read_sweep(sweep.folder)
    ticks = records.ticks.assign(val_ab_mae=[value for course in courses for value in course])
    return tables_of(SweepRecords(records.location, records.study, {}, records.trials, ticks))


def courses(count: int, noise: float) -> list[list[float]]:
    rng = np.random.default_rng(0)
    final = rng.normal(size=count)
    wobble = rng.normal(size=(count, 3)) * noise * np.array([2.0, 1.0, 0.3])
    return [[*(value + own), value] for value, own in zip(final, wobble, strict=True)]


@pytest.mark.parametrize("count", [0, 1, 4])
def test_too_few_trials(build, count: int) -> None:
    info = prepare(with_course(build, courses(count, 1.0)))
    assert "at least 5 trials" in info.missing and info.points == ()


def test_stopped_trials_are_counted_and_not_compared(build) -> None:
    states = ["completed"] * 8 + ["pruned"] * 4
    info = prepare(with_course(build, courses(12, 1.0), states))
    assert (info.trials, info.stopped) == (8, 4)
    assert "the 4 that were stopped" in caption(info)
    few = prepare(
        with_course(build, courses(12, 1.0), ["completed"] * 4 + ["pruned"] * 8, name="b")
    )
    assert few.missing


def test_tau_at_each_share(build) -> None:
    values = courses(20, 1.0)
    info = prepare(with_course(build, values))
    assert [share for share, _ in info.points] == [0.25, 0.5, 0.75]
    for tick, (_, tau) in enumerate(info.points):
        early, final = [v[tick] for v in values], [v[-1] for v in values]
        assert tau.estimate == pytest.approx(stats.kendalltau(early, final).statistic)
        assert tau.low <= tau.estimate <= tau.high and tau.n == 20
    assert info.points[0][1].estimate < info.points[-1][1].estimate
    assert table(info)["trials"].tolist() == [20, 20, 20]


def test_a_trial_that_had_no_value_yet_is_left_out_there(build) -> None:
    values = courses(8, 1.0)
    values[0][0] = float("nan")
    info = prepare(with_course(build, values))
    assert [tau.n for _, tau in info.points] == [7, 8, 8]


def test_trials_of_one_value_say_nothing(build) -> None:
    assert prepare(with_course(build, [[1.0, 1.0, 1.0]] * 6)).missing


def test_trials_that_confirm_are_not_compared(build) -> None:
    sweep = build()
    for index in range(6):
        sweep.trial(RATE, 9.0 + index)
    sweep.confirm("p0", RATE, [7.0, 7.2, 7.4])
    assert prepare(sweep.tables()).trials == 6


def test_many_ticks_are_thinned(build) -> None:
    rng = np.random.default_rng(0)
    info = prepare(with_course(build, [[*rng.normal(size=40)] for _ in range(6)]))
    assert 6 <= len(info.points) <= MAX_SHARES


@pytest.mark.parametrize(
    ("stopping", "rungs"),
    [
        ({"rule": "none", "grace": 0.5, "factor": 2.0}, ()),
        ({"rule": "asha", "grace": 0.25, "factor": 2.0}, (0.25, 0.5)),
        ({"rule": "hyperband", "grace": 0.1, "factor": 3.0}, (0.1, 0.3, 0.9)),
        ({"rule": "median", "grace": 0.25, "factor": 2.0}, (0.25,)),
    ],
)
def test_rungs_of_the_stopping_rule(build, stopping: dict, rungs: tuple[float, ...]) -> None:
    info = prepare(with_course(build, courses(8, 1.0), stopping=stopping))
    assert info.rungs == pytest.approx(rungs)
    assert len(draw(info).layout.shapes) == len(rungs)


def test_a_study_of_before_there_was_stopping(build) -> None:
    tables: SweepTables = with_course(build, courses(8, 1.0))
    del tables.records.study["stopping"]
    assert prepare(tables).rungs == ()
