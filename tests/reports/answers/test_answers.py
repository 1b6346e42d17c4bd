"""The answers of searches and comparisons, as data and in sentences."""

import json
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reports.analysis.decision import decide
from reports.analysis.stopped_trials import CountedTrials
from reports.answers.answer import VERDICTS, Answer, Answers
from reports.answers.answers import answers, answers_data, answers_view, headline, report_data
from reports.page.page import environment
from reports.tables import SweepTables

LR, LOSS, WIDTH = "optimizer.generator_lr", "loss.adversarial", "generator.width"
RATIO = "optimizer.lr_ratio"
SMOOTHING, L1, DROPOUT = "loss.label_smoothing", "loss.l1_weight", "generator.dropout"
RANGE = {"type": "loguniform", "low": 1e-4, "high": 1e-1}
CHOICE = {"type": "choice", "choices": ["bce", "lsgan", "hinge"]}


def answered(tables: SweepTables) -> dict[str, Answer]:
    return {one.dimension: one for one in answers(tables, decide(tables)).dimensions}


def test_one_trial_is_one(build) -> None:
    tables = search(build, {LR: RANGE}, lambda point: 1.0, count=1)
    few = tuple(Answer(LR, "unclear", "No.", 1, counted) for counted in ("trials", "paired seeds"))
    made = Answers(few, CountedTrials([{}], np.ones((1, 1))))
    counts = [row["count"] for row in answers_view(made, tables)["rows"]]
    assert counts == ["1 trial", "1 paired seed"]


def rate(rng: np.random.Generator) -> float:
    return float(10 ** rng.uniform(-4, -1))


def search(
    build,
    space: dict[str, Any],
    value: Callable[[dict[str, Any]], float],
    count: int = 40,
    noise: float = 0.1,
    **more: Any,
) -> SweepTables:
    """A random search; `value` of a point is NaN where its training diverged."""
    sweep, rng = build(space, **more), np.random.default_rng(1)
    for _ in range(count):
        point: dict[str, Any] = {}
        for name, spec in space.items():
            if any(
                point.get(parent) not in known for parent, known in spec.get("when", {}).items()
            ):
                continue
            if "special" in spec and rng.random() < 0.3:
                point[name] = spec["special"]
            elif spec["type"] == "loguniform":
                low, high = math.log(spec["low"]), math.log(spec["high"])
                point[name] = float(math.exp(rng.uniform(low, high)))
            elif spec["type"] == "uniform":
                point[name] = float(rng.uniform(spec["low"], spec["high"]))
            else:
                choices = spec.get("choices") or list(spec["labels"])
                point[name] = choices[rng.integers(len(choices))]
        true = value(point) + noise * rng.normal()
        sweep.trial(point, 1.0 if math.isnan(true) else true,
                    "diverged" if math.isnan(true) else "completed")  # fmt: skip
    return sweep.tables()


def rendered(tables: SweepTables) -> str:
    decision = decide(tables)
    found = answers(tables, decision)
    view = answers_view(found, tables, decision)
    template = environment().get_template("answers.html.j2")
    return template.render(answers=view, best={"missing": "not asked for here"})


def test_awkward(awkward) -> None:
    decision = decide(awkward)
    found = answers(awkward, decision)
    assert [one.dimension for one in found.dimensions] == [one.name for one in awkward.dimensions]
    assert {one.verdict for one in found.dimensions} <= set(VERDICTS)
    assert all(one.sentence.endswith(".") and "nan" not in one.sentence for one in found.dimensions)
    assert "nan" not in headline(found.dimensions, awkward, decision)
    json.dumps(answers_data(found, awkward, decision), allow_nan=False)
    assert "nan" not in rendered(awkward)


def test_nothing_hostile_becomes_markup(hostile) -> None:
    assert "<img" not in rendered(hostile) and "<b>" not in rendered(hostile)


