"""Two hundred hostile strings in every field that a user controls: they are text, and stay so."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from reports.answers.sweeps import compare_sweeps
from reports.page.comparison import render as render_comparison
from reports.page.page import render
from reports.tables import SweepTables

RUN = "window.hit=1"
PAYLOADS = [
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"</style><script>{RUN}</script>",
    f"</title><script>{RUN}</script>",
    f"</textarea><script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f'"><img src=x onerror={RUN}>',
    f"'><svg/onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f'<a href="javascript:{RUN}">a</a>',
    f"javascript:{RUN}",
    f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>',
    f"<details open ontoggle={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<video src=x onerror={RUN}>",
    f"<b onmouseover={RUN} style=position:fixed;inset:0>b</b>",
    f"<math><mtext></mtext><mglyph><style><img src=x onerror={RUN}></style></mglyph></math>",
    f"<form><button formaction=javascript:{RUN}>x</button></form>",
    f"<template><script>{RUN}</script></template>",
    "<meta http-equiv=refresh content=0;url=//x.example>",
    "<base href=//x.example>",
    "<link rel=stylesheet href=//x.example/a.css>",
    "<object data=//x.example></object>",
    f"data:text/html,<script>{RUN}</script>",
    "<!-- ",
    "]]>",
    "<![CDATA[",
    f"{{{{constructor.constructor('{RUN}')()}}}}",
    "{% include '/etc/passwd' %}",
    f"${{{RUN}}}",
    f"`;{RUN};`",
    f"';{RUN};//",
    f'";{RUN};//',
    f"\\u003cscript\\u003e{RUN}",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"&#60;img src=x onerror={RUN}&#62;",
    "\u2028\u2029",
    '=HYPERLINK("//x.example")',
    "__proto__",
]
STRINGS = [
    made
    for payload in PAYLOADS
    for made in (payload, payload.upper() + "'", f'"{payload}', f"{payload}\u202e", payload * 2)
]
TAGS = {
    "html head meta title style body a header div p span b h1 ul li nav main section h2 h3 h4 "
    "article small dl dt dd code button table thead tbody tr th td details summary label select "
    "option figure figcaption img input pre footer script svg line rect circle br wbr aside i "
    "dialog noscript caption"
}
KNOWN = set(next(iter(TAGS)).split())


def hostile_sweep(build: Callable[..., Any], name: str) -> SweepTables:
    """A trial for each string, which is in its settings, reason, origin, log and host."""
    texts = cycle(STRINGS)
    dimensions = ["".join(STRINGS[at::10]) for at in range(10)]
    space = {
        text: {"type": "choice", "choices": STRINGS[at::8]} for at, text in enumerate(dimensions)
    }
    labels = {next(texts): {"data.classes": [next(texts)]} for _ in range(4)}
    metrics = {"ab_mae": {"unit": STRINGS[5], "goal": "minimize", "label": STRINGS[10]}}
    sweep = build(
        space | {"pictures": {"type": "bundle", "labels": labels}},
        name=name,
        question=" ".join(STRINGS[:10]),
        asked_in=STRINGS[:8],
        sampler=STRINGS[3],
        metrics=metrics,
        fixed={STRINGS[6]: STRINGS[7]},
        final={STRINGS[11]: STRINGS[12]},
    )
    (sweep.folder / "provenance.json").write_text(
        json.dumps({"version": 1, **dict(zip(STRINGS, STRINGS[::-1], strict=True))})
    )
    for at, text in enumerate(STRINGS):
        point = {one: STRINGS[(at + place) % 200] for place, one in enumerate(dimensions)}
        sweep.trial(
            point | {"pictures": next(iter(labels))},
            9.0 + at % 7,
            "failed" if at % 3 == 0 else "completed",
            reason=text,
            origin=text,
            label=text,
            pictures=1 if at < 40 else 0,
        )
        row = {"trial_id": f"t{at:05d}", "number": at, "attempt": 2, "seed": 0, "origin": text}
        row |= {"point_id": text, "point": point, "distributions": {}, "system_attrs": {}}
        row |= {"config": {}, "state": "failed", "reason": text, "host": text, "log": text}
        if at % 3 == 0:
            sweep.writer.add("trials", row)
    return sweep.tables()


class Tags(HTMLParser):
    """Everything that the parser takes for markup."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.comments: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_comment(self, data) -> None:
        self.comments.append(data)


def rendered(build: Callable[..., Any]) -> dict[str, str]:
    sweeps = [hostile_sweep(build, name) for name in ("one", "two")]
    return {
        "page": render(sweeps[0]),
        "comparison": render_comparison(compare_sweeps(sweeps), sweeps),
    }


def test_there_are_two_hundred() -> None:
    assert len(set(STRINGS)) == len(STRINGS) == 200


def test_no_string_becomes_markup(build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.page.page.get_plotlyjs", lambda: "const Plotly = {};")
    for name, html in rendered(build).items():
        tags = Tags(html)
        assert {tag for tag, _ in tags.found} <= KNOWN, name
        assert sum(tag == "script" for tag, _ in tags.found) == 3, name
        assert tags.comments == [], name
        for tag, attributes in tags.found:
            assert not [one for one in attributes if one.startswith("on")], (name, tag)
            for one in ("href", "src"):
                value = attributes.get(one) or "#"
                assert value.startswith(("#", "data:image/webp;base64,")), (name, tag, value)


def visited(browser: Any, path: Path, trials: tuple[str, ...]) -> list[str]:
    """Whatever ran, broke or was asked for while somebody looked at everything on a page."""
    page = browser.new_page()
    noise: list[str] = []
    page.on("dialog", lambda dialog: (noise.append("dialog"), dialog.dismiss()))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("request", lambda request: noise.append(request.url))
    page.goto(path.as_uri())
    page.evaluate(
        """async () => {
          for (let y = 0; y < document.documentElement.scrollHeight; y += 500) {
            scrollTo(0, y);
            await new Promise((done) => setTimeout(done, 30));
          }
        }"""
    )
    for trial in trials:
        page.evaluate(f"location.hash = 'trial={trial}'")
        page.wait_for_selector("#trial-view[open]")
        page.keyboard.press("Escape")
    page.evaluate("document.querySelector('.chart .point')?.scrollIntoView()")
    for point in page.locator(".chart .point").all()[:10]:
        if box := point.bounding_box():
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(300)
    if page.evaluate("window.hit !== undefined"):
        noise.append("a script ran")
    page.close()
    return [one for one in noise if not one.startswith((path.as_uri(), "data:", "blob:"))]


@pytest.mark.browser
@pytest.mark.slow
def test_no_string_runs(build, browser: Any, tmp_path: Path) -> None:
    for name, html in rendered(build).items():
        path = tmp_path / f"{name}.html"
        path.write_text(html, encoding="utf-8")
        trials = ("t00000", "t00030", "t00190") if name == "page" else ()
        assert visited(browser, path, trials) == [], name
