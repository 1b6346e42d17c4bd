"""A table of the records as a frame: parts unified by name, one row of each, in order.

Readers are lenient where the writer is strict: a part of an older version may lack columns, one of
a newer may have some that are not known here; what is missing is said. A sweep may hold a million
rows of sixty metrics: these are copied once, column by column, and pictures
that nobody asked for are never in memory.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from colornet.cli_result import count_text
from colornet.storage import Storage
from search.records.lost_parts import Tally
from search.records.parts import (
    IDENTITY,
    LATER,
    SCHEMAS,
    VERSION,
    check_columns,
    check_size,
    check_unique,
    expected_type,
    part_names,
)
from search.records.schema import filled, sound

TRIES = 3
PIECE = 4 << 20
"""Bytes that are read of a file at a time."""
PICTURES = 2000
"""Rows with pictures that are in memory at a time beside those that are wanted."""
HEAVY = "webp"
"""The column of pictures, which no condition on rows may name."""


def read_frame(
    storage: Storage,
    table: str,
    columns: Collection[str] | None = None,
    where: pc.Expression | None = None,
    order: Sequence[str] = ("seq",),
    tally: Tally | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """A table's rows, one per identity (the last attempt's).

    Args:
        columns: those that are wanted, by default all; what tells rows apart is always there.
        where: which rows, by default all.
        order: columns of numbers by which rows are ordered.
        tally: notes how many rows there are, and how many the parts know of. Of pictures on
            storage that is no disk, only what is wanted is read then, and not verified.

    Returns:
        the frame, and what could not be read, in sentences.
    """
    wanted = None
    if columns is not None:
        wanted = {*IDENTITY[table], "attempt", "seq", *order, *columns}
    for _ in range(TRIES):
        before = part_names(storage, table)
        content, problems = _read_parts(storage, table, before, wanted, where, tally)
        if set(before) <= set(part_names(storage, table)):
            break  # nothing was compacted away while it was read
    fixed = [name for name in SCHEMAS[table].names if name in content.column_names]
    metrics = [name for name in content.column_names if name not in fixed]
    frame = content.select(fixed).to_pandas()
    content = content.select(metrics)
    if tally is not None:
        tally.found[table] = frame["seq"].nunique()
    kept, damaged = sound(table, frame)
    problems += damaged
    places = np.flatnonzero(kept)[_places(frame[kept], table, order)]
    frame = filled(frame.take(places).reset_index(drop=True))
    frame = frame.astype({name: "int64" for name in _whole(table, frame)})
    block = np.empty((len(metrics), len(places)))
    for row, name in enumerate(metrics):
        np.take(content.column(0).to_numpy(), places, out=block[row])
        content = content.drop_columns(name)  # the memory of one is that of the other
    return pd.concat([frame, pd.DataFrame(block.T, columns=metrics, copy=False)], axis=1), problems


def _whole(table: str, frame: pd.DataFrame) -> list[str]:
    """Columns of whole numbers that rows without one have made others of."""
    whole = [field.name for field in SCHEMAS[table] if field.type == "int64"]
    return [
        name
        for name in whole
        if name in frame and frame[name].dtype != "int64" and frame[name].notna().all()
    ]


def _places(frame: pd.DataFrame, table: str, order: Sequence[str]) -> np.ndarray:
    """Which rows are kept, in order."""
    rows = np.lexsort([frame["seq"], frame["attempt"]])
    repeated = frame[IDENTITY[table]].take(rows).duplicated(keep="last").to_numpy()
    rows = rows[~repeated]
    sorting = [frame[name].to_numpy()[rows] for name in ("seq", *reversed(order))]
    return rows[np.lexsort(sorting)]


def _read_parts(
    storage: Storage,
    table: str,
    names: list[str],
    wanted: Collection[str] | None,
    where: pc.Expression | None,
    tally: Tally | None,
) -> tuple[pa.Table, list[str]]:
    """The rows of all parts that can be read, unified by name, and what could not be read."""
    found, problems, notes = [], [], Counter()
    briefly = tally is not None and table == "pictures" and storage.local is None
    for name in names:
        try:
            with storage.pieces(f"records/{table}/{name}", whole=not briefly) as file:
                part = _opened(file, None if briefly else name)
                if tally is not None:
                    tally.add(part.schema_arrow.metadata)
                columns, said = _columns(part, table)
                columns = [one for one in columns if wanted is None or one in wanted]
                rows = part.read(columns) if where is None else _rows(part, columns, where)
            found.append(rows)
            notes.update(said)
        except FileNotFoundError:
            continue  # compacted since it was listed: its rows are in a newer part
        except (OSError, pa.ArrowException) as error:
            why = str(error).splitlines()[0]
            problems.append(f"records/{table}/{name} cannot be read: {why}")
    for note, count in notes.items():
        problems.append(f"records/{table}: {count_text(count, 'part')} {note}")
    fixed = [name for name in SCHEMAS[table].names if wanted is None or name in wanted]
    empty = SCHEMAS[table].empty_table().select(fixed)
    return pa.concat_tables([empty, *found], promote_options="default"), problems


def _opened(file: pa.NativeFile, name: str | None) -> pq.ParquetFile:
    """A part, verified by its name where that is given."""
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
    return part


def _columns(part: pq.ParquetFile, table: str) -> tuple[list[str], list[str]]:
    """The columns that can be read, and what is to be said of the others.

    Raises:
        ArrowTypeError: when rows could not be told apart, or a known version holds other types.
    """
    found = part.schema_arrow
    check_unique(found)
    known = [name for name in found.names if found.field(name).type == expected_type(table, name)]
    newest = _version(part) if "version" in known else 0
    checked = found if newest <= VERSION else pa.schema([found.field(name) for name in known])
    check_columns(table, checked, [*IDENTITY[table], "attempt", "seq", "number"])
    absent = [name for name in SCHEMAS[table].names if name not in known and name not in LATER]
    notes = [f"without the column {name}" for name in absent]
    if newest > VERSION:
        text = f"of version {newest}, read as far as version {VERSION} goes"
        others = [name for name in found.names if name not in known]
        notes.append(f"{text}: without {', '.join(others)}" if others else text)
    return known, notes


def _version(part: pq.ParquetFile) -> int:
    """The newest version of its rows; 0 without any."""
    found = part.read(["version"]).column("version").unique().to_pylist()
    return max((version for version in found if version is not None), default=0)


def _rows(part: pq.ParquetFile, columns: list[str], where: pc.Expression) -> pa.Table:
    """The rows that are wanted; groups without one are passed over, with their pictures."""
    found = [part.schema_arrow.empty_table().select(columns)]
    slim = [name for name in part.schema_arrow.names if name != HEAVY]
    for group in range(part.num_row_groups):
        kept = part.read_row_group(group, slim).filter(where)
        if HEAVY not in columns:
            found.append(kept.select(columns))
        elif kept.num_rows:
            batches = part.iter_batches(PICTURES, [group], [*slim, HEAVY])
            found += [pa.table(batch).filter(where).select(columns) for batch in batches]
    return pa.concat_tables(found)
