"""The best configurations as the page shows them: values, how sure, settings, what to type next."""

import math
from typing import Any

import numpy as np
import pandas as pd

from colornet.cli_result import count_text
from colornet.config.catalog import to_yaml
from colornet.config.columns import KNOWN_COSTS, METRICS
from colornet.errors import InputError
from reports.analysis.decision import Decision, judged_name, replicates, trainings_of
from reports.analysis.levels import compare, comparison_tables
from reports.analysis.statistics import mean_interval
from reports.answers.health import flags
from reports.answers.recommendation import (
    Objection,
    bounds_text,
    caveats,
    confirm_command,
    objection,
)
from reports.best import freeze
from reports.format import (
    duration_text,
    fixed_text,
    interval_text,
    is_or_are,
    score_text,
    setting_text,
    value_text,
)
from reports.page.gallery import GalleryInfo
from reports.page.summary import other_metrics
from reports.tables import Column, SweepTables, place_in_range
from spaces.dimensions import Dimension

TOP = 5
STRIP = 4
"""Pictures of the recommended configuration in the decision box."""


def best(sweep: SweepTables, decision: Decision | None, pictures: GalleryInfo) -> dict[str, Any]:
    """The top configurations with their settings, how sure they are, and what to type next."""
    if decision is None:
        return {"missing": _nothing(sweep)}
    points = decision.points
    rows_shown = points[points["basis"].eq(decision.basis)]
    rows_shown = rows_shown[(rows_shown["rank"] <= TOP) | (rows_shown.index == decision.proposed)]
    names = [
        judged_name(column.name, decision.basis)
        for column in other_metrics(sweep)
        if not METRICS[column.name.partition("_")[2]].detail
    ]
    values = {name: sweep.last_values(name) for name in names}
    values = {name: of_trials for name, of_trials in values.items() if of_trials.notna().any()}
    rows = [_row(sweep, decision, index, point, values) for index, point in rows_shown.iterrows()]
    taken = next(row for row in rows if row["taken"])
    against, compared = objection(decision, sweep), compare(sweep, decision)
    yaml, unfit = "", ""
    try:
        yaml = to_yaml(freeze(sweep, decision))
    except InputError as error:
        unfit = str(error)
    return {
        "missing": "",
        "rows": rows,
        "taken": taken,
        "strip": _strip(pictures, taken["trial"]),
        "final_cost": _final_cost(sweep, decision),
        "yaml": yaml,
        "unfit": unfit,
        "replicated": decision.basis != "search",
        "caveats": caveats(decision, sweep),
        "rule": _rule(sweep, decision),
        "objection": against.reason if against else "",
        "help": against.advice if against else "",
        "commands": _commands(sweep, decision, against),
        "levels": comparison_tables(compared) if compared else (),
    }


def _nothing(sweep: SweepTables) -> str:
    ends = sweep.ends_text
    if sweep.records.missing_text:
        return f"No configuration can be chosen: {ends}."
    if not ends:
        return "No trial has started yet, so there is nothing to choose from."
    return f"No configuration can be chosen yet: no trial has completed its budget ({ends})."


def _commands(
    sweep: SweepTables, decision: Decision, against: Objection | None
) -> list[dict[str, str]]:
    if against is not None:
        return [{"text": against.command, "what": "what may help"}] if against.command else []
    name = sweep.argument
    commands = [
        {"text": f"colorsweep best {name} -o best.yaml", "what": "freeze the configuration"},
        {"text": "colorsweep train best.yaml", "what": "train it finally, to a model"},
    ]
    if again := confirm_command(decision, sweep):
        what = "train the best again with fresh seeds, on pictures that chose nothing"
        commands.insert(0, {"text": again, "what": what})
    return commands


def _strip(pictures: GalleryInfo, trial: str) -> list[dict[str, Any]]:
    """The trial's first pictures, each beside the truth."""
    places = {column.trial: at for at, column in enumerate(pictures.columns)}
    if trial not in places:
        return []
    pairs = [(name, row[places["truth"]], row[places[trial]]) for name, row in pictures.rows]
    return [
        {"name": name, "truth": truth, "prediction": prediction}
        for name, truth, prediction in pairs
        if truth.source and prediction.source
    ][:STRIP]


