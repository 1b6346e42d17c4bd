"""What the page knows of single trials."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from reports.page import trial_view
from reports.page.trial_view import prepare


def decoded(array: dict[str, str]) -> list[float]:
    return np.frombuffer(base64.b64decode(array["bdata"]), f"<{array['dtype']}").tolist()


def curve(found: dict[str, Any], row: int, column: int = 0) -> list[tuple[float, float]]:
    curves = found["curves"]
    first, end = (int(at) for at in decoded(curves["start"])[row : row + 2])
    images, values = decoded(curves["images"]), decoded(curves["values"][column])
    return list(zip(images[first:end], values[first:end], strict=True))


def test_no_trial(build) -> None:
    found = prepare(build().tables())
    assert found["numbers"] == [] and found["best"] is None and found["course"] == {}
    assert decoded(found["curves"]["start"]) == [0]
    assert decoded(found["curves"]["images"]) == decoded(found["curves"]["values"][0]) == []


def test_a_trial_that_never_reported_has_no_curve(build) -> None:
    sweep = build()
    sweep.trial({}, None, "failed", reason="no room")
    sweep.trial({}, 8.0, ticks=2)
    found = prepare(sweep.tables())
    assert curve(found, 0) == []
    assert curve(found, 1) == [(250, 14.0), (500, 10.0)]
    assert found["curves"]["labels"] == [
        "ab MAE (Lab units)",
        "Generator loss",
        "Discriminator loss",
    ]
    assert [x for x, _ in curve(found, 1, column=2)] == [250, 500]


def test_the_best_and_the_base(build) -> None:
    sweep = build()
    sweep.trial({"loss.adversarial": "hinge"}, 8.0)
    sweep.trial({"loss.adversarial": "bce"}, 6.0)
    found = prepare(sweep.tables())
    assert found["numbers"] == [0, 1] and found["best"] == 1
    assert found["base"] == {"optimizer.generator_lr": "0.001", "loss.adversarial": "bce"}


def test_many_trials_keep_first_and_last_tick_of_one_curve(
    build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_view, "WHOLE", 2)
    monkeypatch.setattr(trial_view, "FEW", 3)
    sweep = build()
    for ticks in (1, 2, 9):
        sweep.trial({}, 8.0, ticks=ticks)
    found = prepare(sweep.tables())
    assert [len(curve(found, row)) for row in range(3)] == [1, 2, 3]
    assert [x for x, _ in curve(found, 2)] == [250, 1250, 2250]
    assert len(found["curves"]["labels"]) == 1


def test_the_course_of_what_went_wrong(build) -> None:
    sweep = build()
    sweep.trial({}, 8.0)
    sweep.trial({}, 9.0, "failed", reason="KeyError: 'x'")
    row = {"trial_id": "t00001", "number": 1, "attempt": 2, "seed": 0, "origin": "search"}
    row |= {"point_id": "p1", "point": {}, "distributions": {}, "system_attrs": {}, "config": {}}
    log = "Traceback\n  File loop.py"
    sweep.writer.add(
        "trials", {**row, "state": "failed", "reason": "again", "host": "n2", "log": log}
    )
    found = prepare(sweep.tables())["course"]
    assert list(found) == ["1"]
    said = [line.partition("  ")[2] for line in found["1"]]
    assert said[:2] == ["failed on h: KeyError: 'x'", "failed on n2: again"]
    assert found["1"][2:] == ["    Traceback", "      File loop.py"]
    json.dumps(found, allow_nan=False)


def test_many_courses_are_those_that_failed(build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_view, "MOST_LOGS", 1)
    sweep = build()
    sweep.trial({}, 9.0, "pruned", reason="rank 9 of 10")
    sweep.trial({}, 9.0, "oom", reason="out of memory")
    assert list(prepare(sweep.tables())["course"]) == ["1"]
