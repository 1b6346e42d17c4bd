"""What `colorsweep report` and `colorsweep best` do, as functions that return a result."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from colornet.cli_result import align_columns, count_text
from colornet.errors import InputError

if TYPE_CHECKING:
    from reports.answers.recommendation import Objection
    from reports.tables import SweepTables

Output = Annotated[Path | None, Parameter(alias="-o")]


@dataclass(frozen=True)
class ReportResult:
    """The page that was written; `size` in bytes."""

    path: Path
    size: int
    tables: "SweepTables"

    def text(self) -> str:
        """Where the page is, and what to type next."""
        from reports.format import size_text

        tables = self.tables
        trials = count_text(len(tables.trials), "trial")
        missing = len(tables.records.missing)
        trials += f", the records of {missing} missing" if missing else ""
        lines = [f"Report  {self.path}  ({size_text(self.size)}, {trials})"]
        lines += [f"Note    {problem}" for problem in tables.records.problems]
        lines.append(f"Next    colorsweep best {tables.argument}")
        return "\n".join(lines)

    def data(self) -> dict[str, Any]:
        """The page, the decision and the answers as JSON-able data."""
        from reports.answers.answers import report_data

        return {
            "report": str(self.path),
            "bytes": self.size,
            "sweep": self.tables.records.name,
            "trials": len(self.tables.trials),
            "problems": list(self.tables.records.problems),
            **report_data(self.tables),
        }


@dataclass(frozen=True)
class ComparisonResult:
    """The page on several sweeps that was written; `size` in bytes."""

    path: Path
    size: int
    values: dict[str, Any]

    def text(self) -> str:
        """Where the page is, and what it warns of."""
        from reports.format import size_text

        names = ", ".join(self.values["sweeps"])
        lines = [f"Report  {self.path}  ({size_text(self.size)}: {names})"]
        lines += [f"Note    {warning}" for warning in self.values["warnings"]]
        return "\n".join(lines)

    def data(self) -> dict[str, Any]:
        """What was compared, as JSON-able data."""
        return {"report": str(self.path), "bytes": self.size, **self.values}


@dataclass(frozen=True)
class BestResult:
    """The chosen configurations: what was written, where, and a table for people.

    Attributes:
        frozen: what each of `paths` holds.
        table: the best points, heading first; levels and dimensions of a compared design likewise.
        notes: how sure the choice is, in sentences.
        points, levels: the same for machines.
        remedy: the command that makes the choice surer, if there is one.
        objection: why it is not to be trained, if it is not.
        problems: what could not be read of the sweep, or is missing, in sentences.
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
    objection: "Objection | None" = None
    problems: Sequence[str] = ()
    model: Path | None = None

    def text(self) -> str:
        """Aligned tables, how sure it is, the files and the command to type next."""
        lines = [self.objection.text, ""] if self.objection else []
        lines += [line for table in self.tables for line in (align_columns(table), "")]
        lines += [*self.notes, ""]
        lines += [f"Note    {problem}" for problem in self.problems]
        lines += [f"Confirm {self.remedy}"] if self.remedy and not self.objection else []
        lines += [f"Wrote   {path}" for path in self.paths]
        lines += [f"Model   {self.model}"] if self.model else []
        if self.objection is None:
            lines.append(f"Next    {self.frozen[0]['command']}")
        elif self.objection.command:
            lines.append(f"Next    {self.objection.command}")
        return "\n".join(lines)

    def data(self) -> dict[str, Any]:
        """The frozen configurations, each with the file that holds it, and how sure they are."""
        pairs = zip(self.paths, self.frozen, strict=True)
        return {
            "sweep": self.sweep,
            "model": str(self.model) if self.model else None,
            "best": [{"file": str(path), **frozen} for path, frozen in pairs],
            "notes": list(self.notes),
            "problems": list(self.problems),
            "points": self.points,
            "compared": self.levels,
            "overstated": self.overstated,
            "remedy": self.remedy,
            "objection": asdict(self.objection) if self.objection else None,
        }


