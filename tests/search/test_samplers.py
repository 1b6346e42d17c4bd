"""Samplers keep nothing between trials, and a Sobol point lies in every kind of range."""

from collections.abc import Callable

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import PartialFixedSampler, RandomSampler, TPESampler

from search.samplers import SobolSampler, _quantile, derived_seed, sampler_of
from spaces.study import Study

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


@pytest.mark.parametrize("place", [0.0, 0.25, 0.5, 0.999999])
def test_quantiles_stay_in_their_range(place: float) -> None:
    assert 2.0 <= _quantile(FloatDistribution(2.0, 5.0), place) <= 5.0
    assert 1e-5 <= _quantile(FloatDistribution(1e-5, 1e-1, log=True), place) <= 1e-1
    assert _quantile(IntDistribution(3, 6), place) in (3, 4, 5, 6)
    assert _quantile(IntDistribution(1, 64, log=True), place) in range(1, 65)
    assert _quantile(CategoricalDistribution(("a", "b", "c")), place) in ("a", "b", "c")


def test_quantiles_are_fair() -> None:
    places = [(index + 0.5) / 1200 for index in range(1200)]
    whole = [_quantile(IntDistribution(3, 6), place) for place in places]
    assert [whole.count(value) for value in (3, 4, 5, 6)] == [300] * 4
    named = [_quantile(CategoricalDistribution(("a", "b", "c")), place) for place in places]
    assert [named.count(value) for value in "abc"] == [400] * 3
    assert _quantile(FloatDistribution(1e-4, 1.0, log=True), 0.5) == pytest.approx(1e-2)
