"""Whether a final training has become what its sweep measured, and what its curves say if not.

Errors in curves are ab MAE in Lab units; that on training pictures is `val_ab_mae` less
`diag_train_val_gap`, which is measured on as many of them.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, TypeGuard

from colornet.cli_result import count_text
from colornet.config.columns import METRICS
from colornet.config.config import Config
from colornet.config.paths import flatten
from colornet.data.packs import few_pictures_warning

DEFAULT = "val_ab_mae"
_APART = {"about", "training.seed", "training.checkpoint_every", "training.ticks"}
"""Settings that a promise does not depend on."""
_NAMED = 3
APART = 0.25
"""Share of the held-out error by which that on training pictures is lower where they are learned by
heart rather than learned from."""
STILL = 0.02
"""Share by which an error changes where it is said to rise or fall."""
Row = Mapping[str, Any]


def objective_column(origin: Mapping[str, Any] | None, config: Config) -> str:
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


def compare_with_sweep(
    origin: Mapping[str, Any], searched: Config | None, trained: Config, metrics: Mapping[str, Any]
) -> str:
    """A sentence: whether the sweep's promise was kept, or why nobody can say.

    Args:
        origin: the `from` part of a best.yaml, whose `confirmed` is the promise.
        searched: the config that was confirmed, its budget in images; None where it is not known.
        trained: the config of the final training, likewise.
        metrics: columns of the final training's last tick.
    """
    confirmed = origin.get("confirmed")
    if not isinstance(confirmed, Mapping):
        return "The sweep promised nothing: this configuration was not confirmed by replicates."
    column, low, high = (confirmed.get(name) for name in ("column", "low", "high"))
    value, name = metrics.get(str(column)), str(column).partition("_")[2]
    if not (is_number(low) and is_number(high)):
        return f"The sweep promised nothing: its interval of {column} is not known."
    seeds = confirmed.get("replicates")
    promise = f"{low:.4g} to {high:.4g} in {column}, the mean of {seeds} seeds"
    if changed := _changed(searched, trained):
        return f"The sweep's promise ({promise}) says nothing of this training: {changed}."
    if not is_number(value) or name not in METRICS:
        return f"The sweep's promise ({promise}) cannot be compared: {column} was not measured."
    if low <= value <= high:
        return f"The sweep's promise was kept: {column} is {value:.4g}, within {promise}."
    bound = low if value < low else high
    if METRICS[name].goal and is_better(column, value, bound):
        outcome = "more than kept"
    else:
        outcome = "not kept" if METRICS[name].goal else "missed"
    away = "below" if value < low else "above"
    return (
        f"The sweep's promise was {outcome}: {column} is {value:.4g}, {abs(value - bound):.4g} "
        f"{away} {promise}. One training may be off by chance where a mean is not."
    )


def _changed(searched: Config | None, trained: Config) -> str:
    """What makes a training another one than was confirmed; empty where nothing does."""
    if searched is None:
        return "what was confirmed is not in the file"
    before, after = flatten(searched.to_dict()), flatten(trained.to_dict())
    others = (before.keys() | after.keys()) - _APART
    paths = sorted(path for path in others if before.get(path) != after.get(path))
    named = [f"{path} is {after.get(path)}, not {before.get(path)}" for path in paths[:_NAMED]]
    more = len(paths) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value from a file is a finite number."""
    return isinstance(value, int | float) and isfinite(value)


def shortfalls(row: Row, origin: Row | None, objective: str) -> list[str]:
    """Sentences on what a model is not: better than one color, as good as the sweep's own trial.

    Args:
        row: columns of the tick whose weights are the model, those of the test pictures included.
        origin: the `from` part of a best.yaml whose trials were measured on the same pictures.
        objective: the column in which single trainings are compared; confirmed ones are in theirs.
    """
    sentences = []
    error, trivial = row.get("test_ab_mae"), row.get("test_ab_mae_baseline")
    if error is not None and trivial and error >= trivial:
        sentences.append(
            f"It is no better than one color everywhere: ab MAE {error:.4g} on the test pictures, "
            f"{error / trivial:.2f} times the error of the best single color."
        )
    confirmed = origin.get("confirmed") if origin else None
    if isinstance(confirmed, Mapping):
        objective, old, whose = str(confirmed.get("column")), None, "replicates"
        for side in (confirmed.get("low"), confirmed.get("high"), confirmed.get("mean")):
            if is_number(side) and (old is None or is_better(objective, old, side)):
                old = side
    else:
        values = origin.get("values") if origin else None
        old, whose = values.get(objective) if isinstance(values, Mapping) else None, "trial"
    new = row.get(objective)
    if is_number(old) and is_number(new) and is_better(objective, old, new):
        sentences.append(
            f"It is worse than the sweep's own {whose}: {objective} {new:.4g}, not {old:.4g}."
        )
    return sentences


def reason(history: Sequence[Row], pictures: int, source: str) -> str:
    """Why, as far as the curves show it, and what would help.

    Args:
        history: all ticks.
        pictures: training pictures.
        source: where they come from, the config's `data.source`.
    """
    measured = ((row.get("val_ab_mae"), row.get("diag_train_val_gap")) for row in history)
    curves = [(held, held - gap) for held, gap in measured if is_number(held) and is_number(gap)]
    if not curves:
        return "What its curves would say was not measured."
    ticks = len(curves)
    best = min(range(ticks), key=lambda tick: curves[tick][0])
    (least, then), (held, learned) = curves[best], curves[-1]
    help_ = few_pictures_warning(pictures, source) or (
        f"{count_text(pictures, 'training picture')} are too few for so long a training of so "
        "large a network: more pictures, a shorter training or dropout would help."
    )
    if held > least * (1 + STILL) and learned < then:
        return (
            f"It overfits: from tick {best + 1} of {ticks} on, the error on held-out pictures rose "
            f"from {least:.4g} to {held:.4g} while that on training pictures fell from {then:.4g} "
            f"to {learned:.4g}. {help_}"
        )
    if held - learned > APART * held:
        return (
            f"It overfits: the error is {learned:.4g} on training pictures and {held:.4g} on "
            f"held-out ones. {help_}"
        )
    first = curves[0][1]
    if learned < first * (1 - STILL):
        return (
            f"It has not learned enough: the error on training pictures fell from {first:.4g} to "
            f"{learned:.4g}. A longer training would help (--set training.images=…)."
        )
    return (
        f"It has hardly learned: the error on training pictures is {learned:.4g}, as after the "
        f"first of {ticks} ticks. A longer training (--set training.images=…) or other rates would "
        "help."
    )
