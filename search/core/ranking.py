"""The one rule of what is better.

Only trials that trained their full budget are ranked. `decide` orders them where a study gives it:
those that meet `subject_to` and the study's constraints first, then by its metric. Without it one
objective orders by itself, and several order by Pareto front, then by mean rank.

`objective_table` and `best_trials` rank single trainings of a search; `point_table` ranks
points, by their replicates where they have some.
"""

import json
import operator
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from colornet.config.columns import cost_column
from colornet.config.validation import parse_bound
from colornet.errors import InputError, did_you_mean
from search.records.reader import CONFIRM, SweepRecords

LOST = ("diverged", "oom")
"""States of trials that are lost: they have ended without a value, which counts against a point."""
_STRENGTH = {CONFIRM: 0, "compare": 1}
"""Origins whose trials are replicates of their point, the stronger evidence first."""
_COMPARISONS = {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}
_GMAC = "cost_gmac_per_picture"


def goal_of(column: str, study: Mapping[str, Any]) -> str:
    """`minimize` or `maximize`: the study's word for an objective, else the metric's own goal.

    Raises:
        InputError: for a column that the study's metrics do not have, or one without a goal.
    """
    if goal := (study.get("objectives") or {}).get(column):
        return goal
    metrics = study.get("metrics") or {}
    described = metrics.get(column) or metrics.get(column.partition("_")[2])
    if described is None:
        raise InputError(f"{column}: no metric of this sweep.\n{did_you_mean(column, metrics)}")
    if not described.get("goal"):
        raise InputError(f"{column}: is neither better high nor low.\nOrder by another metric.")
    return described["goal"]


def confirmed_column(column: str) -> str:
    """The column that judges a confirming replicate: `test_…` for `val_…` and `eval_…`."""
    prefix, _, name = column.partition("_")
    return f"test_{name}" if prefix in ("val", "eval") else column


