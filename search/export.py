"""A sweep as an Optuna study in a file, for optuna-dashboard and Optuna's own functions."""

import os
import tempfile
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from colornet.cli_result import CliResult, align_columns
from colornet.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from optuna.trial import FrozenTrial

    from search.records.reader import SweepRecords
    from spaces.study import Study


def export_optuna(
    sweep: str | None = None, *, out: Annotated[Path | None, Parameter(alias="-o")] = None
) -> CliResult:
    """Write a sweep's trials as an Optuna journal, for optuna-dashboard.

    Parameters
    ----------
    sweep
        Folder, URI or unique beginning of a name [the latest].
    out
        File to write; one that is there is left alone [NAME.journal].
    """
    from search.records.reader import find_sweep, read_sweep

    records = read_sweep(find_sweep(sweep))
    path = out or Path(f"{records.name}.journal")
    if path.exists():
        raise InputError(f"{path}: is there already.\nName another file with -o, or remove it.")
    counts = write_journal(records, path)
    states = ", ".join(f"{count} {state}" for state, count in counts.items())
    rows = [("Wrote", str(path)), ("Trials", states or "none")]
    rows += [("Note", problem) for problem in records.problems]
    rows.append(("Next", f"optuna-dashboard {path}"))
    values = {"file": str(path), "trials": counts, "problems": records.problems}
    return CliResult(align_columns(rows), values)


def write_journal(records: "SweepRecords", path: Path) -> dict[str, int]:
    """Write the trials of a search or comparison as Optuna knows them; those that confirm are none.

    Args:
        records: a sweep that was read.

    Returns:
        the number of trials by Optuna's state.

    Raises:
        InputError: when the file cannot be written.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    from search.records.reader import CONFIRM
    from spaces.study import Study

    study = Study.from_data(records.study, f"{records.location}/study.yaml")
    searched = records.trials[records.trials["origin"] != CONFIRM]
    counts: dict[str, int] = {}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
            part = Path(folder) / "journal"
            journal = optuna.create_study(
                storage=JournalStorage(JournalFileBackend(str(part))),
                study_name=records.name,
                directions=list(study.file.objectives.values()),
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                journal.set_metric_names(list(study.file.objectives))
            journal.set_user_attr("question", study.file.question)
            for trial in _trials(records, study, searched):
                journal.add_trial(trial)
                counts[trial.state.name] = counts.get(trial.state.name, 0) + 1
            os.replace(part, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    return counts


def _trials(
    records: "SweepRecords", study: "Study", searched: "pd.DataFrame"
) -> "Iterator[FrozenTrial]":
    """Optuna's view of each trial, in order of number."""
    from search.core.ranking import LOST
    from search.core.target import Target
    from search.core.trial_states import frozen_trial, to_optuna

    starts = records.states.drop_duplicates("trial_id", keep="first")
    starts = dict(zip(starts["trial_id"], starts["time"], strict=True))
    last = records.last.to_dict("index")
    target = Target.front(study)
    # Optuna takes intermediate values with one objective only.
    (objective, *others) = study.file.objectives
    curves = {} if others else _curves(records.ticks, objective)
    for row in searched.to_dict("records"):
        trial_id = row["trial_id"]
        # A pruned trial with a curve would rank by its last value; one that is lost ranks last.
        lost = row["state"] in LOST
        attributes = {
            **{key: row[key] for key in ("trial_id", "state", "origin")},
            "reason": row["reason"] if isinstance(row["reason"], str) else None,
            "seed": int(row["seed"]),
        }
        report = target.report(last.get(trial_id, {}))
        result = to_optuna(row["state"], report)
        # JSON has no infinity, which is what a lost trial violates its bounds by.
        excess = {key: over for key, over in report.excess.items() if over is not None}
        result = result._replace(
            last={} if lost else curves.get(trial_id, {}),
            excess=excess if result.state.is_finished() else {},
        )
        trial = frozen_trial(study, row, result, attributes)
        trial.datetime_start = _local(starts[trial_id])
        trial.datetime_complete = _local(row["time"]) if trial.state.is_finished() else None
        yield trial


def _curves(ticks: "pd.DataFrame", objective: str) -> dict[str, dict[int, float]]:
    """Values by tick, by trial."""
    if objective not in ticks:
        return {}
    measured = ticks[ticks[objective].notna()]
    curves = measured.set_index("tick").groupby("trial_id")[objective]
    return {str(trial_id): values.to_dict() for trial_id, values in curves}


def _local(time: "pd.Timestamp") -> datetime:
    """A time as Optuna stores it: this machine's, without a zone."""
    return time.to_pydatetime().astimezone().replace(tzinfo=None)
