"""Which trials are drawn where there are too many to tell apart, or too many for a browser."""

import numpy as np
import pandas as pd

from reports.format import value_text

MOST = 1000
"""Points of one figure: beyond these SVG becomes slow, and points lie on top of each other."""
BEST = 50


def thinned(
    rows: pd.DataFrame, sign: int, always: pd.Series | None = None, most: int = MOST
) -> pd.DataFrame:
    """The best trials, those that failed, and of the rest as many as fit, drawn at random.

    The draw is always the same. Of failures beyond half of `most` some are left out, too.

    Args:
        rows: with the columns value and kind of `SweepTables.outcomes`.
        sign: 1 where smaller values are better, -1 where larger are.
        always: which rows must stay, aligned with `rows`.
        most: rows beyond which some are left out.

    Returns:
        Some of the rows, in their order; all of them where they are not too many.
    """
    if len(rows) <= most:
        return rows
    chance = pd.Series(np.random.default_rng(0).random(len(rows)), index=rows.index)
    failed = rows["kind"].eq("failed")
    values = (rows["value"] * sign).where(rows["kind"].eq("scored"))
    kept = values.rank(method="first").le(BEST)
    kept |= chance.where(failed).rank().le(most // 2)
    if always is not None:
        kept |= always
    rest = chance.where(~kept & ~failed)
    return rows[kept | rest.rank().le(most - int(kept.sum()))]


def left_out_text(shown: int, trials: int) -> str:
    """What a caption says of trials that are not drawn; empty where all are."""
    if shown >= trials:
        return ""
    return (
        f" Drawn: {value_text(shown)} of {value_text(trials)} trials, the best, the failed and a "
        "random part of the rest."
    )
