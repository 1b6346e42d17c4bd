"""A checkpoint is whole or not there, and damage never goes unseen."""

import io
import os
import pickle
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from colornet.errors import InputError, StorageError
from colornet.storage import sha256_file
from colornet.training import checkpoint

STATE: dict[str, Any] = {
    "weights": {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor([1, 2])},
    "seen": 64,
    "noise": None,
}
HISTORY: list[dict[str, Any]] = [
    {"tick": 1, "val_ab_mae": 3.5, "val_psnr": None},
    {"tick": 2, "val_ab_mae": 3.25, "val_psnr": 20.0},
]


def save(attempt: Path, tick: int, images: int | None = None) -> Path:
    return checkpoint.save(attempt / checkpoint.name(tick, images), STATE, HISTORY[:tick])


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    path = save(tmp_path / "attempt-1", 2)
    assert path.name == "tick-000002"
    state, history = checkpoint.load(path)
    assert torch.equal(state["weights"]["a"], STATE["weights"]["a"])
    assert state["seen"] == 64
    assert history == HISTORY
    assert checkpoint.verify(path)


def test_memory_layout_comes_back(tmp_path: Path) -> None:
    """Fused optimizers run in the order of memory: another layout would round differently."""
    tensor = torch.rand(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    path = checkpoint.save(tmp_path / "tick-000001", {"weights": tensor}, [])
    assert checkpoint.load(path)[0]["weights"].stride() == tensor.stride()


def test_nothing_else_is_left(tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    names = {"history.json", "manifest.json", "state.pt"}
    assert {entry.name for entry in path.iterdir()} == names


def test_every_damage_is_seen(tmp_path: Path) -> None:
    """60 random flips and truncations over all files."""
    path = save(tmp_path / "attempt-1", 2)
    files = sorted(path.iterdir())
    rng = random.Random(0)
    for trial in range(60):
        file = files[trial % len(files)]
        whole = file.read_bytes()
        place = rng.randrange(len(whole))
        if rng.random() < 0.5:
            damaged = whole[:place]
        else:
            flipped = whole[place] ^ (1 << rng.randrange(8))
            damaged = whole[:place] + bytes([flipped]) + whole[place + 1 :]
        file.write_bytes(damaged)
        assert not checkpoint.verify(path), (file.name, place)
        file.write_bytes(whole)
    assert checkpoint.verify(path)


@pytest.mark.parametrize("name", ["state.pt", "history.json", "manifest.json"])
def test_a_missing_file_is_seen(tmp_path: Path, name: str) -> None:
    path = save(tmp_path, 1)
    (path / name).unlink()
    assert not checkpoint.verify(path)
    with pytest.raises(InputError, match="not a complete checkpoint"):
        checkpoint.load(path)


def test_no_folder_is_no_checkpoint(tmp_path: Path) -> None:
    assert not checkpoint.verify(tmp_path / "missing")
    assert checkpoint.latest(tmp_path / "missing") is None
    assert checkpoint.latest(tmp_path) is None


class Runs:
    """What runs when a pickle is read that holds it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def archived(value: object, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


FOREIGN: dict[str, Callable[[object], bytes]] = {
    "an archive": lambda runs: archived({"code": runs}),
    "an old archive": lambda runs: archived({"code": runs}, _use_new_zipfile_serialization=False),
    "a pickle": pickle.dumps,
    "nothing": lambda runs: b"",
    "noise": lambda runs: b"noise" * 99,
    "an archive cut off": lambda runs: archived({"weights": torch.zeros(999)})[:-300],
    "a list": lambda runs: archived([1]),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_others_put_into_a_checkpoint_is_not_run(tmp_path: Path, kind: str) -> None:
    path = save(tmp_path, 1)
    content = FOREIGN[kind](Runs(tmp_path / "run"))
    (path / "state.pt").write_bytes(content)
    sums = {name: sha256_file(path / name) for name in ("state.pt", "history.json")}
    (path / "manifest.json").write_bytes(checkpoint._manifest(sums))  # as who forges it can
    assert checkpoint.verify(path)
    with pytest.raises(InputError, match=r"state\.pt: holds") as caught:
        checkpoint.load(path)
    assert len(str(caught.value).splitlines()) <= 3
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("{}", "holds no list of ticks"),
        ("[1]", "holds no list of ticks"),
        ("[{}]", "a tick without its number"),
        ('[{"tick": true}]', "a tick without its number"),
        ('[{"tick": 1.5}]', "a tick without its number"),
        ('[{"tick": "1"}]', "a tick without its number"),
        ('[{"tick": 1, "seconds": "2"}]', "tick 1: seconds: is no number"),
        ('[{"tick": 1, "seconds": []}]', "tick 1: seconds: is no number"),
        ('[{"tick": 1, "seconds": true}]', "tick 1: seconds: is no number"),
        ('[{"tick": 1, "seconds": 1e999}]', "a number that is larger than any float"),
        (f'[{{"tick": 1, "seconds": 1{"0" * 400}}}]', "tick 1: seconds: is no number"),
    ],
)
def test_a_history_that_is_none(tmp_path: Path, rows: str, said: str) -> None:
    path = save(tmp_path, 1)
    (path / "history.json").write_text(rows)
    with pytest.raises(InputError, match=rf"history\.json: .*{said}"):
        checkpoint.history(path)


def test_what_an_invented_history_is_made_of_is_as_good_as_gone(tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    (path / "history.json").write_text("[{}]")
    with pytest.raises(InputError, match="\nRemove it to go on without it"):
        checkpoint.history(path)
    (path / "history.json").unlink()
    assert checkpoint.latest(tmp_path) is None


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    attempt = tmp_path / "attempt-1"
    for tick in (0, 1, 2):
        save(attempt, tick)
    assert sorted(path.name for path in attempt.iterdir()) == ["tick-000001", "tick-000002"]
    save(attempt, 2, images=80)
    kept = ["tick-000002", "tick-000002-images-00000000080"]
    assert sorted(path.name for path in attempt.iterdir()) == kept


def test_writing_again_replaces(tmp_path: Path) -> None:
    save(tmp_path, 1)
    path = checkpoint.save(tmp_path / "tick-000001", {"seen": 5}, [])
    assert checkpoint.load(path) == ({"seen": 5}, [])


def test_the_furthest_whole_one_of_all_attempts_is_the_latest(tmp_path: Path) -> None:
    first, second = tmp_path / "attempt-1", tmp_path / "attempt-2"
    save(first, 1)
    furthest = save(first, 2)
    save(second, 1)
    assert checkpoint.latest(tmp_path) == furthest
    assert checkpoint.latest(second) == second / "tick-000001"
    interrupted = save(second, 2, images=100)
    assert checkpoint.latest(tmp_path) == interrupted
    (interrupted / "state.pt").write_bytes(b"")
    assert checkpoint.latest(tmp_path) == furthest
    shutil.rmtree(first)
    assert checkpoint.latest(tmp_path) == second / "tick-000001"


def test_the_tenth_attempt_comes_after_the_ninth(tmp_path: Path) -> None:
    save(tmp_path / "attempt-9", 1)
    tenth = save(tmp_path / "attempt-10", 1)
    assert checkpoint.latest(tmp_path) == tenth


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        checkpoint.save(tmp_path / "tick-000001", STATE, [{"loss": float("nan")}])
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_told_and_costs_no_older_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = tmp_path / "attempt-1"
    older = [save(attempt, tick) for tick in (1, 2)]

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    def torch_on_a_full_disk(*_: Any) -> None:
        try:
            full()
        except OSError:
            raise RuntimeError("unexpected pos 704 vs 598")  # noqa: B904

    for place, fails in ((os, "fsync"), (torch, "save")):
        with monkeypatch.context() as patched:
            patched.setattr(place, fails, full if fails == "fsync" else torch_on_a_full_disk)
            with pytest.raises(StorageError, match=f"{attempt}: cannot be written: No space left"):
                save(attempt, 3)
        assert sorted(attempt.iterdir()) == older
    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="not of a disk"):
        patched.setattr(torch, "save", Mock(side_effect=RuntimeError("not of a disk")))
        save(attempt, 3)


def test_reading_needs_no_torch(tmp_path: Path) -> None:
    path = save(tmp_path / "attempt-1", 2)
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from pathlib import Path\n"
        "from colornet.training import checkpoint\n"
        f"path = checkpoint.latest(Path({str(tmp_path)!r}))\n"
        "print(path, checkpoint.verify(path), checkpoint.history(path))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{path} True {HISTORY}"
