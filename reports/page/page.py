"""One self-contained HTML file per sweep: decision, answer, pictures, charts, trials, provenance.

Nothing is loaded from elsewhere, and two renders of the same records are the same bytes. All text
that comes from a user goes through Jinja's escaping, through JSON with `<` escaped, or through
`_style.safe`; a content security policy admits the page's own scripts by hash and nothing else.
"""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from plotly.io import to_json
from plotly.offline import get_plotlyjs

from reports import charts
from reports.analysis.decision import decide
from reports.answers.answers import answers, answers_view
from reports.answers.health import notes
from reports.charts import _style
from reports.format import fixed_text, percent_text, value_text
from reports.page import decision_box, gallery, summary, trial_view
from reports.tables import SweepTables

WEB = Path(__file__).parent / "web"
SCRIPTS = ("core", "charts", "selection", "color", "pictures", "trials", "trial", "commands")
"""The page's scripts, of which each may use those before it."""
BRUSH = (
    "Drag over points to select trials: table, pictures and charts follow. Click one to open it."
)
GROUPS = {"mattered": "What mattered", "contest": "Was it still a GAN?", "search": "Search"}
"""Parts of the page and their titles, in their order; a chart names its own as `GROUP`."""
MAX_TABLE_ROWS = 60
NAMED = 200
"""Up to this many points of a trace each has a hover text of its own."""
EXACT = 1e5
"""Numbers up to this size are drawn as well in single precision."""
SELECTOR_WORDS = {"trials": "by trial", "seconds": "by compute"}


