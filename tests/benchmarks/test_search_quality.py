"""How good the point is that a search names, beside what others find with the same pictures."""

import time

import numpy as np
import pytest
from experiments import BUDGET, Search, on_all_cores, search
from surface import IMAGES

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SEEDS = 200
"""Of 20 the median regret is uncertain by some 0.04, which is more than what lies between us and
Optuna alone: of 100 and 100 seeds ours was 0.157 and 0.166, Optuna's 0.144 and 0.192."""
METHODS = ("ours", "random", "ray", "optuna")
BETTER_THAN_RAY = 0.75
"""Median regret, as a share of that of Ray's searcher and scheduler, where 20 % diverge."""


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, float], list[Search]]:
    """SEEDS searches of each method on each surface, and a table of them."""
    started = time.monotonic()
    kinds = [(method, diverging) for diverging in (0.0, 0.2) for method in METHODS]
    done = on_all_cores(search, [(*kind, seed) for kind in kinds for seed in range(SEEDS)])
    found = {kind: done[at * SEEDS :][:SEEDS] for at, kind in enumerate(kinds)}
    print(f"\n{SEEDS} searches of {BUDGET // IMAGES} trainings' pictures: regret in ab MAE")
    print("diverging  method   median  quartiles       mean   trainings  trials")
    for (method, diverging), searches in found.items():
        regrets = [one.regret for one in searches]
        low, middle, high = np.percentile(regrets, [25, 50, 75])
        trainings = np.mean([one.trainings for one in searches])
        trials = np.mean([one.trials for one in searches])
        print(
            f"{diverging:>8.0%}   {method:8} {middle:.3f}   {low:.3f} - {high:.3f}   "
            f"{np.mean(regrets):.3f}   {trainings:.1f}       {trials:.0f}"
        )
    print(f"{time.monotonic() - started:.0f} s")
    return found


def median(searches: list[Search]) -> float:
    return float(np.median([one.regret for one in searches]))


def test_pictures_spent_are_equal(found: dict[tuple[str, float], list[Search]]) -> None:
    spent = [np.mean([one.trainings for one in searches]) for searches in found.values()]
    assert max(spent) < 1.02 * min(spent)


@pytest.mark.parametrize("diverging", [0.0, 0.2])
@pytest.mark.parametrize("other", METHODS[1:])
def test_ours_is_no_worse(
    found: dict[tuple[str, float], list[Search]], other: str, diverging: float
) -> None:
    assert median(found["ours", diverging]) <= median(found[other, diverging])


def test_ours_is_better_where_many_diverge(
    found: dict[tuple[str, float], list[Search]],
) -> None:
    assert median(found["ours", 0.2]) <= BETTER_THAN_RAY * median(found["ray", 0.2])
