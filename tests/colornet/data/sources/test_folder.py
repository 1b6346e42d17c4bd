"""Which files a folder source takes, and what it says when there are none."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colornet.config.sections.data import FolderData
from colornet.data import picture_files
from colornet.data.check import detect_source
from colornet.data.source import UnusablePicture
from colornet.data.sources.folder import FolderSource
from colornet.errors import InputError

MakeData = Callable[..., FolderData]
MakePicture = Callable[..., Path]


def message(data: FolderData) -> str:
    with pytest.raises(InputError) as caught:
        FolderSource(data).entries()
    text = str(caught.value)
    assert len(text.splitlines()) <= 3
    return text


def names(data: FolderData) -> list[str]:
    return [entry.name for entry in FolderSource(data).entries()]


def test_a_missing_folder_is_named(tmp_path: Path, folder_data: MakeData) -> None:
    text = message(folder_data(tmp_path / "nowhere"))
    assert "nowhere: no such folder" in text
    assert ".jpg" in text


def test_a_file_is_no_folder(make_picture: MakePicture, folder_data: MakeData) -> None:
    assert "not a folder" in message(folder_data(make_picture("a.png", 0)))


def test_an_empty_folder(root: Path, folder_data: MakeData) -> None:
    text = message(folder_data(root))
    assert "an empty folder" in text
    assert ".jpg" in text


def test_a_folder_of_other_files_is_counted(root: Path, folder_data: MakeData) -> None:
    for name in ("a.txt", "b.jxl", "c.JPG.part"):
        (root / name).write_text("x")
    text = message(folder_data(root))
    assert "no picture in 3 files (1 .jxl, 1 .part, 1 .txt: not read)" in text
    assert ".bmp .dib .gif" in text
    assert ".bmp .jpeg .jpg .png .webp" in message(folder_data(root, rules=1))


def test_a_name_that_no_file_system_takes(root: Path, folder_data: MakeData) -> None:
    assert "no such folder" in message(folder_data(root / ("x" * 300)))
    assert detect_source(root / ("x" * 300)) == "folder"


def test_heic_without_its_library(
    root: Path, folder_data: MakeData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_files, "find_spec", lambda name: None)
    for cached in (picture_files.suffixes, picture_files.formats):
        cached.cache_clear()
    try:
        (root / "a.heic").write_bytes(b"x")
        assert "1 .heic: not read (pip install 'colorsweep[heic]'" in message(folder_data(root))
    finally:
        for cached in (picture_files.suffixes, picture_files.formats):
            cached.cache_clear()


def test_suffixes_of_the_second_rules(
    make_picture: MakePicture, root: Path, folder_data: MakeData
) -> None:
    every = ["a.JFIF", "b.jpe", "c.tif", "d.TIFF", "e.gif", "f.avif", "g.dib"]
    for name in every:
        make_picture(f"{name}.png", 0).rename(root / name)
    make_picture("h.png", 0)
    (root / "i.jpfif").write_text("x")
    source = FolderSource(folder_data(root))
    assert [entry.name for entry in source.entries()] == [*every, "h.png"]
    assert source.passed_over == {".jpfif": 1}
    assert names(folder_data(root, rules=1)) == ["h.png"]


def test_an_unreadable_folder_is_named(
    twelve: Path, folder_data: MakeData, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    assert "Permission denied" in message(folder_data(twelve))


def test_suffixes_in_any_case_and_a_fixed_order(
    make_picture: MakePicture, root: Path, folder_data: MakeData
) -> None:
    for name in ("b.png", "a/z.JPG", "a/b.Jpeg", "c.WEBP", "d.BmP"):
        make_picture(name, 0)
    assert names(folder_data(root)) == ["a/b.Jpeg", "a/z.JPG", "b.png", "c.WEBP", "d.BmP"]


def test_hidden_files_links_in_circles_and_pipes_are_passed_over(
    make_picture: MakePicture, root: Path, folder_data: MakeData
) -> None:
    make_picture("a/1.png", 0)
    make_picture(".hidden.png", 1)
    make_picture(".thumbs/2.png", 2)
    (root / "a" / "up").symlink_to(root)
    (root / "again").symlink_to(root / "a")
    os.mkfifo(root / "pipe.png")
    assert names(folder_data(root)) == ["a/1.png"]


def test_a_broken_link_is_a_bad_picture(
    make_picture: MakePicture, root: Path, folder_data: MakeData
) -> None:
    (root / "gone.png").symlink_to(root / "nothing.png")
    source = FolderSource(folder_data(root))
    (entry,) = source.entries()
    with pytest.raises(UnusablePicture, match="No such file"):
        source.decode(entry)


def test_classes_are_the_first_folders(
    make_picture: MakePicture, root: Path, folder_data: MakeData
) -> None:
    for name in ("sea/deep/1.png", "land/2.png", "3.png"):
        make_picture(name, 0)
    labels = {entry.name: entry.label for entry in FolderSource(folder_data(root)).entries()}
    assert labels == {"sea/deep/1.png": "sea", "land/2.png": "land", "3.png": ""}
    assert names(folder_data(root, classes=("sea",))) == ["sea/deep/1.png"]


def test_an_unknown_class_leads_to_the_known_ones(twelve: Path, folder_data: MakeData) -> None:
    assert "Did you mean 'land'?" in message(folder_data(twelve, classes=("lnad",)))
    assert "Known: land, sea." in message(folder_data(twelve, classes=("street",)))


def test_a_class_where_there_are_none(
    make_picture: MakePicture, root: Path, folder_data: MakeData
) -> None:
    make_picture("1.png", 0)
    assert "no classes" in message(folder_data(root, classes=("sea",)))


def test_a_list_chooses_and_may_carry_labels_and_spaces(
    make_picture: MakePicture, root: Path, folder_data: MakeData, tmp_path: Path
) -> None:
    for name in ("a 1.png", "b/2 x.png", "b/3.png", "b/4.png"):
        make_picture(name, 0)
    chosen = tmp_path / "chosen.txt"
    chosen.write_text("b/2 x.png\nb/3.png 7\n\na 1.png\tsea\nb/3.png\n")
    assert names(folder_data(root, list=str(chosen))) == ["a 1.png", "b/2 x.png", "b/3.png"]


def test_a_list_may_lie_in_the_root(twelve: Path, folder_data: MakeData) -> None:
    (twelve / "some.txt").write_text("sea/00.png\nsea/missing.png\n")
    source = FolderSource(folder_data(twelve, list="some.txt"))
    first, missing = source.entries()
    assert source.decode(first).pixels.shape == (16, 16, 3)
    with pytest.raises(UnusablePicture, match="No such file"):
        source.decode(missing)


@pytest.mark.parametrize(
    ("content", "gist"),
    [("\n\n", "names no pictures"), ("../secret.png", "not under"), ("/etc/x.png", "not under")],
)
def test_bad_lists(twelve: Path, folder_data: MakeData, content: str, gist: str) -> None:
    (twelve / "list.txt").write_text(content)
    assert gist in message(folder_data(twelve, list="list.txt"))


def test_a_missing_list_is_named(twelve: Path, folder_data: MakeData) -> None:
    assert "data.list: nowhere.txt" in message(folder_data(twelve, list="nowhere.txt"))


def test_names_that_are_no_unicode_can_be_shown(
    make_picture: MakePicture, root: Path, folder_data: MakeData
) -> None:
    path = make_picture("x.png", 0)
    os.rename(path, os.fsencode(root) + b"/caf\xe9.png")
    source = FolderSource(folder_data(root))
    (entry,) = source.entries()
    assert entry.name == "caf\\xe9.png"
    assert source.decode(entry).pixels.shape == (16, 16, 3)


def test_links_that_lead_nowhere_are_bad_pictures(
    root: Path, make_picture: MakePicture, folder_data: MakeData
) -> None:
    make_picture("a.png", 1)
    for name, target in {"gone.png": "no", "loop.png": "loop.png"}.items():
        (root / name).symlink_to(target)
    source = FolderSource(folder_data(root))
    good, *bad = source.entries()
    assert source.decode(good).width
    for entry, why in zip(bad, ("No such file", "Too many levels"), strict=True):
        with pytest.raises(UnusablePicture, match=why):
            source.decode(entry)
    assert [entry.name for entry in bad] == ["gone.png", "loop.png"]


def test_a_locked_folder_is_warned_of(
    make_picture: MakePicture,
    root: Path,
    folder_data: MakeData,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_picture("a/1.png", 1)
    make_picture("b/2.png", 2)
    scandir = os.scandir

    def guarded(path: Path) -> Iterator[os.DirEntry[str]]:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert names(folder_data(root)) == ["a/1.png"]
    assert [record.getMessage() for record in caplog.records] == [
        f"{root / 'b'}: cannot be read: Permission denied"
    ]