def _final_cost(sweep: SweepTables, decision: Decision) -> str:
    """How long the study's final training takes on what the trials ran on."""
    point = decision.points.iloc[decision.proposed]
    images = (sweep.records.study.get("final") or {}).get("training.images")
    seen = sweep.trials.loc[sweep.trials["trial_id"] == point["trial_id"], "images"].iloc[0]
    if not images or not seen > 0 or not np.isfinite(point["seconds"]):
        return ""
    seconds = float(point["seconds"]) * images / seen
    return (
        f"Final training sees {value_text(int(images))}: about {duration_text(seconds)} on what "
        "the trials ran on."
    )


def _rule(sweep: SweepTables, decision: Decision) -> str:
    points = decision.points
    by = (sweep.records.study.get("decide") or {}).get("by")
    if by or len(sweep.objectives) == 1:
        order = f"Ordered by {by or sweep.objectives[0].name}"
    else:
        order = "Ordered by Pareto front, then by mean rank over the objectives"
    if bounds := bounds_text(sweep):
        order += f"; those that meet {bounds} come first"
        order += "" if points["feasible"].any() else ", and none does"
    if decision.basis == "compare":
        return f"{order}, over the seeds that all levels have."
    ranked = count_text(len(points), "configuration")
    excluded = sweep.searched["point_id"].nunique() - len(points)
    text = f"{order}. Ranked: {ranked} that trained the full budget"
    text += f"; {excluded} {is_or_are(excluded)} not." if excluded > 0 else "."
    if decision.basis == "confirm":
        confirmed = int(points["basis"].eq("confirm").sum())
        text += f" Of the ranked, {confirmed} {is_or_are(confirmed)} confirmed and "
        text += "first, by means on the test pictures."
    return text


def _row(
    sweep: SweepTables,
    decision: Decision,
    index: Any,
    point: pd.Series,
    others: dict[str, pd.Series],
) -> dict[str, Any]:
    counted = sweep.trials[sweep.trials["trial_id"] == point["trial_id"]]
    trial = counted.iloc[0]
    if decision.basis != "search":
        counted = trainings_of(sweep, point)
        counted = counted[counted["state"] == "completed"]
    return {
        "rank": int(point["rank"]),
        "color": min(int(point["rank"]), TOP),
        "trial": point["trial_id"],
        "taken": index == decision.proposed,
        "tie": index != 0 and bool(point["leader"]),
        "scores": [_score(sweep, decision, point, column) for column in sweep.objectives],
        "settings": [_setting(d, point["point"]) for d in sweep.dimensions],
        "others": [
            {
                "label": sweep.column(name).label,
                "unit": sweep.column(name).unit,
                "value": score_text(float(values[counted.index].mean())),
            }
            for name, values in others.items()
        ],
        "images": value_text(trial["images"]),
        "seconds": duration_text(float(point["seconds"])),
        "seed": int(trial["seed"]),
        "n": int(point["n"]),
        "lost": int(point["lost"]),
        "flags": flags(sweep)[trial.name],
    }


def _score(
    sweep: SweepTables, decision: Decision, point: pd.Series, objective: Column
) -> dict[str, Any]:
    column = sweep.column(judged_name(objective.name, decision.basis))
    value = float(point[objective.name])
    baseline = sweep.baseline(column.name)
    ratio = value / baseline if baseline and math.isfinite(value) else None
    whole = ""
    if decision.basis != "search" and column.name not in KNOWN_COSTS:
        row = decision.points[decision.points["point_id"] == point["point_id"]]
        (values,) = replicates(sweep, row, objective.name).values()
        whole = interval_text(*mean_interval(values.values())[:3])
    return {
        "label": column.label,
        "unit": column.unit,
        "value": score_text(value),
        "interval": whole.partition(" ")[2],
        "baseline": value_text(baseline),
        "ratio": fixed_text(ratio, 2) if ratio is not None else "",
        "percent": fixed_text(min(ratio, 1) * 100, 0) if ratio is not None else "",
    }


def _setting(dimension: Dimension, point: dict[str, Any]) -> dict[str, Any]:
    active = dimension.name in point
    value = point.get(dimension.name)
    share = place_in_range(dimension, value)
    # An optimum at an edge asks for a wider range.
    place = None if share is None else fixed_text(min(max(share, 0), 1) * 100, 0)
    return {"name": dimension.name, "text": setting_text(value) if active else "", "place": place}
