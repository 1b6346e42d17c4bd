"""Which configurations may be the best."""

import math

import numpy as np
import pytest
from scipy import stats

from reports.analysis.statistics import difference
from reports.analysis.with_best import compare_with_best, worst_sf

NAN = math.nan


def by_seed(*values: float) -> dict[int, float]:
    return dict(enumerate(values))


def possible(values: dict[str, dict[int, float]], sign: int = 1) -> list[str]:
    return [key for key, level in compare_with_best(values, sign).items() if not level.p < 0.05]


@pytest.mark.parametrize(
    ("rivals", "freedom", "t"), [(4, 8, 2.55), (2, 5, 2.44), (9, 20, 2.60), (3, 10, 2.34)]
)
def test_one_is_dunnett_s(rivals: int, freedom: int, t: float) -> None:
    """One-sided 5% points (Dunnett 1955, table 1a), to the two decimals printed there."""
    assert worst_sf(t, 1, rivals + 1, freedom) == pytest.approx(0.05, abs=0.001)


@pytest.mark.parametrize(("rivals", "freedom", "t"), [(4, 8, 3.5), (2, 2, 4.3), (9, 18, 0.5)])
def test_dunnett_s_is_a_multivariate_t(rivals: int, freedom: int, t: float) -> None:
    shape = np.full((rivals, rivals), 0.5) + 0.5 * np.eye(rivals)
    below = stats.multivariate_t.cdf(
        np.full(rivals, t), shape=shape, df=freedom, maxpts=200_000, random_state=0
    )
    assert worst_sf(t, 1, rivals + 1, freedom) == pytest.approx(1 - float(below), abs=5e-4)


@pytest.mark.parametrize(("count", "freedom", "t"), [(2, 1, 9.0), (5, 8, 3.4), (12, 22, 2.0)])
def test_all_are_tukey_s(count: int, freedom: int, t: float) -> None:
    expected = stats.studentized_range.sf(math.sqrt(2) * t, count, freedom)
    assert worst_sf(t, count, count, freedom) == pytest.approx(float(expected), abs=2e-4)


def test_some_by_simulation() -> None:
    rng = np.random.default_rng(3)
    draws, sd = rng.normal(size=(200_000, 5)), np.sqrt(rng.chisquare(8, 200_000) / 8)
    beyond = (draws[:, :3].max(1) - draws.min(1)) / sd / math.sqrt(2) > 2.8
    assert worst_sf(2.8, 3, 5, 8) == pytest.approx(beyond.mean(), abs=0.002)


def test_nothing_and_one_alone() -> None:
    assert compare_with_best({}, 1) == {}
    alone = compare_with_best({"a": by_seed(1.0, 2.0)}, 1)["a"]
    assert math.isnan(alone.p) and math.isnan(alone.excess)


@pytest.mark.parametrize("other", [{0: 99.0}, {}, {0: NAN, 1: NAN}])
def test_what_has_too_few_values_may_be_the_best(other: dict[int, float]) -> None:
    values = {"a": {0: 1.0}, "b": other}
    assert possible(values) == ["a", "b"]
    assert all(math.isnan(level.excess) for level in compare_with_best(values, 1).values())


def test_what_has_too_few_values_takes_nothing_from_the_others() -> None:
    values = {"a": by_seed(1.0, 2.0, 3.1), "b": by_seed(9.0, 10.1, 11.0)}
    more = {**values, "c": {}}
    assert possible(more) == ["a", "c"]
    # It counts for nothing in the adjustment, either.
    without, with_it = (compare_with_best(either, 1) for either in (values, more))
    assert (with_it["a"], with_it["b"]) == (without["a"], without["b"])


def test_two_are_a_paired_t_test() -> None:
    values = {"a": by_seed(1.0, 2.0, 3.1), "b": by_seed(1.4, 2.2, 3.2)}
    alone = difference(values["b"], values["a"])
    compared = compare_with_best(values, 1)
    assert compared["b"].p == pytest.approx(alone.p, abs=1e-5) and compared["a"].p == 1.0
    bound = alone.mean + stats.t.isf(0.05, 2) * alone.sd / math.sqrt(3)
    assert compared["b"].excess == pytest.approx(bound)
    assert compared["a"].excess == pytest.approx(max(0.0, bound - 2 * alone.mean))


def test_both_directions() -> None:
    values = {"a": by_seed(1.0, 2.0, 3.1), "b": by_seed(9.0, 10.2, 11.0), "c": by_seed(1, 2.2, 3)}
    assert possible(values) == ["a", "c"] and possible(values, sign=-1) == ["b"]


def test_equal_values_and_zero_variance() -> None:
    same = compare_with_best({"a": by_seed(1.0, 2.0), "b": by_seed(1.0, 2.0)}, 1)
    assert [tuple(level) for level in same.values()] == [(1.0, 0.0), (1.0, 0.0)]
    apart = compare_with_best({"a": by_seed(1.0, 2.0), "b": by_seed(1.5, 2.5)}, 1)
    assert (apart["a"].p, apart["b"].p) == (1.0, 0.0)
    assert apart["b"].excess == pytest.approx(0.5) and apart["a"].excess == 0


