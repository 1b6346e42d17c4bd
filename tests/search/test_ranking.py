"""The one rule of what is better."""

import itertools
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colornet.errors import InputError
from search.ranking import best_trials, deciding_metric, goal_of, objective_table
from search.records import SCHEMAS, SweepRecords

METRICS = {
    "ab_mae": {"unit": "", "goal": "minimize", "label": "ab MAE"},
    "psnr": {"unit": "dB", "goal": "maximize", "label": "PSNR"},
    "colorfulness": {"unit": "", "goal": None, "label": "Colorfulness"},
    "colorfulness_gap": {"unit": "", "goal": "minimize", "label": "Gap"},
}
AB, PSNR, GAP = "val_ab_mae", "val_psnr", "val_colorfulness_gap"
ONE = {AB: "minimize"}
TWO = {AB: "minimize", PSNR: "maximize"}


def sweep(
    values: list[dict[str, float | None]],
    states: list[str] | None = None,
    objectives: dict[str, str] = ONE,
    decide: dict[str, Any] | None = None,
) -> SweepRecords:
    """A sweep whose trials reported `values` at tick 2, and something better at tick 1."""
    states = states or ["completed"] * len(values)
    trials = [
        {"trial_id": f"t{n:05d}", "number": n, "state": state, "point": json.dumps({"x": n})}
        for n, state in enumerate(states)
    ]
    ticks = [
        {"trial_id": f"t{n:05d}", "number": n, "tick": at, "images": at * 8, "seconds": at, **row}
        for n, final in enumerate(values)
        for at, row in ((1, dict.fromkeys(final, 0.0)), (2, final))
    ]
    study = {
        "objectives": objectives,
        "decide": decide,
        "metrics": METRICS,
        "space": {"x": {}, "y": {}},
    }
    frames = [
        pd.DataFrame(rows or None, columns=None if rows else SCHEMAS[table].names)
        for table, rows in (("trials", trials), ("ticks", ticks))
    ]
    return SweepRecords("here", study, {}, *frames)


def order(records: SweepRecords, by: str | None = None) -> list[int]:
    """Numbers of the ranked trials, best first."""
    return best_trials(records, 10_000, by)["number"].tolist()


def single(*values: float | None) -> list[dict[str, float | None]]:
    return [{AB: value} for value in values]


@pytest.mark.parametrize("objectives", [ONE, TWO])
@pytest.mark.parametrize("decide", [None, {"by": AB, "subject_to": {GAP: "<= 8"}}])
def test_no_trial(objectives: dict[str, str], decide: dict[str, Any] | None) -> None:
    table = objective_table(sweep([], objectives=objectives, decide=decide))
    assert table.empty
    assert {"trial_id", "number", "state", "point.x", AB, "images", "rank"} <= set(table.columns)
    assert {"equal_budget", "feasible", "on_front", "seconds"} <= set(table.columns)
    assert best_trials(sweep([], objectives=objectives, decide=decide)).empty


@pytest.mark.parametrize(
    "state", ["running", "pruned", "diverged", "oom", "stalled", "failed", "preempted", "cancelled"]
)
def test_only_completed_trials_are_ranked(state: str) -> None:
    records = sweep(single(1.0, 5.0, 1.0), [state, "completed", state])
    assert order(records) == [1]
    table = objective_table(records)
    assert table["equal_budget"].tolist() == [False, True, False]
    assert table["on_front"].tolist() == [False, True, False]
    assert table["rank"].tolist()[1] == 1
    assert math.isnan(table["rank"].tolist()[0])
    assert order(sweep(single(1.0), [state])) == []


def test_a_trial_that_reported_nothing() -> None:
    records = sweep(single(1.0, 2.0))
    for ticks, ranked in (
        (records.ticks[records.ticks["number"] == 1], [1]),
        (records.ticks[:0], []),
    ):
        assert order(SweepRecords("here", records.study, {}, records.trials, ticks)) == ranked
    assert order(sweep(single(1.0), ["failed"])) == []


def test_the_last_tick_counts_and_the_columns_are_all_there() -> None:
    table = objective_table(sweep(single(3.0, 2.0)))
    assert table[AB].tolist() == [3.0, 2.0]
    assert table["images"].tolist() == [16, 16]
    assert table["seconds"].tolist() == [2, 2]
    assert table["rank"].tolist() == [2, 1]
    assert table["point.x"].tolist() == [0, 1]
    assert table["point.y"].tolist() == [None, None]


def test_minimize_and_maximize() -> None:
    assert order(sweep(single(3.0, 1.0, 2.0))) == [1, 2, 0]
    values = [{PSNR: value} for value in (20.0, 30.0, 25.0)]
    assert order(sweep(values, objectives={PSNR: "maximize"})) == [1, 2, 0]


