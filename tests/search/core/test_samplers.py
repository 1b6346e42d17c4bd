"""Samplers keep nothing between trials, and a Sobol point lies in every kind of range."""

from collections.abc import Callable

import optuna
import pytest
from optuna.samplers import PartialFixedSampler, RandomSampler, TPESampler

from search.core.gp_sampler import GaussianProcessSampler
from search.core.samplers import RETRIES, SobolSampler, sampler_of
from spaces.dimensions import Dimension
from spaces.study import Study, derived_seed

MakeStudy = Callable[..., Study]


def test_seeds_differ_by_each_of_their_parts() -> None:
    seeds = {derived_seed(*parts) for parts in [(0, 1), (1, 0), (0, 1, 1), (0, 1, 2), (0,)]}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert derived_seed(3, 4) == derived_seed(3, 4)


@pytest.mark.parametrize(
    ("name", "retry", "kind"),
    [
        ("tpe", 0, TPESampler),
        ("tpe", 3, TPESampler),
        ("random", 0, RandomSampler),
        ("gp", 0, GaussianProcessSampler),
        ("gp", 2, TPESampler),
        ("gp", 8, RandomSampler),
        ("qmc", 0, SobolSampler),
        ("qmc", 1, RandomSampler),
        ("grid", 0, RandomSampler),
    ],
)
def test_each_name_has_its_sampler(
    make_study: MakeStudy, name: str, retry: int, kind: type
) -> None:
    space = {"generator.dropout": {"choice": [0.0, 0.5]}}
    study = make_study(4, sampler=name, space=space)
    assert isinstance(sampler_of(study, 2, retry, {}), kind)
    assert isinstance(sampler_of(study, 2, retry, {"generator.dropout": 0.5}), PartialFixedSampler)


def test_after_some_retries_points_are_drawn_at_random(make_study: MakeStudy) -> None:
    assert isinstance(sampler_of(make_study(4), 2, RETRIES - 1, {}), TPESampler)
    assert isinstance(sampler_of(make_study(4), 2, RETRIES, {}), RandomSampler)


def test_sobol_choices_are_fair() -> None:
    loss = Dimension("loss.adversarial", "choice", choices=("a", "b", "c", "d"))
    drawn = []
    for number in range(64):
        sampler = SobolSampler([loss], 0, number)
        study = optuna.create_study(sampler=sampler)
        drawn.append(study.ask().suggest_categorical(loss.name, loss.choices))
    assert [drawn.count(value) for value in loss.choices] == [16] * 4
