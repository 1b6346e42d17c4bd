"""What is chosen and how sure that is: the order of a sweep's points, and the one to take."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from reports.analysis.effects import residual_sd
from reports.analysis.statistics import (
    LEVEL,
    against_best,
    is_significant,
    mean_interval,
    noise_sd,
    overstatement,
    ties,
)
from reports.format import json_number
from reports.tables import Column, SweepTables
from search.core.ranking import confirmed_column, deciding_metric, point_table

LEAST_SAVING = 0.1
"""Share of the best's cost that a tie must at least save to be proposed in its place. Seconds must
differ significantly besides: on a busy machine those of equal trainings were a third apart."""


@dataclass(frozen=True)
class Decision:
    """The points that can be chosen, and how sure their order is.

    Attributes:
        points: rows of `search.core.ranking.point_table`, best first, with low and high (95 %
            interval of the mean, NaN with one training) and tie (cannot be told from the first).
        unranked: the rows without a rank: points of which every training that counts was lost.
        column: what orders them, or the first objective where several do.
        judged: the column in which the first was measured: on the test pictures if it is confirmed.
        proposed: place in `points` of the one to take: the cheapest of the ties.
        overstated: by how much the best of single trainings is likely to look better than it is, in
            the metric's unit; None when that is not known or does not apply.
    """

    points: pd.DataFrame
    unranked: pd.DataFrame
    column: Column
    judged: Column
    proposed: int
    overstated: float | None

    @property
    def basis(self) -> str:
        """How the first point is known: `confirm`, `compare` or `search`."""
        return str(self.points["basis"].iloc[0])


def leaders(points: pd.DataFrame) -> pd.DataFrame:
    """The first of ranked points, then those that cannot be told from it."""
    return points[points["tie"] | (points.index == 0)]


def judged_name(name: str, basis: str) -> str:
    """The column in which points with this `basis` were measured."""
    return confirmed_column(name) if basis == "confirm" else name


def decide(sweep: SweepTables, by: str | None = None) -> Decision | None:
    """The order of a sweep's points; None when none can be chosen.

    Args:
        by: a metric column to order by instead of the study's own rule.
    """
    points = sweep.points if by is None else point_table(sweep.records, by)
    repeated = [values for values in points["values"] if len(values) > 1]
    unranked = points[points["rank"].isna()]
    points = points[points["rank"].notna()].reset_index(drop=True)
    if points.empty:
        return None
    means = [mean_interval(values.values()) for values in points["values"]]
    points["low"], points["high"] = [mean.low for mean in means], [mean.high for mean in means]
    points["tie"] = _tied(sweep, points, by)
    column = sweep.column(by or deciding_metric(sweep.records.study) or sweep.objectives[0].name)
    return Decision(
        points=points,
        unranked=unranked,
        column=column,
        judged=sweep.column(judged_name(column.name, points["basis"].iloc[0])),
        proposed=_cheapest(sweep, points),
        overstated=_overstated(sweep, points, column, repeated),
    )


def trivial_value(decision: Decision, sweep: SweepTables, column: Column) -> float | None:
    """The value of the best single color in a column; None if unknown.

    Where a confirmed column has none, that of the column searched by: of other pictures, but of the
    same kind.
    """
    searched = [decision.column.name, *(objective.name for objective in sweep.objectives)]
    near = [name for name in searched if confirmed_column(name) == column.name]
    return next((base for name in (column.name, *near) if (base := sweep.baseline(name))), None)


def decisive_columns(decision: Decision, sweep: SweepTables) -> list[Column]:
    """The columns that a choice has to be good in, as they were judged."""
    if deciding_metric(sweep.records.study) is not None or len(sweep.objectives) == 1:
        return [decision.judged]
    if decision.column.name not in {column.name for column in sweep.objectives}:
        return [decision.judged]
    names = [judged_name(objective.name, decision.basis) for objective in sweep.objectives]
    return [sweep.column(name) for name in names]


def _tied(sweep: SweepTables, points: pd.DataFrame, by: str | None) -> list[bool]:
    """Whether each point ties with the first: replicated alike, and not significantly different.

    Where several objectives order, in none of them, at a level divided by their number.
    """
    first = points.iloc[0]
    if first["basis"] == "search":
        return [False] * len(points)
    alike = points["basis"].eq(first["basis"]) & points["feasible"].eq(first["feasible"])
    # The mean of a point that lost trainings is that of its lucky ones: such a point ties only with
    # others that lost some.
    alike &= points["lost"].gt(0) == (first["lost"] > 0)
    candidates = points[alike]
    if by is not None or deciding_metric(sweep.records.study) is not None:
        tied = set(ties(dict(candidates["values"]), 0))
    else:
        level = 1 - (1 - LEVEL) / len(sweep.objectives)  # Bonferroni: a difference in any counts
        by_objective = [
            ties(replicates(sweep, candidates, objective.name), 0, level)
            for objective in sweep.objectives
        ]
        tied = set.intersection(*map(set, by_objective))
    return [row in tied for row in points.index]


def replicates(
    sweep: SweepTables, points: pd.DataFrame, objective: str
) -> dict[int, dict[int, float]]:
    """Values of each point's trainings in one objective, by seed."""
    judged = judged_name(objective, points["basis"].iloc[0])
    return values_by_seed(sweep, points, sweep.last_values(judged))


