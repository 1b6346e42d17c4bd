"""Directions by ranks."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from reports.analysis.decision import decide
from reports.analysis.directions import Direction, direction
from reports.analysis.effects import Model, fit_search
from reports.answers.answer import Answer
from reports.answers.answers import answers
from reports.tables import Dimension

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
    chance = np.random.default_rng(3)
    places = chance.uniform(-1, 1, 60)
    points = [
        {LR: float(10 ** (-2.5 + 1.5 * at)), RATIO: float(math.exp(at + 0.3 * chance.normal()))}
        for at in places
    ]
    values = (places + 0.1 * chance.normal(size=60)).tolist()
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
        return {one.dimension: one for one in answers(tables, decide(tables))}[RATIO]

    def test_in_words(self, build) -> None:
        one = self.answered(build, "val_ab_mae", 1)
        assert (one.verdict, one.setting, one.needed) == ("effect", "lower", None)
        assert one.sentence == (
            "Lower is better in the order of the 18 trials (rank correlation 0.67 [0.26, 0.87], "
            "the other dimensions allowed for, p = .019); by how much is not shown (the middle "
            "third (0.29 to 1.7) minus the lower third (0.05 to 0.29): 0.198 [-0.031, 0.426] Lab "
            "units)."
        )
        assert one.p < 0.05 and one.low < 0 < one.high

    def test_of_a_metric_that_is_to_be_high(self, build) -> None:
        one = self.answered(build, "val_psnr", -1)
        assert (one.verdict, one.setting) == ("effect", "lower")
        assert one.sentence.startswith("Lower is better in the order of the 18 trials")
        assert "rank correlation -0.67 [-0.87, -0.26]" in one.sentence
