"""A sweep goes on with its own study, with more of it, or not at all."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colornet.config.catalog import read_yaml, to_yaml
from colornet.config.sections.data import FolderData
from colornet.errors import InputError, InUseError
from search.records.lease import Lease
from search.records.reader import read_sweep
from search.run.create import begin
from search.run.resume import confirming, continued, more
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
        return Path(begin(make_study(fixed=fixed, **changes), str(tmp_path / "sweep")))

    return make


def rewrite(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    values = read_yaml(folder / "study.yaml")
    edit(values)
    (folder / "study.yaml").write_text(to_yaml(values))


def test_nothing_changed(begun: Callable[..., Path], caplog: pytest.LogCaptureFixture) -> None:
    folder = begun()
    before = (folder / "study.yaml").read_bytes(), (folder / "provenance.json").read_bytes()
    with caplog.at_level(logging.WARNING):
        continued(folder)
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
        assert continued(folder).trials == 8
    assert caplog.messages == [f"{folder}/study.yaml: {says}"]


def test_an_edit_of_the_budget_is_not_said_to_change_nothing(
    begun: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    folder = begun()
    rewrite(folder, lambda values: values["budget"].update(trials=9))
    with caplog.at_level(logging.WARNING):
        assert continued(folder).trials == 9
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
        continued(folder)


def test_more_trials(begun: Callable[..., Path], caplog: pytest.LogCaptureFixture) -> None:
    folder = begun()
    study = continued(folder, more(4, None, needed=True))
    assert study.trials == 12
    assert read_sweep(folder).study["trials"] == 12
    assert "budget.trials: 8 -> 12" in caplog.text
    caplog.clear()
    assert continued(folder).trials == 12
    assert caplog.messages == []


def test_more_seeds(begun: Callable[..., Path]) -> None:
    folder = begun(**COMPARE)
    assert continued(folder, more(None, 3, needed=True)).trials == 10
    with pytest.raises(InputError, match="--trials: 2: a compared design"):
        continued(folder, more(2, None, needed=True))
    with pytest.raises(InputError, match="confirm: a compared design"):
        continued(folder, confirming(3, 2))


def test_an_extension_by_nothing_is_refused(begun: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="extend: by what"):
        more(None, None, needed=True)
    with pytest.raises(InputError, match="--replicates: 2: this sweep is a search"):
        continued(begun(), more(None, 2, needed=True))


def test_a_confirmation_is_written_down(begun: Callable[..., Path]) -> None:
    folder = begun()
    continued(folder, confirming(2, 4))
    assert read_sweep(folder).study["confirm"] == {"top": 2, "replicates": 4}


def test_an_edited_study_is_told_asked_for_or_refused(begun: Callable[..., Path]) -> None:
    folder = begun()

    def widen(values: dict[str, Any]) -> None:
        values["space"]["optimizer.generator_lr"]["high"] = 1.0

    rewrite(folder, widen)
    with pytest.raises(InputError, match=r"space.optimizer.generator_lr.*\nGo on with --accept"):
        continued(folder)
    assert continued(folder, accept=True).space["optimizer.generator_lr"].high == 1.0
    continued(folder)  # consent is given once

    def turn(values: dict[str, Any]) -> None:
        values["objectives"] = {"val_psnr": "maximize"}

    rewrite(folder, turn)
    with pytest.raises(InputError, match=r"objectives.*\n.*start a new sweep"):
        continued(folder, accept=True)


@pytest.mark.parametrize("text", ["space: 3\n", "budget: []\n", "design: other\n"])
def test_a_study_that_was_spoilt(begun: Callable[..., Path], text: str) -> None:
    folder = begun()
    path = folder / "study.yaml"
    key = text.partition(":")[0]
    values = {name: value for name, value in read_yaml(path).items() if name != key}
    path.write_text(to_yaml(values) + text)
    with pytest.raises(InputError) as error:
        continued(folder, accept=True)
    assert str(error.value).count("\n") <= 2


def test_other_pictures_are_refused(begun: Callable[..., Path]) -> None:
    folder = begun()

    def more_pictures(values: dict[str, Any]) -> None:
        values["base_config"]["data"]["pictures"] = 90

    rewrite(folder, more_pictures)
    with pytest.raises(InputError, match=r"base_config\.data\.pictures: 80 -> 90"):
        continued(folder)


def test_a_file_s_study_is_taken_with_the_first_settings(
    make_study: MakeStudy, tmp_path: Path
) -> None:
    fixed = {"data.pictures": 80, "data.image_size": 16, "training.images": 64}
    make_study(fixed={**fixed, "training.ticks": 2, "training.batch_size": 8})
    file = tmp_path / "study-file.yaml"
    settings = {"budget.trials": 5}
    study = load_study(str(file), settings)
    began = {"study": str(file), "settings": settings, "quick": False}
    folder = Path(begin(study, str(tmp_path / "sweep"), began))
    values = read_yaml(file)
    values["space"]["loss.adversarial"] = {"choice": ["bce", "lsgan", "hinge"]}
    values["question"] = "And hinge?"
    file.write_text(to_yaml(values))
    with pytest.raises(InputError, match=r"loss.adversarial.*hinge.*\nGo on with --accept"):
        continued(folder, study=str(file))
    found = continued(folder, study=str(file), accept=True)
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
    sweep = Path(begin(study, str(tmp_path / "sweep"), {"study": "mine", "settings": {}}))

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
        going = continued(sweep)
        data = going.config(point_of(going), 0).data
        assert isinstance(data, FolderData)
        assert (data.rules, data.split, data.max_pixels) == (1, "content", 40_000_000)
    if not bundled:
        path = tmp_path / "mine.yaml"
        own = {**fixed, "training.batch_size": 8}
        plain = {name: value for name, value in own.items() if name not in first}
        path.write_text(to_yaml({**read_yaml(tmp_path / "study-file.yaml"), "fixed": plain}))
        continued(sweep, study=str(path))


def point_of(study: Study) -> dict[str, Any]:
    """A point of a study."""
    return {one.name: one.probes()[0] for one in study.dimensions}


def test_a_running_sweep_is_left_alone(begun: Callable[..., Path]) -> None:
    folder = begun()
    before = (folder / "study.yaml").read_bytes()
    with Lease(folder), pytest.raises(InUseError):
        continued(folder, more(4, None, needed=True))
    assert (folder / "study.yaml").read_bytes() == before
