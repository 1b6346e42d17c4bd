"""The names of columns, and what they mean."""

import pytest

from colornet.config.columns import COLUMNS, METRICS, metric_of


@pytest.mark.parametrize(
    ("column", "label"),
    [
        ("val_ab_mae", "ab MAE"),
        ("test_psnr", "PSNR"),
        ("train_loss_l1", "L1 loss"),
        ("cost_step_seconds", "Time in optimizer steps"),
    ],
)
def test_the_metric_behind_a_column(column: str, label: str) -> None:
    found = metric_of(column)
    assert found is not None
    assert found.label == label


@pytest.mark.parametrize("column", ["", "ab_mae", "val_", "val_nonsense", "train_ab_mae", "x_psnr"])
def test_columns_that_are_no_metric(column: str) -> None:
    assert metric_of(column) is None


def test_only_metrics_with_a_better_side_have_a_goal() -> None:
    without = {name for name, metric in METRICS.items() if metric.goal is None}
    assert {"colorfulness", "colorfulness_ratio"} <= without
    assert not {"ab_mae", "psnr", "colorfulness_gap"} & without


def test_no_name_stands_under_two_prefixes() -> None:
    groups = {id(group): group for group in COLUMNS.values()}
    names = [name for group in groups.values() for name in group]
    assert len(names) == len(set(names))
