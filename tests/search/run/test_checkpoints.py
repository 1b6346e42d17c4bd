"""What is left of a trial's checkpoints."""

from pathlib import Path

from colornet.storage import Storage
from search.run.checkpoints import Retention


def leave(folder: Path, trial_id: str, attempts: int, generator: bool = True) -> None:
    for attempt in range(attempts):
        place = folder / "checkpoints" / trial_id / f"attempt-{attempt:03d}"
        place.mkdir(parents=True)
        (place / "state.pt").write_bytes(b"state")
        if generator:
            (place / "generator.safetensors").write_bytes(b"weights of %d" % attempt)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def test_nothing_was_left(tmp_path: Path) -> None:
    retention = Retention(Storage.at(tmp_path))
    assert not retention.has("t00000")
    assert not retention.tidy("t00000")
    retention.keep(set())


def test_the_last_attempt_s_generator_is_taken_out(tmp_path: Path) -> None:
    leave(tmp_path, "t00000", 2)
    retention = Retention(Storage.at(tmp_path))
    assert retention.has("t00000")
    assert retention.tidy("t00000")
    assert left(tmp_path) == ["t00000.safetensors"]
    kept = tmp_path / "checkpoints" / "t00000.safetensors"
    assert kept.read_bytes() == b"weights of 1"


def test_without_a_generator_all_goes(tmp_path: Path) -> None:
    leave(tmp_path, "t00000", 1, generator=False)
    assert not Retention(Storage.at(tmp_path)).tidy("t00000")
    assert left(tmp_path) == []


def test_only_the_best_are_kept_and_running_trials_are_not_touched(tmp_path: Path) -> None:
    retention = Retention(Storage.at(tmp_path))
    for number in range(3):
        leave(tmp_path, f"t{number:05d}", 1)
        retention.tidy(f"t{number:05d}")
    leave(tmp_path, "t00009", 1)
    retention.keep({"t00001"})
    assert left(tmp_path) == ["t00001.safetensors", "t00009"]
