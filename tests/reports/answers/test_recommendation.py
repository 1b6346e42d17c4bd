"""What is said of a choice, and whether it can be recommended."""

import math
from typing import Any

import pytest

from reports.analysis.decision import decide
from reports.answers.answers import answered_column
from reports.answers.recommendation import Objection, caveats, objection
from reports.commands import best
from reports.page.page import render
from reports.tables import SweepTables
from search.records.lease import Lease

LR = "optimizer.generator_lr"
BOUND = {"by": "val_ab_mae", "subject_to": {"val_colorfulness_gap": "<= 8"}}
TRIVIAL = 20.0
"""The best single color's ab MAE in these sweeps."""


def objection_of(sweep: Any) -> Objection | None:
    tables = sweep.tables()
    decision = decide(tables)
    assert decision is not None
    return objection(decision, tables)


def searched(build: Any, values: list[float], gaps: list[float] | None = None, **study: Any) -> Any:
    sweep = build(**{"trials": len(values), "budget": {"trials": len(values)}, **study})
    for number, value in enumerate(values):
        metrics = {"val_colorfulness_gap": gaps[number]} if gaps else {}
        sweep.trial({LR: 1e-4 * (number + 1)}, value, metrics=metrics)
    return sweep


def test_a_sound_choice_is_recommended(build: Any) -> None:
    assert objection_of(searched(build, [9.0, 5.0, 7.0])) is None


def test_no_configuration_meets_the_bounds(build: Any) -> None:
    found = objection_of(searched(build, [9.0, 5.0], [12.0, 30.0], decide=BOUND))
    assert found is not None
    assert found.reason == "no configuration meets val_colorfulness_gap <= 8."
    assert found.command is not None
    assert found.command.startswith("colorsweep extend ") and "--trials" in found.command


def test_both_reasons_are_said(build: Any) -> None:
    found = objection_of(searched(build, [25.0, 26.0], [12.0, 30.0], decide=BOUND))
    assert found is not None
    assert found.reason == (
        "no configuration meets val_colorfulness_gap <= 8; "
        f"the best has ab MAE 25, and one color everywhere {TRIVIAL:g}."
    )


def test_a_sweep_that_was_stopped_is_to_go_on(build: Any) -> None:
    sweep = searched(build, [25.0, 26.0])
    sweep.trial({LR: 9e-4}, 20.0, "preempted")
    found = objection_of(sweep)
    assert found is not None
    assert found.advice.startswith("The sweep is not finished (stopped, ")
    assert found.command is not None and found.command.startswith("colorsweep resume ")


def test_a_sweep_that_runs_is_waited_for(build: Any) -> None:
    sweep = searched(build, [25.0, 26.0])
    sweep.tables()
    with Lease(sweep.folder):
        found = objection_of(sweep)
        assert found is not None
        assert found.advice == "The sweep still runs."
        assert found.command is not None and found.command.startswith("colorsweep status ")


@pytest.mark.parametrize("tried", [3, 2])
def test_no_more_trials_are_offered_of_a_space_that_has_none(build: Any, tried: int) -> None:
    space = {"loss.adversarial": {"type": "choice", "choices": ["bce", "lsgan", "hinge"]}}
    sweep = build(space, trials=tried, budget={"trials": tried}, sampler="tpe")
    for loss in space["loss.adversarial"]["choices"][:tried]:
        sweep.trial({"loss.adversarial": loss}, 25.0)
    found = objection_of(sweep)
    assert found is not None
    assert (found.command is None) is (tried == 3)
    assert ("has no more points" in found.advice) is (tried == 3)
    assert ("colorsweep extend" in render(sweep.tables(), pictures=0)) is (tried == 2)


def test_one_that_meets_the_bounds_is_enough(build: Any) -> None:
    assert objection_of(searched(build, [9.0, 5.0], [7.0, 30.0], decide=BOUND)) is None


