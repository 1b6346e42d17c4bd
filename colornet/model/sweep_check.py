"""What a sweep promised of a configuration, and whether its final training kept it."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, TypeGuard

from colornet.config.columns import METRICS
from colornet.config.config import Config
from colornet.config.paths import flatten

DEFAULT = "val_ab_mae"
_APART = {"about", "training.seed", "training.checkpoint_every", "training.ticks"}
"""Settings that a promise does not depend on."""
_NAMED = 3


def objective_of(origin: Mapping[str, Any] | None, config: Config) -> str:
    """The column that the best checkpoint is chosen by: what decided, by best.yaml.

    That is the first of its `values` in files that do not say what decided, and `val_ab_mae` where
    there is no best.yaml, or nothing in it that every tick has. Test pictures judge what was
    confirmed, and only the last tick: held-out ones stand for them.
    """
    values = origin.get("values") if origin else None
    decided = [origin["decided_by"]] if origin and origin.get("decided_by") else []
    for column in [*decided, *(values if isinstance(values, Mapping) else ())]:
        prefix, _, name = str(column).partition("_")
        prefix = "val" if prefix == "test" else prefix
        measured = prefix == "val" or (prefix == "eval" and config.evaluate_on is not None)
        if measured and name in METRICS and METRICS[name].goal:
            return f"{prefix}_{name}"
    return DEFAULT


def is_better(column: str, value: float, than: float) -> bool:
    """Whether a value of a metric's column is better than another."""
    _, _, name = column.partition("_")
    return value > than if METRICS[name].goal == "maximize" else value < than


def same_pictures(searched: Config | None, trained: Config) -> bool:
    """Whether a final training is measured on the pictures that the sweep's trials were."""
    if searched is None:
        return False
    return (searched.data, searched.evaluate_on) == (trained.data, trained.evaluate_on)


def verdict(
    origin: Mapping[str, Any], searched: Config | None, trained: Config, metrics: Mapping[str, Any]
) -> str:
    """A sentence: whether the sweep's promise was kept, or why nobody can say.

    Args:
        origin: the `from` part of a best.yaml, whose `confirmed` is the promise.
        searched: the config that was confirmed, its budget in images; None where it is not known.
        trained: the config of the final training, likewise.
        metrics: columns of the final training's last tick.
    """
    found = origin.get("confirmed")
    if not isinstance(found, Mapping):
        return "The sweep promised nothing: this configuration was not confirmed by replicates."
    column, low, high = (found.get(name) for name in ("column", "low", "high"))
    value, name = metrics.get(str(column)), str(column).partition("_")[2]
    if not (is_number(low) and is_number(high)):
        return f"The sweep promised nothing: its interval of {column} is not known."
    promise = f"{low:.4g} to {high:.4g} in {column}, the mean of {found.get('replicates')} seeds"
    if changed := _changed(searched, trained):
        return f"The sweep's promise ({promise}) says nothing of this training: {changed}."
    if not is_number(value) or name not in METRICS:
        return f"The sweep's promise ({promise}) cannot be compared: {column} was not measured."
    if low <= value <= high:
        return f"The sweep's promise was kept: {column} is {value:.4g}, within {promise}."
    bound = low if value < low else high
    if METRICS[name].goal and is_better(column, value, bound):
        kept = "more than kept"
    else:
        kept = "not kept" if METRICS[name].goal else "missed"
    away = "below" if value < low else "above"
    return (
        f"The sweep's promise was {kept}: {column} is {value:.4g}, {abs(value - bound):.4g} "
        f"{away} {promise}. One training may be off by chance where a mean is not."
    )


def _changed(searched: Config | None, trained: Config) -> str:
    """What makes a training another one than was confirmed; empty where nothing does."""
    if searched is None:
        return "what was confirmed is not in the file"
    before, after = flatten(searched.to_dict()), flatten(trained.to_dict())
    paths = [p for p in after.keys() | before.keys() if before.get(p) != after.get(p)]
    paths = sorted(path for path in paths if path not in _APART)
    named = [f"{path} is {after.get(path)}, not {before.get(path)}" for path in paths[:_NAMED]]
    more = len(paths) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value from a file is a finite number."""
    return isinstance(value, int | float) and isfinite(value)
