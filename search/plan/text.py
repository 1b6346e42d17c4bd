"""A plan as people read it."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from colornet.cli_result import align_columns, count_text, duration_text
from colornet.errors import shorten
from spaces.study import EVERY_TICK

Row = tuple[str, ...]


def plan_text(values: Mapping[str, Any], command: str) -> str:
    """Aligned lines.

    Args:
        values: as `search.plan.plan.make_plan` gives them.
        command: that would run the study.
    """
    rows = [
        ("Study", f"{values['study']}: {shorten(values['question'])}"),
        ("Design", _design(values)),
        *_trials(values["trials"], values["stopping"]),
        *_pictures(values["data"]),
        ("Machine", _machine(values)),
        ("Disk", _disk(values["disk"])),
        *_budgets(values["budgets"]),
        ("Limits", f"ends by its {values['ends_by']}; at a time by {values['at_a_time_by']}"),
        *(("Warning", warning) for warning in values["warnings"]),
    ]
    table = [("", "low", "expected", "high"), *_quantities(values)]
    source = values["hours_from"] or values["hours_unknown"]
    note = f"Time after {source}." if values["hours"] else f"Time is unknown: {source}."
    parts = [align_columns(rows), f"{align_columns(table)}\n{note}"]
    return "\n\n".join([*parts, align_columns([("Next", command)])])


def _design(values: Mapping[str, Any]) -> str:
    trials = values["trials"]
    if values["design"] == "compare":
        return (
            f"compare: {count_text(trials['levels'], 'level')} x "
            f"{count_text(trials['replicates'], 'seed')}, all in full"
        )
    stops = values["stopping"] != "none"
    rule = f"{values['stopping']} stops those that lag" if stops else "none is stopped early"
    return f"search by {values['sampler']}, {rule}"


def _trials(trials: Mapping[str, Any], rule: str) -> list[Row]:
    rows: list[Row] = [("Trials", f"{trials['search']:,}")]
    if rungs := trials["rungs"]:
        later = " or later" if rule in EVERY_TICK else ""
        ends = [
            f"{rung['expected'] - following['expected']:,.0f} stopped at "
            f"{100 * rung['share']:.3g}% of the pictures{later}"
            for rung, following in pairwise(rungs)
        ]
        ends.append(f"{rungs[-1]['expected']:,.0f} trained to the end")
        rows = [("Trials", f"{trials['search']:,}, of which about {', '.join(ends)}")]
    if trials["confirm"]:
        points, seeds = trials["confirm_points"], count_text(trials["confirm_replicates"], "seed")
        rows.append(("Confirm", f"{trials['confirm']:,}: the best {points} with {seeds} each"))
    return rows


def _pictures(data: Sequence[Mapping[str, Any]]) -> list[Row]:
    rows = []
    for number, pack in enumerate(data):
        splits = ", ".join(f"{count:,} {split}" for split, count in pack["splits"].items())
        size = f"{pack['pictures']:,} at {pack['image_size']} px"
        text = f"{size} ({splits}), packed in {_bytes(pack['bytes'])}"
        rows.append(("" if number else "Pictures", text))
    return rows


def _machine(values: Mapping[str, Any]) -> str:
    machine, trial = values["machine"], values["share"]
    gpus = count_text(machine["gpus"], "GPU") if machine["gpus"] else "no GPU"
    and_gpus = f" and {count_text(trial['gpus'], 'GPU')}" if trial["gpus"] else ""
    return (
        f"{count_text(machine['cpus'], 'CPU')}, {gpus}: "
        f"{count_text(trial['cpus'], 'CPU')}{and_gpus} a trial, "
        f"{trial['concurrent']} at a time, {count_text(values['rounds'], 'round')}"
    )


def _disk(disk: Mapping[str, Any]) -> str:
    parts = [
        f"{name} unknown" if disk[name] is None else f"{name} {_bytes(disk[name])}"
        for name in ("records", "checkpoints", "generators")
    ]
    free = "free space unknown" if disk["free"] is None else f"{_bytes(disk['free'])} free"
    text = f"{_bytes(disk['needed'])} ({', '.join(parts)}); {free}"
    if disk["short"]:
        text += f": {_bytes(disk['short'])} TOO LITTLE in {disk['place']}"
    return text


def _budgets(budgets: Sequence[Mapping[str, Any]]) -> list[Row]:
    rows: list[Row] = []
    trials = budgets[0]["limit"]
    for budget in budgets[1:]:
        limit = f"{budget['limit']:,g} {budget['budget'].replace('_', ' ')}"
        if budget["expected"] is None:
            text = f"{limit}; how much it takes is unknown"
        elif budget["share"] <= 1:
            text = f"{limit}; about {budget['expected']:,.3g} expected"
        else:
            text = (
                f"{limit} are TOO LITTLE: about {budget['expected']:,.3g} expected, "
                f"{budget['expected'] - budget['limit']:,.3g} more; it would stop at about "
                f"{int(trials / budget['share'])} of {count_text(trials, 'trial')}"
            )
        rows.append(("Budget", text))
    return rows


def _quantities(values: Mapping[str, Any]) -> list[Row]:
    hours = values["hours"] or {}
    quantities: list[tuple[str, Mapping[str, float] | None, Callable[[float], str]]] = [
        ("pictures seen", values["pictures"], "{:,.0f}".format),
        ("wall time", hours.get("wall"), lambda wall: duration_text(3600 * wall)),
        ("GPU hours", hours.get("gpu"), "{:.3g}".format),
        ("cost", hours.get("cost"), "{:,.2f}".format),
    ]
    return [
        (name, *(show(amounts[bound]) if amounts else "?" for bound in ("low", "expected", "high")))
        for name, amounts, show in quantities
        if amounts or name != "cost"  # which is unknown where the study gives no price
    ]


def _bytes(amount: float) -> str:
    for unit in ("B", "KB", "MB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:,.1f} GB"
