"""A trial's checkpoints on the sweep's storage: retention, upload, and ticks that only they hold.

While a trial runs all of its checkpoints stay, afterwards only the generators of the best trials;
those of stopped trials that may be promoted stay until the sweep has ended.
Where the storage only has URIs, a trial writes to a local folder, from which an `Upload` copies.
"""

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from colornet.errors import writing_to
from colornet.model.folder import manifest_name
from colornet.storage import Storage
from colornet.training import checkpoint
from search.records.reader import CHECKPOINTS, UNFINISHED
from search.records.writer import RecordsWriter

KEEP_BEST = 3
"""Trials whose generator is kept after they end."""
GENERATOR = "generator.safetensors"
_RETAINED = (manifest_name(GENERATOR), GENERATOR)
"""What stays of an attempt; the generator last, since with it the other is expected."""


@dataclass
class Retention:
    """Deletes what is no longer needed of the checkpoints of ended trials.

    Args:
        storage: the sweep's folder.
    """

    storage: Storage

    def has(self, trial_id: str) -> bool:
        """Whether a trial has left anything."""
        return self.storage.exists(f"{CHECKPOINTS}/{trial_id}")

    def history(self, trial_id: str) -> list[dict[str, Any]]:
        """The ticks that a trial's latest checkpoint holds."""
        with tempfile.TemporaryDirectory(prefix="colorsweep-checkpoint-") as scratch:
            folder = self.storage.path(f"{CHECKPOINTS}/{trial_id}")
            if folder is None:
                folder = download(self.storage, trial_id, Path(scratch))
            latest = checkpoint.latest(folder)
            return checkpoint.history(latest) if latest else []

    def tidy(self, trial_id: str) -> bool:
        """Take an ended trial's generator out and delete the rest; whether there was one."""
        folder = f"{CHECKPOINTS}/{trial_id}"
        attempts = [f"{folder}/{name}" for name in self.storage.folders(folder)]
        with_generator = [path for path in attempts if GENERATOR in self.storage.names(path)]
        if with_generator:
            generator = f"{CHECKPOINTS}/{trial_id}.safetensors"
            for name, to in zip(_RETAINED, (manifest_name(generator), generator), strict=True):
                if name in self.storage.names(with_generator[-1]):
                    self.storage.move(f"{with_generator[-1]}/{name}", to)
        self.storage.delete_folder(folder)
        return bool(with_generator)

    def keep(self, best: set[str]) -> None:
        """Delete the generators of all other trials."""
        for name in self.storage.names(CHECKPOINTS):
            if name.endswith((".safetensors", ".json")) and name.partition(".")[0] not in best:
                self.storage.delete(f"{CHECKPOINTS}/{name}")

    def sweep_up(self, ended: set[str]) -> None:
        """Delete what trials wrote after they had ended, as those do that are stopped early."""
        for name in self.storage.folders(CHECKPOINTS):
            if name in ended:
                self.storage.delete_folder(f"{CHECKPOINTS}/{name}")


def download(storage: Storage, trial_id: str, folder: Path) -> Path:
    """Copy a trial's checkpoints to a local folder: the two of each attempt that it keeps.

    Returns:
        `folder`, which holds `attempt-*/tick-*` then.
    """
    for attempt in storage.folders(f"{CHECKPOINTS}/{trial_id}"):
        for name in storage.folders(f"{CHECKPOINTS}/{trial_id}/{attempt}"):
            storage.download(f"{CHECKPOINTS}/{trial_id}/{attempt}/{name}", folder / attempt / name)
    return folder


class Upload:
    """Copies what a trial writes locally to storage that only has URIs, before it is reported.

    Args:
        folder: the trial's local folder, which holds `attempt-*/`.
    """

    def __init__(self, storage: Storage, trial_id: str, folder: Path) -> None:
        self.storage = storage
        self.trial_id = trial_id
        self.folder = folder
        self._uploaded: set[Path] = {path for path in folder.glob("attempt-*/tick-*")}

    def push(self) -> None:
        """Copy new checkpoints and the generator, and delete those that are deleted here.

        Raises:
            StorageError: the storage does not take them.
        """
        local = set(self.folder.glob("attempt-*/tick-*"))
        with writing_to(self.storage.location):
            for path in sorted(local - self._uploaded):
                self.storage.upload(path, self._name(path), checkpoint.MANIFEST)
            for path in self._uploaded - local:
                self.storage.delete_folder(self._name(path))
            self._uploaded = local
            for name in _RETAINED:
                for path in self.folder.glob(f"attempt-*/{name}"):
                    self.storage.write(self._name(path), path.read_bytes())

    def _name(self, path: Path) -> str:
        return f"{CHECKPOINTS}/{self.trial_id}/{path.relative_to(self.folder).as_posix()}"


@dataclass
class Backfill:
    """Records ticks that a trial's checkpoint holds and the records do not.

    Attributes:
        writer: takes the rows; they wait for its next commit.
        recorded: trial_id and tick of all that are recorded.
    """

    writer: RecordsWriter
    recorded: set[tuple[str, int]]

    def fill(self, row_key: Mapping[str, Any], history: Iterable[Mapping[str, Any]]) -> None:
        """Record the ticks of a checkpoint's history that are not recorded yet.

        Args:
            row_key: what each row of the trial begins with.
        """
        for metrics in history:
            if (tick := (row_key["trial_id"], metrics["tick"])) not in self.recorded:
                self.recorded.add(tick)
                self.writer.add("ticks", {**metrics, **row_key})

    def fill_all(self, trials: pd.DataFrame, retention: Retention) -> bool:
        """Record what the last driver had no time to; returns whether there was anything.

        Raises:
            StorageError: it cannot be written.
        """
        for _, row in trials[trials["state"].isin(UNFINISHED)].iterrows():
            row_key = {key: row[key] for key in ("trial_id", "number", "attempt", "seed")}
            self.fill(row_key, retention.history(row["trial_id"]))
        filled = self.writer.pending
        self.writer.commit()
        return filled
