"""A sweep's trials as one table, for a spreadsheet."""

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from colornet.cli_result import CliResult, count_text
from colornet.errors import InputError
from reports.commands import Output, write_output

if TYPE_CHECKING:
    import pandas as pd

    from reports.tables import SweepTables


def export_csv(sweep: str | None = None, *, out: Output = None) -> CliResult:
    """Write a sweep's trials as a table, one row each, with all they reported last.

    Parameters
    ----------
    sweep
        Folder, URI or unique beginning of a name [the latest].
    out
        File to write; one that is there is left alone [NAME.csv].
    """
    from reports.tables import open_sweep

    tables = open_sweep(sweep)
    path = out or Path(f"{tables.records.name}.csv")
    if path.exists():
        raise InputError(f"{path}: is there already.\nName another file with -o, or remove it.")
    frame = trials_frame(tables)
    write_output(path, csv_text(frame).encode("utf-8-sig"))
    problems = tables.records.problems
    size = f"{count_text(len(frame), 'trial')}, {count_text(frame.shape[1], 'column')}"
    lines = [f"Wrote   {path}  ({size})"]
    lines += [f"Note    {problem}" for problem in problems]
    values = {
        "file": str(path),
        "trials": len(frame),
        "columns": list(frame.columns),
        "problems": problems,
    }
    return CliResult("\n".join(lines), values)


def trials_frame(sweep: "SweepTables") -> "pd.DataFrame":
    """One row per trial, in order of number.

    Returns:
        trial_id, number, state, reason, origin, seed, attempt, rank, point_id, a column per
        dimension (None where it is not active; `space.NAME` for a bundle named like another
        column), what it reported at its last tick (tick, images,
        seconds, every metric), gpu_hours, money (where an hour has a price), host, started, ended.
    """
    import pandas as pd

    records, trials = sweep.records, sweep.trials.set_index("trial_id", drop=False)
    names = ["trial_id", "number", "state", "reason", "origin", "seed", "attempt", "rank"]
    frame = trials[[*names, "point_id"]]
    administrative = ["version", "seq", "time", "trial_id", "number", "attempt", "seed"]
    last = records.last.reindex(trials.index).drop(columns=administrative, errors="ignore")
    where = records.trials.set_index("trial_id").reindex(trials.index, columns=["gpus", "host"])
    hours = last["seconds"] * where["gpus"] / 3600
    after = pd.DataFrame({"gpu_hours": hours}, index=trials.index)
    if price := (records.study.get("budget") or {}).get("price_per_gpu_hour"):
        after["money"] = hours * price
    begun = records.states.drop_duplicates("trial_id").set_index("trial_id")["time"]
    after = after.assign(host=where["host"], started=begun, ended=trials["ended"])
    taken = {*frame.columns, *last.columns, *after.columns}
    points = {
        f"space.{d.name}" if d.name in taken else d.name: pd.Series(
            [point.get(d.name) for point in trials["point"]], index=trials.index, dtype=object
        )
        for d in sweep.dimensions
    }
    return pd.concat([frame, pd.DataFrame(points, index=trials.index), last, after], axis=1)


def csv_text(frame: "pd.DataFrame") -> str:
    """A frame as CSV: numbers exact, text that a spreadsheet would run disarmed."""
    from reports.format import csv_cell

    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([csv_cell(name) for name in frame.columns])
    writer.writerows([csv_cell(value) for value in row] for row in frame.itertuples(index=False))
    return stream.getvalue()
