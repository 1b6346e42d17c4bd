"""Picture files in, colorized picture files out."""

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colornet import colorizing
from colornet.colorizing import colorize_files, find_pictures
from colornet.errors import InputError


class Red:
    """Stands for a model: paints everything red."""

    def colorize(self, picture: Image.Image) -> Image.Image:
        if picture.size == (1, 1):
            raise ValueError("too small for me")
        return Image.new("RGB", picture.size, "red")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(colorizing, "load_model", lambda folder: Red())
    return Path("model")


def picture(path: Path, size: tuple[int, int] = (6, 4)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size[1], size[0]), 90, np.uint8)).save(path)
    return path


def test_files_and_folders_in_their_order(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/1.JPG", "b/deep/3.webp", "b/notes.txt", "b/x.png.bak"):
        picture(tmp_path / "kept.png").rename(tmp_path / "moved.png")
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "moved.png").rename(target)
    (tmp_path / "b" / "folder.png").mkdir()
    single = picture(tmp_path / "a.bmp")
    odd = picture(tmp_path / "odd.png").rename(tmp_path / "odd.dat")
    found = find_pictures([tmp_path / "b", single, odd])
    names = [path.relative_to(tmp_path).as_posix() for path in found]
    assert names == ["b/1.JPG", "b/2.png", "b/deep/3.webp", "a.bmp", "odd.dat"]


@pytest.mark.parametrize(
    ("made", "said"), [(None, "not found"), ("folder", "no pictures"), ("notes", "no pictures")]
)
def test_nothing_to_colorize(tmp_path: Path, made: str | None, said: str) -> None:
    path = tmp_path / "here"
    if made:
        path.mkdir()
    if made == "notes":
        (path / "a.txt").write_text("x")
    with pytest.raises(InputError, match=f"here: {said}"):
        find_pictures([path])


def test_each_picture_becomes_a_png_of_its_size(model: Path, tmp_path: Path) -> None:
    source = picture(tmp_path / "a.jpg", (9, 5))
    done, failed = colorize_files(model, [source], tmp_path / "out" / "deep")
    assert (done, failed) == ([(source, tmp_path / "out" / "deep" / "a.png")], [])
    with Image.open(done[0][1]) as result:
        assert (result.size, result.format) == ((9, 5), "PNG")
        assert result.getpixel((0, 0)) == (255, 0, 0)


def test_pictures_of_one_name_do_not_overwrite_each_other(model: Path, tmp_path: Path) -> None:
    names = ["1/a.png", "2/a.png", "3/a-2.png", "4/a.jpg"]
    sources = [picture(tmp_path / name) for name in names]
    done, _ = colorize_files(model, sources, tmp_path / "out")
    targets = [target.name for _, target in done]
    assert targets == ["a.png", "a-2.png", "a-2-2.png", "a-3.png"]
    assert sorted(targets) == sorted(path.name for path in (tmp_path / "out").iterdir())


def test_what_cannot_be_colorized_is_named_and_stops_nothing(
    model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(colorizing, "MAX_PIXELS", 1000)
    empty, text, cut = (tmp_path / f"{name}.png" for name in ("empty", "text", "cut"))
    empty.touch()
    text.write_text("<html>not found</html>")
    whole = picture(tmp_path / "whole.png", (20, 20))
    cut.write_bytes(whole.read_bytes()[:40])
    small = picture(tmp_path / "small.png", (1, 1))
    large = picture(tmp_path / "large.png", (100, 11))
    bad = [empty, text, cut, small, large]
    with caplog.at_level(logging.WARNING, "colorsweep"):
        done, failed = colorize_files(model, [*bad, whole], tmp_path / "out")
    assert [source for source, _ in done] == [whole]
    assert [source for source, _ in failed] == bad
    assert dict(failed)[large] == "more than 1,000 pixels"
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [str(p) for p in bad]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["whole.png"]


def test_a_folder_that_cannot_be_made_is_an_input_error(model: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="out"):
        colorize_files(model, [picture(tmp_path / "a.png")], tmp_path / "out")


def test_the_pictures_themselves_are_never_overwritten(model: Path, tmp_path: Path) -> None:
    source = picture(tmp_path / "a.png")
    before = source.read_bytes()
    with pytest.raises(InputError, match=r"a\.png"):
        colorize_files(model, [source], tmp_path)
    assert source.read_bytes() == before
