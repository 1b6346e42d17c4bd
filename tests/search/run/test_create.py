"""What is checked of a sweep's pictures before it begins, and what is said of them."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from colornet.data.packed import Pack
from colornet.errors import InputError
from colornet.model.lightness import TrainingLightness
from search.plan.plan import make_plan
from search.records.reader import read_sweep
from search.run import create
from search.run.create import check_data, check_room, check_writable, nearest, new_sweep
from spaces.earlier import EarlierSweep, EarlierTrial
from spaces.study import Study

Make = Callable[..., Study]
FIXED: dict[str, Any] = {
    "data.pictures": 60,
    "data.image_size": 16,
    "training.images": 64,
    "training.ticks": 2,
    "training.batch_size": 16,
}
RATE: dict[str, Any] = {"optimizer.generator_lr": {"loguniform": [1e-5, 1e-1]}}
EVAL: dict[str, Any] = {"objectives": {"eval_ab_mae": "minimize"}}
CLASSES = {"sea": ["sea"], "village": ["village"], "both": ["sea", "village"]}
PLACES = {"bundle": {label: {"data.classes": classes} for label, classes in CLASSES.items()}}


@pytest.fixture
def study(make_study: Make) -> Make:
    """A function of a space and of keys and fixed paths that gives a study on few scenes.

    A fixed path of None is left out.
    """

    def make(space: dict[str, Any], fixed: dict[str, Any] | None = None, **keys: Any) -> Study:
        fixed = {**FIXED, **(fixed or {})}
        fixed = {path: value for path, value in fixed.items() if value is not None}
        return make_study(space=space, fixed=fixed, **keys)

    return make


def sizes(packs: list[Pack]) -> list[int]:
    return [pack.image_size for pack in packs]


def test_one_set_of_pictures(study: Make, tmp_path: Path) -> None:
    begun = read_sweep(new_sweep(study(RATE), str(tmp_path / "sweep")))
    (data,) = begun.provenance["data"]
    assert data["pictures"] == 60
    assert "lightness" not in data
    assert begun.provenance["data_hash"] == data["content_hash"]
    assert "evaluation" not in begun.provenance


def test_the_training_pictures_lightness_is_noted(study: Make, tmp_path: Path) -> None:
    fixed = {"data.pictures": 150}
    begun = read_sweep(new_sweep(study(RATE, fixed=fixed), str(tmp_path / "sweep")))
    (data,) = begun.provenance["data"]
    TrainingLightness.from_data(data["lightness"], "provenance")
    assert data["lightness"]["image_size"] == data["image_size"]


def test_near_duplicates_of_what_judges_are_told(
    study: Make, make_study: Make, tmp_path: Path
) -> None:
    for suffix in (".png", ".jpg"):
        (tmp_path / suffix).mkdir()
        for seed in range(60):
            colors = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
            picture = Image.fromarray(colors).resize((40, 40), Image.Resampling.NEAREST)
            picture.save(tmp_path / suffix / f"{seed}{suffix}")
    data = {"data.source": "folder", "data.image_size": 16}
    made = study(
        RATE,
        fixed={**data, "data.pictures": None, "data.root": str(tmp_path / ".png")},
        evaluate_on={**data, "data.root": str(tmp_path / ".jpg")},
        **EVAL,
    )
    checked, _ = check_data(made)
    (told,) = [note for note in checked.notes if "near duplicate" in note]
    assert told.startswith("evaluate_on: ")


def test_what_was_read_as_what_is_said(
    study: Make, make_study: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "colorsweep")
    new_sweep(study(RATE), str(tmp_path / "drawn"))
    assert not [said for said in caplog.messages if "landscapes" in said]
    caplog.clear()
    root = tmp_path / "photos"
    for name in ("train/sea", "test/sea"):
        (root / name).mkdir(parents=True)
    chance = np.random.default_rng(0)
    for number in range(40):
        pixels = chance.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        split = "test" if number < 5 else "train"
        Image.fromarray(pixels).save(root / split / "sea" / f"{number}.png")
    for number in range(900):
        (root / f"{number}.heix").write_bytes(b"x")
    fixed = {"data.source": "folder", "data.root": str(root)}
    fixed |= {path: value for path, value in FIXED.items() if path != "data.pictures"}
    _, (pack,) = check_data(make_study(space=RATE, fixed=fixed))
    told = "split folders (test/sea: test, train/sea: train); 900 .heix: not read"
    assert f"{root}: {told}" in caplog.messages
    assert pack.read_as == told


def test_every_combination_is_packed_and_described(study: Make, tmp_path: Path) -> None:
    space = {
        **RATE,
        "place": PLACES,
        "generator.width": {"choice": [4, 8]},
        "data.image_size": {"choice": [16, 32]},
    }
    begun = read_sweep(
        new_sweep(study(space, evaluate_on={"data.seed": 9}, **EVAL), str(tmp_path / "s"))
    )
    described = begun.provenance["data"]
    assert len(described) == 6
    assert len({one["content_hash"] for one in described}) == 6
    assert {(tuple(one["classes"]), one["image_size"]) for one in described} == {
        (tuple(classes), size) for classes in CLASSES.values() for size in (16, 32)
    }
    evaluation = begun.provenance["evaluation"]
    assert evaluation["content_hash"] not in {one["content_hash"] for one in described}
    assert evaluation["image_size"] == 16


def test_only_combinations_that_trials_have(study: Make) -> None:
    space = {
        "generator.width": {"logint": [4, 64]},
        "loss.adversarial": {"choice": ["bce", "lsgan", "hinge"]},
        "data.image_size": {"choice": [16, 32], "when": {"loss.adversarial": "lsgan"}},
        "place": {**PLACES, "when": {"data.image_size": 32}},
        "data.seed": {"choice": [3, 4], "when": {"generator.width": 50}},
    }
    _, packs = check_data(study(space, evaluate_on={"data.pictures": 100}, **EVAL))
    # At 16 px one set, at 32 px three, of three seeds.
    assert sorted(sizes(packs)) == [16] * 3 + [32] * 9


def test_pictures_that_no_trial_has_are_not_opened(study: Make) -> None:
    space = {**RATE, "data.seed": {"choice": [3, 4]}}
    _, packs = check_data(study(space, {"data.seed": 5}, evaluate_on={"data.seed": 9}, **EVAL))
    assert len(packs) == 2
    assert len({pack.content_hash for pack in packs}) == 2


def test_of_a_range_the_ends_stand_for_all(study: Make) -> None:
    space = {**RATE, "data.fraction": {"uniform": [0.6, 1.0]}}
    _, packs = check_data(study(space))
    counts = sorted(len(pack.indices("train")) for pack in packs)
    assert counts[0] == round(0.6 * counts[1])


def test_too_many_combinations_are_packed_one_by_one(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.run.create.MOST_CHOICES", 5)
    space = {
        "data.image_size": {"choice": [16, 32]},
        "place": PLACES,
    }
    _, packs = check_data(study(space, evaluate_on={"data.seed": 9}, **EVAL))
    assert sorted(sizes(packs)) == [16, 16, 16, 16, 32]


def test_budgets_are_those_of_each_choice(study: Make) -> None:
    bundles = {
        "many": {"data.pictures": 60, "training.batch_size": 40},
        "few": {"data.pictures": 30, "training.batch_size": 16},
    }
    space, free = {"pictures": {"bundle": bundles}}, {"training.batch_size": None}
    check_data(study(space, free, evaluate_on={"data.seed": 9}, **EVAL))
    bundles["few"]["training.batch_size"] = 32
    with pytest.raises(InputError, match=r"batch_size: 32: there are only"):
        check_data(study(space, free, evaluate_on={"data.seed": 9}, **EVAL))


OVERLAP: dict[str, Any] = {"evaluate_on": {"data.pictures": 20, "data.image_size": 32}, **EVAL}
"""Of seed 1, held-out pictures that 60 pictures of that seed train on."""


@pytest.mark.parametrize("place", ["base", "choice", "combination"])
def test_no_trial_trains_on_what_judges_all(study: Make, place: str, tmp_path: Path) -> None:
    bundles = {"apart": {"data.seed": 2}, "shared": {"data.seed": 1}}
    spaces: dict[str, dict[str, Any]] = {
        "base": RATE,
        "choice": {"pictures": {"bundle": bundles}},
        "combination": {
            "pictures": {"bundle": {"few": {"data.pictures": 20}, "many": {"data.pictures": 60}}},
            "data.image_size": {"choice": [16, 32]},
        },
    }
    refused = study(spaces[place], {"data.seed": 1}, **OVERLAP)
    with pytest.raises(InputError) as caught:
        new_sweep(refused, str(tmp_path / "sweep"))
    lines = str(caught.value).splitlines()
    assert "evaluate_on: 4 of its held-out pictures are trained on, such as " in lines[0]
    assert len(lines) == 2
    assert not (tmp_path / "sweep").exists()


def test_parts_of_one_set_are_apart_by_themselves(study: Make) -> None:
    space = {**RATE, "data.train_pictures": {"choice": [32, 40]}}
    check_data(study(space, {"data.seed": 1}, evaluate_on={"data.image_size": 32}, **EVAL))


@pytest.mark.parametrize("where", ["evaluate_on", "data"])
def test_what_confirms_has_test_pictures(
    study: Make, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    indices = Pack.indices
    judging = {"evaluate_on": 32, "data": 16}[where]

    def without_test(self: Pack, split: str) -> Any:
        rows = indices(self, split)
        return rows[:0] if split == "test" and self.image_size == judging else rows

    monkeypatch.setattr(Pack, "indices", without_test)
    keys = {"evaluate_on": {"data.image_size": 32}, **EVAL} if where == "evaluate_on" else {}
    check_data(study(RATE, **keys))
    with pytest.raises(InputError, match=f"{where}: the test split has no pictures"):
        check_data(study(RATE, confirm={"top": 2, "replicates": 2}, **keys))


EPOCHS: dict[str, Any] = {"training.epochs": 2.0, "training.ticks": 2, "training.batch_size": 16}


def budget(study: Study) -> tuple[int | None, float | None]:
    training = study.base_config["training"]
    return training["images"], training["epochs"]


@pytest.fixture
def in_epochs(make_study: Make) -> Make:
    """A function of a space and of keys that gives a study of two epochs."""

    def make(space: dict[str, Any], **keys: Any) -> Study:
        fixed = {**{k: v for k, v in FIXED.items() if k != "training.images"}, **EPOCHS}
        return make_study(space=space, fixed=fixed, **keys)

    return make


@pytest.mark.parametrize(
    "space",
    [
        RATE,
        {"data.image_size": {"choice": [16, 32]}},
        {"data.horizontal_flip": {"choice": [True, False]}},
    ],
)
def test_epochs_of_as_many_pictures_are_one_budget(in_epochs: Make, space: dict[str, Any]) -> None:
    keys = {"evaluate_on": {"data.seed": 9}, **EVAL}
    resolved, packs = check_data(in_epochs(space, **keys))
    assert budget(resolved) == (2 * len(packs[0].indices("train")), None)


def test_epochs_of_other_pictures_are_each_trial_s_own(in_epochs: Make) -> None:
    space = {"data.train_pictures": {"choice": [16, 40]}}
    resolved, _ = check_data(in_epochs(space))
    assert budget(resolved) == (None, 2.0)
    for count in (16, 40):
        config = resolved.config({"data.train_pictures": count}, 0)
        assert config.resolved(count).training.images == 2 * count


def test_rungs_need_a_common_budget(in_epochs: Make) -> None:
    space = {"data.train_pictures": {"choice": [16, 40]}}
    rule = {"rule": "asha"}
    with pytest.raises(
        InputError, match=r"stopping.rule: asha: .* an epoch has 16 to 40"
    ) as caught:
        check_data(in_epochs(space, stopping=rule))
    assert len(str(caught.value).splitlines()) <= 3
    check_data(in_epochs(RATE, stopping=rule))


@pytest.mark.parametrize("held", ["file", "files"])
def test_a_folder_that_is_in_use(study: Make, tmp_path: Path, held: str) -> None:
    folder = tmp_path / "sweep"
    if held == "file":
        folder.touch()
    else:
        folder.mkdir()
        (folder / "notes.txt").touch()
    with pytest.raises(InputError, match="is not an empty folder"):
        new_sweep(study(RATE), str(folder))


def test_the_nearest_folder_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert nearest(tmp_path / "a" / "b") == tmp_path
    assert nearest(Path("sweeps/x")) == tmp_path


def test_a_place_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_writable(str(tmp_path / "a" / "b"))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is no folder"):
        check_writable(str(tmp_path / "file" / "sweep"))
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(InputError, match="link is no folder"):
        check_writable(str(tmp_path / "link"))
    with pytest.raises(InputError, match="link is no folder"):
        check_writable(str(tmp_path / "link" / "sweep"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]
    denied = Mock(side_effect=OSError(13, "Permission denied"))
    monkeypatch.setattr(create.tempfile, "mkdtemp", denied)
    with pytest.raises(InputError, match="Permission denied"):
        check_writable(str(tmp_path / "sweep"))


def test_a_disk_that_is_as_good_as_full_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_room(str(tmp_path / "sweep"))
    check_room("s3://bucket/sweep")
    monkeypatch.setattr(create.shutil, "disk_usage", lambda place: SimpleNamespace(free=4_000_000))
    with pytest.raises(InputError, match=r"sweep: 4\.0 MB are free there, and a sweep wants 34 at"):
        check_room(str(tmp_path / "sweep"))
    check_room("s3://bucket/sweep")


def test_what_is_learned_from_was_judged_on_the_same_pictures(study: Make, tmp_path: Path) -> None:
    before = new_sweep(study(RATE), str(tmp_path / "before"))
    (pack,) = read_sweep(before).provenance["data"]
    trial = EarlierTrial(point={"optimizer.generator_lr": 1e-3}, values=[9.0])
    earlier = EarlierSweep(sweep="before", pictures=[pack["content_hash"]], trials=[trial])
    taught = replace(study(RATE), learned_from=(earlier,))
    begun = read_sweep(new_sweep(taught, str(tmp_path / "sweep")))
    assert Study.from_data(begun.study, "study.yaml").learned_from == (earlier,)
    others = replace(study(RATE, fixed={"data.pictures": 50}), learned_from=(earlier,))
    for refuses in (new_sweep, make_plan):
        with pytest.raises(InputError, match="was judged on other pictures"):
            refuses(others, str(tmp_path / "others"))
    assert not (tmp_path / "others").exists()
