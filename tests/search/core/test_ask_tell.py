"""Points are asked for, told of, and asked for in the same order again after a rebuild."""

import copy
import itertools
import json
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, ClassVar, get_args

import pandas as pd
import pytest
from optuna.trial import TrialState

from search.core import samplers
from search.core.ask_tell import AskTell, Assignment
from search.core.curves import Curves
from search.core.target import LastReport, Target
from spaces.dimensions import Dimension, point_id
from spaces.study import STARTUP_TRIALS, Study, StudyFile

LR, LOSS, SMOOTH = "optimizer.generator_lr", "loss.adversarial", "loss.label_smoothing"
L1, WIDTH = "loss.l1_weight", "generator.width"
TWO = {"val_ab_mae": "minimize", "val_psnr": "maximize"}
NONE = pd.DataFrame()
FINITE: dict[str, Any] = {
    LOSS: {"choice": ["bce", "lsgan", "hinge"]},
    "generator.dropout": {"choice": [0.0, 0.5], "when": {LOSS: ["bce", "lsgan"]}},
}
LEVELS: dict[str, Any] = {
    "generator.dropout": {"choice": [0.0, 0.5]},
    LOSS: {"choice": ["bce", "lsgan"]},
}
MakeStudy = Callable[..., Study]
NAMES = get_args(StudyFile.model_fields["sampler"].annotation)
PROCESSES = ("gp", "auto")
SAMPLERS = [pytest.param(one, marks=pytest.mark.slow) if one in PROCESSES else one for one in NAMES]
"""A Gaussian process takes a tenth of a second for each point; of spaces as small `auto` is one."""
DRAWING = [one for one in SAMPLERS if one != "grid"]
"""Samplers that draw their points."""


class Ledger:
    """Plays a sweep in memory: four trials run at a time, and each event is kept as a row.

    How a trial ends follows from its number: most complete, some fail, diverge, run out of memory
    or lose their process.
    """

    def __init__(self, study: Study, ask_tell: AskTell | None = None) -> None:
        self.study = study
        self.ask_tell = ask_tell or AskTell(study, NONE, {})
        self.rows: dict[str, dict[str, Any]] = {}
        self.values: dict[str, LastReport] = {}
        self.running: list[Assignment] = []

    def start(self) -> Assignment | None:
        chosen = self.ask_tell.ask()
        if chosen is not None:
            self.rows[chosen.trial_id] = row_of(chosen, "running")
            self.running.append(chosen)
        return chosen

    def end(self) -> None:
        done = self.running.pop(0)
        state = {
            3: "failed",
            5: "diverged",
            6: "pruned",
            8: "oom",
            9: "preempted",
        }.get(done.number % 11, "completed")
        if state == "preempted" and done.attempt > 0:
            state = "completed"
        values = LastReport(objective(done, len(self.study.file.objectives)), tick=2)
        if state in ("completed", "diverged", "pruned"):
            self.values[done.trial_id] = values
        self.ask_tell.tell(done.number, state, values)
        self.rows[done.trial_id] = row_of(done, state)

    def play(self, until: int) -> None:
        """Go on until so many trials have been asked for."""
        while self.ask_tell.started < until:
            if len(self.running) == 4:
                self.end()
            if self.start() is None:
                return

    def rebuilt(self) -> AskTell:
        """A ask_tell made from the rows alone."""
        rows = sorted(self.rows.values(), key=lambda row: row["number"])
        return AskTell(self.study, pd.DataFrame(rows), self.values)


def row_of(chosen: Assignment, state: str) -> dict[str, Any]:
    return {
        "trial_id": chosen.trial_id,
        "number": chosen.number,
        "attempt": chosen.attempt,
        "seed": chosen.seed,
        "state": state,
        "origin": chosen.origin,
        "point_id": chosen.point_id,
        "point": json.dumps(chosen.point),
        "distributions": chosen.distributions,
        "system_attrs": chosen.system_attrs,
    }


def objective(chosen: Assignment, count: int) -> tuple[float, ...]:
    """Better near a rate of 1e-3 and a wide net, worse with smoothing."""
    point = chosen.point
    error = abs(math.log10(point[LR]) + 3) + 10 / point[WIDTH] + point.get(SMOOTH, 0.1)
    return (error, 30 - 2 * error - (point[L1] == 0))[:count]


def ask_all(ask_tell: AskTell) -> list[Assignment]:
    return list(iter(ask_tell.ask, None))


def points(chosen: Iterable[Assignment]) -> list[str]:
    return [json.dumps(one.point, sort_keys=True) for one in chosen]


