"""A plan as people read it."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from colornet.cli_result import align_columns, count_text
from colornet.errors import shorten

Row = tuple[str, ...]


def plan_text(values: Mapping[str, Any], command: str) -> str:
    """Aligned lines.

    Args:
        values: as `search.plan.plan.plan` gives them.
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
    told = f"Time after {source}." if values["hours"] else f"Time is not known: {source}."
    parts = [align_columns(rows), f"{align_columns(table)}\n{told}"]
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
        later = " or later" if rule == "median" else ""
        told = [
            f"{one['expected'] - more['expected']:,.0f} stopped at {_percent(one['share'])}{later}"
            for one, more in pairwise(rungs)
        ]
        told.append(f"{rungs[-1]['expected']:,.0f} trained to the end")
        rows = [("Trials", f"{trials['search']:,}, of which about {', '.join(told)}")]
    if trials["confirm"]:
        points, replicates = trials["confirm_points"], trials["confirm_replicates"]
        seeds = count_text(replicates, "seed")
        rows.append(("Confirm", f"{trials['confirm']:,}: the best {points} with {seeds} each"))
    return rows


def _percent(share: float) -> str:
    return f"{100 * share:.3g} % of the pictures"


def _pictures(data: Sequence[Mapping[str, Any]]) -> list[Row]:
    rows = []
    for number, pack in enumerate(data):
        splits = ", ".join(f"{count:,} {split}" for split, count in pack["splits"].items())
        rows.append(
            (
                "" if number else "Pictures",
                f"{pack['pictures']:,} at {pack['image_size']} px ({splits}), packed in "
                f"{_bytes(pack['bytes'])}",
            )
        )
    return rows


def _machine(values: Mapping[str, Any]) -> str:
    machine, share = values["machine"], values["share"]
    cards = count_text(machine["gpus"], "GPU") if machine["gpus"] else "no GPU"
    card = f" and {count_text(share['gpus'], 'GPU')}" if share["gpus"] else ""
    return (
        f"{count_text(machine['cpus'], 'CPU')}, {cards}: "
        f"{count_text(share['cpus'], 'CPU')}{card} a trial, "
        f"{share['concurrent']} at a time, {count_text(values['rounds'], 'round')}"
    )


def _disk(disk: Mapping[str, Any]) -> str:
    parts = [f"records {_bytes(disk['records'])}"]
    for name in ("checkpoints", "generators"):
        known = disk[name] is not None
        parts.append(f"{name} {_bytes(disk[name])}" if known else f"{name} not known")
    text = f"{_bytes(disk['needed'])} ({', '.join(parts)}); {_free(disk['free'])}"
    if disk["short"]:
        text += f": {_bytes(disk['short'])} TOO LITTLE in {disk['place']}"
    return text


def _budgets(budgets: Sequence[Mapping[str, Any]]) -> list[Row]:
    rows: list[Row] = []
    for one in budgets[1:]:
        name = one["budget"].replace("_", " ")
        if one["expected"] is None:
            told = f"{one['limit']:,g} {name}; how much it takes is not known"
        elif one["share"] <= 1:
            told = f"{one['limit']:,g} {name}; about {one['expected']:,.3g} expected"
        else:
            done = int(budgets[0]["limit"] / one["share"])
            trials = count_text(budgets[0]["limit"], "trial")
            told = (
                f"{one['limit']:,g} {name} are TOO LITTLE: about {one['expected']:,.3g} expected, "
                f"{one['expected'] - one['limit']:,.3g} more; it would stop at about {done} of "
                f"{trials}"
            )
        rows.append(("Budget", told))
    return rows


def _quantities(values: Mapping[str, Any]) -> list[Row]:
    rows = [_row("pictures seen", values["pictures"], lambda amount: f"{amount:,.0f}")]
    hours = values["hours"]
    if hours is None:
        return [*rows, ("wall time", "?", "?", "?"), ("GPU hours", "?", "?", "?")]
    rows.append(_row("wall time", hours["wall"], _duration))
    rows.append(_row("GPU hours", hours["gpu"], lambda amount: f"{amount:.3g}"))
    if hours["cost"] is not None:
        rows.append(_row("cost", hours["cost"], lambda amount: f"{amount:,.2f}"))
    return rows


def _row(name: str, values: Mapping[str, float], show: Callable[[float], str]) -> Row:
    return (name, *(show(values[bound]) for bound in ("low", "expected", "high")))


def _duration(hours: float) -> str:
    if hours >= 48:
        return f"{hours / 24:.1f} days"
    if hours >= 1:
        return f"{hours:.1f} h"
    return f"{60 * hours:.1f} min"


def _free(count: int | None) -> str:
    return "what is free is not known" if count is None else f"{_bytes(count)} free"


def _bytes(amount: float) -> str:
    for unit in ("B", "KB", "MB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:,.1f} GB"