def report(
    *sweeps: str,
    out: Output = None,
    pictures: Annotated[int | None, Parameter(negative_none="no-")] = 24,
    watch: Annotated[bool, Parameter(negative=())] = False,
    every: float = 30.0,
) -> ReportResult | ComparisonResult:
    """Build a sweep's report, or a comparison of several: one HTML file that needs no network.

    Parameters
    ----------
    sweeps
        Folder, URI or unique beginning of a name [the latest]; several are compared.
    out
        File to write [report.html in the sweep's folder; of one at a URI NAME.html here, of
        several comparison.html here].
    pictures
        Trials whose pictures are embedded.
    watch
        Rewrite the page while the sweep runs.
    every
        Seconds between looks, with --watch.
    """
    from search.records.reader import find_sweep

    if pictures is not None and pictures < 0:
        raise InputError(f"--pictures: {pictures}: must not be negative.")
    if every <= 0:
        raise InputError(f"--every: {every}: must be above 0.")
    if len(sweeps) > 1:
        if watch:
            raise InputError("--watch: follows one sweep.\nName one sweep.")
        return _compared(sweeps, out, pictures or 0)
    location = find_sweep(sweeps[0] if sweeps else None)
    if not watch:
        return _report(location, out, pictures or 0)
    from reports.page.watch import watch as follow

    return follow(location, lambda: _report(location, out, pictures or 0), every)


def _report(location: str, out: Path | None, pictures: int) -> ReportResult:
    from reports.page.page import render
    from reports.tables import open_sweep

    tables = open_sweep(location)
    path = out or _beside(tables, "report.html", f"{tables.records.name}.html")
    data = render(tables, pictures).encode()
    write_output(path, data)
    return ReportResult(path, len(data), tables)


def _compared(sweeps: tuple[str, ...], out: Path | None, pictures: int) -> ComparisonResult:
    from reports.page.comparison import comparison_data, prepare, render
    from reports.tables import open_sweep

    info = prepare([open_sweep(sweep) for sweep in sweeps], pictures)
    path = out or Path("comparison.html")
    data = render(info).encode()
    write_output(path, data)
    return ComparisonResult(path, len(data), comparison_data(info))


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
    from colornet.config.catalog import to_yaml
    from reports.analysis.decision import points_data
    from reports.analysis.levels import compare, comparison_data, comparison_tables
    from reports.answers.recommendation import caveats, objection, remedy
    from reports.best import best_table, choose, freeze, leave_model
    from reports.tables import open_sweep

    if top < 1:
        raise InputError(f"--top: {top}: must be at least 1.")
    tables = open_sweep(sweep)
    decision = choose(tables, by)
    count = min(top, len(decision.points))
    places = [decision.proposed] if top == 1 else [*range(count)]
    if model is not None:
        leave_model(tables, decision.points.iloc[places[0]], model)
    base = out or _beside(tables, "best.yaml", "best.yaml")
    paths = [base]
    if top > 1:
        names = [f"{base.stem}-{rank}{base.suffix}" for rank in range(1, count + 1)]
        paths = [base.with_name(name) for name in names]
    pairs = zip(paths, places, strict=True)
    frozen = [freeze(tables, decision, place, str(path)) for path, place in pairs]
    for path, content in zip(paths, frozen, strict=True):
        write_output(path, to_yaml(content).encode())
    compared = compare(tables, decision)
    return BestResult(
        sweep=tables.records.name,
        paths=tuple(paths),
        frozen=tuple(frozen),
        model=model,
        tables=comparison_tables(compared) if compared else (best_table(tables, decision, top),),
        notes=tuple(caveats(decision, tables)),
        points=points_data(decision),
        levels=comparison_data(compared) if compared else None,
        overstated=decision.overstated,
        remedy=remedy(decision, tables),
        objection=objection(decision, tables),
        problems=tables.records.problems,
    )


def _beside(tables: "SweepTables", local: str, elsewhere: str) -> Path:
    """In the sweep's folder when that is on this machine, else here."""
    from colornet.storage import Storage

    folder = Storage.at(tables.records.location).local
    return folder / local if folder else Path(elsewhere)


def write_output(path: Path, data: bytes) -> None:
    """Write a file that the user named. Raises InputError where that cannot be done."""
    from colornet.storage import write_atomic

    try:
        write_atomic(path, data)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