@pytest.fixture(params=DRAWING)
def sampler(request: pytest.FixtureRequest) -> str:
    return request.param


def test_the_budget_is_asked_for_and_no_more(make_study: MakeStudy, sampler: str) -> None:
    study = make_study(12, sampler=sampler)
    ask_tell = AskTell(study, NONE, {})
    assert ask_tell.started == 0
    chosen = ask_all(ask_tell)
    assert [one.number for one in chosen] == list(range(12))
    assert [one.trial_id for one in chosen][:2] == ["t00000", "t00001"]
    assert ask_tell.started == 12
    assert ask_tell.ask() is None
    assert len(set(points(chosen))) == 12
    for one in chosen:
        assert (one.attempt, one.origin) == (0, "search")
        assert one.point_id == point_id(one.point)
        assert one.config == study.config(one.point, one.seed)
        for name, dimension in study.space.items():
            assert (name in one.point) is dimension.is_active(one.point)
            assert name not in one.point or dimension.contains(one.point[name])
    assert {one.point[L1] == 0 for one in chosen} == {True, False}
    assert {SMOOTH in one.point for one in chosen} == {True, False}


def test_a_seed_gives_the_same_points_and_another_others(
    make_study: MakeStudy, sampler: str
) -> None:
    one, two, other = (
        points(ask_all(AskTell(make_study(6, sampler=sampler, seed=seed), NONE, {})))
        for seed in (0, 0, 1)
    )
    assert one == two
    assert not set(one) & set(other)


def test_what_one_trial_draws_does_not_depend_on_the_order_of_ends(make_study: MakeStudy) -> None:
    """Random search asks for the same points however long its trials take."""
    study = make_study(10, sampler="random")
    ledger = Ledger(study)
    ledger.play(10)
    asked = [ledger.rows[f"t{n:05d}"]["point_id"] for n in range(10)]
    assert asked == [one.point_id for one in ask_all(AskTell(study, NONE, {}))]


class TestStartFrom:
    START = ({LR: 1e-3, LOSS: "bce", L1: 0, WIDTH: 8, SMOOTH: 0.25}, {LR: 1e-2}, {})

    def test_it_comes_first_and_the_sampler_completes_it(
        self, make_study: MakeStudy, sampler: str
    ) -> None:
        study = make_study(5, sampler=sampler, start_from=list(self.START))
        chosen = ask_all(AskTell(study, NONE, {}))
        assert chosen[0].point == self.START[0]
        assert chosen[1].point[LR] == 1e-2
        assert set(chosen[1].point) >= {LR, LOSS, L1, WIDTH}
        assert [one.origin for one in chosen] == ["start_from"] * 2 + ["search"] * 3

    def test_what_its_own_conditions_exclude_is_left_out(
        self, make_study: MakeStudy, sampler: str
    ) -> None:
        start = {LOSS: "lsgan", SMOOTH: 0.25}
        (chosen,) = ask_all(AskTell(make_study(1, sampler=sampler, start_from=[start]), NONE, {}))
        assert chosen.point[LOSS] == "lsgan"
        assert SMOOTH not in chosen.point

    def test_the_budget_counts_it(self, make_study: MakeStudy) -> None:
        chosen = ask_all(AskTell(make_study(2, start_from=list(self.START)), NONE, {}))
        assert len(chosen) == 2

    def test_a_whole_number_for_a_range_of_floats(self, make_study: MakeStudy) -> None:
        start = {SMOOTH: 0, LOSS: "bce", L1: 30}
        (chosen,) = ask_all(AskTell(make_study(1, start_from=[start]), NONE, {}))
        assert (chosen.point[SMOOTH], chosen.point[L1]) == (0, 30)


def test_imputed_ends_do_not_depend_on_which_trial_ended_first(make_study: MakeStudy) -> None:
    study = make_study(12, sampler="random")
    observed = []
    for order in (range(12), reversed(range(12))):
        curves = Curves(Target.of(study))
        ask_tell = AskTell(study, NONE, {}, curves=curves)
        chosen = ask_all(ask_tell)
        for number in order:
            (final,) = objective(chosen[number], 1)
            early, late = LastReport((final + 0.1 * (number % 3),), 1), LastReport((final,), 2)
            curves.add(chosen[number].trial_id, 32, early)
            if number in (3, 7):
                ask_tell.tell(number, "pruned", early)
            else:
                curves.add(chosen[number].trial_id, 64, late)
                ask_tell.tell(number, "completed", late)
        observed.append(ask_tell._observations())
    assert observed[0] == observed[1]


