"""A sweep's status and events, read from its records: nothing is changed, no driver is needed."""

import json
import shlex
import time
from collections.abc import Iterator
from typing import Any, TextIO

import pandas as pd

from colornet.cli_result import align_columns, count_text
from colornet.errors import shorten
from colornet.storage import Storage
from search.core.budget import BudgetTracker
from search.core.finished import TrialCounts, counts_of, is_finished, why_over
from search.core.ranking import (
    baseline,
    bounds_of,
    confirmed_column,
    deciding_metric,
    goal_of,
    point_table,
)
from search.records.reader import (
    UNFINISHED,
    SweepRecords,
    driver_of,
    read_states,
    read_study,
    read_sweep,
)
from search.run.progress import time_left
from spaces.study import Study

POLL = 1.0
"""Seconds between two looks at a sweep that is followed: each lists its parts of the records."""


def status_of(location: str) -> dict[str, Any]:
    """A sweep's status as plain data. Raises InputError when the folder is no sweep."""
    records = read_sweep(location)
    study = Study.from_data(records.study, f"{location}/study.yaml")
    driver = driver_of(location)
    counts = counts_of(records, driven=driver is not None)
    budget = BudgetTracker(study.file.budget, records)
    spent = budget.spent()
    limits = study.file.budget.model_dump(include=set(spent), exclude_none=True)
    return {
        "sweep": location,
        "study": study.name,
        "question": study.file.question,
        "trials": counts.total,
        "done": counts.done,
        "confirmed": counts.confirmed,
        "to_confirm": counts.to_confirm,
        "states": counts.states,
        "confirming": counts.confirming,
        "budget": {name: [spent[name], limit] for name, limit in limits.items()},
        "budget_spent": budget.spent_text() if limits else None,
        "finished": is_finished(study, records, budget),
        "driver": {key: driver[key] for key in ("host", "pid", "since")} if driver else None,
        "best": best_point(records),
        "running": _running(records),
        "left": _left(records, counts),
        "ended": why_over(study, records, budget),
        "told": {
            "stopped": counts.stopped_text,
            "trials": counts.search_text,
            "confirmed": counts.confirm_text,
        },
        "gone": len(records.missing),
        "gone_text": records.missing_text,
        "problems": records.problems,
    }


def best_point(records: SweepRecords) -> dict[str, Any] | None:
    """The best configuration, by its replicates where it has some; None when there is none.

    Returns:
        trial, column (the metric that decides, or the first objective), value (mean over
        replicates), replicates, basis (`search`, `confirm` or `compare`), unmet (the study's
        bounds, where it does not meet them all), trivial (what one color everywhere reaches in the
        column, where the value is no better).
    """
    if records.trials.empty:
        return None
    ranked = point_table(records)
    ranked = ranked[ranked["rank"].notna()]
    if ranked.empty:
        return None
    row = ranked.iloc[0]
    decides = deciding_metric(records.study) or next(iter(records.study["objectives"]))
    column = confirmed_column(decides) if row["basis"] == "confirm" else decides
    value, ticks = float(row["mean"]), records.ticks
    trivial = baseline(ticks, column) or baseline(ticks, decides)
    sign = 1 if goal_of(decides, records.study) == "minimize" else -1
    better = trivial is None or sign * value < sign * trivial
    return {
        "trial": row["trial_id"],
        "column": column,
        "value": value,
        "replicates": int(row["n"]),
        "basis": row["basis"],
        "unmet": [] if row["feasible"] else list(map(" ".join, bounds_of(records.study))),
        "trivial": None if better else trivial,
    }


def best_text(best: dict[str, Any]) -> str:
    """`t00003: val_ab_mae 4.39`, the seeds behind a mean, and what speaks against it."""
    text = f"{best['trial']}: {best['column']} {best['value']:.4g}"
    if best["basis"] != "search":
        text += f", mean of {count_text(best['replicates'], 'seed')}"
    if best["unmet"]:
        text += f"; does not meet {' and '.join(best['unmet'])}"
    if best["trivial"] is not None:
        text += f"; no better than one color everywhere ({best['trivial']:.4g})"
    return text


