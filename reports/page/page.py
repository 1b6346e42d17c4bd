"""One self-contained HTML file per sweep: decision, answer, pictures, charts, trials, provenance.

Nothing is loaded from elsewhere, and two renders of the same records are the same bytes. All text
that comes from a user goes through Jinja's escaping, through JSON with `<` escaped, or through
`_style.safe`; a content security policy admits the page's own scripts by hash and nothing else.
"""

import base64
import hashlib
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from reports.analysis.decision import decide
from reports.answers.answers import answers, answers_view
from reports.answers.health import notes
from reports.charts import _style
from reports.format import fixed_text, percent_text, value_text
from reports.page import decision_box, gallery, summary, trial_view
from reports.page.panels import sections
from reports.tables import SweepTables

WEB = Path(__file__).parent / "web"
SCRIPTS = ("core", "charts", "selection", "color", "pictures", "trials", "trial", "commands")
"""The page's scripts, of which each may use what stands in those before it."""
STYLES = ("page", "answers")


class Group(NamedTuple):
    """A part of the page with the charts of `reports/charts` that stand in it, in their order."""

    id: str
    title: str
    hint: str
    charts: tuple[str, ...]


BRUSH = (
    "Drag over points to select trials: table, pictures and charts follow. Click one to open it."
)
GROUPS = (
    Group(
        "mattered",
        "What mattered",
        BRUSH,
        ("compared", "importance", "balance_map", "dimensions", "interactions", "parallel"),
    ),
    Group(
        "contest",
        "Was it still a GAN?",
        BRUSH,
        ("contest", "gaps", "trouble", "players", "losses"),
    ),
    Group(
        "search",
        "Search",
        BRUSH,
        ("best_so_far", "learning_curves", "pareto", "early_ranks", "timeline", "endings"),
    ),
)


def render(sweep: SweepTables, pictures: int = gallery.MOST) -> str:
    """The page of a sweep, finished or running.

    Args:
        pictures: of how many trials pictures are embedded, 0 for none.
    """
    figures: dict[str, Any] = {}
    groups = [group_of(group, sweep, figures) for group in GROUPS]
    shown = gallery.prepare(sweep, pictures)
    decision = decide(sweep)
    script = page_script()
    plotly = get_plotlyjs()
    data = {
        "figures": figures,
        "dark": _style.DARK,
        "trials": summary.trial_table(sweep),
        "view": trial_view.prepare(sweep),
    }
    found = answers(sweep, decision)
    contents = [("decision", "Decision"), ("answers", "Answer"), ("pictures", "Pictures")]
    contents += [(group["id"], group["title"]) for group in groups]
    contents += [("trials", "All trials"), ("provenance", "Provenance")]
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            header=summary.header(sweep),
            best=decision_box.best(sweep, decision, shown),
            answers=answers_view(found, sweep, decision),
            gallery=shown,
            washed_out=gallery.WASHED_OUT,
            groups=groups,
            contents=contents,
            health=notes(sweep, decision),
            provenance=summary.provenance(sweep),
            policy=policy(plotly, script),
            css=Markup(style(*STYLES)),
            data=Markup(embedded(data)),
            plotly=Markup(plotly),
            script=Markup(script),
        )
    )


def environment() -> Environment:
    """Templates that escape whatever they are given."""
    made = Environment(
        loader=FileSystemLoader(WEB),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        **{"breakable": breakable, "marked": marked, "fixed": fixed_text},
        **{"percent": percent_text, "value": value_text},
    }
    return made


def page_script() -> str:
    """The page's own script, one scope for all its parts."""
    parts = [(WEB / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return '"use strict";\n(() => {\n' + "".join(parts) + "})();\n"


def style(*names: str) -> str:
    """Style sheets, one after the other."""
    return "".join((WEB / f"{name}.css").read_text(encoding="utf-8") for name in names)


def group_of(group: Group, sweep: SweepTables, figures: dict[str, Any]) -> dict[str, Any]:
    """A group's charts that have something to show, and why the others have not."""
    found = [
        section
        for name in group.charts
        for section in sections(import_module(f"reports.charts.{name}"), sweep, figures)
    ]
    empty = [one for one in found if all(panel["missing"] for panel in one["panels"])]
    return {
        "id": group.id,
        "title": group.title,
        "hint": group.hint,
        "charts": [one for one in found if one not in empty],
        "missing": [(one["title"], one["panels"][0]["missing"]) for one in empty],
    }


def breakable(name: str) -> Markup:
    """A dotted path that may wrap after its dots and underscores."""
    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[._])", name))


def marked(sentence: str) -> Markup:
    """A sentence in which what stands between backticks is code."""
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
    """JSON that can stand in a script element: no `<`, `>` or `&`, no NaN."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
