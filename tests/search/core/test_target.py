"""What a search is told to work towards, and by how much a report misses it."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from colornet.errors import InputError
from search.core.target import LastReport, Target
from spaces.study import Study

MakeStudy = Callable[..., Study]
TWO = {"val_ab_mae": "minimize", "val_psnr": "maximize"}
GMAC = "cost_gmac_per_picture"


def test_one_objective_is_the_target(make_study: MakeStudy) -> None:
    assert Target.of(make_study(3)) == Target({"val_ab_mae": "minimize"}, [])


def test_several_objectives_are_all_worked_towards(make_study: MakeStudy) -> None:
    assert Target.of(make_study(3, objectives=TWO)) == Target(TWO, [])


@pytest.mark.parametrize(
    ("by", "goal"),
    [("val_psnr", "maximize"), ("val_ab_mae", "minimize"), ("val_strong_ab_mae", "minimize")],
)
def test_what_decides_is_the_target_with_all_bounds(
    make_study: MakeStudy, by: str, goal: str
) -> None:
    decide = {"by": by, "subject_to": {"val_colorfulness_gap": "<= 15"}}
    study = make_study(3, objectives=TWO, decide=decide, constraints={"gmac_per_picture": "< 2"})
    bounds = [("val_colorfulness_gap", "<= 15"), (GMAC, "< 2")]
    assert Target.of(study) == Target({by: goal}, bounds)
    assert Target.of(study).columns == [by, "val_colorfulness_gap", GMAC]
    assert Target.front(study) == Target(TWO, bounds[1:])


@pytest.mark.parametrize(
    ("bound", "value", "excess"),
    [
        ("<= 2", 2.0, 0.0),
        ("<= 2", 3.0, 1.0),
        (">= 2", 3.0, -1.0),
        (">= 2", 1.5, 0.5),
        ("< 2", 1.0, -1.0),
    ],
)
def test_by_how_much_a_bound_is_missed(bound: str, value: float, excess: float) -> None:
    target = Target({"val_ab_mae": "minimize"}, [(GMAC, bound)])
    report = target.report({"tick": 2, "val_ab_mae": 5.0, GMAC: value})
    assert report == ((5.0,), 2, {GMAC: excess})
    assert report.is_violating is (excess > 0)


@pytest.mark.parametrize("bound", ["< 2", "> 2"])
def test_a_strict_bound_is_not_met_by_equality(bound: str) -> None:
    assert Target({"val_ab_mae": "minimize"}, [(GMAC, bound)]).report({GMAC: 2.0}).is_violating


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_was_not_measured_violates_nothing(value: Any) -> None:
    report = Target({"val_ab_mae": "minimize"}, [(GMAC, "< 2")]).report({GMAC: value})
    assert report == ((None,), 0, {GMAC: None})
    assert not report.is_violating


@pytest.mark.parametrize("bounds", [["<= 5", ">= 1"], [">= 1", "<= 5"]])
def test_of_two_bounds_of_a_column_the_one_that_is_missed_more_counts(bounds: list[str]) -> None:
    target = Target({"val_ab_mae": "minimize"}, [(GMAC, bound) for bound in bounds])
    assert [target.report({GMAC: value}).excess[GMAC] for value in (0.5, 6.0)] == [0.5, 1.0]


def test_whoever_violates_nothing_comes_first_where_one_metric_decides() -> None:
    target = Target({"val_psnr": "maximize"}, [(GMAC, "< 2")])
    values = [(20.0, -1.0), (30.0, 0.5), (25.0, None), (40.0, 0.1)]
    keys = [target.sort_key(LastReport((value,), 1, {GMAC: over})) for value, over in values]
    assert keys == [(0.0, -20.0), (1.0, -30.0), (0.0, -25.0), (1.0, -40.0)]
    assert Target(TWO, [(GMAC, "< 2")]).sort_key(LastReport((5.0, 20.0), 1, {GMAC: 1.0})) == (
        5.0,
        -20.0,
    )


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_without_finite_values_there_is_nothing_to_rank(value: Any) -> None:
    assert Target(TWO, []).sort_key(LastReport((5.0, value))) is None


def test_a_metric_without_a_goal_decides_nothing(make_study: MakeStudy) -> None:
    with pytest.raises(InputError):
        Target.of(make_study(3, decide={"by": "val_colorfulness"}))
