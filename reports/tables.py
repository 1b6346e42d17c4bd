"""A sweep's records as what charts, page and decisions read: trials, objectives, dimensions."""

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from colornet.config.columns import Metric, metric_of
from colornet.errors import InputError
from search.core.ranking import baseline, deciding_metric, objective_table, point_table
from search.records.reader import (
    CUT_OFF,
    SweepRecords,
    driver_of,
    find_sweep,
    read_sweep,
    sweeps_folder,
)
from spaces.dimensions import Dimension

FAILED_STATES = ("diverged", "oom", "stalled", "failed")
"""End states that are due to the point itself; charts mark them."""
STATES = ("completed", "pruned", *FAILED_STATES, "preempted", "cancelled", "running")
SPENT = {
    "seconds": Metric("s", "minimize", "Time of a training"),
    "gpu_seconds": Metric("GPU s", "minimize", "GPU time of a training"),
}
"""Columns of `trials` that say what a training took."""
PREFIX_WORDS = {"val": "", "train": "", "test": "test ", "eval": "common ", "cost": ""}


def setting_key(value: Any) -> str:
    """A setting as JSON, to compare settings by: some are lists, and `True == 1`."""
    return json.dumps(value, sort_keys=True)


def setting_keys(dimension: Dimension, settings: Iterable[Any]) -> list[str]:
    """`setting_key` of the study's choices in its order, then of others that occur."""
    return list(dict.fromkeys(map(setting_key, [*dimension.choices, *settings])))


