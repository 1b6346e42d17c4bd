"""What is chosen and how sure that is: the order of a sweep's points, and the one to take."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from reports.analysis.effects import residual_sd
from reports.analysis.least_difference import least_difference
from reports.analysis.statistics import (
    LEVEL,
    adjusted_differences,
    differences_to,
    is_significant,
    mean_interval,
    noise_sd,
    overstatement,
    overstatement_of_means,
    replicates_needed,
)
from reports.analysis.with_best import compare_with_best
from reports.format import json_number
from reports.tables import Column, SweepTables
from search.core.ranking import confirmed_column, deciding_metric, point_table

LEAST_SAVING = 0.1
"""Share of the best's cost that a tie must at least save to be proposed in its place. Seconds must
differ significantly besides: on a busy machine those of equal trainings were a third apart."""
MOST_MORE = 30
"""Replicates beyond which more of them are no answer to whether a cheaper point is as good."""

Values = dict[int, dict[int, float]]
"""{row of a point: {seed: value}}"""


class Cheaper(NamedTuple):
    """A point that costs less than the first and cannot be told from it.

    Attributes:
        at: its place in the decision's points.
        differences: by column that decides, the least difference that matters.
        shown: whether it is shown to be worse than the best by less than that. Not being told from
            the first does not show it: with few replicates much worse ones are not, either.
        more: replicates to add that would probably show it if it is as good as the first; None if
            shown, where that is not known, and beyond `MOST_MORE`.
    """

    at: int
    differences: dict[str, float]
    shown: bool
    more: int | None


@dataclass(frozen=True)
class Decision:
    """The points that can be chosen, and how sure their order is.

    Attributes:
        points: rows of `search.core.ranking.point_table`, best first, with low and high (95%
            interval of the mean, NaN with one training) and leader (the first, and those that
            cannot be told from it: that may be the best).
        unranked: the rows without a rank: points of which every training that counts was lost.
        column: what orders them, or the first objective where several do.
        judged: the column in which the first was measured: on the test pictures if it is confirmed.
        cheaper: the leader that costs the least and is shown to be as good, else the one that costs
            the least; None where none is surely cheaper than the first.
        overstated: by how much the first is likely to look better than it is, as it was chosen for
            its value, in the metric's unit; None when that is not known or does not apply.
    """

    points: pd.DataFrame
    unranked: pd.DataFrame
    column: Column
    judged: Column
    cheaper: Cheaper | None
    overstated: float | None

    @property
    def proposed(self) -> int:
        """Place in `points` of the one to take: the first, or a cheaper one that is as good."""
        return self.cheaper.at if self.cheaper and self.cheaper.shown else 0

    @property
    def basis(self) -> str:
        """How the first point is known: `confirm`, `compare` or `search`."""
        return str(self.points["basis"].iloc[0])


def leaders(points: pd.DataFrame) -> pd.DataFrame:
    """The first of ranked points, then those that cannot be told from it."""
    return points[points["leader"]]


def comparable(points: pd.DataFrame) -> pd.Series:
    """Which ranked points may be as good as the first: those that were replicated as it was.

    And like it meet the bounds or miss them, and lost trainings or lost none: the mean of a point
    that lost some is that of its lucky ones.
    """
    alike = points["lost"].gt(0) == (points["lost"].iloc[0] > 0)
    for name in {"basis", "feasible"} & set(points.columns):
        alike &= points[name].eq(points[name].iloc[0])
    return alike


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
    column = sweep.column(by or deciding_metric(sweep.records.study) or sweep.objectives[0].name)
    candidates = points[comparable(points)]
    values = _decisive_values(sweep, candidates, column, by)
    points["leader"] = _leads(sweep, points, values)
    return Decision(
        points=points,
        unranked=unranked,
        column=column,
        judged=sweep.column(judged_name(column.name, points["basis"].iloc[0])),
        cheaper=_cheaper(sweep, points, values),
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


def _decisive_values(
    sweep: SweepTables, candidates: pd.DataFrame, column: Column, by: str | None
) -> dict[str, Values]:
    """What decides among points like the first, by column; nothing where each was trained once."""
    if candidates["basis"].iloc[0] == "search":
        return {}
    if by is not None or deciding_metric(sweep.records.study) is not None:
        return {column.name: dict(candidates["values"])}
    names = [objective.name for objective in sweep.objectives]
    return {name: replicates(sweep, candidates, name) for name in names}


def _leads(sweep: SweepTables, points: pd.DataFrame, values: dict[str, Values]) -> list[bool]:
    """Whether each point is the first, or may be as good.

    Where one metric decides: is not shown to be worse than the best. Where several objectives
    order: is not significantly different from the first in any, at a level divided by their number.
    """
    leading = [set(of_points) for of_points in values.values()] or [{0}]
    if len(values) == 1:
        ((name, of_points),) = values.items()
        compared = compare_with_best(of_points, sweep.column(name).sign)
        leading = [{row for row in compared if not is_significant(compared[row].p)}]
    elif values:
        level = (1 - LEVEL) / len(values)  # Bonferroni: a difference in any counts
        leading = [
            {
                row
                for row, other in adjusted_differences(of_points, 0).items()
                if not other.p < level
            }
            for of_points in values.values()
        ]
    leaders_besides = set.intersection(*leading)
    return [row == 0 or row in leaders_besides for row in points.index]


def replicates(
    sweep: SweepTables, points: pd.DataFrame, objective: str
) -> dict[int, dict[int, float]]:
    """Values of each point's trainings in one objective, by seed."""
    judged = judged_name(objective, points["basis"].iloc[0])
    return values_by_seed(sweep, points, sweep.last_values(judged))


