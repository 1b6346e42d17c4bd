"""The records of a sweep: Parquet parts, written whole, unified by name when read.

```
<sweep>/study.yaml  provenance.json
<sweep>/records/trials/part-*.parquet     one row per change of a trial's state
<sweep>/records/ticks/part-*.parquet      one row per trial, attempt and tick
<sweep>/records/pictures/part-*.parquet   one row per trial and held-out picture
```

Columns that are not listed here are metrics: float64, null where they do not apply. A part never
changes, and its name ends in its SHA-256's beginning (page checksums do not cover the names of
columns). Compaction writes a larger part before it deletes the smaller, and a reader keeps one row
of each, so that a half-done compaction changes nothing. `seq` orders rows, never the clock.
"""

import hashlib
import io
import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from colornet.catalog import parse_yaml, to_yaml
from colornet.errors import InputError, did_you_mean
from colornet.storage import Storage

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

_COMMON = [
    pa.field("version", pa.int32()),
    pa.field("seq", pa.int64()),
    pa.field("time", pa.timestamp("us", tz="UTC")),
    pa.field("trial_id", pa.string()),
    pa.field("number", pa.int64()),
    pa.field("attempt", pa.int64()),
    pa.field("seed", pa.int64()),
]
SCHEMAS = {
    "trials": pa.schema(
        [
            *_COMMON,
            pa.field("state", pa.string()),
            pa.field("reason", pa.string()),
            pa.field("origin", pa.string()),
            pa.field("point_id", pa.string()),
            pa.field("point", pa.string()),
            pa.field("distributions", pa.string()),
            pa.field("system_attrs", pa.string()),
            pa.field("config", pa.string()),
            pa.field("host", pa.string()),
            pa.field("pid", pa.int64()),
        ]
    ),
    "ticks": pa.schema(
        [
            *_COMMON,
            pa.field("tick", pa.int64()),
            pa.field("images", pa.int64()),
            pa.field("seconds", pa.float64()),
        ]
    ),
    "pictures": pa.schema(
        [
            *_COMMON,
            pa.field("tick", pa.int64()),
            pa.field("kind", pa.string()),
            pa.field("split", pa.string()),
            pa.field("picture", pa.string()),
            pa.field("picture_hash", pa.string()),
            pa.field("fixed", pa.bool_()),
            pa.field("webp", pa.binary()),
        ]
    ),
}
IDENTITY = {
    "trials": ["trial_id", "seq"],
    "ticks": ["trial_id", "seed", "tick"],
    "pictures": ["trial_id", "seed", "kind", "split", "picture_hash"],
}
MERGE_AT = 12
"""Parts of one level that are merged into one of the next."""
_PART = re.compile(r"part-\d+-\d+-[0-9a-f]{16}\.parquet")


class RecordsWriter:
    """Appends rows to a sweep's records; the only writer there is.

    Rows are kept until `commit`, which writes at most one part per table: ticks and pictures before
    the trial states that vouch for them.
    """

    def __init__(self, location: str | os.PathLike[str]) -> None:
        self.storage = Storage.at(location)
        self._rows: dict[str, list[dict[str, Any]]] = {table: [] for table in SCHEMAS}
        self._parts: dict[str, list[str]] = {}
        self._seq = 0
        for table in SCHEMAS:
            self._parts[table] = _part_names(self.storage, table)
            found, _ = _read_parts(self.storage, table, columns=["seq"])
            if found is not None and found.num_rows:
                self._seq = max(self._seq, *found.column("seq").to_pylist())

    def trial(self, row: Mapping[str, Any]) -> None:
        """A trial's state has changed. JSON columns may be given as plain data."""
        self._add("trials", row)

    def tick(self, row: Mapping[str, Any]) -> None:
        """A training has reported."""
        self._add("ticks", row)

    def picture(self, row: Mapping[str, Any]) -> None:
        """A held-out picture has been colorized and measured."""
        self._add("pictures", row)

    def _add(self, table: str, row: Mapping[str, Any]) -> None:
        self._seq += 1
        stamp = {"version": VERSION, "seq": self._seq, "time": datetime.now(UTC)}
        self._rows[table].append({**stamp, **{key: _cell(value) for key, value in row.items()}})

    @property
    def pending(self) -> bool:
        """Whether rows wait for `commit`."""
        return any(self._rows.values())

    def commit(self) -> None:
        """Write what has been added since the last commit; on return it is on the disk."""
        for table in ("pictures", "ticks", "trials"):
            if rows := self._rows[table]:
                self._write(table, _to_table(table, rows), level=0)
                self._rows[table] = []
                self._compact(table)

    def _write(self, table: str, content: pa.Table, level: int) -> None:
        sink = io.BytesIO()
        pq.write_table(content, sink, compression="zstd", write_page_checksum=True)
        first = content.column("seq")[0].as_py()
        name = f"part-{level}-{first:012d}-{_checksum(sink.getvalue())}.parquet"
        self.storage.write(f"records/{table}/{name}", sink.getvalue())
        self._parts[table].append(name)

    def _compact(self, table: str) -> None:
        level = 0
        while len(names := [n for n in self._parts[table] if _level(n) == level]) >= MERGE_AT:
            content, torn = _read_parts(self.storage, table, names=names)
            whole = [name for name in names if name not in torn]
            if content is None or len(whole) < 2:
                return
            self._write(table, content, level + 1)
            for name in whole:
                self.storage.delete(f"records/{table}/{name}")
            self._parts[table] = [name for name in self._parts[table] if name not in names]
            level += 1


