"""How figures go into the page."""

import base64
import json

import numpy as np
import plotly.graph_objects as go
from plotly.io import to_json

from reports.page.panels import slim


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
