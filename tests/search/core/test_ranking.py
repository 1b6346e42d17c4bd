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
from search.core.ranking import (
    best_trials,
    confirmed_column,
    deciding_metric,
    goal_of,
    objective_table,
    pareto_layers,
    point_table,
)
from search.records.parts import SCHEMAS
from search.records.reader import SweepRecords

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
    **more: Any,
) -> SweepRecords:
    """A sweep whose trials reported `values` at tick 2, and something better at tick 1."""
    states = states or ["completed"] * len(values)
    trials = [
        {
            "trial_id": f"t{n:05d}",
            "number": n,
            "state": state,
            "origin": "search",
            "seed": 0,
            "point_id": f"p{n}",
            "point": json.dumps({"x": n}),
        }
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
        **more,
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


@given(values=st.lists(st.tuples(FEW, FEW), min_size=1, max_size=25))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_layers_of_pairs_are_those_of_the_definition(values: list[tuple[float, ...]]) -> None:
    assert pareto_layers(np.array(values)).tolist() == brute_force_layers(values)


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


TEST = "test_ab_mae"


def replicated(
    *rows: tuple[str, str, int, str, float | None],
    objectives: dict[str, str] = ONE,
    others: dict[str, list[float | None]] | None = None,
    **more: Any,
) -> SweepRecords:
    """A sweep from (point_id, origin, seed, state, value); a confirming trial's value is of the
    test pictures, and what it has in the search's own column is 0."""
    values = [
        {TEST: value, AB: 0.0} if origin == "confirm" else {AB: value, TEST: None}
        for _, origin, _, _, value in rows
    ]
    for column, listed in (others or {}).items():
        for row, value in zip(values, listed, strict=True):
            row[column] = value
    records = sweep(list(values), [row[3] for row in rows], objectives, **more)
    named = dict(zip(["point_id", "origin", "seed"], zip(*rows, strict=True), strict=False))
    trials = records.trials.assign(
        **{name: list(column) for name, column in named.items()},
        point=[json.dumps({"x": row[0]}) for row in rows],
    )
    return SweepRecords("here", records.study, {}, trials, records.ticks)


def confirm(point: str, *values: float | None) -> list[tuple[str, str, int, str, float | None]]:
    """Replicates with the seeds 1, 2, …; None is one that diverged."""
    return [
        (point, "confirm", seed, "diverged" if value is None else "completed", value)
        for seed, value in enumerate(values, start=1)
    ]


def searched(**values: float) -> list[tuple[str, str, int, str, float | None]]:
    return [(point, "search", 0, "completed", value) for point, value in values.items()]


def ranked_points(table: pd.DataFrame) -> list[str]:
    return table[table["rank"].notna()]["point_id"].tolist()


def test_columns_that_judge_confirmation() -> None:
    named = ["val_ab_mae", "eval_psnr", "test_psnr", "cost_step_seconds", "diag_d_gap"]
    judged = ["test_ab_mae", "test_psnr", "test_psnr", "cost_step_seconds", "diag_d_gap"]
    assert [confirmed_column(name) for name in named] == judged


def test_trials_that_confirm_are_listed_but_not_ranked() -> None:
    records = replicated(*searched(a=3.0, b=2.0), *confirm("a", 1.0, 1.0))
    table = objective_table(records)
    assert table["rank"].fillna(0).tolist() == [2, 1, 0, 0]
    assert table["on_front"].tolist() == [False, True, False, False]
    assert order(records) == [1, 0]


class TestConstraints:
    VALUES = ({AB: 1.0, "cost_gmac_per_picture": 3.0}, {AB: 2.0, "cost_gmac_per_picture": 1.0})

    @pytest.mark.parametrize("name", ["gmac_per_picture", "cost_gmac_per_picture"])
    @pytest.mark.parametrize("objectives", [ONE, {**ONE, "cost_gmac_per_picture": "minimize"}])
    def test_they_count_like_those_of_decide(self, name: str, objectives: dict[str, str]) -> None:
        records = sweep(list(self.VALUES), objectives=objectives, constraints={name: "< 2"})
        assert objective_table(records)["feasible"].tolist() == [False, True]
        assert order(records) == [1, 0]
        assert point_table(records)["point_id"].tolist() == ["p1", "p0"]

    def test_both_bounds_on_one_column(self) -> None:
        values = [{AB: 1.0, GAP: gap} for gap in (0.0, 5.0, 9.0)]
        decide = {"by": AB, "subject_to": {GAP: "<= 8"}}
        records = sweep(values, decide=decide, constraints={GAP: "> 1"})
        assert objective_table(records)["feasible"].tolist() == [False, True, False]


class TestPoints:
    """`point_table`: what is known best of each point."""

    @pytest.mark.parametrize("objectives", [ONE, TWO])
    @pytest.mark.parametrize("states", [[], ["running"], ["pruned", "failed"]])
    def test_nothing_that_counts(self, states: list[str], objectives: dict[str, str]) -> None:
        rows = [{AB: 1.0, PSNR: 1.0} for _ in states]
        table = point_table(sweep(rows, states, objectives))
        assert table.empty
        assert {"point_id", "trial_id", "point", "basis", "n", "lost", "mean"} <= set(table)
        assert {"values", AB, "seconds", "gmac", "feasible", "rank"} <= set(table)

    def test_a_search_ranks_as_its_trials(self) -> None:
        records = replicated(*searched(a=3.0, b=1.0), ("c", "search", 0, "diverged", 0.5))
        table = point_table(records)
        assert table["point_id"].tolist() == ["b", "a", "c"]
        assert table["trial_id"].tolist() == ["t00001", "t00000", "t00002"]
        assert table["basis"].tolist() == ["search"] * 3
        assert table[["n", "lost"]].to_numpy().tolist() == [[1, 0], [1, 0], [0, 1]]
        assert table["mean"].tolist()[:2] == [1.0, 3.0]
        assert table["values"].tolist() == [{0: 1.0}, {0: 3.0}, {}]
        assert table["rank"].fillna(0).tolist() == [1, 2, 0]
        assert table["point"].tolist()[0] == {"x": "b"}
        assert table["seconds"].tolist()[0] == 2
        assert math.isnan(table["gmac"].tolist()[0])

    def test_a_point_that_was_searched_twice_stands_by_its_better_trial(self) -> None:
        rows = [*searched(a=3.0, b=2.0), ("a", "search", 1, "completed", 1.0)]
        table = point_table(replicated(*rows))
        assert table["trial_id"].tolist() == ["t00002", "t00001"]
        assert table["values"].tolist() == [{1: 1.0}, {0: 2.0}]

    def test_confirmed_points_come_first_in_the_order_of_the_test_pictures(self) -> None:
        rows = [*searched(a=1.0, b=2.0, c=0.5, d=9.0)]
        table = point_table(replicated(*rows, *confirm("a", 5.0, 7.0), *confirm("b", 4.0, 6.0)))
        assert table["point_id"].tolist() == ["b", "a", "c", "d"]
        assert table["basis"].tolist() == ["confirm", "confirm", "search", "search"]
        assert table["mean"].tolist() == [5.0, 6.0, 0.5, 9.0]
        assert table[AB].tolist() == [5.0, 6.0, 0.5, 9.0]
        assert table["values"].tolist()[0] == {1: 4.0, 2: 6.0}
        assert table["trial_id"].tolist() == ["t00001", "t00000", "t00002", "t00003"]
        assert table["n"].tolist() == [2, 2, 1, 1]
        assert table["rank"].tolist() == [1, 2, 3, 4]

    def test_a_lost_replicate_never_wins(self) -> None:
        rows = searched(a=1.0, b=2.0, c=3.0, d=4.0)
        confirms = [*confirm("a", 0.1, None), *confirm("b", 5.0, 5.0), *confirm("c", None, None)]
        table = point_table(replicated(*rows, *confirms))
        assert ranked_points(table) == ["b", "a", "d"]
        assert table.set_index("point_id").loc[["a", "c"], "lost"].tolist() == [1, 2]
        assert table.set_index("point_id").loc["c", "n"] == 0

    @pytest.mark.parametrize("bad", [None, math.nan, math.inf, -math.inf])
    def test_a_replicate_without_a_finite_value_is_lost(self, bad: float | None) -> None:
        rows = [*searched(a=1.0, b=2.0), ("a", "confirm", 1, "completed", bad)]
        table = point_table(replicated(*rows, *confirm("b", 9.0)))
        assert ranked_points(table) == ["b"]
        assert table["lost"].tolist() == [0, 1]

    def test_replicates_that_have_not_ended_leave_the_point_to_its_search(self) -> None:
        rows = [*searched(a=1.0, b=2.0), ("a", "confirm", 1, "running", 9.0)]
        assert point_table(replicated(*rows))["basis"].tolist() == ["search", "search"]
        failed = [*searched(a=1.0), ("a", "confirm", 1, "failed", 9.0)]
        assert point_table(replicated(*failed))["basis"].tolist() == ["search"]

    def test_bounds_are_met_by_means(self) -> None:
        decide = {"by": AB, "subject_to": {GAP: "<= 8"}}
        rows = [*searched(a=1.0, b=2.0), *confirm("a", 1.0, 1.0), *confirm("b", 2.0, 2.0)]
        gaps = {"test_colorfulness_gap": [None, None, 7.0, 10.0, 7.0, 8.0], GAP: [0.0] * 6}
        table = point_table(replicated(*rows, others=gaps, decide=decide))
        assert table["point_id"].tolist() == ["b", "a"]
        assert table["feasible"].tolist() == [True, False]
        assert table[GAP].tolist() == [7.5, 8.5]

    def test_a_bound_that_one_replicate_has_no_value_for_is_not_met(self) -> None:
        decide = {"by": AB, "subject_to": {GAP: "<= 8"}}
        rows = [*searched(a=1.0), *confirm("a", 1.0, 1.0)]
        gaps = {"test_colorfulness_gap": [None, 7.0, None], GAP: [0.0] * 3}
        assert not point_table(replicated(*rows, others=gaps, decide=decide))["feasible"].any()

    def test_several_objectives_order_by_fronts_of_means(self) -> None:
        rows = [*searched(a=1.0, b=2.0, c=3.0)]
        rows += [*confirm("a", 9.0, 7.0), *confirm("b", 3.0, 3.0), *confirm("c", 2.0, 2.0)]
        psnr = {PSNR: [1.0] * 9, "test_psnr": [None] * 3 + [10.0, 12.0, 30.0, 30.0, 20.0, 20.0]}
        table = point_table(replicated(*rows, objectives=TWO, others=psnr))
        assert table["point_id"].tolist() == ["b", "c", "a"]
        assert table[PSNR].tolist() == [30.0, 20.0, 11.0]
        assert table["mean"].tolist() == [3.0, 2.0, 8.0]
        assert ranked_points(point_table(replicated(*rows, objectives=TWO, others=psnr), PSNR)) == [
            "b",
            "c",
            "a",
        ]

    def test_another_metric_may_be_asked_for(self) -> None:
        rows = [*searched(a=1.0, b=2.0), *confirm("a", 1.0), *confirm("b", 2.0)]
        psnr = {PSNR: [1.0, 0.0, 0.0, 0.0], "test_psnr": [None, None, 20.0, 30.0]}
        table = point_table(replicated(*rows, others=psnr), PSNR)
        assert table["point_id"].tolist() == ["b", "a"]
        assert table["mean"].tolist() == [30.0, 20.0]


def compared(**levels: list[float | None]) -> list[tuple[str, str, int, str, float | None]]:
    """Trials of a compared design, seed by seed; None is one that diverged, NaN one that runs."""
    rows = []
    for seed in range(max(map(len, levels.values()))):
        for point, values in levels.items():
            value = values[seed] if seed < len(values) else math.nan
            state = "running" if value is not None and math.isnan(value) else "completed"
            state = "diverged" if value is None else state
            rows.append((point, "compare", seed, state, value))
    return rows


class TestComparedLevels:
    """`point_table` of a compared design."""

    def test_levels_are_ordered_by_their_means(self) -> None:
        table = point_table(replicated(*compared(a=[3.0, 5.0], b=[1.0, 5.0])))
        assert table["point_id"].tolist() == ["b", "a"]
        assert table["basis"].tolist() == ["compare", "compare"]
        assert table["mean"].tolist() == [3.0, 4.0]
        assert table["values"].tolist() == [{0: 1.0, 1: 5.0}, {0: 3.0, 1: 5.0}]
        assert table["trial_id"].tolist() == ["t00001", "t00000"]

    def test_seeds_that_not_all_have_do_not_order(self) -> None:
        table = point_table(replicated(*compared(a=[3.0, 4.0, 20.0], b=[3.5, 4.5])))
        assert table["point_id"].tolist() == ["a", "b"]
        assert table["mean"].tolist() == [9.0, 4.0]

    def test_a_level_that_lost_a_seed_comes_last_and_takes_no_seed_away(self) -> None:
        table = point_table(replicated(*compared(a=[1.0, None], b=[9.0, 2.0], c=[8.0, 4.0])))
        assert table["point_id"].tolist() == ["b", "c", "a"]
        assert table["lost"].tolist() == [0, 0, 1]

    def test_a_level_that_always_diverged_is_named_and_not_ranked(self) -> None:
        table = point_table(replicated(*compared(a=[None, None], b=[9.0, 2.0])))
        assert table["point_id"].tolist() == ["b", "a"]
        assert table["n"].tolist() == [2, 0]
        assert table["rank"].fillna(0).tolist() == [1, 0]

    def test_levels_without_a_common_seed_are_ordered_all_the_same(self) -> None:
        rows = [("a", "compare", 0, "completed", 2.0), ("b", "compare", 1, "completed", 1.0)]
        assert point_table(replicated(*rows))["point_id"].tolist() == ["b", "a"]

    def test_every_trial_is_ranked_by_itself(self) -> None:
        records = replicated(*compared(a=[3.0, 5.0], b=[1.0, 5.5]))
        assert objective_table(records)["rank"].tolist() == [2, 1, 3, 4]


@given(values=st.lists(st.tuples(FEW, FEW), min_size=1, max_size=8), count=st.integers(1, 3))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_points_and_trials_agree_where_there_is_one_trial_each(values: list, count: int) -> None:
    objectives = TWO if count > 1 else ONE
    rows = [{AB: a, PSNR: b} for a, b in values]
    records = sweep(rows, objectives=objectives)
    assert (
        point_table(records)["trial_id"].tolist() == best_trials(records, 99)["trial_id"].tolist()
    )
