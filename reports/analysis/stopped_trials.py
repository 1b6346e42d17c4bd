"""The trials that answers count: those that finished, and what stopped ones would have come to."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from reports.tables import SweepTables
from search.core.imputation import AGREEMENT, Imputation, impute

MOST_TRIALS = 300
"""Trials that are counted where some were stopped; of more that many are drawn at random."""


class CountedTrials(NamedTuple):
    """Trials of a search and what they came to after the full budget.

    Attributes:
        points: (N,) settings.
        values: (M, N) of a metric; a row for each time that ends of stopped trials were imputed,
            one row where none count.
        stopped: how many of them were stopped early.
        agreement: Spearman's correlation of imputed and true ends among those that finished; None
            where no trial was stopped, or too few finished to say.
        left_out: trials that could count, beyond those that were drawn.
        uncounted: trials that were stopped early and do not count, as early values foretell too
            little of the end.
    """

    points: list[dict[str, Any]]
    values: np.ndarray
    stopped: int = 0
    agreement: float | None = None
    left_out: int = 0
    uncounted: int = 0


def counted_trials(
    sweep: SweepTables, rows: pd.DataFrame, column: str, least: float = AGREEMENT
) -> CountedTrials:
    """The trials that say what settings do to a metric.

    Args:
        rows: as of `SweepTables.outcomes` in that metric.
        least: agreement below which trials that were stopped do not count.
    """
    scored = rows[rows["kind"] == "scored"]
    values = scored["value"].to_numpy(dtype=float)
    finished = CountedTrials(scored["point"].tolist(), values[None])
    stopped = rows[(rows["state"] == "pruned") & (rows["kind"] == "partial")]
    if stopped.empty:
        return finished
    usable = pd.concat([scored, stopped])
    drawn = usable
    if len(usable) > MOST_TRIALS:
        drawn = usable.sample(MOST_TRIALS, random_state=0)
        drawn = drawn.sort_values("kind", ascending=False, kind="stable")
    imputed = _imputed(sweep, drawn, column)
    if imputed is None:
        return finished
    if not imputed.agreement >= least:
        return finished._replace(agreement=imputed.agreement, uncounted=len(stopped))
    whole = np.tile(drawn["value"].to_numpy(dtype=float), (len(imputed.values), 1))
    whole[:, imputed.trials] = imputed.values
    return CountedTrials(
        points=drawn["point"].tolist(),
        values=whole,
        stopped=len(imputed.trials),
        agreement=imputed.agreement,
        left_out=len(usable) - len(drawn),
    )


def _imputed(sweep: SweepTables, rows: pd.DataFrame, column: str) -> Imputation | None:
    ticks = sweep.ticks[sweep.ticks["trial_id"].isin(rows["trial_id"])]
    table = ticks.pivot_table(index="trial_id", columns="tick", values=column, aggfunc="last")
    table = table.reindex(columns=range(1, int(ticks["tick"].max()) + 1)).reindex(rows["trial_id"])
    last = ticks.groupby("trial_id")["tick"].max().reindex(rows["trial_id"]).to_numpy(dtype=int)
    curves = [row[:end] for row, end in zip(table.to_numpy(dtype=float), last, strict=True)]
    finished = rows["kind"].eq("scored").tolist()
    return impute(sweep.dimensions, rows["point"].tolist(), curves, finished)
