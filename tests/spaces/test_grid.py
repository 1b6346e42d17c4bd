"""Every point of a space that has finitely many, their number, and points that are untried."""

import random
from collections.abc import Callable, Container

import pytest

from spaces.dimensions import Dimension, Point, in_order, point_id
from spaces.grid import MOST_LEVELS, count_points, find_untried, grid_points, levels

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


def test_ranges_of_whole_numbers_are_counted_however_long() -> None:
    long = Dimension("generator.width", "int", 1, 10**30, special=(0,))
    assert count_points([long], 10**31) == 10**30 + 1
    assert count_points([long], 10**29) is None
    assert count_points([Dimension("a", "int", 8, 64)], 100) == 57
    many = [Dimension(f"d{number}", "int", 1, 100) for number in range(1500)]
    assert count_points(many, 10**4000) == 100**1500


def test_an_endless_branch_makes_a_space_endless() -> None:
    smooth = Dimension(
        "loss.label_smoothing", "uniform", 0.0, 1.0, when={"loss.adversarial": ("bce",)}
    )
    assert count_points([LOSS, smooth], 10**6) is None
    only_others = Dimension("loss.adversarial", "choice", choices=("lsgan", "hinge"))
    assert count_points([only_others, smooth], 10**6) == 2


SPACES = {
    "choices": [LOSS, SMOOTH, WIDTH],
    "whole": [Dimension("a", "int", -3, 70, special=(None,)), WIDTH],
    "log": [Dimension("a", "logint", 1, 50)],
    "bundle": [Dimension("b", "bundle", choices=("x", "y"), labels={"x": {}, "y": {}}), LOSS],
    "lone": [Dimension("c", "choice", choices=(1,))],
}


def beyond(known: Container[str]) -> Callable[[Point], bool]:
    return lambda point: point_id(point) not in known


@pytest.mark.parametrize("name", sorted(SPACES))
def test_untried_points_are_found_until_there_is_none(name: str) -> None:
    dimensions, known = SPACES[name], set()
    count = count_points(dimensions, 10_000)
    while (
        found := find_untried(dimensions, beyond(known), {}, random.Random(len(known)))
    ) is not None:
        for dimension in dimensions:
            assert (dimension.name in found) is dimension.is_active(found)
            assert dimension.name not in found or dimension.contains(found[dimension.name])
        assert point_id(found) not in known
        known.add(point_id(found))
    assert len(known) == count


def test_untried_points_differ_by_chance_and_repeat_with_it() -> None:
    dimensions = [Dimension("a", "uniform", 0.0, 1.0), Dimension("b", "int", 1, 10**20)]
    found = [find_untried(dimensions, beyond(()), {}, random.Random(seed)) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


def test_an_untried_point_has_the_part_that_is_given() -> None:
    found = find_untried([LOSS, SMOOTH], beyond(()), {LOSS.name: "lsgan"}, random.Random(0))
    assert found is not None and found[LOSS.name] == "lsgan"
    known = {point_id({LOSS.name: "hinge"})}
    part = {LOSS.name: "hinge"}
    assert find_untried([LOSS, SMOOTH], beyond(known), part, random.Random(0)) is None


def test_an_endless_branch_is_found_behind_finite_ones() -> None:
    l1 = Dimension("loss.l1_weight", "loguniform", 1.0, 300.0, special=(0,))
    known = {point_id({l1.name: 0})}
    for seed in range(20):
        found = find_untried([l1], beyond(known), {}, random.Random(seed))
        assert found is not None and 1.0 <= found[l1.name] <= 300.0
