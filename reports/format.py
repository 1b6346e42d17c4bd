"""Numbers, intervals, durations and lists as text."""

from reports.analysis.decision import interval_text
from reports.tables import Column, value_text


def amount_text(estimate: float, low: float, high: float, column: Column) -> str:
    """`1.30 [0.90, 1.70] Lab units`, of a difference."""
    unit = "" if column.unit.startswith("of ") else column.unit
    numbers = interval_text(estimate, low, high, "+").replace("+", "")
    return f"{numbers} {unit}".strip()


def least_text(difference: float, column: Column) -> str:
    """`0.2 Lab units`."""
    unit = "" if column.unit.startswith("of ") else column.unit
    return f"{value_text(float(f'{difference:.2g}'))} {unit}".strip()


def apart(first: str, second: str, estimate: float, low: float, high: float, column: Column) -> str:
    """`A is worse than B by 1.30 [0.90, 1.70] Lab units`; the estimate is of A minus B."""
    word = "worse" if estimate * column.sign >= 0 else "better"
    if estimate < 0:
        estimate, low, high = -estimate, -high, -low
    return f"{first} is {word} than {second} by {amount_text(estimate, low, high, column)}"


def listed(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
