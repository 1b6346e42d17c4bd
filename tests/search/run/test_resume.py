"""A sweep goes on with its own study, with more of it, or not at all."""

import copy
import dataclasses
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colornet import provenance
from colornet.config.catalog import read_yaml, to_yaml
from colornet.config.sections.data import FolderData
from colornet.errors import InputError, InUseError
from search.records.lease import Lease
from search.records.reader import read_sweep
from search.run.create import new_sweep
from search.run.resume import (
    Change,
    check_changes,
    code_changes,
    confirmation,
    data_changes,
    extension,
    resume_sweep,
    study_changes,
)
from spaces.earlier import EarlierSweep, EarlierTrial
from spaces.loading import load_study
from spaces.study import Study

MakeStudy = Callable[..., Study]
COMPARE: dict[str, Any] = {
    "design": "compare",
    "replicates": 2,
    "space": {"generator.dropout": {"choice": [0.0, 0.5]}},
    "budget": {},
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORSWEEP_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def begun(make_study: MakeStudy, tmp_path: Path) -> Callable[..., Path]:
    """A function of changed keys that gives the folder of a sweep with real pictures."""

    def make(**changes: Any) -> Path:
        data = {"data.pictures": 80, "data.image_size": 16}
        fixed = {**data, "training.images": 64, "training.ticks": 2, "training.batch_size": 8}
        return Path(new_sweep(make_study(fixed=fixed, **changes), str(tmp_path / "sweep")))

    return make


def rewrite(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    values = read_yaml(folder / "study.yaml")
    edit(values)
    (folder / "study.yaml").write_text(to_yaml(values))


def test_nothing_changed(begun: Callable[..., Path], caplog: pytest.LogCaptureFixture) -> None:
    folder = begun()
    before = (folder / "study.yaml").read_bytes(), (folder / "provenance.json").read_bytes()
    with caplog.at_level(logging.WARNING):
        resume_sweep(folder)
    assert caplog.messages == []
    after = (folder / "study.yaml").read_bytes(), (folder / "provenance.json").read_bytes()
    assert after == before


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        ({"trials": 50}, "trials: 50 is not taken: 8 follow from budget.trials."),
        ({"budgett": {"trials": 9}}, "budgett: no such key, left out. Did you mean 'budget'?"),
    ],
)
def test_an_edit_that_changes_nothing_is_said(
    begun: Callable[..., Path],
    caplog: pytest.LogCaptureFixture,
    edit: dict[str, Any],
    says: str,
) -> None:
    folder = begun()
    rewrite(folder, lambda values: values.update(edit))
    with caplog.at_level(logging.WARNING):
        assert resume_sweep(folder).trials == 8
    assert caplog.messages == [f"{folder}/study.yaml: {says}"]


