"""What writes a sweep's records: one driver, parts that are whole or not there."""

import contextlib
import json
import math
import os
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from numbers import Integral, Real
from typing import Any

import pyarrow as pa

from colornet.config.catalog import to_yaml
from colornet.errors import StorageError, writing_to
from colornet.storage import Storage
from search.records.frames import read_frame
from search.records.missing import Tally
from search.records.parts import SCHEMAS, VERSION, merge_parts, part_names, to_table, write_part


class RecordsWriter:
    """Appends rows to a sweep's records; the only writer there is.

    Rows are kept until `commit`, which writes at most one part per table: ticks and pictures before
    the trial states that refer to them, so that no trial has ended without its last tick.
    """

    def __init__(self, location: str | os.PathLike[str]) -> None:
        self.storage = Storage.at(location)
        self._rows: dict[str, list[dict[str, Any]]] = {table: [] for table in SCHEMAS}
        self._parts: dict[str, list[str]] = {}
        self._written: dict[str, dict[str, pa.Table]] = {table: {} for table in SCHEMAS}
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="records")
        self._starting: tuple[Future[None], dict[str, Any]] | None = None
        self._seq = 0
        tally = Tally()
        for table in SCHEMAS:
            self._parts[table] = part_names(self.storage, table)
            frame, _ = read_frame(self.storage, table, ["seq"], tally=tally)
            if len(frame):
                self._seq = max(self._seq, int(frame["seq"].max()))
        self._counts = {
            table: max(tally.expected.get(table, 0), tally.read.get(table, 0)) for table in SCHEMAS
        }
        """Rows that are on the disk, and those that were and are missing."""

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        """Add a row; JSON columns may be given as plain data.

        To `trials` where a trial's state has changed, to `ticks` where a training has reported, to
        `pictures` for a held-out picture.
        """
        self._rows[table].append(self._stamped(row))

    def start(self, row: Mapping[str, Any]) -> None:
        """A trial is about to start: its row goes to the disk at once, ahead of what waits.

        In a thread: it is written while Ray starts the trial's actor.
        """
        with contextlib.suppress(StorageError):  # the next commit will meet it again
            self.settle()
        stamped = self._stamped(row)
        self._starting = self._writing.submit(self._write, "trials", [stamped]), stamped

    def settle(self) -> None:
        """Wait until the row of the trial that was started last is on the disk.

        Raises:
            StorageError: it cannot be written; it waits for the next commit, then.
        """
        starting, self._starting = self._starting, None
        if starting is None:
            return
        writing, row = starting
        try:
            writing.result()
        except StorageError:
            self._rows["trials"].insert(0, row)
            raise

    def _stamped(self, row: Mapping[str, Any]) -> dict[str, Any]:
        self._seq += 1
        stamp = {"version": VERSION, "seq": self._seq, "time": datetime.now(UTC)}
        return {**stamp, **{key: _cell(value) for key, value in row.items()}}

    @property
    def pending(self) -> bool:
        """Whether rows wait for `commit`."""
        return self._starting is not None or any(self._rows.values())

    def commit(self) -> None:
        """Write what has been added since the last commit; on return it is on the disk.

        Raises:
            StorageError: something cannot be written; it waits for the next commit, then.
        """
        self.settle()
        for table in ("pictures", "ticks", "trials"):
            if rows := self._rows[table]:
                self._write(table, rows)
                self._rows[table] = []
            parts, written = self._parts[table], self._written[table]
            with writing_to(self.storage.location):
                self._parts[table] = merge_parts(self.storage, table, parts, written, self._counts)

    def _write(self, table: str, rows: list[dict[str, Any]]) -> None:
        content, written = to_table(table, rows), self._written[table]
        counts = {**self._counts, table: self._counts[table] + len(rows)}
        with writing_to(self.storage.location):
            name = write_part(self.storage, table, content, written=written, counts=counts)
        self._parts[table].append(name)
        self._counts = counts


def _cell(value: Any) -> Any:
    if value is None or type(value) in (str, int):
        return value  # most cells, without the slow look at abstract classes
    if isinstance(value, Mapping | list):
        return json.dumps(value, sort_keys=True, allow_nan=False)
    if isinstance(value, Real) and not isinstance(value, Integral) and not math.isfinite(value):
        return None
    return value


def create_sweep(
    location: str | os.PathLike[str], study: Mapping[str, Any], provenance: Mapping[str, Any]
) -> None:
    """Write what makes a folder a sweep. `study.yaml` comes last: with it, the sweep exists."""
    storage = Storage.at(location)
    try:
        storage.write("provenance.json", json.dumps(provenance, indent=1).encode())
        storage.write("study.yaml", to_yaml(study).encode())
    except OSError:
        with contextlib.suppress(OSError):  # an empty folder can be begun in again
            storage.delete("provenance.json")
        raise
