"""What the diagnostics say against a trial, in a few words."""

import pandas as pd

from reports.tables import SweepTables

FLAGS = {
    "diag_collapsed": "contest collapsed",
    "diag_overfitting": "discriminator overfits",
}
"""Columns of ticks that are 1 where something is wrong, and what it is."""


def flags(sweep: SweepTables) -> pd.Series:
    """What is wrong with each trial at its last tick, aligned with `trials`; "" for nothing."""
    found = pd.Series("", index=sweep.trials.index, dtype=object)
    for column, words in FLAGS.items():
        raised = sweep.last_values(column) == 1
        found[raised] = found[raised].map(lambda before, words=words: before + f", {words}")
    return found.str.removeprefix(", ")
