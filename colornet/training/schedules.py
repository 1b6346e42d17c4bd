"""How fast the weights are moved as the budget is spent: one function per kind of schedule.

All are functions of pictures seen, and `plateau` of the ticks so far, so that a resumed training
continues them without a state of their own.
"""

from collections.abc import Mapping, Sequence
from math import cos, isfinite, pi
from typing import Any

from colornet.config.sections import optimizer

FOLLOWED = "val_ab_mae"
"""The column that `plateau` waits on."""


def rate_factor(
    options: optimizer.ScheduleConfig, seen: int, total: int, history: Sequence[Mapping[str, Any]]
) -> float:
    """What the learning rates are multiplied by in the step that begins after `seen` pictures.

    Args:
        total: the budget, pictures.
        history: the columns of the ticks so far, in order.
    """
    # A line from near 0: Adam's second moments are poor at first, and large steps with them harm.
    # The + 1 lets the first step move something.
    warmup = options.warmup * total
    if seen < warmup:
        return (seen + 1) / (warmup + 1)
    progress = min(1.0, seen / total)
    match options:
        case optimizer.Constant():
            return 1.0
        case optimizer.Step():
            return options.factor if progress >= options.at else 1.0
        case optimizer.Exponential():
            # factor^(t / every): a fall by `factor` in every such share, smooth in between.
            passed = (progress - options.warmup) / options.every
            return max(options.floor, options.factor**passed)
        case optimizer.Linear():
            begin = max(options.begin, options.warmup)
            fallen = max(0.0, (progress - begin) / (1 - begin))
            return 1 - (1 - options.floor) * fallen
        case optimizer.Cosine():
            # Loshchilov & Hutter 2017, equation 5, one period without restarts.
            through = max(0.0, (progress - options.warmup) / (1 - options.warmup))
            fallen = (1 - cos(pi * through)) / 2
            return 1 - (1 - options.floor) * fallen
        case optimizer.Plateau():
            drops = _plateaus([row.get(FOLLOWED) for row in history], options.patience)
            return max(options.floor, options.factor**drops)


def _plateaus(values: Sequence[float | None], patience: int) -> int:
    """How often `patience` ticks in a row brought no new best; each time the count restarts."""
    best, waited, drops = float("inf"), 0, 0
    for value in values:
        if value is not None and isfinite(value) and value < best:
            best, waited = value, 0
        else:
            waited += 1
        if waited == patience:
            drops, waited = drops + 1, 0
    return drops
