"""The parts of a study: budget, stopping, confirmation, and the design that holds them together."""

import json
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from colornet.config.catalog import parse_yaml, to_yaml
from colornet.errors import InputError
from spaces.loading import load_study
from spaces.study import GP_DIMENSIONS, GP_TRIALS, Study, sampler_of_study

Write = Callable[[Any], str]
LOSS, SMOOTH, WIDTH = "loss.adversarial", "loss.label_smoothing", "generator.width"
COMPARED: dict[str, Any] = {
    "version": 1,
    "question": "Which loss?",
    "base": "pix2pix-small",
    "space": {
        LOSS: {"choice": ["bce", "hinge"]},
        SMOOTH: {"choice": [0.0, 0.1, 0.2], "when": {LOSS: "bce"}},
    },
    "objectives": {"val_ab_mae": "minimize"},
    "design": "compare",
    "replicates": 3,
}


@pytest.fixture
def compared() -> dict[str, Any]:
    return json.loads(json.dumps(COMPARED))


def refused(write: Write, values: Any) -> str:
    path = write(values)
    with pytest.raises(InputError) as caught:
        load_study(path)
    assert len(str(caught.value).split("\n")) <= 3
    return str(caught.value).replace(path, "mine.yaml")


def again(study: Study) -> Study:
    return Study.from_data(parse_yaml(to_yaml(study.to_data()), "study.yaml"), "study.yaml")


class TestParts:
    @pytest.mark.parametrize(
        ("part", "value", "said"),
        [
            ("budget", {"trials": 4, "images": 0}, "budget.images: 0"),
            ("budget", {"trials": 4, "wall_hours": 0}, "budget.wall_hours"),
            ("budget", {"trials": 4, "gpu_hours": -1.0}, "budget.gpu_hours"),
            ("budget", {"trials": 4, "money": 10.0}, "money needs price_per_gpu_hour"),
            ("budget", {"trials": 4, "price_per_gpu_hour": 0.0}, "budget.price_per_gpu_hour"),
            ("budget", {"trials": 4, "when_spent": "pause"}, "budget.when_spent: 'pause'"),
            ("budget", {"trials": 4, "hours": 1}, "budget.hours: unknown key"),
            ("budget", {}, "budget.trials: is missing"),
            ("budget", {"gpu_hours": 4.0}, "budget.trials: is missing"),
            ("stopping", {"rule": "ashaa"}, "Did you mean 'asha'"),
            ("stopping", {"grace": 0.0}, "stopping.grace"),
            ("stopping", {"grace": 1.0}, "stopping.grace"),
            ("stopping", {"factor": 1}, "stopping.factor"),
            ("stopping", {"patience": 3}, "stopping.patience: unknown key"),
            ("stopping", "asha", "stopping: 'asha'"),
            ("confirm", {"top": 0}, "confirm.top: 0"),
            ("confirm", {"replicates": 1}, "confirm.replicates: 1"),
            ("confirm", {"trials": 1}, "confirm.trials: unknown key"),
            ("difference", 0, "difference: 0"),
            ("replicates", 1, "replicates: 1"),
            ("design", "ab", "design: 'ab'"),
        ],
    )
    def test_what_does_not_fit(
        self, write: Write, full: dict[str, Any], part: str, value: Any, said: str
    ) -> None:
        full[part] = value
        found = refused(write, full)
        assert found.startswith("mine.yaml: ")
        assert said in found

    def test_every_budget_may_be_given_at_once(self, write: Write, full: dict[str, Any]) -> None:
        full["budget"] = {
            "trials": 4,
            "images": 10**6,
            "wall_hours": 1,
            "gpu_hours": 2.5,
            "money": 10,
            "price_per_gpu_hour": 2,
            "when_spent": "cut",
        }
        study = load_study(write(full))
        assert study.file.budget.model_dump() == full["budget"]
        assert again(study).file.budget == study.file.budget

    def test_defaults_of_a_part_that_is_named(self, write: Write, full: dict[str, Any]) -> None:
        file = load_study(write({**full, "stopping": {}, "confirm": {}})).file
        assert file.stopping.model_dump() == {
            "rule": "asha",
            "grace": 0.5,
            "factor": 2,
            "promote": False,
        }
        assert file.confirm is not None
        assert file.confirm.model_dump() == {"top": 5, "replicates": 3}

    def test_nothing_is_stopped_or_confirmed_unasked(
        self, write: Write, full: dict[str, Any]
    ) -> None:
        del full["stopping"], full["confirm"]
        file = load_study(write(full)).file
        assert (file.stopping.rule, file.confirm) == ("none", None)

    def test_stopping_may_be_taken_back(self, write: Write, full: dict[str, Any]) -> None:
        path = write(full)
        assert load_study(path).file.stopping.rule == "hyperband"
        stopping = load_study(path, {"stopping.rule": "none"}).file.stopping
        before = {"rule": "hyperband", "grace": 0.25, "factor": 3, "promote": False}
        assert stopping.model_dump() == {**before, "rule": "none"}

    @pytest.mark.parametrize("rule", ["median", "none"])
    def test_without_rungs_nobody_is_promoted(
        self, write: Write, full: dict[str, Any], rule: str
    ) -> None:
        full["stopping"] = {"rule": rule, "promote": True}
        with pytest.raises(InputError, match=f"promote: {rule} has no rungs"):
            load_study(write(full))

    def test_new_keys_come_back(self, write: Write, full: dict[str, Any]) -> None:
        study = load_study(write(full))
        back = again(study)
        assert back.to_data() == study.to_data()
        for key in ("stopping", "confirm", "evaluate_on", "difference", "constraints", "budget"):
            assert getattr(back.file, key) == getattr(study.file, key) is not None
        assert back.file.constraints == {"cost_gmac_per_picture": "< 2"}
        assert back.base_config["evaluate_on"]["seed"] == 1
        assert back.trials == study.trials == 8


