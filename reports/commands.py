"""What `colorsweep report` and `colorsweep best` do, as functions that return a result."""

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from colornet.answer import aligned
from colornet.errors import InputError

if TYPE_CHECKING:
    from reports.tables import SweepTables

Output = Annotated[Path | None, Parameter(alias="-o")]


@dataclass(frozen=True)
class ReportResult:
    """The page that was written; `size` in bytes."""

    path: Path
    size: int
    sweep: str
    argument: str
    trials: int
    problems: tuple[str, ...]

    def text(self) -> str:
        """Where the page is, and what to type next."""
        lines = [f"Report  {self.path}  ({self.size / 1e6:.1f} MB, {self.trials:,} trials)"]
        lines += [f"Note    {problem}" for problem in self.problems]
        lines.append(f"Next    colorsweep best {quote(self.argument)}")
        return "\n".join(lines)

    def data(self) -> dict[str, Any]:
        """The same as JSON-able data."""
        return {
            "report": str(self.path),
            "bytes": self.size,
            "sweep": self.sweep,
            "trials": self.trials,
            "problems": list(self.problems),
        }


@dataclass(frozen=True)
class BestResult:
    """The chosen configurations: what was written, where, and a table for people."""

    sweep: str
    paths: tuple[Path, ...]
    frozen: tuple[dict[str, Any], ...]
    table: tuple[tuple[str, ...], ...]
    note: str
    model: Path | None = None

    def text(self) -> str:
        """An aligned table, the caution, the files and the command to type next."""
        lines = [aligned(self.table), "", self.note, ""]
        lines += [f"Wrote   {path}" for path in self.paths]
        lines += [f"Model   {self.model}"] if self.model else []
        lines.append(f"Next    {self.frozen[0]['command']}")
        return "\n".join(lines)

    def data(self) -> dict[str, Any]:
        """The frozen configurations, each with the file that holds it."""
        pairs = zip(self.paths, self.frozen, strict=True)
        return {
            "sweep": self.sweep,
            "model": str(self.model) if self.model else None,
            "best": [{"file": str(path), **frozen} for path, frozen in pairs],
        }


def report(sweep: str | None = None, *, out: Output = None) -> ReportResult:
    """Build a sweep's report, one HTML file that needs no network.

    Parameters
    ----------
    sweep
        Folder, URI or unique beginning of a name [the latest].
    out
        File to write [report.html in the sweep's folder, or NAME.html here].
    """
    from reports.page import render

    tables = _open(sweep)
    name = tables.records.name
    path = out or _beside(tables, "report.html", f"{name}.html")
    data = render(tables).encode()
    _write(path, data)
    problems = tuple(tables.records.problems)
    return ReportResult(path, len(data), name, tables.argument, len(tables.trials), problems)


def best(
    sweep: str | None = None,
    *,
    by: str | None = None,
    top: int = 1,
    out: Output = None,
    model: Path | None = None,
) -> BestResult:
    """Write the best configuration to best.yaml, for final training.

    Parameters
    ----------
    sweep
        Folder, URI or unique beginning of a name [the latest].
    by
        Metric to order by, instead of what the study decides by.
    top
        Number of configurations; several are written as best-1.yaml, best-2.yaml, ….
    out
        File to write [best.yaml in the sweep's folder].
    model
        Folder to write the best trial's own weights to, as a model.
    """
    from colornet.catalog import to_yaml
    from reports.best import choose, freeze, leave_model

    if top < 1:
        raise InputError(f"--top: {top}: must be at least 1.")
    tables = _open(sweep)
    rows = choose(tables, top, by)
    if model is not None:
        leave_model(tables, rows.iloc[0], model)
    base = out or _beside(tables, "best.yaml", "best.yaml")
    paths, frozen = [], []
    for index, (_, row) in enumerate(rows.iterrows(), start=1):
        path = base if top == 1 else base.with_name(f"{base.stem}-{index}{base.suffix}")
        frozen.append(freeze(tables, row, str(path), by))
        paths.append(path)
    for path, content in zip(paths, frozen, strict=True):
        _write(path, to_yaml(content).encode())
    return BestResult(
        sweep=tables.records.name,
        paths=tuple(paths),
        frozen=tuple(frozen),
        model=model,
        table=_table(tables, rows, by),
        note=frozen[0]["from"]["note"],
    )


def _open(sweep: str | None) -> "SweepTables":
    from reports.tables import tables_of
    from search.records import find_sweep, read_sweep

    return tables_of(read_sweep(find_sweep(sweep)))


def _beside(tables: "SweepTables", local: str, elsewhere: str) -> Path:
    """In the sweep's folder when that is on this machine, else here."""
    from colornet.storage import Storage

    folder = Storage.at(tables.records.location).local
    return folder / local if folder else Path(elsewhere)


def _write(path: Path, data: bytes) -> None:
    from colornet.storage import write_atomic

    try:
        write_atomic(path, data)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def _table(tables: "SweepTables", rows: Any, by: str | None) -> tuple[tuple[str, ...], ...]:
    from reports.tables import duration_text, value_text

    names = [o.name for o in tables.objectives]
    names += [by] if by and by not in names else []
    dimensions = [dimension.name for dimension in tables.dimensions]
    head = ("rank", "trial", *names, *dimensions, "time")
    body = [
        (
            str(int(row["rank"])),
            str(row["trial_id"]),
            *(value_text(float(row[name])) for name in names),
            *(value_text(row["point"].get(name)) for name in dimensions),
            duration_text(float(row["seconds"])),
        )
        for _, row in rows.iterrows()
    ]
    return (head, *body)
