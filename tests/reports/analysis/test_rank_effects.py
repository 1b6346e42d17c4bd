"""What the trials of a search say: ranks that go together, noise, what early ranks were worth."""

import math

import numpy as np
import pytest
from scipy import stats

from reports.analysis.rank_effects import agreement, rank_effect, residual_sd

NAN = math.nan
CHANCE = np.random.default_rng(0)
X = CHANCE.uniform(-1, 1, size=40)
NOISE = CHANCE.normal(size=40)


class TestRankEffect:
    @pytest.mark.parametrize(
        ("settings", "values"),
        [
            ([], []),
            ([1.0], [2.0]),
            ([*range(7)], [*range(7)]),
            ([1.0] * 20, [*range(20)]),
            ([*range(20)], [1.0] * 20),
            ([NAN] * 20, [*range(20)]),
            ([*range(10)], [*range(7), NAN, NAN, NAN]),
        ],
    )
    def test_not_enough_data(self, settings: list[float], values: list[float]) -> None:
        assert rank_effect(settings, values) is None

    def test_known(self) -> None:
        found = rank_effect(X, X + NOISE)
        assert found is not None and found.n == 40
        assert found.estimate == pytest.approx(stats.spearmanr(X, X + NOISE).statistic)
        assert found.low < found.estimate < found.high

    def test_trials_without_a_value_are_left_out(self) -> None:
        found = rank_effect([*X, 1.0, NAN], [*(X + NOISE), NAN, 1.0])
        assert found == rank_effect(X, X + NOISE)

    def test_monotone_is_certain(self) -> None:
        found = rank_effect(X, np.exp(X))
        assert found is not None and found[:3] == pytest.approx((1.0, 1.0, 1.0))

    def test_the_interval_covers_nothing_where_there_is_nothing(self) -> None:
        chance, covered = np.random.default_rng(1), 0
        for _ in range(60):
            found = rank_effect(chance.normal(size=30), chance.normal(size=30))
            covered += found is not None and found.low <= 0 <= found.high
        assert covered >= 52


class TestResidual:
    def test_too_few_trials(self) -> None:
        assert residual_sd(X[:6, None], [], NOISE[:6]) is None
        assert residual_sd(CHANCE.normal(size=(12, 4)), [], NOISE[:12]) is None
        assert residual_sd(np.empty((0, 2)), [], []) is None

    def test_of_a_smooth_surface_noise_is_left(self) -> None:
        chance = np.random.default_rng(0)
        x = chance.uniform(-1, 1, size=(200, 2))
        labels = ["ab"[n % 2] for n in range(200)]
        truth = 3 * x[:, 0] ** 2 - x[:, 1] + np.array([label == "b" for label in labels])
        found = residual_sd(x, [labels], truth + 0.2 * chance.normal(size=200))
        assert found == pytest.approx(0.2, rel=0.2)

    def test_inactive_and_constant_dimensions(self) -> None:
        settings = np.stack([np.where(X > 0, X, NAN), np.ones(40), np.full(40, NAN)], axis=1)
        found = residual_sd(settings, [["a"] * 40], 2 + 0.0 * X)
        assert found == pytest.approx(0.0, abs=1e-9)


class TestAgreement:
    @pytest.mark.parametrize(
        ("early", "final"), [([], []), ([1.0], [2.0]), ([1.0] * 6, [*range(6)])]
    )
    def test_nothing_to_order(self, early: list[float], final: list[float]) -> None:
        assert all(map(math.isnan, agreement(early, final)[:3]))

    def test_known(self) -> None:
        early, final = X, X + NOISE
        found = agreement(early, final)
        assert found.estimate == pytest.approx(stats.kendalltau(early, final).statistic)
        assert found.low < found.estimate < found.high
        assert agreement(early, -early)[:3] == pytest.approx((-1.0, -1.0, -1.0))

    def test_ties_are_those_of_tau_b(self) -> None:
        early, final = [1.0, 1.0, 2.0, 3.0, 3.0, 4.0], [1.0, 2.0, 2.0, 5.0, 4.0, 4.0]
        expected = stats.kendalltau(early, final).statistic
        assert agreement(early, final).estimate == pytest.approx(expected)
