"""A table of the records as a frame: parts unified by name, one row of each, in order.

Readers are lenient where the writer is strict: a part of an older version may lack columns, one of
a newer may have some that are not known here; what is missing is reported. A sweep may hold a
million rows of sixty metrics: these are copied once, column by column, and only the pictures that
are asked for are ever in memory.
"""

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from colornet.cli_result import count_text
from colornet.storage import Storage
from search.records.missing import Tally
from search.records.parts import (
    IDENTITY,
    LATER,
    SCHEMAS,
    VERSION,
    check_columns,
    expected_type,
    open_part,
    part_names,
)
from search.records.schema import BLANK, valid_rows

TRIES = 3
"""Times that a table is read while its parts are merged meanwhile: that happens seldom, and twice
while one is read hardly ever."""
PICTURES = 2000
"""Rows with pictures that are in memory at a time, on top of those that are wanted."""
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
        columns: those that are wanted, by default all; those that identify rows are always there.
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
        tally.read[table] = frame["seq"].nunique()
    valid, damaged = valid_rows(table, frame)
    problems += damaged
    rows = np.flatnonzero(valid)[_rows_kept(frame[valid], table, order)]
    frame = frame.take(rows).reset_index(drop=True)
    frame = frame.fillna({name: text for name, text in BLANK.items() if name in frame})
    # pandas makes floats of whole numbers where any is null, also of those that were left out.
    whole = [field.name for field in SCHEMAS[table] if field.type == "int64"]
    whole = [name for name in whole if name in frame and frame[name].notna().all()]
    frame = frame.astype(dict.fromkeys(whole, "int64"))
    block = np.empty((len(metrics), len(rows)))
    for index, name in enumerate(metrics):
        np.take(content.column(0).to_numpy(), rows, out=block[index])
        content = content.drop_columns(name)  # the memory of one is that of the other
    return pd.concat([frame, pd.DataFrame(block.T, columns=metrics, copy=False)], axis=1), problems


def _rows_kept(frame: pd.DataFrame, table: str, order: Sequence[str]) -> np.ndarray:
    """One row of each identity, that of the last attempt, in order."""
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
    tables, problems, notes = [], [], Counter()
    briefly = tally is not None and table == "pictures" and storage.local is None
    for name in names:
        try:
            with storage.open_file(f"records/{table}/{name}", whole=not briefly) as file:
                part = open_part(file, None if briefly else name)
                if tally is not None:
                    tally.add(part.schema_arrow.metadata)
                readable, part_notes = _columns(part, table)
                readable = [name for name in readable if wanted is None or name in wanted]
                rows = part.read(readable) if where is None else _rows(part, readable, where)
            tables.append(rows)
            notes.update(part_notes)
        except FileNotFoundError:
            continue  # compacted since it was listed: its rows are in a newer part
        except (OSError, pa.ArrowException) as error:
            why = str(error).splitlines()[0]
            problems.append(f"records/{table}/{name} cannot be read: {why}")
    for note, count in notes.items():
        problems.append(f"records/{table}: {count_text(count, 'part')} {note}")
    fixed = [name for name in SCHEMAS[table].names if wanted is None or name in wanted]
    empty = SCHEMAS[table].empty_table().select(fixed)
    return pa.concat_tables([empty, *tables], promote_options="default"), problems


def _columns(part: pq.ParquetFile, table: str) -> tuple[list[str], list[str]]:
    """The columns that can be read, and what is to be said of the others.

    Raises:
        ArrowTypeError: when rows could not be identified, or a known version holds other types.
    """
    schema = part.schema_arrow
    usable = [
        name for name in schema.names if schema.field(name).type == expected_type(table, name)
    ]
    versions = part.read(["version"] if "version" in usable else []).columns
    newest = max((v for column in versions for v in column.unique().to_pylist() if v), default=0)
    checked = schema if newest <= VERSION else pa.schema([schema.field(name) for name in usable])
    check_columns(table, checked, [*IDENTITY[table], "attempt", "seq", "number"])
    absent = [name for name in SCHEMAS[table].names if name not in usable and name not in LATER]
    notes = [f"without the column {name}" for name in absent]
    if newest > VERSION:
        text = f"of version {newest}, read as far as version {VERSION} goes"
        others = [name for name in schema.names if name not in usable]
        notes.append(f"{text}: without {', '.join(others)}" if others else text)
    return usable, notes


def _rows(part: pq.ParquetFile, columns: list[str], where: pc.Expression) -> pa.Table:
    """The rows that are wanted; groups without one are passed over, with their pictures."""
    tables = [part.schema_arrow.empty_table().select(columns)]
    slim = [name for name in part.schema_arrow.names if name != HEAVY]
    for group in range(part.num_row_groups):
        matching = part.read_row_group(group, slim).filter(where)
        if HEAVY not in columns:
            tables.append(matching.select(columns))
        elif matching.num_rows:
            batches = part.iter_batches(PICTURES, [group], [*slim, HEAVY])
            tables += [pa.table(batch).filter(where).select(columns) for batch in batches]
    return pa.concat_tables(tables)
