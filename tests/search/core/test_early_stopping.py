"""Rungs, who is stopped at them, and that they are rebuilt from ticks."""

import math
from collections.abc import Callable
from typing import Any, ClassVar, get_args

import numpy as np
import pandas as pd
import pytest

from search.core.early_stopping import (
    AGREEMENT,
    FINISHERS,
    EarlyStopping,
    first_rung,
)
from search.core.ranking import spearman
from search.core.target import LastReport
from spaces.study import Stopping, Study

RULES = set(get_args(Stopping.model_fields["rule"].annotation))

MakeStudy = Callable[..., Study]
IMAGES, TICKS = 800, 8
TWO = {"val_ab_mae": "minimize", "val_psnr": "maximize"}


def make(
    make_study: MakeStudy,
    objectives: dict[str, str] | None = None,
    decide: dict[str, Any] | None = None,
    **rule: Any,
) -> EarlyStopping:
    fixed = {"training.images": IMAGES, "training.ticks": TICKS}
    goals = objectives or {"val_ab_mae": "minimize"}
    return EarlyStopping(make_study(stopping=rule, fixed=fixed, objectives=goals, decide=decide))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"rule": "none"}, []),
        ({"rule": "asha"}, [0.5]),
        ({"rule": "asha", "grace": 0.25}, [0.25, 0.5]),
        ({"rule": "asha", "grace": 0.1, "factor": 3}, [0.1, 0.3, 0.9]),
        ({"rule": "hyperband", "grace": 0.125}, [0.125, 0.25, 0.5]),
        ({"rule": "asha", "grace": "auto"}, [0.125, 0.25, 0.5]),
        ({"rule": "asha", "grace": "auto", "factor": 3}, [0.5 / 3, 0.5]),
        ({"rule": "asha", "grace": "auto", "factor": 6}, [0.5]),
        ({"rule": "median", "grace": "auto"}, [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875]),
        ({"rule": "none", "grace": "auto"}, []),
        ({"rule": "median", "grace": 0.5}, [0.5, 0.625, 0.75, 0.875]),
        ({"rule": "median", "grace": 0.6}, [0.625, 0.75, 0.875]),
    ],
)
def test_rungs_lie_below_the_whole_budget(rule: dict[str, Any], expected: list[float]) -> None:
    assert Stopping(**rule).rungs(TICKS) == pytest.approx(expected)


class TestAsha:
    def test_without_a_rule_nobody_is_stopped(self, make_study: MakeStudy) -> None:
        early_stopping = make(make_study, rule="none")
        assert all(
            early_stopping.add(f"t{n}", n, 400, LastReport((float(n),))) is None for n in range(20)
        )

    def test_the_first_goes_on_and_who_is_behind_one_in_two_stops(
        self, make_study: MakeStudy
    ) -> None:
        early_stopping = make(make_study, rule="asha")
        assert early_stopping.add("a", 0, 400, LastReport((5.0,))) is None
        assert early_stopping.add("b", 1, 400, LastReport((4.0,))) is None
        assert (
            early_stopping.add("c", 2, 400, LastReport((4.5,))) is None
        )  # second of three, of which two go on
        said = early_stopping.add("d", 3, 400, LastReport((9.0,)))
        assert said == "3 of 4 trials were better after 400 pictures"

    def test_nothing_before_the_grace_and_nothing_at_the_end(self, make_study: MakeStudy) -> None:
        early_stopping = make(make_study, rule="asha")
        for number in range(10):
            assert (
                early_stopping.add(f"t{number}", number, 300, LastReport((float(number),))) is None
            )
            assert (
                early_stopping.add(f"t{number}", number, 800, LastReport((float(number),))) is None
            )
        assert early_stopping.reached == [{}]

    def test_a_rung_is_decided_once(self, make_study: MakeStudy) -> None:
        early_stopping = make(make_study, rule="asha")
        early_stopping.add("a", 0, 400, LastReport((5.0,)))
        early_stopping.add("b", 1, 400, LastReport((4.0,)))
        early_stopping.add("c", 2, 400, LastReport((3.0,)))
        # The tick was trained again.
        assert early_stopping.add("a", 0, 400, LastReport((50.0,))) is None
        assert early_stopping.add("a", 0, 500, LastReport((50.0,))) is None
        assert early_stopping.reached[0]["a"] == LastReport((5.0,))

    def test_a_tick_that_passes_a_rung_counts_at_it(self, make_study: MakeStudy) -> None:
        early_stopping = make(make_study, rule="asha", grace=0.45)
        early_stopping.add("a", 0, 300, LastReport((5.0,)))
        early_stopping.add("a", 0, 400, LastReport((4.0,)))
        assert early_stopping.reached[0] == {"a": LastReport((4.0,))}

    def test_equal_values_are_not_behind(self, make_study: MakeStudy) -> None:
        early_stopping = make(make_study, rule="asha")
        assert all(
            early_stopping.add(f"t{n}", n, 400, LastReport((5.0,))) is None for n in range(9)
        )

    def test_larger_is_better_where_the_goal_says_so(self, make_study: MakeStudy) -> None:
        early_stopping = make(make_study, {"val_psnr": "maximize"}, rule="asha")
        assert early_stopping.add("a", 0, 400, LastReport((20.0,))) is None
        assert early_stopping.add("b", 1, 400, LastReport((10.0,))) is not None

    @pytest.mark.parametrize("value", [None, math.nan, math.inf])
    def test_what_has_no_value_takes_no_place(self, make_study: MakeStudy, value: Any) -> None:
        early_stopping = make(make_study, rule="asha")
        assert early_stopping.add("a", 0, 400, LastReport((value,))) is None
        assert early_stopping.reached == [{}]