def test_an_edit_of_the_budget_is_not_said_to_change_nothing(
    begun: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    folder = begun()
    rewrite(folder, lambda values: values["budget"].update(trials=9))
    with caplog.at_level(logging.WARNING):
        assert resume_sweep(folder).trials == 9
    assert caplog.messages == ["Changed since the sweep began: budget.trials: 8 -> 9"]


@pytest.mark.parametrize(
    ("final", "says"),
    [
        ({"training.imags": 64}, "final: training.imags: no such config path"),
        ({"training.images": -1}, "final: training.images: -1"),
    ],
)
def test_a_final_training_that_could_not_begin_is_refused(
    begun: Callable[..., Path], final: dict[str, Any], says: str
) -> None:
    folder = begun()
    rewrite(folder, lambda values: values.update(final=final))
    with pytest.raises(InputError, match=says):
        resume_sweep(folder)


def test_more_trials(begun: Callable[..., Path], caplog: pytest.LogCaptureFixture) -> None:
    folder = begun()
    study = resume_sweep(folder, extension(4, None, needed=True))
    assert study.trials == 12
    assert read_sweep(folder).study["trials"] == 12
    assert "budget.trials: 8 -> 12" in caplog.text
    caplog.clear()
    assert resume_sweep(folder).trials == 12
    assert caplog.messages == []


def test_more_seeds(begun: Callable[..., Path]) -> None:
    folder = begun(**COMPARE)
    assert resume_sweep(folder, extension(None, 3, needed=True)).trials == 10
    with pytest.raises(InputError, match="--trials: 2: a compared design"):
        resume_sweep(folder, extension(2, None, needed=True))
    with pytest.raises(InputError, match="confirm: a compared design"):
        resume_sweep(folder, confirmation(3, 2))


def test_an_extension_by_nothing_is_refused(begun: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="extend: by what"):
        extension(None, None, needed=True)
    with pytest.raises(InputError, match="--replicates: 2: this sweep is a search"):
        resume_sweep(begun(), extension(None, 2, needed=True))


def test_a_confirmation_is_written_down(begun: Callable[..., Path]) -> None:
    folder = begun()
    resume_sweep(folder, confirmation(2, 4))
    assert read_sweep(folder).study["confirm"] == {"top": 2, "replicates": 4}


def test_an_edited_study_is_told_asked_for_or_refused(begun: Callable[..., Path]) -> None:
    folder = begun()

    def widen(values: dict[str, Any]) -> None:
        values["space"]["optimizer.generator_lr"]["high"] = 1.0

    rewrite(folder, widen)
    with pytest.raises(InputError, match=r"space.optimizer.generator_lr.*\nGo on with --accept"):
        resume_sweep(folder)
    assert resume_sweep(folder, accept=True).space["optimizer.generator_lr"].high == 1.0
    resume_sweep(folder)  # consent is given once

    def turn(values: dict[str, Any]) -> None:
        values["objectives"] = {"val_psnr": "maximize"}

    rewrite(folder, turn)
    with pytest.raises(InputError, match=r"objectives.*\n.*start a new sweep"):
        resume_sweep(folder, accept=True)


@pytest.mark.parametrize("text", ["space: 3\n", "budget: []\n", "design: other\n"])
def test_a_study_that_was_spoiled(begun: Callable[..., Path], text: str) -> None:
    folder = begun()
    path = folder / "study.yaml"
    key = text.partition(":")[0]
    values = {name: value for name, value in read_yaml(path).items() if name != key}
    path.write_text(to_yaml(values) + text)
    with pytest.raises(InputError) as error:
        resume_sweep(folder, accept=True)
    assert str(error.value).count("\n") <= 2


def test_other_pictures_are_refused(begun: Callable[..., Path]) -> None:
    folder = begun()

    def more_pictures(values: dict[str, Any]) -> None:
        values["base_config"]["data"]["pictures"] = 90

    rewrite(folder, more_pictures)
    with pytest.raises(InputError, match=r"base_config\.data\.pictures: 80 -> 90"):
        resume_sweep(folder)


def small_file(make_study: MakeStudy, tmp_path: Path) -> Path:
    """The file of a study of few pictures."""
    fixed = {"data.pictures": 80, "data.image_size": 16, "training.images": 64}
    make_study(fixed={**fixed, "training.ticks": 2, "training.batch_size": 8})
    return tmp_path / "study-file.yaml"


def test_a_file_s_study_is_taken_with_the_first_settings(
    make_study: MakeStudy, tmp_path: Path
) -> None:
    file = small_file(make_study, tmp_path)
    settings = {"budget.trials": 5}
    study = load_study(str(file), settings)
    began = {"study": str(file), "settings": settings, "quick": False}
    folder = Path(new_sweep(study, str(tmp_path / "sweep"), began))
    values = read_yaml(file)
    values["space"]["loss.adversarial"] = {"choice": ["bce", "lsgan", "hinge"]}
    values["question"] = "And hinge?"
    file.write_text(to_yaml(values))
    with pytest.raises(InputError, match=r"loss.adversarial.*hinge.*\nGo on with --accept"):
        resume_sweep(folder, study=str(file))
    found = resume_sweep(folder, study=str(file), accept=True)
    assert (found.trials, found.file.question) == (5, "And hinge?")


@pytest.mark.parametrize("bundled", [False, True])
def test_a_sweep_of_before_reads_and_splits_its_pictures_as_it_began(
    make_study: MakeStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundled: bool
) -> None:
    root = tmp_path / "photos"
    chance = np.random.default_rng(0)
    for number in range(60):
        cells = Image.fromarray(chance.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        picture = cells.resize((64, 64), Image.Resampling.NEAREST)
        folder = root / ("test" if number < 5 else "docs" if number == 6 else "train")
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{number}.png")
        picture.save(folder / f"{number}.jpg")
        if number % 20 == 0:
            picture.save(folder / f"{number}.tif")
    source = {"data.source": "folder", "data.root": str(root)}
    first = {"data.rules": 1, "data.split": "content", "data.max_pixels": 40_000_000}
    fixed = {"data.image_size": 16, "training.images": 64, "training.ticks": 2}
    keys: dict[str, Any] = {}
    space: dict[str, Any] = {"optimizer.generator_lr": {"loguniform": [1e-5, 1e-1]}}
    if bundled:
        space["pictures"] = {"bundle": {"photos": source | first}}
        keys = {"evaluate_on": {"data.pictures": 80}, "objectives": {"eval_ab_mae": "minimize"}}
    else:
        fixed |= source | first
    study = make_study(space=space, fixed={**fixed, "training.batch_size": 8}, **keys)
    sweep = Path(new_sweep(study, str(tmp_path / "sweep"), {"study": "mine", "settings": {}}))

    def as_before(values: dict[str, Any]) -> None:
        values["base_config"]["version"] = 1
        spec = values["space"].get("pictures", {}).get("labels", {"": {}})
        for name in ("rules", "split", "layout", "max_pixels"):
            values["base_config"]["data"].pop(name, None)
            next(iter(spec.values())).pop(f"data.{name}", None)

    rewrite(sweep, as_before)
    described = json.loads((sweep / "provenance.json").read_text())
    as_before(described["study"])
    (sweep / "provenance.json").write_text(json.dumps(described))
    monkeypatch.setenv("COLORSWEEP_CACHE", str(tmp_path / "another"))
    for _ in range(2):
        going = resume_sweep(sweep)
        data = going.config(point_of(going), 0).data
        assert isinstance(data, FolderData)
        assert (data.rules, data.split, data.max_pixels) == (1, "content", 40_000_000)
    if not bundled:
        path = tmp_path / "mine.yaml"
        own = {**fixed, "training.batch_size": 8}
        plain = {name: value for name, value in own.items() if name not in first}
        path.write_text(to_yaml({**read_yaml(tmp_path / "study-file.yaml"), "fixed": plain}))
        resume_sweep(sweep, study=str(path))


def point_of(study: Study) -> dict[str, Any]:
    """A point of a study."""
    return {one.name: one.probes()[0] for one in study.dimensions}


def test_a_running_sweep_is_left_alone(begun: Callable[..., Path]) -> None:
    folder = begun()
    before = (folder / "study.yaml").read_bytes()
    with Lease(folder), pytest.raises(InUseError):
        resume_sweep(folder, extension(4, None, needed=True))
    assert (folder / "study.yaml").read_bytes() == before


STUDY: dict[str, Any] = {
    "question": "q",
    "objectives": {"val_ab_mae": "minimize"},
    "seed": 0,
    "seeds": "shared",
    "design": "search",
    "replicates": 5,
    "sampler": "tpe",
    "budget": {"trials": 8},
    "trials": 8,
    "confirm": None,
    "stopping": {"rule": "none", "grace": 0.5},
    "fixed": {},
    "base_config": {"data": {"source": "scenes"}, "optimizer": {"beta1": 0.5}},
    "space": {
        "optimizer.generator_lr": {"type": "loguniform", "low": 1e-4, "high": 1e-2},
        "loss.l1_weight": {"type": "uniform", "low": 1.0, "high": 9.0, "special": 0},
        "loss.adversarial": {"type": "choice", "choices": ["bce", "lsgan"]},
        "pictures": {"type": "bundle", "labels": {"sea": {"data.classes": ["sea"]}}},
    },
}


def changed(path: tuple[str, ...], value: Any) -> list[Change]:
    after = copy.deepcopy(STUDY)
    place = after
    for key in path[:-1]:
        place = place[key]
    if value is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return study_changes(STUDY, after)


def test_no_change() -> None:
    assert study_changes(STUDY, copy.deepcopy(STUDY)) == []


LR = ("space", "optimizer.generator_lr")


@pytest.mark.parametrize(
    ("path", "value", "effect"),
    [
        (("question",), "another", "goes on"),
        (("budget", "trials"), 16, "goes on"),
        (("budget", "images"), 10_000, "goes on"),
        (("confirm",), {"top": 3, "replicates": 3}, "goes on"),
        (("replicates",), 6, "goes on"),
        (("replicates",), 4, "is refused"),
        (("sampler",), "random", "needs consent"),
        (("stopping", "rule"), "asha", "needs consent"),
        (("objectives",), {"val_ab_mae": "maximize"}, "is refused"),
        (("objectives",), {"val_psnr": "maximize"}, "is refused"),
        (("seed",), 1, "is refused"),
        (("seeds",), "fresh", "is refused"),
        (("design",), "compare", "is refused"),
        (("base_config", "data", "source"), "folder", "is refused"),
        (("base_config", "optimizer", "beta1"), 0.9, "is refused"),
        (("base_config", "evaluate_on"), {"source": "scenes"}, "is refused"),
        ((*LR, "high"), 1e-1, "needs consent"),
        ((*LR, "low"), 1e-5, "needs consent"),
        ((*LR, "high"), 1e-3, "is refused"),
        ((*LR, "type"), "uniform", "is refused"),
        ((*LR, "when"), {"loss.adversarial": ["bce"]}, "is refused"),
        (LR, KeyError, "is refused"),
        (("space", "generator.dropout"), {"type": "choice", "choices": [0.0]}, "is refused"),
        (("space", "loss.l1_weight", "special"), KeyError, "is refused"),
        (("space", "loss.adversarial", "choices"), ["bce", "lsgan", "hinge"], "needs consent"),
        (("space", "loss.adversarial", "choices"), ["bce"], "is refused"),
        (
            ("space", "pictures", "labels"),
            {"sea": {"data.classes": ["sea"]}, "all": {"data.classes": None}},
            "needs consent",
        ),
        (("space", "pictures", "labels", "sea"), {"data.classes": None}, "is refused"),
        (("something new",), 1, "is refused"),
    ],
)
def test_what_follows(path: tuple[str, ...], value: Any, effect: str) -> None:
    found = changed(path, value)
    assert {change.effect for change in found} == {effect}


def test_a_change_names_the_leaf() -> None:
    (found,) = changed(("base_config", "optimizer", "beta1"), 0.9)
    assert str(found) == "base_config.optimizer.beta1: 0.5 -> 0.9"
    (found,) = changed((*LR, "high"), 1e-1)
    assert str(found) == (
        "space.optimizer.generator_lr: loguniform [0.0001, 0.01] -> loguniform [0.0001, 0.1]"
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("loss.l1_weight", "special"), KeyError),
        (("loss.l1_weight", "special"), 2),
        ((LR[1], "when"), {"loss.adversarial": ["bce"]}),
        (("loss.adversarial", "when"), {"pictures": ["sea"]}),
        (("pictures", "labels", "sea"), {"data.classes": None}),
        ((LR[1], "step"), 0.001),
    ],
)
def test_what_is_told_of_a_dimension_differs(path: tuple[str, ...], value: Any) -> None:
    """Two texts that are alike tell nobody what to put back."""
    (found,) = changed(("space", *path), value)
    before, after = str(found).removeprefix(f"{found.path}: ").split(" -> ")
    assert before != after


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("fixed", {"optimizer.beta1": 0.9}),
        ("fixed", {"training.images": 64}),
        ("evaluate_on", {"data.classes": ["sea"]}),
    ],
)
def test_a_setting_that_no_trial_would_have_is_refused(key: str, value: dict[str, Any]) -> None:
    """They are told in a sweep's study, and trials are made from its base config."""
    (found,) = changed((key,), value)
    assert found.effect == "is refused"


