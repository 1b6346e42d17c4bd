"""Encoded pictures in Parquet files; one row group is in memory at a time, or a few small ones."""

import os
import re
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from colornet.cli_result import count_text
from colornet.config.sections.data import ParquetData
from colornet.data.decode import decode
from colornet.data.parquet_columns import SPLIT, Columns, find_columns
from colornet.data.source import (
    Decoded,
    Entry,
    FileSource,
    UnusablePicture,
    file_stamp,
    readable,
    select_classes,
)
from colornet.data.splits import Split, split_named, trainable_splits
from colornet.errors import InputError, shorten

SUFFIX = ".parquet"
_NAMED = 4
_CACHED_GROUPS, _CACHED_BYTES = 2, 64 * 2**20
# Below, threads only wait for one another: 32 px JPEGs decode at half the speed with them, those
# of 24 kB at four fifths.
_WORTH_THREADS = 50_000


@dataclass(frozen=True)
class _Group:
    """A row group: its file and number there, and the number of its first row among all."""

    file: Path
    number: int
    start: int


class ParquetSource(FileSource):
    """The pictures in the rows of a file, or of all `*.parquet` files in a folder."""

    def __init__(self, data: ParquetData) -> None:
        super().__init__(data)
        self._reading = threading.Lock()
        self._cached: OrderedDict[int, pa.ChunkedArray] = OrderedDict()

    def entries(self) -> list[Entry]:
        """The rows in the order of the files and in them.

        Raises:
            InputError: no files, a torn one, no column of pictures or several, no rows, an unknown
                class.
        """
        rows = [row for file in self._files for row in self._rows(file)]
        if not rows:
            raise InputError(f"{self.where}: no rows in it, so no pictures.")
        splits = trainable_splits([split for _, _, split in rows])
        entries = [
            Entry(name, label, row, split)
            for row, ((name, label, _), split) in enumerate(zip(rows, splits, strict=True))
        ]
        return select_classes(entries, self.data.classes, self.where)

    @cached_property
    def layout(self) -> str:
        """Files, rows, the columns that were found, and words that name no split in theirs."""
        files, every = self._files, self._columns.values()
        rows = sum(self._footers[file].num_rows for file in files)
        pictures = _quoted(columns.picture for columns in every)
        labels = _quoted(columns.label for columns in every if columns.label)
        label = f"classes in {labels}" if labels else "no classes"
        split = ""
        if any(columns.split for columns in every):
            words = []
            for file in (file for file, columns in self._columns.items() if columns.split):
                with _opened(file) as parquet:
                    words += parquet.read(columns=[SPLIT]).column(SPLIT).unique().to_pylist()
            words = _quoted(word for word in words if word and not split_named(word))
            split = f", splits in '{SPLIT}'" + (f" but for {words}, split anew" if words else "")
        return (
            f"Parquet, {count_text(rows, 'row')} in {count_text(len(files), 'file')}, "
            f"pictures in {pictures}, {label}{split}"
        )

    def key(self) -> dict[str, object]:
        """Also the options, and the name, size and time of every file."""
        data = self.data
        return {
            **super().key(),
            "max_pixels": data.max_pixels,
            "max_bad_fraction": data.max_bad_fraction,
            **({} if data.rules == 1 else {"rules": data.rules}),
            "column": data.column,
            "label": data.label,
            "files": [file_stamp(file) for file in self._files],
        }

    def decode(self, entry: Entry) -> Decoded:
        """Decode the picture in a row. Raises UnusablePicture, and InputError for a torn file."""
        row = int(entry.location)
        number = bisect_right(self._groups, row, key=lambda group: group.start) - 1
        value = self._pictures(number)[row - self._groups[number].start].as_py()
        if value is None:
            raise UnusablePicture("no picture in its row")
        return decode(
            value, self.data.image_size, self.data.max_pixels, self.data.rules, self.phashes
        )

    @cached_property
    def parallel(self) -> bool:
        """Whether the pictures are large enough for threads to help."""
        footers = self._footers.values()
        size = sum(f.row_group(n).total_byte_size for f in footers for n in range(f.num_row_groups))
        return size > _WORTH_THREADS * sum(footer.num_rows for footer in footers)

    @cached_property
    def _files(self) -> list[Path]:
        if self.root.is_file():
            return [self.root]
        if not self.root.is_dir():
            raise InputError(
                f"{self.root}: no such file or folder.\n"
                "data.root must be a Parquet file, or a folder of them."
            )
        inside = (path.relative_to(self.root) for path in self.root.rglob(f"*{SUFFIX}"))
        files = sorted(p for p in inside if not any(part.startswith(".") for part in p.parts))
        if not files:
            raise InputError(
                f"{self.root}: no *{SUFFIX} file in it.\n"
                "data.root must be a Parquet file, or a folder of them."
            )
        return [self.root / path for path in files]

    @cached_property
    def _footers(self) -> dict[Path, pq.FileMetaData]:
        footers = {}
        for file in self._files:
            with _opened(file) as parquet:
                footers[file] = parquet.metadata
        return footers

    @cached_property
    def _columns(self) -> dict[Path, Columns]:
        wanted = self.data.column, self.data.label
        return {
            file: find_columns(footer.schema.to_arrow_schema(), str(file), *wanted)
            for file, footer in self._footers.items()
        }

    @cached_property
    def _groups(self) -> list[_Group]:
        groups, start = [], 0
        for file, footer in self._footers.items():
            for number in range(footer.num_row_groups):
                groups.append(_Group(file, number, start))
                start += footer.row_group(number).num_rows
        return groups

    def _rows(self, file: Path) -> Iterator[tuple[str, str, Split | None]]:
        """Name, class and official split of every row of a file."""
        columns, count = self._columns[file], self._footers[file].num_rows
        name = os.path.relpath(file, self.root if file != self.root else file.parent)
        # The folder or file that is named after a split: data/test-00000-of-00001.parquet.
        words = map(split_named, reversed(re.split(r"[^A-Za-z]+", name)))
        official = next(filter(None, words), None)
        labels: list[int | str | None] = [None] * count
        splits: list[Split | None] = [official] * count
        if read := [name for name in (columns.label, columns.split and SPLIT) if name]:
            with _opened(file) as parquet:
                table = parquet.read(columns=read)
            if columns.label:
                labels = table.column(columns.label).to_pylist()
            if columns.split:
                splits = [split_named(word or "") for word in table.column(SPLIT).to_pylist()]
        for row, (label, split) in enumerate(zip(labels, splits, strict=True)):
            yield f"{name}/{row:06d}", columns.class_of(label), split

    def _pictures(self, number: int) -> pa.ChunkedArray:
        """The pictures of a row group; the ones used last are kept."""
        with self._reading:
            if number not in self._cached:
                self._cached[number] = self._read_group(self._groups[number])
                cached = self._cached.values()
                while (
                    len(cached) > _CACHED_GROUPS and sum(g.nbytes for g in cached) > _CACHED_BYTES
                ):
                    self._cached.popitem(last=False)
            self._cached.move_to_end(number)
            return self._cached[number]

    def _read_group(self, group: _Group) -> pa.ChunkedArray:
        name = self._columns[group.file].picture
        with _opened(group.file) as file:
            flat = file.read_row_group(group.number, columns=[name]).flatten()
        return flat.column(name if name in flat.column_names else f"{name}.bytes")


@contextmanager
def _opened(file: Path) -> Generator[pq.ParquetFile]:
    """A Parquet file. Raises InputError where it, or what is read of it meanwhile, is torn."""
    try:
        yield pq.ParquetFile(file, page_checksum_verification=True)
    except UnicodeEncodeError:
        raise InputError(f"{readable(file)}: its name is no Unicode.\nRename the file.") from None
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(
            f"{file}: cannot be read as Parquet: {reason}\nIt may be torn: fetch it again."
        ) from error


def _quoted(names: Iterable[str]) -> str:
    """Each of some names once, in quotes, a few of them."""
    once = list(dict.fromkeys(names))
    more = f" and {len(once) - _NAMED} more" if len(once) > _NAMED else ""
    return ", ".join(f"'{shorten(name, 60)}'" for name in once[:_NAMED]) + more


build = ParquetSource