class TestNotEnough:
    def test_no_trial(self, build) -> None:
        found = answered(build().tables())
        assert {one.verdict for one in found.values()} == {"unclear"}
        assert found[LR].sentence == "Not enough data: no trial has trained its full budget."
        assert found[LR].needed is None and found[LR].n == 0

    @pytest.mark.parametrize("state", ["failed", "diverged", "pruned", "running"])
    def test_only_without_a_result(self, build, state: str) -> None:
        sweep = build()
        for index in range(12):
            sweep.trial({LR: 1e-4 * (index + 1), LOSS: "bce"}, 9.0, state, ticks=2)
        found = answered(sweep.tables())
        assert {one.verdict for one in found.values()} == {"unclear"}

    def test_one_trial(self, build) -> None:
        sweep = build()
        sweep.trial({LR: 1e-4, LOSS: "bce"}, 9.0)
        one = answered(sweep.tables())[LR]
        assert one.verdict == "unclear" and one.n == 1 and one.needed
        assert one.sentence.startswith("Not enough data: 1 trial of equal budget; at least ")
        assert f"{one.needed} more" in one.sentence

    def test_all_equal(self, build) -> None:
        found = answered(search(build, {LR: RANGE, LOSS: CHOICE}, lambda point: 9.0, noise=0.0))
        assert {one.verdict for one in found.values()} == {"unclear"}
        assert found[LR].sentence == "All 40 trials have the same ab MAE, so it shows nothing."

    def test_values_that_are_no_numbers_are_left_out(self, build) -> None:
        sweep, rng = build({LR: RANGE}), np.random.default_rng(0)
        for index in range(30):
            at = rate(rng)
            sweep.trial({LR: at}, math.nan if index % 2 else 9.0 + math.log10(at))
        found = answered(sweep.tables())[LR]
        assert found.n == 15 and found.verdict == "effect"

    def test_a_constant_dimension_is_not_asked(self, build) -> None:
        constant = {"type": "uniform", "low": 0.1, "high": 0.1}
        found = answered(
            search(build, {DROPOUT: constant, LOSS: CHOICE}, lambda p: 9.0 + (p[LOSS] == "bce"))
        )
        assert found[DROPOUT].verdict == "not asked"
        assert found[DROPOUT].sentence == "Every trial that has it is at 0.1."
        assert found[LOSS].verdict == "effect"

    def test_what_stopped_trials_would_have_come_to_is_not_known(self, build) -> None:
        """High rates alone were not stopped, and all of them end alike: lower ones might, too."""
        sweep = build({LR: RANGE, DROPOUT: {"type": "uniform", "low": 0.0, "high": 1.0}})
        rng = np.random.default_rng(0)
        for number in range(24):
            done = number < 15
            point = {LR: 10 ** rng.uniform(-1.9, -1) if done else 10 ** rng.uniform(-4, -2.1)}
            sweep.trial(
                {**point, DROPOUT: rng.random()},
                4 + 0.1 * math.log10(point[LR]) + 0.1 * rng.standard_normal() if done else 24.0,
                "completed" if done else "pruned",
                ticks=4 if done else 2,
            )
        tables = sweep.tables()
        early = tables.ticks["tick"].eq(2) & tables.ticks["trial_id"].lt("t00015")
        tables.ticks.loc[early, "val_ab_mae"] = rng.uniform(7, 15, int(early.sum()))
        answer = answered(tables)[LR]
        assert "What 9 more trials that stopped early would have come to is not known" in (
            answer.sentence
        )
        # They speak against lower rates all the same.
        low, middle, high = (region.loss for region in answer.regions)
        assert low > 0.01 and middle > 0.01 and high == 0

    def test_how_many_more_are_needed(self, build) -> None:
        few, many = (
            answered(
                search(
                    build, {LR: RANGE}, lambda p: 9.0, count, 1.0, difference=0.5, name=f"{count}"
                )
            )[LR]
            for count in (20, 60)
        )
        assert few.verdict == many.verdict == "unclear"
        assert few.needed and many.needed
        assert 1 / 3 < (few.needed + 20) / (many.needed + 60) < 3
        assert "more trials of a search would hardly show a difference of 0.5" in few.sentence
        assert few.sentence.endswith("compare a few values with paired seeds (design: compare).")

    def test_a_few_more(self, build) -> None:
        one = answered(search(build, {LR: RANGE}, lambda p: 9.0, 60, 1.0, difference=0.6))[LR]
        assert one.needed and one.needed <= 240
        assert one.sentence.endswith(
            f"about {one.needed:,} more trials would show a difference of 0.6 Lab units."
        )