def test_what_is_told_as_it_is_goes_on() -> None:
    assert changed(("fixed",), {"optimizer.beta1": 0.5}) == []
    told = {"evaluate_on": {"data.classes": ["sea"]}}
    judged = {**STUDY["base_config"], "evaluate_on": {"source": "scenes", "classes": ["sea"]}}
    before = {**STUDY, **told, "base_config": judged}
    more = {"evaluate_on": {"data.classes": ["sea"], "data.source": "scenes"}}
    assert study_changes(before, {**before, **more}) == []
    (found,) = study_changes(before, {**before, "evaluate_on": None})
    assert (found.path, found.effect) == ("evaluate_on.data.classes", "is refused")


def test_other_packs_are_refused() -> None:
    then = {"data": [{"content_hash": "a" * 64}, {"content_hash": "b" * 64}]}
    same = ["a" * 64, "b" * 64]
    assert data_changes(then, same) == []
    assert data_changes({}, same) == []
    (found,) = data_changes(then, [same[0], "c" * 64])
    assert (found.path, found.effect) == ("pictures[1]", "is refused")
    (found,) = data_changes(then, same[:1])
    assert (found.path, found.effect) == ("pictures", "is refused")


def test_other_code_is_told() -> None:
    now = provenance.collect()
    assert code_changes(now) == []
    assert code_changes({}) == []
    packages = {**now["packages"], "torch": "1.0"}  # ty: ignore[invalid-argument-type]
    (found,) = code_changes({**now, "packages": packages})
    assert (found.path, found.before, found.effect) == ("packages.torch", "1.0", "goes on")


