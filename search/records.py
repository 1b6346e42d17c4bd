"""The records of a sweep: Parquet parts, written whole, unified by name when read.

```
<sweep>/study.yaml  provenance.json
<sweep>/records/trials/part-*.parquet     one row per change of a trial's state
<sweep>/records/ticks/part-*.parquet      one row per trial, attempt and tick
<sweep>/records/pictures/part-*.parquet   one row per trial and held-out picture
```

Whatever else a row holds is a metric: float64, null where it does not apply. `seq` orders rows, not
the clock.
"""

import contextlib
import json
import math
import os
from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from colornet.catalog import parse_yaml, to_yaml
from colornet.errors import InputError, StorageError, did_you_mean
from colornet.firstlook import check_answers
from colornet.storage import Storage
from search.parts import (
    SCHEMAS,
    merge_parts,
    part_names,
    read_frame,
    read_parts,
    to_table,
    write_part,
)

VERSION = 1
STATES = (
    "running",
    "completed",
    "pruned",
    "diverged",
    "oom",
    "stalled",
    "failed",
    "preempted",
    "cancelled",
)
UNFINISHED = ("running", "preempted")
"""States of trials that a resumed sweep goes on with."""


class RecordsWriter:
    """Appends rows to a sweep's records; the only writer there is.

    Rows are kept until `commit`, which writes at most one part per table: ticks and pictures before
    the trial states that vouch for them.
    """

    def __init__(self, location: str | os.PathLike[str]) -> None:
        self.storage = Storage.at(location)
        self._rows: dict[str, list[dict[str, Any]]] = {table: [] for table in SCHEMAS}
        self._parts: dict[str, list[str]] = {}
        self._written: dict[str, dict[str, pa.Table]] = {table: {} for table in SCHEMAS}
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="records")
        self._starting: tuple[Future[None], dict[str, Any]] | None = None
        self._seq = 0
        for table in SCHEMAS:
            self._parts[table] = part_names(self.storage, table)
            found, _ = read_parts(self.storage, table, columns=["seq"])
            if found is not None and found.num_rows:
                self._seq = max(self._seq, *found.column("seq").to_pylist())

    def trial(self, row: Mapping[str, Any]) -> None:
        """A trial's state has changed. JSON columns may be given as plain data."""
        self._add("trials", row)

    def start(self, row: Mapping[str, Any]) -> None:
        """A trial is about to start: its row goes to the disk at once, ahead of what waits."""
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

    def tick(self, row: Mapping[str, Any]) -> None:
        """A training has reported."""
        self._add("ticks", row)

    def picture(self, row: Mapping[str, Any]) -> None:
        """A held-out picture has been colorized and measured."""
        self._add("pictures", row)

    def _add(self, table: str, row: Mapping[str, Any]) -> None:
        self._rows[table].append(self._stamped(row))

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
            with self._errors():
                self._parts[table] = merge_parts(self.storage, table, parts, written)

    def _write(self, table: str, rows: list[dict[str, Any]]) -> None:
        content, written = to_table(table, rows), self._written[table]
        with self._errors():
            self._parts[table].append(write_part(self.storage, table, content, written=written))

    @contextlib.contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError.at(self.storage.location, error) from error


def _cell(value: Any) -> Any:
    if value is None or type(value) in (str, int):
        return value  # most cells, without the slow look at abstract classes
    if isinstance(value, Mapping | list):
        return json.dumps(value, sort_keys=True, allow_nan=False)
    if isinstance(value, Real) and not isinstance(value, Integral) and not math.isfinite(value):
        return None
    return value


@dataclass(frozen=True)
class SweepRecords:
    """A sweep as it was recorded.

    Attributes:
        study: the resolved study, as data.
        trials: one row per trial, the last state; sorted by number.
        ticks: one row per trial, seed and tick, that of the last attempt that reached it.
        problems: parts that could not be read, in sentences.
    """

    location: str
    study: dict[str, Any]
    provenance: dict[str, Any]
    trials: pd.DataFrame
    ticks: pd.DataFrame
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The sweep's name: that of its folder."""
        return self.location.rstrip("/").rsplit("/", 1)[-1]

    def pictures(self) -> pd.DataFrame:
        """One row per trial, kind and held-out picture; unreadable parts join `problems`."""
        frame, torn = read_frame(Storage.at(self.location), "pictures")
        self.problems.extend(problem for problem in torn if problem not in self.problems)
        return frame


def read_states(location: str | os.PathLike[str]) -> tuple[pd.DataFrame, list[str]]:
    """Every recorded change of a trial's state in order of `seq`, and what could not be read."""
    return read_frame(Storage.at(location), "trials")


def read_sweep(location: str | os.PathLike[str]) -> SweepRecords:
    """Read a sweep, finished or running.

    Raises:
        InputError: when the folder is no sweep, or one of a newer format.
    """
    storage = Storage.at(location)
    study = read_study(storage)
    states, problems = read_frame(storage, "trials")
    trials = states.drop_duplicates("trial_id", keep="last").sort_values("number", kind="stable")
    ticks, torn = read_frame(storage, "ticks")
    ticks = ticks.sort_values(["number", "seed", "tick"], kind="stable")
    return SweepRecords(
        location=os.fspath(location),
        study=study,
        provenance=_read_provenance(storage),
        trials=trials.reset_index(drop=True),
        ticks=ticks.reset_index(drop=True),
        problems=problems + torn,
    )


def read_study(storage: Storage) -> dict[str, Any]:
    """The resolved study of a sweep, as data. Raises InputError when the folder is no sweep."""
    try:
        study = parse_yaml(storage.read("study.yaml").decode(), f"{storage.root}/study.yaml")
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{storage.root}: no sweep: it holds no study.yaml.\n"
            "Give the folder that `colorsweep run` named."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{storage.root}/study.yaml: cannot be read: {error}") from None
    if "base_config" not in study or study.get("version") != VERSION:
        raise InputError(
            f"{storage.root}/study.yaml: version {study.get('version')!r} of a sweep is not known "
            f"to this colorsweep, which reads {VERSION}."
        )
    return study


def _read_provenance(storage: Storage) -> dict[str, Any]:
    try:
        found = json.loads(storage.read("provenance.json"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


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


def sweeps_folder() -> Path:
    """Where sweeps go by default: COLORSWEEP_OUT, else `sweeps` in the working folder."""
    return Path(os.environ.get("COLORSWEEP_OUT", "sweeps")).expanduser()


def find_sweep(text: str | None = None) -> str:
    """The sweep a user means: a folder or URI, a unique beginning of its name, or None: the latest.

    Raises:
        InputError: when there is none, several begin like that, or its storage does not answer.
    """
    if text and ("://" in text or os.path.isdir(os.path.expanduser(text))):
        check_answers(text)
        return os.path.expanduser(text)
    folder = sweeps_folder()
    names = sorted(path.parent.name for path in folder.glob("*/study.yaml"))
    if not names:
        said = (
            f"{text}: no such sweep, and none in {folder}" if text else f"{folder}: no sweep there"
        )
        raise InputError(f"{said}.\nStart one with `colorsweep run STUDY`.")
    if text is None:
        return str(folder / names[-1])
    matching = [name for name in names if name.startswith(text)]
    matching = [text] if text in matching else matching
    if len(matching) == 1:
        return str(folder / matching[0])
    if matching:
        raise InputError(f"{text}: several sweeps begin like that: {', '.join(matching[:5])}.")
    hint = did_you_mean(text, names)
    raise InputError(f"{text}: no folder, and no sweep in {folder} begins like that.\n{hint}")
