"""Dimensions as columns of a fit, and the thirds that are compared."""

import numpy as np
import pytest

from reports.analysis.design_matrix import _thirds, _values, block_of
from spaces.dimensions import Dimension


def steps(kind: str, low: float, high: float, step: float | None) -> Dimension:
    return Dimension("d", kind, low, high, step=step)


@pytest.mark.parametrize(
    ("dimension", "thirds"),
    [
        (steps("int", 8, 64, 8), [(8, 16, 24), (32, 40), (48, 56, 64)]),
        (steps("uniform", 0.0, 0.3, 0.1), [(0.0,), (0.1,), (0.2, 0.3)]),
        (steps("uniform", 0.5, 1.0, 0.5), [(0.5,), (1.0,)]),
        (steps("int", 1, 6, None), [(1, 2), (3, 4), (5, 6)]),
    ],
)
def test_a_third_of_steps_is_averaged_over_these(
    dimension: Dimension, thirds: list[tuple[float, ...]]
) -> None:
    found = [_values(dimension, grid) for _, _, _, grid in _thirds(dimension)]
    assert len(found) == len(thirds)
    for own, expected in zip(found, thirds, strict=True):
        assert own == pytest.approx(np.array(expected))


def test_a_range_with_steps_is_asked_about_by_its_thirds() -> None:
    dimension = steps("int", 8, 64, 8)
    points = [{"d": 8 * (1 + place % 8)} for place in range(40)]
    found = block_of(dimension, points, 2)
    assert [one.kind for one in found.regions] == ["lower", "middle", "upper"]
    assert [int(one.inside.sum()) for one in found.regions] == [15, 10, 15]
