"""How sure: checked against published values, simulation, and data that say nothing."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from reports.analysis.statistics import (
    adjusted_differences,
    difference,
    differences_to,
    holm,
    mean_interval,
    noise_sd,
    overstatement,
    overstatement_of_means,
    replicates_needed,
)

NAN = math.nan


def by_seed(*values: float) -> dict[int, float]:
    return dict(enumerate(values))


class TestMeanInterval:
    @pytest.mark.parametrize("values", [[], [NAN], [math.inf, NAN]])
    def test_none(self, values: list[float]) -> None:
        found = mean_interval(values)
        assert found.n == 0 and all(map(math.isnan, found[:3]))

    def test_one(self) -> None:
        found = mean_interval([3.0, NAN])
        assert (found.estimate, found.n) == (3.0, 1)
        assert math.isnan(found.low) and math.isnan(found.high)

    def test_known(self) -> None:
        found = mean_interval([1.0, 2.0, 3.0])  # t(.975, 2) = 4.3027, standard error = 1 / sqrt 3
        assert found.estimate == 2.0
        assert found.high - 2.0 == pytest.approx(4.30265 / math.sqrt(3), rel=1e-5)
        assert 2.0 - found.low == pytest.approx(found.high - 2.0)

    def test_all_equal(self) -> None:
        assert mean_interval([4.0] * 5)[:3] == (4.0, 4.0, 4.0)


class TestDifference:
    @pytest.mark.parametrize("other", [{}, {0: NAN}])
    def test_nothing_to_compare_with(self, other: dict[int, float]) -> None:
        found = difference(by_seed(1.0, 2.0), other)
        assert found.n == 0 and math.isnan(found.mean) and math.isnan(found.p)

    def test_one_each(self) -> None:
        found = difference({0: 3.0}, {0: 1.0})
        assert found.mean == 2.0 and math.isnan(found.p) and math.isnan(found.low)

    def test_pairs_take_out_what_the_seed_adds(self) -> None:
        found = difference(by_seed(11.0, 21.0, 31.5), by_seed(10.0, 20.0, 30.0))
        expected = stats.ttest_rel([11.0, 21.0, 31.5], [10.0, 20.0, 30.0])
        assert found.paired and found.n == 3
        assert found.p == pytest.approx(expected.pvalue)
        assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
        assert found.sd == pytest.approx(np.std([1.0, 1.0, 1.5], ddof=1))

    def test_other_seeds_are_compared_without_pairs(self) -> None:
        one, other = {0: 1.0, 1: 2.0, 2: 4.0}, {7: 2.0, 8: 5.0}
        found = difference(one, other)
        expected = stats.ttest_ind([1, 2, 4], [2, 5], equal_var=False)
        assert not found.paired and found.n == 2
        assert found.p == pytest.approx(expected.pvalue)

    def test_a_seed_that_one_side_lost_is_left_out(self) -> None:
        found = difference(by_seed(1.0, 3.0, NAN, 9.0), by_seed(0.0, 1.0, 2.0))
        assert found.paired and (found.mean, found.n) == (1.5, 2)

    def test_one_pair_of_many_seeds_is_not_paired(self) -> None:
        assert not difference({0: 1.0, 1: 2.0, 2: 3.0}, {2: 1.0, 3: 2.0, 4: 4.0}).paired

    def test_all_equal(self) -> None:
        same = difference(by_seed(1.1, 2.2, 3.3), by_seed(1.1, 2.2, 3.3))
        assert (same.mean, same.low, same.high, same.p) == (0.0, 0.0, 0.0, 1.0)
        unpaired = difference({0: 1.0, 1: 1.0}, {2: 1.0, 3: 1.0})
        assert unpaired.p == 1.0

    def test_always_by_the_same_amount(self) -> None:
        found = difference(by_seed(1.3, 2.4, 3.5), by_seed(1.2, 2.3, 3.4))
        assert found.p == 0.0 and found.low == found.high == pytest.approx(0.1)


def test_holm() -> None:
    assert holm([]) == []
    assert holm([0.04]) == [0.04]
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    found = holm([NAN, 0.02, 0.03])
    assert math.isnan(found[0]) and found[1:] == [0.04, 0.04]


def study(folder: Path, name: str, metric: str) -> dict[str, dict[int, float]]:
    """Values by setting and seed of the real runs in `seed_study`."""
    lines = (folder / "seed_study" / f"{name}.jsonl").read_text().splitlines()[1:]
    settings: dict[str, dict[int, float]] = {}
    for run in map(json.loads, lines):
        settings.setdefault(run["name"], {})[run["seed"]] = run[metric]
    return settings


@pytest.mark.parametrize(
    ("name", "metric", "setting", "effect", "unpaired", "paired", "needed"),
    [
        ("scenes_procedural", "mae", "drop.5", 0.47, 0.33, 0.001, 4),
        ("scenes_procedural", "mae", "lam10", -0.25, 0.52, 0.21, 26),
        ("scenes_procedural", "mae", "ratio4", 0.12, 0.80, 0.32, 41),
        ("scenes_procedural", "cf", "ratio4", 0.025, 0.195, 0.052, 10),
        ("photos", "mae", "ratio4", 1.21, 0.0027, 0.0004, 3),
        ("photos", "mae", "lam10", 0.345, 0.20, 0.04, 9),
        ("photos", "mae", "drop.5", 0.14, 0.48, 0.11, 15),
        ("photos", "cf", "ratio4", 0.30, 0.0003, 0.0002, 3),
        ("photos", "cf", "drop.5", -0.03, 0.62, 0.01, 6),
        ("photos", "chroma", "drop.5", -0.04, 0.30, 0.015, 6),
    ],
)
def test_published_values(
    test_data: Path,
    name: str,
    metric: str,
    setting: str,
    effect: float,
    unpaired: float,
    paired: float,
    needed: int,
) -> None:
    """48 real trainings: four settings, six seeds, two sets of pictures."""
    runs = study(test_data, name, metric)
    by_pair = difference(runs[setting], runs["base"])
    alone = difference(runs[setting], {seed + 100: v for seed, v in runs["base"].items()})
    assert by_pair.mean == pytest.approx(effect, abs=0.006)
    assert by_pair.p == pytest.approx(paired, rel=0.06, abs=0.0006)
    assert alone.p == pytest.approx(unpaired, rel=0.02, abs=0.0006)
    assert replicates_needed(by_pair.mean, by_pair.sd) == needed


class TestReplicatesNeeded:
    @pytest.mark.parametrize("effect", [0.0, NAN, math.inf])
    def test_no_difference_to_see(self, effect: float) -> None:
        assert replicates_needed(effect, 1.0) is None

    def test_unknown_or_endless(self) -> None:
        assert replicates_needed(1.0, NAN) is None
        assert replicates_needed(1e-6, 1.0) is None

    def test_up_to_the_most_that_are_looked_at(self) -> None:
        assert replicates_needed(0.01, 1.0) == 78_491
        assert replicates_needed(0.0088, 1.0) is None

    def test_without_noise_two_are_enough(self) -> None:
        assert replicates_needed(0.1, 0.0) == 2

    @pytest.mark.parametrize("effect", [0.5, 1.0, 2.0, 5.0, 12.0])
    def test_simulated_power(self, effect: float) -> None:
        needed = replicates_needed(effect, 1.0)
        assert needed is not None
        for n, enough in ((needed, True), (needed - 1, False)):
            if n < 2:
                continue
            draws = np.random.default_rng(0).normal(size=(20_000, n))
            tested = stats.ttest_1samp(draws + effect, 0, axis=1)
            power = float((tested.pvalue < 0.05).mean())
            assert power > 0.79 if enough else power < 0.81

    def test_signs_do_not_matter(self) -> None:
        assert replicates_needed(-1.0, 1.0) == replicates_needed(1.0, 1.0) == 10


def simulated(
    means: list[float], sd: float, seeds: int, rng: np.random.Generator
) -> tuple[dict[int, dict[int, float]], int]:
    """Confirmed values with an effect of the seed that all share, and the best by its mean."""
    shared = rng.normal(size=seeds)
    noise = sd * rng.normal(size=(len(means), seeds))
    table = np.array(means)[:, None] + shared + noise
    return {key: by_seed(*row) for key, row in enumerate(table)}, int(table.mean(1).argmin())


class TestDifferencesToOne:
    def test_few_pairs_take_the_sd_of_all_but_a_noisy_one_keeps_its_own(self) -> None:
        values = {
            "a": by_seed(0.0, 0.1, -0.1),
            "b": by_seed(0.1, 0.0, 0.1),
            "noisy": by_seed(-4.0, 6.0, 4.0),
            "far": by_seed(8.0, 8.1, 7.9),
        }
        compared = differences_to(values, "a")
        own = difference(values["noisy"], values["a"]).sd
        assert compared["noisy"].sd == own and compared["b"].sd == compared["far"].sd < own
        assert all(other.pooled and other.freedom == 6 for other in compared.values())
        assert compared["b"].error == pytest.approx(compared["b"].sd / math.sqrt(3))

    def test_many_pairs_have_their_own(self) -> None:
        values = {"a": by_seed(*range(5)), "b": by_seed(1.0, 3.0, 2.0, 5.0, 9.0)}
        compared = differences_to(values, "a")["b"]
        assert not compared.pooled and compared.freedom == 4

    def test_without_pairs_the_error_is_welch_s(self) -> None:
        compared = difference({0: 1.0, 1: 2.0, 2: 4.0}, {7: 2.0, 8: 5.0})
        half = stats.t.isf(0.025, compared.freedom) * compared.error
        assert compared.high - compared.mean == pytest.approx(half)

    def test_p_is_adjusted_by_holm(self) -> None:
        values, _ = simulated([0.0, 1.0, 2.0], 0.5, 6, np.random.default_rng(0))
        values = dict(zip("abc", values.values(), strict=True))
        compared = adjusted_differences(values, "a")
        alone = {key: difference(values[key], values["a"]) for key in ("b", "c")}
        adjusted = holm([alone["b"].p, alone["c"].p])
        assert [compared[key].p for key in ("b", "c")] == pytest.approx(adjusted)
        assert compared["b"].low == alone["b"].low


class TestNoise:
    @pytest.mark.parametrize("points", [[], [{}], [{0: 1.0}, {0: 2.0}], [{0: 1.0, 1: NAN}]])
    def test_no_replicate(self, points: list[dict[int, float]]) -> None:
        assert noise_sd(points) is None

    def test_one_point(self) -> None:
        assert noise_sd([by_seed(1.0, 2.0, 3.0)]) == pytest.approx(1.0)

    def test_what_a_seed_does_to_all_is_no_noise(self) -> None:
        assert noise_sd([by_seed(1.0, 9.0, 4.0), by_seed(2.0, 10.0, 5.0)]) == pytest.approx(0)

    def test_simulated(self) -> None:
        values, _ = simulated([0.0] * 20, 0.5, 20, np.random.default_rng(0))
        assert noise_sd(values.values()) == pytest.approx(0.5, rel=0.1)
        assert noise_sd([by_seed(0.1, 0.2), by_seed(0.3, 0.4)]) == 0  # but for rounding
        apart = [{20 * key + s: v for s, v in own.items()} for key, own in values.items()]
        assert noise_sd(apart) == pytest.approx(math.hypot(0.5, 1.0), rel=0.25)


class TestOverstatement:
    @pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [NAN, 1.0, 2.0]])
    def test_too_few(self, values: list[float]) -> None:
        assert overstatement(values, 1.0, "minimize") is None

    @pytest.mark.parametrize("sd", [None, NAN])
    def test_unknown_noise(self, sd: float | None) -> None:
        assert overstatement([1.0, 2.0, 3.0], sd, "minimize") is None

    def test_without_noise_nothing_is_overstated(self) -> None:
        assert overstatement([1.0, 2.0, 3.0], 0.0, "minimize") == 0
        assert overstatement([1.0, 1.0, 1.0], 0.0, "minimize") == 0

    def test_noise_alone_is_the_expected_maximum(self) -> None:
        found = overstatement(np.random.default_rng(0).normal(size=50).tolist(), 1.0, "minimize")
        assert found == pytest.approx(2.25, rel=0.15)  # expected maximum of 50 normal draws

    def test_both_directions(self) -> None:
        values = np.random.default_rng(0).normal(size=20)
        down = overstatement(values.tolist(), 0.5, "minimize")
        assert down == overstatement((-values).tolist(), 0.5, "maximize") and down

    @pytest.mark.parametrize("shape", ["normal", "exponential"])
    @pytest.mark.parametrize("sd", [0.1, 0.5])
    def test_simulated_searches(self, shape: str, sd: float) -> None:
        rng = np.random.default_rng(0)
        true, estimated = 0.0, 0.0
        for _ in range(200):
            truth = getattr(rng, shape)(size=30)
            seen = truth + sd * rng.normal(size=30)
            true += truth[seen.argmin()] - seen.min()
            estimated += overstatement(seen.tolist(), sd, "minimize") or 0.0
        # A hundredth is 3% of the SD of a training.
        assert abs(estimated - true) < max(0.3 * true, 0.01)


def confirmed_means(
    truth: list[float], pairing: float, seeds: int, cases: int, rng: np.random.Generator
) -> tuple[float, float]:
    """True and estimated overstatement of the best of these, on average over cases."""
    true, estimated = 0.0, 0.0
    for _ in range(cases):
        shared = rng.normal(size=seeds) * math.sqrt(pairing)
        noise = rng.normal(size=(len(truth), seeds)) * math.sqrt(1 - pairing)
        table = np.array(truth)[:, None] + 0.35 * (shared + noise)
        best = int(table.mean(1).argmin())
        # Less what a seed adds to all, which is nothing on average.
        true += truth[best] - float(table[best].mean() - (table.mean() - np.mean(truth)))
        values = [by_seed(*row) for row in table.tolist()]
        estimated += overstatement_of_means(values, noise_sd(values), "minimize") or 0.0
    return true / cases, estimated / cases


class TestOverstatementOfMeans:
    @pytest.mark.parametrize(
        "values", [[], [{}], [by_seed(1.0, 2.0)], [{0: 1.0}, {0: NAN}], [{0: 1.0}, {0: 2.0}]]
    )
    def test_not_known(self, values: list[dict[int, float]]) -> None:
        assert overstatement_of_means(values, noise_sd(values), "minimize") is None

    def test_without_noise_or_difference(self) -> None:
        same = [by_seed(1.0, 2.0), by_seed(1.0, 2.0)]
        apart = [by_seed(1.0, 2.0), by_seed(2.0, 3.0)]
        for values in (same, apart):
            assert overstatement_of_means(values, noise_sd(values), "minimize") == 0

    def test_what_a_seed_adds_to_all_does_not_count(self) -> None:
        values, _ = simulated([0.0] * 5, 0.3, 3, np.random.default_rng(0))
        found = overstatement_of_means(values.values(), noise_sd(values.values()), "minimize")
        shifted = [{s: v + 9.0 * s for s, v in own.items()} for own in values.values()]
        assert found == pytest.approx(
            overstatement_of_means(shifted, noise_sd(shifted), "minimize"), rel=1e-6
        )

    def test_both_directions_and_the_number_of_seeds(self) -> None:
        values = [by_seed(*row) for row in np.random.default_rng(1).normal(size=(5, 4)).tolist()]
        other = [{seed: -v for seed, v in own.items()} for own in values]
        down = overstatement_of_means(values, 1.0, "minimize")
        assert down == overstatement_of_means(other, 1.0, "maximize") and down
        twice = [own | {seed + 4: v for seed, v in own.items()} for own in values]
        of_twice = overstatement_of_means(twice, 1.0, "minimize")
        assert of_twice is not None and 0 < of_twice < down

    @pytest.mark.parametrize("pairing", [0.9, 0.5, 0.0])
    @pytest.mark.parametrize(
        "truth", [[0.0] * 5, [0.0, 0.1, 0.2, 0.4, 0.8], [0.0, 0.05, 0.1, 0.15, 0.2], [0.0] * 10]
    )
    def test_simulated(self, truth: list[float], pairing: float) -> None:
        true, estimated = confirmed_means(truth, pairing, 3, 600, np.random.default_rng(101))
        # A hundredth is 3% of the SD of a training.
        assert abs(estimated - true) < max(0.3 * true, 0.01)
