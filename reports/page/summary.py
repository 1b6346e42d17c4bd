"""The words and numbers of the page: header, all trials, provenance."""

import json
from typing import Any

import pandas as pd

from colornet.config.catalog import to_yaml
from colornet.config.columns import METRICS
from colornet.errors import shorten
from reports.answers.earlier import learned_texts
from reports.answers.health import flags
from reports.answers.recommendation import stopped_text
from reports.charts.endings import savings, savings_text
from reports.format import duration_text, large_text, plain_value, time_text, value_text
from reports.tables import Column, SweepTables


def header(sweep: SweepTables) -> dict[str, Any]:
    """Name, question, how many trials ended how, and what it took."""
    records = sweep.records
    start, end = _span(sweep)
    seen = sweep.trials["images"].sum() if len(sweep.trials) else 0
    facts = [
        (value_text(len(sweep.trials)), "trial" if len(sweep.trials) == 1 else "trials"),
        (large_text(float(seen)), "pictures seen"),
    ]
    if start is not None and end is not None:
        facts.append((duration_text((end - start).total_seconds()), "wall time"))
        facts.append((time_text(start), "UTC, start"))
    return {
        "stopped": stopped_text(sweep),
        "resume": f"colorsweep resume {sweep.argument}",
        "name": records.name,
        "question": shorten(
            str(records.study.get("question") or records.study.get("name") or records.name), 600
        ),
        "facts": [{"value": value, "label": label} for value, label in facts],
        "states": list(sweep.how_ended().items()),
        "problems": list(records.problems),
    }


def _span(sweep: SweepTables) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    """From the first training's start to the last thing recorded."""
    ticks, trials = sweep.ticks, sweep.trials
    starts, ends = [trials["ended"].min()], [trials["ended"].max()]
    if len(ticks):
        starts.append((ticks["time"] - pd.to_timedelta(ticks["seconds"], unit="s")).min())
        ends.append(ticks["time"].max())
    begun = [time for time in starts if not pd.isna(time)]
    if not begun:
        return None, None
    return min(begun), max(time for time in ends if not pd.isna(time))


def other_metrics(sweep: SweepTables) -> list[Column]:
    """What was measured on the held-out pictures beside the objectives, in a fixed order.

    On the common ones where the study has some: a trial's own may be others than its neighbor's.
    Metrics that applied to no trial are left out.
    """
    objectives = {objective.name for objective in sweep.objectives}
    common = sweep.records.study.get("evaluate_on") is not None
    names = [f"{'eval' if common else 'val'}_{name}" for name in METRICS]
    return [sweep.column(name) for name in sweep.reported(names) if name not in objectives]


def trial_table(sweep: SweepTables) -> dict[str, Any]:
    """All trials for the page's own table: columns with their kind, rows of JSON-able cells."""
    trials = sweep.trials
    columns = [
        ("rank", "number", trials["rank"]),
        ("trial", "text", trials["trial_id"]),
        ("state", "state", sweep.last_states),
        ("reason", "text", trials["reason"]),
        ("flags", "text", [words or None for words in flags(sweep)]),
        *((column.name, "metric", trials[column.name]) for column in sweep.objectives),
        *(
            (
                axis.name,
                "text" if axis.is_categorical else "number",
                [_setting(point, axis.name) for point in trials["point"]],
            )
            for axis in sweep.dimensions
        ),
        *((c.name, "metric", sweep.last_values(c.name)) for c in other_metrics(sweep)),
        *((name, "number", trials[name]) for name in ("images", "seconds", "attempt", "seed")),
        ("origin", "text", trials["origin"]),
    ]
    cells = [map(_json, values) for _, _, values in columns]
    return {
        "columns": [{"name": name, "kind": kind} for name, kind, _ in columns],
        "rows": list(map(list, zip(*cells, strict=True))),
    }


def _setting(point: dict[str, Any], name: str) -> Any:
    """Empty where a dimension does not apply; null, which switches something off, in words."""
    value = point.get(name)
    return "none" if name in point and value is None else value


def _json(value: Any) -> Any:
    value = plain_value(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value_text(value)


def provenance(sweep: SweepTables) -> dict[str, Any]:
    """Where the numbers come from: commit, versions, data, seeds, place of the records."""
    records = sweep.records
    recorded, study = records.provenance, records.study
    seeds = sorted({int(seed) for seed in sweep.trials["seed"].dropna()})
    first_seeds = ", ".join(map(str, seeds[:8])) + (", …" if len(seeds) > 8 else "")
    facts = [
        ("records", f"{records.location.rstrip('/')}/records"),
        ("study seed", study.get("seed")),
        ("training seeds", first_seeds),
        ("sampler", study.get("sampler")),
        ("asked in", ", ".join(map(str, study.get("asked_in") or ()))),
    ]
    facts += [
        (k.replace("_", " "), v)
        for k, v in recorded.items()
        if k != "version" and not isinstance(v, dict | list)
    ]
    nested = {  # the study has a section of its own, as it is now
        k: v for k, v in recorded.items() if isinstance(v, dict | list) and k != "study"
    }
    return {
        "facts": [(name, value_text(value)) for name, value in facts if value not in (None, "")],
        "savings": savings_text(savings(sweep)) if sweep.how_ended().get("pruned") else "",
        "learned": learned_texts(sweep),
        "parquet": f"{records.location.rstrip('/')}/records/ticks/*.parquet",
        "problems": list(records.problems),
        "study": to_yaml(study),
        "versions": json.dumps(nested, indent=1, ensure_ascii=False, sort_keys=True)
        if nested
        else "",
    }
