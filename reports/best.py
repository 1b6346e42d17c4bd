"""Freeze configurations: from a trial to the `best.yaml` that final training takes."""

import json
import shlex
from pathlib import Path
from typing import Any

import pandas as pd

from colornet.config.config import parse_config
from colornet.config.paths import apply_overrides
from colornet.errors import InputError, NoValidTrialError, did_you_mean
from colornet.model.card import model_card
from colornet.model.folder import manifest_name, read_weights, write_model
from colornet.model.lightness import TrainingLightness
from colornet.storage import Storage
from reports.analysis.decision import Decision, decide, judged_name, leaders, trainings_of
from reports.answers.recommendation import caveats, objection, stopped_text
from reports.format import duration_text, interval_text, json_number, setting_text, value_text
from reports.tables import SweepTables
from search.records.reader import driver_of

PREFIXES = ("val_", "eval_", "test_", "train_", "diag_", "cost_")


def choose(sweep: SweepTables, by: str | None = None) -> Decision:
    """The order of a sweep's points, and which to take.

    Args:
        by: a metric column to order by instead of the study's own rule.

    Raises:
        InputError: an unknown column, or one without a direction.
        NoValidTrialError: when no trial can be chosen; says how the trials ended.
    """
    if by is not None and by not in sweep.ticks and len(sweep.ticks):
        named = [name for name in sweep.ticks if name.startswith(PREFIXES)]
        raise InputError(f"--by: {by}: no such metric in this sweep.\n{did_you_mean(by, named)}")
    if decision := decide(sweep, by):
        return decision
    records, name = sweep.records, sweep.argument
    if records.missing_text:
        remedy = f"Put records/ back as it was; see what cannot be read: colorsweep status {name}"
    elif driver_of(records.location) is not None:
        remedy = f"It still runs: colorsweep status {name}"
    elif stopped_text(sweep):
        remedy = f"It is not finished: colorsweep resume {name}"
    else:
        remedy = f"Look at how they ended: colorsweep report {name}"
    ends = sweep.ends_text or "no trial has started"
    raise NoValidTrialError(f"{records.name}: no trial can be chosen: {ends}.\n{remedy}")


def freeze(
    sweep: SweepTables, decision: Decision, at: int | None = None, file: str = "best.yaml"
) -> dict[str, Any]:
    """One configuration as JSON-able data: what `best.yaml` holds.

    Args:
        at: row of the point in `decision.points`, by default the one that is proposed.
        file: path under which it will be written, for the command.

    Raises:
        InputError: when the study's `final` does not fit the trial's config.
    """
    records = sweep.records
    row = decision.points.iloc[decision.proposed if at is None else at]
    trial = records.trials.set_index("trial_id").loc[row["trial_id"]]
    config = json.loads(trial["config"])
    final = apply_overrides(config, records.study.get("final") or {})
    origin = f"{records.name}: trial {row['trial_id']} with the study's final"
    names = dict.fromkeys([*(o.name for o in sweep.objectives), decision.column.name])
    against = objection(decision, sweep)
    return {
        "version": 1,
        "config": config,
        "final": parse_config(final, origin).to_dict(),
        "from": {
            "sweep": records.name,
            "location": records.location,
            "question": records.study.get("question"),
            "point_id": row["point_id"],
            "point": row["point"],
            "trials": _trials(sweep, row),
            "values": {
                judged_name(name, row["basis"]): json_number(row.get(name)) for name in names
            },
            "confirmed": _confirmed(decision, row),
            "decided_by": decision.column.name,
            "note": " ".join(caveats(decision, sweep)),
            "objection": against.text if against else None,
            "data_hash": records.provenance.get("data_hash"),
        },
        "command": f"colorsweep train {shlex.quote(file)}",
    }


def _trials(sweep: SweepTables, row: pd.Series) -> list[str]:
    """The trial that represents a point, then those whose mean is its value."""
    counted = trainings_of(sweep, row)["trial_id"] if row["basis"] != "search" else []
    return list(dict.fromkeys([row["trial_id"], *counted]))


def _confirmed(decision: Decision, row: pd.Series) -> dict[str, Any] | None:
    """What the replicates of a point show; None for one that was trained once."""
    if row["basis"] == "search":
        return None
    names = leaders(decision.points)["trial_id"].tolist()
    return {
        "column": judged_name(decision.column.name, row["basis"]),
        **{name: json_number(row[name]) for name in ("mean", "low", "high")},
        "replicates": int(row["n"]),
        "seeds": sorted(row["values"]),
        "ties": [n for n in names if n != row["trial_id"]] if row["trial_id"] in names else [],
    }


def best_table(sweep: SweepTables, decision: Decision, top: int) -> tuple[tuple[str, ...], ...]:
    """The first `top` points, and all that have replicates, as texts; a heading first."""
    replicated = decision.basis != "search"
    points = decision.points
    rows = points[(points.index < top) | (points["basis"] != "search")]
    lead, others = decision.column.name, [o.name for o in sweep.objectives]
    names = others if lead in others else [*others, lead]
    judged = [judged_name(name, decision.basis) for name in names]
    dimensions = [dimension.name for dimension in sweep.dimensions]
    head = ["rank", "trial", *judged, *(["seeds", "lost", ""] if replicated else [])]
    body = []
    for index, row in enumerate(rows.to_dict("records")):
        texts = [value_text(float(row[name])) for name in names]
        status = "not confirmed"
        if row["basis"] != "search":
            texts[names.index(lead)] = interval_text(row["mean"], row["low"], row["high"])
            tie = "tie" if index and row["leader"] else ""
            status = "taken" if index == decision.proposed else tie
        more = [str(row["n"]), str(row["lost"] or ""), status] if replicated else []
        settings = [
            setting_text(row["point"][name]) if name in row["point"] else "–" for name in dimensions
        ]
        time = duration_text(float(row["seconds"]))
        body.append((str(int(row["rank"])), row["trial_id"], *texts, *more, *settings, time))
    return ((*head, *dimensions, "time"), *body)


def leave_model(sweep: SweepTables, row: pd.Series, folder: Path) -> None:
    """Write the final weights of a trial of the search as a model folder.

    Args:
        row: a row of a decision's points.

    Raises:
        InputError: when its generator was not kept or is damaged, or the folder holds something.
    """
    records = sweep.records
    name = f"checkpoints/{row['trial_id']}.safetensors"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"--model: {folder}: is not empty.\nGive another folder.")
    try:
        weights = read_weights(Storage.at(records.location), name, manifest_name(name))
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
    sets = records.provenance.get("data", [])
    data = next(iter(sets), None)
    # Where trials differ in their pictures it is not known which set this one had.
    lightness = data.get("lightness") if data and len(sets) == 1 else None
    if lightness is not None:
        origin_of = f"{records.location}/provenance.json"
        lightness = TrainingLightness.from_data(lightness, origin_of).to_data()
    card = model_card(folder.name, config, metrics, data, origin, "val")
    write_model(folder, weights, config, card, lightness)
