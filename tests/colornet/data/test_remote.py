"""Packs at URIs, and a node's copies of them; `file://` stands for any storage."""

import json
from pathlib import Path

import pytest
from PIL import Image

from colornet.config.sections.data import FolderData
from colornet.data import remote
from colornet.data.packed import open_pack, pack_to
from colornet.data.remote import SUMS, fetch_pack
from colornet.errors import InputError


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderData:
    """Twenty-four pictures in as many colors."""
    monkeypatch.setenv("COLORSWEEP_CACHE", str(tmp_path / "laptop"))
    (tmp_path / "photos").mkdir()
    for number in range(24):
        color = (40 + 8 * number, 200 - 7 * number, 30 + number)
        Image.new("RGB", (8, 8), color).save(tmp_path / "photos" / f"{number:02d}.png")
    return FolderData(source="folder", root=str(tmp_path / "photos"), image_size=8)


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return f"file://{tmp_path}/bucket/pack"


def at(uri: str, **changes: object) -> FolderData:
    return FolderData(source="folder", root=uri, **{"image_size": 8, **changes})


def test_a_node_has_what_was_packed(
    pictures: FolderData, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = pack_to(pictures, uri)
    monkeypatch.setenv("COLORSWEEP_CACHE", str(tmp_path / "node"))
    found = open_pack(at(uri))
    assert found.content_hash == made.content_hash
    assert (found.pictures == made.pictures).all()
    assert found.path.is_relative_to(tmp_path / "node")
    inside = {path.name for path in found.path.iterdir()}
    assert inside == {"pictures.npy", "index.json", SUMS}


def test_it_is_copied_once(
    pictures: FolderData, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack_to(pictures, uri)
    first = fetch_pack(uri)
    before = (first / "pictures.npy").stat().st_mtime_ns
    (tmp_path / "bucket" / "pack" / "pictures.npy").unlink()
    assert fetch_pack(uri) == first
    assert (first / "pictures.npy").stat().st_mtime_ns == before


def test_what_is_there_already_is_kept_and_nothing_else(
    pictures: FolderData, uri: str, tmp_path: Path
) -> None:
    pack_to(pictures, uri)
    pack_to(pictures, uri)
    other = pictures.model_copy(update={"image_size": 4})
    with pytest.raises(InputError, match="is not empty"):
        pack_to(other, uri)


def test_no_pack(pictures: FolderData, uri: str) -> None:
    with pytest.raises(InputError, match=f"colorsweep data pack PICTURES -o {uri}"):
        open_pack(at(uri))


def test_storage_that_nobody_knows(pictures: FolderData) -> None:
    with pytest.raises(InputError, match="not a storage location"):
        open_pack(at("carrier-pigeon://somewhere/pack"))


def test_a_damaged_pack_is_not_taken(
    pictures: FolderData, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack_to(pictures, uri)
    path = tmp_path / "bucket" / "pack" / "pictures.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"damaged: pictures\.npy is not what was packed"):
        fetch_pack(uri)
    assert not list((tmp_path / "laptop" / "packs").glob("remote-*"))
    assert not list((tmp_path / "laptop" / "packs").glob(".fetching-*"))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"pictures.npy": 3}', '{"../x": {"bytes": 1}}'])
def test_sums_that_are_none(pictures: FolderData, uri: str, tmp_path: Path, text: str) -> None:
    pack_to(pictures, uri)
    (tmp_path / "bucket" / "pack" / SUMS).write_text(text)
    with pytest.raises(InputError, match=r"cannot be read|damaged"):
        fetch_pack(uri)


def test_a_disk_that_is_too_small(
    pictures: FolderData, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack_to(pictures, uri)
    monkeypatch.setattr(remote, "SPARE", 2**60)
    with pytest.raises(InputError, match=r"data\.fraction, data\.image_size") as refused:
        fetch_pack(uri)
    assert len(str(refused.value).splitlines()) <= 3


def test_another_size(pictures: FolderData, uri: str) -> None:
    pack_to(pictures, uri)
    with pytest.raises(InputError, match="packed at 8 pixels"):
        open_pack(at(uri, image_size=16))


def test_sums_name_sizes(pictures: FolderData, uri: str, tmp_path: Path) -> None:
    pack_to(pictures, uri)
    sums = json.loads((tmp_path / "bucket" / "pack" / SUMS).read_text())
    assert sums["pictures.npy"]["bytes"] == 24 * 8 * 8 * 3 + 128
