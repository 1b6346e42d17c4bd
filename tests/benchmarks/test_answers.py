"""What the answers of a report are worth where the truth is known: false claims, and coverage.

Claims are made so that at most one sweep in twenty says anything false: the null dimensions of the
space may hardly ever be said to matter. Intervals must cover what their sentences speak of, under
samplers that learn and that do not, and with diverging trainings.
"""

import time
from collections import Counter
from collections.abc import Sequence

import pytest
from answering import NULL, Answered, compared_sweep, searched_sweep
from experiments import on_all_cores
from surface import LR

pytestmark = pytest.mark.slow

FIRST = 1000
"""Seeds from here on had no part in choosing the method."""
SWEEPS = 25
COMPARED = 50
SEARCHES = {
    "random": ("random", 64, 0.2, "shared"),
    "random, few, fresh seeds": ("random", 40, 0.0, "fresh"),
    "random, very few": ("random", 24, 0.0, "shared"),
    "tpe": ("tpe", 64, 0.0, "shared"),
    "tpe, few, fresh seeds, diverging": ("tpe", 40, 0.2, "fresh"),
}
MOST_FALSE = 0.05
LEAST_COVERED, MOST_COVERED = 0.90, 0.98


def seeds(count: int) -> range:
    return range(FIRST, FIRST + count)


def table(found: dict[str, Sequence[Answered]]) -> None:
    print("\nsweeps  false  claims  covered  of all contrasts  named, absent")
    for name, done in found.items():
        shown, every = (
            sum(getattr(one, of) for one in done) / sum(getattr(one, n) for one in done)
            for of, n in (("covered", "intervals"), ("all_covered", "all_intervals"))
        )
        named, absent = (
            dict(Counter(key for one in done for key in getattr(one, of)))
            for of in ("named", "absent")
        )
        wrong = sum(bool(one.false) for one in done)
        claims = sum(one.claims for one in done)
        print(
            f"{name}: {len(done)}  {wrong}  {claims}  {shown:.3f}  {every:.3f}  {named}  {absent} "
            f"{[one.false for one in done if one.false]}"
        )


def check(done: Sequence[Answered]) -> None:
    """At most one sweep in twenty says anything false, and intervals cover what they should."""
    assert sum(bool(one.false) for one in done) <= MOST_FALSE * len(done)
    covered = sum(one.covered for one in done) / sum(one.intervals for one in done)
    assert LEAST_COVERED <= covered <= MOST_COVERED


def test_answers_of_searches() -> None:
    started = time.monotonic()
    tasks = [(*kind, seed) for kind in SEARCHES.values() for seed in seeds(SWEEPS)]
    done = on_all_cores(searched_sweep, tasks)
    found = {name: done[at * SWEEPS :][:SWEEPS] for at, name in enumerate(SEARCHES)}
    table(found)
    print(f"{time.monotonic() - started:.0f} s")
    check(done)
    for own in found.values():
        assert sum(bool(set(one.named) & set(NULL)) for one in own) <= MOST_FALSE * SWEEPS
    plain = found["random"]
    assert sum(LR in one.named for one in plain) == SWEEPS
    assert sum(set(NULL) <= set(one.absent) for one in plain) >= 0.8 * SWEEPS


def test_answers_of_compared_designs() -> None:
    started = time.monotonic()
    done = on_all_cores(compared_sweep, [(0.35, seed) for seed in seeds(COMPARED)])
    equal = on_all_cores(compared_sweep, [(0.0, seed) for seed in seeds(COMPARED)])
    table({"two worse": done, "all equal": equal})
    print(f"{time.monotonic() - started:.0f} s")
    check([*done, *equal])
    assert sum(bool(one.named) for one in done) >= 0.8 * COMPARED