def test_a_noisy_one_and_one_that_lost_a_seed_may_be_the_best() -> None:
    values = {
        "a": by_seed(0.0, 0.1, -0.1),
        "b": by_seed(0.1, 0.0, 0.1),
        "noisy": by_seed(-4.0, 6.0, 4.0),
        "far": by_seed(8.0, 8.1, 7.9),
    }
    assert possible(values) == ["a", "b", "noisy"]
    assert possible({**values, "short": {0: 0.1, 2: 0.0}})[:2] == ["a", "b"]


def test_without_shared_seeds() -> None:
    rng = np.random.default_rng(0)
    rows = np.array([[0.0], [0.0], [5.0]]) + rng.normal(size=(3, 4))
    values = {key: {9 * at + s: float(v) for s, v in enumerate(rows[at])} for at, key in
              enumerate("abc")}  # fmt: skip
    assert possible(values) == ["a", "b"]


def test_rivals_are_those_that_count() -> None:
    values = {
        "a": by_seed(1.0, 2.0, 3.1),
        "b": by_seed(1.1, 2.0, 3.0),
        "lucky": by_seed(-9, -8, -7),
    }
    compared = compare_with_best(values, 1, rivals=["a", "b"])
    assert not compared["a"].p < 0.05 and not compared["b"].p < 0.05 and compared["lucky"].p == 1.0
    assert possible(values) == ["lucky"]
    only = compare_with_best({"a": values["a"], "lucky": values["lucky"]}, 1, rivals=["a"])
    assert math.isnan(only["a"].p) and only["lucky"].p == 1.0


def simulated(
    truth: list[float], sds: list[float], pairing: float, seeds: int, rng: np.random.Generator
) -> dict[int, dict[int, float]]:
    shared = rng.normal(size=seeds) * math.sqrt(pairing)
    noise = rng.normal(size=(len(truth), seeds)) * math.sqrt(1 - pairing)
    table = np.array(truth)[:, None] + np.array(sds)[:, None] * (shared + noise)
    return {key: by_seed(*row) for key, row in enumerate(table.tolist())}


@pytest.mark.parametrize("seeds", [3, 6])
@pytest.mark.parametrize("sds", [[0.35] * 5, [0.35, 0.35, 0.35, 0.35, 1.4], [0.35, 0.35]])
def test_one_as_good_as_the_best_is_left_out_in_one_of_twenty_cases(
    sds: list[float], seeds: int
) -> None:
    """All equal: the case in which each of them is most often left out."""
    rng, excluded = np.random.default_rng(7), np.zeros(len(sds))
    for _ in range(500):
        compared = compare_with_best(simulated([0.0] * len(sds), sds, 0.9, seeds, rng), 1)
        excluded += [level.p < 0.05 for level in compared.values()]
    # The binomial standard error of 5% of 500 is 1%.
    assert excluded.max() / 500 <= 0.06


@pytest.mark.parametrize(
    ("count", "seeds"),
    [(2, 3), (2, 6), (5, 3), (5, 6), pytest.param(10, 3, marks=pytest.mark.slow)],
)
def test_no_equal_one_is_left_out_in_19_of_20_cases(count: int, seeds: int) -> None:
    rng, whole = np.random.default_rng(5), 0
    for _ in range(400):
        compared = compare_with_best(simulated([0.0] * count, [0.5] * count, 0.5, seeds, rng), 1)
        whole += not any(level.p < 0.05 for level in compared.values())
    assert whole / 400 >= 0.93


def test_bounds_hold_for_all_at_once() -> None:
    truth, rng, held = np.array([0.0, 0.1, 0.2, 0.4, 0.8]), np.random.default_rng(8), 0
    true = [truth[at] - np.delete(truth, at).min() for at in range(5)]
    for _ in range(500):
        compared = compare_with_best(simulated(truth.tolist(), [0.35] * 5, 0.5, 3, rng), 1)
        held += all(level.excess >= worse for level, worse in zip(compared.values(), true,
                                                                  strict=True))  # fmt: skip
    assert held / 500 >= 0.93


@pytest.mark.parametrize(("seeds", "least"), [(3, 0.6), (6, 0.97)])
def test_what_is_clearly_worse_is_left_out(seeds: int, least: float) -> None:
    """0.8 worse, 2.3 SDs of a training: with Holm against the observed best in 70 and 93%."""
    rng, seen = np.random.default_rng(9), 0
    for _ in range(300):
        compared = compare_with_best(
            simulated([0.0, 0.1, 0.2, 0.4, 0.8], [0.35] * 5, 0.5, seeds, rng), 1
        )
        seen += compared[4].p < 0.05
    assert seen / 300 > least
