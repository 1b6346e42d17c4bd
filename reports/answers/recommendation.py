"""Whether a sweep's choice can be recommended, how sure that is, and what would help: in words."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from colornet.cli_result import count_text
from colornet.config.columns import KNOWN_COSTS
from colornet.config.validation import parse_bound
from colornet.data.packs import few_pictures_warning
from reports.analysis.decision import (
    MOST_MORE,
    Cheaper,
    Decision,
    comparable,
    cost_of,
    decisive_columns,
    judged_name,
    leaders,
    replicates,
    trivial_value,
    values_by_seed,
)
from reports.analysis.statistics import mean_interval
from reports.format import (
    amount_text,
    duration_text,
    interval_text,
    significant,
    value_text,
    with_unit,
)
from reports.tables import Column, SweepTables
from search.core.finished import counts_of, is_exhausted, is_left
from search.core.ranking import bounds_of, meets
from search.records.reader import driver_of
from spaces.study import Confirm

CONFIRM_TOP, CONFIRM_REPLICATES = Confirm().top, Confirm().replicates
COLOR_ERROR = "ab_mae"
MORE_TRIALS = 16
_LIKE_AB_MAE = ("psnr", "ssim", "ciede2000")


def caveats(decision: Decision, sweep: SweepTables) -> list[str]:
    """What a reader must know before relying on the choice, in a few sentences."""
    first = decision.points.iloc[0]
    notes = []
    if not first["feasible"]:
        notes.append(f"No trial meets {bounds_text(sweep)}; this one comes first among the rest.")
    if decision.basis == "search":
        notes.append(_single(decision))
    else:
        notes.append(_replicated(decision, first))
        if first["lost"]:
            notes.append(f"{count_text(int(first['lost']), 'training')} of it was lost.")
        notes += [_bound_text(decision, sweep, *bound) for bound in bounds_of(sweep.records.study)]
        notes.append(_tie_text(decision))
    notes.append(_incomparable(decision, sweep))
    return [sentence for sentence in notes if sentence]


def _incomparable(decision: Decision, sweep: SweepTables) -> str:
    """A note on color errors: no other metric has the value of one color recorded beside it."""
    judged = decisive_columns(decision, sweep)
    labels = [column.label for column in judged if column.name.endswith(COLOR_ERROR)]
    if not labels or any(trivial_value(decision, sweep, column) for column in judged):
        return ""
    return f"Not compared with one color everywhere: its {labels[0]} is not recorded."


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
    interval = interval_text(first["mean"], np.nan if same else first["low"], first["high"])
    how = "" if same else " (mean, 95% interval)"
    n = count_text(int(first["n"]), "seed")
    score = f"{decision.judged.label} {with_unit(interval, decision.judged)}"
    basis = f"over {n}"
    if decision.basis == "confirm":
        basis = f"confirmed with {n.replace(' ', ' fresh ')}"
    return f"#1, {basis}: {score}{how}{_luck_text(decision)}."


def _luck_text(decision: Decision) -> str:
    """By how much the best of several means is too good, where that is known and matters."""
    if decision.overstated is None or significant(decision.overstated, 1) == 0:
        return ""
    count = int(comparable(decision.points).sum())
    by = amount_text(decision.overstated, decision.column)
    return f"; as the best of {count} it is likely to overstate itself by about {by}"


def _bound_text(decision: Decision, sweep: SweepTables, name: str, bound: str) -> str:
    """Whether the proposed point meets a bound; empty for the deciding metric and known costs."""
    if name in (decision.column.name, *KNOWN_COSTS):
        return ""
    values = replicates(sweep, decision.points, name)[decision.proposed].values()
    if not len(values):
        return ""
    mean, low, high, _ = mean_interval(values)
    column = sweep.column(judged_name(name, decision.basis))
    if not np.isfinite(mean):
        return f"{column.label} was not measured: whether it is within {bound} is not known."
    met = "within" if meets(mean, bound) else "beyond"
    text = f"{column.label} {interval_text(mean, low, high)}, {met} the bound {bound}"
    crossed = low <= parse_bound(bound)[1] <= high
    return f"{text}, but not surely: the interval crosses it." if crossed else f"{text}."


def _tie_text(decision: Decision) -> str:
    tied = leaders(decision.points)["rank"].iloc[1:]
    if tied.empty:
        return ""
    named = ", ".join(f"#{int(rank)}" for rank in tied)
    cheaper = "None of them is cheaper."
    if decision.cheaper is not None:
        cheaper = _cheaper_text(decision, decision.cheaper)
    return f"{named} cannot be told from #1. {cheaper}"


def _cheaper_text(decision: Decision, cheaper: Cheaper) -> str:
    """Why another than the first is taken, or what would tell whether it should be."""
    cost = cost_of(leaders(decision.points))
    first, other = decision.points.iloc[0], decision.points.iloc[cheaper.at]
    costs = [float(other[cost]), float(first[cost])]
    texts = [f"{value_text(significant(gmac, 3))} GMAC" for gmac in costs]
    if cost == "seconds":
        texts = [duration_text(seconds) for seconds in costs]
    rank = f"#{int(other['rank'])}"
    paid = f"{' instead of '.join(texts)} a {'training' if cost == 'seconds' else 'picture'}"
    within = "what matters of the best in each objective"
    if len(cheaper.differences) == 1:
        (least,) = cheaper.differences.values()
        within = f"{amount_text(least, decision.judged)} of the best"
    if cheaper.shown:
        return f"Taken: {rank}, the cheapest of them that is surely within {within} ({paid})."
    text = f"{rank} is cheaper ({paid}) and may be as good, but is not surely within {within}"
    if cheaper.more is None:
        return f"{text}; more than {MOST_MORE} more replicates would be needed to tell."
    return f"{text}: about {count_text(cheaper.more, 'more replicate')} would tell."


def confirm_command(decision: Decision, sweep: SweepTables) -> str | None:
    """The command that makes the choice surer; None where that has been done."""
    if decision.basis != "search":
        return None
    top = min(CONFIRM_TOP, len(decision.points))
    name = sweep.argument
    return f"colorsweep confirm {name} --top {top} --replicates {CONFIRM_REPLICATES}"


@dataclass(frozen=True)
class Objection:
    """Why a sweep's choice is not to be trained.

    Attributes:
        reason: a sentence that follows "Nothing to recommend yet: ".
        advice: a sentence on what would help.
        command: to type for that, None where no command does it.
    """

    reason: str
    advice: str
    command: str | None

    @property
    def text(self) -> str:
        """All of it, for people."""
        return f"Nothing to recommend yet: {self.reason} {self.advice}"


def objection(decision: Decision, sweep: SweepTables) -> Objection | None:
    """What speaks against training the proposed point: missed bounds, or errors that grey has too.

    A point is better than the best trivial prediction when the 95% interval of its mean is, or,
    where it was trained once, its value less what it is likely to overstate itself by. That is
    required of the deciding metric, or of any one objective where several order. A metric without
    a trivial value that rises and falls with ab MAE is replaced by ab MAE on the same pictures.
    """
    taken = decision.points.iloc[decision.proposed]
    unmet = ""
    if not taken["feasible"]:
        unmet = f"no configuration meets {bounds_text(sweep)}"
        if decision.basis != "search" and decision.points["feasible"].any():
            unmet = f"the best does not meet {bounds_text(sweep)} in its replicates"
    reasons = [reason for reason in (unmet, _worthless(decision, sweep, taken)) if reason]
    if not reasons:
        return None
    advice, command = _advice(decision, sweep, met=not unmet)
    return Objection("; ".join(reasons) + ".", advice, command)


def bounds_text(sweep: SweepTables) -> str:
    """What the choice is to meet: `val_ssim >= 0.8 and cost_gmac < 2`; empty without bounds."""
    return " and ".join(f"{column} {bound}" for column, bound in bounds_of(sweep.records.study))


def _advice(decision: Decision, sweep: SweepTables, *, met: bool) -> tuple[str, str | None]:
    """What would help, and the command for it."""
    name = sweep.argument
    if driver_of(sweep.records.location) is not None:
        return "The sweep still runs.", f"colorsweep status {name}"
    if left := stopped_text(sweep):
        return f"The sweep is not finished ({left}).", f"colorsweep resume {name}"
    data = next(iter(sweep.records.provenance.get("data") or []), None) or {}
    count = (data.get("splits") or {}).get("train")
    source = str((sweep.records.study["base_config"].get("data") or {}).get("source"))
    if isinstance(count, int) and (few := few_pictures_warning(count, source)):
        return few, None
    others = decision.points[decision.points["feasible"]]
    if not met and not others.empty:
        rank, seeds = int(others["rank"].iloc[0]), max(2, int(decision.points["n"].iloc[0]))
        return (
            f"#{rank} ({others['trial_id'].iloc[0]}) does, in one training: confirm that.",
            f"colorsweep confirm {name} --top {rank} --replicates {seeds}",
        )
    if is_exhausted(sweep.records):
        return "The space has no more points: longer trainings or other ranges may help.", None
    hint = "Longer trainings, more trials or other ranges may help; the learning curves show which."
    if not met:
        hint = "More trials may find one; else the bounds, or the ranges searched, are wrong."
    more = f"colorsweep extend {name} --trials {MORE_TRIALS}"
    return hint, None if sweep.is_comparison else more


def _worthless(decision: Decision, sweep: SweepTables, taken: pd.Series) -> str | None:
    """A sentence where the best trivial prediction may be as good.

    Metrics without a trivial value that rise and fall with ab MAE are judged by ab MAE on the same
    pictures.
    """
    judged = [
        (column, trivial_value(decision, sweep, column))
        for column in decisive_columns(decision, sweep)
    ]
    if not any(base for _, base in judged):
        names = [column.name.partition("_") for column, _ in judged]
        errors = [
            sweep.column(f"{split}_ab_mae") for split, _, metric in names if metric in _LIKE_AB_MAE
        ]
        judged = [(column, sweep.baseline(column.name)) for column in errors]
    missed = [_no_better(decision, sweep, taken, column, base) for column, base in judged if base]
    return missed[0] if missed and None not in missed else None


def _no_better(
    decision: Decision, sweep: SweepTables, taken: pd.Series, column: Column, baseline: float
) -> str | None:
    """A sentence where a point is not surely better than the best trivial prediction."""
    if column.goal is None:
        return None
    low, mean, high = _interval(decision, sweep, taken, column)
    worst = low if column.goal == "maximize" else high
    if (worst - baseline) * column.sign < 0:
        return None
    reached = interval_text(mean, low, high) if low < high else value_text(mean)
    trivial = value_text(baseline)
    return f"the best has {column.label} {reached}, and one color everywhere {trivial}"


def _interval(
    decision: Decision, sweep: SweepTables, taken: pd.Series, column: Column
) -> tuple[float, float, float]:
    """(low, mean, high) of a point in a column."""
    if decision.basis != "search":
        rows = decision.points[decision.points["point_id"] == taken["point_id"]]
        (values,) = values_by_seed(sweep, rows, sweep.last_values(column.name)).values()
        mean, low, high, _ = mean_interval(values.values())
        return (low, mean, high) if np.isfinite(low) else (mean, mean, mean)
    rows = sweep.trials["trial_id"] == taken["trial_id"]
    if column.name != decision.column.name:
        value = float(sweep.last_values(column.name)[rows].iloc[0])
        return value, value, value
    value, luck = float(taken["mean"]), decision.overstated or 0.0
    return value - luck, value, value + luck


def stopped_text(sweep: SweepTables) -> str:
    """`stopped, 3 of 14, resume` for an unfinished sweep without a driver, else "".

    Empty, too, where records are missing: what is left is not known.
    """
    records = sweep.records
    driven = driver_of(records.location) is not None
    if driven or records.missing_text or not is_left(records):
        return ""
    return counts_of(records, driven=False).stopped_text