def test_confirmed_beyond_the_bounds_sends_to_the_one_within(build: Any) -> None:
    sweep = searched(build, [5.0, 9.0], [7.5, 7.0], decide=BOUND)
    beyond = {"test_colorfulness_gap": 12.0}
    for seed in (1, 2, 3):
        sweep.trial(
            {LR: 1e-4},
            5.0,
            metrics={"test_ab_mae": 5.0 + 0.1 * seed, **beyond},
            origin="confirm",
            point_id="p0",
            seed=seed,
        )
    found = objection_of(sweep)
    assert found is not None
    assert "does not meet val_colorfulness_gap <= 8 in its replicates" in found.reason
    assert "#2 (t00001) does" in found.advice
    assert found.command is not None and found.command.endswith("--top 2 --replicates 3")


@pytest.mark.parametrize("value", [TRIVIAL, 25.0])
def test_one_no_better_than_one_color(build: Any, value: float) -> None:
    found = objection_of(searched(build, [value]))
    assert found is not None
    assert found.reason == (f"the best has ab MAE {value:g}, and one color everywhere {TRIVIAL:g}.")


@pytest.mark.parametrize(("spread", "recommended"), [(0.1, True), (3.0, False)])
def test_replicates_have_to_be_surely_better(build: Any, spread: float, recommended: bool) -> None:
    """The mean is 19 of 20 in both."""
    sweep = searched(build, [15.0])
    values: list[float | None] = [19 - spread, 19.0, 19 + spread]
    sweep.confirm(
        "p0",
        {LR: 1e-4},
        values,
    )
    for row in ("test_ab_mae_baseline",):
        sweep.trial({LR: 9e-4}, 19.9, metrics={row: TRIVIAL})
    assert (objection_of(sweep) is None) is recommended


def test_a_lucky_draw_is_not_surely_better(build: Any) -> None:
    """Twelve that differ by luck alone, of which the best is below the trivial error."""
    values = [20.4, 20.9, 21.6, 20.1, 21.2, 19.9, 20.6, 21.1, 20.3, 21.4, 20.8, 21.0]
    assert objection_of(searched(build, values)) is not None
    assert objection_of(searched(build, [value - 12 for value in values])) is None


def test_several_objectives_need_one_that_is_better(build: Any) -> None:
    both = {"objectives": {"val_ab_mae": "minimize", "val_colorfulness_gap": "minimize"}}
    assert objection_of(searched(build, [25.0], [3.0], **both)) is not None
    assert objection_of(searched(build, [15.0], [3.0], **both)) is None


def test_a_metric_without_a_trivial_prediction_is_not_asked(build: Any) -> None:
    study = {"objectives": {"val_colorfulness_gap": "minimize"}}
    assert objection_of(searched(build, [25.0], [3.0], **study)) is None


@pytest.mark.parametrize("error", [25.0, 15.0])
@pytest.mark.parametrize("metric", ["psnr", "ssim", "ciede2000"])
@pytest.mark.parametrize("confirmed", [False, True])
def test_a_metric_that_goes_with_ab_mae_is_judged_by_it(
    build: Any, error: float, metric: str, confirmed: bool
) -> None:
    goal = "minimize" if metric == "ciede2000" else "maximize"
    sweep = build(objectives={f"val_{metric}": goal})
    sweep.trial({LR: 1e-4}, error, metrics={f"val_{metric}": 20.0})
    if confirmed:
        for seed in (1, 2, 3):
            sweep.trial(
                {LR: 1e-4},
                error,
                metrics={
                    f"test_{metric}": 20.0 + seed,
                    "test_ab_mae": error + seed / 10,
                    "test_ab_mae_baseline": TRIVIAL,
                },
                origin="confirm",
                seed=seed,
                point_id="p0",
            )
    found = objection_of(sweep)
    assert (found is None) == (error < TRIVIAL)
    if found is not None:
        assert found.reason.startswith(f"the best has {'test ' if confirmed else ''}ab MAE 25")
        assert "and one color everywhere 20" in found.reason


STRONG = "val_strong_ab_mae"


