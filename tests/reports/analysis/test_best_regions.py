"""Where the best setting probably lies."""

from typing import Any

import numpy as np
import pytest

from reports.analysis.best_regions import BestRegion, _around, best_regions, likely_region
from reports.analysis.design_matrix import regions_of
from spaces.dimensions import Dimension

RATE = Dimension("optimizer.generator_lr", "uniform", 0.0, 3.0)
LOSS = Dimension("loss.adversarial", "choice", choices=("bce", "lsgan", "hinge"))
SMOOTHING = Dimension(
    "loss.label_smoothing", "uniform", 0.0, 0.3, when={"loss.adversarial": ("bce",)}
)
WEIGHT = Dimension("loss.l1_weight", "uniform", 0.0, 9.0, special=(-1,))
SPACE = [RATE, LOSS, SMOOTHING, WEIGHT]
LEAST = 0.25


def _points(count: int, seed: int = 0) -> list[dict[str, Any]]:
    rng, points = np.random.default_rng(seed), []
    for _ in range(count):
        point = {RATE.name: float(rng.uniform(0, 3)), LOSS.name: LOSS.choices[rng.integers(3)]}
        if point[LOSS.name] == "bce":
            point[SMOOTHING.name] = float(rng.uniform(0, 0.3))
        point[WEIGHT.name] = -1 if rng.random() < 0.3 else float(rng.uniform(0, 9))
        points.append(point)
    return points


def _value(point: dict[str, Any]) -> float:
    """Best where the rate is low, with hinge; nothing else matters."""
    return 5 + 2 * point[RATE.name] + (point[LOSS.name] != "hinge")


def _regions(count: int = 40, sign: int = 1, failed: Any = ()) -> dict[str, Any]:
    points = _points(count)
    noise = 0.1 * np.random.default_rng(1).standard_normal(count)
    values = sign * (np.array([_value(point) for point in points]) + noise)
    return best_regions(SPACE, points, values[None], failed, sign)


@pytest.mark.parametrize("sign", [1, -1])
def test_what_matters_is_named_and_what_does_nothing_is_not(sign: int) -> None:
    regions = _regions(sign=sign)
    rate, loss = (likely_region(regions[axis.name], LEAST) for axis in (RATE, LOSS))
    assert rate is not None and rate.region.kind == "lower" and rate.chance > 0.9
    assert loss is not None and loss.region.value == "hinge" and loss.chance > 0.9
    assert likely_region(regions[WEIGHT.name], LEAST) is None
    middle = regions[RATE.name][1]
    assert middle.loss == pytest.approx(2.0, abs=0.4)
    assert regions[RATE.name][2].loss > middle.loss + 1


def test_less_is_known_where_the_metric_bends_within_its_ranges() -> None:
    """Both are lowest in the lower third, by far; between two trials may be more of the bent one's
    valleys."""
    rates = np.linspace(0, 3, 40)
    points = [{RATE.name: float(rate)} for rate in rates]
    straight, bent = rates, rates + np.sin(12 * rates)
    chances = [best_regions([RATE], points, values[None], (), 1)[RATE.name][0].chance
               for values in (straight, bent)]  # fmt: skip
    assert chances[0] > 0.9 and 0.5 < chances[1] < 0.7


def test_every_region_is_there_and_chances_add_up() -> None:
    regions = _regions()
    assert [region.region.kind for region in regions[WEIGHT.name]] == [
        "lower", "middle", "upper", "value"]  # fmt: skip
    assert [region.region.value for region in regions[LOSS.name]] == list(LOSS.choices)
    for name in (RATE.name, LOSS.name, WEIGHT.name):
        assert sum(region.chance for region in regions[name]) == pytest.approx(1.0)
        assert min(region.loss for region in regions[name]) >= 0


def test_a_dimension_that_the_best_does_not_have_has_no_regions() -> None:
    assert _regions()[SMOOTHING.name] == ()


def test_noise_is_seldom_called_likely() -> None:
    named = []
    for seed in range(6):
        values = np.random.default_rng(seed).standard_normal(16)
        regions = best_regions(SPACE, _points(16, seed), values[None], (), 1)
        least = 0.25 * values.std()
        named += [
            likely_region(of_dimension, least) is not None for of_dimension in regions.values()
        ]
    assert np.mean(named) < 0.15


def test_equal_values_name_nothing() -> None:
    regions = best_regions(SPACE, _points(12), np.ones((1, 12)), (), 1)
    assert all(likely_region(of_dimension, LEAST) is None for of_dimension in regions.values())


def test_where_trainings_are_lost_the_best_is_not() -> None:
    points = [point for point in _points(60) if point[RATE.name] > 1]
    lost = [point for point in _points(60) if point[RATE.name] <= 1]
    values = np.array([_value(point) for point in points])
    chances = [best_regions(SPACE, points, values[None], failed, 1)[RATE.name][0].chance
               for failed in ((), lost)]  # fmt: skip
    assert chances[0] > 0.9 and chances[1] < 0.2


def test_the_same_each_time() -> None:
    assert [r[1:] for r in _regions()[RATE.name]] == [r[1:] for r in _regions()[RATE.name]]


def test_nothing_is_likely_where_staying_elsewhere_costs_little() -> None:
    regions = regions_of(LOSS, [{LOSS.name: choice} for choice in LOSS.choices])
    chances = [BestRegion(region, chance, loss, loss) for region, chance, loss in
               zip(regions, (0.9, 0.05, 0.05), (0.0, 0.2, 0.6), strict=True)]  # fmt: skip
    assert likely_region(chances, 0.19) is chances[0]
    assert likely_region(chances, 0.21) is None, "the next best value may be as good"
    thirds = [one._replace(region=region) for one, region in
              zip(chances, regions_of(RATE, [{RATE.name: 1.0}]), strict=True)]  # fmt: skip
    assert likely_region(thirds, 0.39) is thirds[0], "of a range their mean counts"
    assert likely_region(thirds, 0.41) is None
    assert likely_region(chances[:1], 0.1) is None and likely_region((), 0.1) is None


def test_what_a_moved_setting_activates_is_drawn() -> None:
    """The best points have none; one place for all would be the best where none matters."""
    best = [{RATE.name: 0.1 * at, LOSS.name: "hinge", WEIGHT.name: -1} for at in range(4)]
    moved = _around(SPACE, best, np.random.default_rng(0))
    drawn = [point[SMOOTHING.name] for point in moved if SMOOTHING.name in point]
    assert len(set(drawn)) == len(drawn) == 4
    assert all(0 <= value <= 0.3 for value in drawn)
