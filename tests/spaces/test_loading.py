"""Study files: what is read, what is refused, and what a resolved study holds."""

import copy
import json
import math
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colornet.config.catalog import parse_yaml, to_yaml
from colornet.config.columns import METRICS
from colornet.errors import InputError
from spaces.loading import STUDIES, load_study
from spaces.study import Study

LR, LOSS, SMOOTH = "optimizer.generator_lr", "loss.adversarial", "loss.label_smoothing"
Write = Callable[[Any], str]


def refused(write: Write, values: Any, overrides: dict[str, Any] | None = None, **more: Any) -> str:
    path = write(values)
    with pytest.raises(InputError) as caught:
        load_study(path, overrides, **more)
    assert len(str(caught.value).split("\n")) <= 3
    return str(caught.value).replace(path, "mine.yaml")


def altered(values: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Set `a/b/c` in nested data; `value` ... removes it."""
    *folders, last = path.split("/")
    inner = values
    for folder in folders:
        inner = inner[folder]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return values


def images(study: Study) -> int:
    return study.base_config["training"]["images"]


def round_trip(study: Study) -> Study:
    """A study as a resumed sweep reads it."""
    return Study.from_data(parse_yaml(to_yaml(study.to_data()), "study.yaml"), "study.yaml")


class TestResolved:
    def test_everything_is_in_it(self, write: Write, full: dict[str, Any]) -> None:
        study = load_study(write(full))
        data = study.to_data()
        for key in ("question", "asked_in", "base", "fixed", "start_from", "objectives", "decide"):
            assert data[key] == full[key]
        for key in ("final", "sampler", "seed", "seeds", "resources", "version", "design"):
            assert data[key] == full[key]
        for key in ("evaluate_on", "difference", "confirm"):
            assert data[key] == full[key]
        assert data["stopping"] == {**full["stopping"], "promote": False}
        assert {key: one for key, one in data["budget"].items() if one is not None} == {
            "trials": 8,
            "when_spent": "finish",
        }
        assert data["constraints"] == {"cost_gmac_per_picture": "< 2"}
        assert data["trials"] == 8
        assert "quick" not in data
        assert data["name"] == "mine"
        assert data["base_config"]["training"]["images"] == 640
        assert data["base_config"]["loss"]["method"] == "gan"
        assert data["metrics"]["ab_mae"] == {
            "unit": "Lab units",
            "goal": "minimize",
            "label": "ab MAE",
        }
        assert set(data["metrics"]) > set(METRICS)
        assert data["space"]["loss.l1_weight"] == {
            "type": "loguniform",
            "low": 1.0,
            "high": 300.0,
            "special": 0,
        }
        json.dumps(data, allow_nan=False)

    def test_a_round_trip_changes_nothing(self, write: Write, full: dict[str, Any]) -> None:
        study = load_study(write(full))
        again = round_trip(study)
        assert again.dimensions == study.dimensions
        assert again.base_config == study.base_config
        assert again.to_data() == study.to_data()
        points = [
            {LR: 2e-3, LOSS: "bce", SMOOTH: 0.2, "loss.l1_weight": 0, "batch": "small"},
            {LR: 2e-3, LOSS: "lsgan", "generator.width": 7, "batch": "large"},
            {},
        ]
        for point in points:
            assert again.config(point, 5) == study.config(point, 5)

    def test_what_may_be_left_out(self, write: Write, full: dict[str, Any]) -> None:
        needed = ("version", "question", "base", "space", "objectives", "budget")
        study = load_study(write({key: full[key] for key in needed}))
        data = study.to_data()
        assert data["decide"] is None
        assert (data["seed"], data["seeds"], data["sampler"]) == (0, "shared", "auto")
        assert data["resources"] == {"workers": 1, "gpus": "auto", "concurrent": "auto"}
        assert round_trip(study).to_data() == data

    @pytest.mark.parametrize("key", ["version", "question", "base", "space", "objectives"])
    def test_what_may_not(self, write: Write, full: dict[str, Any], key: str) -> None:
        assert refused(write, altered(full, key, ...)) == f"mine.yaml: {key}: is missing.\nAdd it."

    def test_a_search_needs_a_number_of_trials(self, write: Write, full: dict[str, Any]) -> None:
        found = refused(write, altered(full, "budget", ...))
        assert found == "mine.yaml: budget.trials: is missing. Add it: how many points to try"

    def test_a_point_s_config_has_its_seed(self, write: Write, full: dict[str, Any]) -> None:
        config = load_study(write(full)).config({LR: 2e-3, "batch": "large"}, 11)
        assert config.training.seed == 11
        assert config.training.batch_size == 64
        assert config.optimizer.generator_lr == 2e-3

    def test_a_point_that_does_not_fit_names_itself(
        self, write: Write, full: dict[str, Any]
    ) -> None:
        with pytest.raises(InputError, match=r"^mine: point \{'optimizer.generator_lr': 2\}: "):
            load_study(write(full)).config({LR: 2}, 0)


class TestConditions:
    def test_on_a_fixed_path_they_are_settled(self, write: Write, full: dict[str, Any]) -> None:
        del full["space"][LOSS]
        full["start_from"] = []
        full["fixed"][LOSS] = "bce"
        assert load_study(write(full)).space[SMOOTH].when == {}
        full["fixed"][LOSS] = "lsgan"
        assert SMOOTH not in load_study(write(full)).space

    def test_they_go_with_what_they_hang_on(self, write: Write, full: dict[str, Any]) -> None:
        """A dimension under one that is never active is never active either."""
        del full["space"][LOSS]
        full["fixed"][LOSS] = "lsgan"
        full["space"]["generator.dropout"] = {"choice": [0.0, 0.5], "when": {"batch": "large"}}
        full["space"][SMOOTH] = {"choice": [0.0, 0.1], "when": {LOSS: ["bce"]}}
        full["space"]["discriminator.dropout"] = {"choice": [0.0, 0.5], "when": {SMOOTH: 0.0}}
        full["space"]["discriminator.width"] = {
            "int": [4, 8],
            "when": {"discriminator.dropout": 0.5},
        }
        space = load_study(write(full)).space
        assert "generator.dropout" in space
        assert not {SMOOTH, "discriminator.dropout", "discriminator.width"} & set(space)

    def test_a_tag_of_the_base_may_be_a_condition(self, write: Write, full: dict[str, Any]) -> None:
        full["space"][LR]["when"] = {"loss.method": "gan"}
        assert load_study(write(full)).space[LR].when == {}

    @pytest.mark.parametrize(
        ("when", "said"),
        [
            ({"loss.adversarail": "bce"}, "Did you mean 'loss.adversarial'?"),
            ({LOSS: ["wgan"]}, "'wgan': loss.adversarial never has that value"),
            ({SMOOTH: 0.1}, "conditions go in a circle"),
            ({"loss.l1_weight": 1000}, "never has that value"),
            ({LOSS: []}, "names no value"),
            ([LOSS], "no mapping"),
            (None, "no mapping"),
        ],
    )
    def test_impossible_ones(
        self, write: Write, full: dict[str, Any], when: Any, said: str
    ) -> None:
        found = refused(write, altered(full, f"space/{SMOOTH}/when", when))
        assert said in found
        assert found.startswith("mine.yaml: space")


class TestOverrides:
    def test_a_config_path_fixes_its_dimension_and_says_so(
        self, write: Write, full: dict[str, Any]
    ) -> None:
        study = load_study(write(full), {LR: 5e-3, "training.images": 99})
        assert LR not in study.space
        assert study.base_config["optimizer"]["generator_lr"] == 5e-3
        assert images(study) == 99
        assert study.notes == (
            f"{LR} is fixed at 0.005 and no longer searched",
            f"start_from[0]: {LR} 0.001 is not tried: it is fixed at 0.005",
        )

    def test_study_keys(self, write: Write, full: dict[str, Any]) -> None:
        overrides = {
            "budget.trials": 4,
            "sampler": "random",
            "seed": 9,
            "resources.concurrent": 1,
            "decide.by": "val_psnr",
            "objectives": {"val_ssim": "maximize"},
            "stopping.rule": "none",
            "confirm.top": 1,
            "budget.gpu_hours": 0.5,
        }
        file = load_study(write(full), overrides).file
        assert (file.stopping.rule, file.stopping.grace) == ("none", 0.25)
        assert file.confirm is not None
        assert (file.confirm.top, file.confirm.replicates) == (1, 4)
        assert file.budget.gpu_hours == 0.5
        assert (file.budget.trials, file.sampler, file.seed) == (4, "random", 9)
        assert (file.resources.concurrent, file.resources.gpus) == (1, 0.5)
        assert file.decide is not None
        assert (file.decide.by, len(file.decide.subject_to)) == ("val_psnr", 1)
        assert file.objectives == {"val_ssim": "maximize"}

    def test_a_dimension_may_be_replaced(self, write: Write, full: dict[str, Any]) -> None:
        full["quick"][f"space.{LOSS}"] = {"choice": ["bce"]}
        full["space"]["batch"]["bundle"]["tiny"] = {"training.batch_size": 4}
        path = write(full)
        given = {f"space.{LR}": {"choice": [1e-3, 2e-3]}}
        assert load_study(path, given).space[LR].choices == (1e-3, 2e-3)
        assert load_study(path).space[LOSS].choices == ("bce", "lsgan")
        quick = load_study(path, given, quick=True)
        assert quick.space[LOSS].choices == ("bce",)
        assert quick.space[LR].choices == (1e-3, 2e-3)
        assert list(quick.space) == list(load_study(path).space)

    def test_they_win_over_quick(self, write: Write, full: dict[str, Any]) -> None:
        study = load_study(write(full), {"training.images": 77}, quick=True)
        assert (study.file.budget.trials, images(study)) == (2, 77)

    @pytest.mark.parametrize(
        ("path", "value", "said"),
        [
            ("training.image", 3, "no such config path or study key.\nDid you mean"),
            ("budget.trial", 3, "budget.trial: unknown key"),
            ("budget.trials", 0, "budget.trials: 0: "),
            ("budget.trials", "8", "is text, not a number"),
            ("budget", 8, "budget: 8: "),
            ("space", {}, "no such config path or study key"),
            ("space.batc", {"choice": [1]}, "space.batc: no dimension.\nDid you mean 'batch'?"),
            ("space.batch", 3, "space.batch: 3: no distribution"),
            ("stopping.rule", "later", "stopping.rule: 'later'"),
            ("stopping.grase", 0.5, "stopping.grase: unknown key"),
            ("confirm.top", 0, "confirm.top: 0"),
            ("quick", {}, "no such config path or study key"),
            ("version", 2, "no such config path or study key"),
            ("", 2, "no such config path or study key"),
            ("sampler", "gird", "sampler: 'gird': unknown"),
            (LR, "fast", "is text, not a number"),
            ("generator.dropout", 1, "generator.dropout: 1: "),
            ("data.image_size", 30, "not divisible by 16"),
            ("data.source", "folder", "data.root: is missing"),
            ("data.source", "web", "data.source: 'web': unknown"),
        ],
    )
    def test_what_does_not_fit(
        self, write: Write, full: dict[str, Any], path: str, value: Any, said: str
    ) -> None:
        assert said in refused(write, full, {path: value})

    def test_nothing_left_to_search(self, write: Write, full: dict[str, Any]) -> None:
        full["space"] = {LR: full["space"][LR]}
        full["start_from"] = []
        assert "nothing is left to search" in refused(write, full, {LR: 1e-3})

    @pytest.mark.parametrize(
        "quick", [{"budget.trial_s": 1}, {"training.images": 0}, {"budget.trials": 0}, {"x": 1}]
    )
    def test_mistakes_in_quick_are_found_without_quick(
        self, write: Write, full: dict[str, Any], quick: dict[str, Any]
    ) -> None:
        assert refused(write, altered(full, "quick", quick)).startswith("mine.yaml: quick: ")


WHOLE = {
    LR: 1e-3,
    LOSS: "lsgan",
    "loss.l1_weight": 0,
    "generator.width": 8,
    "batch": "small",
}
BAD: dict[str, tuple[str, Any, str]] = {
    "unknown key": ("trials", 8, "trials: unknown key"),
    "unknown key nearby": ("objective", {}, "Did you mean 'objectives'?"),
    "later version": ("version", 2, "version"),
    "no version": ("version", None, "version"),
    "empty question": ("question", "", "question: ''"),
    "question as a number": ("question", 3, "question: 3"),
    "unknown base": ("base", "pix2pix-smal", "Did you mean 'pix2pix-small'?"),
    "base as a list": ("base", ["a"], "base: ['a']"),
    "unknown fixed path": ("fixed/training.image", 1, "fixed: training.image"),
    "fixed value that does not fit": ("fixed/training.images", "640", "is text, not a number"),
    "unknown final path": ("final/training.image", 1, "final: training.image"),
    "final value that does not fit": ("final/training.images", -1, "final: training.images: -1"),
    "empty space": ("space", {}, "nothing is left to search"),
    "space as a list": ("space", [LR], "space: ["),
    "unknown path": ("space/optimizer.lr", {"uniform": [0, 1]}, "no such config path"),
    "low above high": (f"space/{LR}", {"uniform": [1, 0]}, "low is not below high"),
    "log at 0": (f"space/{LR}", {"loguniform": [0, 1]}, "starts above 0"),
    "number as text": (f"space/{LR}", {"uniform": ["1e-5", 1]}, "is text, not a number"),
    "unknown distribution": (f"space/{LR}", {"normal": [0, 1]}, "unknown distribution word"),
    "beyond the config": (f"space/{LR}", {"uniform": [0.0, 0.5]}, "its config is refused"),
    "dropout of 1": ("space/generator.dropout", {"uniform": [0, 1]}, "generator.dropout: 1.0"),
    "a size that does not divide": ("space/generator.depth", {"choice": [4, 6]}, "data.image_size"),
    "unknown choice": (f"space/{LOSS}", {"choice": ["bce", "wgan"]}, "'wgan'"),
    "bundle that does not fit": (
        "space/batch/bundle",
        {"small": {"training.batch_size": 0}},
        "training.batch_size: 0",
    ),
    "start outside": ("start_from", [{LR: 1.0}], "start_from[0]: optimizer.generator_lr: 1.0"),
    "start of no dimension": ("start_from", [{}, {"lr": 1}], "start_from[1]: lr: no dimension"),
    "same start twice": ("start_from", [WHOLE, WHOLE], "start_from[1]: is the same point"),
    "start as text": ("start_from", [{LR: "1e-3"}], "start_from[0]"),
    "start as a mapping": ("start_from", {LR: 1e-3}, "start_from: "),
    "start huge": ("start_from", [{LR: 10**400}], "start_from[0]"),
    "unknown metric": ("objectives", {"val_ab_mea": "minimize"}, "Did you mean 'val_ab_mae'?"),
    "metric without prefix": ("objectives", {"ab_mae": "minimize"}, "Did you mean 'val_ab_mae'?"),
    "test metric": ("objectives", {"test_ab_mae": "minimize"}, "objectives: test_ab_mae: unknown"),
    "no objective": ("objectives", {}, "objectives: {}"),
    "wrong direction": ("objectives", {"val_psnr": "minimize"}, "this metric is to be maximized"),
    "unknown direction": ("objectives", {"val_psnr": "max"}, "objectives.val_psnr: 'max'"),
    "objectives as a list": ("objectives", ["val_ab_mae"], "objectives: "),
    "decide by an unknown": ("decide/by", "val_x", "decide.by: val_x: unknown metric"),
    "decide by neither": ("decide/by", "val_colorfulness", "is neither better high nor low"),
    "bound on an unknown": ("decide/subject_to", {"val_x": "< 1"}, "decide.subject_to: val_x"),
    "bad bound": ("decide/subject_to", {"val_ssim": "about 1"}, "'about 1' is no bound"),
    "bound without a number": ("decide/subject_to", {"val_ssim": "< x"}, "decide.subject_to"),
    "bound as a number": ("decide/subject_to", {"val_ssim": 8}, "decide.subject_to.val_ssim: 8"),
    "unknown sampler": ("sampler", "cmaes", "sampler: 'cmaes': unknown"),
    "negative seed": ("seed", -1, "seed: -1"),
    "seed too large": ("seed", 2**32, "seed: "),
    "seed as a float": ("seed", 0.0, "seed: 0.0"),
    "unknown seeds": ("seeds", "random", "seeds: 'random'"),
    "no trial": ("budget/trials", 0, "budget.trials: 0"),
    "half a trial": ("budget/trials", 2.5, "budget.trials: 2.5"),
    "unknown budget": ("budget/hours", 4, "budget.hours: unknown key"),
    "negative cards": ("resources/gpus", -1, "resources.gpus"),
    "infinite cards": ("resources/gpus", math.inf, "resources.gpus"),
    "cards as a word": ("resources/gpus", "all", "resources.gpus"),
    "nothing at a time": ("resources/concurrent", 0, "resources.concurrent"),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_what_cannot_be_run(write: Write, full: dict[str, Any], case: str) -> None:
    path, value, said = BAD[case]
    found = refused(write, altered(full, path, value))
    assert said in found
    assert found.startswith("mine.yaml: ") is (case != "unknown base")


def test_parts_of_points_may_start_twice(write: Write, full: dict[str, Any]) -> None:
    """The sampler completes each differently; so it is for points that `--set` makes the same."""
    part = {LR: 1e-3, "batch": "small"}
    others = [{**WHOLE, "generator.width": 4}, {**WHOLE, LOSS: "bce"}, WHOLE]
    full["start_from"] = [part, part, *others]
    study = load_study(write(full), {"generator.width": 8})
    assert len(study.planned) == 5


@pytest.mark.parametrize("text", ["", "[]", "version: 1\nversion: 1\n", "a: [", "null", "3"])
def test_files_that_are_no_study(write: Write, text: str) -> None:
    assert refused(write, text).startswith("mine.yaml")


def test_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'demo'"):
        load_study("demmo")
    with pytest.raises(InputError, match=r"mine\.yaml: not found"):
        load_study(str(tmp_path / "mine.yaml"))


WILD = [
    None,
    True,
    0,
    -1,
    10**400,
    1e308,
    -1e-300,
    math.nan,
    math.inf,
    "",
    "1e-3",
    "x" * 3000,
    "a\nb",
    [],
    [[]],
    [None],
    {},
    {"": None},
    {1: {2: 3}},
    {"uniform": [0, 1]},
    {"choice": [{}]},
    "loss.adversarial",
    "2026-01-01",
]


def places(values: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything inside nested data."""
    found = [path] if path else []
    pairs = values.items() if isinstance(values, dict) else enumerate(values)
    for key, inner in pairs if isinstance(values, dict | list) else ():
        if isinstance(inner, dict | list):
            found += places(inner, (*path, key))
        else:
            found.append((*path, key))
    return found


def mutate(values: Any, rng: random.Random) -> None:
    """Break nested data at one place: drop, rename, replace, nest or move something."""
    path = rng.choice(places(values))
    *folders, last = path
    for folder in folders:
        values = values[folder]
    kind = rng.choice(["drop", "rename", "replace", "replace", "nest", "double"])
    if kind == "drop":
        del values[last]
    elif kind == "rename" and isinstance(values, dict):
        values[rng.choice([f"{last}s", 3, None, "", "when", "or", "bundle"])] = values.pop(last)
    elif kind == "nest":
        values[last] = rng.choice([[values[last]], {last: values[last]}])
    elif kind == "double" and isinstance(values, list):
        values.append(values[last])
    else:
        values[last] = copy.deepcopy(rng.choice(WILD))


@pytest.mark.parametrize("batch", range(4))
def test_mutated_studies_are_run_or_refused_never_met_by_a_traceback(
    full: dict[str, Any], batch: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """200 files; they are handed over as data, as reading YAML takes most of the time."""
    mine = tmp_path / "mine.yaml"
    mine.touch()
    accepted = 0
    for number in range(50):
        rng = random.Random(1000 * batch + number)
        values = json.loads(json.dumps(full))
        for _ in range(rng.choice([1, 1, 2, 4])):
            mutate(values, rng)
        monkeypatch.setattr(
            "spaces.loading.read_yaml",
            lambda path, values=values: values if path == mine else PRESET,
        )
        started = time.process_time()
        try:
            study = load_study(str(mine), quick=rng.random() < 0.3)
        except InputError as error:
            assert len(str(error).split("\n")) <= 3, str(error)
            assert len(str(error)) < 4000
        else:
            accepted += 1
            assert round_trip(study).to_data() == parse_yaml(to_yaml(study.to_data()), "")
        assert time.process_time() - started < 2
    assert 0 < accepted < 40


PRESET = parse_yaml(
    (STUDIES.parent.parent / "colornet" / "config" / "presets" / "pix2pix-small.yaml").read_text(),
    "preset",
)


@pytest.mark.parametrize("key", ["space", "fixed", "quick", "version"])
def test_what_cannot_be_given_as_a_whole_is_not_offered(write: Write, full: Any, key: str) -> None:
    with pytest.raises(InputError, match=f"^--set: {key}: no such config path") as caught:
        load_study(write(full), {key: {}})
    assert f"'{key}'" not in str(caught.value)