class TestSearch:
    def test_a_trend(self, build) -> None:
        one = answered(search(build, {LR: RANGE}, lambda p: 9.0 + math.log10(p[LR])))[LR]
        assert one.verdict == "effect" and one.n == 40
        assert one.low < 2.0 < one.high and one.estimate == pytest.approx(2.0, abs=0.2)
        assert one.setting == "0.0001 to 0.001"
        assert one.sentence.startswith(
            "Lower is better: the upper third (0.01 to 0.1) is worse than the lower third "
            "(0.0001 to 0.001) by "
        )
        assert "Lab units (p < .001)." in one.sentence

    def test_larger_may_be_better(self, build) -> None:
        sweep, rng = (
            build({LR: RANGE}, objectives={"val_psnr": "maximize"}),
            np.random.default_rng(0),
        )
        for _ in range(30):
            at = rate(rng)
            sweep.trial({LR: at}, 9.0, metrics={"val_psnr": 20 + math.log10(at)})
        one = answered(sweep.tables())[LR]
        assert one.sentence.startswith("Higher is better: the upper third (0.01 to 0.1) is better")
        assert one.setting == "0.01 to 0.1" and "dB" in one.sentence and one.estimate > 0

    def test_an_optimum_inside(self, build) -> None:
        one = answered(search(build, {LR: RANGE}, lambda p: 9 + (math.log10(p[LR]) + 2.5) ** 2))[LR]
        assert one.setting == "0.001 to 0.01"
        assert one.sentence.startswith("Best inside the range: the mean of the outer thirds (")

    def test_no_visible_effect_only_where_it_is_shown(self, build) -> None:
        space = {LR: RANGE, LOSS: CHOICE}
        found = answered(search(build, space, lambda p: 9.0 + (p[LOSS] == "hinge"), 60, 0.05))
        assert found[LR].verdict == "equivalent" and found[LR].needed is None
        assert found[LR].sentence.startswith("No visible effect: upper and lower third")
        assert found[LOSS].setting == "not hinge" and found[LOSS].verdict == "effect"
        assert found[LOSS].sentence.startswith("hinge is worse than the mean of bce and lsgan by")
        noisy = search(build, space, lambda p: 9.0, 60, 1.0, difference=0.05, name="noisy")
        assert answered(noisy)[LR].verdict == "unclear"

    def test_a_special_value(self, build) -> None:
        space = {L1: {"type": "loguniform", "low": 1, "high": 300, "special": 0}}
        one = answered(search(build, space, lambda p: 9.0 + (p[L1] == 0)))[L1]
        assert one.verdict == "effect" and one.sentence.startswith("0 is worse than its range (")
        assert one.low < 1.0 < one.high

    def test_a_conditional_dimension_is_not_taken_for_its_condition(self, build) -> None:
        smoothing = {"type": "uniform", "low": 0.0, "high": 0.3, "when": {LOSS: ["bce", "lsgan"]}}
        space = {LOSS: CHOICE, SMOOTHING: smoothing}
        tables = search(build, space, lambda p: 9.0 + 2 * (p[LOSS] == "hinge"), 90)
        found = answered(tables)
        assert found[LOSS].verdict == "effect" and found[SMOOTHING].verdict == "equivalent"
        active = sum(SMOOTHING in point for point in tables.trials["point"])
        assert found[SMOOTHING].n == active < 90

    def test_a_bundle(self, build) -> None:
        labels = {"landscapes": {"data.classes": ["sea"]}, "streets": {"data.classes": ["street"]}}
        space = {"pictures": {"type": "bundle", "labels": labels}}
        one = answered(search(build, space, lambda p: 9.0 - (p["pictures"] == "streets")))
        assert one["pictures"].setting == "streets"
        assert one["pictures"].sentence.startswith("streets is better than landscapes by ")

    def test_what_depends_on_another(self, build) -> None:
        other = {"type": "uniform", "low": 0.0, "high": 1.0}

        def value(point: dict[str, Any]) -> float:
            return 9 + 2 * (math.log10(point[LR]) + 2.5) * (point[DROPOUT] - 0.5)

        found = answered(search(build, {LR: RANGE, DROPOUT: other, LOSS: CHOICE}, value, 60))
        assert found[LR].verdict == found[DROPOUT].verdict == "depends"
        assert f"Depends on {DROPOUT} (p < .001): the upper third" in found[LR].sentence
        assert "is worse than" in found[LR].sentence and "is better than" in found[LR].sentence
        assert found[LOSS].verdict != "depends"

    def test_one_outlier_decides_nothing(self, build) -> None:
        sweep, rng = build({LR: RANGE}), np.random.default_rng(3)
        for _ in range(40):
            sweep.trial({LR: rate(rng)}, 9.0 + rng.normal())
        sweep.trial({LR: 0.09}, 1e6)
        one = answered(sweep.tables())[LR]
        assert one.verdict == "unclear" and abs(one.estimate) < 2

    def test_where_trainings_diverge(self, build) -> None:
        tables = search(build, {LR: RANGE}, lambda p: math.nan if p[LR] > 0.02 else 9.0)
        one = answered(tables)[LR]
        lost = int(tables.trials["state"].eq("diverged").sum())
        assert one.verdict == "effect"
        assert f"In the upper third (0.01 to 0.1) {lost} of " in one.sentence
        assert "against 0 of " in one.sentence
        assert one.setting == "many lost at 0.01 to 0.1"

    def test_only_equal_budgets_count_and_confirmations_apart(self, build) -> None:
        sweep, rng = build({LR: RANGE}), np.random.default_rng(0)
        for _ in range(20):
            sweep.trial({LR: rate(rng)}, 9.0 + rng.normal())
        before = answered(sweep.tables())[LR]
        for _ in range(20):
            sweep.trial({LR: 0.09}, 20.0, "cancelled", ticks=2)
        sweep.confirm("p0", {LR: 0.09}, [30.0, 31.0, 32.0])
        after = answered(sweep.tables())[LR]
        assert after.n == before.n and after.sentence == before.sentence

    @pytest.mark.slow
    def test_ten_thousand_trials_are_quick(self, build) -> None:
        space = {f"generator.x{n}": {"type": "uniform", "low": 0.0, "high": 1.0} for n in range(8)}
        tables = search(build, space, lambda p: 9 + p["generator.x0"], 10_000)
        started = time.process_time()
        found = answered(tables)
        print(f"\n10,000 trials x 8 dimensions: {time.process_time() - started:.2f} s")
        assert found["generator.x0"].verdict == "effect"