@pytest.mark.parametrize("bad", [None, math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_never_best(bad: float | None) -> None:
    assert order(sweep(single(bad, 3.0, bad))) == [1]
    values = [{PSNR: bad}, {PSNR: 1.0}]
    assert order(sweep(values, objectives={PSNR: "maximize"})) == [1]
    both = [{AB: bad, PSNR: 99.0}, {AB: 5.0, PSNR: 1.0}]
    assert order(sweep(both, objectives=TWO)) == [1]


def test_ties_go_to_the_earlier_trial() -> None:
    records = sweep(single(2.0, 1.0, 2.0, 1.0, 1.0))
    assert order(records) == [1, 3, 4, 0, 2]
    assert objective_table(records)["rank"].tolist() == [4, 1, 5, 2, 3]
    assert objective_table(records)["on_front"].tolist() == [False, True, False, True, True]
    assert best_trials(records, 2)["number"].tolist() == [1, 3]
    assert best_trials(records, 0).empty


class TestDecide:
    VALUES = (
        {AB: 5.0, GAP: 9.0},
        {AB: 7.0, GAP: 3.0},
        {AB: 6.0, GAP: 8.0},
        {AB: 4.0, GAP: None},
    )

    def test_those_that_meet_the_bound_come_first(self) -> None:
        decide = {"by": AB, "subject_to": {GAP: "<= 8"}}
        records = sweep(
            list(self.VALUES), objectives={AB: "minimize", GAP: "minimize"}, decide=decide
        )
        assert order(records) == [2, 1, 3, 0]
        assert objective_table(records)["feasible"].tolist() == [False, True, True, False]

    @pytest.mark.parametrize(
        ("bound", "met"),
        [
            ("<= 8", [False, True, True, False]),
            ("< 8", [False, True, False, False]),
            (">= 8", [True, False, True, False]),
            ("> 8", [True, False, False, False]),
            ("> 100", [False] * 4),
        ],
    )
    def test_bounds(self, bound: str, met: list[bool]) -> None:
        decide = {"by": AB, "subject_to": {GAP: bound}}
        records = sweep(list(self.VALUES), decide=decide)
        assert objective_table(records)["feasible"].tolist() == met
        assert len(order(records)) == 4

    def test_its_metric_need_be_no_objective(self) -> None:
        values = [{AB: 1.0, PSNR: 20.0}, {AB: 2.0, PSNR: 30.0}]
        assert order(sweep(values, decide={"by": PSNR})) == [1, 0]

    def test_another_metric_may_be_asked_for(self) -> None:
        values = [{AB: 1.0, PSNR: 20.0}, {AB: 2.0, PSNR: 30.0}]
        assert order(sweep(values), PSNR) == [1, 0]
        assert order(sweep(values, decide={"by": PSNR}), AB) == [0, 1]
        assert order(sweep(values, objectives=TWO), AB) == [0, 1]

    def test_what_nobody_reported_ranks_nobody(self) -> None:
        assert order(sweep(single(1.0, 2.0)), PSNR) == []

    @pytest.mark.parametrize("by", ["val_nonsense", "", "nonsense", "val_colorfulness"])
    def test_metrics_that_cannot_order(self, by: str) -> None:
        if by:
            with pytest.raises(InputError, match=by):
                order(sweep(single(1.0)), by)
        else:
            assert order(sweep(single(1.0)), by) == [0]


def test_the_metric_that_decides() -> None:
    assert deciding_metric({"objectives": ONE}) == AB
    assert deciding_metric({"objectives": TWO, "decide": None}) is None
    assert deciding_metric({"objectives": TWO, "decide": {"by": PSNR}}) == PSNR


def test_the_goal_is_the_study_s_then_the_metric_s() -> None:
    study = {"objectives": {"val_colorfulness": "maximize"}, "metrics": METRICS}
    assert goal_of("val_colorfulness", study) == "maximize"
    assert goal_of("val_psnr", study) == "maximize"
    assert goal_of("test_ab_mae", study) == "minimize"


def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """By the definition: nowhere worse, somewhere better; smaller is better."""
    return all(a <= b for a, b in zip(one, other, strict=True)) and one != other


def brute_force_layers(points: list[tuple[float, ...]]) -> list[int]:
    layers: dict[int, int] = {}
    for layer in itertools.count():
        rest = [index for index in range(len(points)) if index not in layers]
        if not rest:
            return [layers[index] for index in range(len(points))]
        front = [i for i in rest if not any(dominates(points[j], points[i]) for j in rest)]
        layers |= dict.fromkeys(front, layer)
    raise AssertionError


FEW = st.integers(-3, 3).map(float)
VALUES = st.lists(st.tuples(FEW, FEW, FEW), min_size=1, max_size=14)


@given(values=VALUES)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_the_front_is_that_of_the_definition(values: list[tuple[float, ...]]) -> None:
    objectives = {AB: "minimize", PSNR: "maximize", GAP: "minimize"}
    rows = [dict(zip(objectives, value, strict=True)) for value in values]
    table = objective_table(sweep(rows, objectives=objectives))
    points = [(a, -b, c) for a, b, c in values]
    layers = brute_force_layers(points)
    assert table["on_front"].tolist() == [layer == 0 for layer in layers]
    assert sorted(table["rank"]) == list(range(1, len(values) + 1))
    ranked = [layers[number] for number in order(sweep(rows, objectives=objectives))]
    assert ranked == sorted(ranked)


@given(values=st.lists(st.one_of(FEW, st.none(), st.floats()), max_size=12))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_one_objective_is_a_stable_sort(values: list[float | None]) -> None:
    finite = [n for n, value in enumerate(values) if value is not None and math.isfinite(value)]
    assert order(sweep(single(*values))) == sorted(finite, key=lambda n: values[n])


def test_within_a_front_the_mean_rank_orders() -> None:
    values = [
        {AB: 1.0, PSNR: 10.0},
        {AB: 2.0, PSNR: 30.0},
        {AB: 3.0, PSNR: 31.0},
        {AB: 9.0, PSNR: 9.0},
    ]
    records = sweep(values, objectives=TWO)
    assert objective_table(records)["on_front"].tolist() == [True, True, True, False]
    assert order(records) == [0, 1, 2, 3]


def test_2000_trials_take_no_time() -> None:
    chance = np.random.default_rng(0)
    rows = [{AB: a, PSNR: b} for a, b in chance.normal(size=(2000, 2))]
    assert len(order(sweep(rows, objectives=TWO))) == 2000
