"""What the Gaussian process is told, and that it goes on where it repeats itself."""

import json
import logging
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from search.core.ask_tell import AskTell, Assignment
from search.core.curves import Curves
from search.core.gp_sampler import (
    MOST_OBSERVATIONS,
    GaussianProcessSampler,
    Observation,
    _middle,
    flat_space,
)
from search.core.target import LastReport, Target
from spaces.dimensions import Dimension
from spaces.study import STARTUP_TRIALS, Study

MakeStudy = Callable[..., Study]
LR, LOSS, SMOOTH = "optimizer.generator_lr", "loss.adversarial", "loss.label_smoothing"
L1, WIDTH = "loss.l1_weight", "generator.width"
SQUARE = {LR: {"loguniform": [1e-5, 1e-1]}, "generator.dropout": {"uniform": [0.0, 0.5]}}


def sampler(study: Study, observations: list[Observation]) -> GaussianProcessSampler:
    startup = RandomSampler(seed=0)
    return GaussianProcessSampler(study.dimensions, observations, 0, 2, startup)


def told(study: Study, observations: list[Observation], **directions: Any) -> list[Any]:
    made = sampler(study, observations)
    outer = optuna.create_study(**directions)
    space = made.infer_relative_search_space(outer, outer.ask())
    return made._trials(outer, space)


def test_every_parameter_has_a_distribution_whatever_it_is_conditional_on(
    make_study: MakeStudy,
) -> None:
    assert flat_space(make_study(4).dimensions) == {
        LR: FloatDistribution(1e-5, 1e-1, log=True),
        f"{L1}:special": CategoricalDistribution(("range", "special")),
        L1: FloatDistribution(1, 300, log=True),
        LOSS: CategoricalDistribution(("bce", "lsgan")),
        SMOOTH: FloatDistribution(0.0, 0.4),
        WIDTH: IntDistribution(4, 64, log=True),
    }


def test_what_is_not_active_is_in_the_middle(make_study: MakeStudy) -> None:
    params = {LR: 1e-3, f"{L1}:special": "special", LOSS: "lsgan", WIDTH: 8}
    study = make_study(4)
    (first, _) = told(
        study, [Observation(params, (1.0,)), Observation({**params, LR: 1e-2}, (2.0,))]
    )
    assert first.params == {**params, L1: pytest.approx(300**0.5), SMOOTH: pytest.approx(0.2)}


@pytest.mark.parametrize(
    ("dimension", "middle"),
    [
        (Dimension("x", "uniform", 0.0, 0.3, step=0.1), (0.1, 0.2)),
        (Dimension("x", "int", 0, 4, step=2), (2,)),
        (Dimension("x", "logint", 4, 64), (16,)),
        (Dimension("x", "choice", choices=("a", "b")), ("a",)),
    ],
)
def test_the_middle_of_every_kind_is_one_of_its_values(
    dimension: Dimension, middle: tuple[Any, ...]
) -> None:
    value = _middle(flat_space([dimension])["x"])
    assert value in middle
    assert dimension.contains(value)


def test_lost_trials_are_the_worst_and_running_ones_run(make_study: MakeStudy) -> None:
    study = make_study(4, space=SQUARE)
    points = [{LR: 10.0**-power, "generator.dropout": 0.1} for power in range(1, 6)]
    observations = [
        Observation(points[0], (20.0,), {"a": -1.0, "b": None}),
        Observation(points[1], (30.0,), {"a": None, "b": None}),
        Observation(points[2], (25.0,), {"a": 3.0, "b": None}),
        Observation(points[3], None, {"a": -9.0, "b": None}, is_lost=True),
        Observation(points[4]),
    ]
    trials = told(study, observations, direction="maximize")
    assert [one.value for one in trials] == [-20.0, -30.0, -25.0, -20.0, None]
    violated = [one.constraints.get("a") for one in trials]
    assert violated == [-1.0, 1.0, 3.0, 3.0, None]
    assert not any("b" in one.constraints for one in trials)
    assert trials[4].state == TrialState.RUNNING


@pytest.mark.parametrize(
    "observations",
    [
        [],
        [Observation({LR: 1e-3, "generator.dropout": 0.1}, (1.0,))],
        [Observation({LR: 1e-3, "generator.dropout": 0.1})] * 5,
        [Observation({LR: 1e-3, "generator.dropout": 0.1}, is_lost=True)] * 5,
    ],
)
def test_without_enough_values_nothing_is_proposed(
    make_study: MakeStudy, observations: list[Observation]
) -> None:
    study = make_study(4, space=SQUARE)
    made, outer = sampler(study, observations), optuna.create_study()
    assert made.infer_relative_search_space(outer, outer.ask()) == {}
    assert made.sample_relative(outer, outer.ask(), {}) == {}


def test_of_several_objectives_it_is_told_another_mixture_each_time(make_study: MakeStudy) -> None:
    study = make_study(4, space=SQUARE)
    values = [(1.0, 5.0), (2.0, 4.0), (3.0, 3.0), (3.0, 2.9)]
    points = [{LR: 10.0**-power, "generator.dropout": 0.1} for power in range(1, 5)]
    observations = [Observation(*pair) for pair in zip(points, values, strict=True)]
    outer = optuna.create_study(directions=["minimize", "maximize"])
    best = set()
    for seed in range(20):
        made = GaussianProcessSampler(study.dimensions, observations, seed, 2, RandomSampler())
        costs = [one.value for one in made._trials(outer, flat_space(study.dimensions))]
        assert costs[3] > costs[2]  # it is dominated
        best.add(int(np.argmin(costs)))
    assert best == {0}  # the best in both


