"""What a final training checks before it starts, and which folder it takes."""

import os
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colornet.config.catalog import read_yaml, to_yaml
from colornet.config.config import Config, parse_config
from colornet.data import picture_files
from colornet.errors import InputError
from colornet.training.final_checks import check_reading, prepare, scale_rates

SCENES: dict[str, Any] = {"source": "scenes", "pictures": 60, "image_size": 16, "seed": 1}
WITHOUT = (".jpg", ".png")
WITH = (*WITHOUT, ".heic", ".heif", ".hif")
TRAINING = {"epochs": 2.0, "ticks": 2, "batch_size": 16}


def config(**sections: Any) -> Config:
    generator = {"kind": "unet", "width": 4, "depth": 2}
    values = {"data": SCENES, "generator": generator, "training": TRAINING, **sections}
    return parse_config(values, "test")


def test_the_budget_is_in_images_and_the_folder_taken(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    prepared = prepare(config(), folder)
    assert prepared.training.epochs is None
    assert read_yaml(folder / "training" / "config.yaml") == prepared.to_dict()
    assert prepare(config(), folder) == prepared


def test_near_duplicates_of_what_judges_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sides = {"png": tmp_path / "own", "jpg": tmp_path / "common"}
    for suffix, folder in sides.items():
        folder.mkdir()
        for seed in range(60):
            colors = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
            picture = Image.fromarray(colors).resize((40, 40), Image.Resampling.NEAREST)
            picture.save(folder / f"{seed}.{suffix}")
    own, common = (
        {"source": "folder", "root": str(folder), "image_size": 16} for folder in sides.values()
    )
    prepare(config(data=own, evaluate_on=common), tmp_path / "model")
    said = [one.getMessage() for one in caplog.records if "near duplicate that" in one.message]
    assert len(said) == 1


def test_an_unfinished_training_from_before_there_were_common_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    prepared = prepare(config(), folder)
    written = prepared.to_dict()
    del written["evaluate_on"]
    (folder / "training" / "config.yaml").write_text(to_yaml(written))
    assert prepare(config(), folder) == prepared
    with pytest.raises(InputError, match="of another config"):
        prepare(config(evaluate_on={**SCENES, "image_size": 32}), folder)


def test_nothing_that_judges_is_trained_on(tmp_path: Path) -> None:
    few = {**SCENES, "pictures": 20, "image_size": 32}
    with pytest.raises(InputError, match="evaluate_on: 4 of its held-out pictures"):
        prepare(config(evaluate_on=few), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_common_pictures_that_are_not_there(tmp_path: Path) -> None:
    common = {"source": "folder", "root": str(tmp_path / "nowhere")}
    with pytest.raises(InputError, match="nowhere"):
        prepare(config(evaluate_on=common), tmp_path / "model")


@pytest.mark.parametrize(
    ("rule", "chosen_with", "factor", "said"),
    [
        ("none", 4, 1, "as chosen, for batches of 16 (--scale-lr none)"),
        ("linear", 4, 4, "times 4, for batches of 16 in place of 4 (--scale-lr linear)"),
        ("sqrt", 4, 2, "times 2, for batches of 16 in place of 4 (--scale-lr sqrt)"),
        ("sqrt", 64, 0.5, "times 0.5, for batches of 16 in place of 64 (--scale-lr sqrt)"),
        ("linear", 16, 1, "as chosen, for batches of 16 (--scale-lr linear)"),
    ],
)
def test_rates_follow_a_batch(rule: str, chosen_with: int, factor: float, said: str) -> None:
    before = config()
    after, sentence = scale_rates(before, chosen_with, rule)
    rate = before.optimizer.generator_lr
    assert after.optimizer.generator_lr == pytest.approx(rate * factor)
    assert after.optimizer.lr_ratio == before.optimizer.lr_ratio
    assert sentence == f"Learning rates {said}."


def test_a_rate_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(InputError, match=r"generator_lr.*\n?.*"):
        scale_rates(config(optimizer={"generator_lr": 0.9}), 1, "linear")


def of_folder(root: Path | str, **options: Any) -> Config:
    return config(data={"source": "folder", "root": str(root), "image_size": 16, **options})


@pytest.mark.parametrize("here", [True, False])
@pytest.mark.parametrize("name", ["deep/a.HEIC", "b.hif", "c.heif"])
def test_a_machine_that_reads_other_pictures_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: bool, name: str
) -> None:
    monkeypatch.setattr(picture_files, "suffixes", lambda rules=2: WITH if here else WITHOUT)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    there = WITHOUT if here else WITH
    for made in (of_folder(tmp_path), config(evaluate_on=of_folder(tmp_path).to_dict()["data"])):
        with pytest.raises(InputError) as caught:
            check_reading(made, there)
        said = str(caught.value)
        assert said.startswith(f"{socket.gethostname()}: ")
        assert str(tmp_path / name) in said
        assert "pip install 'colorsweep[heic]'" in said
        assert said.endswith("there." if here else "here.")
        check_reading(made, WITH if here else WITHOUT)
        check_reading(made, None)


@pytest.mark.parametrize("options", [{}, {"rules": 1}])
def test_where_no_picture_is_read_otherwise_machines_may_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    monkeypatch.setattr(picture_files, "suffixes", lambda rules=2: WITHOUT)
    (tmp_path / "a.jpg").touch()
    (tmp_path / (".hidden.heic" if not options else "a.heic")).touch()
    check_reading(of_folder(tmp_path, **options), WITH)
    check_reading(of_folder(tmp_path / "gone"), WITH)
    check_reading(of_folder("s3://bucket/pack"), WITH)
    check_reading(config(), WITH)


@pytest.mark.parametrize("name", ["signal", "ticks.jsonl", "attempt-000/tick-000001/state.pt"])
def test_an_unfinished_training_of_pipes_or_of_links_that_lead_out_is_refused(
    tmp_path: Path, name: str
) -> None:
    prepare(config(), tmp_path / "m")
    path = tmp_path / "m" / "training" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "mine").write_text("mine")
    path.symlink_to(tmp_path / "mine")
    with pytest.raises(InputError, match="is a link that leads out"):
        prepare(config(), tmp_path / "m")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(InputError, match="is no file and no folder"):
        prepare(config(), tmp_path / "m")
