"""The balance map: exact values."""

import math

import pytest

from reports.charts.balance_map import RATE, RATIO, Mark, caption, draw, each, prepare, table

SPACE = {
    RATE: {"type": "loguniform", "low": 1e-5, "high": 1e-3},
    RATIO: {"type": "loguniform", "low": 0.1, "high": 10},
}


@pytest.mark.parametrize("kept", [(), (RATE,), (RATIO,)])
def test_only_where_the_space_has_both(build, kept: tuple[str, ...]) -> None:
    sweep = build({name: SPACE[name] for name in kept}).tables()
    assert each(sweep) == []


def test_no_trial(build) -> None:
    sweep = build(SPACE).tables()
    assert each(sweep) == [{"objective": "val_ab_mae"}]
    info = prepare(sweep)
    assert info.points == () and info.best is None and info.missing


def test_only_failed_ones_are_shown(build) -> None:
    sweep = build(SPACE)
    sweep.trial({RATE: 1e-4, RATIO: 1.0}, 9.0, "diverged", ticks=1)
    info = prepare(sweep.tables())
    assert [point.value for point in info.points] == [None] and not info.missing
    assert [trace.name for trace in draw(info).data if trace.meta] == ["diverged"]


def test_places_are_powers_of_ten_and_the_best_is_on_top(build) -> None:
    sweep = build(SPACE)
    sweep.trial({RATE: 1e-4, RATIO: 1.0}, 8.0)
    sweep.trial({RATE: 1e-3, RATIO: 10.0}, 9.0)
    sweep.trial({RATE: 1e-5, RATIO: 0.1}, 7.0, "pruned", ticks=2)
    sweep.trial({RATE: 1e-5, RATIO: 10.0}, 5.0, "oom", ticks=1)
    info = prepare(sweep.tables())
    best = Mark(
        "t00000",
        0,
        -4.0,
        0.0,
        "0.0001 × 1, so the discriminator 0.0001",
        8.0,
        "scored",
        "completed",
    )
    assert [point.trial for point in info.points] == ["t00002", "t00003", "t00001", "t00000"]
    assert info.points[-1] == info.best == best
    assert (info.scored, info.partial, info.failed) == (2, 1, 1)
    assert info.lines == (-6, -5, -4, -3, -2)
    assert caption(info) == (
        "2 trials of equal budget in color; 1 with shorter training hollow; 1 failed as crosses; "
        "the best has a ring. Along a diagonal the discriminator's rate is the same."
    )
    assert table(info)["trial"].tolist() == ["t00000", "t00001", "t00003", "t00002"]


def test_the_highest_is_on_top_where_higher_is_better(build) -> None:
    sweep = build(SPACE, objectives={"val_psnr": "maximize"})
    for psnr in (20.0, 24.0, 22.0):
        sweep.trial({RATE: 1e-4, RATIO: 1.0}, 9.0, metrics={"val_psnr": psnr})
    assert [point.value for point in prepare(sweep.tables()).points] == [20.0, 22.0, 24.0]


def test_the_special_ratio_has_a_place_of_its_own(build) -> None:
    sweep = build({**SPACE, RATIO: {**SPACE[RATIO], "special": 0}})
    sweep.trial({RATE: 1e-4, RATIO: 0}, 8.0)
    sweep.trial({RATE: 1e-4, RATIO: 0.1}, 9.0)
    info = prepare(sweep.tables())
    by_number = {point.number: point.y for point in info.points}
    assert by_number[0] < by_number[1] == pytest.approx(-1.0)
    assert info.y.ticks[0] == (by_number[0], "0")


def test_a_line_joins_settings_of_the_same_discriminator_rate(build) -> None:
    sweep = build(SPACE)
    sweep.trial({RATE: 1e-4, RATIO: 1.0}, 8.0)
    lines = [trace for trace in draw(prepare(sweep.tables())).data if trace.mode == "lines+text"]
    for line in lines:
        rates = line.x + line.y
        assert rates[0] == pytest.approx(rates[1]) == pytest.approx(round(rates[0]))
        assert line.text[0] == f"1e{round(rates[0])}"
    assert len(lines) == 5


def test_each_way_of_failing_has_its_crosses(build) -> None:
    sweep = build(SPACE)
    for state in ("diverged", "oom", "stalled", "failed"):
        sweep.trial({RATE: 1e-4, RATIO: 1.0}, None, state)
    traces = [trace for trace in draw(prepare(sweep.tables())).data if trace.meta]
    assert [trace.name for trace in traces] == ["diverged", "oom", "stalled", "failed"]
    assert len({trace.marker.line.color for trace in traces}) == 4
    assert all(math.isclose(trace.x[0], -4.0) for trace in traces)
