"""What is said of bounds; the rest of what is said stands beside what decides, in test_decision."""

import math

import pytest

from reports.analysis.decision import decide
from reports.answers.answers import answered_column
from reports.answers.decision_text import sureness
from reports.page.page import render
from reports.tables import SweepTables

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


def said(tables: SweepTables) -> list[str]:
    decision = decide(tables)
    assert decision is not None
    return [text for text in sureness(decision, tables) if "bound" in text]


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
    assert said(confirmed(build, values, bound)) == [f"test Colorfulness gap {text}"]


def test_nothing_of_bounds_where_nothing_is_replicated(build) -> None:
    tables = confirmed(build, [])
    assert said(tables) == []


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
        first, *more = sureness(decision, tables)
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
    said = " ".join(sureness(decision, tables))
    assert "test Colorfulness gap was not measured: whether it is within <= 15 is not" in said
    assert "–" not in said and "beyond" not in said