def test_with_several_objectives_only_the_dominated_are_behind(make_study: MakeStudy) -> None:
    goals = {"val_ab_mae": "minimize", "val_psnr": "maximize"}
    early_stopping = make(make_study, goals, rule="asha")
    assert early_stopping.add("a", 0, 400, LastReport((5.0, 20.0))) is None
    assert (
        early_stopping.add("b", 1, 400, LastReport((9.0, 25.0))) is None
    )  # worst in the first, best in the second
    assert early_stopping.add("c", 2, 400, LastReport((4.0, 10.0))) is None
    assert early_stopping.add("d", 3, 400, LastReport((6.0, 19.0))) is not None
    assert early_stopping.add("e", 4, 400, LastReport((3.0, None))) is None
    assert set(early_stopping.reached[0]) == {"a", "b", "c", "d"}


def test_who_will_violate_a_bound_is_behind_all_that_will_not(make_study: MakeStudy) -> None:
    decide = {"by": "val_ab_mae", "subject_to": {"val_psnr": ">= 20"}}
    goals = {"val_ab_mae": "minimize", "val_psnr": "maximize"}
    early_stopping, rows = make(make_study, goals, decide, rule="asha"), []

    def add(trial_id: str, mae: float, psnr: float, images: int = 400) -> str | None:
        metrics = {"tick": images // 100, "val_ab_mae": mae, "val_psnr": psnr}
        rows.append({"trial_id": trial_id, "images": images, **metrics})
        report = early_stopping.target.report(metrics)
        return early_stopping.add(trial_id, 0, images, report)

    # Nothing is known yet of how PSNR goes on.
    assert add("a", 9.0, 15.0) is None
    assert add("b", 8.0, 16.0) is None
    assert add("a", 6.0, 21.0, images=800) is None
    assert add("b", 6.0, 20.0, images=800) is None
    # It rose by 5 ± 1, so that 12.9 will not be enough and 13.1 may be.
    assert add("c", 1.0, 12.9) == "2 of 3 trials were better after 400 pictures"
    assert add("d", 2.0, 13.1) is None
    assert add("e", 0.5, 12.5) == "3 of 5 trials were better after 400 pictures"
    again = make(make_study, goals, decide, rule="asha")
    again.rebuild(pd.DataFrame(rows), dict.fromkeys("abcde", 0))
    assert again.reached == early_stopping.reached
    assert again.finals == early_stopping.finals


@pytest.mark.parametrize("psnr", [None, math.nan])
def test_what_is_bounded_and_was_not_measured_violates_nothing(
    make_study: MakeStudy, psnr: float | None
) -> None:
    decide = {"by": "val_ab_mae", "subject_to": {"val_psnr": ">= 20"}}
    early_stopping = make(make_study, None, decide, rule="asha")
    for trial_id, mae in (("a", 5.0), ("b", 4.0)):
        for images in (400, 800):
            report = early_stopping.target.report({"val_ab_mae": mae, "val_psnr": psnr})
            assert early_stopping.add(trial_id, 0, images, report) is None


class TestAutoGrace:
    """Rungs at 100, 200 and 400 of 800 pictures."""

    def played(
        self,
        make_study: MakeStudy,
        early: list[tuple[float, float]],
        goals: dict[str, str] | None = None,
    ) -> EarlyStopping:
        """Trials whose end is their number: each has a value at the first and the second rung."""
        early_stopping = make(make_study, goals, rule="asha", grace="auto")
        count = len(early_stopping.target.goals)
        for number, (at_100, at_200) in enumerate(early):
            for images, value in ((100, at_100), (200, at_200), (400, 5.0), (800, float(number))):
                report = LastReport((value,) * count)
                early_stopping.add(f"t{number}", number, images, report)
        return early_stopping

    ALIKE: ClassVar[list[tuple[float, float]]] = [(float(n), float(n)) for n in range(FINISHERS)]

    @pytest.mark.parametrize("goals", [None, TWO])
    def test_who_is_behind_is_stopped_early_once_ranks_agree(
        self, make_study: MakeStudy, goals: dict[str, str] | None
    ) -> None:
        few = self.played(make_study, self.ALIKE[:-1], goals)
        enough = self.played(make_study, self.ALIKE, goals)
        assert (few.first_judged, enough.first_judged) == (2, 0)
        bad = LastReport((99.0,) if goals is None else (99.0, -99.0))
        good = LastReport((-1.0,) if goals is None else (-1.0, 99.0))
        assert few.add("new", 20, 100, bad) is None
        assert enough.add("good", 21, 100, good) is None
        said = enough.add("new", 20, 100, bad)
        assert said is not None and said.endswith("of 10 trials were better after 100 pictures")

    def test_only_from_the_rung_on_at_which_they_agree(self, make_study: MakeStudy) -> None:
        early = [(float(-n), float(n)) for n in range(FINISHERS)]
        early_stopping = self.played(make_study, early)
        assert early_stopping.first_judged == 1
        assert early_stopping.add("new", 20, 100, LastReport((99.0,))) is None
        assert early_stopping.add("new", 20, 200, LastReport((99.0,))) is not None

    def test_one_trial_alone_makes_no_agreement(self, make_study: MakeStudy) -> None:
        shuffled = [3.0, 0.0, 2.0, 1.0, 5.0, 4.0, 7.0, 6.0, 90.0]
        early_stopping = self.played(make_study, [(value, value) for value in shuffled])
        final = np.arange(9.0)
        assert spearman(np.array(shuffled), final) > AGREEMENT
        assert spearman(np.array(shuffled[:-1]), final[:-1]) < AGREEMENT
        assert early_stopping.first_judged == 2

    def test_where_agreement_falls_the_rung_is_passed_by_again(self, make_study: MakeStudy) -> None:
        worse = [(float(-n), float(-n)) for n in range(FINISHERS)]
        assert self.played(make_study, [*self.ALIKE, *worse]).first_judged == 2

    def test_equal_values_agree_with_nothing(self, make_study: MakeStudy) -> None:
        assert self.played(make_study, [(5.0, 5.0)] * 12).first_judged == 2

    def test_a_fixed_grace_does_not_move(self, make_study: MakeStudy) -> None:
        early_stopping = make(make_study, rule="asha", grace=0.25)
        assert early_stopping.first_judged == 0

    def test_it_is_rebuilt_from_ticks(self, make_study: MakeStudy) -> None:
        early_stopping = self.played(make_study, self.ALIKE)
        rows = [
            {"trial_id": f"t{number}", "images": images, "val_ab_mae": value}
            for number in range(FINISHERS)
            for images, value in ((100, number), (200, number), (400, 5.0), (800, number))
        ]
        again = make(make_study, rule="asha", grace="auto")
        again.rebuild(pd.DataFrame(rows), {f"t{number}": number for number in range(FINISHERS)})
        assert (again.reached, again.finals) == (early_stopping.reached, early_stopping.finals)
        assert again.first_judged == 0


def test_hyperband_has_no_moving_rungs() -> None:
    with pytest.raises(ValueError, match="use asha"):
        Stopping(rule="hyperband", grace="auto")


def test_the_median_rule_waits_for_five_and_judges_at_any_tick(make_study: MakeStudy) -> None:
    early_stopping = make(make_study, rule="median")
    for number in range(5):
        assert early_stopping.add(f"t{number}", number, 400, LastReport((float(number),))) is None
    assert early_stopping.add("better", 5, 400, LastReport((1.5,))) is None
    assert early_stopping.add("worse", 6, 400, LastReport((3.5,))) is not None
    assert early_stopping.add("t4", 4, 500, LastReport((4.0,))) is None  # nobody else is there yet


def test_hyperband_s_brackets_start_later_and_get_fewer_trials() -> None:
    stopping = Stopping(rule="hyperband", grace=0.25, factor=2)
    first = [first_rung(stopping, number, 2) for number in range(700)]
    counts = [first.count(at) for at in (0, 1, 2)]
    assert counts == pytest.approx([400, 200, 100], abs=2)
    # A sweep that is resumed judges its trials as before: each number keeps its bracket.
    assert first[:14] == [0, 1, 0, 1, 0, 0, 1, 0, 2, 0, 0, 1, 0, 0]
    assert {first_rung(Stopping(rule="asha"), number, 2) for number in range(50)} == {0}


@pytest.mark.parametrize(
    "rule", [rule for rule in get_args(Stopping.model_fields["rule"].annotation) if rule != "none"]
)
def test_rungs_are_rebuilt_from_ticks(make_study: MakeStudy, rule: str) -> None:
    """Whatever a trial said after its state was recorded, and trials that confirm, change nothing.

    The same ticks in the order in which they were recorded give the same rungs and verdicts.
    """
    early_stopping, rows = make(make_study, rule=rule, grace=0.25), []
    for tick in range(1, TICKS + 1):
        for number in range(12):
            images, value = tick * 100, 10.0 - tick + math.sin(number * 7 + tick)
            rows.append({"trial_id": f"t{number}", "images": images, "val_ab_mae": value})
            early_stopping.add(f"t{number}", number, images, LastReport((value,)))
    rows.append({"trial_id": "confirming", "images": 400, "val_ab_mae": 0.1})
    again = make(make_study, rule=rule, grace=0.25)
    again.rebuild(pd.DataFrame(rows), {f"t{number}": number for number in range(12)})
    assert again.reached == early_stopping.reached
    for value in (0.0, 5.0, 99.0):
        assert early_stopping.add("new", 12, 400, LastReport((value,))) == again.add(
            "new", 12, 400, LastReport((value,))
        )
        for rung in (*early_stopping.reached, *again.reached):
            rung.pop("new", None)


def test_nothing_to_rebuild_from(make_study: MakeStudy) -> None:
    early_stopping = make(make_study, rule="asha")
    early_stopping.rebuild(pd.DataFrame(), {})
    early_stopping.rebuild(pd.DataFrame({"trial_id": ["a"], "images": [400]}), {"a": 0})
    assert early_stopping.reached == [{}]


def test_a_tick_that_ends_half_a_batch_short_of_a_rung_is_at_it(make_study: MakeStudy) -> None:
    early_stopping = make(make_study, rule="asha")  # rung at 400, batches of 32
    early_stopping.add("a", 0, 383, LastReport((5.0,)))
    assert early_stopping.reached == [{}]
    early_stopping.add("a", 0, 384, LastReport((4.0,)))
    assert early_stopping.reached == [{"a": LastReport((4.0,))}]
