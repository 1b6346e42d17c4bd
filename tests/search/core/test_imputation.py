"""What stopped trials would have come to, where the truth is known."""

import numpy as np
import pytest
from scipy import stats

from search.core import imputation
from search.core.imputation import (
    AGREEMENT,
    IMPUTATIONS,
    MOST_RUNGS,
    Imputation,
    impute,
)
from spaces.dimensions import Dimension

DIMENSIONS = [
    Dimension("optimizer.generator_lr", "loguniform", 1e-4, 1e-2),
    Dimension("optimizer.lr_ratio", "uniform", 0.0, 1.0),
]
NAN = float("nan")


class Played:
    """Trials of four ticks, of which the worse ones were stopped at the first or second rung."""

    def __init__(self, seed: int, count: int = 30, noise: float = 0.2, late: bool = True) -> None:
        rng = np.random.default_rng(seed)
        shares = rng.random((count, 2))
        self.points = [
            {"optimizer.generator_lr": 1e-4 * 100**a, "optimizer.lr_ratio": float(b)}
            for a, b in shares
        ]
        level = 6 + 8 * (shares[:, 0] - 0.6) ** 2 + 3 * shares[:, 1]
        common = noise * rng.standard_normal((count, 1))
        ticks = np.array([4.0, 2.0, 1.0, 0.0]) * (1 + shares[:, :1])
        whole = level[:, None] + ticks + common + 0.5 * noise * rng.standard_normal((count, 4))
        seen = np.full(count, 4)
        seen[whole[:, 1] > np.median(whole[:, 1])] = 2
        if late:
            going = np.flatnonzero(seen == 4)
            seen[going[np.argsort(whole[going, 2])[-3:]]] = 3
        self.ends = whole[:, -1]
        self.curves = [row[:upto].tolist() for row, upto in zip(whole, seen, strict=True)]
        self.finished = (seen == 4).tolist()

    def impute(self, seed: int = 0) -> Imputation:
        made = impute(DIMENSIONS, self.points, self.curves, self.finished, seed)
        assert made is not None
        return made


def test_ends_are_near_what_they_would_have_been() -> None:
    played = Played(0, noise=0.1)
    made = played.impute()
    assert made.trials.tolist() == [i for i, done in enumerate(played.finished) if not done]
    assert made.values.shape == (IMPUTATIONS, len(made.trials))
    truth = played.ends[made.trials]
    assert np.sqrt(np.mean((made.values.mean(0) - truth) ** 2)) < 0.5
    assert abs(truth - np.mean(played.ends[played.finished])).mean() > 1.5
    assert made.agreement > 0.7 and made.counts


def test_intervals_of_draws_hold_the_truth() -> None:
    inside = []
    for seed in range(12):
        played = Played(100 + seed)
        made = played.impute()
        spread = made.values.std(0, ddof=1) * stats.t.ppf(0.975, IMPUTATIONS - 1)
        inside += (abs(made.values.mean(0) - played.ends[made.trials]) < spread).tolist()
    assert 0.88 <= np.mean(inside) <= 1.0


def test_the_same_each_time() -> None:
    played = Played(1)
    assert np.array_equal(played.impute().values, played.impute().values)
    assert not np.array_equal(played.impute().values, played.impute(seed=1).values)


def test_draws_differ_and_the_mean_of_who_finished_is_no_guess() -> None:
    made = Played(2).impute()
    assert (made.values.std(0) > 0.02).all()


def test_early_values_that_say_nothing_do_not_count() -> None:
    rng = np.random.default_rng(5)
    played = Played(3)
    curves = [[*rng.normal(10, 1, len(c) - 1), c[-1]] if f else rng.normal(10, 1, len(c)).tolist()
              for c, f in zip(played.curves, played.finished, strict=True)]  # fmt: skip
    noise = [*rng.normal(6, 1, len(curves))]
    curves = [[*c[:-1], e] if f else c
              for c, f, e in zip(curves, played.finished, noise, strict=True)]  # fmt: skip
    made = impute(DIMENSIONS, played.points, curves, played.finished)
    assert made is not None
    assert made.agreement < AGREEMENT and not made.counts


@pytest.mark.parametrize("finished", [0, 1, 7])
def test_too_few_finished(finished: int) -> None:
    played = Played(4)
    done = [flag and sum(played.finished[:i]) < finished for i, flag in enumerate(played.finished)]
    assert impute(DIMENSIONS, played.points, played.curves, done) is None


