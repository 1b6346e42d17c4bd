"""Whether a sweep's choice can be recommended at all, and what would help where it cannot."""

import shlex
from dataclasses import dataclass
from math import isfinite

import pandas as pd

from colornet.data.enough import few_pictures
from reports.decision import Decision, interval_text, replicates
from reports.statistics import mean_interval
from reports.tables import Column, SweepTables, value_text
from search.ranking import bounds_of, confirmed_column, deciding_metric

MORE_TRIALS = 16


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
    asked of what decides; where several objectives order, of any one of them.
    """
    taken = decision.points.iloc[decision.proposed]
    if not taken["feasible"]:
        return _unmet(decision, sweep)
    judged = [
        (column, base)
        for column in _deciding(decision, sweep)
        if (base := sweep.baseline(column.name))
    ]
    missed = [_no_better(decision, sweep, taken, *pair) for pair in judged]
    if not missed or None in missed:
        return None
    return _worthless(sweep, str(missed[0]))


def _unmet(decision: Decision, sweep: SweepTables) -> Objection:
    bounds = " and ".join(f"{column} {bound}" for column, bound in bounds_of(sweep.records.study))
    others = decision.points[decision.points["feasible"]]
    name = shlex.quote(sweep.argument)
    if others.empty:
        return Objection(
            f"no configuration meets {bounds}.",
            "More trials may find one; else the bounds, or the ranges searched, are wrong.",
            _more(sweep),
        )
    rank, seeds = int(others["rank"].iloc[0]), max(2, int(decision.points["n"].iloc[0]))
    return Objection(
        f"the best does not meet {bounds} in its replicates.",
        f"#{rank} ({others['trial_id'].iloc[0]}) does, in one training: confirm that.",
        f"colorsweep confirm {name} --top {rank} --replicates {seeds}",
    )


def _deciding(decision: Decision, sweep: SweepTables) -> list[Column]:
    """The columns that a choice has to be good in, as they were judged."""
    if deciding_metric(sweep.records.study) is not None or len(sweep.objectives) == 1:
        return [decision.judged]
    if decision.column.name not in {column.name for column in sweep.objectives}:
        return [decision.judged]
    if decision.basis != "confirm":
        return list(sweep.objectives)
    return [sweep.column(confirmed_column(column.name)) for column in sweep.objectives]


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
    return f"the best has {column.label} {found}, and one color everywhere {trivial}."


def _interval(
    decision: Decision, sweep: SweepTables, taken: pd.Series, column: Column
) -> tuple[float, float, float]:
    """(low, mean, high) of a point in a column."""
    if decision.basis != "search":
        own = decision.points[decision.points["point_id"] == taken["point_id"]]
        searched = next(
            (o.name for o in sweep.objectives if column.name in (o.name, confirmed_column(o.name))),
            decision.column.name,
        )
        (values,) = replicates(sweep, own, searched).values()
        mean, low, high, _ = mean_interval(values.values())
        return (low, mean, high) if isfinite(low) else (mean, mean, mean)
    value = float(taken["mean"] if column.name == decision.column.name else taken[column.name])
    luck = decision.overstated or 0.0 if column.name == decision.column.name else 0.0
    return value - luck, value, value + luck


def _worthless(sweep: SweepTables, reason: str) -> Objection:
    data = next(iter(sweep.records.provenance.get("data") or []), None) or {}
    count = (data.get("splits") or {}).get("train")
    source = str(sweep.records.study["base_config"]["data"].get("source"))
    too_few = few_pictures(count, source) if isinstance(count, int) else None
    if too_few:
        return Objection(reason, too_few, None)
    return Objection(
        reason,
        "Longer trainings, more trials or other ranges may help; the learning curves show which.",
        _more(sweep),
    )


def _more(sweep: SweepTables) -> str | None:
    if sweep.records.study.get("design") == "compare":
        return None
    return f"colorsweep extend {shlex.quote(sweep.argument)} --trials {MORE_TRIALS}"
