"""A path alone is enough for `data check` and `data pack`."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from colornet import commands
from colornet.config.sections.data import FolderData
from colornet.data.detect import detect_source
from colornet.data.packed import open_pack, pack_to
from colornet.errors import InputError

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
    packed = commands.data_pack(batches, out=tmp_path / "packed", classes=["ship", "horse"])
    assert packed.data()["classes"] == {"horse": 2, "ship": 2}
    data = FolderData(source="folder", root=str(tmp_path / "packed"))
    assert len(open_pack(data).names) == 4


def test_parquet_is_checked_and_packed(rows: Path, tmp_path: Path) -> None:
    answer = commands.data_check(rows, image_size=16)
    assert (answer.exit_code, answer.data()["source"]) == (0, "parquet")
    assert "pictures in 'image', classes in 'label'" in answer.text()
    assert commands.data_pack(rows.parent, out=tmp_path / "packed", image_size=16).data()[
        "classes"
    ] == {"0": 4, "1": 4, "2": 4}


def test_a_folder_says_how_it_was_read(twelve: Path) -> None:
    (twelve / "sea").rename(twelve / "test")
    (twelve / "land").rename(twelve / "train")
    answer = commands.data_check(twelve, image_size=16)
    assert "split folders (test: test, train: train)" in answer.text()
    assert answer.data()["splits"] == {"train": 5, "val": 1, "test": 6}


def test_the_source_can_be_forced(rows: Path) -> None:
    with pytest.raises(InputError, match="no picture in 1 file"):
        commands.data_check(rows.parent, source="folder")
    with pytest.raises(InputError, match="no CIFAR-10 batches"):
        commands.data_check(rows.parent, source="cifar10")
    with pytest.raises(InputError, match=r"(?s)--source: 'parket': unknown.*'parquet'"):
        commands.data_check(rows, source="parket")


def test_a_list_is_for_folders_only(rows: Path, twelve: Path) -> None:
    with pytest.raises(InputError, match="--list-file"):
        commands.data_check(rows, list_file=Path("list.txt"))
    (twelve / "some.txt").write_text("sea/00.png\nsea/02.png\n")
    answer = commands.data_check(twelve, image_size=16, list_file=Path("some.txt"))
    assert answer.data()["files"] == 2


def test_a_size_out_of_range(twelve: Path) -> None:
    with pytest.raises(InputError, match="image_size: 4"):
        commands.data_check(twelve, image_size=4)


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
        commands.data_check(real, classes=["ship"])
    assert time.process_time() - begin < 2


def test_a_link_to_itself_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "a.parquet").touch()
    assert detect_source(tmp_path) == "parquet"
