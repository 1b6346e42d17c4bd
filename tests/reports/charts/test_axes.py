"""Places on axes, for settings of every kind."""

import math

import pytest

from reports.charts._axes import ABSENT, linear_ticks, metric_scale, scale_of
from reports.tables import Column
from spaces.dimensions import Dimension

MAE = Column("val_ab_mae", "ab MAE", "", "minimize")
PSNR = Column("val_psnr", "PSNR", "", "maximize")


def dimension(kind: str, low: float | None = None, high: float | None = None, **more) -> Dimension:
    return Dimension("d", kind, low, high, **more)


def test_without_settings() -> None:
    scale = scale_of(dimension("loguniform", 1e-3, 1), [])
    assert scale.places == () and scale.view[0] < -3 and scale.view[1] > 0
    assert scale_of(dimension("choice"), []).view == (-0.3, 0.3)


def test_ratios_are_distances() -> None:
    scale = scale_of(dimension("loguniform", 1e-3, 1), [1e-3, 1e-2, 1.0])
    assert scale.places == pytest.approx((-3, -2, 0))
    assert (scale.ticks[0], scale.log) == ((pytest.approx(-3), "0.001"), True)


def test_a_constant_range_has_a_width() -> None:
    scale = scale_of(dimension("uniform", 0.5, 0.5), [0.5, 0.5])
    assert scale.places == (0.5, 0.5) and scale.ticks == ((0.5, "0.5"),)
    assert scale.view[0] < 0.5 < scale.view[1]


def test_what_lies_outside_the_range_widens_it() -> None:
    scale = scale_of(dimension("uniform", 0, 1), [3.0])
    assert scale.view[1] > 3


def test_special_and_absent_are_apart_and_apart_from_each_other() -> None:
    scale = scale_of(dimension("loguniform", 1, 100, special=(0,)), [0, ABSENT, 1.0])
    special, absent, lowest = scale.places
    assert absent < special < lowest == 0
    assert scale.ticks[0] == (absent, "not active") and scale.ticks[1] == (special, "0")


def test_null_beside_a_range_is_apart_too() -> None:
    scale = scale_of(dimension("loguniform", 1, 100, special=(None,)), [None, ABSENT, 1.0])
    special, absent, lowest = scale.places
    assert absent < special < lowest == 0
    assert scale.ticks[1] == (special, "none")
    assert scale.view[0] < absent


def test_categories_keep_the_order_of_the_study() -> None:
    scale = scale_of(dimension("choice", choices=("b", None, [1, 2])), [[1, 2], "b", "new", ABSENT])
    assert scale.places == (2, 0, 3, -1)
    assert [text for _, text in scale.ticks] == ["not active", "b", "none", "[1, 2]", "new"]


def test_whole_numbers_have_whole_ticks() -> None:
    ticks = scale_of(dimension("int", 1, 3), [1, 2]).ticks
    assert [text for _, text in ticks] == ["1", "2", "3"]


@pytest.mark.parametrize("column", [MAE, PSNR])
def test_what_has_no_value_stands_beyond_the_bad_end(column: Column) -> None:
    scale = metric_scale(column, [5.0, math.nan, 99.0, math.inf], (4.0, 8.0))
    assert scale.places[:3:2] == (5.0, 8.0)
    assert scale.places[1] == scale.places[3]
    assert (scale.places[1] - 6) * column.sign > 2
    assert scale.view[0] <= min(scale.places) and max(scale.places) <= scale.view[1]
    assert "no value" in [text for _, text in scale.ticks]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        (8, 64, (20.0, 40.0, 60.0)),
        (-0.5, 0.5, (-0.4, -0.2, 0.0, 0.2, 0.4)),
        (9.31, 9.32, (9.31, 9.312, 9.314, 9.316, 9.318, 9.32)),
    ],
)
def test_linear_ticks(low: float, high: float, ticks: tuple[float, ...]) -> None:
    assert linear_ticks(low, high) == ticks
