"""What a search works towards: what decides, under the bounds that the answer has to meet.

Where one metric decides (`decide.by`, or a single objective) the sampler and early stopping are
told of it alone, and of every bound of `decide.subject_to` and `constraints`: the configuration
that `search.core.ranking` will name is what is searched for, not the whole front of which it is a
part. Where several objectives decide they are all told of, and the front is searched.

A trial that violates a bound is worse than any that violates none. A bound whose column was not
measured is not violated by that, as nothing may be known of it yet. A lost trial violates all of
them: it has measured nothing, and would otherwise pass for one that meets them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from colornet.config.validation import parse_bound
from search.core.ranking import bounds_of, deciding_metric, goal_of
from spaces.study import Study

Bounds = Sequence[tuple[str, str]]


class LastReport(NamedTuple):
    """What a trial reported last.

    Attributes:
        values: what the search works towards, in the order of `Target.goals`; None for what it has
            not measured.
        tick: the tick at which it did.
        excess: by how much it violates the bound of each bounded column, 0 or less meets it; None
            for what it has not measured.
    """

    values: Sequence[float | None]
    tick: int = 0
    excess: Mapping[str, float | None] = {}

    @property
    def is_violating(self) -> bool:
        """Whether a bound is known to be violated."""
        return any(over is not None and over > 0 for over in self.excess.values())


@dataclass(frozen=True)
class Target:
    """Metrics that are to become good, and bounds.

    Attributes:
        goals: `minimize` or `maximize`, by metric.
        bounds: (column, bound) of everything that is to be met; a column may have several.
    """

    goals: Mapping[str, str]
    bounds: Bounds

    @classmethod
    def of(cls, study: Study) -> "Target":
        """What a study's sampler and early stopping work towards.

        Raises:
            InputError: it decides by a metric that is neither better high nor low.
        """
        data = study.to_data()
        decides = deciding_metric(data)
        goals = {decides: goal_of(decides, data)} if decides else study.file.objectives
        return cls(dict(goals), bounds_of(data))

    @classmethod
    def front(cls, study: Study) -> "Target":
        """All objectives of a study, and its constraints alone: what Optuna's own tools show."""
        return cls(dict(study.file.objectives), list(study.file.constraints.items()))

    @property
    def columns(self) -> list[str]:
        """Of a report, what the target needs."""
        return list(dict.fromkeys([*self.goals, *(column for column, _ in self.bounds)]))

    def report(self, metrics: Mapping[str, Any]) -> LastReport:
        """A tick's columns as the search needs them; without any, of a trial that has none."""
        excess: dict[str, float | None] = {}
        for column, bound in self.bounds:
            over, worst = _excess(metrics.get(column), bound), excess.get(column)
            excess[column] = over if over is None or worst is None else max(over, worst)
        values = tuple(metrics.get(name) for name in self.goals)
        return LastReport(values, int(metrics.get("tick") or 0), excess)

    def sort_key(self, report: LastReport) -> tuple[float, ...] | None:
        """What a report is ranked by, smaller is better; None without finite values.

        Where one metric decides: whether a bound is violated, then its value, to be compared in
        this order. Where several do: their values.
        """
        finite = [value for value in report.values if value is not None and math.isfinite(value)]
        if len(finite) < len(self.goals):
            return None
        signed = [
            value if goal == "minimize" else -value
            for value, goal in zip(finite, self.goals.values(), strict=True)
        ]
        return (float(report.is_violating), *signed) if len(signed) == 1 else tuple(signed)


def _excess(value: float | None, bound: str) -> float | None:
    """By how much a value violates a bound; None for one that was not measured."""
    if value is None or not math.isfinite(value):
        return None
    sign, limit = parse_bound(bound)
    over = value - limit if sign.startswith("<") else limit - value
    # Optuna takes 0 for met, which a strict bound does not.
    return math.nextafter(over, 1) if over == 0 and len(sign) == 1 else over