class TestCheck:
    FREE = Change("budget.trials", 8, 16, "goes on")
    ASKED = Change("sampler", "tpe", "random", "needs consent")
    REFUSED = Change("seed", 0, 1, "is refused")

    def test_more_of_the_same_goes_on(self) -> None:
        check_changes([], "here", accept=False)
        check_changes([self.FREE], "here", accept=False)

    def test_consent_is_asked_for(self) -> None:
        with pytest.raises(InputError, match=r"sampler: tpe -> random\.\nGo on with --accept"):
            check_changes([self.FREE, self.ASKED], "here", accept=False)
        check_changes([self.FREE, self.ASKED], "here", accept=True)

    def test_no_consent_helps_against_mixed_results(self) -> None:
        with pytest.raises(InputError, match=r"seed: 0 -> 1\.\n.*start a new sweep"):
            check_changes([self.ASKED, self.REFUSED], "here", accept=True)

    def test_many_changes_stay_short(self) -> None:
        with pytest.raises(InputError) as error:
            check_changes([self.REFUSED] * 9, "here", accept=True)
        assert "and 6 more" in str(error.value)
        assert str(error.value).count("\n") == 1


@pytest.mark.parametrize(
    ("kind", "old", "new", "effect"),
    [
        ("int", (8, 64, 8), (8, 64, 4), "needs consent"),
        ("int", (8, 64, 8), (8, 64, None), "needs consent"),
        ("int", (8, 64, 8), (4, 68, 4), "needs consent"),
        ("int", (8, 64, 8), (8, 128, 8), "needs consent"),
        ("int", (8, 64, 8), (8, 72, 16), "is refused"),
        ("int", (8, 64, 8), (4, 68, 8), "is refused"),
        ("int", (8, 64, None), (8, 64, 8), "is refused"),
        ("int", (8, 64, 8), (8, 56, 8), "is refused"),
        ("uniform", (0.0, 0.3, 0.1), (0.0, 0.3, 0.05), "needs consent"),
        ("uniform", (0.0, 0.3, 0.1), (0.0, 0.3, None), "needs consent"),
        ("uniform", (0.0, 0.3, None), (0.0, 0.3, 0.1), "is refused"),
        ("uniform", (0.0, 0.3, 0.1), (0.0, 0.3, 0.15), "is refused"),
    ],
)
def test_a_change_of_steps(
    kind: str,
    old: tuple[float, float, float | None],
    new: tuple[float, float, float | None],
    effect: str,
) -> None:
    """Results from before lie on the new steps, or nothing goes on."""
    before, after = copy.deepcopy(STUDY), copy.deepcopy(STUDY)
    for study, (low, high, step) in ((before, old), (after, new)):
        spec = {"type": kind, "low": low, "high": high}
        study["space"]["generator.width"] = spec | ({} if step is None else {"step": step})
    (change,) = study_changes(before, after)
    assert change.effect == effect
    steps = "" if new[2] is None else f" in steps of {new[2]:g}"
    assert change.after == f"{kind} [{new[0]:g}, {new[1]:g}]{steps}"


