"""What stays on the disk of a trial's checkpoints: while it runs all, after it little."""

import shutil
from pathlib import Path

KEEP_BEST = 3
"""Trials whose generator is kept after they end."""


class Keeper:
    """Tidies the checkpoints of ended trials.

    Args:
        location: the sweep's folder.
    """

    def __init__(self, location: Path) -> None:
        self.folder = location / "checkpoints"

    def has(self, trial_id: str) -> bool:
        """Whether a trial has left anything."""
        return self.of_trial(trial_id).exists()

    def of_trial(self, trial_id: str) -> Path:
        """Where a trial's checkpoints lie."""
        return self.folder / trial_id

    def tidy(self, trial_id: str) -> bool:
        """Take an ended trial's generator out and delete the rest; whether there was one."""
        kept = sorted(self.folder.glob(f"{trial_id}/attempt-*/generator.safetensors"))
        if kept:
            kept[-1].replace(self.folder / f"{trial_id}.safetensors")
        shutil.rmtree(self.of_trial(trial_id), ignore_errors=True)
        return bool(kept)

    def keep(self, best: set[str]) -> None:
        """Delete the generators of all other trials."""
        for path in self.folder.glob("*.safetensors"):
            if path.stem not in best:
                path.unlink()
