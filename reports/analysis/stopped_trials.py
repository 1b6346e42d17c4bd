"""The trials that answers count: those that finished, and what stopped ones would have come to."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from reports.tables import SweepTables
from search.core.imputation import Imputation, impute

MOST_TRIALS = 300
"""Trials that are counted where some were stopped; of more that many are drawn at random."""


class CountedTrials(NamedTuple):
    """Trials of a search and what they came to after the full budget, stopped ones last.

    Attributes:
        points: (N,) settings.
        values: (M, N) of a metric; a row for each time that ends of stopped trials were imputed,
            one row where none count.
        stopped: how many of them were stopped early.
        agreement: Spearman's correlation of imputed and true ends among those that finished; None
            where no trial was stopped, or too few finished to say.
        left_out: trials that could count, beyond those that were drawn.
        uncounted: trials that were stopped early and do not count.
    """

    points: list[dict[str, Any]]
    values: np.ndarray
    stopped: int = 0
    agreement: float | None = None
    left_out: int = 0
    uncounted: int = 0

    @property
    def finished(self) -> np.ndarray:
        """(N,) which of them finished."""
        return np.arange(len(self.points)) < len(self.points) - self.stopped


class Evidence(NamedTuple):
    """What is known of the trials of a search.

    Attributes:
        claims: the trials by which something is shown, stopped ones only where early values
            foretell the end.
        bets: all trials, as unsure as what stopped ones would have come to is.
    """

    claims: CountedTrials
    bets: CountedTrials


def evidence(sweep: SweepTables, rows: pd.DataFrame, column: str) -> Evidence:
    """The trials that say what settings do to a metric.

    Args:
        rows: as of `SweepTables.outcomes` in that metric.
    """
    scored = rows[rows["kind"] == "scored"]
    finished = CountedTrials(scored["point"].tolist(), scored["value"].to_numpy(dtype=float)[None])
    stopped = rows[(rows["state"] == "pruned") & (rows["kind"] == "partial")]
    if stopped.empty:
        return Evidence(finished, finished)
    usable = pd.concat([scored, stopped])
    drawn = usable
    if len(usable) > MOST_TRIALS:
        drawn = usable.sample(MOST_TRIALS, random_state=0)
        drawn = drawn.sort_values("kind", ascending=False, kind="stable")
    imputed = _imputed(sweep, drawn, column)
    uncounted = finished._replace(uncounted=len(stopped))
    if imputed is None:
        return Evidence(uncounted, uncounted)
    whole = np.tile(drawn["value"].to_numpy(dtype=float), (len(imputed.values), 1))
    whole[:, imputed.trials] = imputed.values
    is_drawn = np.isin(np.arange(len(drawn)), imputed.trials)
    counts = is_drawn | drawn["kind"].eq("scored").to_numpy()
    bets = CountedTrials(
        points=[point for point, one in zip(drawn["point"], counts, strict=True) if one],
        values=whole[:, counts],
        stopped=len(imputed.trials),
        agreement=imputed.agreement,
        left_out=len(usable) - len(drawn),
        uncounted=int((~counts).sum()),
    )
    claims = bets if imputed.counts else uncounted._replace(agreement=imputed.agreement)
    return Evidence(claims, bets)


def _imputed(sweep: SweepTables, rows: pd.DataFrame, column: str) -> Imputation | None:
    ticks = sweep.ticks[sweep.ticks["trial_id"].isin(rows["trial_id"])]
    table = ticks.pivot_table(index="trial_id", columns="tick", values=column, aggfunc="last")
    table = table.reindex(columns=range(1, int(ticks["tick"].max()) + 1)).reindex(rows["trial_id"])
    last = ticks.groupby("trial_id")["tick"].max().reindex(rows["trial_id"]).to_numpy(dtype=int)
    curves = [row[:end] for row, end in zip(table.to_numpy(dtype=float), last, strict=True)]
    finished = rows["kind"].eq("scored").tolist()
    return impute(sweep.dimensions, rows["point"].tolist(), curves, finished)
