"""Where trainings went wrong: exact counts, and no claim where there is nothing."""

import numpy as np
import pytest
from scipy import stats

from reports.charts.trouble import KINDS, MAX_PANELS, caption, each, prepare, table, uneven_p

LR, LOSS = "optimizer.generator_lr", "loss.adversarial"
TWO = {LOSS: {"type": "choice", "choices": ["bce", "hinge"]}}


def test_no_trial_and_no_trouble(build) -> None:
    assert each(build().tables()) == []
    sweep = build(name="fine")
    for index in range(4):
        sweep.trial({LR: 1e-4 * (index + 1), LOSS: "bce"})
    assert each(sweep.tables()) == []
    assert prepare(sweep.tables(), LR).missing


def test_what_counts_as_trouble(build) -> None:
    sweep = build(TWO)
    bad = {"diag_collapsed": 1.0, "diag_overfitting": 1.0}
    for level, state, metrics in (
        ("bce", "completed", {}),
        ("bce", "diverged", bad),
        ("bce", "pruned", bad),
        ("hinge", "stalled", {}),
        ("hinge", "failed", {}),
        ("hinge", "oom", {}),
        ("hinge", "completed", {"diag_overfitting": 1.0}),
        ("hinge", "completed", {}),
        ("hinge", "running", {}),
        ("hinge", "preempted", {}),
        ("hinge", "cancelled", {}),
    ):
        share = 1.0 if metrics else 0.0
        sweep.trial({LOSS: level}, 9.0, state, metrics={k: share for k in metrics})
    info = prepare(sweep.tables(), LOSS)
    assert KINDS == ("diverged", "out of memory", "failed", "collapsed", "overfitting")
    assert [(r.name, r.trials, r.counts) for r in info.regions] == [
        ("bce", 3, (1, 0, 0, 1, 0)),
        ("hinge", 5, (0, 1, 2, 0, 1)),
    ]
    assert info.regions[0].share[:3] == pytest.approx((2 / 3, 0.2077, 0.9385), abs=1e-4)
    assert table(info)["trials"].tolist() == [3, 5]


def test_levels_stand_in_the_order_of_the_study_and_unused_ones_are_left_out(build) -> None:
    sweep = build()
    for level, state in (("hinge", "failed"), ("bce", "completed")):
        sweep.trial({LOSS: level, LR: 1e-3}, 9.0, state)
    assert [region.name for region in prepare(sweep.tables(), LOSS).regions] == ["bce", "hinge"]


def test_an_ordered_dimension_has_equal_bins_and_its_special_value_first(build) -> None:
    space = {"loss.l1_weight": {"type": "loguniform", "low": 1, "high": 300, "special": 0}}
    sweep = build(space)
    for index in range(40):
        sweep.trial(
            {"loss.l1_weight": float(index + 1)}, 9.0, "diverged" if index > 29 else "completed"
        )
    for _ in range(3):
        sweep.trial({"loss.l1_weight": 0}, 9.0)
    regions = prepare(sweep.tables(), "loss.l1_weight").regions
    assert [r.name for r in regions][:2] == ["0", "1 – 8.8"]
    assert [r.trials for r in regions] == [3, 8, 8, 8, 8, 8]
    assert [r.counts[0] for r in regions] == [0, 0, 0, 0, 2, 8]


def test_few_settings_are_regions_of_their_own(build) -> None:
    sweep = build({"generator.width": {"type": "int", "low": 8, "high": 64, "special": 0}})
    for index in range(12):
        width = (32, 8, 0)[index % 3]
        sweep.trial({"generator.width": width}, 9.0, "oom" if width == 32 else "completed")
    info = prepare(sweep.tables(), "generator.width")
    assert [(r.name, r.counts[1]) for r in info.regions] == [("0", 0), ("8", 0), ("32", 4)]


def test_the_most_telling_dimension_comes_first_and_is_named(build) -> None:
    names = [f"loss.d{index}" for index in range(MAX_PANELS + 2)]
    sweep = build({name: {"type": "uniform", "low": 0.0, "high": 1.0} for name in names})
    random = np.random.default_rng(0)
    for _ in range(120):
        point = {name: float(random.random()) for name in names}
        sweep.trial(point, 9.0, "diverged" if point["loss.d5"] > 0.8 else "completed", ticks=1)
    tables = sweep.tables()
    panels = [choice["dimension"] for choice in each(tables)]
    assert panels[0] == "loss.d5" and len(panels) == MAX_PANELS
    assert caption(prepare(tables, "loss.d5")).startswith("Diverged: depends on it (p = .002")
    assert caption(prepare(tables, panels[-1])).startswith("No visible dependence")


def test_chance_is_that_of_an_exact_test() -> None:
    trials, wrong = np.array([20, 20]), np.array([2, 9])
    exact = stats.fisher_exact([[2, 9], [18, 11]]).pvalue
    assert uneven_p(trials, wrong) == pytest.approx(exact, abs=0.01)
    assert uneven_p(trials, np.array([0, 0])) == uneven_p(trials, trials) == 1.0
    assert uneven_p(np.array([9, 0, 9]), np.array([3, 0, 3])) == 1.0


def test_chance_claims_no_more_than_it_may() -> None:
    random, trials = np.random.default_rng(1), np.array([12, 25, 18, 20])
    found = [uneven_p(trials, random.binomial(trials, 0.2)) for _ in range(300)]
    assert np.mean(np.array(found) < 0.05) < 0.08


def test_more_dimensions_make_a_claim_harder(build) -> None:
    found = []
    for name, space in (("one", TWO), ("two", {**TWO, LR: {"type": "choice", "choices": [1, 2]}})):
        sweep = build(space, name=name)
        for index in range(24):
            lost = index % 2 and index < 14
            point = {LOSS: ["bce", "hinge"][index % 2], LR: 1 + index % 3 // 2}
            sweep.trial({key: point[key] for key in space}, 9.0, "oom" if lost else "completed")
        found.append(prepare(sweep.tables(), LOSS))
    assert found[1].p == pytest.approx(2 * found[0].p) and found[0].p < 0.05
    assert (found[0].compared, found[1].compared) == (1, 2)


def test_trials_without_the_dimension_are_said_to_be_left_out(build) -> None:
    smoothing = {"type": "uniform", "low": 0.0, "high": 0.3, "when": {LOSS: ["bce"]}}
    sweep = build({**TWO, "loss.label_smoothing": smoothing})
    for index in range(6):
        point = (
            {LOSS: "bce", "loss.label_smoothing": 0.05 * index} if index % 2 else {LOSS: "hinge"}
        )
        sweep.trial(point, 9.0, "diverged" if index == 1 else "completed")
    info = prepare(sweep.tables(), "loss.label_smoothing")
    assert info.inactive == 3 and "3 trials without this dimension" in caption(info)