def test_nothing_stopped_and_nothing_at_all() -> None:
    played = Played(5)
    rows = [i for i, done in enumerate(played.finished) if done]
    points, curves = ([values[i] for i in rows] for values in (played.points, played.curves))
    assert impute(DIMENSIONS, points, curves, [True] * len(rows)) is None
    assert impute(DIMENSIONS, [], [], []) is None


def test_trials_without_a_last_value_are_left_out() -> None:
    played = Played(6)
    whole = played.impute()
    curves = [list(curve) for curve in played.curves]
    first, second = whole.trials[:2]
    curves[first], curves[second][-1] = [], NAN
    made = impute(DIMENSIONS, played.points, curves, played.finished)
    assert made is not None
    assert made.trials.tolist() == whole.trials[2:].tolist()
    assert np.isfinite(made.values).all()


def test_one_far_outlier_is_no_reason_to_count_none() -> None:
    played = Played(6)
    first = int(np.flatnonzero(~np.array(played.finished))[0])
    whole = played.impute()
    for far in (1e4, 1e9, 1e100, 1e200):
        played.curves[first] = [*played.curves[first][:-1], far]
        made = played.impute()
        assert abs(made.agreement - whole.agreement) < 0.1
        others = made.trials != first
        same = made.expected[others] - whole.expected[whole.trials != first]
        assert np.sqrt((same**2).mean()) < 0.5


def test_a_rung_that_nothing_is_known_of_leaves_the_others() -> None:
    """Those that were stopped at the third tick, where hardly any other trial was measured."""
    played = Played(6)
    late = [at for at, curve in enumerate(played.curves) if len(curve) == 3]
    measured = [at for at, done in enumerate(played.finished) if done][:4]
    for at, curve in enumerate(played.curves):
        if len(curve) > 3 and at not in measured:
            curve[2] = NAN
    made = played.impute()
    assert late and not set(late) & set(made.trials.tolist())
    assert len(made.trials) == sum(len(curve) == 2 for curve in played.curves)


def test_equal_ends_are_no_agreement() -> None:
    played = Played(7)
    curves = [[9.0] * 4 if done else [9.0, 9.0] for done in played.finished]
    made = impute(DIMENSIONS, played.points, curves, played.finished)
    assert made is not None and not made.counts


def test_many_trials_are_learned_from_a_sample() -> None:
    made = Played(8, count=400).impute()
    assert len(made.trials) > 200 and made.counts


@pytest.mark.parametrize("seed", [9, 12])
def test_few_that_finished_among_many_are_all_learned_from(seed: int) -> None:
    played = Played(seed, count=300)
    better_half = np.argsort(played.ends)[:150]
    chosen = np.random.default_rng(seed).choice(better_half, 12, replace=False)
    played.finished = np.isin(np.arange(300), chosen).tolist()
    played.curves = [
        [*curve[:2], NAN, end] if done else curve[:2]
        for curve, end, done in zip(played.curves, played.ends, played.finished, strict=True)
    ]
    made = played.impute()
    assert len(made.trials) == 288
    assert np.sqrt(((made.expected - played.ends[made.trials]) ** 2).mean()) < 0.6


def test_trials_that_were_stopped_at_any_tick_are_drawn_in_few_groups(monkeypatch) -> None:
    """As a median rule stops them: neighboring ticks together, by the last values all the same."""
    rng = np.random.default_rng(10)
    count, ticks = 80, 24
    shares = rng.random((count, 2))
    points = [
        {"optimizer.generator_lr": 1e-4 * 100**a, "optimizer.lr_ratio": float(b)} for a, b in shares
    ]
    level = 6 + 8 * (shares[:, 0] - 0.6) ** 2 + 3 * shares[:, 1]
    decay = 4 * np.exp(-np.arange(ticks) / 6)
    whole = level[:, None] + decay + 0.2 * rng.standard_normal((count, ticks))
    seen = np.where(level < np.median(level), ticks, rng.integers(4, ticks, count))
    curves = [row[:upto].tolist() for row, upto in zip(whole, seen, strict=True)]
    rungs = []
    rung = imputation._rung
    monkeypatch.setattr(imputation, "_rung", lambda *args: rungs.append(args) or rung(*args))
    made = impute(DIMENSIONS, points, curves, (seen == ticks).tolist())
    assert made is not None and made.counts
    assert len(set(seen[made.trials])) > MOST_RUNGS == len(rungs)
    error = made.expected - whole[made.trials, -1]
    assert np.sqrt((error**2).mean()) < 0.4 and abs(error.mean()) < 0.25
