"""Each landscape is what it says: optimum, null dimensions, diverging share, early ranks, noise."""

from typing import Any

import numpy as np
import pytest
from experiments import study_of
from landscape import Landscape
from landscapes import SURFACES, Curves, GrowingNoise, Mixed, Valley, surface_named
from scipy.optimize import differential_evolution
from scipy.stats import spearmanr
from simulation import Simulation, fast_folder, new_recorder
from surface import IMAGES, TICKS, Surface

from search.records.reader import read_sweep
from spaces.dimensions import Point

KINDS = [name for name in SURFACES if not name.startswith("colorization")]
LANDSCAPES = {name: landscape for name in KINDS
              if isinstance(landscape := surface_named(name), Landscape)}  # fmt: skip


@pytest.fixture(params=KINDS)
def landscape(request: pytest.FixtureRequest) -> Landscape:
    return LANDSCAPES[request.param]


def at_quantiles(landscape: Landscape, quantiles: np.ndarray) -> Point:
    """A point by one number in [0, 1] a dimension; values beside ranges are the lowest tenth."""
    point: Point = {}
    for axis, share in zip(landscape.dimensions, quantiles.tolist(), strict=True):
        if not axis.is_active(point):
            continue
        if axis.is_categorical:
            point[axis.name] = axis.choices[min(int(share * len(axis.choices)), 2)]
        elif axis.special and share < 0.1:
            point[axis.name] = axis.special[0]
        else:
            share = (share - 0.1) / 0.9 if axis.special else share
            point[axis.name] = axis.quantile(share)
    return point


def test_all_surfaces_can_be_named_and_have_one_seam() -> None:
    for name in SURFACES:
        surface = surface_named(name)
        assert surface is surface_named(name)
        assert isinstance(surface, Surface | Landscape)
        assert surface.regret(surface.optimum) == pytest.approx(0, abs=1e-9)
        assert surface.final([surface.optimum])[0, 0] == pytest.approx(surface.best)
        assert surface.curve(surface.optimum, 1).shape == (TICKS, 2)
        assert np.isfinite(surface.curve(surface.optimum, 1)).all()
        assert set(surface.null) <= set(surface.space)
        effective = set(surface.space) - set(surface.null)
        assert effective.issuperset(surface.risky)
        assert all(pair <= effective for pair in surface.interactions)


@pytest.mark.parametrize("name", SURFACES)
def test_a_sweep_over_it_ends(name: str) -> None:
    surface = surface_named(name)
    study = study_of(3, space=surface.space, sampler="random", budget={"trials": 5})
    with fast_folder() as folder:
        done = Simulation(new_recorder(folder / "sweep", study), surface).run()
        states = read_sweep(folder / "sweep").trials["state"]
    assert len(states) == 5 and done.images >= IMAGES
    assert set(states) <= {"completed", "pruned", "diverged"}


def test_nothing_is_better_than_the_optimum(landscape: Landscape) -> None:
    def regrets(quantiles: np.ndarray) -> np.ndarray:
        points = [at_quantiles(landscape, column) for column in quantiles.T]
        return landscape.final(points)[:, 0] - landscape.best

    bounds = [(0.0, 1.0)] * len(landscape.dimensions)
    least = min(  # of two, as the second best well of Hartmann's function may catch one
        differential_evolution(
            regrets, bounds, seed=seed, maxiter=60, polish=False, vectorized=True,
            updating="deferred",
        ).fun
        for seed in (1, 3)
    )  # fmt: skip
    assert 0 <= least < 0.02
    assert min(landscape.final(landscape.random_points(5000, 4))[:, 0]) > landscape.best


def test_null_dimensions_do_nothing_and_all_others_something(landscape: Landscape) -> None:
    points, others = (landscape.random_points(300, seed) for seed in (5, 6))
    for axis in landscape.dimensions:
        if axis.name in landscape.null:
            assert not axis.when
        pairs = [(p, {**p, axis.name: q[axis.name]}) for p, q in zip(points, others, strict=True)
                 if axis.name in p and axis.name in q]  # fmt: skip
        before, after = ([pair[side] for pair in pairs] for side in (0, 1))
        moved = landscape.final(after)[:, 0] - landscape.final(before)[:, 0]
        early = landscape.at(after, 0.25) - landscape.at(before, 0.25)
        if axis.name in landscape.null:
            assert not moved.any() and not early.any()
            assert np.array_equal(landscape.diverges(before), landscape.diverges(after))
        else:
            assert moved.std() > 0.05
        if axis.name in landscape.risky:
            assert (landscape.diverges(before) != landscape.diverges(after)).any()
        else:
            assert np.array_equal(landscape.diverges(before), landscape.diverges(after))


def interaction(landscape: Landscape, first: str, second: str) -> float:
    """By how much at most the effect of the first depends on the second, at random points."""
    chance = np.random.default_rng(8)
    most = 0.0
    for point in landscape.random_points(200, 7):
        other = landscape.random_points(1, int(chance.integers(1 << 30)))[0]
        if not all(name in one for name in (first, second) for one in (point, other)):
            continue
        changed = [point, {**point, first: other[first]}, {**point, second: other[second]}]
        changed.append({**changed[1], second: other[second]})
        final = landscape.final(changed)[:, 0]
        most = max(most, abs(final[3] - final[2] - final[1] + final[0]))
    return most


