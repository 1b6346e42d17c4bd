"""What every source of pictures keeps, whatever it reads."""

import json
import os
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from colornet import commands
from colornet.config.paths import TAGS
from colornet.config.sections.data import DATA, DataConfig, ScenesData
from colornet.data import sources
from colornet.data.build import decode_in_order, pack_key, packing_order
from colornet.data.check import FILE_SOURCES
from colornet.data.packed import open_pack
from colornet.data.source import Decoded, Entry, build_source, select_classes
from colornet.errors import InputError

Write = Callable[..., Path]
NAMES = [get_args(kind.model_fields["source"].annotation)[0] for kind in get_args(DATA)]


@pytest.fixture(params=NAMES)
def data(
    request: pytest.FixtureRequest, root: Path, folder_data: Callable[..., DataConfig]
) -> DataConfig:
    """A small data section of every source."""
    name = request.param
    if name == "scenes":
        return ScenesData(pictures=20, image_size=16)
    if name == "folder":
        return folder_data(request.getfixturevalue("twelve"))
    if name == "parquet":
        return request.getfixturevalue("parquet_data")(request.getfixturevalue("rows"))
    if name == "cifar10":
        rows = request.getfixturevalue("random_rows")(12, 0)
        content = request.getfixturevalue("binary_batch")(rows)
        (root / "data_batch_1.bin").write_bytes(content)
        return request.getfixturevalue("cifar10_data")(root)
    pytest.fail(f"give the source '{name}' a small data section here")


def test_options_and_modules_are_the_same_sources() -> None:
    assert sorted(NAMES) == sorted(module.name for module in pkgutil.iter_modules(sources.__path__))


def test_entries_are_unique_and_in_a_fixed_order(data: DataConfig) -> None:
    entries = build_source(data).entries()
    assert len(entries) >= 12
    for part in ("name", "location"):
        assert len({getattr(entry, part) for entry in entries}) == len(entries)
    assert list(entries) == list(build_source(data).entries())
    for entry in entries:
        assert entry.official in (None, "train", "val", "test")
        (entry.name + entry.label).encode()


def test_pictures_are_square_bytes(data: DataConfig) -> None:
    source = build_source(data)
    for entry, decoded in decode_in_order(source, source.entries()):
        assert isinstance(decoded, Decoded), entry
        assert decoded.pixels.shape == (data.image_size, data.image_size, 3)
        assert decoded.pixels.dtype == np.uint8
        assert len(bytes.fromhex(decoded.source_hash)) == 32


def test_the_hash_is_the_same_at_every_size(data: DataConfig) -> None:
    small, large = (build_source(data.model_copy(update={"image_size": size})) for size in (16, 24))
    for one, other in zip(small.entries(), large.entries(), strict=True):
        assert one == other
        assert small.decode(one).source_hash == large.decode(other).source_hash


def test_the_key_says_all_that_pictures_depend_on(data: DataConfig) -> None:
    source = build_source(data)
    key = json.loads(json.dumps(source.key()))
    assert key["source"] == data.source
    assert pack_key(source, True) == pack_key(build_source(data), True)
    changed = [{"image_size": 40}, {"classes": (source.entries()[0].label,)}]
    keys = [pack_key(build_source(data.model_copy(update=one)), True) for one in changed]
    assert len({pack_key(source, True), *keys}) == 3


def test_the_key_changes_with_the_files(data: DataConfig, root: Path) -> None:
    files = [path for path in root.rglob("*") if path.is_file()]
    before = pack_key(build_source(data), True)
    for path in files[:1]:
        os.utime(path, ns=(1, 1))
        assert pack_key(build_source(data), True) != before
    assert files or data.source == "scenes"


def test_it_can_be_packed_and_opened(data: DataConfig) -> None:
    pack = open_pack(data)
    assert len(pack.names) >= 12
    assert pack.names == [entry.name for entry in packing_order(build_source(data).entries())]
    assert all(len(pack.indices(split)) for split in ("train", "val", "test"))


def test_an_unknown_class_is_refused(data: DataConfig) -> None:
    with pytest.raises(InputError, match=r"data.classes: 'nothing like it'") as caught:
        open_pack(data.model_copy(update={"classes": ("nothing like it",)}))
    assert len(str(caught.value).splitlines()) <= 3


@pytest.mark.parametrize("name", FILE_SOURCES)
@pytest.mark.parametrize("asked", ["entries", "key"])
def test_a_missing_root_is_a_mistake_of_the_user(name: str, asked: str, root: Path) -> None:
    """Whichever is asked first: packing asks for the key, the check for the entries."""
    missing = TAGS["data"][1][name](source=name, root=str(root / "gone"))  # ty: ignore
    with pytest.raises(InputError, match="gone") as caught:
        getattr(build_source(missing), asked)()  # ty: ignore[invalid-argument-type]
    assert len(str(caught.value).splitlines()) <= 3


def test_the_check_can_be_told_the_source(data: DataConfig) -> None:
    if data.source in FILE_SOURCES:
        found = commands.data_check(
            Path(data.root), options=commands.PictureOptions(source=data.source, image_size=16)
        ).data()
        assert (found["source"], found["usable"]) == (data.source, 12)
    else:
        with pytest.raises(InputError, match="--source"):
            commands.data_check(Path("x"), options=commands.PictureOptions(source=data.source))


def test_the_layout_is_one_line(data: DataConfig) -> None:
    line = build_source(data).layout
    assert line
    assert "\n" not in line


def test_held_out_pictures_come_first() -> None:
    splits = [None, "val", "train", "test", None, "test"]
    entries = [Entry(str(n), "", n, split) for n, split in enumerate(splits)]
    assert [entry.location for entry in packing_order(entries)] == [3, 5, 1, 0, 2, 4]


def test_classes_of_nothing() -> None:
    assert select_classes([], None, "x") == []
    with pytest.raises(InputError, match="no classes"):
        select_classes([], ("sea",), "x")
