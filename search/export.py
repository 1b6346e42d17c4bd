"""A sweep as an Optuna study in a file, for optuna-dashboard and whoever knows Optuna."""

import json
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from colornet.cli_result import Answer
from colornet.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from optuna.trial import FrozenTrial

    from search.records.reader import SweepRecords
    from spaces.study import Study


def export_optuna(
    sweep: str | None = None, *, out: Annotated[Path | None, Parameter(alias="-o")] = None
) -> Answer:
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
    lines = [f"Wrote   {path}", *(f"Note    {problem}" for problem in records.problems)]
    states = ", ".join(f"{count} {state}" for state, count in counts.items())
    lines.insert(1, f"Trials  {states or 'none'}")
    values = {"file": str(path), "trials": counts, "problems": records.problems}
    lines.append(f"Next    optuna-dashboard {path}")
    return Answer("\n".join(lines), values)


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

    from search.core.ask_tell import CONFIRM
    from spaces.study import Study

    study = Study.from_data(records.study, f"{records.location}/study.yaml")
    searched = records.trials[records.trials["origin"] != CONFIRM]
    counts: dict[str, int] = {}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
            part = Path(folder) / "journal"
            made = optuna.create_study(
                storage=JournalStorage(JournalFileBackend(str(part))),
                study_name=records.name,
                directions=list(study.file.objectives.values()),
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                made.set_metric_names(list(study.file.objectives))
            made.set_user_attr("question", study.file.question)
            for trial in _trials(records, study, searched):
                made.add_trial(trial)
                counts[trial.state.name] = counts.get(trial.state.name, 0) + 1
            os.replace(part, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    return counts


def _trials(
    records: "SweepRecords", study: "Study", searched: "pd.DataFrame"
) -> "Iterator[FrozenTrial]":
    """Optuna's view of each trial, in order of number."""
    started = records.states.drop_duplicates("trial_id", keep="first")
    started = dict(zip(started["trial_id"], started["time"], strict=True))
    last = records.last.to_dict("index")
    curves: dict[str, dict[int, float]] = {}
    if len(study.file.objectives) == 1:
        (objective,) = study.file.objectives
        curves = _curves(records.ticks, objective)
    for row in searched.to_dict("records"):
        name = row["trial_id"]
        yield _trial(study, row, last.get(name, {}), started[name], curves.get(name, {}))


def _curves(ticks: "pd.DataFrame", objective: str) -> dict[str, dict[int, float]]:
    """Values by tick, by trial."""
    if objective not in ticks:
        return {}
    known = ticks[ticks[objective].notna()]
    return {
        str(name): dict(zip(own["tick"].tolist(), own[objective].tolist(), strict=True))
        for name, own in known[["trial_id", "tick", objective]].groupby("trial_id")
    }


def _trial(
    study: "Study",
    row: Mapping[str, Any],
    last: Mapping[str, Any],
    started: "pd.Timestamp",
    curve: Mapping[int, float],
) -> "FrozenTrial":
    from optuna.trial import create_trial

    from search.core.samplers import recorded_trial
    from search.core.trial_states import verdict
    from search.run.trial_table import reported

    said = reported(study, last)
    told = verdict(row["state"], said.values)
    fixed = recorded_trial(row["trial_id"], json.loads(row["point"]), study.dimensions)
    lost = row["state"] in ("diverged", "oom")
    trial = create_trial(
        state=told.state,
        values=list(told.values) if told.values else None,
        params=fixed.params,
        distributions=fixed.distributions,
        user_attrs={
            **{key: row[key] for key in ("trial_id", "state", "origin")},
            "reason": row["reason"] if isinstance(row["reason"], str) else None,
            "seed": int(row["seed"]),
        },
        system_attrs=json.loads(row["system_attrs"] or "{}"),
        intermediate_values=None if lost or not curve else dict(curve),
        constraints=dict(said.excess) if told.state.is_finished() else None,
    )
    trial.datetime_start = _local(started)
    trial.datetime_complete = _local(row["time"]) if told.state.is_finished() else None
    return trial


def _local(time: "pd.Timestamp") -> datetime:
    """A point in time as Optuna has them: this machine's, without a zone."""
    return time.to_pydatetime().astimezone().replace(tzinfo=None)