def test_of_many_trials_the_best_and_some_others_are_told(make_study: MakeStudy) -> None:
    study, rng = make_study(4, space=SQUARE), np.random.default_rng(0)
    observations = [
        Observation({LR: 1e-3, "generator.dropout": float(at)}, (float(value),))
        for at, value in zip(rng.random(500) / 2, rng.permutation(500), strict=True)
    ]
    observations.insert(250, Observation({LR: 1e-3, "generator.dropout": 0.25}))
    trials = told(study, observations)
    values = [one.value for one in trials if one.value is not None]
    assert len(values) == MOST_OBSERVATIONS and len(trials) == MOST_OBSERVATIONS + 1
    assert set(range(MOST_OBSERVATIONS // 2)) <= set(values)
    assert [one.value for one in told(study, observations)] == [one.value for one in trials]


def row_of(chosen: Assignment, state: str) -> dict[str, Any]:
    names = ("trial_id", "number", "attempt", "seed", "origin", "point_id")
    row = {name: getattr(chosen, name) for name in names}
    row |= {"distributions": chosen.distributions, "system_attrs": chosen.system_attrs}
    return {**row, "point": json.dumps(chosen.point), "state": state}


def ends_of(number: int) -> str:
    return {2: "running", 3: "diverged", 5: "pruned", 6: "oom", 7: "running", 8: "failed"}.get(
        number, "completed"
    )


def test_a_rebuilt_search_proposes_the_same_and_nothing_is_warned_of(
    make_study: MakeStudy, caplog: pytest.LogCaptureFixture
) -> None:
    """With stopped, lost and running trials, and a condition."""
    startup = STARTUP_TRIALS["gp"] + 3  # one is given up and two run
    study = make_study(startup + 2, sampler="gp")
    target = Target.of(study)
    curves, rows, said, errors = Curves(target), [], {}, []
    ask_tell = AskTell(study, pd.DataFrame(), {}, curves=curves)
    for number in range(startup):
        chosen = ask_tell.ask()
        assert chosen is not None
        errors.append(abs(np.log10(chosen.point[LR]) + 3))
        state = ends_of(number)
        rows.append(row_of(chosen, state))
        if state == "running":
            continue
        said[chosen.trial_id] = target.report({"tick": 2, "val_ab_mae": errors[-1]})
        early = target.report({"tick": 1, "val_ab_mae": errors[-1] + 3})
        curves.add(chosen.trial_id, 32, early)
        if state == "completed":
            curves.add(chosen.trial_id, 64, said[chosen.trial_id])
        elif state == "pruned":
            said[chosen.trial_id] = early
        ask_tell.tell(number, state, said[chosen.trial_id])
    again = AskTell(study, pd.DataFrame(rows), said, curves=curves)
    assert [one.number for one in again.waiting] == [2, 7]
    again.waiting.clear()
    observations = ask_tell._observations()
    assert again._observations() == observations
    assert len(observations) == startup - 1
    assert observations[5].values == pytest.approx((errors[5],))  # 3 below where it was stopped
    assert [at for at, one in enumerate(observations) if one.is_lost] == [3, 6]
    with warnings.catch_warnings(), caplog.at_level(logging.INFO):
        warnings.simplefilter("error")
        first, second = ([one.ask(), one.ask()] for one in (ask_tell, again))
    assert first == second
    assert None not in first
    assert not caplog.messages


@pytest.mark.parametrize(
    "space",
    [
        {"training.batch_size": {"int": [8, 64], "step": 8}, LOSS: {"choice": ["bce", "lsgan"]}},
        {SMOOTH: {"uniform": [0.0, 0.3], "step": 0.1}, LOSS: {"choice": ["bce", "lsgan"]}},
    ],
)
def test_what_it_repeats_ends_no_search(make_study: MakeStudy, space: dict[str, Any]) -> None:
    """The best is at the end of every range, again and again."""
    ask_tell = AskTell(make_study(40, space=space, sampler="gp"), pd.DataFrame(), {})
    values = []
    while (chosen := ask_tell.ask()) is not None:
        number = next(value for value in chosen.point.values() if not isinstance(value, str))
        values.append((number, chosen.point[LOSS]))
        ask_tell.tell(chosen.number, "completed", LastReport((float(number),)))
    assert len(values) == len(set(values)) == ask_tell.started
    assert ask_tell.why_exhausted is not None


def test_an_endless_space_never_ends(make_study: MakeStudy) -> None:
    ask_tell = AskTell(make_study(14, space=SQUARE, sampler="gp"), pd.DataFrame(), {})
    for number in range(14):
        chosen = ask_tell.ask()
        assert chosen is not None
        ask_tell.tell(number, "completed", LastReport((-float(chosen.point[LR]),)))
    assert ask_tell.ask() is None