def render(sweep: SweepTables, pictures: int = gallery.MOST) -> str:
    """The page of a sweep, finished or running.

    Args:
        pictures: of how many trials pictures are embedded, 0 for none.
    """
    figures: dict[str, Any] = {}
    groups = [group_of(name, sweep, figures) for name in GROUPS]
    tiles = gallery.prepare(sweep, pictures)
    decision = decide(sweep)
    parts = [(WEB / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    script = '"use strict";\n(() => {\n' + "".join(parts) + "})();\n"  # one scope for all
    data = {
        "figures": figures,
        "dark": _style.DARK,
        "trials": summary.trial_table(sweep),
        "view": trial_view.prepare(sweep),
    }
    contents = [("decision", "Decision"), ("answers", "Answer"), ("pictures", "Pictures")]
    contents += [(group["id"], group["title"]) for group in groups]
    contents += [("trials", "All trials"), ("provenance", "Provenance")]
    return filled(
        "page.html.j2",
        ("page", "answers"),
        script,
        data,
        header=summary.header(sweep),
        best=decision_box.best(sweep, decision, tiles),
        answers=answers_view(answers(sweep, decision), sweep, decision),
        gallery=tiles,
        washed_out=gallery.WASHED_OUT,
        groups=groups,
        contents=contents,
        health=notes(sweep, decision),
        provenance=summary.provenance(sweep),
    )


def filled(template: str, styles: Sequence[str], script: str, data: Any, **parts: Any) -> str:
    """A template with its style sheets, its data and the only scripts that its policy admits.

    Args:
        data: JSON-able, for the script.
        parts: what the template shows.
    """
    plotly = get_plotlyjs()
    css = [(WEB / f"{name}.css").read_text(encoding="utf-8") for name in styles]
    return (
        environment()
        .get_template(template)
        .render(
            **parts,
            policy=policy(plotly, script),
            css=Markup("".join(css)),
            data=Markup(embedded(data)),
            plotly=Markup(plotly),
            script=Markup(script),
        )
    )


@cache
def environment() -> Environment:
    """Templates that escape whatever they are given."""
    templates = Environment(
        loader=FileSystemLoader(WEB),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"breakable": breakable, "marked": marked, "fixed": fixed_text}
    templates.filters |= {"percent": percent_text, "value": value_text}
    return templates


@cache
def chart_modules() -> tuple[ModuleType, ...]:
    """The charts of `reports/charts`, in the order of the page; `_`-modules are their tools."""
    names = (info.name for info in iter_modules(charts.__path__) if info.name[0] != "_")
    modules = [import_module(f"{charts.__name__}.{name}") for name in names]
    groups = list(GROUPS)
    return tuple(sorted(modules, key=lambda chart: (groups.index(chart.GROUP), chart.ORDER)))


def group_of(name: str, sweep: SweepTables, figures: dict[str, Any]) -> dict[str, Any]:
    """A group's charts that have something to show, and why the others have not."""
    sections = [
        section_of(chart, choices, sweep, figures)
        for chart in chart_modules()
        if name == chart.GROUP and (choices := chart.each(sweep))
    ]
    empty = [part for part in sections if all(panel["missing"] for panel in part["panels"])]
    return {
        "id": name,
        "title": GROUPS[name],
        "hint": BRUSH,
        "charts": [part for part in sections if part not in empty],
        "missing": [(part["title"], part["panels"][0]["missing"]) for part in empty],
    }


def section_of(
    chart: ModuleType, choices: list[dict[str, str]], sweep: SweepTables, figures: dict[str, Any]
) -> dict[str, Any]:
    """A chart's panels and what chooses between them; its figures are added to `figures`."""
    selectors: list[dict[str, Any]] = []
    first: dict[str, str] = {}
    for name in dict.fromkeys(name for choice in choices for name in choice):
        if name in chart.GRID:
            continue
        values = list(dict.fromkeys(choice[name] for choice in choices))
        leading = sweep.leading.name
        first[name] = leading if leading in values else values[0]
        if len(values) > 1:
            options = [
                {"value": v, "text": _label(sweep, v), "first": v == first[name]} for v in values
            ]
            selectors.append({"name": name, "options": options})
    panels = []
    for index, choice in enumerate(choices):
        panel = _panel(chart, sweep, choice, f"chart-{chart.ID}-{index}", figures)
        panel["shown"] = all(choice[name] == value for name, value in first.items())
        panel["choice"] = {s["name"]: choice[s["name"]] for s in selectors}
        panels.append(panel)
    return {
        "id": chart.ID,
        "title": chart.TITLE,
        "grid": bool(chart.GRID),
        "selectors": selectors if any(not p["missing"] for p in panels) else [],
        "panels": panels,
    }


def _label(sweep: SweepTables, value: str) -> str:
    """What a panel or an option is called: metrics by their label, dimensions as they are."""
    if value in SELECTOR_WORDS:
        return SELECTOR_WORDS[value]
    dimensions = {dimension.name for dimension in sweep.dimensions}
    return " × ".join(n if n in dimensions else sweep.column(n).label for n in value.split(" × "))


def _panel(
    chart: ModuleType,
    sweep: SweepTables,
    choice: dict[str, str],
    name: str,
    figures: dict[str, Any],
) -> dict[str, Any]:
    """One figure with its caption and data table, or why there is none."""
    info = chart.prepare(sweep, **choice)
    heading = ", ".join(_label(sweep, choice[key]) for key in chart.GRID)
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
    trials the page's script makes the hover texts, from their numbers.
    """
    if isinstance(figure, list):
        return [slim(part) for part in figure]
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
        "body": [[value_text(cell) for cell in row] for row in rows],
        "more": max(len(frame) - MAX_TABLE_ROWS, 0),
    }


def breakable(name: str) -> Markup:
    """A dotted path that may wrap after its dots and underscores."""
    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[._])", name))


def marked(sentence: str) -> Markup:
    """A sentence in which text between backticks becomes code."""
    parts = [escape(part) for part in sentence.split("`")]
    if len(parts) % 2 == 0:
        return Markup("`").join(parts)
    codes = (
        Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts)
    )
    return Markup("").join(codes)


def policy(*scripts: str) -> str:
    """A content security policy that runs these scripts and nothing else."""
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def embedded(data: Any) -> str:
    """JSON that is safe in a script element: no `<`, `>` or `&`, no NaN."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
