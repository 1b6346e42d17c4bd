"""What stays on storage of a trial's checkpoints: while it runs all, after it little."""

import tempfile
from pathlib import Path
from typing import Any

from colornet.errors import writing_to
from colornet.model.folder import manifest_name
from colornet.storage import Storage
from colornet.training import checkpoint

KEEP_BEST = 3
"""Trials whose generator is kept after they end."""
FOLDER = "checkpoints"
GENERATOR = "generator.safetensors"
_KEPT = (manifest_name(GENERATOR), GENERATOR)
"""What stays of an attempt; the generator last, since with it the other is expected."""


class Keeper:
    """Tidies the checkpoints of ended trials.

    Args:
        storage: the sweep's folder.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def has(self, trial_id: str) -> bool:
        """Whether a trial has left anything."""
        return self.storage.exists(f"{FOLDER}/{trial_id}")

    def history(self, trial_id: str) -> list[dict[str, Any]]:
        """The ticks that a trial's latest checkpoint vouches for."""
        with tempfile.TemporaryDirectory(prefix="colorsweep-checkpoint-") as scratch:
            folder = of_trial(self.storage, trial_id)
            if folder is None:
                folder = fetch(self.storage, trial_id, Path(scratch))
            latest = checkpoint.latest(folder)
            return checkpoint.history(latest) if latest else []

    def tidy(self, trial_id: str) -> bool:
        """Take an ended trial's generator out and delete the rest; whether there was one."""
        folder = f"{FOLDER}/{trial_id}"
        attempts = [f"{folder}/{name}" for name in self.storage.folders(folder)]
        kept = [one for one in attempts if GENERATOR in self.storage.names(one)]
        if kept:
            for name, to in zip(_KEPT, kept_names(trial_id), strict=True):
                if name in self.storage.names(kept[-1]):
                    self.storage.move(f"{kept[-1]}/{name}", to)
        self.storage.delete_folder(folder)
        return bool(kept)

    def keep(self, best: set[str]) -> None:
        """Delete the generators of all other trials."""
        for name in self.storage.names(FOLDER):
            if name.endswith((".safetensors", ".json")) and name.partition(".")[0] not in best:
                self.storage.delete(f"{FOLDER}/{name}")

    def sweep_up(self, ended: set[str]) -> None:
        """Delete what trials wrote after they had ended, as those do that are stopped early."""
        for name in self.storage.folders(FOLDER):
            if name in ended:
                self.storage.delete_folder(f"{FOLDER}/{name}")


def kept_names(trial_id: str) -> tuple[str, str]:
    """Where the manifest of a trial's generator is kept, and the generator."""
    name = f"{FOLDER}/{trial_id}.safetensors"
    return manifest_name(name), name


def of_trial(storage: Storage, trial_id: str) -> Path | None:
    """Where a trial's checkpoints lie as files; None on storage that only has URIs."""
    return storage.path(f"{FOLDER}/{trial_id}")


def fetch(storage: Storage, trial_id: str, folder: Path) -> Path:
    """Copy a trial's furthest checkpoints to a local folder, two of each attempt at most.

    Returns:
        `folder`, which holds `attempt-*/tick-*` then.
    """
    for attempt in storage.folders(f"{FOLDER}/{trial_id}"):
        for name in storage.folders(f"{FOLDER}/{trial_id}/{attempt}"):
            storage.download(f"{FOLDER}/{trial_id}/{attempt}/{name}", folder / attempt / name)
    return folder


class Mirror:
    """Copies what a trial writes locally to storage that only has URIs, before it is reported.

    Args:
        folder: the trial's local folder, which holds `attempt-*/`.
    """

    def __init__(self, storage: Storage, trial_id: str, folder: Path) -> None:
        self.storage = storage
        self.trial_id = trial_id
        self.folder = folder
        self._there: set[Path] = {path for path in folder.glob("attempt-*/tick-*")}

    def push(self) -> None:
        """Copy new checkpoints and the generator, and delete those that are gone.

        Raises:
            StorageError: the storage does not take them.
        """
        with writing_to(self.storage.location):
            self._push()

    def _push(self) -> None:
        found = set(self.folder.glob("attempt-*/tick-*"))
        for path in sorted(found - self._there):
            self.storage.upload(path, self._name(path), checkpoint.MANIFEST)
        for path in self._there - found:
            self.storage.delete_folder(self._name(path))
        self._there = found
        for name in _KEPT:
            for path in self.folder.glob(f"attempt-*/{name}"):
                self.storage.write(self._name(path), path.read_bytes())

    def _name(self, path: Path) -> str:
        return f"{FOLDER}/{self.trial_id}/{path.relative_to(self.folder).as_posix()}"
