"""Parquet files: rows, classes, splits, memory, and everything that can be wrong with them."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from colornet.config.sections.data import ParquetData
from colornet.data.packed import open_pack
from colornet.data.picture_files import formats_named
from colornet.data.source import UnusablePicture
from colornet.data.sources.parquet import ParquetSource
from colornet.errors import InputError

MakeData = Callable[..., ParquetData]
Write = Callable[..., Path]


def message(data: ParquetData) -> str:
    with pytest.raises(InputError) as caught:
        open_pack(data)
    text = str(caught.value)
    assert len(text.splitlines()) <= 3
    return text


# What is wrong


def test_nothing_there(root: Path, parquet_data: MakeData) -> None:
    assert "no such file or folder" in message(parquet_data(root / "gone.parquet"))
    assert "no *.parquet file in it" in message(parquet_data(root))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"<html>", b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_a_file_of_something_else(root: Path, parquet_data: MakeData, content: bytes) -> None:
    file = root / "a.parquet"
    file.write_bytes(content)
    text = message(parquet_data(file))
    assert text.startswith(f"{file}: cannot be read as Parquet")


@pytest.mark.parametrize("kept", [0.3, 0.9, -1, -200])
def test_a_torn_file(rows: Path, parquet_data: MakeData, kept: float) -> None:
    content = rows.read_bytes()
    rows.write_bytes(content[: int(kept * len(content)) if 0 < kept < 1 else int(kept)])
    assert "may be torn" in message(parquet_data(rows))


def test_damage_within_is_found_by_checksums(
    root: Path, parquet_data: MakeData, write_parquet: Write, pngs: list[bytes]
) -> None:
    file = write_parquet(
        root / "a.parquet",
        {"image": pngs},
        write_page_checksum=True,
        compression="none",
        use_dictionary=False,
    )
    content = bytearray(file.read_bytes())
    content[content.index(pngs[3]) + 20] ^= 1
    file.write_bytes(content)
    assert "may be torn" in message(parquet_data(file))


def test_no_rows(root: Path, parquet_data: MakeData, write_parquet: Write) -> None:
    file = write_parquet(root / "a.parquet", {"image": pa.array([], pa.binary())})
    assert "no rows" in message(parquet_data(file))


def test_no_pictures(root: Path, parquet_data: MakeData, write_parquet: Write) -> None:
    file = write_parquet(root / "a.parquet", {"text": ["a"], "label": [1]})
    assert "no column of encoded pictures" in message(parquet_data(root))
    assert str(file) in message(parquet_data(root))


def test_one_file_of_others_has_no_such_column(
    rows: Path, parquet_data: MakeData, write_parquet: Write
) -> None:
    write_parquet(rows.parent / "z.parquet", {"text": ["a"]})
    assert "z.parquet: no column" in message(parquet_data(rows.parent))


def test_rows_without_pictures_are_bad_ones(
    root: Path, parquet_data: MakeData, write_parquet: Write, pngs: list[bytes]
) -> None:
    values = [None, b"", b"<html>", *pngs]
    pictures = [None if value is None else {"bytes": value, "path": None} for value in values]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    file = write_parquet(root / "a.parquet", {"image": pa.array(pictures, kind)})
    assert "more than data.max_bad_fraction" in message(parquet_data(file))
    pack = open_pack(parquet_data(file, max_bad_fraction=0.3))
    assert [reason for _, reason in pack.skipped] == [
        "no picture in its row",
        "empty file",
        f"not a {formats_named()} picture",
    ]
    assert len(pack.names) == 12


def test_a_row_whose_bytes_are_null(
    root: Path, parquet_data: MakeData, write_parquet: Write, png: Callable[..., bytes]
) -> None:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    values = [{"bytes": None, "path": "a.png"}, {"bytes": png(0), "path": None}]
    file = write_parquet(root / "a.parquet", {"image": pa.array(values, kind)})
    source = ParquetSource(parquet_data(file))
    missing, there = source.entries()
    with pytest.raises(UnusablePicture, match="no picture"):
        source.decode(missing)
    assert source.decode(there).pixels.shape == (16, 16, 3)


def test_oversized_pictures_are_not_decoded(rows: Path, parquet_data: MakeData) -> None:
    source = ParquetSource(parquet_data(rows, max_pixels=399))
    with pytest.raises(UnusablePicture, match="oversized"):
        source.decode(source.entries()[0])


# What is right


def test_rows_are_entries(rows: Path, parquet_data: MakeData, png: Callable[..., bytes]) -> None:
    source = ParquetSource(parquet_data(rows))
    entries = source.entries()
    assert [entry.name for entry in entries[::11]] == [
        "pictures.parquet/000000",
        "pictures.parquet/000011",
    ]
    assert [entry.label for entry in entries[:4]] == ["0", "1", "2", "0"]
    assert source.layout == ("Parquet, 12 rows in 1 file, pictures in 'image', classes in 'label'")
    for entry in reversed(entries):
        again = ParquetSource(parquet_data(rows)).decode(entry)
        np.testing.assert_array_equal(source.decode(entry).pixels, again.pixels)
    hashes = {source.decode(entry).source_hash for entry in entries}
    assert len(hashes) == 12


def test_files_of_a_folder_in_order(
    root: Path, parquet_data: MakeData, write_parquet: Write, pngs: list[bytes]
) -> None:
    write_parquet(root / "b.parquet", {"image": pngs[:2]})
    write_parquet(root / "a" / "c.parquet", {"image": pngs[2:5]})
    write_parquet(root / ".hidden" / "d.parquet", {"image": pngs[5:]})
    source = ParquetSource(parquet_data(root))
    names = [entry.name for entry in source.entries()]
    assert names == [f"a/c.parquet/00000{n}" for n in range(3)] + [
        "b.parquet/000000",
        "b.parquet/000001",
    ]
    assert len({source.decode(entry).source_hash for entry in source.entries()}) == 5


def test_classes_can_be_chosen(rows: Path, parquet_data: MakeData) -> None:
    pack = open_pack(parquet_data(rows, classes=("0", "2")))
    assert pack.summary()["classes"] == {"0": 4, "2": 4}
    assert "no such class" in message(parquet_data(rows, classes=("7",)))


def test_threads_get_the_same_as_one(
    root: Path, parquet_data: MakeData, write_parquet: Write, png: Callable[..., bytes]
) -> None:
    file = write_parquet(
        root / "a.parquet", {"image": [png(seed) for seed in range(60)]}, row_group_size=2
    )
    source = ParquetSource(parquet_data(file))
    entries = source.entries()
    alone = [source.decode(entry).source_hash for entry in entries]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda entry: source.decode(entry).source_hash, entries * 3))
    assert together == alone * 3


def test_a_row_group_is_read_once_and_not_kept(
    root: Path,
    parquet_data: MakeData,
    write_parquet: Write,
    png: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = write_parquet(
        root / "a.parquet", {"image": [png(seed) for seed in range(40)]}, row_group_size=5
    )
    monkeypatch.setattr("colornet.data.sources.parquet._CACHED_BYTES", 0)
    source = ParquetSource(parquet_data(file))
    read = []
    monkeypatch.setattr(
        source,
        "_read_group",
        lambda group, inner=source._read_group: read.append(group.number) or inner(group),
    )
    for entry in source.entries():
        source.decode(entry)
        assert len(source._cached) <= 2
    assert read == list(range(8))


def test_large_pictures_are_decoded_by_threads(
    root: Path, parquet_data: MakeData, write_parquet: Write, rows: Path
) -> None:
    noise = np.random.default_rng(0).bytes(60_000)
    large = write_parquet(root / "large.parquet", {"image": [noise, noise[::-1]]})
    assert ParquetSource(parquet_data(large)).parallel
    assert not ParquetSource(parquet_data(rows)).parallel


# Splits


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("train-00000-of-00001", "test-00000-of-00001"), ("test", "train")),
        (("data/train-0", "data/validation-0"), ("train", "test")),
        (("train/0", "val/0", "test/0"), ("test", "train", "val")),
        (("cifar_train", "cifar_test"), ("test", "train")),
        (("contest", "latest"), (None, None)),
        (("test-00000-of-00001",), (None,)),
        (("other", "test"), (None, "test")),
    ],
)
def test_files_are_named_after_splits(
    root: Path,
    parquet_data: MakeData,
    write_parquet: Write,
    pngs: list[bytes],
    names: tuple[str, ...],
    expected: tuple[str | None, ...],
) -> None:
    for number, name in enumerate(names):
        write_parquet(root / f"{name}.parquet", {"image": pngs[number : number + 1]})
    entries = ParquetSource(parquet_data(root)).entries()
    assert tuple(entry.official for entry in entries) == expected


def test_a_folder_above_names_no_split(
    tmp_path: Path, parquet_data: MakeData, write_parquet: Write, pngs: list[bytes]
) -> None:
    file = write_parquet(tmp_path / "test" / "a.parquet", {"image": pngs})
    for root in (file, file.parent):
        entries = ParquetSource(parquet_data(root)).entries()
        assert {entry.official for entry in entries} == {None}


def test_a_column_may_name_the_splits(
    root: Path, parquet_data: MakeData, write_parquet: Write, pngs: list[bytes]
) -> None:
    words = ["train"] * 6 + ["validation"] * 2 + ["Test"] * 2 + ["extra", None]
    file = write_parquet(root / "a.parquet", {"image": pngs, "split": words})
    source = ParquetSource(parquet_data(file))
    official = [entry.official for entry in source.entries()]
    assert official == ["train"] * 6 + ["val"] * 2 + ["test"] * 2 + [None, None]
    assert source.layout.endswith(", splits in 'split' but for 'extra', split anew")
    pack = open_pack(parquet_data(file))
    assert [len(pack.indices(split)) for split in ("train", "val", "test")] == [8, 2, 2]
    assert set(pack.summary()["split_origins"].values()) == {"official"}


def test_files_of_several_schemas_are_all_said(
    root: Path, parquet_data: MakeData, write_parquet: Write, pngs: list[bytes]
) -> None:
    write_parquet(root / "a.parquet", {"image": pngs[:6], "kind": [1] * 6})
    write_parquet(root / "b.parquet", {"img": pngs[6:], "label": [1] * 6, "split": ["test"] * 6})
    layout = ParquetSource(parquet_data(root)).layout
    assert layout.endswith("pictures in 'image', 'img', classes in 'label', splits in 'split'")


def test_many_splits_that_are_none_are_a_few_words(
    root: Path, parquet_data: MakeData, write_parquet: Write, pngs: list[bytes]
) -> None:
    words = ["x" * 5000, *"abcdefghij", ""]
    file = write_parquet(root / "a.parquet", {"image": pngs, "split": words})
    layout = ParquetSource(parquet_data(file)).layout
    assert layout.endswith("'a', 'b', 'c' and 7 more, split anew")
    assert len(layout) < 250


def test_names_of_files_that_are_no_unicode(rows: Path, root: Path, parquet_data: MakeData) -> None:
    os.rename(rows, os.fsencode(root) + b"/caf\xe9.parquet")
    text = message(parquet_data(root))
    assert "caf\\xe9.parquet: its name is no Unicode" in text
    text.encode()


def test_real_pictures(test_data: Path, parquet_data: MakeData) -> None:
    file = test_data / "cifar10" / "cifar10_full_jpeg75.parquet"
    source = ParquetSource(parquet_data(file, image_size=32))
    entries = source.entries()
    assert len(entries) == 60_000
    assert sum(entry.official == "test" for entry in entries) == 10_000
    assert not source.parallel
    for place in (0, 4_999, 5_000, 59_999):
        assert source.decode(entries[place]).pixels.shape == (32, 32, 3)


@pytest.mark.slow
def test_ships_and_horses_of_sixty_thousand(test_data: Path, parquet_data: MakeData) -> None:
    file = test_data / "cifar10" / "cifar10_full_jpeg75.parquet"
    pack = open_pack(parquet_data(file, image_size=32, classes=("7", "8")))
    assert pack.summary()["classes"] == {"7": 5943, "8": 5874}
    assert len(pack.indices("test")) == 1971