@pytest.mark.parametrize("sampler", ["tpe", pytest.param("gp", marks=pytest.mark.slow)])
@pytest.mark.parametrize("objectives", [{"val_ab_mae": "minimize"}, TWO])
def test_a_stopped_trial_runs_again_and_completes(
    make_study: MakeStudy, sampler: str, objectives: dict[str, str]
) -> None:
    """As one that is rebuilt then has it."""
    ledger = Ledger(make_study(60, sampler=sampler, objectives=objectives))
    ledger.play(20)
    assert ledger.rows["t00006"]["state"] == "pruned"
    again = ledger.ask_tell.promote(ledger.rows["t00006"])
    assert (again.trial_id, again.number, again.attempt) == ("t00006", 6, 1)
    assert json.dumps(again.point) == ledger.rows["t00006"]["point"]
    assert again.config == ledger.study.config(again.point, again.seed)
    ledger.rows["t00006"] = row_of(again, "running")
    rebuilt = ledger.rebuilt()
    assert again.trial_id in {one.trial_id for one in rebuilt.waiting}
    rebuilt.waiting.clear()
    optuna_number = rebuilt._optuna_numbers[6]
    for ask_tell in (ledger.ask_tell, rebuilt):
        ask_tell.waiting.clear()
    living = copy.deepcopy(ledger.ask_tell)
    assert points(rebuilt.ask() for _ in range(3)) == points(living.ask() for _ in range(3))
    values = LastReport(tuple(0.125 for _ in objectives), tick=2)
    ledger.ask_tell.tell(6, "completed", values)
    ledger.rows["t00006"], ledger.values["t00006"] = row_of(again, "completed"), values
    rebuilt = ledger.rebuilt()
    for ask_tell in (ledger.ask_tell, rebuilt):
        frozen = ask_tell._optuna.get_trials()[ask_tell._optuna_numbers[6]]
        assert (frozen.state, frozen.values) == (TrialState.COMPLETE, list(values.values))
        ask_tell.waiting.clear()
    assert rebuilt._optuna_numbers[6] == optuna_number
    assert points(rebuilt.ask() for _ in range(3)) == points(
        ledger.ask_tell.ask() for _ in range(3)
    )


def test_seeds_are_shared_or_fresh(make_study: MakeStudy) -> None:
    shared = ask_all(AskTell(make_study(4, seed=5), NONE, {}))
    assert [one.seed for one in shared] == [5] * 4
    assert {one.config.training.seed for one in shared} == {5}
    fresh = ask_all(AskTell(make_study(4, seed=5, seeds="fresh"), NONE, {}))
    assert len({one.seed for one in fresh}) == 4
    assert [one.config.training.seed for one in fresh] == [one.seed for one in fresh]
    assert points(fresh) == points(shared)


def test_the_sampler_learns(make_study: MakeStudy) -> None:
    """With TPE the second half of a sweep is better than the first, and than random search."""
    means = {}
    for name in ("random", "tpe"):
        ledger = Ledger(make_study(60, sampler=name))
        ledger.play(60)
        errors = [ledger.values[t].values[0] for t in sorted(ledger.values) if int(t[1:]) >= 30]
        means[name] = sum(errors) / len(errors)
    assert means["tpe"] < 0.75 * means["random"]


OBJECTIVES = pytest.mark.parametrize("objectives", [{"val_ab_mae": "minimize"}, TWO])


@OBJECTIVES
@pytest.mark.parametrize("kill", [1, 24, pytest.param(57, marks=pytest.mark.slow)])
def test_a_rebuilt_chooser_proposes_what_the_uninterrupted_one_would(
    make_study: MakeStudy, kill: int, objectives: dict[str, str], sampler: str
) -> None:
    study = make_study(64, objectives=objectives, start_from=[{LR: 1e-3}], sampler=sampler)
    ledger = Ledger(study)
    ledger.play(kill)
    again = ledger.rebuilt()
    assert again.started == kill
    unfinished = sorted(one.number for one in ledger.running) + [
        row["number"] for row in ledger.rows.values() if row["state"] == "preempted"
    ]
    retried = [again.ask() for _ in unfinished]
    assert [one.number for one in retried if one] == sorted(unfinished)
    for one in retried:
        assert one is not None
        row = ledger.rows[one.trial_id]
        assert (one.attempt, json.dumps(one.point), one.seed, one.origin) == (
            row["attempt"] + 1,
            row["point"],
            row["seed"],
            row["origin"],
        )
        assert one.config == study.config(one.point, one.seed)
        assert (one.system_attrs, one.distributions) == (row["system_attrs"], row["distributions"])
    first, second = ([ask_tell.ask() for _ in range(6)] for ask_tell in (ledger.ask_tell, again))
    assert first == second
    assert all(one is not None for one in first)