class TestCompare:
    def test_every_level_with_every_seed(self, write: Write, compared: dict[str, Any]) -> None:
        study = load_study(write(compared))
        assert [tuple(point.values()) for point in study.planned] == [
            ("bce", 0.0),
            ("bce", 0.1),
            ("bce", 0.2),
            ("hinge",),
        ]
        assert study.trials == 4 * 3
        assert again(study).planned == study.planned
        assert again(study).to_data() == study.to_data()

    def test_points_to_start_from_come_first(self, write: Write, compared: dict[str, Any]) -> None:
        compared["start_from"] = [{LOSS: "hinge"}, {SMOOTH: 0.2}]
        planned = load_study(write(compared)).planned
        assert planned[0] == {LOSS: "bce", SMOOTH: 0.2}
        assert planned[1] == {LOSS: "hinge"}
        assert len(planned) == 4

    @pytest.mark.parametrize(
        "part",
        [{LOSS: "hinge", "training.ticks": 2}, {LOSS: "hinge", SMOOTH: 0.2}, {LOSS: "hinge"}],
        ids=["what is fixed", "what is inactive", "all that counts"],
    )
    def test_what_does_not_count_in_them_holds_none_back(
        self, write: Write, compared: dict[str, Any], part: dict[str, Any]
    ) -> None:
        compared["start_from"] = [{}, part]
        assert load_study(write(compared)).planned[0] == {LOSS: "hinge"}

    @pytest.mark.parametrize(
        ("key", "value", "said"),
        [
            ("stopping", {"rule": "asha"}, "stopping: design compare trains every level in full"),
            ("confirm", {"top": 1}, "confirm: design compare trains every level in full"),
            ("seeds", "fresh", "seeds: design compare trains every level in full"),
            ("budget", {"trials": 5}, "budget.trials: design compare counts levels x replicates"),
        ],
    )
    def test_what_it_has_no_use_for(
        self, write: Write, compared: dict[str, Any], key: str, value: Any, said: str
    ) -> None:
        assert said in refused(write, {**compared, key: value})

    @pytest.mark.parametrize(
        "harmless",
        [{"stopping": {"rule": "none"}}, {"seeds": "shared"}, {"budget": {"gpu_hours": 1}}],
    )
    def test_what_changes_nothing_may_be_said(
        self, write: Write, compared: dict[str, Any], harmless: dict[str, Any]
    ) -> None:
        assert load_study(write({**compared, **harmless})).trials == 12

    def test_fixing_a_dimension_leaves_the_others(
        self, write: Write, compared: dict[str, Any]
    ) -> None:
        study = load_study(write(compared), {LOSS: "bce", "replicates": 2})
        assert study.planned == [{SMOOTH: 0.0}, {SMOOTH: 0.1}, {SMOOTH: 0.2}]
        assert study.trials == 6