@pytest.mark.parametrize(("value", "recommended"), [(30.0, True), (50.0, False)])
def test_errors_on_strong_colors_have_a_trivial_value_of_their_own(
    build: Any, value: float, recommended: bool
) -> None:
    sweep = build(objectives={STRONG: "minimize"})
    sweep.trial({LR: 1e-4}, 9.0, metrics={STRONG: value, f"{STRONG}_baseline": 40.0})
    tables = sweep.tables()
    decision = decide(tables)
    assert decision is not None
    assert not any("Not compared with one color" in text for text in caveats(decision, tables))
    found = objection_of(sweep)
    assert (found is None) == recommended
    if found is not None:
        assert found.reason.startswith("the best has ab MAE on strong colors 50, and one color")


def test_where_an_older_sweep_has_none_that_is_said(build: Any) -> None:
    sweep = build(objectives={STRONG: "minimize"})
    sweep.trial({LR: 1e-4}, 25.0, metrics={STRONG: 45.0})
    tables = sweep.tables()
    decision = decide(tables)
    assert decision is not None and objection_of(sweep) is None
    assert caveats(decision, tables)[-1].startswith("Not compared with one color everywhere")


def test_best_says_it_first_and_does_not_offer_training(build: Any, tmp_path: Any) -> None:
    sweep = searched(build, [25.0, 26.0])
    sweep.tables()
    result = best(str(sweep.folder), out=tmp_path / "best.yaml")
    lines = result.text().splitlines()
    assert lines[0].startswith("Nothing to recommend yet: the best has ab MAE 25")
    assert "colorsweep train" not in result.text()
    assert lines[-1].startswith("Next    colorsweep extend ")
    assert result.data()["objection"]["reason"].startswith("the best has ab MAE")
    assert result.data()["best"][0]["from"]["objection"] == lines[0]


def test_best_of_a_sound_choice_offers_training(build: Any, tmp_path: Any) -> None:
    sweep = searched(build, [9.0, 5.0])
    sweep.tables()
    result = best(str(sweep.folder), out=tmp_path / "best.yaml")
    assert result.text().splitlines()[-1] == f"Next    colorsweep train {tmp_path / 'best.yaml'}"
    assert result.data()["objection"] is None
    assert result.data()["best"][0]["from"]["objection"] is None


def test_the_page_says_it_in_its_heading(build: Any) -> None:
    sweep = searched(build, [25.0])
    sweep.confirm("p0", {LR: 1e-4}, [25.0, 25.5, 26.0])
    sweep.trial({LR: 9e-4}, 26.0, metrics={"test_ab_mae_baseline": TRIVIAL})
    page = render(sweep.tables(), 0)
    assert ">Nothing to recommend yet</h2>" in page
    assert "Train this one" not in page
    assert "The best has test ab MAE 25.50 [24.26, 26.74], and one color everywhere 20." in page
    assert "colorsweep train best.yaml</code>" not in page


@pytest.mark.parametrize(("value", "recommended"), [(9.0, True), (25.0, False)])
def test_without_the_test_baseline_that_of_the_search_is_taken(
    build: Any, value: float, recommended: bool
) -> None:
    sweep = searched(build, [15.0])
    sweep.confirm("p0", {LR: 1e-4}, [value - 0.1, value, value + 0.1])
    assert "test_ab_mae_baseline" not in sweep.tables().ticks
    found = objection_of(sweep)
    assert (found is None) == recommended
    if found is not None:
        assert f"and one color everywhere {TRIVIAL:g}" in found.reason


def test_without_any_baseline_that_is_said(build: Any) -> None:
    unknown = {"val_ab_mae_baseline": float("nan")}
    sweep = build()
    sweep.trial({LR: 1e-4}, 25.0, metrics=unknown)
    tables = sweep.tables()
    decision = decide(tables)
    assert decision is not None and objection(decision, tables) is None
    assert "Not compared with one color everywhere: its ab MAE is not recorded." in caveats(
        decision, tables
    )


LR, COST = "optimizer.generator_lr", "cost_gmac_per_picture"
UNSURE = "but not surely: the interval crosses it."


