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
    """The chosen configurations: what was written, where, and a table for people.

    Attributes:
        frozen: what each of `paths` holds.
        table: the best points, heading first; levels and dimensions of a compared design likewise.
        notes: how sure the choice is, in sentences.
        points, levels: the same for machines.
        remedy: the command that makes the choice surer, if there is one.
    """

    sweep: str
    paths: tuple[Path, ...]
    frozen: tuple[dict[str, Any], ...]
    tables: tuple[tuple[tuple[str, ...], ...], ...]
    notes: tuple[str, ...]
    points: list[dict[str, Any]]
    levels: dict[str, Any] | None
    overstated: float | None
    remedy: str | None
    model: Path | None = None

    def text(self) -> str:
        """Aligned tables, how sure it is, the files and the command to type next."""
        lines = [line for table in self.tables for line in (aligned(table), "")]
        lines += [*self.notes, ""]
        lines += [f"Confirm {self.remedy}"] if self.remedy else []
        lines += [f"Wrote   {path}" for path in self.paths]
        lines += [f"Model   {self.model}"] if self.model else []
        lines.append(f"Next    {self.frozen[0]['command']}")
        return "\n".join(lines)

    def data(self) -> dict[str, Any]:
        """The frozen configurations, each with the file that holds it, and how sure they are."""
        pairs = zip(self.paths, self.frozen, strict=True)
        return {
            "sweep": self.sweep,
            "model": str(self.model) if self.model else None,
            "best": [{"file": str(path), **frozen} for path, frozen in pairs],
            "notes": list(self.notes),
            "points": self.points,
            "compared": self.levels,
            "overstated": self.overstated,
            "remedy": self.remedy,
        }


def report(sweep: str | None = None, *, out: Output = None) -> ReportResult:
    """Build a sweep's report, one HTML file that needs no network.

    Parameters
    ----------
    sweep
        Folder, URI or unique beginning of a name [the latest].
    out
        File to write [report.html in the sweep's folder; of one at a URI, NAME.html here].
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
    from reports.best import best_table, choose, freeze, leave_model
    from reports.decision import points_data, remedy, sureness
    from reports.levels import compare, comparison_data, comparison_tables

    if top < 1:
        raise InputError(f"--top: {top}: must be at least 1.")
    tables = _open(sweep)
    decision = choose(tables, by)
    count = min(top, len(decision.points))
    places = [decision.proposed] if top == 1 else list(range(count))
    if model is not None:
        leave_model(tables, decision.points.iloc[places[0]], model)
    base = out or _beside(tables, "best.yaml", "best.yaml")
    paths, frozen = [], []
    for index, place in enumerate(places, start=1):
        path = base if top == 1 else base.with_name(f"{base.stem}-{index}{base.suffix}")
        frozen.append(freeze(tables, decision, place, str(path)))
        paths.append(path)
    for path, content in zip(paths, frozen, strict=True):
        _write(path, to_yaml(content).encode())
    compared = compare(tables, decision)
    shown = comparison_tables(compared) if compared else ()
    return BestResult(
        sweep=tables.records.name,
        paths=tuple(paths),
        frozen=tuple(frozen),
        model=model,
        tables=shown or (best_table(tables, decision, top),),
        notes=tuple(sureness(decision, tables)),
        points=points_data(decision),
        levels=comparison_data(compared) if compared else None,
        overstated=decision.overstated,
        remedy=remedy(decision, tables),
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