class TestGrid:
    @pytest.mark.parametrize(("asked", "trials"), [(None, 4), (3, 3), (100, 4)])
    def test_a_grid_knows_its_own_number(
        self, write: Write, compared: dict[str, Any], asked: int | None, trials: int
    ) -> None:
        del compared["design"], compared["replicates"]
        compared["sampler"] = "grid"
        if asked is not None:
            compared["budget"] = {"trials": asked}
        study = load_study(write(compared))
        assert study.trials == trials
        assert len(study.planned) == 4

    def test_of_a_sampler_only_the_start_is_planned(
        self, write: Write, full: dict[str, Any]
    ) -> None:
        assert load_study(write(full)).planned == full["start_from"]


def test_no_more_are_confirmed_than_are_tried(write: Write, full: dict[str, Any]) -> None:
    full |= {"confirm": {"top": 5, "replicates": 3}, "start_from": [], "budget": {"trials": 2}}
    assert load_study(write(full)).confirming == 2 * 3
    assert load_study(write(full | {"budget": {"trials": 9}})).confirming == 5 * 3
    del full["confirm"]
    assert load_study(write(full)).confirming == 0


class TestAuto:
    STUDY: ClassVar[dict[str, Any]] = {
        "sampler": "auto",
        "space": dict.fromkeys("abcd"),
        "trials": 24,
        "objectives": {"val_ab_mae": "minimize"},
        "decide": None,
        "base_config": {"training": {"images": 100}},
    }
    TWO: ClassVar[dict[str, Any]] = {"objectives": {"a": "minimize", "b": "maximize"}}

    @pytest.mark.parametrize(
        ("changes", "sampler"),
        [
            ({}, "gp"),
            ({"trials": GP_TRIALS}, "gp"),
            ({"trials": GP_TRIALS + 1}, "tpe"),
            ({"trials": 9999, "budget": {"images": 50 * GP_TRIALS}}, "gp"),
            ({"trials": 9999, "budget": {"images": 50 * GP_TRIALS + 50}}, "tpe"),
            ({"space": dict.fromkeys(range(GP_DIMENSIONS))}, "gp"),
            ({"space": dict.fromkeys(range(GP_DIMENSIONS + 1))}, "tpe"),
            (TWO, "tpe"),
            ({**TWO, "decide": {"by": "a"}}, "gp"),
            ({"sampler": "qmc"}, "qmc"),
            ({"sampler": "tpe"}, "tpe"),
        ],
    )
    def test_it_follows_from_the_size_of_the_search(
        self, changes: dict[str, Any], sampler: str
    ) -> None:
        assert sampler_of_study({**self.STUDY, **changes}) == sampler

    def test_a_resolved_study_keeps_the_word_and_says_the_same(self, load: Any) -> None:
        study = load({LOSS: {"choice": ["bce", "lsgan"]}, SMOOTH: {"uniform": [0.0, 0.3]}})
        data = study.to_data()
        assert data["sampler"] == "auto"
        assert study.sampler == again(study).sampler == sampler_of_study(data) == "gp"