class TestCompare:
    def made(self, build, levels: dict[str, list[float | None]], **more: Any) -> Answer:
        space = {LOSS: {"type": "choice", "choices": list(levels)}}
        more = {"difference": 0.5, **more}
        return answered(build(space, design="compare", **more).compare(levels, LOSS).tables())[LOSS]

    def test_no_training(self, build) -> None:
        one = self.made(build, {"bce": [None], "hinge": [None]})
        assert one.verdict == "unclear" and "no seed" in one.sentence

    def test_one_level(self, build) -> None:
        one = self.made(build, {"bce": [9.0, 9.1], "hinge": [None, None]})
        assert one.sentence == "Not enough data: only bce has trainings of the full budget."

    def test_one_seed(self, build) -> None:
        one = self.made(build, {"bce": [9.0], "hinge": [9.5]})
        assert one.verdict == "unclear" and math.isnan(one.low) and one.n == 1

    def test_all_equal(self, build) -> None:
        one = self.made(build, {"bce": [9.0] * 4, "hinge": [9.0] * 4})
        assert one.verdict == "equivalent"
        assert one.sentence == "No visible effect: hinge within 0.5 Lab units of bce."

    def test_levels_that_are_alike_but_for_lost_trainings(self, build) -> None:
        space = {LOSS: CHOICE, DROPOUT: {"type": "choice", "choices": [0.0, 0.5]}}
        sweep = build(space, design="compare", difference=0.5)
        for seed in range(12):
            for loss in ("bce", "hinge"):
                for rate in (0.0, 0.5):
                    gone = (loss, rate) == ("hinge", 0.5)
                    sweep.trial({LOSS: loss, DROPOUT: rate}, 9.0 + 0.01 * seed,
                                "diverged" if gone else "completed", origin="compare",
                                point_id=f"{loss}{rate}", seed=seed)  # fmt: skip
        one = answered(sweep.tables())[DROPOUT]
        assert (one.verdict, one.setting) == ("effect", "many lost at 0.5")
        assert one.sentence == (
            "Where trainings finish: no visible effect: 0.5 within 0.5 Lab units of 0. At 0.5 12 "
            "of 24 trainings diverged or ran out of memory, against 0 of 24 elsewhere."
        )
        assert one.p < 0.05

    def test_what_is_worse(self, build) -> None:
        levels = {"bce": [1.0, 5.0, 9.0, 13.0, 7.0], "hinge": [2.0, 6.1, 10.0, 14.0, 8.1]}
        one = self.made(build, levels)
        assert one.verdict == "effect" and one.setting == "bce" and one.n == 5
        assert one.counted == "paired seeds" and one.estimate == pytest.approx(1.04)
        assert one.sentence.startswith("bce is best. hinge is worse than bce by 1.04")

    def test_what_is_not_told_apart(self, build) -> None:
        levels = {"bce": [1.0, 5.0, 9.0, 13.0, 2.0], "hinge": [1.5, 4.0, 10.0, 13.6, 2.2]}
        one = self.made(build, levels)
        assert one.verdict == "unclear" and one.setting == "" and one.needed
        assert f"about {one.needed} more replicates would show a difference of 0.5" in one.sentence
        assert "would show" not in self.made(build, levels, difference=None, name="s").sentence

    def test_a_level_that_always_diverges(self, build) -> None:
        one = self.made(build, {"bce": [9.0, 9.1, 9.3, 9.2, 9.1, 9.0], "hinge": [None] * 6})
        assert one.verdict == "effect"
        assert "At hinge 6 of 6 trainings diverged" in one.sentence

    def test_a_dimension_that_only_some_levels_have(self, build) -> None:
        place = {"type": "choice", "choices": ["inner", "all"], "when": {DROPOUT: [0.5]}}
        space = {DROPOUT: {"type": "choice", "choices": [0.0, 0.5]}, "generator.place": place}
        sweep = build(space, design="compare")
        for seed in range(6):
            for point, more in (
                ({DROPOUT: 0.0}, 0.0),
                ({DROPOUT: 0.5, "generator.place": "inner"}, 1.0),
                ({DROPOUT: 0.5, "generator.place": "all"}, 3.0 + 0.01 * seed % 3),
            ):
                value = 9.0 + seed % 3 + more + 0.1 * ((seed * 7 + int(more)) % 4)
                sweep.trial(point, value, origin="compare", point_id=str(point), seed=seed)
        found = answered(sweep.tables())
        assert found[DROPOUT].estimate == pytest.approx(2.0, abs=0.3)
        assert found[DROPOUT].setting == "0" and found["generator.place"].setting == "inner"

    def two_dimensions(self, build, crossed: float) -> dict[str, Answer]:
        space = {LOSS: {"type": "choice", "choices": ["bce", "hinge"]},
                 DROPOUT: {"type": "choice", "choices": [0.0, 0.2, 0.5]}}  # fmt: skip
        sweep, rng = build(space, design="compare"), np.random.default_rng(5)
        for seed in range(8):
            for loss in ("bce", "hinge"):
                for place, dropout in enumerate((0.0, 0.2, 0.5)):
                    value = 9 + rng.normal() * 0.1 + (loss == "hinge") * (1 + crossed * place)
                    sweep.trial({LOSS: loss, DROPOUT: dropout}, value, origin="compare",
                                point_id=f"{loss}{dropout}", seed=seed)  # fmt: skip
        return answered(sweep.tables())

    def test_main_effects(self, build) -> None:
        found = self.two_dimensions(build, 0.0)
        assert found[LOSS].verdict == "effect" and found[LOSS].setting == "bce"
        assert found[DROPOUT].verdict == "unclear"

    def test_what_depends_on_another(self, build) -> None:
        found = self.two_dimensions(build, 0.5)
        assert found[LOSS].verdict == found[DROPOUT].verdict == "depends"
        assert (
            f"Depends on {DROPOUT} (p < .001): hinge is worse than bce by" in found[LOSS].sentence
        )


