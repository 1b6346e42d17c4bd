"""How a sweep's trials stand while it runs, in memory: nothing has to be read again."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from colornet.config.validation import parse_bound
from search.core.ask_tell import Reported
from search.core.finished import counted
from search.core.ranking import best_trials, deciding_metric
from search.records.reader import SweepRecords, TrialCounts
from spaces.study import Study


class Standing:
    """Each trial's last row and last tick.

    Args:
        sweep: what is recorded so far.

    Attributes:
        states: each trial's state.
        best: what the best trial of the search has reached in `best_column`; None without one.
        best_column: the metric that decides, or the first objective.
    """

    def __init__(self, sweep: SweepRecords) -> None:
        self._empty = replace(sweep, trials=sweep.trials.iloc[:0], ticks=sweep.ticks.iloc[:0])
        self._rows = {row["trial_id"]: row for row in sweep.trials.to_dict("records")}
        last = sweep.ticks.drop_duplicates("trial_id", keep="last")
        self._last = {row["trial_id"]: row for row in last.to_dict("records")}
        self.states = {trial_id: row["state"] for trial_id, row in self._rows.items()}
        self.best_column = deciding_metric(sweep.study) or next(iter(sweep.study["objectives"]))
        self.best: float | None = None
        self._counts: TrialCounts | None = None
        self.refresh_best()

    def reported(self, study: Study) -> dict[str, Reported]:
        """What each trial said last."""
        return {trial_id: reported(study, row) for trial_id, row in self._last.items()}

    def update(self, row: Mapping[str, Any], last: Mapping[str, Any]) -> None:
        """A trial's state has changed; `last` is its last tick, empty before the first."""
        self._rows[row["trial_id"]] = dict(row)
        self.states[row["trial_id"]] = row["state"]
        self._counts = None
        if last:
            identity = {key: row[key] for key in ("trial_id", "number", "attempt", "seed")}
            self._last[row["trial_id"]] = {**identity, **last}

    def count(self, origin: str) -> int:
        """Trials of an origin."""
        return sum(row["origin"] == origin for row in self._rows.values())

    def counts(self) -> TrialCounts:
        """How many trials there are, and are to be."""
        if self._counts is None:
            self._counts = counted(self.snapshot(), driven=True)
        return self._counts

    def snapshot(self) -> SweepRecords:
        """The sweep as it stands, with each ended trial's last tick only."""
        if not self._rows:
            return self._empty
        trials = pd.DataFrame(list(self._rows.values())).sort_values("number", kind="stable")
        ticks = pd.DataFrame(list(self._last.values())) if self._last else self._empty.ticks
        return replace(self._empty, trials=trials.reset_index(drop=True), ticks=ticks)

    def refresh_best(self) -> None:
        """Find the best trial anew."""
        best = best_trials(self.snapshot(), 1)
        self.best = float(best[self.best_column].iloc[0]) if len(best) else None


def reported(study: Study, metrics: Mapping[str, Any]) -> Reported:
    """A tick's columns as the chooser takes them."""
    excess = {}
    for column, bound in study.file.constraints.items():
        sign, limit = parse_bound(bound)
        value = metrics.get(column)
        if value is not None and math.isfinite(value):
            over = value - limit if sign.startswith("<") else limit - value
            # Optuna takes 0 for met, which a strict bound does not.
            excess[column] = math.nextafter(over, 1) if over == 0 and len(sign) == 1 else over
    values = tuple(metrics.get(name) for name in study.file.objectives)
    return Reported(values, int(metrics.get("tick") or 0), excess)
