"""The check finds everything that packing would stumble over."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from colornet.config.sections.data import FolderData
from colornet.data.check import check
from colornet.data.packed import open_pack
from colornet.data.picture_files import formats_named
from colornet.errors import InputError

MakeData = Callable[..., FolderData]
MakePicture = Callable[..., Path]


def test_a_folder_without_pictures_is_refused(root: Path, folder_data: MakeData) -> None:
    with pytest.raises(InputError, match="empty folder"):
        check(folder_data(root))


def test_all_planted_faults_are_found(
    twelve: Path, make_picture: MakePicture, folder_data: MakeData
) -> None:
    good = (twelve / "sea/00.png").read_bytes()
    (twelve / "sea/truncated.png").write_bytes(good[:-40])
    (twelve / "sea/empty.jpg").write_bytes(b"")
    (twelve / "sea/page.jpg").write_text("<html></html>")
    make_picture("sea/huge.png", 70, side=90)
    make_picture("sea/tiny.png", 71, side=8)
    shutil.copy(twelve / "land/01.png", twelve / "land/01 copy.png")
    Image.new("L", (20, 20), 77).save(twelve / "land/grey.png")

    report = check(folder_data(twelve, max_pixels=8000))
    assert dict(report.bad).keys() == {
        "sea/truncated.png",
        "sea/empty.jpg",
        "sea/page.jpg",
        "sea/huge.png",
    }
    assert report.small == ["sea/tiny.png"]
    assert report.duplicates == [("land/01.png", "land/01 copy.png")]
    assert report.grey == ["land/grey.png"]
    assert (report.files, report.usable) == (19, 13)
    assert report.classes == {"land": 6, "sea": 7}
    assert report.modes == {"RGB": 14, "L": 1}
    assert report.shorter_sides == (8, 40, 40)
    assert not report.can_train
    text = report.text()
    assert f"sea/page.jpg: not a {formats_named()} picture" in text
    assert "4 of 19 pictures are bad" in text
    assert json.loads(json.dumps(report.data(), allow_nan=False))["usable"] == 13


def test_what_is_passed_over_is_named(twelve: Path, folder_data: MakeData) -> None:
    for number in range(9):
        (twelve / f"{number}.JXL").write_bytes(b"x")
    for name in ("a.txt", "README", ".DS_Store", "Thumbs.db"):
        (twelve / "sea" / name).write_bytes(b"x")
    report = check(folder_data(twelve))
    assert report.data()["passed_over"] == {".jxl": 9, ".txt": 1, "": 1, ".db": 1}
    assert "9 .jxl, 1 without a suffix, 1 .db, 1 .txt: not read" in report.text()
    assert report.can_train
    (line,) = [one for one in check(folder_data(twelve)).text().splitlines() if "layout" in one]
    assert line.endswith("class folders (land, sea)")


def test_near_duplicates_are_reported(
    root: Path, make_picture: MakePicture, folder_data: MakeData
) -> None:
    for seed in range(30):
        path = make_picture(f"{seed:02d}.png", seed, side=64)
        if seed < 12:
            with Image.open(path) as image:
                image.save(path.with_suffix(".jpg"), quality=75)
    report = check(folder_data(root))
    assert report.near_duplicates == [[f"{n:02d}.jpg", f"{n:02d}.png"] for n in range(12)]
    assert "24 near duplicates, each kept in the split of its likes" in report.text()
    assert "  00.jpg ~ 00.png" in report.text()
    assert report.splits == open_pack(folder_data(root)).summary()["splits"]
    by_content = check(folder_data(root, split="content"))
    assert by_content.near_duplicates == []
    assert by_content.splits == open_pack(folder_data(root, split="content")).summary()["splits"]


def test_it_agrees_with_packing(twelve: Path, folder_data: MakeData) -> None:
    Image.new("L", (20, 20), 77).save(twelve / "land/grey.png")
    report = check(folder_data(twelve))
    pack = open_pack(folder_data(twelve))
    assert report.can_train
    trained = report.splits["train"]
    assert f"\nUsable, but {trained} training pictures are few: take" in report.text()
    assert report.splits == pack.summary()["splits"]
    assert report.classes == pack.summary()["classes"]


def test_nothing_that_can_be_decoded(root: Path, folder_data: MakeData) -> None:
    (root / "a.png").write_bytes(b"")
    report = check(folder_data(root))
    assert report.shorter_sides is None
    assert "at least 2 usable pictures" in report.text()


def test_long_lists_are_cut(root: Path, folder_data: MakeData) -> None:
    for number in range(14):
        (root / f"{number}.png").write_bytes(b"")
    assert "and 4 more" in check(folder_data(root)).text()


def test_progress_counts_every_picture(twelve: Path, folder_data: MakeData) -> None:
    seen: list[tuple[int, int]] = []
    check(folder_data(twelve), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 12) for done in range(1, 13)]


def test_real_photos(test_data: Path, folder_data: MakeData) -> None:
    report = check(folder_data(test_data / "scenes150" / "train", image_size=64))
    assert report.files == 1200
    assert len(report.grey) == 59
    assert report.can_train
