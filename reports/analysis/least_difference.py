"""The least difference that matters: the study's, else a share of the trials' spread."""

import numpy as np

from reports.analysis.regression import winsorize
from reports.tables import Column, SweepTables

SPREAD_SHARE = 0.25
"""Of the trials' standard deviation: the least difference that matters where a study names none."""


def least_difference(sweep: SweepTables, values: np.ndarray, column: Column) -> float:
    """The least difference that matters by the study, else a share of the trials' spread.

    Args:
        values: of the trials of the search or comparison with equal budget: what the settings that
            were tried make of the metric is the scale that a difference is small or large on.
    """
    if wanted := sweep.least_difference(column.name):
        return float(wanted)
    return SPREAD_SHARE * float(winsorize(values).std(ddof=1)) if len(values) > 1 else 0.0
