"""Parallel coordinates: exact places."""

import math

import numpy as np
import pytest

from reports.charts._style import SCALE
from reports.charts.parallel import Axis, caption, draw, each, prepare, table

LR, LOSS = "optimizer.generator_lr", "loss.adversarial"
RATE = {"type": "loguniform", "low": 1e-5, "high": 1e-3}
CHOICE = {"type": "choice", "choices": ["bce", "hinge"]}


def test_no_trial_and_no_dimension(build) -> None:
    info = prepare(build({LR: RATE}).tables())
    assert info.trials == () and info.missing
    assert each(build({}, name="none").tables()) == []


def test_one_trial_with_a_constant_dimension(build) -> None:
    sweep = build({LR: {"type": "uniform", "low": 0.1, "high": 0.1}})
    sweep.trial({LR: 0.1}, 9.0)
    info = prepare(sweep.tables())
    assert info.trials == (("t00000", 0, "completed"),) and info.best == 0
    middle = pytest.approx(0.5)
    assert info.axes[0] == Axis(LR, "generator_lr", (middle,), ((middle, "0.1"),), ("0.1",))
    assert all(0 <= place <= 1 for axis in info.axes for place in axis.places)


def test_places_words_and_colors(build) -> None:
    sweep = build({LR: RATE, LOSS: CHOICE})
    sweep.trial({LR: 1e-5, LOSS: "bce"}, 8.0)
    sweep.trial({LR: 1e-3, LOSS: "hinge"}, 10.0)
    sweep.trial({LR: 1e-4, LOSS: "hinge"}, 9.0)
    sweep.trial({LR: 1e-4, LOSS: "hinge"}, math.nan, "diverged", ticks=1)
    info = prepare(sweep.tables())
    assert [number for _, number, _ in info.trials] == [3, 1, 2, 0]
    rate, loss, value = info.axes
    low = 0.04 / 1.08
    assert rate.places == pytest.approx((0.5, 1 - low, 0.5, low))
    assert loss.places == pytest.approx((0.8125, 0.8125, 0.8125, 0.1875))
    assert loss.words == ("hinge", "hinge", "hinge", "bce")
    assert value.words == ("–", "10", "9", "8")
    assert value.places[0] < value.places[1] < value.places[2] < value.places[3]
    assert (min(value.ticks)[1], info.best) == ("no value", 0)
    assert [color is None for color in info.colors] == [True, False, False, False]
    assert info.colors[1] > info.colors[2] > info.colors[3]
    assert caption(info) == (
        "4 trials, a line each: the stronger its color, the better ab MAE; grey where training was "
        "shorter or failed; the best in orange. Objectives are the better the higher."
    )
    assert table(info)["trial"].tolist() == ["t00000", "t00002", "t00001", "t00003"]


def test_special_and_inactive_stand_below_the_range(build) -> None:
    weight = {"type": "loguniform", "low": 1, "high": 100, "special": 0, "when": {LOSS: ["bce"]}}
    sweep = build({LOSS: CHOICE, "loss.l1_weight": weight})
    sweep.trial({LOSS: "bce", "loss.l1_weight": 0}, 7.0)
    sweep.trial({LOSS: "bce", "loss.l1_weight": 1.0}, 8.0)
    sweep.trial({LOSS: "hinge"}, 6.0)
    axis = prepare(sweep.tables()).axes[1]
    assert axis.words == ("1", "0", "not active")
    assert axis.places[0] > axis.places[1] > axis.places[2]
    assert [text for _, text in axis.ticks[:2]] == ["not active", "0"]


def test_higher_is_better_upwards(build) -> None:
    sweep = build({LR: RATE}, objectives={"val_psnr": "maximize"})
    for psnr in (20.0, 22.0):
        sweep.trial({LR: 1e-4}, 9.0, metrics={"val_psnr": psnr})
    low, high = prepare(sweep.tables()).axes[1].places
    assert low < high


def test_names_are_short_where_that_is_unique(build) -> None:
    unit = {"type": "uniform", "low": 0, "high": 1}
    space = {"generator.dropout": unit, "discriminator.dropout": unit, "loss.l1_weight": unit}
    sweep = build(space)
    sweep.trial(dict.fromkeys(space, 0.5), 9.0)
    names = [axis.short for axis in prepare(sweep.tables()).axes]
    assert names == ["generator.dropout", "discriminator.dropout", "l1_weight", "ab MAE"]


def test_every_line_has_a_gap_after_it_and_its_number_all_along(build) -> None:
    sweep = build({LR: RATE, LOSS: CHOICE})
    for index in range(5):
        sweep.trial({LR: 1e-4, LOSS: "bce"}, 9.0 + index)
    figure = draw(prepare(sweep.tables()))
    lines = [trace for trace in figure.data if trace.meta == "trials"]
    assert len(lines) == len(SCALE) + 1
    assert sorted(number for trace in lines for number in trace.customdata) == sorted(
        [0, 1, 2, 3, 4] * 4
    )
    for trace in lines:
        assert np.isnan(trace.y[3::4]).all() and np.isfinite(trace.y[0::4]).all()
    assert figure.data[-1].meta == {"trial": 0}
