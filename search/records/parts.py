"""Parquet parts: written whole under the name of their content, merged, and read together.

A part never changes, and its name ends in the beginning of its SHA-256 (page checksums do not cover
the names of columns). Merging writes a larger part before it deletes the smaller, and a reader
keeps one row of each, so that a half-done merge changes nothing. Columns without a place in
`SCHEMAS` are metrics: float64, null where they do not apply.
"""

import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from colornet.errors import shorten
from colornet.storage import Storage

VERSION = 1
_COMMON = [
    ("version", pa.int32()),
    ("seq", pa.int64()),
    ("time", pa.timestamp("us", tz="UTC")),
    ("trial_id", pa.string()),
    ("number", pa.int64()),
    ("attempt", pa.int64()),
    ("seed", pa.int64()),
]


SCHEMAS = {
    "trials": pa.schema(
        [
            *_COMMON,
            *((name, pa.string()) for name in ("state", "reason", "origin", "point_id")),
            *((name, pa.string()) for name in ("point", "distributions", "system_attrs")),
            *((name, pa.string()) for name in ("config", "host")),
            ("pid", pa.int64()),
            ("log", pa.string()),
        ]
    ),
    "ticks": pa.schema(
        [*_COMMON, ("tick", pa.int64()), ("images", pa.int64()), ("seconds", pa.float64())]
    ),
    "pictures": pa.schema(
        [
            *_COMMON,
            ("tick", pa.int64()),
            *((name, pa.string()) for name in ("kind", "split", "picture", "picture_hash")),
            ("fixed", pa.bool_()),
            ("webp", pa.binary()),
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
COUNTS = b"colorsweep.rows"
"""Key of a part's metadata: rows of each table that are written, its own among them; JSON."""
ROWS_PER_BYTE = 2
"""Rows that a byte of a part may hold: each has a `seq` of its own."""
UNFOLDED, UNFOLDED_TIMES = 2_000_000_000, 200
"""Bytes of content, and times the bytes of a file, one of which a group of rows may have."""
MERGE_AT = 12
"""Parts of one level that are merged into one of the next: a reader opens at most 12 for each power
of 12 of commits, and each row is written once for each level."""
PICTURE_ROWS = 2000
"""Rows of a group of pictures: a reader of a few trials passes over the other groups."""
PIECE = 4 << 20
"""Bytes that are read of a file at a time."""
_PART = re.compile(r"part-\d+-\d+-[0-9a-f]{16}\.parquet")


def to_table(table: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table of the fixed columns and the metrics that any of them has."""
    schema = SCHEMAS[table]
    metrics = sorted({key for row in rows for key in row} - set(schema.names))
    for name in metrics:
        schema = schema.append(pa.field(name, pa.float64()))
    filled = [{name: row.get(name) for name in schema.names} for row in rows]
    return pa.Table.from_pylist(filled, schema=schema)


def part_names(storage: Storage, table: str) -> list[str]:
    """The parts of a table, in order of name."""
    return [name for name in storage.names(f"records/{table}") if _PART.fullmatch(name)]


def read_parts(
    storage: Storage,
    table: str,
    names: Iterable[str] | None = None,
    columns: list[str] | None = None,
) -> tuple[pa.Table | None, dict[str, str]]:
    """All rows of some parts, and why others could not be read: {part: reason}."""
    tables, torn = [], {}
    for name in part_names(storage, table) if names is None else names:
        try:
            with storage.open_file(f"records/{table}/{name}") as file:
                part = open_part(file, name).read(columns)
            fixed = SCHEMAS[table].names
            check_columns(table, part.schema, columns or [n for n in fixed if n not in LATER])
            for later in LATER.intersection([] if columns else fixed) - {*part.column_names}:
                field = SCHEMAS[table].field(later)
                part = part.append_column(field, pa.nulls(part.num_rows, field.type))
            tables.append(part)
        except FileNotFoundError:
            continue  # compacted since it was listed: its rows are in a newer part
        except (OSError, pa.ArrowException) as error:
            torn[name] = str(error).splitlines()[0]
    whole = pa.concat_tables(tables, promote_options="permissive") if tables else None
    return whole, torn


def open_part(file: pa.NativeFile, name: str | None) -> pq.ParquetFile:
    """Open a part, verified by its name where that is given.

    Raises:
        OSError: its content is another than its name says.
        ArrowInvalid: it would unfold to far more than any part that this project writes, or has two
            columns of one name.
    """
    digest = hashlib.sha256()
    while name is not None and (block := file.read(PIECE)):
        digest.update(block)
    if name is not None and not name.endswith(f"-{digest.hexdigest()[:16]}.parquet"):
        raise OSError("it is damaged: its content does not match its name")
    file.seek(0)
    part = pq.ParquetFile(
        file, page_checksum_verification=True, pre_buffer=False, buffer_size=PIECE
    )
    check_size(part, file)
    schema = part.schema_arrow
    if twice := [name for name in schema.names if len(schema.get_all_field_indices(name)) > 1]:
        raise pa.ArrowInvalid(f"it has the column {shorten(twice[0])} twice")
    return part


def check_columns(table: str, schema: pa.Schema, wanted: Sequence[str]) -> None:
    """Raise ArrowTypeError when a part lacks a column, or has one of another type."""
    for name in [*wanted, *schema.names]:
        expected = expected_type(table, name)
        if name not in schema.names or schema.field(name).type != expected:
            raise pa.ArrowTypeError(f"its column {name} is missing or not {expected}")


def check_size(part: pq.ParquetFile, file: pa.NativeFile) -> None:
    """Refuse a part that cannot be read in memory that its size lets expect.

    Every row has a `seq` of its own, and no encoding makes a number of rows of less than a byte
    each. A text that repeats costs a dictionary next to nothing, and each row its length.

    Args:
        file: that of the part.

    Raises:
        ArrowInvalid: it would unfold to far more, as nothing does that this project writes.
    """
    content, size = part.metadata, file.size()
    if content.num_rows > ROWS_PER_BYTE * size:
        raise pa.ArrowInvalid(f"it is damaged: {content.num_rows:,} rows in {size:,} bytes")
    for number in range(content.num_row_groups):
        group = content.row_group(number)
        chunks = [group.column(at) for at in range(content.num_columns)]
        unfolded = sum(chunk.total_uncompressed_size for chunk in chunks)
        folded = [
            chunk.path_in_schema
            for chunk in chunks
            if chunk.physical_type == "BYTE_ARRAY"
            and chunk.has_dictionary_page
            and chunk.num_values * chunk.total_uncompressed_size > UNFOLDED
        ]
        if unfolded <= UNFOLDED:
            unfolded += sum(_length(file, number, name) for name in folded)
        if unfolded > max(UNFOLDED, UNFOLDED_TIMES * size):
            raise pa.ArrowInvalid(f"it is damaged: {unfolded:,} bytes of content in {size:,}")


def _length(file: pa.NativeFile, group: int, name: str) -> int:
    """Bytes of all texts of a column, of which each is in memory once."""
    folded = pq.ParquetFile(file, read_dictionary=[name])
    total = 0
    for chunk in folded.read_row_group(group, [name]).column(0).chunks:
        each = pc.call_function("binary_length", [chunk.dictionary]).take(chunk.indices)
        total += pc.call_function("sum", [each]).as_py() or 0
    return total


def expected_type(table: str, name: str) -> pa.DataType:
    """The type of a column: its own in the schema, float64 for a metric."""
    is_fixed = SCHEMAS[table].get_field_index(name) >= 0
    return SCHEMAS[table].field(name).type if is_fixed else pa.float64()


def write_part(
    storage: Storage,
    table: str,
    content: pa.Table,
    level: int = 0,
    written: dict[str, pa.Table] | None = None,
    counts: Mapping[str, int] | None = None,
) -> str:
    """Write a part; returns its name, under which `written` keeps what is in it.

    Args:
        counts: rows of each table that are written with it, for readers to know what is missing.
    """
    sink = io.BytesIO()
    if counts is not None:
        content = content.replace_schema_metadata({COUNTS: json.dumps(dict(counts))})
    grouped = {"row_group_size": PICTURE_ROWS} if table == "pictures" else {}
    # Small parts are soon merged, and a start waits for one: packing them well would cost most.
    packing = {"compression": "zstd"} if level else {"compression": "none", "use_dictionary": False}
    pq.write_table(content, sink, write_page_checksum=True, **packing, **grouped)
    first = content.column("seq")[0].as_py()
    data = sink.getvalue()
    name = f"part-{level}-{first:012d}-{hashlib.sha256(data).hexdigest()[:16]}.parquet"
    storage.write(f"records/{table}/{name}", data)
    if written is not None:
        written[name] = content
    return name


def merge_parts(
    storage: Storage,
    table: str,
    names: list[str],
    written: dict[str, pa.Table],
    counts: Mapping[str, int] | None = None,
) -> list[str]:
    """Merge parts wherever there are `MERGE_AT` of one level.

    Args:
        names: the parts there are.
        written: what this process has put into parts, which need not be read again; those that
            are merged into one of a higher level are forgotten.
        counts: as for `write_part`.

    Returns:
        the parts there are then, without those that cannot be read, which stay as they are.
    """
    level = 0
    while len(same := [n for n in names if n.startswith(f"part-{level}-")]) >= MERGE_AT:
        content, torn = read_parts(storage, table, [name for name in same if name not in written])
        contents = [written[name] for name in same if name in written]
        contents += [content] if content is not None else []
        whole = [name for name in same if name not in torn]
        names = [name for name in names if name not in torn]
        if len(whole) < 2:
            break
        content = pa.concat_tables(contents, promote_options="permissive")
        merged = write_part(storage, table, content, level + 1, counts=counts)
        for name in whole:
            storage.delete(f"records/{table}/{name}")
            written.pop(name, None)
        names = [merged, *(name for name in names if name not in whole)]
        level += 1
    return names
