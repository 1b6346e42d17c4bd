"""The Gaussian process over a space: coordinates, its posterior, and that it is repeatable."""

import numpy as np
import pytest

from search.core.surrogate import Surrogate, distances, encode, unordered
from spaces.dimensions import Dimension

RATE = Dimension("optimizer.generator_lr", "loguniform", 1e-4, 1e-2)
LOSS = Dimension("loss.adversarial", "choice", choices=("bce", "lsgan", "hinge"))
SMOOTHING = Dimension(
    "loss.label_smoothing", "uniform", 0.0, 0.4, when={"loss.adversarial": ("bce",)}
)
WEIGHT = Dimension("loss.l1_weight", "loguniform", 1, 100, special=(0,))
SPACE = [RATE, LOSS, SMOOTHING, WEIGHT]


def test_points_as_coordinates() -> None:
    points = [
        {RATE.name: 1e-3, LOSS.name: "bce", SMOOTHING.name: 0.1, WEIGHT.name: 10},
        {RATE.name: 1e-2, LOSS.name: "hinge", WEIGHT.name: 0},
    ]
    expected = [[0.5, 0.0, 0.25, 0.5, 0.0], [1.0, 2.0, 0.5, 0.5, 1.0]]
    assert encode(SPACE, points) == pytest.approx(np.array(expected))
    assert unordered(SPACE).tolist() == [False, True, False, False, True]
    apart = distances(*[encode(SPACE, points)] * 2, unordered(SPACE))
    assert apart[:, 0, 1].tolist() == pytest.approx([0.5, 1.0, 0.25, 0.0, 1.0])


def test_an_inactive_choice_is_apart_from_all_of_its_values() -> None:
    kind = Dimension("generator.norm", "choice", choices=("batch", "none"), when={LOSS.name: ()})
    points = [{LOSS.name: "bce"}, {LOSS.name: "bce", kind.name: "batch"}]
    assert encode([LOSS, kind], points)[:, 1].tolist() == [-1.0, 0.0]


def test_no_points_and_no_dimensions() -> None:
    assert encode(SPACE, []).shape == (0, 5)
    assert encode([], [{}, {}]).shape == (2, 0)


def _process(count: int, seed: int = 0, noise: float = 0.05) -> tuple[Surrogate, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.random((count, 2))
    values = np.sin(3 * x[:, 0]) + x[:, 1] ** 2 + noise * rng.standard_normal(count)
    return Surrogate(x, np.array([False, False]), np.random.default_rng(1)), values


def test_it_learns_a_smooth_function_and_says_where_it_is_unsure() -> None:
    process, values = _process(40)
    center, scale = values.mean(), values.std()
    posterior = process.draw((values - center) / scale)
    x = np.random.default_rng(9).random((200, 2))
    mean, covariance = posterior.at(x)
    truth = np.sin(3 * x[:, 0]) + x[:, 1] ** 2
    assert np.sqrt(np.mean((center + scale * mean - truth) ** 2)) < 0.1
    _, outside = posterior.at(np.array([[3.0, 3.0]]))
    assert outside[0, 0] > 10 * np.median(np.diag(covariance))


def test_draws_are_the_same_each_time_and_differ_from_each_other() -> None:
    first, second = ([process.draw(values).log for _ in range(3)] for process, values in (
        _process(15), _process(15)))  # fmt: skip
    assert np.array_equal(first, second)
    assert not np.array_equal(first[0], first[1])