def bounds_of(study: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(column, bound) of everything that the chosen configuration is to meet."""
    subject_to = (study.get("decide") or {}).get("subject_to") or {}
    constraints = study.get("constraints") or {}
    return [*subject_to.items(), *((cost_column(c), bound) for c, bound in constraints.items())]


def baseline(ticks: pd.DataFrame, column: str) -> float | None:
    """What one color everywhere reaches in a column at best; None where it was not measured."""
    values = ticks.get(f"{column}_baseline", pd.Series(dtype=float)).to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else None


def objective_table(sweep: SweepRecords, by: str | None = None) -> pd.DataFrame:
    """One row per trial, in order of number; those that confirm are there, but not ranked.

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
    names = list(study["space"])
    columns_of_points = [f"point.{name}" for name in names]
    settings = [[point.get(name) for name in names] for point in points]
    # As objects: pandas would make 1 of True, and NaN of None.
    dimensions = pd.DataFrame(settings, table.index, columns_of_points, dtype=object)
    last = _last_values(sweep, ["images", "seconds", *columns])
    table = pd.concat([table, dimensions, last], axis=1)
    table["equal_budget"] = table["state"] == "completed"
    table["feasible"] = _feasible(table, study)
    searched = (sweep.trials["origin"] != CONFIRM).to_numpy(dtype=bool)
    candidates = table["equal_budget"].to_numpy(dtype=bool) & searched
    ranks, table["on_front"] = _rank(table, study, by, candidates)
    table["rank"] = ranks.reindex(table.index)
    return table


def _last_values(sweep: SweepRecords, columns: list[str]) -> pd.DataFrame:
    """What each trial reported at its last tick, in the order of `sweep.trials`."""
    last = sweep.last.reindex(columns=columns).astype(float)
    return last.reindex(list(sweep.trials["trial_id"])).reset_index(drop=True)


def best_trials(sweep: SweepRecords, top: int = 1, by: str | None = None) -> pd.DataFrame:
    """The `top` best rows of `objective_table`, best first; empty when nothing can be ranked."""
    table = objective_table(sweep, by)
    return table[table["rank"].notna()].sort_values("rank", kind="stable").head(top)


def point_table(sweep: SweepRecords, by: str | None = None) -> pd.DataFrame:
    """One row per point of which a training ended that counts, the best first.

    What counts is the first of these that a point has: `confirm`, replicates of a confirmation,
    judged on the test pictures (`confirmed_column`); `compare`, all trials of a compared design;
    `search`, its best search trial. Points with replicates come before those without, and one that
    lost a replicate behind those that lost none. Levels of a compared design are ordered by their
    means over the seeds that all of them have, confirmed points by their means.

    Args:
        by: a metric that orders instead of what the study decides by.

    Returns:
        Columns point_id, trial_id (which represents the point: its best search trial, or the first
        of a compared level), point (dict), basis, n (replicates that count), lost (replicates that
        diverged, ran out of memory or have no value), values (dict of seed to the value of what
        decides, or of the first objective where several do), mean (of these), the objectives and
        what is bounded (means, under the study's own names), seconds (mean, of a training), gmac
        (of the generator per picture), feasible (by means), rank (1 = best, NaN with n = 0).
    """
    study = sweep.study
    measured = [*_columns(study, by), "seconds", _GMAC]
    rows = _counted(sweep, objective_table(sweep, by)["rank"], list(dict.fromkeys(measured)))
    decides = by or deciding_metric(study)
    needed = [decides] if decides else list(study["objectives"])
    # A training that ended with an overflow has trained, but has no value to take a mean of.
    sound = np.isfinite(rows[needed].to_numpy(dtype=float)).all(axis=1)
    rows["counts"] = (rows["state"] == "completed") & sound
    counting = rows[rows["counts"]]
    groups = rows.groupby("point_id", sort=False)
    table = groups[["representative", "point", "basis", "search_rank"]].first()
    table["n"] = groups["counts"].sum().astype(int)
    table["lost"] = groups.size() - table["n"]
    values: dict[str, dict[int, float]] = {str(point_id): {} for point_id in table.index}
    pairs = zip(counting["point_id"], counting["seed"], counting[needed[0]], strict=True)
    for point_id, seed, value in pairs:
        values[point_id][int(seed)] = float(value)
    table["values"] = pd.Series(values, dtype=object)
    # Without skipping: a mean is not known where a replicate has no value.
    means = counting.groupby("point_id")[list(dict.fromkeys(measured))].mean(skipna=False)
    table = pd.concat([table, means.reindex(table.index)], axis=1)
    table["mean"], table["gmac"] = table[needed[0]], table[_GMAC]
    table["feasible"] = _feasible(table, study)
    table["rank"] = _point_ranks(table, counting, study, by).reindex(table.index)
    table = table.reset_index().sort_values("rank", kind="stable", ignore_index=True)
    named = ["point_id", "representative", "point", "basis", "n", "lost", "mean", "values"]
    named += list(dict.fromkeys([*measured[:-1], "gmac", "feasible", "rank"]))
    return table[named].rename(columns={"representative": "trial_id"})


def _counted(sweep: SweepRecords, ranks: pd.Series, columns: list[str]) -> pd.DataFrame:
    """The trials that count for their points, with their metrics under the study's names."""
    trials = sweep.trials.reset_index(drop=True)
    rows = trials[["trial_id", "number", "point_id", "seed", "state"]].copy()
    rows["point"] = [json.loads(point) for point in trials["point"]]
    rows["basis"] = trials["origin"].where(trials["origin"].isin(_STRENGTH), "search")
    rows["strength"] = rows["basis"].map(_STRENGTH).fillna(len(_STRENGTH)).astype(int)
    rows["search_rank"] = ranks.where(rows["basis"] == "search")
    # 0 counts, 1 counts as lost, 2 (cancelled, failed by its machine, unfinished) says nothing.
    rows["end"] = rows["state"].map({"completed": 0, **dict.fromkeys(LOST, 1)}).fillna(2)
    confirms = (rows["basis"] == CONFIRM).to_numpy(dtype=bool)
    measured = _last_values(sweep, columns)
    if confirms.any():
        judged = _last_values(sweep, list(dict.fromkeys(map(confirmed_column, columns))))
        judged = judged[list(map(confirmed_column, columns))].to_numpy()
        measured = pd.DataFrame(
            np.where(confirms[:, None], judged, measured.to_numpy()), columns=columns
        )
    rows = pd.concat([rows, measured], axis=1)
    order = rows.assign(confirms=confirms)
    order = order.sort_values(["confirms", "search_rank", "end", "number"], kind="stable")
    representatives = order.drop_duplicates("point_id").set_index("point_id")
    rows["representative"] = rows["point_id"].map(representatives["trial_id"])
    rows["search_rank"] = rows["point_id"].map(representatives["search_rank"])
    rows = rows[rows["end"] < 2]
    strongest = rows.groupby("point_id")["strength"].transform("min")
    single = (rows["basis"] == "search") & (rows["trial_id"] != rows["representative"])
    return rows[(rows["strength"] == strongest) & ~single].reset_index(drop=True)


def _point_ranks(
    table: pd.DataFrame, counting: pd.DataFrame, study: Mapping[str, Any], by: str | None
) -> pd.Series:
    """1 = best: those with replicates by what these say, then the others as their trials rank."""
    replicated = table["basis"] != "search"
    columns = _columns(study, by)
    levels = table[(table["basis"] == "compare") & (table["n"] > 0) & (table["lost"] == 0)]
    shared = set.intersection(*map(set, levels["values"])) if len(levels) else set()
    judged = table.copy()
    if shared:
        # Means over the same seeds: their differences are paired, and a level that was trained with
        # more seeds is not judged by easier or harder ones.
        paired = counting[counting["point_id"].isin(levels.index) & counting["seed"].isin(shared)]
        means = paired.groupby("point_id")[columns].mean(skipna=False)
        judged.loc[levels.index, columns] = means
    ranked = (replicated & (table["n"] > 0)).to_numpy(dtype=bool)
    first, _ = _rank(judged, study, by, ranked)
    rest = table["search_rank"][~replicated & (table["n"] > 0)].rank(method="first")
    return pd.concat([first, rest + len(first)])


def deciding_metric(study: Mapping[str, Any]) -> str | None:
    """The one metric that orders, or None when several objectives do."""
    if study.get("decide"):
        return study["decide"]["by"]
    objectives = list(study["objectives"])
    return objectives[0] if len(objectives) == 1 else None


def _columns(study: Mapping[str, Any], by: str | None) -> list[str]:
    decide = study.get("decide") or {}
    bounded = [column for column, _ in bounds_of(study)]
    named = [*study["objectives"], decide.get("by"), *bounded, by]
    return list(dict.fromkeys(name for name in named if name))


def _feasible(table: pd.DataFrame, study: Mapping[str, Any]) -> pd.Series:
    met = pd.Series(True, index=table.index)
    for column, bound in bounds_of(study):
        met &= table[column].notna() & meets(table[column], bound)
    return met


def meets(value: Any, bound: str) -> Any:
    """Whether a value, or each of several, is within a bound such as `<= 5`."""
    sign, limit = parse_bound(bound)
    return _COMPARISONS[sign](value, limit)


def _rank(
    table: pd.DataFrame, study: Mapping[str, Any], by: str | None, candidates: np.ndarray
) -> tuple[pd.Series, pd.Series]:
    """Ranks of the rows that can be ranked, 1 = best, and which rows are on the front.

    Ties go to the earlier row. A point that lost a replicate comes behind all that lost none.
    """
    keys = pd.DataFrame(
        {name: _ascending(table[name], goal_of(name, study)) for name in study["objectives"]},
        index=table.index,
    )
    finite = keys.notna().all(axis=1) & candidates
    layers = pd.Series(np.nan, index=table.index)
    layers[finite] = pareto_layers(keys[finite].to_numpy(dtype=float))
    order = pd.DataFrame({"infeasible": ~table["feasible"]})
    if "lost" in table:
        order.insert(0, "lost", table["lost"] > 0)
    if decides := by or deciding_metric(study):
        order["key"] = _ascending(table[decides], goal_of(decides, study))
        order = order[order["key"].notna() & candidates]
    else:
        # Mean ranks, not means: objectives have units that cannot be added.
        order["layer"], order["mean"] = layers, keys[finite].rank().mean(axis=1)
        order = order[finite]
    best_first = order.sort_values(list(order.columns), kind="stable").index
    return pd.Series(np.arange(1.0, len(best_first) + 1), index=best_first), layers == 0


def _ascending(values: pd.Series, goal: str) -> pd.Series:
    """Values as smaller-is-better floats; whatever is not finite becomes NaN."""
    numbers = values.astype(float)
    numbers = numbers.where(np.isfinite(numbers))
    return numbers if goal == "minimize" else -numbers


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation, 0 where all of either are equal."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    # Ranks by pandas: `status` ranks, too, and SciPy's would be half of the time that it takes.
    return float(np.corrcoef(pd.Series(first).rank(), pd.Series(second).rank())[0, 1])


def best_and_some(ranked: Sequence[int], most: int, rng: np.random.Generator) -> list[int]:
    """No more than `most` of what is ranked, the best first: that half of them, others at random.

    The best tell where to look, and the others where not to.
    """
    if len(ranked) <= most:
        return list(ranked)
    best, rest = ranked[: most // 2], ranked[most // 2 :]
    return [*best, *rng.choice(rest, most - len(best), replace=False).tolist()]


def pareto_layers(points: np.ndarray) -> np.ndarray:
    """Non-dominated sorting (Goldberg 1989): 0 for the front, 1 for that of the rest, and so on.

    Args:
        points: (N, K), smaller is better.
    """
    if points.shape[1] == 1:
        return np.unique(points[:, 0], return_inverse=True)[1]
    if points.shape[1] == 2:
        return _layers_of_pairs(points)
    layers = np.full(len(points), -1)
    layer = 0
    while (left := np.flatnonzero(layers < 0)).size:
        layers[left[_on_front(points[left])]] = layer
        layer += 1
    return layers


def _layers_of_pairs(points: np.ndarray) -> np.ndarray:
    """`pareto_layers` for (N, 2) in one pass: by x, a layer's lowest y so far is its last one."""
    layers = np.zeros(len(points), dtype=int)
    last: list[tuple[float, float]] = []
    for index in np.lexsort((points[:, 1], points[:, 0])):
        x, y = points[index].tolist()
        layers[index] = layer = bisect_left(last, (y, x))  # the first that does not dominate it
        last[layer : layer + 1] = [(y, x)]
    return layers


def _on_front(points: np.ndarray) -> np.ndarray:
    """Which points no other one dominates, (N,) bool."""
    front = np.ones(len(points), dtype=bool)
    for index, point in enumerate(points):
        if front[index]:  # whatever a dominated point dominates, its dominator does too
            dominated = (point <= points).all(1) & (point < points).any(1)
            front &= ~dominated
    return front
