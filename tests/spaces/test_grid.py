"""Every point of a space that has finitely many."""

import pytest

from spaces.distributions import Dimension, in_order
from spaces.grid import MOST_LEVELS, count_points, grid_points, levels

LOSS = Dimension("loss.adversarial", "choice", choices=("bce", "lsgan", "hinge"))
SMOOTH = Dimension(
    "loss.label_smoothing",
    "choice",
    choices=(0.0, 0.1),
    when={"loss.adversarial": ("bce", "lsgan")},
)
WIDTH = Dimension("generator.width", "int", 4, 6)


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [
        (LOSS, ["bce", "lsgan", "hinge"]),
        (Dimension("a", "choice", choices=(None, True, 1.0)), [None, True, 1.0]),
        (Dimension("b", "bundle", choices=("x", "y"), labels={"x": {}, "y": {}}), ["x", "y"]),
        (WIDTH, [4, 5, 6]),
        (Dimension("c", "logint", 1, 3, special=(0,)), [0, 1, 2, 3]),
        (Dimension("d", "int", -1, 1), [-1, 0, 1]),
        (Dimension("e", "int", 0, 1), [0, 1]),
        (Dimension("f", "uniform", 0.0, 1.0), None),
        (Dimension("g", "loguniform", 1.0, 2.0, special=(0,)), None),
        (Dimension("h", "int", 1, MOST_LEVELS), list(range(1, MOST_LEVELS + 1))),
        (Dimension("i", "int", 1, MOST_LEVELS + 1), None),
    ],
)
def test_levels(dimension: Dimension, expected: list | None) -> None:
    assert levels(dimension) == expected


def test_no_dimension_is_one_point() -> None:
    assert list(grid_points([])) == [{}]


def test_the_last_dimension_changes_fastest() -> None:
    found = [tuple(point.values()) for point in grid_points([LOSS, WIDTH])]
    assert found[:4] == [("bce", 4), ("bce", 5), ("bce", 6), ("lsgan", 4)]
    assert len(set(found)) == 9


def test_what_is_inactive_is_left_out() -> None:
    dimensions = in_order([SMOOTH, LOSS], "mine")
    assert list(grid_points(dimensions)) == [
        {"loss.adversarial": "bce", "loss.label_smoothing": 0.0},
        {"loss.adversarial": "bce", "loss.label_smoothing": 0.1},
        {"loss.adversarial": "lsgan", "loss.label_smoothing": 0.0},
        {"loss.adversarial": "lsgan", "loss.label_smoothing": 0.1},
        {"loss.adversarial": "hinge"},
    ]


def test_conditions_hang_on_conditions() -> None:
    noise = Dimension("loss.label_noise", "int", 0, 1, when={"loss.label_smoothing": (0.1,)})
    points = list(grid_points(in_order([noise, SMOOTH, LOSS], "mine")))
    assert len(points) == 2 * (1 + 2) + 1
    assert [point for point in points if "loss.label_noise" in point] == [
        {"loss.adversarial": loss, "loss.label_smoothing": 0.1, "loss.label_noise": noise}
        for loss in ("bce", "lsgan")
        for noise in (0, 1)
    ]


@pytest.mark.parametrize(("limit", "expected"), [(5, 5), (6, 5), (4, None), (0, None)])
def test_points_are_counted_up_to_a_limit(limit: int, expected: int | None) -> None:
    assert count_points([LOSS, SMOOTH], limit) == expected


def test_a_range_cannot_be_counted() -> None:
    assert count_points([LOSS, Dimension("a", "uniform", 0.0, 1.0)], 10**6) is None


def test_counting_stops_at_the_limit() -> None:
    many = [Dimension(f"d{number}", "int", 1, 30) for number in range(12)]  # 30 ** 12 points
    assert count_points(many, 1000) is None
