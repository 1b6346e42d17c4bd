"""What a final training's curves say where it has not become a model worth using.

Errors are ab MAE in Lab units; that on training pictures is `val_ab_mae` less
`diag_train_val_gap`, which is measured on as many of them.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from colornet.cli_result import count_text
from colornet.data.few_pictures import few_pictures
from colornet.model.sweep_check import is_better, is_number

APART = 0.25
"""Share of the held-out error by which that on training pictures is lower where they are learned by
heart rather than learned from."""
STILL = 0.02
"""Share by which an error changes where it is said to rise or fall."""
Row = Mapping[str, Any]


def shortfalls(row: Row, origin: Row | None, objective: str) -> list[str]:
    """Sentences on what a model is not: better than one color, as good as the sweep's own trial.

    Args:
        row: columns of the tick whose weights are the model, those of the test pictures included.
        origin: the `from` part of a best.yaml whose trials were measured on the same pictures.
        objective: the column in which single trainings are compared; confirmed ones are in theirs.
    """
    said = []
    error, trivial = row.get("test_ab_mae"), row.get("test_ab_mae_baseline")
    if error is not None and trivial and error >= trivial:
        said.append(
            f"It is no better than one color everywhere: ab MAE {error:.4g} on the test pictures, "
            f"{error / trivial:.2f} times the error of the best single color."
        )
    confirmed = origin.get("confirmed") if origin else None
    if isinstance(confirmed, Mapping):
        objective = str(confirmed.get("column"))
        sides = [confirmed.get("low"), confirmed.get("high"), confirmed.get("mean")]
        old, whose = _worst(objective, sides), "replicates"
    else:
        values = origin.get("values") if origin else None
        old, whose = values.get(objective) if isinstance(values, Mapping) else None, "trial"
    new = row.get(objective)
    if is_number(old) and is_number(new) and is_better(objective, old, new):
        said.append(
            f"It is worse than the sweep's own {whose}: {objective} {new:.4g}, not {old:.4g}."
        )
    return said


def _worst(column: str, values: Sequence[Any]) -> float | None:
    """The worst of an interval's ends and its mean, as far as they are known."""
    worst = None
    for value in values:
        if is_number(value) and (worst is None or is_better(column, worst, value)):
            worst = value
    return worst


def reason(history: Sequence[Row], pictures: int, source: str) -> str:
    """Why, as far as the curves show it, and what would help.

    Args:
        history: all ticks.
        pictures: training pictures.
        source: where they come from, the config's `data.source`.
    """
    held_out = [row.get("val_ab_mae") for row in history]
    gaps = [row.get("diag_train_val_gap") for row in history]
    curves = [
        (held, held - gap)
        for held, gap in zip(held_out, gaps, strict=True)
        if held is not None and gap is not None and isfinite(held) and isfinite(gap)
    ]
    if not curves:
        return "What its curves would say was not measured."
    ticks = len(curves)
    best = min(range(ticks), key=lambda tick: curves[tick][0])
    (least, then), (held, learned) = curves[best], curves[-1]
    help_ = few_pictures(pictures, source) or (
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
