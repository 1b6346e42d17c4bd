"""What a sweep writes to the disk."""

from collections import namedtuple
from pathlib import Path

import pytest

from search.plan import disk as module
from search.plan.disk import checkpoint_bytes, disk, records_bytes
from search.plan.workload import TrialLength


def test_records_of_no_trial_are_small() -> None:
    assert records_bytes([], judged=100, image_size=32) == 1_000_000


def test_records_grow_with_trials_ticks_and_pictures() -> None:
    one = records_bytes([TrialLength(0, 20, 1)], judged=246, image_size=32)
    assert records_bytes([TrialLength(0, 20, 1)] * 2, 246, 32) - one == one - 1_000_000
    assert records_bytes([TrialLength(0, 21, 1)], 246, 32) > one
    assert records_bytes([TrialLength(0, 20, 1)], 247, 32) > one
    assert records_bytes([TrialLength(0, 20, 1)], 246, 64) > one


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


def test_stopped_trials_that_may_go_on_keep_their_checkpoints(tmp_path: Path) -> None:
    found = disk(str(tmp_path / "a"), 1000, 300, 70, 2, paused=3)
    assert found["checkpoints"] == (2 * 3 + 3 * 2) * 300
