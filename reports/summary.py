"""The words and numbers of the page: header, best configurations, all trials, provenance."""

import json
import math
import shlex
from typing import Any

import numpy as np
import pandas as pd

from colornet.catalog import to_yaml
from colornet.measures import METRICS
from reports.health import flags
from reports.tables import Column, Dimension, SweepTables, count_text, duration_text, value_text

TOP = 5


def header(sweep: SweepTables) -> dict[str, Any]:
    """Name, question, how many trials ended how, and what it took."""
    records = sweep.records
    start, end = _span(sweep)
    seen = sweep.trials["images"].sum() if len(sweep.trials) else 0
    facts = [
        (f"{len(sweep.trials):,}", "trial" if len(sweep.trials) == 1 else "trials"),
        (_large(float(seen)), "pictures seen"),
    ]
    if start is not None and end is not None:
        facts.append((duration_text((end - start).total_seconds()), "wall time"))
        facts.append((f"{start:%Y-%m-%d %H:%M}", "UTC, start"))
    return {
        "name": records.name,
        "question": records.study.get("question") or records.study.get("name") or records.name,
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
    known = [time for time in starts if not pd.isna(time)]
    if not known:
        return None, None
    return min(known), max(time for time in ends if not pd.isna(time))


def _large(number: float) -> str:
    for limit, word in ((1e9, "billion"), (1e6, "million")):
        if number >= limit:
            return f"{number / limit:.1f} {word}"
    return f"{number:,.0f}"


def best(sweep: SweepTables) -> dict[str, Any]:
    """The top configurations with their settings, the caution, and what to type next."""
    ranked = sweep.ranked.head(TOP)
    if ranked.empty:
        return {"missing": _nothing(sweep)}
    name = shlex.quote(sweep.argument)
    compared = [column for column in other_metrics(sweep) if not _is_detail(column)]
    values = {column.name: sweep.last_values(column.name) for column in compared}
    flagged = flags(sweep)
    rows = [_best_row(sweep, row, values) for _, row in ranked.iterrows()]
    return {
        "missing": "",
        "rows": [
            row | {"flags": flagged[index]} for row, index in zip(rows, ranked.index, strict=True)
        ],
        "caution": caution(sweep),
        "rule": _rule(sweep),
        "commands": [
            {"text": f"colorsweep best {name} -o best.yaml", "what": "freeze the configuration"},
            {"text": "colorsweep train best.yaml", "what": "train it finally, to a model"},
        ],
    }


def _nothing(sweep: SweepTables) -> str:
    ends = ", ".join(f"{count} {state}" for state, count in sweep.how_ended().items())
    if not ends:
        return "No trial has started yet, so there is nothing to choose from."
    return f"No configuration can be chosen yet: no trial has completed its budget ({ends})."


def caution(sweep: SweepTables) -> str:
    """What an unconfirmed best is worth."""
    count = len(sweep.ranked)
    if count == 1:
        return "There is a single trial to choose from, trained once with one seed."
    return (
        f"#1 looks best of {count_text(count, 'trial')}, each trained once: part of its lead "
        "is chance, and with another seed expect it to do somewhat worse."
    )


def _rule(sweep: SweepTables) -> str:
    decide = sweep.records.study.get("decide") or {}
    excluded = len(sweep.trials) - len(sweep.ranked)
    if decide.get("by"):
        bounds = [f"{name} {bound}" for name, bound in (decide.get("subject_to") or {}).items()]
        order = f"Ordered by {decide['by']}"
        order += f"; trials that meet {' and '.join(bounds)} come first" if bounds else ""
        if bounds and not sweep.ranked["feasible"].any():
            order += ", and none does"
    elif len(sweep.objectives) == 1:
        order = f"Ordered by {sweep.objectives[0].name}"
    else:
        order = "Ordered by Pareto front, then by mean rank over the objectives"
    return (
        f"{order}. Ranked: {count_text(len(sweep.ranked), 'trial')} that trained the full budget"
        + (f"; {excluded} {'is' if excluded == 1 else 'are'} not." if excluded else ".")
    )


def other_metrics(sweep: SweepTables) -> list[Column]:
    """What was measured on the held-out pictures beside the objectives, in a fixed order.

    Metrics that applied to no trial are left out.
    """
    objectives = {objective.name for objective in sweep.objectives}
    names = [f"val_{name}" for name in METRICS if f"val_{name}" in sweep.ticks]
    measured = [name for name in names if sweep.ticks[name].notna().any()]
    return [sweep.column(name) for name in measured if name not in objectives]


def _is_detail(column: Column) -> bool:
    return METRICS[column.name.removeprefix("val_")].detail


def _best_row(sweep: SweepTables, row: pd.Series, others: dict[str, pd.Series]) -> dict[str, Any]:
    return {
        "rank": int(row["rank"]),
        "trial": row["trial_id"],
        "scores": [_score(sweep, row, column) for column in sweep.objectives],
        "settings": [_setting(d, row["point"]) for d in sweep.dimensions],
        "others": [
            {
                "label": sweep.column(name).label,
                "unit": sweep.column(name).unit,
                "value": _four(float(values[row.name])),
            }
            for name, values in others.items()
        ],
        "images": f"{int(row['images']):,}" if np.isfinite(row["images"]) else "–",
        "seconds": duration_text(float(row["seconds"])),
        "seed": int(row["seed"]),
    }


def _score(sweep: SweepTables, row: pd.Series, column: Column) -> dict[str, Any]:
    value, baseline = float(row[column.name]), sweep.baseline(column.name)
    ratio = value / baseline if baseline and math.isfinite(value) else None
    return {
        "label": column.label,
        "unit": column.unit,
        "value": _four(value),
        "baseline": value_text(baseline),
        "ratio": f"{ratio:.2f}" if ratio is not None else "",
        "percent": f"{min(ratio, 1) * 100:.0f}" if ratio is not None else "",
    }


def _four(value: float) -> str:
    return f"{value:#.4g}" if math.isfinite(value) else "–"


def _setting(dimension: Dimension, point: dict[str, Any]) -> dict[str, Any]:
    active = dimension.name in point
    value = point.get(dimension.name)
    place = _place(dimension, value) if active else None
    return {"name": dimension.name, "text": value_text(value) if active else "", "place": place}


def _place(dimension: Dimension, value: Any) -> str | None:
    """Where a value lies in its range, in percent: an optimum at an edge asks for a wider range."""
    low, high = dimension.low, dimension.high
    if dimension.categorical or dimension.is_special(value) or low is None or high is None:
        return None
    if dimension.log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    if high <= low:
        return None
    return f"{min(max((value - low) / (high - low), 0), 1) * 100:.0f}"


def trial_table(sweep: SweepTables) -> dict[str, Any]:
    """All trials for the page's own table: columns with their kind, rows of JSON-able cells."""
    columns = [("rank", "number"), ("trial", "text"), ("state", "state"), ("reason", "text")]
    columns.append(("flags", "text"))
    flagged = flags(sweep)
    columns += [(column.name, "metric") for column in sweep.objectives]
    columns += [(d.name, "text" if d.categorical else "number") for d in sweep.dimensions]
    others = {column.name: sweep.last_values(column.name) for column in other_metrics(sweep)}
    columns += [(name, "metric") for name in others]
    columns += [("images", "number"), ("seconds", "number"), ("attempt", "number")]
    columns += [("seed", "number"), ("origin", "text")]
    rows = [
        [
            _json(row["rank"]),
            row["trial_id"],
            row["state"],
            row["reason"] if isinstance(row["reason"], str) else None,
            flagged[index] or None,
            *(_json(row[column.name]) for column in sweep.objectives),
            *(_json(row["point"].get(d.name)) for d in sweep.dimensions),
            *(_json(values[index]) for values in others.values()),
            *(_json(row[name]) for name in ("images", "seconds", "attempt", "seed")),
            row["origin"] if isinstance(row["origin"], str) else None,
        ]
        for index, row in enumerate(sweep.trials.to_dict("records"))
    ]
    return {"columns": [{"name": name, "kind": kind} for name, kind in columns], "rows": rows}


def _json(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if value is None or isinstance(value, bool | int | str):
        return value
    return value_text(value)


def provenance(sweep: SweepTables) -> dict[str, Any]:
    """Where the numbers come from: commit, versions, data, seeds, place of the records."""
    records = sweep.records
    recorded, study = records.provenance, records.study
    seeds = sorted({int(seed) for seed in sweep.trials["seed"].dropna()})
    shown = ", ".join(map(str, seeds[:8])) + (", …" if len(seeds) > 8 else "")
    facts = [
        ("records", f"{records.location.rstrip('/')}/records"),
        ("study seed", study.get("seed")),
        ("training seeds", shown),
        ("sampler", study.get("sampler")),
        ("asked in", ", ".join(map(str, study.get("asked_in") or ()))),
    ]
    facts += [
        (k.replace("_", " "), v)
        for k, v in recorded.items()
        if k != "version" and not isinstance(v, dict | list)
    ]
    nested = {k: v for k, v in recorded.items() if isinstance(v, dict | list)}
    return {
        "facts": [(name, value_text(value)) for name, value in facts if value not in (None, "")],
        "problems": list(records.problems),
        "study": to_yaml(study),
        "versions": json.dumps(nested, indent=1, ensure_ascii=False, sort_keys=True)
        if nested
        else "",
    }
