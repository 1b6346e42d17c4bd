"""The check finds everything that packing would stumble over."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from colornet import commands
from colornet.config.sections.data import FolderData
from colornet.data.check import check, detect_source
from colornet.data.packed import open_pack, pack_to
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


MakeData = Callable[..., FolderData]
Write = Callable[..., Path]


def test_nothing_there_is_a_folder(root: Path) -> None:
    assert detect_source(root / "gone") == "folder"
    assert detect_source(root / "gone.parquet") == "parquet"
    assert detect_source(root) == "folder"
    (root / "notes.txt").write_text("x")
    assert detect_source(root / "notes.txt") == "folder"


def test_pictures_are_a_folder(twelve: Path, folder_data: MakeData, tmp_path: Path) -> None:
    assert detect_source(twelve) == "folder"
    (twelve / "manifest.parquet").write_bytes(b"")
    assert detect_source(twelve) == "folder"
    pack_to(folder_data(twelve), tmp_path / "packed")
    assert detect_source(tmp_path / "packed") == "folder"


def test_parquet_files(rows: Path, tmp_path: Path) -> None:
    assert detect_source(rows) == "parquet"
    assert detect_source(rows.parent) == "parquet"
    (rows.parent / "README.md").write_text("x")
    assert detect_source(tmp_path) == "parquet"
    (tmp_path / "loose.jpg").write_bytes(b"")
    assert detect_source(tmp_path) == "folder"


def test_batches(batches: Path) -> None:
    assert detect_source(batches) == "cifar10"
    (folder,) = batches.iterdir()
    assert detect_source(folder) == "cifar10"


def test_batches_are_checked_and_packed(batches: Path, tmp_path: Path) -> None:
    answer = commands.data_check(batches)
    assert answer.exit_code == 0
    found = json.loads(json.dumps(answer.data(), allow_nan=False))
    assert found["source"] == "cifar10"
    assert found["files"] == 25
    assert found["split_origins"]["test"] == "official"
    assert "version (data_batch_1, data_batch_4, test_batch)" in answer.text()
    assert "  test            5 official" in answer.text()
    packed = commands.data_pack(
        batches, out=tmp_path / "packed", options=commands.PictureOptions(classes=["ship", "horse"])
    )
    assert packed.data()["classes"] == {"horse": 2, "ship": 2}
    data = FolderData(source="folder", root=str(tmp_path / "packed"))
    assert len(open_pack(data).names) == 4


def test_parquet_is_checked_and_packed(rows: Path, tmp_path: Path) -> None:
    answer = commands.data_check(rows, options=commands.PictureOptions(image_size=16))
    assert (answer.exit_code, answer.data()["source"]) == (0, "parquet")
    assert "pictures in 'image', classes in 'label'" in answer.text()
    assert commands.data_pack(
        rows.parent, out=tmp_path / "packed", options=commands.PictureOptions(image_size=16)
    ).data()["classes"] == {"0": 4, "1": 4, "2": 4}


def test_a_folder_says_how_it_was_read(twelve: Path) -> None:
    (twelve / "sea").rename(twelve / "test")
    (twelve / "land").rename(twelve / "train")
    answer = commands.data_check(twelve, options=commands.PictureOptions(image_size=16))
    assert "split folders (test: test, train: train)" in answer.text()
    assert answer.data()["splits"] == {"train": 5, "val": 1, "test": 6}


def test_the_source_can_be_forced(rows: Path) -> None:
    with pytest.raises(InputError, match="no picture in 1 file"):
        commands.data_check(rows.parent, options=commands.PictureOptions(source="folder"))
    with pytest.raises(InputError, match="no CIFAR-10 batches"):
        commands.data_check(rows.parent, options=commands.PictureOptions(source="cifar10"))
    with pytest.raises(InputError, match=r"(?s)--source: 'parket': unknown.*'parquet'"):
        commands.data_check(rows, options=commands.PictureOptions(source="parket"))


def test_a_list_is_for_folders_only(rows: Path, twelve: Path) -> None:
    with pytest.raises(InputError, match="--list-file"):
        commands.data_check(rows, options=commands.PictureOptions(list_file=Path("list.txt")))
    (twelve / "some.txt").write_text("sea/00.png\nsea/02.png\n")
    answer = commands.data_check(
        twelve, options=commands.PictureOptions(image_size=16, list_file=Path("some.txt"))
    )
    assert answer.data()["files"] == 2


def test_a_size_out_of_range(twelve: Path) -> None:
    with pytest.raises(InputError, match="image_size: 4"):
        commands.data_check(twelve, options=commands.PictureOptions(image_size=4))


def test_large_mistakes_are_told_at_once(
    test_data: Path, tmp_path: Path, write_parquet: Write
) -> None:
    real = test_data / "cifar10" / "cifar10_full_jpeg75.parquet"
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(real.read_bytes()[:-1000])
    (tmp_path / "batches").mkdir()
    for batch in (real.parent / "cifar-10-batches-py").iterdir():
        shutil.copyfile(batch, tmp_path / "batches" / batch.name)  # which may be read-only there
    last = tmp_path / "batches" / "test_batch"
    last.write_bytes(last.read_bytes()[:-1000])
    other = write_parquet(tmp_path / "other.parquet", {"text": ["a"] * 1000})
    begin = time.process_time()
    for path in (torn, tmp_path / "batches", other):
        with pytest.raises(InputError) as caught:
            commands.data_check(path)
        assert len(str(caught.value).splitlines()) <= 3
    with pytest.raises(InputError, match="no such class"):
        commands.data_check(real, options=commands.PictureOptions(classes=["ship"]))
    assert time.process_time() - begin < 2


def test_a_link_to_itself_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "a.parquet").touch()
    assert detect_source(tmp_path) == "parquet"
