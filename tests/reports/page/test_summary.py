"""Which metrics stand where: a few where the best are compared, all that apply in the table."""

import math
from pathlib import Path
from typing import Any

import pytest

from colornet.config.columns import METRICS
from reports.analysis.decision import decide
from reports.page import gallery
from reports.page.decision_box import best
from reports.page.page import render
from reports.page.summary import header, other_metrics, trial_table
from search.records.lease import Lease


def shown(build, **metrics: float):
    sweep = build()
    for index in range(3):
        sweep.trial({}, 9.0 + index, metrics={f"val_{name}": v for name, v in metrics.items()})
    return sweep.tables()


def test_details_stand_in_the_table_alone(build) -> None:
    sweep = shown(build, **dict.fromkeys(METRICS.keys() - {"ab_mae"}, 0.5))
    shown_best = best(sweep, decide(sweep), gallery.prepare(sweep))
    compared = [other["label"] for other in shown_best["rows"][0]["others"]]
    listed = [c["name"] for c in trial_table(sweep)["columns"] if c["kind"] == "metric"]
    assert listed == [f"val_{name}" for name in METRICS]
    few = [name for name, metric in METRICS.items() if not metric.detail and name != "ab_mae"]
    assert len(compared) == len(few)
    assert 4 <= len(few) <= 9


def test_a_metric_that_never_applied_is_left_out(build) -> None:
    sweep = shown(build, psnr=20.0, strong_ab_mae=math.nan)
    assert [column.name for column in other_metrics(sweep)] == ["val_psnr"]


@pytest.mark.parametrize(
    ("trials", "study", "stopped"),
    [
        (3, {}, "stopped, 3 of 14, resume"),
        (14, {}, ""),
        (3, {"budget": {"trials": 14, "images": 640}}, ""),
        (3, {"budget": {"trials": 14, "images": 64_000}}, "stopped, 3 of 14, resume"),
        (3, {"budget": {"trials": 14, "wall_hours": 9.0}}, "stopped, 3 of 14, resume"),
        (14, {"confirm": {"top": 2, "replicates": 2}}, "stopped, confirming 0 of 4, resume"),
    ],
)
def test_a_sweep_that_would_go_on_says_so(
    build, trials: int, study: dict[str, Any], stopped: str
) -> None:
    changes = {"trials": 14, "budget": {"trials": 14}, **study}
    sweep = build(**changes)
    for number in range(trials):
        sweep.trial({"optimizer.generator_lr": 1e-4 * (number + 1)}, float(number))
    tables = sweep.tables()
    assert header(tables)["stopped"] == stopped
    page = render(tables, pictures=0)
    assert ("Not finished:" in page) is bool(stopped)
    assert (f"{stopped}: <code>colorsweep resume" in page) is bool(stopped)


def test_a_trial_without_a_driver_is_unfinished(build, tmp_path: Path) -> None:
    sweep = build(trials=1, budget={"trials": 1, "images": 9})
    sweep.trial({"optimizer.generator_lr": 1e-4}, 9.0, "running")
    assert header(sweep.tables())["stopped"] == "stopped, 0 of 1, resume"
    with Lease(tmp_path / "sweep"):
        assert header(sweep.tables())["stopped"] == ""