@dataclass(frozen=True)
class Column:
    """A metric column with its meaning; `goal` is minimize, maximize or None (neither)."""

    name: str
    label: str
    unit: str
    goal: str | None

    @property
    def title(self) -> str:
        """Label and unit, for an axis."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def sign(self) -> int:
        """1 where smaller is better, -1 where larger is."""
        return -1 if self.goal == "maximize" else 1


def varies(dimension: Dimension, points: Iterable[dict[str, Any]]) -> bool:
    """Whether the points that have a dimension differ in it."""
    settings = (setting_key(point[dimension.name]) for point in points if dimension.name in point)
    first = next(settings, None)
    return any(setting != first for setting in settings)


def place_in_range(dimension: Dimension, value: Any) -> float | None:
    """Where a setting lies in its range, from 0 to 1 on the range's own scale.

    None where it has no place there: a choice, a special value, or a range of one number.
    """
    low, high = dimension.low, dimension.high
    if value is None or low is None or high is None or not low < high:
        return None
    if value in dimension.special:
        return None
    return dimension.place(value)


@dataclass(frozen=True)
class SweepTables:
    """Everything that a report shows of one sweep.

    Attributes:
        records: what was read.
        objectives: in the study's order.
        leading: the objective that charts show first: `decide.by`, else the first.
        dimensions: in the study's order.
        trials: one row per trial: the columns of `search.core.ranking.objective_table`, and `point`
            (dict of the active dimensions' values), point_id, reason, origin, seed, attempt, ended,
            gpu_seconds (NaN where a trial had no card).
            `rank` is the point's, for the one trial that represents it; NaN for every other.
        points: `search.core.ranking.point_table`: what is known of each point, the best first.
        ticks: one row per trial and tick.
    """

    records: SweepRecords
    objectives: tuple[Column, ...]
    leading: Column
    dimensions: tuple[Dimension, ...]
    trials: pd.DataFrame
    points: pd.DataFrame
    ticks: pd.DataFrame

    def column(self, name: str) -> Column:
        """The meaning of a metric column: from the sweep's own study, else from `METRICS`."""
        return column_of(self.records.study, name)

    def dimension(self, name: str) -> Dimension:
        """The dimension of that name. Raises KeyError when the space has none."""
        return {dimension.name: dimension for dimension in self.dimensions}[name]

    def panels(self, *, by_dimension: bool = False) -> list[dict[str, str]]:
        """Arguments of a chart with a panel per objective, or per objective and dimension."""
        objectives = [{"objective": objective.name} for objective in self.objectives]
        if not by_dimension:
            return objectives
        return [{**o, "dimension": d.name} for o in objectives for d in self.dimensions]

    def reported(self, names: Iterable[str]) -> list[str]:
        """Which of these columns of `ticks` any trial has a value in."""
        return [name for name in names if name in self.ticks and self.ticks[name].notna().any()]

    @cached_property
    def ranked(self) -> pd.DataFrame:
        """One trial for each point that can be chosen, best first."""
        return self.trials[self.trials["rank"].notna()].sort_values(["rank", "number"])

    @property
    def is_comparison(self) -> bool:
        """Whether the study compares levels with paired seeds; else it is a search."""
        return self.records.study.get("design") == "compare"

    @property
    def searched(self) -> pd.DataFrame:
        """The trials of the search or comparison: without those that confirm."""
        return self.trials[self.trials["origin"] != "confirm"]

    def outcomes(self, column: str, *kinds: str) -> pd.DataFrame:
        """What each trial of the search or comparison came to in one metric.

        Args:
            kinds: which outcomes; by default all.

        Returns:
            trial_id, number, point, seed, rank, feasible, seconds, ended, state, value (at the last
            tick) and `kind`: `scored` (equal budget: comparable), `partial` (a value of a shorter
            training), `failed` (no comparable value because of the point) or `none`.
        """
        searched = self.searched
        names = ["trial_id", "number", "point", "seed", "rank", "feasible"]
        rows = searched[[*names, "seconds", "ended", "state"]].copy()
        rows["value"] = self.last_values(column).reindex(rows.index)
        finite = np.isfinite(rows["value"].to_numpy(dtype=float))
        failed = rows["state"].isin(FAILED_STATES).to_numpy()
        equal = searched["equal_budget"].to_numpy(dtype=bool)
        rows["kind"] = np.select(
            [failed, equal & finite, finite], ["failed", "scored", "partial"], "none"
        )
        return rows[rows["kind"].isin(kinds)] if kinds else rows

    def last_values(self, column: str) -> pd.Series:
        """A metric at each trial's last tick, aligned with `trials`; NaN where there is none."""
        if column in self.trials:
            return self.trials[column].astype(float)
        if column not in self.ticks or self.ticks.empty:
            return pd.Series(np.nan, index=self.trials.index, dtype=float)
        return self.trials["trial_id"].map(self.records.last[column].astype(float)).astype(float)

    def baseline(self, column: str) -> float | None:
        """What the best trivial prediction reaches in that metric, None where it is not known."""
        return baseline(self.ticks, column)

    def least_difference(self, column: str) -> float | None:
        """The least difference that matters, where the study names one and this metric decides."""
        study = self.records.study
        return study.get("difference") if column == deciding_metric(study) else None

    @property
    def argument(self) -> str:
        """What names this sweep on the command line, quoted: its name where that is enough."""
        location = self.records.location
        is_unique = "://" not in location and Path(location).parent == sweeps_folder()
        return shlex.quote(self.records.name if is_unique else location)

    def how_ended(self) -> dict[str, int]:
        """Number of trials by state, in a fixed order, states without a trial left out."""
        return count_states(self.last_states)

    @property
    def ends_text(self) -> str:
        """`3 completed, 1 diverged`; what is missing of the records first, if anything is."""
        ends = ", ".join(f"{count} {state}" for state, count in self.how_ended().items())
        if missing := self.records.missing_text:
            return f"{missing} (left: {ends})" if ends else missing
        return ends

    @cached_property
    def last_states(self) -> pd.Series:
        """Each trial's state; without a driver none is running, as in `status`."""
        states = self.trials["state"]
        if driver_of(self.records.location) is not None:
            return states
        return states.replace("running", CUT_OFF)


def count_states(states: pd.Series) -> dict[str, int]:
    """How often each state occurs: the known ones in a fixed order, then others by name."""
    counts = states.value_counts()
    names = dict.fromkeys([*STATES, CUT_OFF, *sorted(counts.index)])
    return {state: int(counts[state]) for state in names if state in counts.index}


def open_sweep(sweep: str | None = None) -> SweepTables:
    """A sweep as tidy frames: what charts, decisions and the page are made of.

    Args:
        sweep: a folder, a URI or a unique beginning of a name, by default the latest.

    Raises:
        InputError: when there is no such sweep, or several.
    """
    return tables_of(read_sweep(find_sweep(sweep)))


def tables_of(records: SweepRecords) -> SweepTables:
    """Tidy frames of a sweep that `search.records.reader.read_sweep` has read.

    Raises:
        InputError: its study names no objectives or no space.
    """
    study = records.study
    for key, is_missing in (
        ("objectives", not study.get("objectives")),
        ("space", "space" not in study),
    ):
        if is_missing:
            raise InputError(
                f"{records.location}/study.yaml: {key}: is missing.\nPut the file back as it was."
            )
    objectives = tuple(column_of(study, name) for name in study.get("objectives") or {})
    by = (study.get("decide") or {}).get("by")
    leading = next((column for column in objectives if column.name == by), None)
    space = (study.get("space") or {}).items()
    points = point_table(records)
    return SweepTables(
        records=records,
        objectives=objectives,
        leading=leading or objectives[0],
        dimensions=tuple(Dimension.from_data(name, data) for name, data in space),
        trials=_trials(records, points),
        points=points,
        ticks=records.ticks,
    )


def _trials(records: SweepRecords, points: pd.DataFrame) -> pd.DataFrame:
    table = objective_table(records).reset_index(drop=True)
    table["rank"] = table["trial_id"].map(points.set_index("trial_id")["rank"]).astype(float)
    columns = ["trial_id", "point_id", "reason", "origin", "seed", "attempt", "time", "point"]
    extra = records.trials[columns].rename(columns={"time": "ended"})
    cards = records.trials.reindex(columns=["gpus"])["gpus"].astype(float)
    settings = [json.loads(text or "{}") for text in extra["point"]]
    extra = extra.assign(point=settings, gpu_seconds=cards.where(cards > 0))
    table = table.merge(extra, on="trial_id", how="left", validate="one_to_one")
    return table.assign(gpu_seconds=table["gpu_seconds"] * table["seconds"])


def column_of(study: dict[str, Any], name: str) -> Column:
    """A metric column's label, unit and goal: from the study, else from `METRICS`."""
    prefix, _, bare = name.partition("_")
    metrics = study.get("metrics") or {}
    entry = metrics.get(name) or metrics.get(bare) or {}
    today = metric_of(name) or SPENT.get(name)
    label = entry.get("label") or (today.label if today else name)
    unit = entry.get("unit") or (today.unit if today else "")
    goal = (study.get("objectives") or {}).get(name) or entry.get("goal")
    if goal is None and not entry and today is not None:
        goal = today.goal
    return Column(name, f"{PREFIX_WORDS.get(prefix, '')}{label}", unit, goal)
