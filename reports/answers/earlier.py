"""What a sweep's sampler was told of earlier sweeps, and what that was worth."""

import math
from typing import Any, NamedTuple

from colornet.cli_result import count_text
from colornet.config.validation import validate
from reports.format import json_number, value_text, with_unit
from reports.tables import Column, SweepTables
from search.core.offset import LEAST_EVIDENCE, LevelProcess, Offset
from search.core.ranking import deciding_metric
from spaces.earlier import EarlierSweep
from spaces.study import STARTUP_TRIALS, sampler_of_study

SURE = 1.96
"""Standard errors beyond which a start is called better or worse."""


class Learned(NamedTuple):
    """One earlier sweep.

    Attributes:
        trials: how many of it the sampler was told of.
        offset: by how much the sweep's own values lie above those there.
        evidence: as `LevelProcess.evidence` of the sweep's own trials.
        best: the best value there, moved by the offset.
        first: trials that stand for how the sweep began: as many as would have been drawn blindly.
        reached: the best of those; NaN while none has finished, as are offset and best.
    """

    sweep: str
    trials: int
    column: Column
    offset: Offset = Offset(math.nan, math.nan)
    evidence: float = 0.0
    best: float = math.nan
    first: int = 0
    reached: float = math.nan

    @property
    def counts(self) -> bool:
        """Whether the sampler still goes by it: the sweep's own trials do not speak against it."""
        return self.evidence >= LEAST_EVIDENCE

    @property
    def verdict(self) -> str | None:
        """How the sweep began beside where the earlier one ended: better, worse or level.

        The best of an earlier sweep is flattered by being the best of many, which speaks against
        `better`.
        """
        gain = self.column.sign * (self.best - self.reached)
        if math.isnan(gain):
            return None
        if abs(gain) <= SURE * self.offset.error:
            return "level"
        return "better" if gain > 0 else "worse"


def learned(sweep: SweepTables) -> list[Learned]:
    """Every earlier sweep of which the sampler was told, in order."""
    study = sweep.records.study
    by = deciding_metric(study) or next(iter(study["objectives"]), "")
    rows = sweep.outcomes(by, "scored").sort_values("number")
    column, made = sweep.column(by), []
    for data in study.get("learned_from") or ():
        earlier = validate(EarlierSweep, data, f"{sweep.records.name}: learned_from")
        known = [(trial.point, trial.values[0]) for trial in earlier.trials if trial.values]
        told = Learned(earlier.sweep, len(earlier.trials), column)
        if len(rows) and known:
            points, values = zip(*known, strict=True)
            process = LevelProcess(sweep.dimensions, points, values, seed=0)
            later = rows["point"].tolist(), rows["value"].tolist()
            offset = process.offset(*later)
            first = rows["value"].head(STARTUP_TRIALS.get(sampler_of_study(study), 0))
            take = min if column.sign > 0 else max
            told = told._replace(
                offset=offset,
                evidence=process.evidence(*later),
                best=take(values) + offset.amount,
                first=len(first),
                reached=take(first, default=math.nan),
            )
        made.append(told)
    return made


def learned_texts(sweep: SweepTables) -> list[str]:
    """The same in sentences, some for each earlier sweep."""
    return [_text(told) for told in learned(sweep)]


def _text(told: Learned) -> str:
    text = f"The sampler was told of {count_text(told.trials, 'trial')} of {told.sweep}."
    if told.verdict is None:
        return text
    shift, error = told.offset
    if not told.counts:
        return (
            f"{text} It goes by them no longer: what the trials here came to speaks against the "
            "earlier ones."
        )
    way = "higher" if shift > 0 else "lower"
    apart = with_unit(value_text(abs(shift)), told.column)
    begun = f"The best of the first {told.first}" if told.first > 1 else "The first"
    ends = {
        "better": "better than the earlier sweep ended",
        "worse": "worse than the earlier sweep ended",
        "level": "about where the earlier sweep ended",
    }[told.verdict]
    return (
        f"{text} With the same settings {told.column.label} is {apart} {way} here than there "
        f"(standard error {value_text(error)}). {begun} reached {value_text(told.reached)}, {ends} "
        f"({value_text(told.best)}, moved by as much)."
    )


def learned_data(sweep: SweepTables) -> list[dict[str, Any]]:
    """The same as JSON-able data."""
    return [
        {
            "sweep": told.sweep,
            "trials": told.trials,
            "column": told.column.name,
            "counts": told.counts,
            "offset": json_number(told.offset.amount),
            "standard_error": json_number(told.offset.error),
            "best_there": json_number(told.best),
            "first_trials": told.first,
            "best_of_first": json_number(told.reached),
            "begun": told.verdict,
        }
        for told in learned(sweep)
    ]
