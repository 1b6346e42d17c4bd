"""A chart's panels as the page's templates take them, and its figures as JSON."""

import base64
import json
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from plotly.io import to_json

from reports.format import value_text
from reports.tables import SweepTables

MAX_TABLE_ROWS = 60
NAMED = 200
"""Points of a trace up to which each brings its own text along."""
EXACT = 1e5
"""Numbers up to this size are drawn as well in single precision."""
SELECTOR_WORDS = {"trials": "by trial", "seconds": "by compute"}


def sections(
    chart: ModuleType, sweep: SweepTables, figures: dict[str, Any]
) -> list[dict[str, Any]]:
    """A chart's panels and what chooses between them; its figures are added to `figures`.

    Returns:
        one section, or none where the chart has no panel.
    """
    choices = chart.each(sweep)
    if not choices:
        return []
    selectors = []
    first: dict[str, str] = {}
    for name in dict.fromkeys(name for choice in choices for name in choice):
        values = list(dict.fromkeys(choice[name] for choice in choices))
        if name in chart.GRID:
            continue
        leading = sweep.leading.name
        first[name] = leading if leading in values else values[0]
        if len(values) > 1:
            options = [
                {"value": v, "text": _option(sweep, v), "first": v == first[name]} for v in values
            ]
            selectors.append({"name": name, "options": options})
    panels = []
    for index, choice in enumerate(choices):
        shown = all(choice[name] == value for name, value in first.items())
        entry = _panel(chart, sweep, choice, f"chart-{chart.ID}-{index}", figures)
        chosen = {s["name"]: choice[s["name"]] for s in selectors}
        panels.append({**entry, "shown": shown, "choice": chosen})
    return [
        {
            "id": chart.ID,
            "title": chart.TITLE,
            "grid": bool(chart.GRID),
            "selectors": selectors if any(not p["missing"] for p in panels) else [],
            "panels": panels,
        }
    ]


def _option(sweep: SweepTables, value: str) -> str:
    if value in SELECTOR_WORDS:
        return SELECTOR_WORDS[value]
    known = {dimension.name for dimension in sweep.dimensions}
    return " × ".join(n if n in known else sweep.column(n).label for n in value.split(" × "))


def _panel(
    chart: ModuleType,
    sweep: SweepTables,
    choice: dict[str, str],
    name: str,
    figures: dict[str, Any],
) -> dict[str, Any]:
    """One figure with its caption and data table, or why there is none."""
    info = chart.prepare(sweep, **choice)
    known = {dimension.name for dimension in sweep.dimensions}
    headings = [choice[key] for key in chart.GRID]
    heading = ", ".join(h if h in known else sweep.column(h).label for h in headings)
    entry = {"id": name, "heading": heading, "missing": info.missing}
    if info.missing:
        return entry
    drawn = chart.draw(info)
    figures[name] = slim(json.loads(to_json(drawn, engine="json")))
    return {
        **entry,
        "height": drawn.layout.height,
        "caption": chart.caption(info),
        "table": html_table(chart.table(info)),
    }


def slim(figure: Any) -> Any:
    """A figure with its numbers in single precision: half the bytes, and no pixel differs.

    Numbers beyond `EXACT`, such as points in time, keep their precision. Of more than `NAMED`
    trials the page's script makes what stands beside the pointer, from their numbers.
    """
    if isinstance(figure, list):
        return [slim(one) for one in figure]
    if not isinstance(figure, dict):
        return figure
    if figure.get("dtype") == "f8" and "bdata" in figure:
        numbers = np.frombuffer(base64.b64decode(figure["bdata"]), "<f8")
        if np.abs(numbers[np.isfinite(numbers)]).max(initial=0) <= EXACT:
            data = base64.b64encode(numbers.astype("<f4").tobytes()).decode()
            return {**figure, "dtype": "f4", "bdata": data}
        return figure
    if figure.get("meta") == "trials" and len(figure.get("text") or ()) > NAMED:
        figure = {name: value for name, value in figure.items() if name != "text"}
    return {name: slim(value) for name, value in figure.items()}


def html_table(frame: pd.DataFrame) -> dict[str, Any]:
    """A frame as texts, cut where it is long."""
    rows = frame.head(MAX_TABLE_ROWS).itertuples(index=False)
    return {
        "head": [str(name) for name in frame.columns],
        "body": [[_cell(cell) for cell in row] for row in rows],
        "more": max(len(frame) - MAX_TABLE_ROWS, 0),
    }


def _cell(value: Any) -> str:
    return value_text(value.item() if isinstance(value, np.generic) else value)
