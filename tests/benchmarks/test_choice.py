"""What is lost by taking a cheaper configuration, and what is said of the best that was confirmed.

A cheaper one is worth taking where it is as good. That it cannot be told from the first says little
after three seeds: taking the cheapest of such lost .10 to .27 where the first lost .02 to .07.
"""

import math
import time

import numpy as np
import pytest
from experiments import LADDER, NOISE, REPLICATES, chosen_sweep, on_all_cores

from reports.analysis.least_difference import SPREAD_SHARE
from reports.analysis.statistics import noise_sd, overstatement_of_means
from reports.analysis.with_best import compare_with_best

pytestmark = pytest.mark.slow

CASES, SWEEPS = 500, 200
FIRST_SEED = 7000
PAIRINGS = (0.9, 0.5, 0.0)
MOST_LOST = 1.5
"""Times what the first loses."""
LEVEL = 0.05
UNEVEN = (0.25, 0.5, 1.0, 2.0, 4.0)


def drawn(
    truths: tuple[float, ...],
    pairing: float,
    seeds: int,
    rng: np.random.Generator,
    sds: tuple[float, ...] | None = None,
) -> dict[int, dict[int, float]]:
    """Values by seed, of which a share is the same for all that have the seed."""
    spread = NOISE * np.array(sds or (1.0,) * len(truths))[:, None]
    common = math.sqrt(pairing) * rng.normal(size=(1, seeds))
    own = math.sqrt(1 - pairing) * rng.normal(size=(len(truths), seeds))
    table = np.array(truths)[:, None] + spread * (common + own)
    return {at: dict(enumerate(row)) for at, row in enumerate(table.tolist())}


@pytest.mark.parametrize("seeds", [REPLICATES, 6])
@pytest.mark.parametrize("difference", [None, 0.1, 0.3])
def test_what_is_taken_is_rarely_worse_by_what_matters(
    difference: float | None, seeds: int
) -> None:
    """The bounds alone: the cheapest within the difference of the best, costs in any order."""
    rng = np.random.default_rng(FIRST_SEED)
    print(f"\n{CASES} cases, {seeds} seeds, difference {difference}")
    for pairing in PAIRINGS:
        first, taken, beyond = np.zeros(CASES), np.zeros(CASES), np.zeros(CASES)
        cheaper = np.zeros(CASES, dtype=bool)
        for case in range(CASES):
            truths = rng.permutation(LADDER)
            values = drawn(tuple(truths), pairing, seeds, rng)
            # Of the search only its trials are left, each trained once.
            single = truths + NOISE * rng.normal(size=len(truths))
            least = difference or SPREAD_SHARE * single.std(ddof=1)
            beyond[case] = least
            compared = compare_with_best(values, 1)
            best = min(values, key=lambda at: np.mean(list(values[at].values())))
            # Places are in the order of the costs, and truths in any.
            near = [
                at
                for at in range(best)
                if compared[at].excess <= least and not compared[at].p < LEVEL
            ]
            at = min([*near, best])
            first[case], taken[case], cheaper[case] = truths[best], truths[at], at != best
        worse = (taken > np.maximum(beyond, first)).mean()
        print(
            f"pairing {pairing}: first loses {first.mean():.3f}, taken {taken.mean():.3f}, a "
            f"cheaper one in {cheaper.mean():.2f}, worse by more than matters in {worse:.3f}"
        )
        assert worse <= LEVEL
        if difference is None:
            assert taken.mean() <= MOST_LOST * first.mean()


def test_through_the_records_little_more_is_lost_than_with_the_first() -> None:
    started = time.monotonic()
    print(f"\n{SWEEPS} sweeps each: {LADDER} worse than the best, {REPLICATES} seeds")
    for pairing, least in [*((pairing, None) for pairing in PAIRINGS), (0.9, 0.3)]:
        tasks = [(pairing, LADDER, least, FIRST_SEED + seed) for seed in range(SWEEPS)]
        done = on_all_cores(chosen_sweep, tasks)
        first = np.mean([choice.first for choice in done])
        taken = np.mean([choice.taken for choice in done])
        beyond = np.mean([choice.beyond for choice in done])
        left_out = np.mean([choice.best_left_out for choice in done])
        said = np.mean([choice.overstated for choice in done])
        true = np.mean([choice.optimism for choice in done])
        cheaper = np.mean([choice.cheaper for choice in done])
        print(
            f"pairing {pairing}, difference {least}: first loses {first:.3f}, taken {taken:.3f}, a "
            f"cheaper one in {cheaper:.2f}, worse by more than "
            f"matters in {beyond:.3f}, best left out in {left_out:.3f}, overstated {said:.3f} "
            f"(true {true:.3f})"
        )
        assert beyond <= LEVEL and left_out <= LEVEL
        if least is None:
            assert taken <= MOST_LOST * first
    print(f"{time.monotonic() - started:.0f} s")


@pytest.mark.parametrize("seeds", [REPLICATES, 6])
def test_what_is_as_good_as_the_best_is_left_out_in_one_of_twenty_cases(seeds: int) -> None:
    """Five of which none is better: SDs alike, one four times as large, and growing."""
    rng = np.random.default_rng(FIRST_SEED + 1)
    print(f"\n{2 * CASES} cases, {seeds} seeds: any left out, that most often left out")
    for name, sds in (("alike", (1.0,) * 5), ("one", (1, 1, 1, 1, 4.0)), ("growing", UNEVEN)):
        for pairing in PAIRINGS:
            left_out = np.zeros((2 * CASES, 5), dtype=bool)
            for case in range(2 * CASES):
                compared = compare_with_best(drawn((0.0,) * 5, pairing, seeds, rng, sds), 1)
                left_out[case] = [compared[at].p < LEVEL for at in range(5)]
            most, some = left_out.mean(0).max(), left_out.any(1).mean()
            print(f"{name}, pairing {pairing}: {some:.3f}, {most:.3f}")
            # Of 1000 cases at 5% the standard error is 0.7%.
            assert most <= LEVEL + 0.014


@pytest.mark.parametrize("seeds", [REPLICATES, 6])
def test_what_the_best_is_said_to_overstate_itself_by(seeds: int) -> None:
    rng = np.random.default_rng(FIRST_SEED + 2)
    print(f"\n{CASES} cases, {seeds} seeds: true, said")
    shapes = {
        "equal": (0.0,) * 5,
        "ladder": LADDER,
        "close": (0.0, 0.05, 0.1, 0.15, 0.2),
        "three": (0.0, 0.0, 0.0),
        "ten": (0.0,) * 10,
        "ten apart": tuple(np.linspace(0, 1, 10).tolist()),
    }
    for name, truths in shapes.items():
        for pairing in PAIRINGS:
            true = said = 0.0
            for _ in range(CASES):
                values = drawn(truths, pairing, seeds, rng)
                means = {at: float(np.mean(list(own.values()))) for at, own in values.items()}
                best = min(means, key=lambda at: means[at])
                # What a seed adds to all is nothing on average: without it the mean is surer.
                common = np.mean([means[at] - truths[at] for at in means])
                true += (truths[best] - means[best] + float(common)) / CASES
                noise = noise_sd(values.values())
                said += (overstatement_of_means(values.values(), noise, "minimize") or 0) / CASES
            print(f"{name}, pairing {pairing}: {true:.3f}, {said:.3f}, ratio {said / true:.2f}")
            # A hundredth is 3% of the SD of a training.
            assert abs(said - true) <= max(0.3 * true, 0.01)
