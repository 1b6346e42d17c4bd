"""Correlations of ranks, agreement of orders, medians."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from reports.analysis.decision import decide
from reports.analysis.effects import Model, fit_search, residual_sd
from reports.analysis.ranks import (
    MIN_RUNNING,
    Direction,
    Median,
    agreement,
    category_medians,
    direction,
    exact_tau_interval,
    median_of,
    rank_correlation,
    running_medians,
)
from reports.answers.answer import Answer
from reports.answers.answers import answers
from spaces.dimensions import Dimension

LR, LOSS, RATIO = "optimizer.generator_lr", "loss.adversarial", "optimizer.lr_ratio"
RATES = {"type": "loguniform", "low": 1e-4, "high": 1e-1}
RATIOS = {"type": "loguniform", "low": 0.05, "high": 10.0}


Fit = Callable[..., Model]


@pytest.fixture
def fit(build) -> Fit:
    """Fits values of points in a space."""
    made: dict[str, Sequence[Dimension]] = {}

    def fitted(
        points: list[dict[str, Any]], values: Sequence[float], space: dict[str, Any] | None = None
    ) -> Model:
        space = space or {RATIO: RATIOS}
        key = json.dumps(space)
        if key not in made:
            made[key] = build(space, f"space-{len(made)}").tables().dimensions
        model = fit_search(made[key], points, values, 0.1)
        assert model is not None
        return model

    return fitted


def ratios(count: int, seed: int = 0) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).uniform(math.log(0.05), math.log(10), count))


def known(fit: Fit, settings: np.ndarray, values: np.ndarray) -> Direction | None:
    return direction(fit([{RATIO: float(one)} for one in settings], values.tolist()), RATIO)


def test_of_one_dimension_it_is_spearmans(fit: Fit) -> None:
    settings = ratios(30)
    values = np.log(settings) + np.random.default_rng(1).normal(size=30)
    found = known(fit, settings, values)
    assert found is not None and found.n == 30
    alone = stats.spearmanr(settings, values)
    assert found.rho == pytest.approx(alone.statistic, abs=1e-9)
    assert found.p == pytest.approx(alone.pvalue, rel=1e-6)
    assert found.low < found.rho < found.high < 1


def test_a_distant_training_does_not_decide_it(fit: Fit) -> None:
    settings = np.sort(ratios(20))
    values = np.linspace(4, 5, 20)
    values[-1] = 3.9
    found = known(fit, settings, values)
    assert found is not None and found.rho > 0.6 and found.p < 0.01


def test_another_dimension_is_allowed_for(fit: Fit) -> None:
    """The ratio follows the rate, as a sampler that learns may have it, and does nothing itself."""
    rng = np.random.default_rng(3)
    places = rng.uniform(-1, 1, 60)
    points = [
        {LR: float(10 ** (-2.5 + 1.5 * at)), RATIO: float(math.exp(at + 0.3 * rng.normal()))}
        for at in places
    ]
    values = (places + 0.1 * rng.normal(size=60)).tolist()
    model = fit(points, values, {LR: RATES, RATIO: RATIOS})
    assert stats.spearmanr([one[RATIO] for one in points], values).statistic > 0.8
    beside, own = direction(model, RATIO), direction(model, LR)
    assert beside is not None and abs(beside.rho) < 0.3 and beside.p > 0.05
    assert own is not None and own.rho > 0.8 and own.p < 1e-6


def test_nothing_is_found_where_nothing_is(fit: Fit) -> None:
    found = [
        known(fit, ratios(20, seed), np.random.default_rng(100 + seed).normal(size=20))
        for seed in range(200)
    ]
    false = sum(one.p < 0.05 for one in found if one is not None)
    assert 2 <= false <= 20  # 10 expected; outside by chance in one of 400


def test_too_few_and_nothing_to_order(fit: Fit) -> None:
    assert known(fit, ratios(12), np.arange(12.0)) is not None
    assert known(fit, ratios(9), np.arange(9.0)) is None  # seven to spare
    assert known(fit, np.full(20, 0.5), np.arange(20.0)) is None
    assert known(fit, ratios(20), np.full(20, 4.0)) is None
    losses = [("bce", "hinge")[at % 2] for at in range(12)]
    points = [{LOSS: loss, RATIO: float(one)} for loss, one in zip(losses, ratios(12), strict=True)]
    space = {LOSS: {"type": "choice", "choices": ["bce", "hinge"]}, RATIO: RATIOS}
    both = fit(points, np.arange(12.0), space)
    assert direction(both, RATIO) is not None and direction(both, LOSS) is None


def test_a_value_beside_the_range_has_no_place_in_the_order(fit: Fit) -> None:
    settings = ratios(24)
    points = [{RATIO: 0.0} if at % 4 == 0 else {RATIO: float(v)} for at, v in enumerate(settings)]
    values = [50.0 if one[RATIO] == 0 else float(np.log(one[RATIO])) for one in points]
    space = {RATIO: {**RATIOS, "special": 0.0}}
    found = direction(fit(points, values, space), RATIO)
    assert found is not None and found.n == 18 and found.rho > 0.99


MEASURED = [
    (0.001610, 0.0513, 4.121), (0.001156, 0.0525, 4.119), (0.001111, 0.0905, 4.083),
    (0.000499, 0.0914, 4.424), (0.000957, 0.0970, 4.122), (0.001000, 0.1000, 4.110),
    (0.002275, 0.1372, 4.152), (0.001803, 0.1944, 4.153), (0.001646, 0.2580, 4.155),
    (0.000604, 0.3142, 4.272), (0.001209, 0.4857, 4.264), (0.001439, 0.5308, 4.528),
    (0.001439, 0.5959, 4.543), (0.001962, 0.7265, 4.916), (0.000500, 1.0000, 4.402),
    (0.002849, 1.4343, 4.800), (0.002977, 2.1848, 5.137), (0.002831, 9.8309, 4.264),
]  # fmt: skip
"""Rate, ratio and ab MAE of a quick sweep of learning-rate-balance on the built-in pictures."""


class TestAnswer:
    """The upper third of the ratio holds two trials, of which one is an exception."""

    def answered(self, build, name: str, sign: int) -> Answer:
        objectives = {name: "minimize" if sign > 0 else "maximize"}
        rates = {**RATES, "low": 1e-4, "high": 3e-3}
        sweep = build({LR: rates, RATIO: RATIOS}, objectives=objectives)
        for rate, ratio, value in MEASURED:
            sweep.trial({LR: rate, RATIO: ratio}, metrics={name: 10 + sign * value})
        tables = sweep.tables()
        return {one.dimension: one for one in answers(tables, decide(tables)).dimensions}[RATIO]

    def test_in_words(self, build) -> None:
        one = self.answered(build, "val_ab_mae", 1)
        assert (one.verdict, one.setting, one.needed) == ("effect", "lower", None)
        assert one.sentence == (
            "Lower is better in the order of the 18 trials (rank correlation 0.67 [0.26, 0.87], "
            "the other dimensions allowed for, p = .019); by how much is not shown (the middle "
            "third (0.29 to 1.7) minus the lower third (0.05 to 0.29): 0.198 [-0.200, 0.595] Lab "
            "units)."
        )
        assert one.p < 0.05 and one.low < 0 < one.high

    def test_of_a_metric_that_is_to_be_high(self, build) -> None:
        one = self.answered(build, "val_psnr", -1)
        assert (one.verdict, one.setting) == ("effect", "lower")
        assert one.sentence.startswith("Lower is better in the order of the 18 trials")
        assert "rank correlation -0.67 [-0.87, -0.26]" in one.sentence


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
        assert rank_correlation(settings, values) is None

    def test_known(self) -> None:
        found = rank_correlation(X, X + NOISE)
        assert found is not None and found.n == 40
        assert found.estimate == pytest.approx(stats.spearmanr(X, X + NOISE).statistic)
        assert found.low < found.estimate < found.high

    def test_trials_without_a_value_are_left_out(self) -> None:
        found = rank_correlation([*X, 1.0, NAN], [*(X + NOISE), NAN, 1.0])
        assert found == rank_correlation(X, X + NOISE)

    def test_monotone_is_certain(self) -> None:
        found = rank_correlation(X, np.exp(X))
        assert found is not None and found[:3] == pytest.approx((1.0, 1.0, 1.0))

    def test_the_interval_covers_nothing_where_there_is_nothing(self) -> None:
        rng, covered = np.random.default_rng(1), 0
        for _ in range(60):
            found = rank_correlation(rng.normal(size=30), rng.normal(size=30))
            covered += found is not None and found.low <= 0 <= found.high
        assert covered >= 52


def points_of(*settings: Any) -> list[dict[str, Any]]:
    """A point per row of settings of the dimensions 0, 1, …; None where one does not apply."""
    return [
        {str(at): value for at, value in enumerate(row) if value is not None}
        for row in zip(*settings, strict=True)
    ]


RANGES = [Dimension(str(at), "uniform", -3.0, 3.0) for at in range(4)]


class TestResidual:
    def test_too_few_trials(self) -> None:
        assert residual_sd(RANGES[:1], points_of(X[:6]), NOISE[:6]) is None
        assert residual_sd(RANGES, points_of(*CHANCE.normal(size=(4, 12))), NOISE[:12]) is None
        assert residual_sd(RANGES[:2], [], []) is None

    def test_of_a_smooth_surface_noise_is_left(self) -> None:
        rng = np.random.default_rng(0)
        x = rng.uniform(-1, 1, size=(2, 200))
        labels = ["ab"[n % 2] for n in range(200)]
        truth = 3 * x[0] ** 2 - x[1] + np.array([label == "b" for label in labels])
        dimensions = [*RANGES[:2], Dimension("2", "choice", choices=("a", "b"))]
        points = points_of(*x, labels)
        found = residual_sd(dimensions, points, truth + 0.2 * rng.normal(size=200))
        assert found == pytest.approx(0.2, rel=0.2)

    def test_inactive_and_constant_dimensions(self) -> None:
        settings = [[x if x > 0 else None for x in X], [1.0] * 40, [None] * 40, ["a"] * 40]
        dimensions = [*RANGES[:3], Dimension("3", "choice", choices=("a", "b"))]
        found = residual_sd(dimensions, points_of(*settings), 2 + 0.0 * X)
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

    @pytest.mark.parametrize("count", [2, 3, 8, 30])
    def test_a_few_orders_that_are_equal_are_not_surely_so(self, count: int) -> None:
        early = np.arange(count, dtype=float)
        same, opposite = agreement(early, early), agreement(early, -early)
        assert same.estimate == same.high == 1.0 and same.low < 1.0
        assert opposite[:3] == pytest.approx((-1.0, -1.0, -same.low))
        assert same.low < agreement(np.arange(31.0), np.arange(31.0)).low

    def test_the_bound_is_that_of_mallows(self) -> None:
        """With q, three trials are in order with probability 1 / ((1 + q) (1 + q + q^2))."""
        q = optimize.brentq(lambda q: 1 / ((1 + q) * (1 + q + q * q)) - 0.025, 0, 9)
        weights = np.array([1, 2 * q, 2 * q**2, q**3])  # orders with so many discordant pairs
        expected = 1 - 2 * (weights @ np.arange(4)) / weights.sum() / 3
        low, high = exact_tau_interval(1.0, 3)
        assert (low, high) == (pytest.approx(expected), 1.0)
        assert all(map(math.isnan, exact_tau_interval(math.nan, 3)))

    @pytest.mark.parametrize("count", [5, pytest.param(12, marks=pytest.mark.slow)])
    @pytest.mark.parametrize("tau", [0.0, 0.6, 0.95])
    def test_intervals_hold_what_they_should(self, count: int, tau: float) -> None:
        """Of normal pairs tau is 2 / pi asin(rho); the bootstrap held .95 in 20 to 84%."""
        rng, rho, held = np.random.default_rng(17), math.sin(math.pi * tau / 2), 0
        for _ in range(400):
            early, other = rng.normal(size=(2, count))
            interval = agreement(early, rho * early + math.sqrt(1 - rho * rho) * other)
            held += interval.low <= tau <= interval.high
        assert held / 400 >= 0.92

    def test_ties_are_those_of_tau_b(self) -> None:
        early, final = [1.0, 1.0, 2.0, 3.0, 3.0, 4.0], [1.0, 2.0, 2.0, 5.0, 4.0, 4.0]
        expected = stats.kendalltau(early, final).statistic
        assert agreement(early, final).estimate == pytest.approx(expected)


def test_no_value() -> None:
    empty = np.array([])
    assert category_medians(empty, empty) == running_medians(empty, empty, log=False) == ()


def test_too_few_for_an_interval() -> None:
    assert median_of(1.0, np.array([3.0, 1.0, 2.0])) == Median(1.0, 2.0, None, None, 3)


@pytest.mark.parametrize("count", [6, 9, 15, 40, 101])
def test_the_interval_is_the_narrowest_that_holds_95_percent(count: int) -> None:
    _, _, low, high, _ = median_of(0.0, np.arange(count, dtype=float))
    assert low is not None and high == count - 1 - low

    def held(place: float) -> float:
        return 1 - 2 * stats.binom.cdf(place, count, 0.5)

    assert held(low) >= 0.95 > held(low + 1)


def test_categories_with_three_values_and_more() -> None:
    x = np.array([0.0, 0.0, 1.0, 1.0, 1.0])
    found = category_medians(x, np.array([1.0, 2.0, 3.0, 9.0, 4.0]))
    assert found == (Median(1.0, 4.0, None, None, 3),)


def test_along_a_logarithmic_range() -> None:
    x = np.geomspace(1e-5, 1e-1, 100)
    found = running_medians(x, np.log10(x), log=True)
    assert [one.trials for one in found] == [20] * len(found)
    for one in found:
        assert one.median == pytest.approx(np.log10(one.x), abs=0.15)
        assert one.low <= one.median <= one.high


def test_too_few_or_too_little_spread() -> None:
    few = np.arange(MIN_RUNNING - 1, dtype=float)
    assert running_medians(few, few, log=False) == ()
    assert running_medians(np.ones(50), np.arange(50.0), log=False) == ()


def test_what_has_no_logarithm_is_left_out() -> None:
    x = np.concatenate([[0.0], np.geomspace(1, 10, 30)])
    assert min(one.x for one in running_medians(x, x, log=True)) >= 1
