"""Picture files in, colorized picture files out."""

import errno
import json
import logging
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import BmpImagePlugin, Image, ImageOps

from colornet.commands import colorize
from colornet.errors import InputError
from colornet.model import colorize as colorize_module
from colornet.model.colorize import colorize_files, find_jobs


class Red:
    """Stands for a model: paints everything red."""

    def colorize(self, picture: Image.Image) -> Image.Image:
        if picture.size == (1, 1):
            raise ValueError("too small for me")
        return Image.new("RGB", picture.size, "red")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(colorize_module, "load_model", lambda folder: Red())
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
    found = find_jobs([tmp_path / "b", single, odd, single, tmp_path / "b"], tmp_path / "out")
    names = [job.picture.relative_to(tmp_path).as_posix() for job in found]
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
        find_jobs([path], tmp_path / "out")


def test_each_picture_becomes_a_png_of_its_size(model: Path, tmp_path: Path) -> None:
    source = picture(tmp_path / "a.jpg", (9, 5))
    done, failed, _ = colorize_files(model, [source], tmp_path / "out" / "deep")
    assert (done, failed) == ([(source, tmp_path / "out" / "deep" / "a.png")], [])
    with Image.open(done[0][1]) as result:
        assert (result.size, result.format) == ((9, 5), "PNG")
        assert result.getpixel((0, 0)) == (255, 0, 0)


def test_pictures_of_one_name_do_not_overwrite_each_other(model: Path, tmp_path: Path) -> None:
    names = ["1/a.png", "2/a.png", "3/a-2.png", "4/a.jpg", "5/A.bmp"]
    sources = [picture(tmp_path / name) for name in names]
    done, *_ = colorize_files(model, sources, tmp_path / "out")
    targets = [target.name for _, target in done]
    assert targets == ["a.png", "a-2.png", "a-2-2.png", "a-3.png", "A-4.png"]
    assert sorted(targets) == sorted(path.name for path in (tmp_path / "out").iterdir())


