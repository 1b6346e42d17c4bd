"""Freeze configurations: from a trial to the `best.yaml` that final training takes."""

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from colornet.card import model_card
from colornet.config import parse_config
from colornet.errors import InputError, NoValidTrialError, did_you_mean
from colornet.modelfolder import write_model
from colornet.paths import apply_overrides
from colornet.storage import Storage
from reports.tables import SweepTables, count_text
from search.ranking import best_trials

PREFIXES = ("val_", "eval_", "test_", "train_", "diag_", "cost_")


def choose(sweep: SweepTables, top: int = 1, by: str | None = None) -> pd.DataFrame:
    """The best trials of equal budget, in order.

    Args:
        top: at most so many.
        by: a metric column to order by instead of the study's own rule.

    Returns:
        Rows of `search.ranking.best_trials`, with `point` (dict).

    Raises:
        InputError: unknown column, or one that has no better and worse.
        NoValidTrialError: when no trial can be chosen; says how the trials ended.
    """
    if by is not None and by not in sweep.ticks and len(sweep.ticks):
        named = [name for name in sweep.ticks if name.startswith(PREFIXES)]
        raise InputError(f"--by: {by}: no such metric in this sweep.\n{did_you_mean(by, named)}")
    ranked = best_trials(sweep.records, top, by)
    if ranked.empty:
        raise NoValidTrialError(_none_valid(sweep))
    extra = sweep.trials[["trial_id", "point"]]
    return ranked.merge(extra, on="trial_id", how="left", validate="one_to_one")


def _none_valid(sweep: SweepTables) -> str:
    ends = ", ".join(f"{count} {state}" for state, count in sweep.how_ended().items())
    return (
        f"{sweep.records.name}: no trial can be chosen: {ends or 'no trial has started'}.\n"
        f"Look at how they ended: colorsweep report {shlex.quote(sweep.argument)}"
    )


def freeze(
    sweep: SweepTables, row: pd.Series, file: str = "best.yaml", by: str | None = None
) -> dict[str, Any]:
    """One configuration as plain data: what `best.yaml` holds.

    Args:
        row: a row of `choose`.
        file: path under which it will be written, for the command.
        by: the metric that ordered instead of the study's own rule.

    Raises:
        InputError: when the study's `final` does not fit the trial's config.
    """
    records = sweep.records
    trial = records.trials.set_index("trial_id").loc[row["trial_id"]]
    config = json.loads(trial["config"])
    final = apply_overrides(config, records.study.get("final") or {})
    origin = f"{records.name}: trial {row['trial_id']} with the study's final"
    names = dict.fromkeys([*(o.name for o in sweep.objectives), *([by] if by else [])])
    values = {name: _plain(row.get(name)) for name in names}
    return {
        "version": 1,
        "config": config,
        "final": parse_config(final, origin).to_dict(),
        "from": {
            "sweep": records.name,
            "location": records.location,
            "question": records.study.get("question"),
            "point_id": trial["point_id"],
            "point": json.loads(trial["point"]),
            "trials": [row["trial_id"]],
            "values": values,
            "confirmed": None,
            "note": _note(sweep, row),
            "data_hash": records.provenance.get("data_hash"),
        },
        "command": f"colorsweep train {shlex.quote(file)}",
    }


def _note(sweep: SweepTables, row: pd.Series) -> str:
    """What a reader must know before relying on the choice."""
    note = (
        f"Not confirmed: the best of {count_text(len(sweep.ranked), 'trial')}, each trained once. "
        "Part of its lead is luck."
    )
    if row["feasible"]:
        return note
    bounds = (sweep.records.study.get("decide") or {}).get("subject_to") or {}
    missed = " and ".join(f"{column} {bound}" for column, bound in bounds.items())
    return f"No trial meets {missed}; this one comes first among the rest. {note}"


def leave_model(sweep: SweepTables, row: pd.Series, folder: Path) -> None:
    """Write the weights that a trial of the search was left with as a model folder.

    Args:
        row: a row of `choose`.

    Raises:
        InputError: when its generator was not kept, or the folder holds something.
    """
    records = sweep.records
    name = f"checkpoints/{row['trial_id']}.safetensors"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"--model: {folder}: is not empty.\nGive another folder.")
    try:
        weights = Storage.at(records.location).read(name)
    except FileNotFoundError:
        raise InputError(
            f"--model: {records.name}: the weights of {row['trial_id']} were not kept: no {name}.\n"
            "Train its configuration: colorsweep train best.yaml"
        ) from None
    trial = records.trials.set_index("trial_id").loc[row["trial_id"]]
    config = parse_config(json.loads(trial["config"]), f"{records.name}: {row['trial_id']}")
    ticks = records.ticks[records.ticks["trial_id"] == row["trial_id"]]
    metrics = ticks.astype(object).where(ticks.notna(), None).iloc[-1].to_dict()
    origin = {"sweep": records.name, "trial": row["trial_id"], "point": json.loads(trial["point"])}
    data = next(iter(records.provenance.get("data", [])), None)
    write_model(
        folder, weights, config, model_card(folder.name, config, metrics, data, origin, "val")
    )


def _plain(value: Any) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None
