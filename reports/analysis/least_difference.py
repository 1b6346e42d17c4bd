"""The least difference that matters: the study's, else a share of the trials' spread."""

import numpy as np

from reports.tables import Column, SweepTables
from search.core.outliers import winsorize

SPREAD_SHARE = 0.25
"""Of the trials' standard deviation: the least difference that matters where a study names none."""


def least_difference(sweep: SweepTables, values: np.ndarray, column: Column) -> float:
    """The least difference that matters by the study, else a share of the trials' spread.

    Args:
        values: (N,) of the trials of the search or comparison with equal budget, or (M, N) where
            some were imputed: what the settings that were tried make of the metric is the scale
            that a difference is small or large on.
    """
    if wanted := sweep.least_difference(column.name):
        return float(wanted)
    sets = np.atleast_2d(values)
    if sets.shape[1] < 2:
        return 0.0
    return SPREAD_SHARE * float(np.mean([winsorize(row).std(ddof=1) for row in sets]))
