"""Ticks that a trial's checkpoint vouches for and the records do not hold yet."""

from collections.abc import Mapping, Sequence
from typing import Any

from search.records.reader import UNFINISHED, SweepRecords
from search.records.writer import RecordsWriter
from search.run.checkpoints import Keeper


class Gaps:
    """Knows which ticks are recorded, and fills in what is missing.

    Args:
        writer: takes the rows; they wait for its next commit.

    Attributes:
        next_number: of a trial of which nothing was recorded; that of a trial whose row is gone is
            not given again, or its ticks would be mixed up with another's.
    """

    def __init__(self, writer: RecordsWriter, sweep: SweepRecords) -> None:
        self._writer = writer
        self.next_number = int(max(sweep.ticks["number"], default=-1)) + 1
        self._known = set(zip(sweep.ticks["trial_id"], sweep.ticks["tick"], strict=True))

    def note(self, trial_id: str, tick: int) -> None:
        """A tick has been recorded."""
        self._known.add((trial_id, tick))

    def fill(self, known: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> None:
        """Record the ticks of a checkpoint's history that are not recorded yet.

        Args:
            known: what each row of the trial begins with.
        """
        for metrics in history:
            if (place := (known["trial_id"], metrics["tick"])) not in self._known:
                self._known.add(place)
                self._writer.tick({**metrics, **known})

    def fill_all(self, sweep: SweepRecords, keeper: Keeper) -> bool:
        """Record what the last driver had no time to; returns whether there was anything.

        Raises:
            StorageError: it cannot be written.
        """
        for _, trial in sweep.trials[sweep.trials["state"].isin(UNFINISHED)].iterrows():
            known = {key: trial[key] for key in ("trial_id", "number", "attempt", "seed")}
            self.fill(known, keeper.history(trial["trial_id"]))
        filled = self._writer.pending
        self._writer.commit()
        return filled