def test_a_rebuilt_gaussian_process_proposes_what_the_uninterrupted_one_would(
    make_study: MakeStudy,
) -> None:
    study = make_study(30, sampler="auto")
    assert study.sampler == "gp"
    ledger = Ledger(study)
    ledger.play(STARTUP_TRIALS["gp"] + 4)
    again = ledger.rebuilt()
    for ask_tell in (again, ledger.ask_tell):
        ask_tell.waiting.clear()
    living = copy.deepcopy(ledger.ask_tell)
    assert points(again.ask() for _ in range(2)) == points(living.ask() for _ in range(2))


def test_a_sampler_s_own_attributes_survive_a_rebuild(
    make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that draws dimensions together notes which with each trial."""
    real = samplers.TPESampler
    monkeypatch.setattr(
        samplers, "TPESampler", lambda seed, **_: real(seed=seed, multivariate=True)
    )
    ledger = Ledger(make_study(20))
    ledger.play(20)
    kept = [trial.system_attrs for trial in ledger.ask_tell._optuna.get_trials()]
    assert [trial.system_attrs for trial in ledger.rebuilt()._optuna.get_trials()] == kept
    assert any(kept)


@OBJECTIVES
def test_when_all_have_ended_optuna_has_none_running(
    make_study: MakeStudy, objectives: dict[str, str]
) -> None:
    ledger = Ledger(make_study(30, objectives=objectives))
    ledger.play(30)
    while ledger.running:
        ledger.end()
    again = ledger.rebuilt()
    for number in (9, 20):  # the preempted ones, which only a resumed sweep ends
        chosen = again.ask()
        assert chosen is not None and chosen.number == number
        again.tell(number, "completed", LastReport(objective(chosen, len(objectives))))
    states = [trial.state for trial in again._optuna.get_trials()]
    assert len(states) == 30
    assert TrialState.RUNNING not in states
    assert {TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED} == set(states)
    assert again.ask() is None


@pytest.mark.parametrize("state", ["diverged", "oom", "failed", "completed"])
def test_a_diverged_trial_is_never_best(make_study: MakeStudy, state: str) -> None:
    ask_tell = AskTell(make_study(3), NONE, {})
    for value, ended in ((5.0, "completed"), (0.001, state), (6.0, "completed")):
        chosen = ask_tell.ask()
        assert chosen is not None
        value = None if state == "completed" and value < 1 else value
        ask_tell.tell(chosen.number, ended, LastReport((value,)))
    assert ask_tell._optuna.best_trial.number == 0


def test_a_preempted_trial_stays_open(make_study: MakeStudy) -> None:
    ledger = Ledger(make_study(2))
    chosen = ledger.start()
    assert chosen is not None
    ledger.ask_tell.tell(0, "preempted", LastReport((None,)))
    ledger.ask_tell.tell(0, "running", LastReport((None,)))
    assert ledger.ask_tell._optuna.get_trials()[0].state == TrialState.RUNNING
    assert ledger.ask_tell.started == 1


def test_trials_that_were_extended_go_on_with_the_old_ones(make_study: MakeStudy) -> None:
    ledger = Ledger(make_study(6))
    ledger.play(6)
    ledger.study = make_study(9)
    again = ledger.rebuilt()
    assert [one.number for one in ask_all(again)] == [2, 3, 4, 5, 6, 7, 8]


def test_pruned_trials_are_rebuilt_as_they_were_told(make_study: MakeStudy) -> None:
    """With one objective what they had reached is kept; with several Optuna could not ask again."""
    for objectives in ({"val_ab_mae": "minimize"}, TWO):
        ledger = Ledger(make_study(30, objectives=objectives))
        ledger.play(30)
        for ask_tell in (ledger.ask_tell, ledger.rebuilt()):
            pruned = ask_tell._optuna.get_trials()[6]
            assert pruned.state == TrialState.PRUNED
            expected = {2: ledger.values["t00006"].values[0]} if len(objectives) == 1 else {}
            assert pruned.intermediate_values == expected


def test_constraints_reach_optuna_and_are_rebuilt(make_study: MakeStudy) -> None:
    study = make_study(3, constraints={"gmac_per_picture": "< 2"})
    ask_tell = AskTell(study, NONE, {})
    chosen, rows, said = ask_all(ask_tell), [], {}
    for one, excess in zip(chosen, (-1.0, 0.5, -0.1), strict=True):
        said[one.trial_id] = LastReport((5.0,), 2, {"cost_gmac_per_picture": excess})
        ask_tell.tell(one.number, "completed", said[one.trial_id])
        rows.append(row_of(one, "completed"))
    for found in (ask_tell, AskTell(study, pd.DataFrame(rows), said)):
        excess = [one.constraints for one in found._optuna.get_trials()]
        assert excess == [{"cost_gmac_per_picture": value} for value in (-1.0, 0.5, -0.1)]
        assert found._optuna.best_trial.number != 1


def test_optuna_is_told_what_decides_and_nothing_else(make_study: MakeStudy) -> None:
    decide = {"by": "val_psnr", "subject_to": {"val_ab_mae": "<= 5"}}
    study = make_study(4, objectives=TWO, decide=decide)
    target = Target.of(study)
    ask_tell, rows, said = AskTell(study, NONE, {}), [], {}
    ends = [
        ("completed", {"val_psnr": 20.0, "val_ab_mae": 4.0}),
        ("completed", {"val_psnr": 30.0, "val_ab_mae": 6.0}),
        ("pruned", {"val_psnr": 25.0, "val_ab_mae": 5.0}),
        ("diverged", {"val_psnr": math.nan, "val_ab_mae": 3.0}),
    ]
    for one, (state, metrics) in zip(ask_all(ask_tell), ends, strict=True):
        said[one.trial_id] = target.report({"tick": 2, **metrics})
        ask_tell.tell(one.number, state, said[one.trial_id])
        rows.append(row_of(one, state))
    for found in (ask_tell, AskTell(study, pd.DataFrame(rows), said)):
        assert [one.name for one in found._optuna.directions] == ["MAXIMIZE"]
        trials = found._optuna.get_trials()
        assert [one.values for one in trials[:2]] == [[20.0], [30.0]]
        excess = [one.constraints["val_ab_mae"] for one in trials]
        assert excess == [-1.0, 1.0, 0.0, math.inf]
        assert trials[2].intermediate_values == {2: 25.0}
        assert found._optuna.best_trial.number == 0


def test_a_search_for_what_decides_proposes_the_same_after_a_rebuild(
    make_study: MakeStudy, sampler: str
) -> None:
    """Also where nothing was measured, and where trials were lost."""
    decide = {"by": "val_ab_mae", "subject_to": {"val_psnr": ">= 28.5"}}
    study = make_study(24, objectives=TWO, decide=decide, sampler=sampler)
    target = Target.of(study)
    ask_tell, rows, said = AskTell(study, NONE, {}), [], {}
    for number in range(24):
        chosen = ask_tell.ask()
        assert AskTell(study, pd.DataFrame(rows), said).ask() == chosen
        assert chosen is not None
        mae, psnr = objective(chosen, 2)
        state = {3: "diverged", 5: "pruned", 7: "oom"}.get(number % 9, "completed")
        metrics = {} if state == "oom" else {"tick": 2, "val_ab_mae": mae, "val_psnr": psnr}
        said[chosen.trial_id] = target.report(metrics)
        ask_tell.tell(number, state, said[chosen.trial_id])
        rows.append(row_of(chosen, state))


class TestKnownPoints:
    @pytest.mark.parametrize("sampler", SAMPLERS)
    def test_a_finite_space_is_tried_once_and_then_no_more(
        self, make_study: MakeStudy, sampler: str
    ) -> None:
        study = make_study(40, space=FINITE, sampler=sampler)
        ask_tell, rows, said = AskTell(study, NONE, {}), [], {}
        while (chosen := ask_tell.ask()) is not None:
            rows.append(row_of(chosen, "completed"))
            said[chosen.trial_id] = LastReport((1.0 + chosen.number,))
            ask_tell.tell(chosen.number, "completed", said[chosen.trial_id])
        assert len({row["point_id"] for row in rows}) == len(rows) == 5
        assert [row["number"] for row in rows] == list(range(5))
        assert ask_tell.is_done
        assert AskTell(study, pd.DataFrame(rows), said).ask() is None

    def test_a_large_one_gives_no_point_twice(self, make_study: MakeStudy) -> None:
        space = {"generator.width": {"int": [4, 23]}, "generator.dropout": {"choice": [0.0, 0.5]}}
        ask_tell = AskTell(make_study(36, space=space), NONE, {})
        chosen = []
        while (one := ask_tell.ask()) is not None:
            chosen.append(one)
            ask_tell.tell(one.number, "completed", LastReport((abs(one.point[WIDTH] - 9.0),)))
        assert len({one.point_id for one in chosen}) == 36

    def test_rejected_draws_leave_nothing_running(self, make_study: MakeStudy) -> None:
        ask_tell = AskTell(make_study(5, space=FINITE, sampler="random"), NONE, {})
        for one in ask_all(ask_tell):
            ask_tell.tell(one.number, "completed", LastReport((1.0,)))
        states = {trial.state for trial in ask_tell._optuna.get_trials()}
        assert TrialState.RUNNING not in states


class TestFiniteBranches:
    """A sampler that likes a part of the space with few points is led to the others."""

    SPACES: ClassVar[dict[str, dict[str, Any]]] = {
        "value beside a range": {L1: {"loguniform": [1, 300], "or": 0}},
        "null beside a range": {"optimizer.clip_norm": {"loguniform": [0.1, 10], "or": None}},
        "child of a choice": {
            LOSS: {"choice": ["hinge", "bce"]},
            SMOOTH: {"uniform": [0.0, 0.4], "when": {LOSS: "bce"}},
        },
        "child of a lone choice": {
            LOSS: {"choice": ["bce"]},
            SMOOTH: {"uniform": [0.0, 0.4], "or": 0.45, "when": {LOSS: "bce"}},
        },
        "child of a bundle": {
            "how": {"bundle": {"a": {LOSS: "hinge"}, "b": {LOSS: "bce"}}},
            SMOOTH: {"uniform": [0.0, 0.4], "when": {"how": "b"}},
        },
        "two levels down": {
            LOSS: {"choice": ["hinge", "lsgan", "bce"]},
            WIDTH: {"choice": [8, 16, 32], "when": {LOSS: "bce"}},
            L1: {"loguniform": [1, 300], "or": 0, "when": {WIDTH: 32}},
        },
        "child of a value beside": {
            L1: {"loguniform": [1, 300], "or": 0},
            "generator.dropout": {"choice": [0.0, 0.5], "when": {L1: 0}},
        },
    }

    @staticmethod
    def liking(one: Assignment) -> LastReport:
        """Better with fewer and smaller numbers: the finite branches are where TPE goes."""
        numbers = [v for v in one.point.values() if isinstance(v, int | float)]
        liked = sum(one.point.get(name) in (0, None, "hinge", "a") for name in (L1, LOSS, "how"))
        return LastReport((1.0 + sum(numbers) - liked,), 2)

    @pytest.mark.parametrize("sampler", DRAWING)
    @pytest.mark.parametrize("name", sorted(SPACES))
    def test_all_trials_are_handed_out(
        self, make_study: MakeStudy, name: str, sampler: str
    ) -> None:
        study = make_study(20, space=self.SPACES[name], sampler=sampler)
        ask_tell, rows, said = AskTell(study, NONE, {}), [], {}
        for number in range(20):
            rebuilt = AskTell(study, pd.DataFrame(rows), said).ask()
            chosen = ask_tell.ask()
            assert chosen is not None
            assert chosen == rebuilt
            assert chosen.number == number
            said[chosen.trial_id] = self.liking(chosen)
            ask_tell.tell(number, "completed", said[chosen.trial_id])
            rows.append(row_of(chosen, "completed"))
        assert len({row["point_id"] for row in rows}) == 20
        assert ask_tell.is_done
        assert ask_tell.why_exhausted is None

    @pytest.mark.parametrize("sampler", DRAWING)
    def test_a_range_of_whole_numbers_ends_with_its_last(
        self, make_study: MakeStudy, sampler: str
    ) -> None:
        space = {"training.batch_size": {"int": [8, 64]}}
        ask_tell = AskTell(make_study(100, space=space, sampler=sampler), NONE, {})
        sizes = []
        while (one := ask_tell.ask()) is not None:
            sizes.append(one.point["training.batch_size"])
            ask_tell.tell(one.number, "completed", LastReport((float(sizes[-1]),)))
        assert sorted(sizes) == list(range(8, 65))
        assert ask_tell.why_exhausted == "the space has no more than 57 points, and all were tried"

    @pytest.mark.parametrize("sampler", SAMPLERS)
    def test_ranges_with_steps(self, make_study: MakeStudy, sampler: str) -> None:
        space = {
            "training.batch_size": {"int": [8, 64], "step": 8},
            SMOOTH: {"uniform": [0.0, 0.3], "step": 0.1},
        }
        study = make_study(100, space=space, sampler=sampler)
        assert study.trials == 32
        ask_tell, rows, said = AskTell(study, NONE, {}), [], {}
        while (one := ask_tell.ask()) is not None:
            rebuilt = AskTell(study, pd.DataFrame(rows), said).ask()
            assert rebuilt == one
            said[one.trial_id] = LastReport((one.point["training.batch_size"] + one.point[SMOOTH],))
            ask_tell.tell(one.number, "completed", said[one.trial_id])
            rows.append(row_of(one, "completed"))
        found = {
            (p["training.batch_size"], p[SMOOTH]) for p in (json.loads(r["point"]) for r in rows)
        }
        smooth = [study.space[SMOOTH].number(place) for place in range(4)]
        assert found == {(size, one) for size in range(8, 65, 8) for one in smooth}

    def test_a_best_at_the_edge_of_many_points(self, make_study: MakeStudy) -> None:
        space = {WIDTH: {"int": [1, 200]}, "training.batch_size": {"int": [1, 200]}}
        ask_tell, seen = AskTell(make_study(60, space=space), NONE, {}), set()
        while (one := ask_tell.ask()) is not None:
            seen.add(one.point_id)
            value = one.point[WIDTH] + one.point["training.batch_size"]
            ask_tell.tell(one.number, "completed", LastReport((float(value),)))
        assert len(seen) == 60

    def test_a_start_that_was_tried_leads_to_another_point(self, make_study: MakeStudy) -> None:
        space = {L1: {"loguniform": [1, 300], "or": 0}, WIDTH: {"int": [8, 9]}}
        starts = [{L1: 0, WIDTH: 8}, {L1: 0}, {L1: 0}, {WIDTH: 9}]
        chosen = ask_all(AskTell(make_study(6, space=space, start_from=starts), NONE, {}))
        assert [one.point for one in chosen[:2]] == [{L1: 0, WIDTH: 8}, {L1: 0, WIDTH: 9}]
        assert [one.origin for one in chosen] == [
            *["start_from"] * 2, "search", "start_from", *["search"] * 2,
        ]  # fmt: skip
        assert chosen[3].point[WIDTH] == 9
        assert len({one.point_id for one in chosen}) == 6


class TestPlanned:
    def test_a_grid_is_gone_through_in_order(self, make_study: MakeStudy) -> None:
        study = make_study(40, space=LEVELS, sampler="grid", start_from=[{LOSS: "lsgan"}])
        chosen = ask_all(AskTell(study, NONE, {}))
        assert [(one.point["generator.dropout"], one.point[LOSS]) for one in chosen] == [
            (0.0, "lsgan"),
            (0.5, "lsgan"),
            (0.0, "bce"),
            (0.5, "bce"),
        ]
        assert {one.seed for one in chosen} == {0}

    def test_a_grid_that_began_in_another_order_tries_each_point_once(
        self, make_study: MakeStudy
    ) -> None:
        before = make_study(40, space=LEVELS, sampler="grid", start_from=[{LOSS: "lsgan"}])
        ledger = Ledger(before)
        ledger.values = {}
        first = [ledger.start() for _ in range(2)]
        now = make_study(40, space=LEVELS, sampler="grid")
        ledger.study = now
        rebuilt = ledger.rebuilt()
        again = [rebuilt.ask() for _ in range(2)]
        rest = ask_all(rebuilt)
        assert [one and one.trial_id for one in again] == [one and one.trial_id for one in first]
        assert [one.point[LOSS] for one in rest] == ["bce", "bce"]

    def test_a_comparison_has_every_level_with_every_seed(self, make_study: MakeStudy) -> None:
        study = make_study(None, space=LEVELS, design="compare", replicates=3, seed=7, budget={})
        chosen = ask_all(AskTell(study, NONE, {}))
        assert len(chosen) == 12
        assert {one.origin for one in chosen} == {"compare"}
        seeds = [one.seed for one in chosen]
        assert seeds[0] == 7
        assert [len(set(seeds[at : at + 4])) for at in (0, 4, 8)] == [1, 1, 1]
        assert len(set(seeds)) == 3
        for at in (0, 4, 8):  # a whole round of pairs before the next seed
            assert len({one.point_id for one in chosen[at : at + 4]}) == 4
        assert [one.config.training.seed for one in chosen] == seeds

    def test_more_seeds_are_added_to_those_there_are(self, make_study: MakeStudy) -> None:
        few, many = (
            ask_all(
                AskTell(
                    make_study(None, space=LEVELS, design="compare", replicates=n, budget={}),
                    NONE,
                    {},
                )
            )
            for n in (2, 3)
        )
        assert [one.seed for one in many[:8]] == [one.seed for one in few]


def test_quasi_random_points_fill_the_space_and_are_rebuilt(make_study: MakeStudy) -> None:
    study = make_study(32, sampler="qmc")
    chosen = ask_all(AskTell(study, NONE, {}))
    rates = sorted(math.log10(one.point[LR]) for one in chosen)
    octants = [int((rate + 5) / 4 * 8) for rate in rates]
    assert [octants.count(at) for at in range(8)] == [4] * 8
    rows = [row_of(one, "completed") for one in chosen[:11]]
    said = {one.trial_id: LastReport((1.0,)) for one in chosen[:11]}
    again = ask_all(AskTell(study, pd.DataFrame(rows), said))
    assert points(again) == points(chosen[11:])


def test_confirmations_are_no_part_of_the_search(make_study: MakeStudy) -> None:
    """They are counted, but Optuna does not hear of them; what comes after has the next number."""
    ledger = Ledger(make_study(6))
    ledger.play(6)
    while ledger.running:
        ledger.end()
    point = json.loads(ledger.rows["t00000"]["point"])
    again = ledger.ask_tell.assign(point, 9, "confirm")
    assert (again.number, again.origin, again.point) == (6, "confirm", point)
    ledger.rows["t00006"] = row_of(again, "completed")
    ledger.study = make_study(8)
    ask_tell = ledger.rebuilt()
    assert ask_tell.started == 6
    assert [one.number for one in ask_all(ask_tell)] == [7, 8]
    assert len(ask_tell._optuna.get_trials()) == 8


def test_a_widened_range_is_wider_for_old_trials_too(make_study: MakeStudy) -> None:
    ledger = Ledger(make_study(4))
    ledger.play(4)
    lr = ledger.study.space[LR]
    space = {**ledger.study.space, LR: replace(lr, low=1e-6, high=1.0)}
    ledger.study = replace(ledger.study, space=space)
    again = AskTell(
        replace(ledger.study, file=make_study(6).file),
        pd.DataFrame(list(ledger.rows.values())),
        ledger.values,
    )
    lows = {trial.distributions[LR].low for trial in again._optuna.get_trials()}
    assert lows == {1e-6}
    assert again.ask() is not None


class TestNoConfig:
    """Points that are no configs are passed over: the search does not end with them."""

    def study(self, make_study: MakeStudy, trials: int, sampler: str, **more: Any) -> Study:
        loaded = make_study(trials, sampler=sampler, **more)
        space = {
            L1: Dimension(L1, "choice", choices=(0, 1, 2)),
            LOSS: Dimension(LOSS, "choice", choices=("none", "bce")),
        }
        # As of a sweep that began when less was tried beforehand.
        return replace(loaded, space=space)

    @pytest.mark.parametrize("sampler", DRAWING)
    def test_the_others_are_all_tried(
        self, make_study: MakeStudy, sampler: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        study = self.study(make_study, 6, sampler)
        ask_tell, rows, said = AskTell(study, NONE, {}), [], {}
        with caplog.at_level(logging.WARNING, "colorsweep"):
            while (chosen := ask_tell.ask()) is not None:
                assert AskTell(study, pd.DataFrame(rows), said).ask() == chosen
                said[chosen.trial_id] = LastReport((float(chosen.number),))
                ask_tell.tell(chosen.number, "completed", said[chosen.trial_id])
                rows.append(row_of(chosen, "completed"))
        tried = {(p[L1], p[LOSS]) for p in (json.loads(row["point"]) for row in rows)}
        assert tried == {(0, "bce"), *itertools.product((1, 2), ("none", "bce"))}
        assert len(rows) == 5
        assert ask_tell.why_exhausted == (
            "the space has no more than 5 points whose config is valid (1 passed over), "
            "and all were tried"
        )

    def test_it_is_said_once(self, make_study: MakeStudy, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING, "colorsweep"):
            ask_all(AskTell(self.study(make_study, 6, "random"), NONE, {}))
        (line,) = caplog.messages
        assert line.startswith("Passed over, as is every point that is no config: ")
        assert "nothing to learn" in line

    def test_a_start_that_is_none_leads_to_another_point(self, make_study: MakeStudy) -> None:
        study = self.study(make_study, 1, "tpe")
        start = study.file.model_copy(update={"start_from": [{L1: 0, LOSS: "none"}]})
        (chosen,) = ask_all(AskTell(replace(study, file=start), NONE, {}))
        assert chosen.origin == "search"
