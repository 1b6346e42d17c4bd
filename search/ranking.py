"""The one rule of what is better.

Only trials that trained their full budget are ranked. `decide` orders them where a study has it:
those that meet `subject_to` first, then by its metric. Without it one objective orders by itself,
and several order by Pareto front, then by mean rank.
"""

import json
import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from colornet.errors import InputError, did_you_mean
from colornet.validation import parse_bound
from search.records import SweepRecords

_COMPARISONS = {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}


def goal_of(column: str, study: Mapping[str, Any]) -> str:
    """`minimize` or `maximize`: the study's word for an objective, else the metric's own goal.

    Raises:
        InputError: for a column that the study's metrics do not have, or one without a goal.
    """
    if goal := study["objectives"].get(column):
        return goal
    metrics = study["metrics"]
    described = metrics.get(column) or metrics.get(column.partition("_")[2])
    if described is None:
        raise InputError(f"{column}: no metric of this sweep.\n{did_you_mean(column, metrics)}")
    if not described["goal"]:
        raise InputError(f"{column}: is neither better high nor low.\nOrder by another metric.")
    return described["goal"]


def objective_table(sweep: SweepRecords, by: str | None = None) -> pd.DataFrame:
    """One row per trial, in order of number.

    Args:
        by: a metric that orders instead of what the study decides by.

    Returns:
        Columns trial_id, number, state, `point.<dimension>`, the objectives and what decides
        (values at the last tick), images, seconds, equal_budget, feasible, on_front, rank (1 =
        best, NaN when not ranked).
    """
    study = sweep.study
    columns = _columns(study, by)
    table = sweep.trials[["trial_id", "number", "state"]].reset_index(drop=True)
    points = [json.loads(point) for point in sweep.trials["point"]]
    for dimension in study["space"]:
        values = [point.get(dimension) for point in points]
        table[f"point.{dimension}"] = pd.Series(values, index=table.index, dtype=object)
    table = pd.concat([table, _last_values(sweep, ["images", "seconds", *columns])], axis=1)
    table["equal_budget"] = table["state"] == "completed"
    table["feasible"] = _feasible(table, study)
    return _rank(table, study, by)


def _last_values(sweep: SweepRecords, columns: list[str]) -> pd.DataFrame:
    """What each trial reported at its last tick, in the order of `sweep.trials`."""
    last = sweep.ticks.sort_values("tick", kind="stable").drop_duplicates("trial_id", keep="last")
    last = last.set_index("trial_id").reindex(columns=columns).astype(float)
    return last.reindex(list(sweep.trials["trial_id"])).reset_index(drop=True)


def best_trials(sweep: SweepRecords, top: int = 1, by: str | None = None) -> pd.DataFrame:
    """The `top` best rows of `objective_table`, best first; empty when nothing can be ranked."""
    table = objective_table(sweep, by)
    return table[table["rank"].notna()].sort_values("rank", kind="stable").head(top)


def deciding_metric(study: Mapping[str, Any]) -> str | None:
    """The one metric that orders, or None when several objectives do."""
    if study.get("decide"):
        return study["decide"]["by"]
    objectives = list(study["objectives"])
    return objectives[0] if len(objectives) == 1 else None


def _columns(study: Mapping[str, Any], by: str | None) -> list[str]:
    decide = study.get("decide") or {}
    named = [*study["objectives"], decide.get("by"), *(decide.get("subject_to") or {}), by]
    return list(dict.fromkeys(name for name in named if name))


def _feasible(table: pd.DataFrame, study: Mapping[str, Any]) -> pd.Series:
    met = pd.Series(True, index=table.index)
    for column, bound in ((study.get("decide") or {}).get("subject_to") or {}).items():
        sign, limit = parse_bound(bound)
        met &= table[column].notna() & _COMPARISONS[sign](table[column], limit)
    return met


def _rank(table: pd.DataFrame, study: Mapping[str, Any], by: str | None) -> pd.DataFrame:
    objectives = list(study["objectives"])
    keys = pd.DataFrame(
        {name: _ascending(table[name], goal_of(name, study)) for name in objectives},
        index=table.index,
    )
    finite = keys.notna().all(axis=1) & table["equal_budget"]
    layers = pd.Series(np.nan, index=table.index)
    layers[finite] = pareto_layers(keys[finite].to_numpy(dtype=float))
    table["on_front"] = layers == 0
    decides = by or deciding_metric(study)
    if decides:
        key = _ascending(table[decides], goal_of(decides, study))
        rankable = key.notna() & table["equal_budget"]
        order = pd.DataFrame({"infeasible": ~table["feasible"], "key": key})
    else:
        rankable = finite
        order = pd.DataFrame({"layer": layers, "mean": keys[finite].rank().mean(axis=1)})
    ranked = order[rankable].sort_values(list(order.columns), kind="stable").index
    table["rank"] = pd.Series(np.arange(1.0, len(ranked) + 1), index=ranked).reindex(table.index)
    return table


def _ascending(values: pd.Series, goal: str) -> pd.Series:
    """Values as smaller-is-better floats; whatever is not finite becomes NaN."""
    numbers = values.astype(float)
    numbers = numbers.where(np.isfinite(numbers))
    return numbers if goal == "minimize" else -numbers


def pareto_layers(points: np.ndarray) -> np.ndarray:
    """Non-dominated sorting: 0 for the front, 1 for the front of the rest, and so on.

    Args:
        points: (N, K), smaller is better.
    """
    if points.shape[1] == 1:
        return np.unique(points[:, 0], return_inverse=True)[1]
    layers = np.full(len(points), -1)
    layer = 0
    while (left := np.flatnonzero(layers < 0)).size:
        layers[left[_on_front(points[left])]] = layer
        layer += 1
    return layers


def _on_front(points: np.ndarray) -> np.ndarray:
    """Which points no other one dominates, (N,) bool."""
    front = np.ones(len(points), dtype=bool)
    for index, point in enumerate(points):
        if front[index]:  # whatever a dominated point dominates, its dominator does too
            dominated = (point <= points).all(1) & (point < points).any(1)
            front &= ~dominated
    return front
