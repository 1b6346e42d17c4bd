"""CIFAR-10 in both versions: which files are taken, their classes, splits and pixels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from colornet.config.sections.data import Cifar10Data
from colornet.data.packed import open_pack
from colornet.data.sources.cifar10 import Cifar10Source
from colornet.errors import InputError

MakeData = Callable[..., Cifar10Data]
Rows = tuple[list[int], np.ndarray]
MakeRows = Callable[[int, int], Rows]
MakeBatch = Callable[..., bytes]


def message(data: Cifar10Data) -> str:
    with pytest.raises(InputError) as caught:
        open_pack(data)
    text = str(caught.value)
    assert len(text.splitlines()) <= 3
    return text


@pytest.mark.parametrize("exists", [True, False])
def test_nothing_there(root: Path, cifar10_data: MakeData, exists: bool) -> None:
    text = message(cifar10_data(root if exists else root / "gone"))
    assert ("no CIFAR-10 batches" if exists else "no such folder") in text
    assert "data_batch_1.bin" in text


def test_a_test_batch_alone_is_none(batches: Path, cifar10_data: MakeData) -> None:
    for file in batches.rglob("data_batch*"):
        file.unlink()
    assert "no CIFAR-10 batches" in message(cifar10_data(batches))


def test_batches_without_rows(
    root: Path, cifar10_data: MakeData, random_rows: MakeRows, python_batch: MakeBatch
) -> None:
    (root / "data_batch_1").write_bytes(python_batch(random_rows(0, 0)))
    assert "hold no pictures" in message(cifar10_data(root))
    (root / "data_batch_1.bin").write_bytes(b"")
    assert "hold no pictures" in message(cifar10_data(root))


def test_one_row(
    root: Path, cifar10_data: MakeData, random_rows: MakeRows, binary_batch: MakeBatch
) -> None:
    (root / "data_batch_5.bin").write_bytes(binary_batch(random_rows(1, 0)))
    assert "1 of 1 pictures can be used" in message(cifar10_data(root))


def test_names_classes_and_splits(batches: Path, cifar10_data: MakeData) -> None:
    source = Cifar10Source(cifar10_data(batches))
    entries = source.entries()
    assert len(entries) == 25
    assert entries[0].name == "data_batch_1/00000"
    assert entries[12].name == "data_batch_4/00002"
    assert entries[12].label == "bird"
    assert [entry.official for entry in entries] == ["train"] * 20 + ["test"] * 5
    assert source.layout.endswith("version (data_batch_1, data_batch_4, test_batch)")


def test_the_pixels_are_those_of_the_planes(
    batches: Path, cifar10_data: MakeData, random_rows: MakeRows
) -> None:
    source = Cifar10Source(cifar10_data(batches))
    for entry, (file, row) in zip(
        source.entries(), [(0, r) for r in range(10)] + [(1, r) for r in range(10)], strict=False
    ):
        red, green, blue = random_rows(10, file)[1][row].reshape(3, 32, 32)
        decoded = source.decode(entry)
        np.testing.assert_array_equal(decoded.pixels, np.dstack([red, green, blue]))
        assert (decoded.mode, decoded.width, decoded.height) == ("RGB", 32, 32)


def test_other_sizes_are_resized(batches: Path, cifar10_data: MakeData) -> None:
    native = Cifar10Source(cifar10_data(batches))
    for size in (16, 48):
        resized = Cifar10Source(cifar10_data(batches, image_size=size))
        for entry in resized.entries()[::8]:
            decoded, whole = resized.decode(entry), native.decode(entry)
            assert decoded.pixels.shape == (size, size, 3)
            assert decoded.pixels.dtype == np.uint8
            assert decoded.source_hash == whole.source_hash
            assert abs(decoded.pixels.mean() - whole.pixels.mean()) < 4


def test_both_versions_make_the_same_pack(
    tmp_path: Path,
    cifar10_data: MakeData,
    random_rows: MakeRows,
    python_batch: MakeBatch,
    binary_batch: MakeBatch,
) -> None:
    for name, rows in (("data_batch_1", random_rows(20, 0)), ("test_batch", random_rows(5, 1))):
        for folder, content in (("py", python_batch(rows)), ("bin", binary_batch(rows))):
            file = tmp_path / folder / f"{name}{'.bin' if folder == 'bin' else ''}"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
    python, binary = (open_pack(cifar10_data(tmp_path / folder)) for folder in ("py", "bin"))
    assert python.path != binary.path
    assert python.content_hash == binary.content_hash
    assert python.names == binary.names
    for split in ("train", "val", "test"):
        np.testing.assert_array_equal(python.indices(split), binary.indices(split))


def test_the_test_batch_is_the_test_split(batches: Path, cifar10_data: MakeData) -> None:
    pack = open_pack(cifar10_data(batches))
    tested = {pack.names[row] for row in pack.indices("test")}
    assert tested == {f"test_batch/{row:05d}" for row in range(5)}
    assert len(pack.indices("val")) == 2
    assert len(pack.indices("train")) == 18
    origins = {"train": "hash", "val": "hash", "test": "official"}
    assert pack.summary()["split_origins"] == origins


def test_without_a_test_batch_all_is_split_by_hash(batches: Path, cifar10_data: MakeData) -> None:
    for file in batches.rglob("test_batch*"):
        file.unlink()
    pack = open_pack(cifar10_data(batches))
    assert all(len(pack.indices(split)) for split in ("train", "val", "test"))
    assert set(pack.summary()["split_origins"].values()) == {"hash"}


def test_classes_can_be_chosen(batches: Path, cifar10_data: MakeData) -> None:
    pack = open_pack(cifar10_data(batches, classes=("ship", "horse")))
    assert pack.summary()["classes"] == {"horse": 2, "ship": 2}
    assert "Did you mean 'ship'?" in message(cifar10_data(batches, classes=("shipp",)))


def test_class_names_come_from_the_files(
    root: Path, cifar10_data: MakeData, random_rows: MakeRows, binary_batch: MakeBatch
) -> None:
    (root / "data_batch_1.bin").write_bytes(binary_batch(random_rows(10, 0)))
    (root / "batches.meta.txt").write_text("\n".join(f"kind{number}" for number in range(10)))
    labels = [entry.label for entry in Cifar10Source(cifar10_data(root)).entries()]
    assert labels == [f"kind{number}" for number in range(10)]
    (root / "batches.meta.txt").write_text("one\ntwo\n")
    assert "label 2: beyond the 2 that are known" in message(cifar10_data(root))


def test_the_binary_version_comes_first(
    root: Path,
    cifar10_data: MakeData,
    random_rows: MakeRows,
    binary_batch: MakeBatch,
    python_batch: MakeBatch,
) -> None:
    for folder in ("cifar-10-batches-py", "cifar-10-batches-bin"):
        (root / folder).mkdir()
    python = root / "cifar-10-batches-py/data_batch_1"
    python.write_bytes(python_batch(random_rows(3, 0)))
    binary = root / "cifar-10-batches-bin/data_batch_1.bin"
    binary.write_bytes(binary_batch(random_rows(4, 0)))
    assert len(Cifar10Source(cifar10_data(root)).entries()) == 4
    binary.unlink()
    assert len(Cifar10Source(cifar10_data(root)).entries()) == 3


def test_a_torn_batch_is_named_and_leaves_nothing(
    batches: Path, cifar10_data: MakeData, own_cache: Path
) -> None:
    file = next(batches.rglob("data_batch_4*"))
    file.write_bytes(file.read_bytes()[:-100])
    assert f"{file}: " in message(cifar10_data(batches))
    assert list((own_cache / "packs").iterdir()) == []


def test_real_pictures_in_both_forms(test_data: Path, cifar10_data: MakeData) -> None:
    data = cifar10_data(test_data / "cifar10", classes=("ship", "horse"))
    pack = open_pack(data)
    assert pack.summary()["classes"] == {"horse": 609, "ship": 609}
    assert len(pack.indices("test")) == 201
    assert all(pack.names[row].startswith("test_batch/") for row in pack.indices("test"))
