"""A pack that is not what was packed is not trained on."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colornet.config.sections.data import FolderData
from colornet.data import pack_check
from colornet.data.packed import open_pack, pack_to
from colornet.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLORSWEEP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def data(tmp_path: Path) -> FolderData:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(24):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return FolderData(source="folder", root=str(folder), image_size=8)


@pytest.fixture
def packed(data: FolderData, tmp_path: Path) -> FolderData:
    pack_to(data, tmp_path / "pack")
    return FolderData(source="folder", root=str(tmp_path / "pack"), image_size=8)


def flip(path: Path, place: int = -5) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    index = json.loads(path.read_text())
    change(index)
    path.write_text(json.dumps(index))


def forget(index: dict[str, Any]) -> None:
    """What earlier releases did not write."""
    del index["index_hash"], index["pixels_hash"]


def to_test(index: dict[str, Any]) -> None:
    index["official"][3] = "test"


CHANGES: dict[str, Callable[[Path], object]] = {
    "a pixel": lambda pack: flip(pack / "pictures.npy"),
    "a split": lambda pack: edit(
        pack / "index.json", lambda i: i["official"].__setitem__(3, "test")
    ),
    "a class": lambda pack: edit(pack / "index.json", lambda i: i["classes"].__setitem__(3, "sea")),
    "a name": lambda pack: edit(pack / "index.json", lambda i: i["names"].reverse()),
    "a hash": lambda pack: edit(pack / "index.json", lambda i: i["hashes"].reverse()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_is_refused(packed: FolderData, change: str) -> None:
    open_pack(packed)
    CHANGES[change](Path(packed.root))
    with pytest.raises(InputError, match=r"damaged: .*not what was packed") as caught:
        open_pack(packed)
    assert len(str(caught.value).splitlines()) <= 3


@pytest.mark.parametrize("change", CHANGES)
def test_what_the_cache_holds_is_built_again(data: FolderData, change: str) -> None:
    before = open_pack(data)
    pixels, names = before.pictures.copy(), list(before.names)
    CHANGES[change](before.path)
    after = open_pack(data)
    assert np.array_equal(after.pictures, pixels)
    assert after.names == names


def test_it_is_verified_once(packed: FolderData, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    real = pack_check.pixels_hash
    monkeypatch.setattr(pack_check, "pixels_hash", lambda *given: seen.append(1) or real(*given))
    shutil.rmtree(os.environ["COLORSWEEP_CACHE"])
    for _ in range(3):
        open_pack(packed)
    assert len(seen) == 1
    pictures = Path(packed.root) / "pictures.npy"
    os.utime(pictures, ns=(1, pictures.stat().st_mtime_ns + 1))
    open_pack(packed)
    assert len(seen) == 2
    shutil.copy2(pictures, pictures.with_name("copy"))
    pictures.with_name("copy").rename(pictures)  # as large and as old, another file
    open_pack(packed)
    assert len(seen) == 3


@pytest.mark.parametrize("name", ["pictures.npy", "index.json"])
def test_a_time_that_was_set_back_hides_no_change(packed: FolderData, name: str) -> None:
    open_pack(packed)
    file = Path(packed.root) / name
    before, content = file.stat(), file.read_bytes()
    with file.open("r+b") as opened:  # the same inode
        opened.write(content.replace(b"10.png", b"90.png") if name == "index.json" else content)
        if name == "pictures.npy":
            opened.seek(-5, os.SEEK_END)
            opened.write(bytes([content[-5] ^ 1]))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(InputError, match="not what was packed"):
        open_pack(packed)


@pytest.mark.parametrize("gone", ["index_hash", "pixels_hash"])
def test_a_hash_that_was_taken_out_makes_no_pack_of_before(packed: FolderData, gone: str) -> None:
    def change(index: dict[str, Any]) -> None:
        del index[gone]
        index["classes"][3] = "sea"

    edit(Path(packed.root) / "index.json", change)
    with pytest.raises(InputError, match="not what was packed"):
        open_pack(packed)


def test_a_pack_of_before_is_known_by_its_content_hash(
    packed: FolderData, data: FolderData
) -> None:
    edit(Path(packed.root) / "index.json", forget)
    open_pack(packed)
    for change in ("a pixel", "a split", "a hash"):
        shutil.rmtree(packed.root)
        pack_to(data, packed.root)
        edit(Path(packed.root) / "index.json", forget)
        open_pack(packed)
        CHANGES[change](Path(packed.root))
        with pytest.raises(InputError, match="not what was packed"):
            open_pack(packed)


def test_a_cache_that_cannot_be_written_to(
    packed: FolderData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORSWEEP_CACHE", "/dev/null/cache")
    open_pack(packed)
    CHANGES["a pixel"](Path(packed.root))
    with pytest.raises(InputError, match="not what was packed"):
        open_pack(packed)
