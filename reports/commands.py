"""What `colorsweep report` and `colorsweep best` do, as functions that return a result."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from colornet.cli_result import CliResult, align_columns, count_text
from colornet.errors import InputError

if TYPE_CHECKING:
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


def studies(
    name: str | None = None,
    *,
    next_of: Annotated[str | None, Parameter(name="--next")] = None,
) -> CliResult:
    """List the built-in studies, print one to start your own from, or write a sweep's next one.

    Parameters
    ----------
    name
        The study to print; `colorsweep studies NAME > mine.yaml`.
    next_of
        A sweep: print the study that goes on where it has ended, with the ranges in which its best
        settings probably lie.
    """
    from spaces.commands import list_studies, print_study

    if next_of is not None:
        if name is not None:
            raise InputError(f"--next: goes without the name of a study, which {name} is.")
        from reports.next_study import next_study
        from reports.tables import open_sweep

        study = next_study(open_sweep(next_of))
        return CliResult(study.text, {"study": study.file, "reasons": list(study.reasons)})
    return list_studies() if name is None else print_study(name)


def report(
    *sweeps: str,
    out: Output = None,
    pictures: Annotated[int | None, Parameter(negative_none="no-")] = 24,
    watch: Annotated[bool, Parameter(negative=())] = False,
    every: float = 30.0,
) -> ReportResult | CliResult:
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


def _compared(sweeps: tuple[str, ...], out: Path | None, pictures: int) -> CliResult:
    from reports.answers.sweeps import compare_sweeps, sweeps_data
    from reports.format import size_text
    from reports.page.comparison import render
    from reports.tables import open_sweep

    tables = [open_sweep(sweep) for sweep in sweeps]
    compared = compare_sweeps(tables)
    path = out or Path("comparison.html")
    data = render(compared, tables, pictures).encode()
    write_output(path, data)
    values = sweeps_data(compared)
    lines = [f"Report  {path}  ({size_text(len(data))}: {', '.join(values['sweeps'])})"]
    lines += [f"Note    {warning}" for warning in values["warnings"]]
    return CliResult("\n".join(lines), {"report": str(path), "bytes": len(data), **values})


def best(
    sweep: str | None = None,
    *,
    by: str | None = None,
    top: int = 1,
    out: Output = None,
    model: Path | None = None,
) -> CliResult:
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
    from reports.analysis.decision import cheaper_data, points_data
    from reports.analysis.levels import compare, comparison_data, comparison_tables
    from reports.answers.recommendation import caveats, confirm_command, objection
    from reports.best import best_table, choose, freeze, leave_model
    from reports.tables import open_sweep

    if top < 1:
        raise InputError(f"--top: {top}: must be at least 1.")
    tables = open_sweep(sweep)
    decision = choose(tables, by)
    base = out or _beside(tables, "best.yaml", "best.yaml")
    rows = {base: decision.proposed}
    if top > 1:
        count = min(top, len(decision.points))
        rows = {base.with_name(f"{base.stem}-{at + 1}{base.suffix}"): at for at in range(count)}
    if model is not None:
        leave_model(tables, decision.points.iloc[next(iter(rows.values()))], model)
    frozen = {path: freeze(tables, decision, row, str(path)) for path, row in rows.items()}
    for path, content in frozen.items():
        write_output(path, to_yaml(content).encode())
    compared = compare(tables, decision)
    against = objection(decision, tables)
    surer = confirm_command(decision, tables)
    notes = caveats(decision, tables)
    text_tables = comparison_tables(compared) if compared else [best_table(tables, decision, top)]
    lines = [against.text, ""] if against else []
    lines += [line for table in text_tables for line in (align_columns(table), "")]
    lines += [*notes, ""]
    lines += [f"Note    {problem}" for problem in tables.records.problems]
    lines += [f"Confirm {surer}"] if surer and not against else []
    lines += [f"Wrote   {path}" for path in frozen]
    lines += [f"Model   {model}"] if model else []
    if command := against.command if against else next(iter(frozen.values()))["command"]:
        lines.append(f"Next    {command}")
    values = {
        "sweep": tables.records.name,
        "model": str(model) if model else None,
        "best": [{"file": str(path), **content} for path, content in frozen.items()],
        "notes": notes,
        "problems": list(tables.records.problems),
        "points": points_data(decision),
        "compared": comparison_data(compared) if compared else None,
        "cheaper": cheaper_data(decision),
        "overstated": decision.overstated,
        "remedy": surer,
        "objection": asdict(against) if against else None,
    }
    return CliResult("\n".join(lines), values)


def _beside(tables: "SweepTables", local: str, elsewhere: str) -> Path:
    """In the sweep's folder if that is on this machine, else in the working directory."""
    from colornet.storage import Storage

    folder = Storage.at(tables.records.location).local
    return folder / local if folder else Path(elsewhere)


def write_output(path: Path, data: bytes) -> None:
    """Write a file that the user named. Raises InputError if that fails."""
    from colornet.storage import write_atomic

    try:
        write_atomic(path, data)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
