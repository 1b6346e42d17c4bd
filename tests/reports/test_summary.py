"""Which metrics stand where: a few where the best are compared, all that apply in the table."""

import math

from colornet.measures import METRICS
from reports import gallery
from reports.decision import decide
from reports.leaders import best
from reports.summary import other_metrics, trial_table


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
