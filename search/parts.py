"""Parquet parts: written whole under the name of their content, merged, and read together.

A part never changes, and its name ends in the beginning of its SHA-256 (page checksums do not cover
the names of columns). Merging writes a larger part before it deletes the smaller, and a reader
keeps one row of each, so that a half-done merge changes nothing. Columns without a place in
`SCHEMAS` are metrics: float64, null where they do not apply.
"""

import hashlib
import io
import re
from collections.abc import Iterable
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.compute import Expression

from colornet.storage import Storage

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
            pa.field("log", pa.string()),
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
LATER = {"log"}
"""Fixed columns that parts of older releases of this format lack: null there."""
MERGE_AT = 12
"""Parts of one level that are merged into one of the next."""
_PART = re.compile(r"part-\d+-\d+-[0-9a-f]{16}\.parquet")


def to_table(table: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table of the fixed columns and the metrics that any of them has."""
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


def part_names(storage: Storage, table: str) -> list[str]:
    """The parts of a table, in order of name."""
    return [name for name in storage.names(f"records/{table}") if _PART.fullmatch(name)]


def read_parts(
    storage: Storage,
    table: str,
    names: Iterable[str] | None = None,
    columns: list[str] | None = None,
    where: Expression | None = None,
) -> tuple[pa.Table | None, dict[str, str]]:
    """The rows of some parts, and why others could not be read: {part: reason}.

    Args:
        columns: all by default; a fixed one that a part lacks makes it unreadable.
        where: which rows, all by default.
    """
    found, torn = [], {}
    for name in part_names(storage, table) if names is None else names:
        try:
            data = storage.read(f"records/{table}/{name}")
            if not name.endswith(f"-{_checksum(data)}.parquet"):
                raise OSError("it is damaged: its content does not match its name")
            part = pq.read_table(
                pa.BufferReader(data),
                columns=columns,
                filters=where,
                page_checksum_verification=True,
            )
            _check_columns(table, part.schema, columns)
            found.append(part if columns else _with_later(table, part))
        except FileNotFoundError:
            continue  # compacted since it was listed: its rows are in a newer part
        except (OSError, pa.ArrowException) as error:
            torn[name] = str(error).splitlines()[0]
    whole = pa.concat_tables(found, promote_options="permissive") if found else None
    return whole, torn


def _check_columns(table: str, found: pa.Schema, wanted: list[str] | None) -> None:
    """Raise ArrowTypeError when a part lacks a column or holds another type in one."""
    needed = wanted or [name for name in SCHEMAS[table].names if name not in LATER]
    for name in needed + found.names:
        own = SCHEMAS[table].get_field_index(name) >= 0
        expected = SCHEMAS[table].field(name).type if own else pa.float64()
        if name not in found.names or found.field(name).type != expected:
            raise pa.ArrowTypeError(f"its column {name} is missing or not {expected}")


def _with_later(table: str, part: pa.Table) -> pa.Table:
    for name in LATER & set(SCHEMAS[table].names) - set(part.column_names):
        field = SCHEMAS[table].field(name)
        part = part.append_column(field, pa.nulls(part.num_rows, field.type))
    return part


def read_frame(
    storage: Storage,
    table: str,
    columns: list[str] | None = None,
    where: Expression | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """A table's rows, one per identity (the last attempt's), in order of `seq`.

    Args:
        columns, where: as in `read_parts`; those that order and identify rows are always read.
    """
    if columns is not None:
        columns = list(dict.fromkeys([*columns, *IDENTITY[table], "attempt", "seq"]))
    for _ in range(3):
        before = part_names(storage, table)
        content, torn = read_parts(storage, table, before, columns, where)
        if set(before) <= set(part_names(storage, table)):
            break  # nothing was compacted away while it was read
    if content is None:
        content = SCHEMAS[table].empty_table()
    frame = content.to_pandas().sort_values(["attempt", "seq"], kind="stable")
    frame = frame.drop_duplicates(IDENTITY[table], keep="last").sort_values("seq", kind="stable")
    problems = [f"records/{table}/{name} cannot be read: {why}" for name, why in torn.items()]
    return frame.reset_index(drop=True), problems


def write_part(
    storage: Storage,
    table: str,
    content: pa.Table,
    level: int = 0,
    written: dict[str, pa.Table] | None = None,
) -> str:
    """Write a part; returns its name, under which `written` keeps what is in it."""
    sink = io.BytesIO()
    # Small parts are soon merged, and a start waits for one: packing them well would cost most.
    packing = {"compression": "zstd"} if level else {"compression": "none", "use_dictionary": False}
    pq.write_table(content, sink, write_page_checksum=True, **packing)
    first = content.column("seq")[0].as_py()
    name = f"part-{level}-{first:012d}-{_checksum(sink.getvalue())}.parquet"
    storage.write(f"records/{table}/{name}", sink.getvalue())
    if written is not None:
        written[name] = content
    return name


def merge_parts(
    storage: Storage, table: str, names: list[str], written: dict[str, pa.Table]
) -> list[str]:
    """Merge parts wherever `MERGE_AT` of one level have come together.

    Args:
        names: the parts there are.
        written: what this process has put into parts, which need not be read again; those that
            are merged into one of a higher level are forgotten.

    Returns:
        the parts there are then, without those that cannot be read, which stay as they are.
    """
    level = 0
    while len(same := [name for name in names if _level(name) == level]) >= MERGE_AT:
        content, torn = _content(storage, table, same, written)
        whole = [name for name in same if name not in torn]
        names = [name for name in names if name not in torn]
        if content is None or len(whole) < 2:
            break
        merged = write_part(storage, table, content, level + 1)
        for name in whole:
            storage.delete(f"records/{table}/{name}")
            written.pop(name, None)
        names = [merged, *(name for name in names if name not in whole)]
        level += 1
    return names


def _content(
    storage: Storage, table: str, names: list[str], written: dict[str, pa.Table]
) -> tuple[pa.Table | None, dict[str, str]]:
    """All rows of some parts, and why others could not be read."""
    read, torn = read_parts(storage, table, [name for name in names if name not in written])
    found = [written[name] for name in names if name in written]
    found += [read] if read is not None else []
    return pa.concat_tables(found, promote_options="permissive") if found else None, torn
