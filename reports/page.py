"""One self-contained HTML file per sweep: charts, pictures, tables, provenance.

Nothing is loaded from elsewhere, and two renders of the same records are the same bytes. All text
that comes from a user goes through Jinja's escaping, through JSON with `<` escaped, or through
`drawing.safe`; a content security policy admits the page's own scripts by hash and nothing else.
"""

import base64
import hashlib
import json
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from plotly.io import to_json
from plotly.offline import get_plotlyjs

from reports import drawing, gallery, leaders, summary
from reports.tables import SweepTables, value_text

HERE = Path(__file__).parent
CHARTS = (
    "best_so_far",
    "pareto",
    "learning_curves",
    "early_ranks",
    "losses",
    "dimensions",
    "importance",
)
"""The modules of `reports/charts` in their order on the page."""
MAX_TABLE_ROWS = 60
SELECTOR_WORDS = {"trials": "by trial", "seconds": "by compute"}


def render(sweep: SweepTables, pictures: int = 24) -> str:
    """The page of a sweep, finished or running.

    Args:
        pictures: trials whose pictures are embedded, at most; 0 leaves pictures out.
    """
    figures: dict[str, Any] = {}
    sections = [section(import_module(f"reports.charts.{name}"), sweep, figures) for name in CHARTS]
    sections = [entry for entry in sections if entry["panels"]]
    script = (HERE / "page.js").read_text(encoding="utf-8")
    plotly = get_plotlyjs()
    data = {"figures": figures, "dark": drawing.DARK, "trials": summary.trial_table(sweep)}
    contents = [("best", "Best"), ("pictures", "Pictures")]
    contents += [(entry["id"], entry["short"]) for entry in sections]
    contents += [("trials", "All trials"), ("provenance", "Provenance")]
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    return environment.get_template("page.html.j2").render(
        header=summary.header(sweep),
        best=leaders.best(sweep),
        gallery=gallery.prepare(sweep, pictures),
        sections=sections,
        contents=contents,
        provenance=summary.provenance(sweep),
        policy=policy(plotly, script),
        css=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        data=Markup(embedded(data)),
        plotly=Markup(plotly),
        script=Markup(script),
    )


def breakable(name: str) -> Markup:
    """A dotted path that may wrap after its dots."""
    return Markup("<wbr>").join(escape(part) for part in name.replace(".", ".\n").split("\n"))


def policy(*scripts: str) -> str:
    """A content security policy that runs these scripts and nothing else."""
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def embedded(data: Any) -> str:
    """JSON that can stand in a script element: no `<`, `>` or `&`, no NaN."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def section(chart: ModuleType, sweep: SweepTables, figures: dict[str, Any]) -> dict[str, Any]:
    """A chart's panels and what chooses between them; its figures are added to `figures`."""
    choices = chart.each(sweep)
    names = list(dict.fromkeys(name for choice in choices for name in choice))
    selectors = []
    first: dict[str, str] = {}
    for name in names:
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
        entry = panel(chart, sweep, choice, f"chart-{chart.ID}-{index}", figures)
        chosen = {s["name"]: choice[s["name"]] for s in selectors}
        panels.append({**entry, "shown": shown, "choice": chosen})
    return {
        "id": chart.ID,
        "title": chart.TITLE,
        "short": chart.SHORT,
        "grid": bool(chart.GRID),
        "selectors": selectors if any(not p["missing"] for p in panels) else [],
        "panels": panels,
    }


def _option(sweep: SweepTables, value: str) -> str:
    if value in SELECTOR_WORDS:
        return SELECTOR_WORDS[value]
    return " × ".join(sweep.column(name).label for name in value.split(" × "))


def panel(
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
    figures[name] = json.loads(to_json(drawn, engine="json"))
    return {
        **entry,
        "height": drawn.layout.height,
        "caption": chart.caption(info),
        "table": html_table(chart.table(info)),
    }


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