def test_pairs_interact_as_stated(landscape: Landscape) -> None:
    names = [axis.name for axis in landscape.dimensions]
    for at, first in enumerate(names):
        for second in names[:at]:
            found = interaction(landscape, first, second)
            if {first, second} in landscape.interactions:
                assert found > 0.1, (first, second)
            else:
                assert found < 1e-9, (first, second)


def test_true_values_spread_by_one(landscape: Landscape) -> None:
    values = landscape.final(landscape.random_points(4000, 5))[:, 0]
    assert values.std() == pytest.approx(1, rel=0.06)


def test_as_many_diverge_as_stated(landscape: Landscape) -> None:
    points = landscape.random_points(3000, 3)
    diverges = landscape.diverges(points)
    assert diverges.mean() == pytest.approx(landscape.diverging, abs=0.03)
    assert (diverges.sum() > 0) == bool(landscape.risky)
    curves = np.array([landscape.curve(point, 1) for point in points[:300]])
    bad = ~np.isfinite(curves).all(axis=2)
    assert np.array_equal(bad[:, -1], diverges[:300])
    assert (bad[:, 1:] >= bad[:, :-1]).all() and not bad[:, 0].any()
    assert not landscape.diverges([landscape.optimum])[0]


def test_the_shares_that_diverge() -> None:
    assert {name: one.diverging for name, one in LANDSCAPES.items() if one.diverging} == {
        "mixed": 0.25,
        "curves": 0.3,
    }


def test_early_ranks_agree_with_the_end_as_stated(landscape: Landscape) -> None:
    points = landscape.random_points(3000, 3)
    final = landscape.final(points)[:, 0]
    found = [
        spearmanr(landscape.at(points, share)[:, 0], final).statistic for share in (0.1, 0.25, 0.5)
    ]
    print(type(landscape).__name__, np.round(found, 3))
    assert found == pytest.approx(landscape.ranks, abs=0.03)


def noise_at(landscape: Landscape, points: list[Point], seeds: int) -> np.ndarray:
    """What each seed adds to the first error at the end, (N, seeds)."""
    ends = [[landscape.curve(point, seed, 2)[-1, 0] for seed in range(seeds)] for point in points]
    return np.array(ends) - landscape.final(points)[:, :1]


def finished(landscape: Landscape, count: int) -> list[Point]:
    points = landscape.random_points(4 * count, 3)
    return [
        p for p, bad in zip(points, landscape.diverges(points), strict=True) if not bad
    ][:count]  # fmt: skip


def test_a_shared_seed_pairs(landscape: Landscape) -> None:
    noise = noise_at(landscape, finished(landscape, 8), 400)
    correlations = spearmanr(noise.T).statistic[np.triu_indices(8, 1)]
    assert np.mean(correlations) == pytest.approx(0.9, abs=0.03)
    assert noise.mean() == pytest.approx(0, abs=0.06)


def test_noise_is_as_large_as_stated(landscape: Landscape) -> None:
    points = landscape.random_points(4000, 9)
    loudness = landscape._loudness(landscape.coordinates(points))
    assert np.mean(loudness**2) == pytest.approx(1, abs=0.05)
    shaped = landscape._shaped(np.random.default_rng(1).standard_normal(400_000))
    assert shaped.std() == pytest.approx(1, abs=0.1)
    assert shaped.mean() == pytest.approx(0, abs=0.01)
    times = {GrowingNoise: 6, Curves: 3}.get(type(landscape), 1)
    assert loudness.max() / loudness.min() == pytest.approx(times, rel=0.02)


def test_the_shape_of_noise() -> None:
    chance = np.random.default_rng(2).standard_normal(400_000)
    skewed = GrowingNoise()._shaped(chance)
    assert (skewed**3).mean() == pytest.approx(2.3, abs=0.4)
    heavy = Valley()._shaped(chance)
    assert np.quantile(heavy, 0.999) == pytest.approx(10.215 / 3**0.5, rel=0.05)


def test_curves_cross() -> None:
    curves = LANDSCAPES["curves"]
    points = finished(curves, 60)
    paths = np.array([[curves.at([p], share)[0, 0] for share in (0.2, 1.0)] for p in points])
    before, after = (np.sign(np.subtract.outer(path, path)) for path in paths.T)
    assert (before * after < 0).sum() / before.size > 0.1


def test_a_training_is_the_same_each_time(landscape: Landscape) -> None:
    point = finished(landscape, 1)[0]
    again = type(landscape)()
    assert np.array_equal(landscape.curve(point, 5), again.curve(point, 5))
    assert not np.array_equal(landscape.curve(point, 5), landscape.curve(point, 6))
    assert not np.array_equal(landscape.test_values(point, 5), landscape.curve(point, 5)[-1])


def test_conditions_and_special_values_are_drawn_and_have_errors() -> None:
    mixed = LANDSCAPES["mixed"]
    assert isinstance(mixed, Mixed)
    points: list[dict[str, Any]] = mixed.random_points(400, 2)
    special = [p["loss.l1_weight"] == 0 for p in points]
    smoothed = ["loss.label_smoothing" in p for p in points]
    assert 0.4 < np.mean(special) < 0.6 and 0.55 < np.mean(smoothed) < 0.78
    assert np.isfinite(mixed.final(points)).all()


def test_no_points_have_no_errors(landscape: Landscape) -> None:
    assert landscape.final([]).shape == (0, 2)
    assert landscape.diverges([]).shape == (0,)
