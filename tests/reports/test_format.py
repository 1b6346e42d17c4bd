"""Numbers as text, and that no other module makes it."""

import ast
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import reports
from reports import format as texts
from reports.format import (
    amount_text,
    bound_text,
    csv_cell,
    duration_text,
    first_line,
    interval_text,
    large_text,
    p_text,
    setting_text,
    value_text,
)
from reports.tables import Column

ROOM = Path(reports.__file__).parent


def formatting(path: Path) -> Iterator[str]:
    """Where a module or template writes a number itself; formats of Plotly's axes are its own."""
    source, name = path.read_text(encoding="utf-8"), path.relative_to(ROOM).as_posix()
    if path.suffix == ".j2":
        for at, line in enumerate(source.splitlines(), start=1):
            if re.search(r"\|\s*(format|round)\b", line):
                yield f"{name}:{at}"
        return
    for node in ast.walk(ast.parse(source)):
        spec = isinstance(node, ast.FormattedValue) and node.format_spec is not None
        call = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "format"
        percent = (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Mod)
            and isinstance(node.left, ast.Constant)
            and isinstance(node.left.value, str)
        )
        if spec or call or percent:
            yield f"{name}:{node.lineno}"


def test_numbers_become_text_in_one_module() -> None:
    own = Path(texts.__file__)
    files = [path for kind in ("*.py", "*.j2") for path in ROOM.rglob(kind) if path != own]
    assert [where for path in sorted(files) for where in formatting(path)] == []


def test_that_module_is_a_leaf() -> None:
    tree = ast.parse(Path(texts.__file__).read_text(encoding="utf-8"))
    taken = [
        (node.module, [name.name for name in node.names])
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reports")
    ]
    assert taken == [("reports.tables", ["Column", "setting_keys"])]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (True, "true"),
        (12800, "12,800"),
        (4.0, "4"),
        (0.00012346, "0.0001235"),
        (1e-5, "1e-05"),
        ("bce", "bce"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_value_text(value: object, text: str) -> None:
    assert value_text(value) == text


def test_setting_text() -> None:
    """A setting may be null, which is no gap."""
    assert [setting_text(one) for one in (None, 0.1, "bce")] == ["none", "0.1", "bce"]


def test_duration_text() -> None:
    assert [duration_text(s) for s in (2.5, 48, 600, 9000, math.nan)] == [
        "2.5 s",
        "48 s",
        "10 min",
        "2.5 h",
        "–",
    ]


@pytest.mark.parametrize(
    ("numbers", "how", "text"),
    [
        ((7.43, 6.31, 8.55), {}, "7.430 [6.310, 8.550]"),
        ((7.43, math.nan, math.nan), {}, "7.430"),
        ((math.nan, math.nan, math.nan), {}, "–"),
        ((0.1404, -0.02, 0.3), {"signed": True}, "+0.140 [-0.020, +0.300]"),
        ((0.341, 0.1, 0.5), {"digits": 2}, "0.34 [0.10, 0.50]"),
        ((0.341, 0.1, 0.5), {"percent": True}, "34% [10%, 50%]"),
        ((0.0, 0.0, 0.0), {}, "0.000 [0.000, 0.000]"),
        ((12345.6, 12000.0, 13000.0), {}, "12346 [12000, 13000]"),
        ((1.5e-6, 1e-6, 2e-6), {"signed": True}, "+0.00000150 [+0.00000100, +0.00000200]"),
        ((1.5e-9, 1e-9, 2e-9), {}, "1.50e-09 [1.00e-09, 2.00e-09]"),
        ((1.5e-9, -1e-9, 4e-9), {"signed": True}, "+1.5e-09 [-1.0e-09, +4.0e-09]"),
    ],
)
def test_intervals_in_words(
    numbers: tuple[float, float, float], how: dict[str, Any], text: str
) -> None:
    assert interval_text(*numbers, **how) == text


def test_amounts_with_units() -> None:
    assert amount_text(0.314, Column("m", "M", "Lab units", None)) == "0.31 Lab units"
    assert amount_text(0.314, Column("m", "M", "of 1", None)) == "0.31"


def test_p_in_words() -> None:
    assert [p_text(p) for p in (0.0321, 0.0001, 1.0, float("nan"))] == [
        ".032",
        "< .001",
        "1.000",
        "",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (math.nan, ""),
        (math.inf, ""),
        (0.1 + 0.2, "0.30000000000000004"),
        (-1.5, "-1.5"),
        (3.0, "3"),
        (True, "true"),
        ([1, 2], "[1, 2]"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-1", "'-1"),
        ("a,b", "a,b"),
    ],
)
def test_one_value(value: object, text: str) -> None:
    assert csv_cell(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "0.012"), (99.6, "1e+02"), (1234.0, "1,234"), (1e-5, "1e-05")]
)
def test_ends_of_parts_of_a_range(value: float, text: str) -> None:
    assert bound_text(value) == text


def test_large_numbers() -> None:
    numbers = (0, 1200, 1.25e6, 3e9)
    assert list(map(large_text, numbers)) == ["0", "1,200", "1.2 million", "3.0 billion"]


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("  loss is nan \nat tick 3", "loss is nan"),
        ("", ""),
        (" \n", ""),
        (None, ""),
        (math.nan, ""),
    ],
)
def test_the_first_line_of_a_reason(reason: Any, line: str) -> None:
    assert first_line(reason) == line
