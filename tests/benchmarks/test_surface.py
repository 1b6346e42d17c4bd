"""The surface is what it says: rank correlations, diverging share, pairing, a known optimum."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import spearmanr
from surface import (
    BEST_MAE,
    DROPOUT,
    L1,
    LOSSES,
    LR,
    METRICS,
    RANKS,
    RATIO,
    SMOOTHING,
    TICKS,
    Surface,
    random_points,
)


@pytest.fixture(scope="module")
def points() -> list[dict[str, Any]]:
    return random_points(2000, seed=3)


@pytest.mark.parametrize("metric", range(len(METRICS)), ids=METRICS)
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_early_ranks_agree_with_the_end_as_stated(
    points: list[dict[str, Any]], share: float, metric: int
) -> None:
    surface = Surface()
    early, final = surface.at(points, share)[:, metric], surface.final(points)[:, metric]
    assert spearmanr(early, final).statistic == pytest.approx(RANKS[share], abs=0.05)


def test_at_the_end_stands_the_end(points: list[dict[str, Any]]) -> None:
    surface = Surface()
    assert surface.at(points, 1.0) == pytest.approx(surface.final(points))


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_as_many_diverge_as_stated(points: list[dict[str, Any]], share: float) -> None:
    surface = Surface(share)
    diverges = surface.diverges(points)
    assert diverges.mean() == pytest.approx(share, abs=0.03)
    ended = [np.isfinite(surface.curve(point, 1)[-1]).all() for point in points[:300]]
    assert np.array_equal(ended, ~diverges[:300])


def test_what_diverged_stays_so_and_did_not_begin_so(points: list[dict[str, Any]]) -> None:
    surface = Surface(0.2)
    curves = [surface.curve(p, 1) for p in points if surface.diverges([p])[0]]
    bad = ~np.isfinite(np.array(curves)).all(axis=2)
    assert (bad[:, 1:] >= bad[:, :-1]).all()
    assert not bad[:, 0].any()
    assert np.ptp(bad.argmax(axis=1)) > TICKS / 4


def test_diverging_points_lie_where_both_rates_are_high(points: list[dict[str, Any]]) -> None:
    diverges = Surface(0.2).diverges(points)
    rates = np.log([[point[LR], point[RATIO]] for point in points])
    for column in rates.T:
        assert column[diverges].min() > np.quantile(column, 0.3)
    assert not Surface(0.2).diverges([Surface.optimum])[0]


def test_nothing_is_better_than_the_optimum() -> None:
    surface = Surface()
    assert surface.regret(Surface.optimum) == pytest.approx(0, abs=1e-9)

    def mae(at: np.ndarray, loss: str) -> float:
        a, b, c, smoothing, dropout = np.clip(at, 0, 1)
        point = {LR: 1e-5 * 1000**a, RATIO: 0.05 * 200**b, L1: 300**c, "loss.adversarial": loss}
        point |= {SMOOTHING: 0.3 * smoothing, DROPOUT: 0.5 * dropout}
        return float(surface.final([point])[0, 0])

    found = [minimize(mae, np.full(5, 0.5), args=(loss,), method="Nelder-Mead") for loss in LOSSES]
    assert min(one.fun for one in found) == pytest.approx(BEST_MAE, abs=1e-3)
    assert min(surface.final(random_points(5000, 4))[:, 0]) > BEST_MAE


def test_objectives_are_in_conflict(points: list[dict[str, Any]]) -> None:
    final = Surface().final(points)
    good = final[:, 0] < np.quantile(final[:, 0], 0.1)
    assert final[good, 1].min() > final[:, 1].min() + final[:, 1].std() / 4
    assert spearmanr(final[good]).statistic < 0


@pytest.mark.parametrize("pairing", [0.0, 0.8, 0.9, 0.99])
def test_a_shared_seed_pairs(points: list[dict[str, Any]], pairing: float) -> None:
    surface = Surface(noise=0.5, pairing=pairing)
    first, second = (
        np.array([surface.curve(point, seed)[-1] for seed in range(600)]) for point in points[:2]
    )
    first, second = first - surface.final(points[:1]), second - surface.final(points[1:2])
    assert first.std(0) == pytest.approx(0.5, rel=0.12)
    assert first.mean(0) == pytest.approx(0, abs=0.1)
    for metric in range(len(METRICS)):
        found = np.corrcoef(first[:, metric], second[:, metric])[0, 1]
        assert found == pytest.approx(pairing, abs=0.12 * (1 - pairing) + 0.03)


def test_a_training_is_the_same_each_time() -> None:
    point = random_points(1, 1)[0]
    assert np.array_equal(Surface().curve(point, 5), Surface().curve(point, 5))
    assert not np.array_equal(Surface().curve(point, 5), Surface().curve(point, 6))


def test_the_spread_can_be_set(points: list[dict[str, Any]]) -> None:
    surface = Surface(spread=0.5)
    assert surface.final(points)[:, 0].std() == pytest.approx(0.5, rel=0.06)
    assert surface.regret(Surface.optimum) == pytest.approx(0, abs=1e-9)
