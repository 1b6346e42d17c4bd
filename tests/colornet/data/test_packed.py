"""Packs: what goes in, what stays out, and that building them is safe."""

import io
import json
import logging
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colornet.config.sections.data import FolderData, ScenesData
from colornet.data import build
from colornet.data.packed import Pack, open_pack, pack_to
from colornet.data.picture_files import formats_named
from colornet.data.source import UnusablePicture, build_source
from colornet.data.sources.folder import FolderSource
from colornet.errors import InputError

MakeData = Callable[..., FolderData]
MakePicture = Callable[..., Path]
SPLITS = ("train", "val", "test")


def message(data: FolderData | ScenesData) -> str:
    with pytest.raises(InputError) as caught:
        open_pack(data)
    text = str(caught.value)
    assert len(text.splitlines()) <= 3
    return text


def all_rows(pack: Pack) -> list[int]:
    return [int(row) for split in SPLITS for row in pack.indices(split)]


# Too little


def test_an_empty_folder_leaves_nothing_behind(
    root: Path, folder_data: MakeData, own_cache: Path
) -> None:
    assert "empty folder" in message(folder_data(root))
    assert not own_cache.exists()


def test_one_picture_is_too_few(
    root: Path, make_picture: MakePicture, folder_data: MakeData
) -> None:
    make_picture("a.png", 0)
    assert "1 of 1 pictures can be used" in message(folder_data(root))


def test_only_grey_pictures(root: Path, folder_data: MakeData, own_cache: Path) -> None:
    for level in range(5):
        Image.new("L", (20, 20), level * 30).save(root / f"{level}.png")
    assert "0 of 5 pictures can be used (5 grey" in message(folder_data(root))
    assert len(open_pack(folder_data(root, skip_grey=False)).names) == 5
    assert not list((own_cache / "packs").glob(".building*"))


def test_two_pictures_are_one_to_train_and_one_to_validate(
    root: Path, make_picture: MakePicture, folder_data: MakeData
) -> None:
    make_picture("a.png", 0)
    make_picture("b.png", 1)
    pack = open_pack(folder_data(root))
    assert [len(pack.indices(split)) for split in SPLITS] == [1, 1, 0]


def test_ten_pictures_fill_all_splits(
    root: Path, make_picture: MakePicture, folder_data: MakeData
) -> None:
    for seed in range(10):
        make_picture(f"{seed}.png", seed)
    pack = open_pack(folder_data(root))
    assert all(len(pack.indices(split)) for split in SPLITS)
    assert sorted(all_rows(pack)) == list(range(10))


# Bad pictures


def test_too_many_bad_pictures_stop_with_their_names(
    twelve: Path, folder_data: MakeData, own_cache: Path
) -> None:
    (twelve / "sea" / "broken.png").write_bytes(b"")
    text = message(folder_data(twelve))
    assert "1 bad of 13 pictures" in text
    assert "sea/broken.png: empty file" in text
    assert "data.max_bad_fraction" in text
    assert list((own_cache / "packs").iterdir()) == []