def _cheaper(sweep: SweepTables, points: pd.DataFrame, values: dict[str, Values]) -> Cheaper | None:
    """The cheapest leader that is shown to be as good as the best, else the cheapest one."""
    costs = _lower_costs(sweep, leaders(points))
    if costs.empty:
        return None
    several = len(values) > 1
    differences, good = {}, set(costs.index)
    for name, of_points in values.items():
        column = sweep.column(name)
        scored = sweep.outcomes(name, "scored")["value"].to_numpy(dtype=float)
        differences[name] = least_difference(sweep, scored, column)
        # Where several objectives order, the first need not be near the best in each of them.
        near = {row: of_points[row] for row in (0, *costs.index)} if several else of_points
        compared = compare_with_best(near, column.sign)
        good &= {row for row in costs.index if compared[row].excess <= differences[name]}
    if shown := bool(good):
        costs = costs[[row in good for row in costs.index]]
    # Of several that are about as cheap the best one.
    at = int(costs.index[costs * (1 - LEAST_SAVING) <= costs.min()][0])
    more = None if shown else _more_replicates(values, differences, at)
    return Cheaper(at, differences, shown, more)


def _lower_costs(sweep: SweepTables, candidates: pd.DataFrame) -> pd.Series:
    """Costs of those that are surely cheaper than the first."""
    cost = cost_of(candidates)
    costs = candidates[cost].astype(float)
    if not np.isfinite(costs.to_numpy()).all():
        return costs.iloc[:0]
    cheaper = costs[costs < (1 - LEAST_SAVING) * costs[0]]
    if cost == "seconds" and len(cheaper):
        seconds = values_by_seed(sweep, candidates, sweep.trials["seconds"])
        compared = adjusted_differences(seconds, 0)
        cheaper = cheaper[[is_significant(compared[row].p) for row in cheaper.index]]
    return cheaper


def _more_replicates(
    values: dict[str, Values], differences: dict[str, float], at: int
) -> int | None:
    """Replicates to add after which a point as good as the first is probably shown to be.

    That of a test of being worse by less than the least difference, where there is no difference:
    the same as that of a test which sees that difference.
    """
    counts = []
    for name, of_points in values.items():
        other = differences_to(of_points, 0)[at]
        sd = other.sd if other.paired else math.sqrt(2) * other.sd
        # One-sided, for all rivals at once.
        alpha = 2 * (1 - LEVEL) / (len(of_points) - 1)
        needed = replicates_needed(differences[name], sd, alpha)
        if needed is None or needed - other.n > MOST_MORE:
            return None
        counts.append(max(needed - other.n, 1))
    return max(counts)


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
    if column.goal is None:
        return None
    if points["basis"].iloc[0] != "search":
        replicated = points[comparable(points)]["values"].tolist()
        return overstatement_of_means(replicated, noise_sd(replicated), column.goal)
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
            "tie": index > 0 and bool(row["leader"]),
            "proposed": index == decision.proposed,
        }
        for index, row in enumerate(decision.points.to_dict("records"))
    ]


def cheaper_data(decision: Decision) -> dict[str, Any] | None:
    """What is known of a cheaper point as JSON-able data; None where there is none."""
    if decision.cheaper is None:
        return None
    row = decision.points.iloc[decision.cheaper.at]
    return {
        "rank": int(row["rank"]),
        "trial": row["trial_id"],
        "differences": decision.cheaper.differences,
        "shown": decision.cheaper.shown,
        "replicates_needed": decision.cheaper.more,
    }
