"""The page: safe, self-contained, the same bytes every time."""

import base64
import hashlib
import json
from html.parser import HTMLParser

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.io import to_json

from reports.page import page as page_module
from reports.page.page import breakable, embedded, marked, policy, render, slim
from reports.tables import SweepTables, tables_of
from search.records.reader import read_sweep


@pytest.fixture(autouse=True)
def short_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page without the 5 MB of plotly.js, which would only be parsed over and over."""
    monkeypatch.setattr(page_module, "get_plotlyjs", lambda: "const Plotly = {};")


class Parsed(HTMLParser):
    """Tags with their attributes, and the text of script elements."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self._script = False
        self.feed(html)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self._script = True
            self.scripts.append("")

    def handle_endtag(self, tag) -> None:
        self._script = self._script and tag != "script"

    def handle_data(self, data) -> None:
        if self._script:
            self.scripts[-1] += data
        else:
            self.text.append(data)


def test_awkward_sweeps_render(awkward: SweepTables) -> None:
    page = Parsed(render(awkward))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert sum(tag == "h1" for tag, _ in page.tags) == 1
    charts = {attrs["id"] for tag, attrs in page.tags if attrs.get("class") == "chart"}
    assert charts == set(json.loads(page.scripts[0])["figures"])


def test_two_renders_are_the_same_bytes(build) -> None:
    sweep = build()
    for index in range(8):
        point = {"optimizer.generator_lr": 1e-4 * (index + 1), "loss.adversarial": "bce"}
        sweep.trial(point, 9.0 + index, pictures=2)
    first = render(sweep.tables())
    assert first == render(tables_of(read_sweep(sweep.folder)))


def test_nothing_hostile_becomes_markup(hostile: SweepTables) -> None:
    page = Parsed(render(hostile))
    assert [tag for tag, _ in page.tags].count("script") == 3
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on")], (tag, attrs)
        if tag == "img":
            assert attrs["src"].startswith("data:image/webp;base64,")
        for name in ("href", "src"):
            assert attrs.get(name, "#").startswith(("#", "data:")), (tag, attrs)
    assert any("onerror=alert(1)" in text for text in page.text)


def test_policy_admits_the_scripts_of_the_page(hostile: SweepTables) -> None:
    page = Parsed(render(hostile))
    admitted = next(a["content"] for t, a in page.tags if "Policy" in a.get("http-equiv", ""))
    assert admitted.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in admitted.partition("style-src")[0]
    for script in page.scripts[1:]:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in admitted


def test_embedded_json_cannot_end_its_element() -> None:
    text = embedded({"a": "</script><!--&\u2028"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script><!--&\u2028"}
    with pytest.raises(ValueError):
        embedded(float("nan"))


def test_paths_wrap_after_dots() -> None:
    assert breakable("loss.<b>") == "loss.<wbr>&lt;b&gt;"
    assert breakable("l1_weight") == "l1_<wbr>weight"


def test_policy_of_no_script() -> None:
    assert "script-src ;" in policy()


def test_a_sweep_without_a_result_says_so(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0, "diverged", reason="loss_generator became NaN at step 12")
    html = render(sweep.tables())
    assert "No configuration can be chosen yet: no trial has completed its budget" in html
    assert "loss_generator became NaN at step 12" in html


def test_torn_parts_are_named(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0)
    sweep.writer.commit()
    part = next((sweep.folder / "records" / "ticks").glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:50])
    assert part.name in render(tables_of(read_sweep(sweep.folder)))


def test_sentences_mark_code_and_nothing_else() -> None:
    assert marked("type `a <b>` now") == "type <code>a &lt;b&gt;</code> now"
    assert marked("a lonely ` stays <i>") == "a lonely ` stays &lt;i&gt;"


def test_numbers_are_half_as_long_and_look_the_same() -> None:
    exact = np.array([1e-5, 1 / 3, np.nan, np.inf, -12345.6])
    times = np.array([1.7e12, 1.7e12 + 1])
    whole = np.array([1, 2, 70_000])
    drawn = go.Figure(
        [go.Scatter(x=exact, y=times, customdata=whole), go.Scatter(x=exact, name="é<b>")],
        {"height": 70},
    )
    before = json.loads(to_json(drawn, engine="json"))
    after = slim(before)
    first = after["data"][0]
    assert first["x"]["dtype"] == "f4"
    assert (first["y"], first["customdata"]) == (
        before["data"][0]["y"],
        before["data"][0]["customdata"],
    )
    numbers = np.frombuffer(base64.b64decode(first["x"]["bdata"]), "<f4")
    np.testing.assert_allclose(numbers, exact, rtol=1e-7)
    assert len(first["x"]["bdata"]) < 0.6 * len(before["data"][0]["x"]["bdata"])
    assert (after["data"][1]["name"], after["layout"]["height"]) == ("é<b>", 70)


def test_numbers_that_are_none() -> None:
    empty = {"dtype": "f8", "bdata": "", "shape": "0"}
    assert slim({"x": empty}) == {"x": {**empty, "dtype": "f4"}}
    missing = {"dtype": "f8", "bdata": base64.b64encode(np.array([np.nan]).tobytes()).decode()}
    assert np.isnan(np.frombuffer(base64.b64decode(slim(missing)["bdata"]), "<f4")).all()
