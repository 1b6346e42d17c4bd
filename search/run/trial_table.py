"""A running sweep's trials in memory, as they are recorded: nothing has to be read again."""

import json
import socket
from dataclasses import replace
from typing import Any

import pandas as pd

from search.core import confirmation
from search.core.ask_tell import Assignment
from search.core.finished import TrialCounts, count_trials
from search.core.ranking import best_trials, deciding_metric
from search.core.target import LastReport, Target
from search.records.reader import CONFIRM, SweepRecords
from spaces.study import Study


class TrialTable:
    """Each trial's last row and last tick.

    Args:
        sweep: what is recorded so far.

    Attributes:
        rows: each trial's last row of the records, by trial_id.
        last: each trial's last tick, by trial_id; none before the first.
        best: what the best trial of the search has reached in `best_column`; None without one.
        best_column: the metric that decides, or the first objective.
    """

    def __init__(self, study: Study, sweep: SweepRecords) -> None:
        self._study, self.target = study, Target.of(study)
        self._empty = replace(sweep, trials=sweep.trials.iloc[:0], ticks=sweep.ticks.iloc[:0])
        self.rows = {row["trial_id"]: row for row in sweep.trials.to_dict("records")}
        last = sweep.ticks.drop_duplicates("trial_id", keep="last")
        self.last = {row["trial_id"]: row for row in last.to_dict("records")}
        self.best_column = deciding_metric(sweep.study) or next(iter(sweep.study["objectives"]))
        self.best: float | None = None
        self._counts: TrialCounts | None = None
        self.refresh_best()

    def start(self, trial: Assignment, gpus: float) -> dict[str, Any]:
        """A trial is about to run; returns its row."""
        row = {
            **trial.row_key,
            **{name: getattr(trial, name) for name in ("origin", "point_id", "distributions")},
            "system_attrs": trial.system_attrs,
            "point": json.dumps(trial.point),
            "config": trial.config_json,
            "host": socket.gethostname(),  # of the driver, until the trial says where it runs
            "gpus": gpus,
        }
        return self.update({**row, "state": "running", "reason": None, "pid": None, "log": None})

    def update(self, row: dict[str, Any]) -> dict[str, Any]:
        """A trial's state has changed; returns its row."""
        self.rows[row["trial_id"]] = row
        self._counts = None
        return row

    def last_report(self, trial_id: str) -> LastReport:
        """What a trial reported last, as the search needs it."""
        return self.target.report(self.last.get(trial_id, {}))

    def counts(self) -> TrialCounts:
        """How many trials there are, and are to be."""
        if self._counts is None:
            trials = [(row["state"], row["origin"]) for row in self.rows.values()]
            missing = 0
            # Before one is confirmed all replicates are missing. Which are is seen by ranking all
            # trials, and this is asked whenever one has ended.
            if any(origin == CONFIRM for _, origin in trials):
                missing = sum(1 for _ in confirmation.missing(self._study, self.snapshot()))
            self._counts = count_trials(self._empty.study, trials, driven=True, missing=missing)
        return self._counts

    def snapshot(self) -> SweepRecords:
        """The sweep as it is now, with each trial's last tick only."""
        if not self.rows:
            return self._empty
        trials = pd.DataFrame(list(self.rows.values())).sort_values("number", kind="stable")
        ticks = pd.DataFrame(list(self.last.values())) if self.last else self._empty.ticks
        return replace(self._empty, trials=trials.reset_index(drop=True), ticks=ticks)

    def refresh_best(self, top: int = 1) -> list[str]:
        """Find the best trial again; returns the ids of the `top` best."""
        best = best_trials(self.snapshot(), top)
        self.best = float(best[self.best_column].iloc[0]) if len(best) else None
        return best["trial_id"].tolist()
