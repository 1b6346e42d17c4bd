"""Answers are held against the right truth: regions, conditional dimensions, lost trainings."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from answering import (
    NULL,
    Answered,
    Asked,
    Bet,
    Truth,
    _is_lost_there,
    asked_surface,
    searched_sweep,
)
from answers import markdown, share
from experiments import study_of
from landscape import Landscape
from landscapes import surface_named
from surface import L1, LOSS, LR, RATIO, SMOOTHING, Surface

from reports.analysis.design_matrix import Contrast, Region, block_of
from reports.analysis.lost_trials import LostTrials
from spaces.dimensions import Dimension, Point


def dimensions_of(surface: Surface | Landscape) -> list[Dimension]:
    return study_of(0, space=surface.space).dimensions


def contrasts_of(
    surface: Surface | Landscape, points: list[Point], name: str
) -> dict[str, Contrast]:
    axis = {axis.name: axis for axis in dimensions_of(surface)}[name]
    return {contrast.kind: contrast for contrast in block_of(axis, points, 2).contrasts}


def truth_of(surface: Surface | Landscape, points: list[Point]) -> Truth:
    return Truth(surface, dimensions_of(surface), points)


def test_thirds_of_a_parabola_differ_by_its_integral() -> None:
    additive = surface_named("additive")
    assert isinstance(additive, Landscape)
    points = additive.random_points(60, 1)
    truth = truth_of(additive, points)
    contrasts = contrasts_of(additive, points, LR)
    # the mean of 6 * (u - 0.65)^2 over a third of [0, 1]
    lower, middle, upper = (
        6 * np.diff((np.array([at, at + 1]) / 3 - 0.65) ** 3)[0] for at in range(3)
    )
    scale = additive._scale
    assert truth.difference(LR, contrasts["trend"]) == pytest.approx((upper - lower) / scale)
    bend = ((upper + lower) / 2 - middle) / scale
    assert truth.difference(LR, contrasts["bend"]) == pytest.approx(bend)


def test_where_dimensions_interact_the_others_are_as_they_were_tried() -> None:
    branin = surface_named("branin-edge")
    chance = np.random.default_rng(0)
    points = branin.random_points(40, 1)
    low, high = ([p for p in points if (p[RATIO] < 0.7) == low] for low in (True, False))
    contrast = contrasts_of(branin, points, LR)["trend"]
    found = [truth_of(branin, some).difference(LR, contrast) for some in (low, high)]
    assert abs(found[0] - found[1]) > 0.5
    upper, lower = (
        [{**p, LR: 1e-5 * 1000 ** ((at + chance.random()) / 3)} for p in low for _ in range(3000)]
        for at in (2, 0)
    )
    drawn = branin.final(upper)[:, 0].mean() - branin.final(lower)[:, 0].mean()
    assert found[0] == pytest.approx(drawn, abs=0.05)


def test_null_dimensions_have_no_effect() -> None:
    for name in ("additive", "branin-edge", "mixed", "curves", "valley"):
        surface = surface_named(name)
        points = surface.random_points(40, 2)
        for null in surface.null:
            for contrast in contrasts_of(surface, points, null).values():
                assert truth_of(surface, points).difference(null, contrast) == 0


def test_a_value_that_brings_a_dimension_is_judged_with_what_was_tried_of_that() -> None:
    mixed = surface_named("mixed")
    points = [{**p, LR: 1e-3} for p in mixed.random_points(60, 2)]
    regions = [Region("value", math.nan, math.nan, loss, np.ones(60, bool)) for loss in
               ("hinge", "bce")]  # fmt: skip
    contrast = Contrast("level", (regions[0],), (regions[1],), np.ones(1), np.ones(1))
    rest = {key: value for key, value in points[0].items() if key not in (LOSS, SMOOTHING)}
    tried = [p[SMOOTHING] for p in points if SMOOTHING in p]
    hinge = mixed.final([{**rest, LOSS: "hinge"}])[0, 0]
    bce = mixed.final([{**rest, LOSS: "bce", SMOOTHING: at} for at in tried])[:, 0].mean()
    assert truth_of(mixed, points).difference(LOSS, contrast) == pytest.approx(hinge - bce)


def test_a_value_beside_a_range_is_held_against_what_was_tried_of_it() -> None:
    mixed = surface_named("mixed")
    points: list[dict[str, Any]] = mixed.random_points(60, 2)
    contrast = contrasts_of(mixed, points, L1)["special"]
    tried = [p[L1] for p in points if p[L1]]
    low, high = min(tried), max(tried)
    assert contrast.second[0].low <= low and high <= contrast.second[0].high
    true = mixed.final([{**points[0], L1: 0}])[0, 0]
    true -= mixed.final([{**points[0], L1: at} for at in tried])[:, 0].mean()
    assert truth_of(mixed, points).difference(L1, contrast) == pytest.approx(true)


def lost(dimension: str, region: Region, inside: int, outside: int) -> LostTrials:
    return LostTrials(dimension, region, inside, 20, outside, 20, 0.001)


def test_where_trainings_are_truly_lost() -> None:
    mixed = surface_named("mixed")
    none = np.zeros(0, bool)
    upper = Region("upper", 1e-3, 1e-2, None, none)
    hinge, lsgan = (Region("value", math.nan, math.nan, loss, none) for loss in ("hinge", "lsgan"))
    assert _is_lost_there(mixed, lost(LR, upper, 12, 2))
    assert not _is_lost_there(mixed, lost(LR, upper, 2, 12))
    assert _is_lost_there(mixed, lost(LOSS, hinge, 12, 2))
    assert not _is_lost_there(mixed, lost(LOSS, lsgan, 12, 2))
    assert not _is_lost_there(mixed, lost(L1, upper, 12, 2))
    assert not _is_lost_there(surface_named("additive"), lost(LR, upper, 12, 2))


@pytest.mark.parametrize("stopping", ["none", "asha", "asha:0.1:3"])
def test_a_sweep_is_answered_and_judged(stopping: str) -> None:
    asked = Asked("curves", "random", 24, stopping, seed=1001)
    done = searched_sweep(asked)
    assert done == searched_sweep(asked)
    assert 8 <= done.trials <= 24 if stopping == "none" else 3 <= done.trials < 24
    assert done.covered <= done.intervals <= len(surface_named("curves").space)
    assert done.real_intervals <= done.all_intervals and done.real_covered <= done.all_covered
    assert set(done.known) <= set(done.named) and "loss.label_flips" not in done.known


def test_too_few_trials_have_no_intervals() -> None:
    done = searched_sweep(Asked("mixed", "random", 4, seed=1000))
    assert (done.intervals, done.all_intervals, done.claims, done.false) == (0, 0, 0, ())


def test_the_surface_of_colorization_has_dimensions_without_effect() -> None:
    surface = asked_surface("colorization", 0.2)
    assert surface.null == tuple(NULL) and set(NULL) < set(surface.space)
    assert surface is asked_surface("colorization", 0.2)
    assert surface.diverges(surface.random_points(500, 1)).any()


def test_sweeps_as_a_row() -> None:
    none = Answered((), 0, 0, 0, 0, 0, 0, 0, (), (), (), 9)
    some = replace(none, false=("effect a 0",), claims=2, covered=3, intervals=4, all_covered=9,
                   all_intervals=10, real_covered=1, real_intervals=2, named=("a", "b"),
                   known=("b",), bets=(Bet(0.7, True, True, True), Bet(0.65, False, False, True),
                                       Bet(0.4, True, True, False)))  # fmt: skip
    assert math.isnan(share([none], "covered", "intervals"))
    row = markdown({"searches": [none, some]}).splitlines()[-1]
    assert row == (
        "| searches | 2 | 1 | 1 | 9.0 | 2 | 0.750 | 0.900 | 0.500 | 1.00, 0.50 | 0.00 | "
        "1.00, 0.50 | effect a 0 (1) |"
    )