def _cell(value: Any) -> Any:
    if isinstance(value, Mapping | list):
        return json.dumps(value, sort_keys=True, allow_nan=False)
    if isinstance(value, Real) and not isinstance(value, Integral) and not math.isfinite(value):
        return None
    return value


def _to_table(table: str, rows: list[dict[str, Any]]) -> pa.Table:
    schema = SCHEMAS[table]
    metrics = sorted({key for row in rows for key in row} - set(schema.names))
    for name in metrics:
        schema = schema.append(pa.field(name, pa.float64()))
    filled = [{name: row.get(name) for name in schema.names} for row in rows]
    return pa.Table.from_pylist(filled, schema=schema)


def _level(name: str) -> int:
    return int(name.split("-")[1])


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _part_names(storage: Storage, table: str) -> list[str]:
    return [name for name in storage.names(f"records/{table}") if _PART.fullmatch(name)]


def _read_parts(
    storage: Storage,
    table: str,
    names: Iterable[str] | None = None,
    columns: list[str] | None = None,
) -> tuple[pa.Table | None, dict[str, str]]:
    """All rows of some parts, and why others could not be read: {part: reason}."""
    found, torn = [], {}
    for name in _part_names(storage, table) if names is None else names:
        try:
            data = storage.read(f"records/{table}/{name}")
            if not name.endswith(f"-{_checksum(data)}.parquet"):
                raise OSError("it is damaged: its content does not match its name")
            part = pq.read_table(
                pa.BufferReader(data), columns=columns, page_checksum_verification=True
            )
            _check_columns(table, part.schema, columns)
            found.append(part)
        except FileNotFoundError:
            continue  # compacted since it was listed: its rows are in a newer part
        except (OSError, pa.ArrowException) as error:
            torn[name] = str(error).splitlines()[0]
    whole = pa.concat_tables(found, promote_options="permissive") if found else None
    return whole, torn


def _check_columns(table: str, found: pa.Schema, wanted: list[str] | None) -> None:
    """Raise ArrowTypeError when a part lacks a column or holds another type in one."""
    for name in (wanted or SCHEMAS[table].names) + found.names:
        own = SCHEMAS[table].get_field_index(name) >= 0
        expected = SCHEMAS[table].field(name).type if own else pa.float64()
        if name not in found.names or found.field(name).type != expected:
            raise pa.ArrowTypeError(f"its column {name} is missing or not {expected}")


def _read_frame(storage: Storage, table: str) -> tuple[pd.DataFrame, list[str]]:
    """A table's rows, one per identity (the last attempt's), in order of `seq`."""
    for _ in range(3):
        before = _part_names(storage, table)
        content, torn = _read_parts(storage, table, before)
        if set(before) <= set(_part_names(storage, table)):
            break  # nothing was compacted away while it was read
    if content is None:
        content = SCHEMAS[table].empty_table()
    frame = content.to_pandas().sort_values(["attempt", "seq"], kind="stable")
    frame = frame.drop_duplicates(IDENTITY[table], keep="last").sort_values("seq", kind="stable")
    problems = [f"records/{table}/{name} cannot be read: {why}" for name, why in torn.items()]
    return frame.reset_index(drop=True), problems


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
        frame, torn = _read_frame(Storage.at(self.location), "pictures")
        self.problems.extend(problem for problem in torn if problem not in self.problems)
        return frame


def read_states(location: str | os.PathLike[str]) -> tuple[pd.DataFrame, list[str]]:
    """Every recorded change of a trial's state in order of `seq`, and what could not be read."""
    return _read_frame(Storage.at(location), "trials")


def read_sweep(location: str | os.PathLike[str]) -> SweepRecords:
    """Read a sweep, finished or running.

    Raises:
        InputError: when the folder is no sweep, or one of a newer format.
    """
    storage = Storage.at(location)
    study = read_study(storage)
    states, problems = _read_frame(storage, "trials")
    trials = states.drop_duplicates("trial_id", keep="last").sort_values("number", kind="stable")
    ticks, torn = _read_frame(storage, "ticks")
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
    storage.write("provenance.json", json.dumps(provenance, indent=1).encode())
    storage.write("study.yaml", to_yaml(study).encode())


def sweeps_folder() -> Path:
    """Where sweeps go by default: COLORSWEEP_OUT, else `sweeps` in the working folder."""
    return Path(os.environ.get("COLORSWEEP_OUT", "sweeps")).expanduser()


def find_sweep(text: str | None = None) -> str:
    """The sweep a user means: a folder or URI, a unique beginning of its name, or None: the latest.

    Raises:
        InputError: when there is none, or several begin like that.
    """
    if text and ("://" in text or os.path.isdir(os.path.expanduser(text))):
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