def results(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_folders_of_the_input_are_kept(model: Path, tmp_path: Path) -> None:
    for name in ("in/a/1.jpg", "in/b/1.jpg", "in/1.tif", "in/1.png", "in/b/deep/2.gif"):
        picture(tmp_path / name)
    colorize_files(model, [tmp_path / "in", picture(tmp_path / "x" / "1.bmp")], tmp_path / "out")
    names = ["1-2.png", "1-3.png", "1.png", "a/1.png", "b/1.png", "b/deep/2.png"]
    assert results(tmp_path / "out") == names


def test_links_are_followed_and_hidden_files_and_results_are_not_pictures(
    model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    picture(tmp_path / "elsewhere" / "1.jpg")
    for name in ("2.jpg", ".3.jpg", ".trash/4.jpg", "out/5.png"):
        picture(tmp_path / "in" / name)
    for name in ("1.heix", "2.HEIX", "notes.txt", "README"):
        (tmp_path / "in" / name).write_text("x")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    with caplog.at_level(logging.WARNING, "colorsweep"):
        done, failed, _ = colorize_files(model, [tmp_path / "in"], tmp_path / "in" / "out")
    assert ([target.name for _, target in done], failed) == (["2.png", "1.png"], [])
    assert results(tmp_path / "in" / "out") == ["2.png", "5.png", "link/1.png"]
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.endswith("in: 2 .heix, 1 without a suffix, 1 .txt: not read")


def refuse_folder(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Have folders of a name be unreadable, for root too."""
    scandir = os.scandir

    def guarded(path: Any) -> Any:
        if Path(path).name == name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)


def test_links_that_lead_nowhere_and_locked_folders_stop_nothing(
    model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "in"
    good = [picture(root / name) for name in ("a.jpg", "deep/b.jpg")]
    picture(root / "locked" / "c.jpg")
    links = {"loop.jpg": "loop.jpg", "one.jpg": "two.jpg", "two.jpg": "one.jpg", "gone.jpg": "no"}
    for name, target in links.items():
        (root / name).symlink_to(target)
    (root / "deep" / "up").symlink_to(root)
    refuse_folder(monkeypatch, "locked")
    with caplog.at_level(logging.WARNING, "colorsweep"):
        result = colorize_files(model, [root], tmp_path / "out")
    assert [source for source, _ in result[0]] == good
    reasons = {source.name: reason for source, reason in result[1]}
    assert sorted(reasons) == ["gone.jpg", "locked", "loop.jpg", "one.jpg", "two.jpg"]
    assert reasons["locked"] == "Permission denied"
    assert len(caplog.records) == 5


def test_what_an_earlier_call_made_stays_unless_it_is_to_be_replaced(
    model: Path, tmp_path: Path
) -> None:
    source, other = picture(tmp_path / "a.jpg"), picture(tmp_path / "b.jpg")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_bytes(b"mine")
    done, failed, kept = colorize_files(model, [source, other], out)
    assert [target.name for _, target in done] == ["b.png"]
    assert (failed, kept) == ([], [(source, out / "a.png")])
    assert (out / "a.png").read_bytes() == b"mine"
    done, failed, _ = colorize_files(model, [source, other], out, overwrite=True)
    assert ([target.name for _, target in done], failed) == (["a.png", "b.png"], [])
    with Image.open(out / "a.png") as result:
        assert result.getpixel((0, 0)) == (255, 0, 0)


def test_every_call_numbers_alike(model: Path, tmp_path: Path) -> None:
    sources = [picture(tmp_path / name) for name in ("1/a.jpg", "2/a.jpg", "3/a.jpg")]
    sources[0].write_bytes(b"no picture")
    first = colorize_files(model, sources, tmp_path / "out")
    again = colorize_files(model, sources, tmp_path / "out")
    assert [target.name for _, target in first.done] == ["a.png", "a-2.png"]
    assert (again.done, again.kept, again.failed) == ([], first.done, first.failed)


def test_what_is_there_already_is_no_failure(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("colornet.model.folder.check_model", lambda folder: None)
    given, out = [picture(tmp_path / "a.jpg"), picture(tmp_path / "b\nx.jpg")], tmp_path / "out"
    made = {"picture": str(given[0]), "result": str(out / "a.png")}
    assert colorize(model, given[:1], out=out).values["colorized"] == [made]
    with caplog.at_level(logging.INFO, "colorsweep"):
        answer = colorize(model, given, out=out)
    assert (answer.exit_code, answer.values["kept"], answer.values["failed"]) == (0, [made], [])
    assert answer.text() == f"{tmp_path}/b\\nx.jpg -> {out}/b\\nx.png"
    said = [record.getMessage() for record in caplog.records]
    assert f"{given[0]}: {out / 'a.png'} is there already" in said
    last = f"1 colorized, 1 there already (--overwrite replaces them), in {out}"
    assert said[-1] == last


def test_a_picture_that_failed_takes_no_name(model: Path, tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "a.jpg").write_bytes(b"no picture")
    good = picture(tmp_path / "2" / "a.jpg")
    done, *_ = colorize_files(model, [tmp_path / "1" / "a.jpg", good], tmp_path / "out")
    assert done == [(good, tmp_path / "out" / "a.png")]


def broken_png(path: Path) -> None:
    """A picture of which a chunk after its pixels does not fit its checksum."""
    picture(path)
    data = path.read_bytes()
    at = data.index(b"IEND") - 4
    chunk = b"eXIf" + b"Exif"
    path.write_bytes(data[:at] + struct.pack(">I", 4) + chunk + struct.pack(">I", 7) + data[at:])


def broken_webp(path: Path) -> None:
    """A picture whose EXIF data are none: Pillow raises SyntaxError when they are asked for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (6, 4), 90).convert("RGB").save(path, "WEBP", exif=b"Exif\0\0nonsense, this")


@pytest.mark.parametrize(("name", "break_it"), [("bad.png", broken_png), ("bad.webp", broken_webp)])
def test_broken_metadata_stop_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, break_it: Callable[[Path], None]
) -> None:
    class Looks(Red):
        def colorize(self, picture: Image.Image) -> Image.Image:
            ImageOps.exif_transpose(picture).load()
            return super().colorize(picture)

    monkeypatch.setattr(colorize_module, "load_model", lambda folder: Looks())
    for other in ("a.jpg", "z.jpg"):
        picture(tmp_path / "in" / other)
    break_it(tmp_path / "in" / name)
    done, failed, _ = colorize_files(Path("model"), [tmp_path / "in"], tmp_path / "out")
    assert [source.name for source, _ in done] == ["a.jpg", "z.jpg"]
    assert [source.name for source, _ in failed] == [name]
    assert results(tmp_path / "out") == ["a.png", "z.png"]


def test_a_decoder_that_gives_up_is_no_lack_of_memory(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gives_up(self: Image.Image) -> None:  # as that of AVIF does
        raise RuntimeError("Failed to decode frame 0")

    source = picture(tmp_path / "a.bmp")
    monkeypatch.setattr(BmpImagePlugin.BmpImageFile, "load", gives_up)
    told = colorize_files(model, [source], tmp_path / "out")
    assert told.failed == [(source, "Failed to decode frame 0")]


def test_a_network_that_gets_no_memory_says_so(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wants_more(self: Red, picture: Image.Image) -> Image.Image:
        raise RuntimeError("not enough memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(Red, "colorize", wants_more)
    told = colorize_files(model, [picture(tmp_path / "a.png")], tmp_path / "out")
    assert told.failed[0][1].startswith("too large for this machine (not enough memory: ")


def test_a_result_that_cannot_be_written_stops_nothing(model: Path, tmp_path: Path) -> None:
    long = "x" * 252
    (tmp_path / "out" / "b.png").mkdir(parents=True)
    (tmp_path / "out" / "folder").write_text("a file")
    sources = [picture(tmp_path / "in" / name) for name in ("a.jpg", "b.jpg", "z.jpg")]
    odd = picture(tmp_path / "odd.png").rename(tmp_path / f"{long}jp")
    nested = picture(tmp_path / "in" / "folder" / "1.png")
    given = [*sources[:2], odd, sources[2], tmp_path / "in"]
    done, failed, _ = colorize_files(model, given, tmp_path / "out")
    assert [source for source, _ in done] == [sources[0], sources[2]]
    reasons = dict(failed)
    assert "a folder has that name" in reasons[sources[1]]
    assert "File name too long" in reasons[odd]
    assert nested in reasons
    assert results(tmp_path / "out") == ["a.png", "folder", "z.png"]


def test_a_name_as_long_as_names_may_be(model: Path, tmp_path: Path) -> None:
    source = picture(tmp_path / f"{'ä' * 125}x.jpg")
    done, failed, _ = colorize_files(model, [source], tmp_path / "out")
    assert ([target.name for _, target in done], failed) == ([f"{'ä' * 125}x.png"], [])


def test_a_full_disk_leaves_no_half_file(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Image.Image.save

    def fill(self: Image.Image, file: Any, *args: Any, **options: Any) -> None:
        if self.size == (7, 7):
            file.write(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(self, file, *args, **options)

    large, small = picture(tmp_path / "a.png", (7, 7)), picture(tmp_path / "b.png")
    monkeypatch.setattr(Image.Image, "save", fill)
    done, failed, _ = colorize_files(model, [large, small], tmp_path / "out")
    assert [source for source, _ in done] == [small]
    assert [source for source, _ in failed] == [large]
    assert "No space left on device" in failed[0][1]
    assert results(tmp_path / "out") == ["b.png"]


def test_results_may_be_read_by_others(model: Path, tmp_path: Path) -> None:
    ((_, target),), *_ = colorize_files(model, [picture(tmp_path / "a.png")], tmp_path / "out")
    (tmp_path / "plain").touch()
    assert target.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_progress_counts_those_that_failed_too(model: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    sources = [picture(tmp_path / name, (n, n)) for n, name in ((1, "a.png"), (2, "b.png"))]
    colorize_files(
        model,
        sources,
        tmp_path / "out",
        progress=lambda n, of, path: seen.append((n, of, path.name)),
    )
    assert seen == [(1, 2, "a.png"), (2, 2, "b.png")]


def test_what_cannot_be_colorized_is_named_and_stops_nothing(
    model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(colorize_module, "MAX_PIXELS", 1000)
    empty, text, cut = (tmp_path / f"{name}.png" for name in ("empty", "text", "cut"))
    empty.touch()
    text.write_text("<html>not found</html>")
    whole = picture(tmp_path / "whole.png", (20, 20))
    cut.write_bytes(whole.read_bytes()[:40])
    small = picture(tmp_path / "small.png", (1, 1))
    large = picture(tmp_path / "large.png", (100, 11))
    bad = [empty, text, cut, small, large]
    with caplog.at_level(logging.WARNING, "colorsweep"):
        done, failed, _ = colorize_files(model, [*bad, whole], tmp_path / "out")
    assert [source for source, _ in done] == [whole]
    assert [source for source, _ in failed] == bad
    reason = "oversized: 100 x 11 pixels, at most 1000 allowed (--max-pixels)"
    assert dict(failed)[large] == reason
    assert colorize_files(model, [large], tmp_path / "raised", max_pixels=1100)[1] == []
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


def trained_on_dark(folder: Path) -> None:
    """Have a model say that it was trained on dark pictures without detail."""
    ends = {name: [0, 60] for name in ("mean", "deviation", "low", "high", "detail")}
    folder.mkdir()
    kept = {"image_size": 16, **ends, "flat": [0, 1]}
    (folder / "manifest.json").write_text(json.dumps({"sha256": "", "lightness": kept}))


@pytest.mark.parametrize(("bright", "dark", "told"), [(3, 1, 1), (2, 2, 0), (3, 0, 0), (1, 0, 0)])
def test_a_set_unlike_the_training_s_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    bright: int,
    dark: int,
    told: int,
) -> None:
    class Same(Red):
        def colorize(self, picture: Image.Image) -> Image.Image:
            return picture.convert("RGB")

    monkeypatch.setattr(colorize_module, "load_model", lambda folder: Same())
    trained_on_dark(tmp_path / "m")
    for index in range(bright + dark):
        value = 200 if index < bright else 40
        Image.new("L", (30, 20), value).save(tmp_path / f"{index}.png")
    sources = sorted(tmp_path.glob("*.png"))
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with caplog.at_level(logging.WARNING, "colorsweep"):
        done, *_ = colorize_files(tmp_path / "m", [*sources, broken], tmp_path / "out")
    assert len(done) == bright + dark
    said = [record.getMessage() for record in caplog.records if "lie outside" in record.message]
    assert len(said) == told
    assert all(f"{bright} of {bright + dark} pictures lie outside" in one for one in said)
