"""Trees of pictures as they are published are read as they are meant."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colornet.config.sections.data import FolderData
from colornet.data.layouts import Layout, read_layout
from colornet.data.packed import Pack, open_pack
from colornet.data.sources.folder import FolderSource
from colornet.errors import InputError

MakeData = Callable[..., FolderData]
MakePicture = Callable[..., Path]
Make = Callable[..., None]
SPLITS = ("train", "val", "test")


@pytest.fixture
def make(make_picture: MakePicture) -> Make:
    """make(*names): a picture of its own for each name."""

    def build(*names: str) -> None:
        for name in names:
            make_picture(name, sum(name.encode()) * 1000 + len(name))

    return build


def read(
    root: Path, *paths: str, **options: Any
) -> tuple[Layout, list[tuple[str, str | None] | None]]:
    layout = read_layout(root, [path.replace("/", os.sep) for path in paths], **options)
    return layout, [layout.class_and_split(path) for path in paths]


def sides(pack: Pack) -> dict[str, set[str]]:
    return {split: {pack.names[row] for row in pack.indices(split)} for split in SPLITS}


# Nothing special


def test_no_pictures(root: Path) -> None:
    assert read_layout(root, []).described() == "pictures without folders"


def test_landscape_pictures_are_flat(root: Path, make: Make, folder_data: MakeData) -> None:
    names = [f"{number:08d}{'' if number % 3 else '_(2)'}.jpg" for number in range(20)]
    make(*names)
    source = FolderSource(folder_data(root))
    assert source.layout == "pictures without folders"
    entries = source.entries()
    assert [entry.name for entry in entries] == sorted(names)
    assert {(entry.label, entry.official) for entry in entries} == {("", None)}
    pack = open_pack(folder_data(root))
    assert all(sides(pack).values())
    assert set(pack.summary()["split_origins"].values()) == {"hash"}


def test_first_folders_are_classes(root: Path) -> None:
    layout, places = read(root, "sea/1.jpg", "land/deep/2.jpg", "3.jpg")
    assert layout.described() == "class folders (land, sea)"
    assert places == [("sea", None), ("land", None), ("", None)]


# What lies beside folders of splits


@pytest.mark.parametrize(
    "other", ["sea/3.jpg", "testament/3.jpg", "train2/3.jpg", "images/3.jpg", "a/3.jpg"]
)
def test_by_the_first_rules_one_other_folder_makes_all_of_them_classes(
    root: Path, other: str
) -> None:
    layout, places = read(root, "train/1.jpg", "test/2.jpg", other, rules=1)
    assert layout.described() == "class folders"
    assert places[:2] == [("train", None), ("test", None)]


def test_a_logo_beside_split_folders_is_left_out(
    root: Path, make: Make, folder_data: MakeData
) -> None:
    make(*(f"train/{n}.jpg" for n in range(12)), "test/a.jpg", "test/b.jpg", "docs/logo.png")
    source = FolderSource(folder_data(root))
    told = "split folders (test: test, train: train), left out: docs (1 picture)"
    assert source.layout == told
    pack = open_pack(folder_data(root))
    assert sides(pack)["test"] == {"test/a.jpg", "test/b.jpg"}
    assert "docs/logo.png" not in pack.names
    assert pack.summary()["read_as"] == told


@pytest.mark.parametrize(
    "paths",
    [
        ["train/1.jpg", "test/2.jpg", "sea/3.jpg"],
        ["train/1.jpg", "test/2.jpg", "testament/3.jpg"],
        ["Training/1.jpg", "VAL/2.jpg", "extra/3.jpg"],
        ["train/1.jpg", "test/2.jpg", "loose.jpg"],
        ["loose.jpg", "test/2.jpg"],
        ["sea/1.jpg", "test/2.jpg"],
        ["sea/train/1.jpg", "sea/test/2.jpg", "land/3.jpg"],
        ["sea/train/1.jpg", "sea/test/2.jpg", "land/train/3.jpg", "land/rest/4.jpg"],
        ["ds/train/1.jpg", "ds/test/2.jpg", "more/3.jpg"],
        ["ds/train/1.jpg", "ds/test/2.jpg", "loose.jpg"],
        ["train/train/1.jpg", "train/test/2.jpg", "bus/3.jpg"],
        ["sea/1.jpg", "validation/2.jpg", "land/3.jpg"],
        ["ds/train/1.jpg", "ds/valid/2.jpg", "ds/other/3.jpg"],
        ["seg_train/seg_train/sea/1.jpg", "seg_test/seg_test/sea/2.jpg", "seg_pred/3.jpg"],
    ],
)
def test_what_is_not_clear_is_not_guessed(root: Path, paths: list[str]) -> None:
    with pytest.raises(InputError, match=r"data\.layout=splits") as caught:
        read(root, *paths)
    assert len(str(caught.value).splitlines()) <= 3
    layout, places = read(root, *paths, choice="splits")
    assert "left out" in layout.described()
    assert None in places
    layout, places = read(root, *paths, choice="classes")
    assert "class folders" in layout.described()
    assert {split for _, split in places} == {None}


@pytest.mark.parametrize(
    ("stray", "told"),
    [
        ("docs/logo.png", "docs (1 picture)"),
        ("logo.png", "1 picture in no such folder"),
    ],
)
@pytest.mark.parametrize(
    ("folder", "name", "label"),
    [
        ("", "split folders (test: test, train: train)", ""),
        ("ds", "split folders (ds/test: test, ds/train: train)", ""),
        ("a/b/c/d", "split folders (a/b/c/d/test: test, a/b/c/d/train: train)", ""),
        ("{sea,land}", "class folders with split folders (", "sea"),
        ("ds/{sea,land}", "class folders with split folders (", "sea"),
    ],
)
def test_an_official_test_set_is_never_dissolved_by_a_stray_picture(
    root: Path, folder: str, name: str, label: str, stray: str, told: str
) -> None:
    folders = [folder.replace("{sea,land}", kind) for kind in ("sea", "land")]
    train = [os.path.join(path, "train", f"{n}.jpg") for path in folders for n in range(12)]
    test = [os.path.join(path, "test", "1.jpg") for path in folders]
    layout, places = read(root, *train, *test, stray)
    assert layout.described().startswith(name)
    assert layout.described().endswith(f"left out: {told}")
    assert places[0] == (label, "train")
    assert places[len(train)] == (label, "test")
    assert places[-1] is None
    # This one was read the same before; of the others older packs differ.
    assert layout.revised is ((folder, stray) != ("", "docs/logo.png"))


def test_folders_of_splits_in_several_folders_are_not_guessed(root: Path) -> None:
    paths = [f"{top}/{kind}/{split}/1.jpg" for top in "ab" for kind in "cd" for split in SPLITS]
    for choice in ("auto", "splits"):
        with pytest.raises(InputError, match=r"lie in several: a/c, a/d, b/c, b/d") as caught:
            read(root, *paths, choice=choice)
        assert len(str(caught.value).splitlines()) <= 3
    assert read(root, *paths, choice="classes")[1][0] == ("a", None)


def test_split_folders_are_wished_for_in_vain(root: Path) -> None:
    with pytest.raises(InputError, match=r"no folder in .* is named after a split"):
        read(root, "sea/1.jpg", "2.jpg", choice="splits")


@pytest.mark.parametrize(
    "paths",
    [
        ["car/1.jpg", "train/2.jpg", "bus/3.jpg"],
        ["street/1.jpg", "train_station/2.jpg"],
        ["crash_test/1.jpg", "street/2.jpg"],
        ["bullet_train/1.jpg", "steam_train/2.jpg"],
        ["testament/1.jpg", "sea/2.jpg"],
    ],
)
def test_a_class_may_be_named_like_a_split(root: Path, paths: list[str]) -> None:
    layout, places = read(root, *paths)
    assert layout.described().startswith("class folders (")
    assert {split for _, split in places} == {None}


@pytest.mark.parametrize(
    ("paths", "expected", "described"),
    [
        (
            ["trainA/1.jpg", "trainB/2.jpg", "testA/3.jpg", "testB/4.jpg"],
            [("A", "train"), ("B", "train"), ("A", "test"), ("B", "test")],
            "CycleGAN (testA: test, testB: test, trainA: train, trainB: train)",
        ),
        (
            ["x2y/train_a/1.jpg", "x2y/train_b/2.jpg", "x2y/test_a/3.jpg", "x2y/test_b/4.jpg"],
            [("A", "train"), ("B", "train"), ("A", "test"), ("B", "test")],
            "CycleGAN (x2y/test_a: test, x2y/test_b: test, x2y/train_a: train, x2y/train_b: train)",
        ),
        (
            ["train2017/1.jpg", "val2017/2.jpg", "test2017/3.jpg"],
            [("", "train"), ("", "val"), ("", "test")],
            "split folders (test2017: test, train2017: train, val2017: val)",
        ),
        (
            ["DIV2K_train_HR/1.png", "DIV2K_valid_HR/2.png"],
            [("", "train"), ("", "test")],
            "split folders (DIV2K_train_HR: train, DIV2K_valid_HR: test)",
        ),
        (
            ["seg_train/seg_train/sea/1.jpg", "seg_test/seg_test/land/2.jpg"],
            [("sea", "train"), ("land", "test")],
            "split folders (seg_train/seg_train: train, seg_test/seg_test: test)",
        ),
        (
            ["archive/photos/TRAIN/1.jpg", "archive/photos/Test/2.jpg"],
            [("", "train"), ("", "test")],
            "split folders (archive/photos/TRAIN: train, archive/photos/Test: test)",
        ),
        (
            ["sea/train/1.jpg", "sea/test/2.jpg", "land/train/deep/3.jpg"],
            [("sea", "train"), ("sea", "test"), ("land", "train")],
            "class folders with split folders (land/train: train, sea/test: test, "
            "sea/train: train)",
        ),
    ],
)
def test_published_shapes(
    root: Path, paths: list[str], expected: list[tuple[str, str | None]], described: str
) -> None:
    layout, places = read(root, *paths)
    assert places == expected
    assert layout.described() == described


def test_many_folders_are_summed_up(root: Path) -> None:
    paths = [f"{name}/{split}/1.jpg" for name in "abcdefgh" for split in ("train", "test")]
    layout, _ = read(root, *paths)
    assert layout.described().endswith("(8 folders: test, 8 folders: train)")
    assert read(root, *(f"{n}/1.jpg" for n in range(12)))[0].described().endswith("and 4 more)")


# Folders of splits


@pytest.mark.parametrize(
    ("paths", "expected", "described"),
    [
        (
            ["train/cat/1.jpg", "test/cat/2.jpg", "train/3.jpg"],
            [("cat", "train"), ("cat", "test"), ("", "train")],
            "split folders (test: test, train: train)",
        ),
        (
            ["train/cat/1.jpg", "val/dog/2.jpg"],
            [("cat", "train"), ("dog", "test")],
            "split folders (train: train, val: test)",
        ),
        (
            ["train/images/1.jpg", "test/images/2.jpg"],
            [("", "train"), ("", "test")],
            "split folders (test/images: test, train/images: train)",
        ),
        (
            ["train/imgs/cat/1.jpg", "train/imgs/dog/2.jpg", "dev/imgs/cat/3.jpg"],
            [("cat", "train"), ("dog", "train"), ("cat", "test")],
            "split folders (dev/imgs: test, train/imgs: train)",
        ),
        *(
            (
                [f"{train}/1.jpg", f"{other}/2.jpg"],
                [("", "train"), ("", "test")],
                f"split folders ({other}: test, {train}: train)"
                if other < train
                else f"split folders ({train}: train, {other}: test)",
            )
            for train, other in (
                ("train", "eval"),
                ("train", "holdout"),
                ("train", "held_out"),
                ("train_set", "dev"),
                ("trainset", "testset"),
                ("training_set", "test_set"),
            )
        ),
        (
            ["training/1.jpg", "Validation/2.jpg", "TEST/3.jpg"],
            [("", "train"), ("", "val"), ("", "test")],
            "split folders (TEST: test, Validation: val, training: train)",
        ),
        (
            ["train/cat/1.jpg", "train/dog/2.jpg"],
            [("cat", "train"), ("dog", "train")],
            "split folders (train: train)",
        ),
        (
            ["test/cat/1.jpg", "val/dog/2.jpg"],
            [("cat", None), ("dog", None)],
            "split folders (test: no split, val: no split)",
        ),
        (
            ["train/1.jpg", "loose.jpg"],
            [("", "train"), ("", None)],
            "split folders (train: train)",
        ),
        (
            ["traindata/1.jpg", "testdata/2.jpg"],
            [("", "train"), ("", "test")],
            "split folders (testdata: test, traindata: train)",
        ),
        (
            ["Train/1.jpg", "Test/2.jpg"],
            [("", "train"), ("", "test")],
            "split folders (Test: test, Train: train)",
        ),
        (
            ["images/Train/1.jpg", "images/Test/2.jpg"],
            [("", "train"), ("", "test")],
            "split folders (images/Test: test, images/Train: train)",
        ),
    ],
)
def test_split_folders(
    root: Path, paths: list[str], expected: list[tuple[str, str | None]], described: str
) -> None:
    layout, places = read(root, *paths)
    assert places == expected
    assert layout.described() == described


@pytest.mark.parametrize("other", ["unseen", "tst", "validaton"])
def test_what_may_be_another_word_for_a_split_is_not_guessed(root: Path, other: str) -> None:
    paths = ["train/1.jpg", f"{other}/2.jpg"]
    with pytest.raises(InputError, match=r"data\.layout=splits"):
        read(root, *paths)
    assert read(root, *paths, choice="classes")[1] == [("train", None), (other, None)]
    layout, _ = read(root, *paths, "car/3.jpg", "bus/4.jpg")
    assert layout.described().startswith("class folders")


def test_the_first_rules_know_the_first_words(root: Path) -> None:
    paths = ["train/images/1.jpg", "eval/images/2.jpg"]
    assert read(root, *paths, rules=1)[1] == [("train", None), ("eval", None)]


def test_packs_made_before_more_words_were_known_are_not_taken(
    root: Path, make: Make, folder_data: MakeData
) -> None:
    make("train/cat/1.jpg", "train/dog/2.jpg", "eval/dog/3.jpg")
    assert "read as" in FolderSource(folder_data(root)).key()
    (root / "eval").rename(root / "val")
    assert "read as" not in FolderSource(folder_data(root)).key()


@pytest.mark.parametrize(
    "paths", [["images/1.jpg", "images/Train/2.jpg"], ["images/sea/1.jpg", "images/land/2.jpg"]]
)
def test_a_folder_named_images_may_be_a_class(root: Path, paths: list[str]) -> None:
    layout, places = read(root, *paths)
    assert layout.described() == "class folders (images)"
    assert places == [("images", None)] * 2


def test_colornet_keeps_its_test_pictures(root: Path, make: Make, folder_data: MakeData) -> None:
    make(*(f"images/Train/{n}.jpg" for n in range(12)), "images/Test/a.jpg", "images/Test/b.jpg")
    pack = open_pack(folder_data(root))
    found = sides(pack)
    assert found["test"] == {"images/Test/a.jpg", "images/Test/b.jpg"}
    assert len(found["train"]) == 11
    assert len(found["val"]) == 1
    assert pack.summary()["classes"] == {}


def test_official_validation_pictures(root: Path, make: Make, folder_data: MakeData) -> None:
    make(*(f"train/{n}.jpg" for n in range(9)), "val/v.jpg", "test/t.jpg")
    found = sides(open_pack(folder_data(root)))
    assert {split: len(names) for split, names in found.items()} == {
        "train": 9,
        "val": 1,
        "test": 1,
    }
    assert found["val"] == {"val/v.jpg"}


# Places365


PLACES = [
    "data_256/a/airfield/00000001.jpg",
    "data_256/f/field/cultivated/00000001.jpg",
    "data_256/f/field/wild/00000001.jpg",
    "val_256/Places365_val_00000001.jpg",
    "val_256/Places365_val_00000002.jpg",
]


def write_lists(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "categories_places365.txt").write_text(
        "/a/airfield 0\n/f/field/cultivated 1\n/f/field/wild 2\n"
    )
    (folder / "places365_val.txt").write_text(
        "Places365_val_00000001.jpg 1\nPlaces365_val_00000002.jpg 7\n\n"
    )


@pytest.mark.parametrize("name", ["data_256", "data_256_standard", "data_large"])
def test_places_without_lists(root: Path, name: str) -> None:
    layout, places = read(root, *(path.replace("data_256", name) for path in PLACES))
    assert layout.described() == f"Places365 ({name}: train, val_256: test)"
    assert places == [
        ("airfield", "train"),
        ("field/cultivated", "train"),
        ("field/wild", "train"),
        ("", "test"),
        ("", "test"),
    ]


@pytest.mark.parametrize("folder", [".", "filelist_places365-standard"])
def test_places_with_lists(root: Path, folder: str) -> None:
    write_lists(root / folder)
    _, places = read(root, *PLACES)
    assert places[3:] == [("field/cultivated", "test"), ("7", "test")]


def test_one_list_alone_gives_no_classes(root: Path) -> None:
    write_lists(root)
    (root / "categories_places365.txt").unlink()
    assert read(root, *PLACES)[1][3] == ("", "test")


@pytest.mark.parametrize("line", ["Places365_val_00000003.jpg", "a b", "a -3", "a ³"])
def test_a_list_of_something_else_is_named(root: Path, line: str) -> None:
    write_lists(root)
    with (root / "places365_val.txt").open("a") as file:
        file.write(line)
    with pytest.raises(InputError, match=r"places365_val.txt: line 4: ") as caught:
        read(root, *PLACES)
    assert len(str(caught.value).splitlines()) <= 3


def test_a_list_that_is_no_text(root: Path) -> None:
    write_lists(root)
    (root / "places365_val.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        read(root, *PLACES)


def test_places_from_within(root: Path) -> None:
    layout, places = read(root, *(path.partition("/")[2] for path in PLACES[:3]))
    assert layout.described() == "Places365"
    assert places == [("airfield", None), ("field/cultivated", None), ("field/wild", None)]


def test_the_easy_format_of_places(root: Path) -> None:
    layout, places = read(root, "train/airfield/1.jpg", "val/field-wild/2.jpg")
    assert layout.described() == "split folders (train: train, val: test)"
    assert places == [("airfield", "train"), ("field-wild", "test")]


def test_all_three_parts_of_places(root: Path) -> None:
    layout, _ = read(root, *PLACES, "test_256/Places365_test_00000001.jpg")
    assert layout.described() == "Places365 (data_256: train, test_256: test, val_256: val)"


def test_letters_that_are_no_initials_are_classes(root: Path) -> None:
    layout, places = read(root, "a/sea/1.jpg", "b/land/2.jpg")
    assert layout.described() == "class folders (a, b)"
    assert places == [("a", None), ("b", None)]


def test_places_packs_with_its_classes(root: Path, make: Make, folder_data: MakeData) -> None:
    make(*(f"data_256/f/field/wild/{n}.jpg" for n in range(5)), *PLACES)
    write_lists(root)
    pack = open_pack(folder_data(root))
    assert sides(pack)["test"] == set(PLACES[3:])
    assert pack.summary()["classes"] == {
        "7": 1,
        "airfield": 1,
        "field/cultivated": 2,
        "field/wild": 6,
    }
    wild = open_pack(folder_data(root, classes=("field/wild", "field/cultivated")))
    assert sides(wild)["test"] == {PLACES[3]}


def test_changed_lists_pack_anew(root: Path, make: Make, folder_data: MakeData) -> None:
    make(*PLACES)
    write_lists(root)
    first = open_pack(folder_data(root))
    (root / "places365_val.txt").write_text("Places365_val_00000002.jpg 2\n")
    second = open_pack(folder_data(root))
    assert first.classes != second.classes


def test_lists_of_places_choose(root: Path, make: Make, folder_data: MakeData) -> None:
    make(*PLACES)
    (root / "train.txt").write_text(
        "/a/airfield/00000001.jpg 0\n/f/field/wild/00000001.jpg 2\n/a/airfield/00000009.jpg 0\n"
    )
    entries = FolderSource(folder_data(root, list="train.txt")).entries()
    assert [(entry.name, entry.label, entry.official) for entry in entries] == [
        (PLACES[0], "airfield", "train"),
        ("data_256/a/airfield/00000009.jpg", "airfield", "train"),
        (PLACES[2], "field/wild", "train"),
    ]
    within = folder_data(root / "data_256", list=str(root / "train.txt"))
    assert [entry.label for entry in FolderSource(within).entries()] == [
        "airfield",
        "airfield",
        "field/wild",
    ]
    (root / "val.txt").write_text("Places365_val_00000002.jpg 7\n")
    (only,) = FolderSource(folder_data(root, list="val.txt")).entries()
    assert (only.name, only.official) == (PLACES[4], None)