def _cheapest(sweep: SweepTables, points: pd.DataFrame) -> int:
    """The first of those ties that cost the least; the first point where none is surely cheaper."""
    candidates = leaders(points)
    cost = cost_of(candidates)
    if len(candidates) == 1 or not np.isfinite(candidates[cost].to_numpy(dtype=float)).all():
        return 0
    costs = candidates[cost].astype(float)
    cheaper = costs[costs < (1 - LEAST_SAVING) * costs[0]]
    if cost == "seconds":
        compared = against_best(values_by_seed(sweep, candidates, sweep.trials["seconds"]), 0)
        cheaper = cheaper[[is_significant(compared[row].p) for row in cheaper.index]]
    if cheaper.empty:
        return 0
    # Of several that are about as cheap the best one.
    return int(cheaper.index[cheaper * (1 - LEAST_SAVING) <= cheaper.min()][0])


def values_by_seed(
    sweep: SweepTables, points: pd.DataFrame, values: pd.Series
) -> dict[int, dict[int, float]]:
    """`values` of each point's trainings with the full budget, by seed."""
    by_point: dict[int, dict[int, float]] = {}
    for index, point in points.iterrows():
        rows = trainings_of(sweep, point)
        rows = rows[rows["equal_budget"]]
        by_point[int(str(index))] = dict(zip(rows["seed"], values[rows.index], strict=True))
    return by_point


def trainings_of(sweep: SweepTables, point: pd.Series) -> pd.DataFrame:
    """The trials that count for a row of points: its replicates, or those of the search."""
    trials = sweep.trials
    return trials[trials["point_id"].eq(point["point_id"]) & trials["origin"].eq(point["basis"])]


def cost_of(points: pd.DataFrame) -> str:
    """The column that costs are compared by: `seconds` if all points have it, else `gmac`."""
    return "seconds" if np.isfinite(points["seconds"].to_numpy(dtype=float)).all() else "gmac"


def _overstated(
    sweep: SweepTables, points: pd.DataFrame, column: Column, repeated: list[dict[int, float]]
) -> float | None:
    if points["basis"].iloc[0] != "search" or column.goal is None:
        return None
    values = points["mean"].to_numpy(dtype=float)
    noise = noise_sd(repeated) or residual_sd(sweep.dimensions, points["point"].tolist(), values)
    return overstatement(values, noise, column.goal)


def points_data(decision: Decision) -> list[dict[str, Any]]:
    """The ranked points as JSON-able data."""
    names = ("n", "lost", "mean", "low", "high", "seconds", "gmac")
    return [
        {
            "rank": int(row["rank"]),
            "point_id": row["point_id"],
            "trial": row["trial_id"],
            "point": row["point"],
            "basis": row["basis"],
            **{name: json_number(row[name]) for name in names},
            "feasible": bool(row["feasible"]),
            "tie": bool(row["tie"]),
            "proposed": index == decision.proposed,
        }
        for index, row in enumerate(decision.points.to_dict("records"))
    ]