class TestHeadline:
    def test_nothing_varies(self, build) -> None:
        assert headline((), build({}).tables()) == (
            "The study varies nothing, so there is nothing to answer."
        )

    def test_one_dimension_is_its_sentence(self, build) -> None:
        tables = search(build, {LR: RANGE}, lambda p: 9.0 + math.log10(p[LR]))
        found = answers(tables, decide(tables))
        assert headline(found.dimensions, tables) == f"{LR}: {found.dimensions[0].sentence}"

    def test_what_matters_comes_first(self, build) -> None:
        space = {DROPOUT: {"type": "uniform", "low": 0.0, "high": 0.5}, LR: RANGE, LOSS: CHOICE}
        tables = search(build, space, lambda p: 9 + math.log10(p[LR]) + (p[LOSS] == "bce") * 0.5)
        said = headline(answers(tables, decide(tables)).dimensions, tables)
        assert said.startswith(
            f"What matters for ab MAE: {LR} (0.0001 to 0.001) and {LOSS} (not bce). "
        )
        assert said.endswith(f": {DROPOUT}.")

    def test_several_objectives_are_answered_in_the_first(self, build) -> None:
        sweep = build({LR: RANGE}, objectives={"val_ab_mae": "minimize", "val_psnr": "maximize"})
        rng = np.random.default_rng(0)
        for _ in range(20):
            at = rate(rng)
            sweep.trial({LR: at}, 9 + math.log10(at), metrics={"val_psnr": 20.0})
        tables = sweep.tables()
        decision = decide(tables)
        data = answers_data(answers(tables, decision), tables, decision)
        assert data["column"] == "val_ab_mae" and data["unit"] == "Lab units"
        assert data["basis"].startswith("About the first objective, ab MAE")
        assert data["dimensions"][0]["verdict"] == "effect"


