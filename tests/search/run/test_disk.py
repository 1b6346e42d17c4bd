"""What a sweep writes, and whether there is room."""

from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from colornet.errors import InputError
from search.core.workload import Life
from search.run import disk as module
from search.run.disk import (
    check_room,
    check_writable,
    checkpoint_bytes,
    disk,
    nearest,
    records_bytes,
)


def test_records_of_no_trial_are_small() -> None:
    assert records_bytes([], judged=100, image_size=32) == 1_000_000


def test_records_grow_with_trials_ticks_and_pictures() -> None:
    one = records_bytes([Life(0, 20, 1)], judged=246, image_size=32)
    assert records_bytes([Life(0, 20, 1)] * 2, 246, 32) - one == one - 1_000_000
    assert records_bytes([Life(0, 21, 1)], 246, 32) > one
    assert records_bytes([Life(0, 20, 1)], 247, 32) > one
    assert records_bytes([Life(0, 20, 1)], 246, 64) > one


def test_a_checkpoint_holds_each_weight_thrice_and_its_mean() -> None:
    assert checkpoint_bytes(100, 60, averaged=False) == 1200
    assert checkpoint_bytes(100, 60, averaged=True) == 1440


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    found = disk(str(tmp_path / "a" / "b"), 1000, None, None, 2)
    assert (found["needed"], found["checkpoints"], found["generators"]) == (1000, None, None)
    assert found["short"] == 0


def test_too_little_room_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _path: usage(10_000))
    found = disk(str(tmp_path / "a"), 1000, 300, 70, 2)
    assert found["checkpoints"] == 2 * 3 * 300
    assert found["generators"] == 5 * 70
    assert found["short"] == 1000 + 1800 + 350 + module.SPARE - 10_000


def test_the_nearest_folder_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert nearest(tmp_path / "a" / "b") == tmp_path
    assert nearest(Path("sweeps/x")) == tmp_path


def test_a_place_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_writable(str(tmp_path / "a" / "b"))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is no folder"):
        check_writable(str(tmp_path / "file" / "sweep"))
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(InputError, match="link is no folder"):
        check_writable(str(tmp_path / "link"))
    with pytest.raises(InputError, match="link is no folder"):
        check_writable(str(tmp_path / "link" / "sweep"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]
    denied = Mock(side_effect=OSError(13, "Permission denied"))
    monkeypatch.setattr(module.tempfile, "mkdtemp", denied)
    with pytest.raises(InputError, match="Permission denied"):
        check_writable(str(tmp_path / "sweep"))


def test_a_disk_that_is_as_good_as_full_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_room(str(tmp_path / "sweep"))
    check_room("s3://bucket/sweep")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda place: SimpleNamespace(free=4_000_000))
    with pytest.raises(InputError, match=r"sweep: 4\.0 MB are free there, and a sweep wants 34 at"):
        check_room(str(tmp_path / "sweep"))
    check_room("s3://bucket/sweep")
