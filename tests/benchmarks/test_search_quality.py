"""How good the point is that a search names, beside what others find with the same pictures."""

import numpy as np
import pytest
from landscapes import SURFACES
from search_quality import (
    FIRST,
    METHODS,
    OPTUNA,
    SEEDS,
    TRAININGS,
    Found,
    geometric_mean,
    markdown,
    median,
    ratios,
    search_all,
)

pytestmark = [pytest.mark.ray, pytest.mark.slow]

COLORIZATION = ("colorization", "colorization-diverging")
OURS = "ours auto asha"
"""The built-in studies' own search."""
LONG = (OURS, "ours random asha", "ray", "optuna tpe")
LONG_TRAININGS = 64
MOST_OF_BEST = 1.0
"""Median regret of the built-in studies' own search as a multiple of that of the best of Optuna's
on each surface, geometric mean."""
BETTER_THAN_RAY = 0.75
"""Median regret, as a share of that of Ray's searcher and scheduler, where 20% diverge."""


@pytest.fixture(scope="module")
def long() -> Found:
    """Searches with the pictures of more trainings, on the surface of colorization."""
    return printed(search_all(COLORIZATION, LONG, range(FIRST, FIRST + SEEDS), LONG_TRAININGS))


@pytest.fixture(scope="module")
def short() -> Found:
    """Of every method on every surface."""
    return printed(search_all(list(SURFACES), METHODS, range(FIRST, FIRST + SEEDS), TRAININGS))


def printed(found: Found) -> Found:
    print(f"\n{markdown(found)}")
    return found


def test_pictures_spent_are_equal(long: Found) -> None:
    spent = [np.mean([one.trainings for one in searches]) for searches in long.values()]
    assert max(spent) < 1.02 * min(spent)


@pytest.mark.parametrize("surface", COLORIZATION)
@pytest.mark.parametrize("other", LONG[1:])
def test_ours_is_no_worse(long: Found, other: str, surface: str) -> None:
    assert median(long[surface, OURS]) <= median(long[surface, other])


def test_ours_is_better_where_many_diverge(long: Found) -> None:
    surface = "colorization-diverging"
    assert median(long[surface, OURS]) <= BETTER_THAN_RAY * median(long[surface, "ray"])


def test_all_methods_see_as_many_pictures(short: Found) -> None:
    spent = [
        np.mean([one.trainings for surface in SURFACES for one in short[surface, method]])
        for method in METHODS
    ]
    assert max(spent) < 1.03 * min(spent)


def test_the_default_is_no_worse_than_the_best_of_optuna_s(short: Found) -> None:
    assert geometric_mean(ratios(short, OURS, OPTUNA)) <= MOST_OF_BEST


def test_what_is_learned_and_stopped_is_worth_it(short: Found) -> None:
    ours, random = (
        geometric_mean(ratios(short, method, OPTUNA))
        for method in ("ours tpe asha", "ours random none")
    )
    assert ours < random