def test_it_is_json_without_nan(awkward) -> None:
    found = json.loads(json.dumps(report_data(awkward), allow_nan=False))
    ranked = awkward.points["rank"].notna().any()
    assert (found["decision"] is not None) == ranked
    if ranked:
        assert found["decision"]["proposed"] in found["decision"]["points"]


def test_a_confirmed_decision(build) -> None:
    sweep = build(confirm={"top": 2, "replicates": 3})
    for index, value in enumerate([6.0, 7.0]):
        point = {"optimizer.generator_lr": 1e-4 * (index + 1)}
        sweep.trial(point, value)
        sweep.confirm(f"p{index}", point, [value, value + 0.1, value + 0.2])
    found = report_data(sweep.tables())
    # As `status --json` counts them.
    assert (found["states"], found["confirming"]) == ({"completed": 2}, {"completed": 6})
    decision = found["decision"]
    assert decision["by"] == "val_ab_mae"
    assert decision["judged_in"] == "test_ab_mae"
    assert (decision["basis"], decision["proposed"]["trial"]) == ("confirm", "t00000")
    assert (decision["remedy"], decision["overstated"], decision["cheaper"]) == (None, 0.0, None)


class TestStopped:
    """A search whose trials were stopped early, and where the best probably lies."""

    def _stopped(self, build, noise: float = 0.1) -> SweepTables:
        """Lower rates are better; the worse half was stopped at its second tick of four."""
        sweep, rng = build({LR: RANGE, RATIO: RANGE}), np.random.default_rng(0)
        for number in range(24):
            point = {LR: rate(rng), RATIO: rate(rng)}
            if number in (0, 3):  # two that finish at the ends, so that all others lie among them
                point = dict.fromkeys(point, 1e-4 if number else 1e-1)
            value = 8 + math.log10(point[LR]) + noise * rng.normal()
            done = value < 5.6 or number % 3 == 0
            sweep.trial(point, value, "completed" if done else "pruned", ticks=4 if done else 2)
        return sweep.tables()

    def test_they_count(self, build) -> None:
        tables = self._stopped(build)
        stopped = int(tables.trials["state"].eq("pruned").sum())
        assert stopped > 6
        made = answers(tables, decide(tables))
        assert made.counted.stopped == stopped
        first = made.dimensions[0]
        assert first.verdict == "effect" and first.n == 24
        assert first.estimate == pytest.approx(2.0, abs=0.4)
        data = answers_data(made, tables)
        assert data["counted"]["stopped"] == stopped and data["counted"]["agreement"] > 0.8
        assert f" and {stopped} that were stopped early, which count by" in data["basis"]
        assert "not counted" not in data["basis"]

    def test_nothing_is_shown_where_none_finished(self, build) -> None:
        """What learns slowly and ends better would have been stopped there just the same."""
        sweep, rng = build({LR: RANGE, RATIO: RANGE}), np.random.default_rng(0)
        for _ in range(40):
            point = {LR: rate(rng), RATIO: rate(rng)}
            value = 8 + math.log10(point[LR]) + 0.1 * rng.normal()
            done = point[LR] < 5e-3
            sweep.trial(point, value, "completed" if done else "pruned", ticks=4 if done else 2)
        tables = sweep.tables()
        made = answers(tables, decide(tables))
        assert made.counted.stopped > 8
        answer = made.dimensions[0]
        # Nothing is shown: what is said is a bet.
        assert answer.verdict == "likely" and answer.setting == "0.0001 to 0.001"
        assert math.isnan(answer.estimate)
        assert "hardly any of which finished in a part of what was tried" in answer.sentence
        assert math.isfinite(made.dimensions[1].estimate)

    def test_a_direction_without_regions_is_shown(self, build) -> None:
        """All but one trial lie in the upper third, in a plain order: no thirds to compare."""
        sweep, rng = build({LR: RANGE}), np.random.default_rng(1)
        for exponent in [-3.5, *rng.uniform(-2, -1, 23)]:
            sweep.trial({LR: float(10**exponent)}, 5 + float(exponent) + 0.01 * rng.normal())
        tables = sweep.tables()
        answer = answered(tables)[LR]
        assert answer.verdict == "effect" and answer.setting == "lower"
        assert answer.sentence.startswith("Lower is better in the order of the 24 trials")
        assert math.isnan(answer.estimate) and answer.p < 1e-6

    def test_likely_is_said_where_nothing_is_shown(self, build) -> None:
        sweep, rng = build({LR: RANGE, RATIO: RANGE}), np.random.default_rng(4)
        for _ in range(12):
            point = {LR: rate(rng), RATIO: rate(rng)}
            sweep.trial(point, 8 + 0.5 * math.log10(point[LR]) ** 2 / 4 + 0.4 * rng.normal())
        tables = sweep.tables()
        answer = answered(tables)[LR]
        assert answer.verdict == "likely" and answer.setting == "0.01 to 0.1"
        assert answer.sentence.startswith("Likely 0.01 to 0.1 (")
        assert "; elsewhere the best is worse, in the middle third (0.001 to 0.01) by about " in (
            answer.sentence
        )
        made = answers(tables, decide(tables))
        assert f"Likely best, though not shown: {LR} 0.01 to 0.1 (" in headline(
            made.dimensions, tables
        )
        page = rendered(tables)
        assert "answer-likely" in page and "Chance that the best lies here" in page
        regions = answers_data(made, tables)["dimensions"][0]["regions"]
        assert [region["kind"] for region in regions] == ["lower", "middle", "upper"]
        assert sum(region["chance"] for region in regions) == pytest.approx(1.0)
