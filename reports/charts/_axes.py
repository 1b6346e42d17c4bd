"""Where settings are placed on an axis.

Logarithms as distances, and places of their own for the special value, for trials to which a
dimension does not apply, and for what has no value.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from reports.charts import _style
from reports.format import setting_labels, setting_text, significant, value_text
from reports.tables import Column, setting_key
from spaces.dimensions import Dimension

ABSENT = object()
"""The setting of a trial to which a dimension does not apply; None may be a choice."""
APART = 0.14
"""Distance of a place of its own from the range, as a share of the range."""
MOST_TICKS = 6
NOT_ACTIVE, NO_VALUE = "not active", "no value"


class Scale(NamedTuple):
    """An axis on which distances are straight.

    Attributes:
        places: one per setting.
        ticks: (place, text that may be user text).
        view: (low, high) that shows all places, low < high.
        log: whether places of the range are powers of ten.
    """

    places: tuple[float, ...]
    ticks: tuple[tuple[float, str], ...]
    view: tuple[float, float]
    log: bool


def scale_of(dimension: Dimension, settings: Sequence[Any]) -> Scale:
    """The axis of a dimension for these settings, `ABSENT` where it does not apply."""
    if dimension.is_categorical:
        return _categorical(dimension, settings)
    numbers = [
        float(value)
        for value in settings
        if value is not ABSENT
        and value not in dimension.special
        and (value > 0 or not dimension.is_log)
    ]
    numbers += [float(end) for end in (dimension.low, dimension.high) if end is not None]
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    straight = math.log10 if dimension.is_log else float
    ticks = [(straight(tick), value_text(tick)) for tick in _ticks(dimension, low, high)]
    low, high = straight(low), straight(high)
    span = high - low or 1.0
    special = low - APART * span
    # A logarithmic axis has no place for 0 or below: those join the special value.
    places, apart = [], {}
    for value in settings:
        if value is ABSENT:
            apart[NOT_ACTIVE] = low - APART * span * (1 + len(dimension.special))
            places.append(apart[NOT_ACTIVE])
        elif value in dimension.special or (dimension.is_log and value <= 0):
            apart[setting_text(value)] = special
            places.append(special)
        else:
            places.append(straight(value))
    ticks += [(place, text) for text, place in apart.items()]
    bottom = min([low, *apart.values()])
    return Scale(
        tuple(places),
        tuple(sorted(ticks)),
        (bottom - 0.04 * span, high + 0.04 * span),
        dimension.is_log,
    )


def _categorical(dimension: Dimension, settings: Sequence[Any]) -> Scale:
    """Choices in the order of the study, then others that occur; below them what is not active."""
    labels = setting_labels(dimension, (value for value in settings if value is not ABSENT))
    index = {key: float(place) for place, key in enumerate(labels)}
    ticks = [(index[key], label) for key, label in labels.items()]
    if ABSENT in settings:
        ticks.insert(0, (-1.0, NOT_ACTIVE))
    places = tuple(-1.0 if value is ABSENT else index[setting_key(value)] for value in settings)
    low = ticks[0][0] if ticks else 0.0
    return Scale(places, tuple(ticks), (low - 0.3, max(len(index) - 1, 0) + 0.3), False)


def metric_scale(column: Column, values: Sequence[float], view: tuple[float, float]) -> Scale:
    """The axis of a metric: outliers at the edge of `view`, what is not finite beyond the bad one.

    Args:
        values: one per trial; NaN for none.
        view: (low, high) of the values that are worth telling apart.
    """
    low, high = view
    span = high - low
    beyond = (high if column.sign > 0 else low) + column.sign * APART * span
    finite = [math.isfinite(value) for value in values]
    places = tuple(
        min(max(value, low), high) if is_finite else beyond
        for value, is_finite in zip(values, finite, strict=True)
    )
    ticks = [(tick, value_text(tick)) for tick in linear_ticks(low, high)]
    if not all(finite):
        ticks.append((beyond, NO_VALUE))
        low, high = min(low, beyond - 0.04 * span), max(high, beyond + 0.04 * span)
    return Scale(places, tuple(sorted(ticks)), (low, high), False)


def _ticks(dimension: Dimension, low: float, high: float) -> tuple[float, ...]:
    if low == high:
        return (low,)
    if dimension.is_log:
        return _style.log_ticks(low, high)
    ticks = linear_ticks(low, high)
    return tuple(tick for tick in ticks if tick == round(tick)) if dimension.is_int else ticks


def linear_ticks(low: float, high: float) -> tuple[float, ...]:
    """At most `MOST_TICKS` round numbers from low to high; low < high."""
    # Steps of 1, 2 or 5 times a power of ten, the smallest that gives no more ticks.
    size = 10.0 ** math.floor(math.log10((high - low) / MOST_TICKS))
    steps = (size * factor for factor in (1, 2, 5, 10, 20))
    step = next(step for step in steps if (high - low) / step <= MOST_TICKS - 1)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(significant(place * step, 10) for place in range(first, last + 1))
