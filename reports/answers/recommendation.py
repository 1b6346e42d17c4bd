"""Whether a sweep's choice can be recommended at all, and what would help where it cannot."""

import shlex
from dataclasses import dataclass
from math import isfinite

import pandas as pd

from colornet.data.packs import few_pictures_warning
from reports.analysis.decision import Decision, by_seed, deciding, trivial_value
from reports.analysis.statistics import mean_interval
from reports.format import interval_text, value_text
from reports.tables import Column, SweepTables
from search.core.finished import counts_of, is_exhausted, is_left
from search.core.ranking import bounds_of
from search.records.reader import driver_of

MORE_TRIALS = 16
_LIKE_AB_MAE = ("psnr", "ssim", "ciede2000")


@dataclass(frozen=True)
class Objection:
    """Why a sweep's choice is not to be trained.

    Attributes:
        reason: a sentence that follows "Nothing to recommend yet: ".
        remedy: a sentence on what would help.
        command: to type for that, None where no command does it.
    """

    reason: str
    remedy: str
    command: str | None

    @property
    def text(self) -> str:
        """All of it, for people."""
        return f"Nothing to recommend yet: {self.reason} {self.remedy}"


def objection(decision: Decision, sweep: SweepTables) -> Objection | None:
    """What speaks against training the proposed point: missed bounds, or errors that grey has too.

    A point is better than the best trivial prediction when the 95 % interval of its mean is, or,
    where it was trained once, its value less what it is likely to overstate itself by. That is
    asked of what decides; where several objectives order, of any one of them. Of those that have no
    trivial prediction but rise and fall with ab MAE, that of the same pictures is asked.
    """
    taken = decision.points.iloc[decision.proposed]
    unmet = "" if taken["feasible"] else _unmet(decision, sweep)
    reasons = [reason for reason in (unmet, _worthless(decision, sweep, taken)) if reason]
    if not reasons:
        return None
    remedy, command = _remedy(decision, sweep, met=not unmet)
    return Objection("; ".join(reasons) + ".", remedy, command)


def _unmet(decision: Decision, sweep: SweepTables) -> str:
    bounds = " and ".join(f"{column} {bound}" for column, bound in bounds_of(sweep.records.study))
    if decision.basis == "search" or not decision.points["feasible"].any():
        return f"no configuration meets {bounds}"
    return f"the best does not meet {bounds} in its replicates"


def _remedy(decision: Decision, sweep: SweepTables, *, met: bool) -> tuple[str, str | None]:
    """What would help, and the command for it."""
    name = shlex.quote(sweep.argument)
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
        told = "The space has no more points: longer trainings or other ranges may help."
        return told, None
    if not met:
        told = "More trials may find one; else the bounds, or the ranges searched, are wrong."
        return told, _more(sweep)
    told = "Longer trainings, more trials or other ranges may help; the learning curves show which."
    return told, _more(sweep)


def _worthless(decision: Decision, sweep: SweepTables, taken: pd.Series) -> str | None:
    """A sentence where the best trivial prediction may be as good."""
    judged = [
        (column, base)
        for column in deciding(decision, sweep)
        if (base := trivial_value(decision, sweep, column))
    ] or [
        (column, base)
        for column in _standing_in(decision, sweep)
        if (base := sweep.baseline(column.name))
    ]
    missed = [_no_better(decision, sweep, taken, *pair) for pair in judged]
    return missed[0] if missed and None not in missed else None


def _standing_in(decision: Decision, sweep: SweepTables) -> list[Column]:
    """ab MAE of the pictures on which a deciding metric was measured that goes with it."""
    names = [column.name.partition("_") for column in deciding(decision, sweep)]
    return [sweep.column(f"{split}_ab_mae") for split, _, metric in names if metric in _LIKE_AB_MAE]


def _no_better(
    decision: Decision, sweep: SweepTables, taken: pd.Series, column: Column, baseline: float
) -> str | None:
    """A sentence where a point is not surely better than the best trivial prediction."""
    if column.goal is None:
        return None
    low, mean, high = _interval(decision, sweep, taken, column)
    worst = low if column.goal == "maximize" else high
    if (worst > baseline) if column.goal == "maximize" else (worst < baseline):
        return None
    found = interval_text(mean, low, high) if low < high else value_text(mean)
    trivial = value_text(baseline)
    return f"the best has {column.label} {found}, and one color everywhere {trivial}"


def _interval(
    decision: Decision, sweep: SweepTables, taken: pd.Series, column: Column
) -> tuple[float, float, float]:
    """(low, mean, high) of a point in a column."""
    if decision.basis != "search":
        own = decision.points[decision.points["point_id"] == taken["point_id"]]
        (values,) = by_seed(sweep, own, sweep.last_values(column.name)).values()
        mean, low, high, _ = mean_interval(values.values())
        return (low, mean, high) if isfinite(low) else (mean, mean, mean)
    own = sweep.trials["trial_id"] == taken["trial_id"]
    decides = column.name == decision.column.name
    value = float(taken["mean"] if decides else sweep.last_values(column.name)[own].iloc[0])
    luck = decision.overstated or 0.0 if column.name == decision.column.name else 0.0
    return value - luck, value, value + luck


def _more(sweep: SweepTables) -> str | None:
    if sweep.records.study.get("design") == "compare":
        return None
    return f"colorsweep extend {shlex.quote(sweep.argument)} --trials {MORE_TRIALS}"


def stopped_text(sweep: SweepTables) -> str:
    """`stopped, 3 of 14, resume` of a sweep that nobody runs and that is not finished, else "".

    What is left is not known where records are gone.
    """
    records = sweep.records
    if driver_of(records.location) is not None or records.missing_text:
        return ""
    if not is_left(records):
        return ""
    return counts_of(records, driven=False).stopped_text