def _running(records: SweepRecords) -> list[dict[str, Any]]:
    """Trials that run, and how far they are."""
    running = records.trials[records.trials["state"] == "running"]
    ticks = records.last["tick"].to_dict()
    return [
        {
            "trial": trial_id,
            "tick": int(ticks.get(trial_id, 0)),
            "ticks": (json.loads(config).get("training") or {}).get("ticks"),
        }
        for trial_id, config in zip(running["trial_id"], running["config"], strict=True)
    ]


def _left(records: SweepRecords, counts: TrialCounts) -> str | None:
    """How long the rest takes, where it is known."""
    states = records.trials.set_index("trial_id")["state"]
    unfinished = records.last.index.map(states).isin(UNFINISHED)
    seconds = records.last.loc[~unfinished, "seconds"].dropna()
    to_go = counts.total + counts.to_confirm - counts.done - counts.confirmed
    return time_left(to_go, seconds.tolist(), int(states.eq("running").sum()))


def status_text(values: dict[str, Any]) -> str:
    """The status for people, and what to type next."""
    driver, finished = values["driver"], values["finished"]
    if driver:
        driven = f"running, driven by process {driver['pid']} on {driver['host']}"
        driven += f", {values['left']}" if values["left"] else ""
    else:
        driven = "finished" if finished else values["told"]["stopped"]
    if values["gone_text"]:
        driven = f"{values['gone_text']}; {driven.removesuffix(', resume')}"
    trials = values["told"]["trials"]
    if values["gone"]:
        trials = f"{trials.replace(' (none started)', '')}, the records of {values['gone']} missing"
    rows = [
        ("Sweep", values["sweep"]),
        ("Question", shorten(values["question"])),
        ("State", driven),
        ("Trials", trials),
    ]
    if values["told"]["confirmed"]:
        rows.append(("Confirmed", values["told"]["confirmed"]))
    if values["ended"]:
        rows.append(("Ended", values["ended"]))
    for name, (spent, limit) in values["budget"].items():
        rows.append(("Budget", f"{spent:,.4g} of {limit:,.4g} {name.replace('_', ' ')}"))
    if driver:
        for trial in values["running"]:
            of = f" of {trial['ticks']}" if trial["ticks"] else ""
            rows.append(("", f"{trial['trial']} at tick {trial['tick']}{of}"))
    if values["best"]:
        rows.append(("Best", best_text(values["best"])))
    rows += [("Problem", problem) for problem in values["problems"]]
    verb = "report" if finished or driver or values["gone_text"] else "resume"
    rows.append(("Next", f"colorsweep {verb} {shlex.quote(values['sweep'])}"))
    return align_columns(rows)


def events_text(location: str) -> str:
    """One line for each change of a trial's state, in order.

    Raises:
        InputError: the folder is no sweep.
    """
    read_study(Storage.at(location))
    states, problems = read_states(location)
    return "\n".join([*_event_lines(states), *(f"Problem: {problem}" for problem in problems)])


def follow_events(location: str, stream: TextIO) -> None:
    """Write the lines as they come, until the sweep has no driver any more."""
    last = -1
    while True:
        # Before the records: what is written until the driver ends is then in them.
        driver = driver_of(location)
        states, _ = read_states(location)
        for line in _event_lines(states[states["seq"] > last]):
            print(line, file=stream, flush=True)
        last = max([last, *states["seq"].tolist()])
        if driver is None:
            return
        time.sleep(POLL)


def _event_lines(states: pd.DataFrame) -> Iterator[str]:
    for _, row in states.iterrows():
        when = row["time"].tz_convert(None).strftime("%Y-%m-%d %H:%M:%S")
        attempt = f" attempt {row['attempt']}" if row["attempt"] else ""
        where = f" on {row['host']}" if isinstance(row["host"], str) else ""
        why = f": {row['reason']}" if isinstance(row["reason"], str) else ""
        yield f"{when}  {row['trial_id']}  {row['state']}{attempt}{where}{why}"