def test_what_a_release_describes_otherwise_or_adds_at_its_default_is_no_other_study(
    make_study: MakeStudy, tmp_path: Path
) -> None:
    file = small_file(make_study, tmp_path)
    study = load_study(str(file))
    base = copy.deepcopy(dict(study.base_config))
    base["about"] = "in other words"
    del base["training"]["sync_batch_norm"]
    older = dataclasses.replace(study, base_config=base)
    began = {"study": str(file), "settings": {}, "quick": False}
    folder = Path(new_sweep(older, str(tmp_path / "sweep"), began))
    assert resume_sweep(folder, study=str(file)).base_config["training"]["sync_batch_norm"] is False
    base["training"]["batch_size"] = 4
    older = dataclasses.replace(study, base_config=base)
    other = Path(new_sweep(older, str(tmp_path / "other"), began))
    with pytest.raises(InputError, match=r"base_config.training.batch_size: 4 -> "):
        resume_sweep(other, study=str(file))


def test_what_was_learned_from_stays_whatever_file_the_study_is_taken_from(
    make_study: MakeStudy, tmp_path: Path
) -> None:
    fixed = {"data.pictures": 80, "data.image_size": 16, "training.images": 64, "training.ticks": 2}
    space = {"optimizer.generator_lr": {"loguniform": [1e-5, 1e-1]}}
    study = make_study(fixed=fixed, space=space)
    before = read_sweep(new_sweep(study, str(tmp_path / "before"))).provenance["data_hash"]
    trial = EarlierTrial(point={"optimizer.generator_lr": 1e-3}, values=[9.0])
    earlier = EarlierSweep(sweep="before", pictures=[before], trials=[trial])
    location = new_sweep(dataclasses.replace(study, learned_from=(earlier,)), str(tmp_path / "s"))
    make_study(fixed=fixed, space=space, question="Which rate now?")
    resumed = resume_sweep(location, study=str(tmp_path / "study-file.yaml"))
    assert resumed.learned_from == (earlier,)
    assert read_sweep(location).study["question"] == "Which rate now?"
    data = read_sweep(location).study
    (Path(location) / "study.yaml").write_text(to_yaml({**data, "learned_from": []}))
    with pytest.raises(InputError, match="learned_from"):
        resume_sweep(location)