def confirmed(build, values: list[float], bound: str = "<= 15", cost: float = 0.5) -> SweepTables:
    """One point, confirmed; `values` are its colorfulness gaps on the test pictures."""
    rule = {"by": "val_ab_mae", "subject_to": {"val_colorfulness_gap": bound, COST: "< 2"}}
    sweep = build(decide=rule)
    point, common = {LR: 1e-4, "loss.adversarial": "bce"}, {COST: cost}
    sweep.trial(point, 7.0, metrics={"val_colorfulness_gap": 10.0, **common}, point_id="a")
    for seed, value in enumerate(values, 1):
        measured = {"test_ab_mae": 6.0 + seed, "test_colorfulness_gap": value, **common}
        sweep.trial(point, 7.0, metrics=measured, origin="confirm", point_id="a", seed=seed)
    return sweep.tables()


def bound_notes(tables: SweepTables) -> list[str]:
    decision = decide(tables)
    assert decision is not None
    return [text for text in caveats(decision, tables) if "bound" in text]


@pytest.mark.parametrize(
    ("values", "bound", "text"),
    [
        ([9.0, 10.0, 11.0], "<= 15", "10.00 [7.52, 12.48], within the bound <= 15."),
        (
            [13.0, 14.0, 15.0],
            "<= 15",
            f"14.00 [11.52, 16.48], within the bound <= 15, {UNSURE}",
        ),
        (
            [15.0, 16.0, 17.0],
            "<= 15",
            f"16.00 [13.52, 18.48], beyond the bound <= 15, {UNSURE}",
        ),
        ([29.0, 30.0, 31.0], "<= 15", "30.00 [27.52, 32.48], beyond the bound <= 15."),
        ([10.0], "<= 15", "10.00, within the bound <= 15."),
        (
            [9.0, 10.0, math.nan],
            "<= 15",
            f"9.500 [3.147, 15.853], within the bound <= 15, {UNSURE}",
        ),
    ],
)
def test_a_bound(build, values: list[float], bound: str, text: str) -> None:
    assert bound_notes(confirmed(build, values, bound)) == [f"test Colorfulness gap {text}"]


def test_nothing_of_bounds_where_nothing_is_replicated(build) -> None:
    tables = confirmed(build, [])
    assert bound_notes(tables) == []


class TestDecidedByCost:
    @pytest.fixture
    def tables(self, build) -> SweepTables:
        sweep = build(
            {LR: {"type": "loguniform", "low": 1e-4, "high": 1e-1}},
            objectives={COST: "minimize", "val_ab_mae": "minimize"},
            decide={"by": COST, "subject_to": {"val_ab_mae": "<= 8"}},
        )
        for at in range(20):
            rate = 1e-4 * 1.4**at
            sweep.trial({LR: rate}, 9.0 - 0.2 * at, metrics={COST: 0.1 + 0.01 * at})
        for seed in (1, 2, 3):
            measured = {"test_ab_mae": 7.0 + 0.1 * seed, COST: 0.15}
            sweep.trial({LR: 1e-4 * 1.4**5}, 8.0, metrics=measured, origin="confirm",
                        point_id="p5", seed=seed)  # fmt: skip
        return sweep.tables()

    def test_the_answer_is_about_what_is_measured(self, tables: SweepTables) -> None:
        assert answered_column(tables, decide(tables)).name == "val_ab_mae"
        assert answered_column(tables, None).name == "val_ab_mae"

    def test_a_cost_has_no_interval(self, tables: SweepTables) -> None:
        decision = decide(tables)
        assert decision is not None
        first, *more = caveats(decision, tables)
        assert first == (
            "#1, confirmed with 3 fresh seeds: Generator's work per picture 0.1500 GMAC."
        )
        assert more == ["test ab MAE 7.200 [6.952, 7.448], within the bound <= 8."]

    def test_on_the_page(self, tables: SweepTables) -> None:
        page = render(tables)
        assert "[6.952, 7.448]" in page and "within the bound &lt;= 8" in page


def test_a_bound_on_what_was_not_measured(build) -> None:
    tables = confirmed(build, [math.nan, math.nan])
    decision = decide(tables)
    assert decision is not None
    said = " ".join(caveats(decision, tables))
    assert "test Colorfulness gap was not measured: whether it is within <= 15 is not" in said
    assert "–" not in said and "beyond" not in said
