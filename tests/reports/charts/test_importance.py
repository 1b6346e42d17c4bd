"""Importance: when there is none, and that it finds what matters."""

import numpy as np
import pytest

from reports.charts.importance import MIN_TRIALS, caption, draw, prepare, strongest, table

UNIFORM = {"type": "uniform", "low": 0.0, "high": 0.3}
LR, LOSS = "optimizer.generator_lr", "loss.adversarial"


def test_too_few_trials_say_so(build) -> None:
    sweep = build()
    for index in range(MIN_TRIALS - 1):
        sweep.trial({LR: 1e-4 * (index + 1), LOSS: "bce"}, 9.0 + index)
    info = prepare(sweep.tables())
    assert info.shares == ()
    assert info.missing == (
        "Importance needs at least 6 completed trials of equal budget with different values; "
        "there are 5."
    )


def test_equal_values_say_so(build) -> None:
    sweep = build()
    for index in range(8):
        sweep.trial({LR: 1e-4 * (index + 1), LOSS: "bce"}, 9.0)
    assert prepare(sweep.tables()).missing == (
        "Importance is not defined: all 8 trials have the same value."
    )


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_finds_the_dimension_that_matters(build, goal: str) -> None:
    rng = np.random.default_rng(0)
    sweep = build(objectives={"val_ab_mae": goal})
    for _ in range(30):
        rate = 10 ** rng.uniform(-5, -3)
        value = 9.0 + abs(np.log10(rate) + 4) * (1 if goal == "minimize" else -1)
        sweep.trial({LR: rate, LOSS: str(rng.choice(["bce", "hinge"]))}, value)
    sweep.trial({LR: 1e-4, LOSS: "bce"}, 9.0, "pruned")
    info = prepare(sweep.tables())
    assert [one.dimension for one in info.shares] == [LR, LOSS]
    assert info.shares[0].share > 0.8
    assert sum(one.share for one in info.shares) == pytest.approx(1)
    assert (info.trials, info.all_trials) == (30, 31)
    assert "from 30 trials of equal budget out of 31" in caption(info)


def test_the_special_value_counts_for_its_dimension(build) -> None:
    rng = np.random.default_rng(1)
    weight = {"type": "loguniform", "low": 1, "high": 300, "special": 0}
    sweep = build({"loss.l1_weight": weight, "loss.label_smoothing": UNIFORM})
    for index in range(90):
        chosen = 0 if index % 3 == 0 else float(10 ** rng.uniform(0, 2.4))
        point = {"loss.l1_weight": chosen, "loss.label_smoothing": float(rng.uniform(0, 0.3))}
        sweep.trial(point, 15.0 + rng.normal() if chosen == 0 else 9.0 + rng.normal())
    shares = {one.dimension: one.share for one in prepare(sweep.tables()).shares}
    assert shares["loss.l1_weight"] > shares["loss.label_smoothing"]


def test_conditional_and_constant_dimensions(build) -> None:
    space = {
        LOSS: {"type": "choice", "choices": ["bce", "hinge"]},
        "loss.label_smoothing": {**UNIFORM, "when": {LOSS: ["bce"]}},
        "generator.width": {"type": "int", "low": 16, "high": 16},
    }
    sweep = build(space)
    for index in range(12):
        point = {LOSS: ["bce", "hinge"][index % 2], "generator.width": 16}
        if index % 2 == 0:
            point["loss.label_smoothing"] = 0.02 * index
        sweep.trial(point, 9.0 + index)
    info = prepare(sweep.tables())
    assert {one.dimension for one in info.shares} == {LOSS, "loss.label_smoothing"}
    assert info.constant == ("generator.width",)


def test_start_points_outside_the_range_are_taken(build) -> None:
    sweep = build()
    for index in range(8):
        point = {LR: 0.1 * (index + 1), LOSS: ["bce", "hinge"][index % 2]}
        sweep.trial(point, 9.0 + index)
    assert prepare(sweep.tables()).shares[0][0] == LR


def test_one_varied_dimension_has_nothing_to_be_compared_with(build) -> None:
    sweep = build()
    for index in range(8):
        sweep.trial({LR: 1e-4 * (index + 1), LOSS: "bce"}, 9.0 + index)
    assert prepare(sweep.tables()).missing == (
        f"Importance compares dimensions; only {LR} took more than one value here."
    )


def test_what_chance_gives_is_said_and_grey(build) -> None:
    rng = np.random.default_rng(0)
    sweep = build()
    for _ in range(60):
        rate = 10 ** rng.uniform(-5, -3)
        point = {LR: rate, LOSS: str(rng.choice(["bce", "hinge"]))}
        sweep.trial(point, 9.0 + abs(np.log10(rate) + 4))
    tables = sweep.tables()
    info = prepare(tables)
    assert [one.share > one.chance for one in info.shares] == [True, False]
    assert f"Grey, as it is no more than that: {LOSS}. Shares" in caption(info)
    bars = draw(info).data[0]
    assert len(set(bars.marker.color)) == 2
    assert bars.error_x.array.min() >= 0 and bars.error_x.arrayminus.min() >= 0
    assert table(info)["dimension"].tolist() == [LR, LOSS]
    assert strongest(tables) == (LR, LOSS)


def test_the_strongest_of_too_few_trials_are_those_of_the_study(build) -> None:
    assert strongest(build().tables()) == ()
    sweep = build(name="two")
    for index in range(2):
        sweep.trial({LR: 1e-4 * (index + 1), LOSS: ["hinge", "bce"][index]}, 9.0 + index)
    assert strongest(sweep.tables()) == (LR, LOSS)
