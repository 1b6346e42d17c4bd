"""Numbers, units, durations, intervals, p values and lists as text: the only place that formats.

Counts with their nouns and durations are in `colornet.cli_result`, which all rooms share.
"""

import json
import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from colornet.cli_result import duration_text as duration_text
from reports.tables import Column, setting_keys
from spaces.dimensions import Dimension

NONE = "–"
"""Where there is no number."""
FORMULA = re.compile(r"[=+\-@\t\r]")
"""How a text begins that a spreadsheet takes for a formula."""
MOST_DECIMALS = 8
"""Numbers that need more have an exponent."""
EXACT_INTEGERS = 2**53
"""Below this every whole number is a float, so that one can be written for the other."""


def value_text(value: Any) -> str:
    """A setting or number: four significant digits, whole numbers with separators."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NONE
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        if float(value).is_integer() and abs(value) < 1e6:
            return f"{int(value):,}"
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def setting_text(value: Any) -> str:
    """A setting; null is one, too: it switches something off."""
    return "none" if value is None else value_text(value)


def setting_labels(dimension: Dimension, settings: Iterable[Any]) -> dict[str, str]:
    """{key: text} of the study's choices in its order, then of other settings that occur."""
    keys = setting_keys(dimension, settings)
    return {key: setting_text(json.loads(key)) for key in keys}


def settings_text(point: dict[str, Any], names: Sequence[str]) -> str:
    """`bce`, or `bce, 0.1` for several dimensions; inactive ones are left out."""
    return ", ".join(setting_text(point[name]) for name in names if name in point) or "as the base"


def significant(value: float, digits: int) -> float:
    """The number rounded to `digits` significant digits."""
    return float(f"{value:.{digits}g}")


def score_text(value: float) -> str:
    """Four significant digits with zeros at the end, so that numbers below each other align."""
    return f"{value:#.4g}" if math.isfinite(value) else NONE


def fixed_text(value: float, digits: int) -> str:
    """A number with `digits` decimals."""
    return f"{value:.{digits}f}"


def bound_text(value: float) -> str:
    """A bound of a part of a range: two significant digits, whole numbers from 100 on."""
    return f"{value:.2g}" if abs(value) < 100 else f"{value:,.0f}"


def large_text(number: float) -> str:
    """`1,200`, `1.2 million`, `3.4 billion`."""
    for limit, word in ((1e9, "billion"), (1e6, "million")):
        if number >= limit:
            return f"{number / limit:.1f} {word}"
    return f"{number:,.0f}"


def size_text(size: int) -> str:
    """Bytes as `5.1 MB`."""
    return f"{size / 1e6:.1f} MB"


def percent_text(share: float, digits: int = 0) -> str:
    """`34%`, of 0.34."""
    return f"{share:.{digits}%}"


def time_text(time: datetime, *, seconds: bool = False) -> str:
    """`2026-05-01 12:30`, optionally with seconds."""
    return f"{time:%Y-%m-%d %H:%M:%S}" if seconds else f"{time:%Y-%m-%d %H:%M}"


def interval_text(
    estimate: float,
    low: float,
    high: float,
    *,
    signed: bool = False,
    digits: int | None = None,
    percent: bool = False,
) -> str:
    """`7.43 [6.31, 8.55]`, or the estimate alone where the ends are not finite.

    Args:
        signed: for differences: with a plus sign, and one digit less.
        digits: after the point; by default as many as the largest of the three numbers needs.
        percent: for shares.
    """
    numbers = [estimate, low, high] if math.isfinite(low) else [estimate]
    if not math.isfinite(estimate):
        return NONE
    sign, notation = "+" if signed else "", "f"
    if percent:
        texts = [percent_text(number) for number in numbers]
    else:
        if digits is None:
            size = max(abs(estimate), *(abs(end - estimate) for end in numbers)) or 1.0
            digits = max((2 if signed else 3) - math.floor(math.log10(size)), 0)
            if digits > MOST_DECIMALS:
                digits, notation = (1 if signed else 2), "e"
        texts = [f"{number:{sign}.{digits}{notation}}" for number in numbers]
    return texts[0] if len(texts) == 1 else f"{texts[0]} [{texts[1]}, {texts[2]}]"


def p_text(p: float, equals: str = "") -> str:
    """`.032` after `equals`, or `< .001`; empty without a test."""
    if math.isnan(p):
        return ""
    return "< .001" if p < 0.001 else equals + f"{p:.3f}".replace("0.", ".", 1)


def with_unit(text: str, column: Column) -> str:
    """The text with the metric's unit, unless that is a share (`of …`)."""
    return text if column.unit.startswith("of ") else f"{text} {column.unit}".strip()


def amount_text(value: float, column: Column) -> str:
    """`0.2 Lab units`: two significant digits, for amounts that are not known better."""
    return with_unit(value_text(significant(value, 2)), column)


def difference_text(estimate: float, low: float, high: float, column: Column) -> str:
    """`1.30 [0.90, 1.70] Lab units`."""
    return with_unit(interval_text(estimate, low, high, signed=True).replace("+", ""), column)


def comparison_text(
    first: str, second: str, estimate: float, low: float, high: float, column: Column
) -> str:
    """`A is worse than B by 1.30 [0.90, 1.70] Lab units`; the estimate is of A minus B."""
    word = "worse" if estimate * column.sign >= 0 else "better"
    if estimate < 0:
        estimate, low, high = -estimate, -high, -low
    return f"{first} is {word} than {second} by {difference_text(estimate, low, high, column)}"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def is_or_are(count: int) -> str:
    """The verb that follows a count."""
    return "is" if count == 1 else "are"


def json_number(value: Any) -> float | int | None:
    """A number for JSON: an int if it is one, None if missing or not finite."""
    if value is None or not np.isfinite(value):
        return None
    return int(value) if isinstance(value, int | np.integer) else float(value)


def plain_value(value: Any) -> Any:
    """A cell in plain Python: None if missing or not finite, whole numbers as int."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < EXACT_INTEGERS else value
    return value


def csv_cell(value: Any) -> str:
    """A cell of a CSV file.

    Nothing for what is missing, JSON for lists, exact numbers, and text that a spreadsheet would
    run disarmed by a quote.
    """
    if hasattr(value, "isoformat"):
        return "" if value != value else value.isoformat()  # pandas' NaT is no time, nor itself
    value = plain_value(value)
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if FORMULA.match(text) else text


def first_line(reason: Any) -> str:
    """The first line of the reason why a trial ended; empty if unknown."""
    lines = reason.strip().splitlines() if isinstance(reason, str) else ()
    return lines[0].strip() if lines else ""