def test_a_few_bad_pictures_cost_a_few_lines(
    twelve: Path, folder_data: MakeData, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(12):
        (twelve / f"bad{number:02d}.jpg").write_bytes(b"<html>")
    with caplog.at_level(logging.WARNING, "colorsweep"):
        pack = open_pack(folder_data(twelve, max_bad_fraction=0.6))
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == f"bad00.jpg: left out: not a {formats_named()} picture"
    assert len(lines) == 4
    assert lines[-1] == f"{twelve}: and 9 more; `colorsweep data check` names all"
    assert len(pack.names) == 12
    assert len(pack.skipped) == 12
    assert pack.summary()["bad"] == 12


def test_oversized_pictures_are_not_decoded(
    twelve: Path, make_picture: MakePicture, folder_data: MakeData
) -> None:
    make_picture("big.png", 50, side=64)
    pack = open_pack(folder_data(twelve, max_pixels=2000, max_bad_fraction=0.1))
    assert dict(pack.skipped) == {
        "big.png": "oversized: 64 x 64 pixels, at most 2000 allowed (data.max_pixels)"
    }


def test_grey_pictures_are_no_bad_ones(twelve: Path, folder_data: MakeData) -> None:
    for level in range(6):
        Image.new("L", (20, 20), level * 30).save(twelve / f"grey{level}.png")
    pack = open_pack(folder_data(twelve, max_bad_fraction=0.0))
    assert len(pack.names) == 12
    assert pack.summary()["grey"] == 6


def test_duplicates_are_dropped_across_classes(
    twelve: Path, make_picture: MakePicture, folder_data: MakeData
) -> None:
    shutil.copy(twelve / "sea/00.png", twelve / "land/copy.png")
    Image.open(twelve / "sea/02.png").save(twelve / "other.bmp")
    pack = open_pack(folder_data(twelve))
    assert pack.skipped == [
        ("sea/00.png", "duplicate of land/copy.png"),
        ("sea/02.png", "duplicate of other.bmp"),
    ]
    assert len(set(pack.hashes)) == len(pack.names) == 12


# Contents and splits


def test_rows_names_and_classes_belong_together(twelve: Path, folder_data: MakeData) -> None:
    data = folder_data(twelve)
    pack = open_pack(data)
    source = FolderSource(data)
    for row, entry in enumerate(source.entries()):
        assert (pack.names[row], pack.classes[row]) == (entry.name, entry.label)
        np.testing.assert_array_equal(pack.pictures[row], source.decode(entry).pixels)
    assert pack.summary()["classes"] == {"land": 6, "sea": 6}


def test_the_file_is_mapped_read_only(twelve: Path, folder_data: MakeData) -> None:
    pack = open_pack(folder_data(twelve))
    assert isinstance(pack.pictures, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        pack.pictures[0] = 0


def test_splits_share_nothing_and_are_the_same_at_every_size() -> None:
    small = open_pack(ScenesData(pictures=40, image_size=16))
    large = open_pack(ScenesData(pictures=40, image_size=24))
    assert sorted(all_rows(small)) == list(range(40))
    for split in SPLITS:
        assert len(small.indices(split))
        np.testing.assert_array_equal(small.indices(split), large.indices(split))


def test_more_pictures_move_none() -> None:
    few = open_pack(ScenesData(pictures=40, image_size=16))
    many = open_pack(ScenesData(pictures=60, image_size=16))
    for split in SPLITS:
        assert set(few.indices(split)) <= set(many.indices(split))


def test_parts_of_the_training_pictures_are_prefixes() -> None:
    def train(**options: object) -> list[int]:
        return (
            open_pack(ScenesData(pictures=40, image_size=16, **options)).indices("train").tolist()
        )

    every = train()
    assert train(fraction=0.5) == every[: round(len(every) / 2)]
    assert train(train_pictures=7) == every[:7]
    assert train(fraction=0.001) == every[:1]
    whole = open_pack(ScenesData(pictures=40, image_size=16))
    part = open_pack(ScenesData(pictures=40, image_size=16, fraction=0.5))
    assert part.path == whole.path
    np.testing.assert_array_equal(part.indices("val"), whole.indices("val"))


def test_more_training_pictures_than_there_are() -> None:
    text = message(ScenesData(pictures=20, image_size=16, train_pictures=500))
    assert text.startswith("data.train_pictures: 500: of 17")


def test_classes_of_scenes() -> None:
    pack = open_pack(ScenesData(pictures=20, image_size=16, classes=("sea",)))
    assert set(pack.classes) == {"sea"}
    assert len(pack.names) == 20


# Official splits


def test_official_test_pictures_stay_test_pictures(
    root: Path, make_picture: MakePicture, folder_data: MakeData
) -> None:
    for seed in range(30):
        make_picture(f"{'test' if seed < 4 else 'train'}/{seed % 2}/{seed}.png", seed)
    pack = open_pack(folder_data(root))
    assert {pack.names[row] for row in pack.indices("test")} == {
        f"test/{seed % 2}/{seed}.png" for seed in range(4)
    }
    origins = {"train": "hash", "val": "hash", "test": "official"}
    assert pack.split_origins == pack.summary()["split_origins"] == origins
    part = open_pack(folder_data(root, fraction=0.5, classes=("1",)))
    assert len(part.indices("test")) == 2
    assert 5 <= len(part.indices("train")) <= 7
    shorter = open_pack(folder_data(root, train_pictures=3))
    assert [len(shorter.indices(split)) for split in SPLITS[::2]] == [3, 4]


def test_a_picture_of_the_test_split_is_not_trained_on(
    root: Path, make_picture: MakePicture, folder_data: MakeData
) -> None:
    for seed in range(20):
        make_picture(f"train/{seed:02d}.png", seed)
    for seed in (3, 7, 50):
        make_picture(f"val/{seed:02d}.png", seed)
    make_picture("test/07.png", 7)
    make_picture("test/60.png", 60)
    pack = open_pack(folder_data(root))
    assert sorted(pack.skipped) == [
        ("train/03.png", "duplicate of val/03.png"),
        ("train/07.png", "duplicate of test/07.png"),
        ("val/07.png", "duplicate of test/07.png"),
    ]
    assert [len(pack.indices(split)) for split in SPLITS] == [18, 2, 2]
    pixels = [pack.pictures[row].tobytes() for row in all_rows(pack)]
    assert len(set(pixels)) == len(pixels)


def test_other_splits_are_other_contents(
    root: Path, make_picture: MakePicture, folder_data: MakeData
) -> None:
    for seed in range(8):
        make_picture(f"train/{seed}.png", seed)
    make_picture("test/x.png", 9)
    before = open_pack(folder_data(root))
    (root / "test").rename(root / "training")
    after = open_pack(folder_data(root))
    assert before.content_hash != after.content_hash
    assert before.split_origins["test"] == "official"
    assert after.split_origins["test"] == "hash"


def test_one_picture_beside_the_test_pictures_is_too_few(
    root: Path, make_picture: MakePicture, folder_data: MakeData
) -> None:
    for seed in range(4):
        make_picture(f"{'test' if seed else 'train'}/{seed}.png", seed)
    text = message(folder_data(root))
    assert "3 test)" in text
    assert "one to train on and one to validate with" in text


def test_a_packed_folder_keeps_the_official_splits(
    root: Path, make_picture: MakePicture, folder_data: MakeData, tmp_path: Path
) -> None:
    for seed in range(12):
        make_picture(f"{'train' if seed % 3 else 'test'}/{seed}.png", seed)
    direct = open_pack(folder_data(root))
    pack_to(folder_data(root), tmp_path / "packed")
    opened = open_pack(folder_data(tmp_path / "packed"))
    assert opened.split_origins["test"] == "official"
    for split in SPLITS:
        np.testing.assert_array_equal(opened.indices(split), direct.indices(split))


def test_a_folder_packed_in_the_first_format_is_refused(
    twelve: Path, folder_data: MakeData, tmp_path: Path
) -> None:
    pack_to(folder_data(twelve), tmp_path / "packed")
    index = tmp_path / "packed" / "index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"version": 1}))
    assert "packed in format 1" in message(folder_data(tmp_path / "packed"))


# The cache


def test_an_unchanged_folder_is_packed_once(
    twelve: Path, folder_data: MakeData, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_pack(folder_data(twelve))
    monkeypatch.setattr(FolderSource, "decode", None)
    second = open_pack(folder_data(twelve))
    assert second.path == first.path
    assert second.content_hash == first.content_hash


def test_changed_files_are_packed_again(
    twelve: Path, make_picture: MakePicture, folder_data: MakeData
) -> None:
    first = open_pack(folder_data(twelve))
    make_picture("sea/00.png", 99)
    second = open_pack(folder_data(twelve))
    assert second.content_hash != first.content_hash
    make_picture("sea/new.png", 100)
    assert len(open_pack(folder_data(twelve)).names) == 13


def test_other_options_are_other_packs(twelve: Path, folder_data: MakeData) -> None:
    options = [{}, {"image_size": 24}, {"skip_grey": False}, {"classes": ("sea",)}]
    paths = {open_pack(folder_data(twelve, **chosen)).path for chosen in options}
    assert len(paths) == len(options)


@pytest.mark.parametrize("name", ["pictures.npy", "index.json"])
def test_a_damaged_pack_in_the_cache_is_built_again(
    twelve: Path, folder_data: MakeData, name: str
) -> None:
    first = open_pack(folder_data(twelve))
    os.truncate(first.path / name, 200)
    second = open_pack(folder_data(twelve))
    assert second.content_hash == first.content_hash
    assert second.pictures.shape == (12, 16, 16, 3)


def test_a_full_disk_is_said_beforehand(
    twelve: Path, folder_data: MakeData, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(twelve)._replace(free=1000)
    monkeypatch.setattr(build.shutil, "disk_usage", lambda _: usage)
    text = message(folder_data(twelve))
    assert "0 MB are free" in text
    assert "COLORSWEEP_CACHE" in text


def test_a_cache_that_cannot_be_written_is_named(
    twelve: Path, folder_data: MakeData, own_cache: Path
) -> None:
    own_cache.write_text("in the way")
    text = message(folder_data(twelve))
    assert "cache" in text
    assert "cannot be written" in text


def test_of_two_places_the_one_that_cannot_be_written_is_named(
    twelve: Path, folder_data: MakeData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("COLORSWEEP_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match=f"^{tmp_path}/file/cache.*: cannot be written: .*\nFree"):
        pack_to(folder_data(twelve), tmp_path / "out" / "pack")
    monkeypatch.setenv("COLORSWEEP_CACHE", str(tmp_path / "cache"))
    with pytest.raises(InputError, match=f"^{tmp_path}/file/out: cannot be written: .*\nFree"):
        pack_to(folder_data(twelve), tmp_path / "file" / "out" / "pack")


def test_opening_again_is_quick() -> None:
    data = ScenesData(pictures=100, image_size=16)
    open_pack(data)
    begin = time.process_time()
    open_pack(data)
    assert time.process_time() - begin < 0.05


# Many processes

_OPEN = """
import sys, time
from colornet.config.sections.data import FolderData
from colornet.data import build
from colornet.data.packed import open_pack

build_pack = build._build

def slow(*args):
    print("building", flush=True)
    time.sleep(float(sys.argv[2]))
    build_pack(*args)

build._build = slow
pack = open_pack(FolderData(source="folder", root=sys.argv[1], image_size=16))
print(pack.content_hash, pack.indices("train").tolist(), int(pack.pictures.sum()))
"""


def start_opening(root: Path, seconds: float) -> subprocess.Popen[str]:
    """Another process that opens the pack, and spends `seconds` in building it."""
    here = os.pathsep.join([str(Path(build.__file__).parents[2]), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", _OPEN, str(root), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": here},
    )


def test_of_several_processes_one_builds(twelve: Path) -> None:
    processes = [start_opening(twelve, 0.5) for _ in range(3)]
    outputs = [process.communicate(timeout=60)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sum(line == "building" for lines in outputs for line in lines) == 1
    assert len({lines[-1] for lines in outputs}) == 1


def test_a_killed_builder_blocks_nobody(twelve: Path, own_cache: Path) -> None:
    process = start_opening(twelve, 60)
    assert process.stdout is not None
    assert process.stdout.readline() == "building\n"
    process.kill()
    process.communicate()
    packs = own_cache / "packs"
    assert list(packs.glob(".building-*"))
    pack = open_pack(FolderData(source="folder", root=str(twelve), image_size=16))
    assert len(pack.names) == 12
    assert list(packs.iterdir()) == [pack.path]


# Packed folders


def test_what_was_put_in_place_meanwhile_is_neither_taken_nor_removed(
    twelve: Path, folder_data: MakeData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, real = tmp_path / "packed", build._build

    def slowly(folder: Path, *given: Any) -> None:
        real(folder, *given)
        place.mkdir()
        (place / "mine.txt").write_text("mine")

    monkeypatch.setattr(build, "_build", slowly)
    with pytest.raises(InputError, match="not empty"):
        pack_to(folder_data(twelve), place)
    assert [path.name for path in place.iterdir()] == ["mine.txt"]
    assert not list(tmp_path.glob(".building-*"))


def test_of_two_who_pack_other_pictures_to_one_place_one_is_told(
    twelve: Path, folder_data: MakeData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, real = tmp_path / "packed", build.locked

    @contextmanager
    def after_another(folder: Path) -> Generator[None]:
        monkeypatch.setattr(build, "locked", real)
        pack_to(folder_data(twelve, image_size=24), place)
        with real(folder):
            yield

    monkeypatch.setattr(build, "locked", after_another)
    with pytest.raises(InputError, match="not empty"):
        pack_to(folder_data(twelve, image_size=16), place)
    assert pack_to(folder_data(twelve, image_size=24), place).image_size == 24


@pytest.mark.parametrize("target", ["there", "nowhere"])
def test_a_link_s_folder_is_packed_into(
    twelve: Path, folder_data: MakeData, tmp_path: Path, target: str
) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to(target)
    assert len(pack_to(folder_data(twelve), link).names) == 12
    assert link.is_symlink()
    assert len(open_pack(folder_data(link)).names) == 12


def test_a_packed_folder_is_opened_as_it_is(
    twelve: Path, folder_data: MakeData, tmp_path: Path
) -> None:
    direct = open_pack(folder_data(twelve))
    made = pack_to(folder_data(twelve), tmp_path / "out" / "packed")
    shutil.rmtree(twelve)
    opened = open_pack(folder_data(tmp_path / "out" / "packed"))
    assert opened.path == made.path == tmp_path / "out" / "packed"
    assert opened.content_hash == direct.content_hash
    for split in SPLITS:
        np.testing.assert_array_equal(opened.indices(split), direct.indices(split))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["packed"]


def test_a_packed_folder_can_be_narrowed(
    twelve: Path, folder_data: MakeData, tmp_path: Path
) -> None:
    Image.new("L", (20, 20), 90).save(twelve / "sea" / "grey.png")
    pack_to(folder_data(twelve, skip_grey=False), tmp_path / "packed")
    sea = open_pack(folder_data(tmp_path / "packed", classes=("sea",)))
    assert {sea.names[row] for row in all_rows(sea)} == {
        f"sea/{n:02d}.png" for n in range(0, 12, 2)
    }
    assert "Did you mean 'sea'?" in message(folder_data(tmp_path / "packed", classes=("see",)))


def test_a_packed_folder_of_another_size(
    twelve: Path, folder_data: MakeData, tmp_path: Path
) -> None:
    pack_to(folder_data(twelve), tmp_path / "packed")
    text = message(folder_data(tmp_path / "packed", image_size=32))
    assert "packed at 16 pixels, but data.image_size is 32" in text


def test_a_packed_folder_takes_no_list(twelve: Path, folder_data: MakeData, tmp_path: Path) -> None:
    pack_to(folder_data(twelve), tmp_path / "packed")
    assert "packed already" in message(folder_data(tmp_path / "packed", list="a.txt"))


def test_packing_twice_keeps_the_first_and_refuses_other_contents(
    twelve: Path, folder_data: MakeData, tmp_path: Path
) -> None:
    first = pack_to(folder_data(twelve), tmp_path / "packed")
    again = pack_to(folder_data(twelve), tmp_path / "packed")
    assert again.content_hash == first.content_hash
    with pytest.raises(InputError, match="not empty"):
        pack_to(folder_data(twelve, image_size=24), tmp_path / "packed")
    with pytest.raises(InputError, match="not empty"):
        pack_to(folder_data(twelve), twelve)


@pytest.mark.parametrize("index", ["", "[]", "{}", json.dumps({"version": 99})])
def test_a_packed_folder_with_a_strange_index(
    twelve: Path, folder_data: MakeData, tmp_path: Path, index: str
) -> None:
    pack_to(folder_data(twelve), tmp_path / "packed")
    (tmp_path / "packed" / "index.json").write_text(index)
    assert "packed" in message(folder_data(tmp_path / "packed"))


def npz(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, array)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def headed(header: str, pixels: np.ndarray) -> bytes:
    """A .npy file with a header as it is written here."""
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + pixels.tobytes()


SHAPED = "{{'descr': '|u1', 'fortran_order': False, 'shape': {}}}"
STRANGE: dict[str, Callable[[np.ndarray], bytes]] = {
    "empty": lambda pixels: b"",
    "cut": lambda pixels: npy(pixels)[:-100],
    "longer": lambda pixels: npy(pixels) + b"more",
    "only a header": lambda pixels: npy(pixels)[:60],
    "an archive": npz,
    "a broken archive": lambda pixels: b"PK\x03\x04" + bytes(200),
    "a pickle": lambda pixels: pickle.dumps(pixels),
    "objects": lambda pixels: npy(np.array([1, "a"], dtype=object)),
    "other numbers": lambda pixels: npy(pixels.astype(np.int8)),
    "by columns": lambda pixels: npy(np.asfortranarray(pixels)),
    "fewer": lambda pixels: npy(pixels[1:]),
    "too many to count": lambda pixels: headed(SHAPED.format((10**30, 16, 16, 3)), pixels),
    "many": lambda pixels: headed(SHAPED.format((2**62, 16, 16, 3)), pixels),
    "below none": lambda pixels: headed(SHAPED.format((-1, 16, 16, 3)), pixels),
    "a bool for a number": lambda pixels: headed(SHAPED.format((12, 16, True, 3)), pixels),
    "no dictionary": lambda pixels: headed("[]", pixels),
    "no Python": lambda pixels: headed("\0", pixels),
    "open brackets": lambda pixels: headed("(" * 5000, pixels),
    "signs": lambda pixels: headed("-" * 5000 + "1", pixels),
    "a sum": lambda pixels: headed("1" + "+1" * 4000, pixels),
    "a list for a key": lambda pixels: headed("{[]: 1}", pixels),
    "another version": lambda pixels: b"\x93NUMPY\x09\x00" + npy(pixels)[8:],
    "a header of 4 GB": lambda pixels: b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + npy(pixels)[12:],
}


@pytest.mark.parametrize("kind", STRANGE)
def test_a_packed_folder_with_strange_pictures(
    twelve: Path, folder_data: MakeData, tmp_path: Path, kind: str
) -> None:
    pixels = np.array(pack_to(folder_data(twelve), tmp_path / "packed").pictures)
    (tmp_path / "packed" / "pictures.npy").write_bytes(STRANGE[kind](pixels))
    assert "damaged: pictures.npy" in message(folder_data(tmp_path / "packed"))


# Any source


def test_decoding_in_threads_keeps_the_order(twelve: Path, folder_data: MakeData) -> None:
    (twelve / "bad.png").write_bytes(b"")
    source = FolderSource(folder_data(twelve))
    entries = source.entries()
    found = list(build.decode_in_order(source, entries))
    assert [entry for entry, _ in found] == entries
    assert [isinstance(decoded, UnusablePicture) for _, decoded in found] == [True] + [False] * 12


# Near duplicates


def twin_pairs(make_picture: MakePicture, count: int, folder: str = "") -> None:
    """Pictures as PNG, and again as JPEG."""
    for seed in range(count):
        path = make_picture(f"{folder}{seed:02d}.png", seed, side=64)
        with Image.open(path) as image:
            image.save(path.with_suffix(".jpg"), quality=75)


def straddling(pack: Pack) -> list[str]:
    sides = {pack.names[row]: split for split in SPLITS for row in pack.indices(split)}
    return [
        name
        for name, split in sides.items()
        if sides.get(name.replace(".jpg", ".png"), split) != split
    ]


def test_a_picture_and_its_copy_are_in_one_split(
    root: Path, make_picture: MakePicture, folder_data: MakeData
) -> None:
    twin_pairs(make_picture, 60)
    pack = open_pack(folder_data(root))
    assert straddling(pack) == []
    assert all(len(pack.indices(split)) for split in SPLITS)
    assert "120 near duplicates, each kept in the split of its likes" in pack.read_as
    by_content = open_pack(folder_data(root, split="content"))
    assert straddling(by_content) != []
    assert "near duplicates" not in by_content.read_as
    assert by_content.content_hash == pack.content_hash
    for size in (32, 64, 100):
        other = open_pack(folder_data(root, image_size=size))
        assert [list(other.indices(s)) for s in SPLITS] == [list(pack.indices(s)) for s in SPLITS]


def test_copies_of_official_test_pictures_are_left_out_of_training(
    root: Path, make_picture: MakePicture, folder_data: MakeData
) -> None:
    twin_pairs(make_picture, 12, "test/")
    for seed in range(6):
        (root / "train").mkdir(exist_ok=True)
        (root / f"test/{seed:02d}.jpg").rename(root / f"train/{seed:02d}.jpg")
    for seed in range(20, 40):
        make_picture(f"train/{seed}.png", seed)
    pack = open_pack(folder_data(root))
    assert {split: len(pack.indices(split)) for split in SPLITS} == {
        "train": 18,
        "val": 2,
        "test": 18,
    }
    used = {pack.names[row] for split in SPLITS for row in pack.indices(split)}
    assert not used & {f"train/{seed:02d}.jpg" for seed in range(6)}
    assert "6 left out for official held-out ones" in pack.read_as


def test_a_packed_folder_knows_its_near_duplicates(
    root: Path, make_picture: MakePicture, folder_data: MakeData, tmp_path: Path
) -> None:
    twin_pairs(make_picture, 60)
    pack_to(folder_data(root), tmp_path / "packed")
    pack = open_pack(folder_data(tmp_path / "packed"))
    assert straddling(pack) == []
    index = json.loads((tmp_path / "packed" / "index.json").read_text())
    for key in ("twins", "read_as", "index_hash", "pixels_hash"):  # as versions before left it
        del index[key]
    (tmp_path / "packed" / "index.json").write_text(json.dumps(index))
    older = open_pack(folder_data(tmp_path / "packed"))
    assert straddling(older) != []
    assert "packed without looking for near duplicates" in older.read_as


def test_a_pack_of_before_is_found_again(twelve: Path, folder_data: MakeData) -> None:
    """The keys of packs in the cache, by which sweeps of before find theirs, stay."""
    data = folder_data(twelve, rules=1, split="content", max_pixels=40_000_000)
    key = build_source(data).key()
    assert key.keys() == {
        *["source", "root", "image_size", "max_pixels", "max_bad_fraction", "classes", "lists"],
        "files",
    }


@pytest.mark.parametrize(
    ("twins", "said"),
    [
        (None, "list of lists"),
        ([3], "list of lists"),
        ([[0, "1"]], "list of lists"),
        ([[0, 99]], "not there, or twice"),
        ([[0, 1], [1, 2]], "not there, or twice"),
    ],
)
def test_an_index_with_strange_near_duplicates(
    twelve: Path, folder_data: MakeData, tmp_path: Path, twins: object, said: str
) -> None:
    pack_to(folder_data(twelve), tmp_path / "packed")
    index = json.loads((tmp_path / "packed" / "index.json").read_text())
    (tmp_path / "packed" / "index.json").write_text(json.dumps({**index, "twins": twins}))
    assert said in message(folder_data(tmp_path / "packed"))


@pytest.mark.parametrize("name", ["x" * 255, "ä" * 127])
def test_a_pack_s_name_may_be_as_long_as_the_file_system_takes(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "out" / name
    assert pack_to(ScenesData(pictures=20, image_size=8), folder).path == folder
    assert list(folder.parent.iterdir()) == [folder]


def test_a_pack_s_name_that_is_a_pattern_removes_nothing_of_another_s(tmp_path: Path) -> None:
    (tmp_path / ".building-ab-xyz").mkdir()
    pack_to(ScenesData(pictures=20, image_size=8), tmp_path / "a*")
    assert (tmp_path / ".building-ab-xyz").exists()
