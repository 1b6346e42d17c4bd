"""How sure a decision is, in words: what `colorsweep best` and the report say of it."""

import shlex

import numpy as np
import pandas as pd

from colornet.cli_result import count_text
from colornet.config.columns import KNOWN_COSTS
from colornet.config.validation import parse_bound
from reports.analysis.decision import Decision, cost_of, deciding, replicates, trivial_value
from reports.analysis.statistics import mean_interval
from reports.format import (
    amount_text,
    duration_text,
    interval_text,
    significant,
    value_text,
    with_unit,
)
from reports.tables import SweepTables
from search.core.ranking import bounds_of, confirmed_column, meets

CONFIRM_TOP = 5
CONFIRM_REPLICATES = 3
COLOR_ERROR = "ab_mae"


def sureness(decision: Decision, sweep: SweepTables) -> list[str]:
    """What a reader must know before relying on the choice, in a few sentences."""
    first = decision.points.iloc[0]
    said = [] if first["feasible"] else [_unmet(sweep)]
    if decision.basis == "search":
        said.append(_single(decision))
    else:
        said.append(_replicated(decision, first))
        if first["lost"]:
            said.append(f"{count_text(int(first['lost']), 'training')} of it was lost.")
        said += [_bound_text(decision, sweep, *bound) for bound in bounds_of(sweep.records.study)]
        said.append(_tie_text(decision))
    said.append(_incomparable(decision, sweep))
    return [sentence for sentence in said if sentence]


def _incomparable(decision: Decision, sweep: SweepTables) -> str:
    """Said of color errors alone: no other metric has a value of one color beside it."""
    judged = deciding(decision, sweep)
    if any(trivial_value(decision, sweep, column) for column in judged):
        return ""
    labels = [column.label for column in judged if column.name.endswith(COLOR_ERROR)]
    if not labels:
        return ""
    return f"Not compared with one color everywhere: its {labels[0]} is not recorded."


def _unmet(sweep: SweepTables) -> str:
    missed = " and ".join(f"{column} {bound}" for column, bound in bounds_of(sweep.records.study))
    return f"No trial meets {missed}; this one comes first among the rest."


def _single(decision: Decision) -> str:
    count = len(decision.points)
    if count == 1:
        return "Not confirmed: a single configuration, trained once with one seed."
    text = f"Not confirmed: one lucky draw among {count_text(count, 'configuration')}"
    if decision.overstated is None:
        return f"{text}, each trained once; by how much it overstates itself is not known."
    if significant(decision.overstated, 1) == 0:
        return f"{text}, each trained once, though noise is too small to matter here."
    by = amount_text(decision.overstated, decision.column)
    return f"{text}, each trained once: likely to overstate itself by about {by}."


def _replicated(decision: Decision, first: pd.Series) -> str:
    same = first["low"] == first["high"]  # what a picture costs, say
    shown = interval_text(first["mean"], np.nan if same else first["low"], first["high"])
    how = "" if same else " (mean, 95 % interval)"
    n = count_text(int(first["n"]), "seed")
    score = f"{decision.judged.label} {with_unit(shown, decision.judged)}"
    if decision.basis == "confirm":
        fresh = n.replace(" ", " fresh ")
        return f"#1, confirmed with {fresh}: {score}{how}."
    return f"#1, over {n}: {score}{how}."


def _bound_text(decision: Decision, sweep: SweepTables, name: str, bound: str) -> str:
    """What is known of a bound on the one to take; nothing of what decides or is known anyway."""
    if name in (decision.column.name, *KNOWN_COSTS):
        return ""
    values = replicates(sweep, decision.points, name)[decision.proposed].values()
    if not len(values):
        return ""
    mean, low, high, _ = mean_interval(values)
    column = sweep.column(confirmed_column(name) if decision.basis == "confirm" else name)
    if not np.isfinite(mean):
        return f"{column.label} was not measured: whether it is within {bound} is not known."
    met = "within" if meets(mean, bound) else "beyond"
    text = f"{column.label} {interval_text(mean, low, high)}, {met} the bound {bound}"
    crossed = low <= parse_bound(bound)[1] <= high
    return f"{text}, but not surely: the interval crosses it." if crossed else f"{text}."


def _tie_text(decision: Decision) -> str:
    tied = decision.ties
    if tied.empty:
        return ""
    named = ", ".join(f"#{int(rank)}" for rank in tied["rank"])
    text = f"{named} cannot be told from #1."
    if decision.proposed:
        return f"{text} {proposal(decision)}"
    return f"{text} None of them is cheaper."


def proposal(decision: Decision) -> str:
    """Why another than the first is taken."""
    cost = cost_of(decision.points[decision.points["tie"] | (decision.points.index == 0)])
    first, taken = decision.points.iloc[0], decision.points.iloc[decision.proposed]
    return (
        f"Taken: #{int(taken['rank'])}, the cheapest of them "
        f"({_cost_text(taken, cost)} instead of {_cost_text(first, cost)} a "
        f"{'training' if cost == 'seconds' else 'picture'})."
    )


def _cost_text(point: pd.Series, cost: str) -> str:
    value = float(point[cost])
    return (
        duration_text(value) if cost == "seconds" else f"{value_text(significant(value, 3))} GMAC"
    )


def remedy(decision: Decision, sweep: SweepTables) -> str | None:
    """The command that makes the choice surer; None where that has been done."""
    if decision.basis != "search":
        return None
    top = min(CONFIRM_TOP, len(decision.points))
    name = shlex.quote(sweep.argument)
    return f"colorsweep confirm {name} --top {top} --replicates {CONFIRM_REPLICATES}"
