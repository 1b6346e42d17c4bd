"""Whether a sweep's promise was kept, in a sentence."""

from typing import Any

import pytest

from colornet.config.catalog import load_config
from colornet.model.sweep_check import is_better, objective_of, verdict

SEARCHED = load_config("unet-small", {"training.images": 6400})
CONFIRMED = {"column": "test_ab_mae", "mean": 5.0, "low": 4.5, "high": 5.5, "replicates": 3}


def said(value: Any, confirmed: Any = CONFIRMED, **changes: Any) -> str:
    """What is said of a value, after a training with these changes."""
    trained = load_config(
        "unet-small",
        {"training.images": 6400, **{k.replace("__", "."): v for k, v in changes.items()}},
    )
    metrics = {(confirmed or CONFIRMED).get("column"): value}
    return verdict({"confirmed": confirmed}, SEARCHED, trained, metrics)


@pytest.mark.parametrize("confirmed", [None, [], "x", 3])
def test_nothing_was_confirmed(confirmed: Any) -> None:
    expected = "The sweep promised nothing: this configuration was not confirmed by replicates."
    assert verdict({"confirmed": confirmed}, None, SEARCHED, {}) == expected
    assert verdict({}, None, SEARCHED, {}) == expected


@pytest.mark.parametrize("low", [None, float("nan"), float("-inf"), "4"])
def test_an_interval_that_is_not_known(low: Any) -> None:
    text = said(5.0, CONFIRMED | {"low": low})
    assert text == "The sweep promised nothing: its interval of test_ab_mae is not known."


@pytest.mark.parametrize("value", [4.5, 5.0, 5.5])
def test_inside(value: float) -> None:
    assert said(value, training__seed=4, training__ticks=10) == (
        f"The sweep's promise was kept: test_ab_mae is {value:.4g}, within 4.5 to 5.5 in "
        "test_ab_mae, the mean of 3 seeds."
    )


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("test_ab_mae", 6.0, "was not kept: test_ab_mae is 6, 0.5 above 4.5 to 5.5"),
        ("test_ab_mae", 4.0, "was more than kept: test_ab_mae is 4, 0.5 below 4.5 to 5.5"),
        ("val_psnr", 4.0, "was not kept: val_psnr is 4, 0.5 below 4.5 to 5.5"),
        ("val_psnr", 6.0, "was more than kept: val_psnr is 6, 0.5 above 4.5 to 5.5"),
        ("test_colorfulness", 6.0, "was missed: test_colorfulness is 6, 0.5 above"),
    ],
)
def test_outside(column: str, value: float, expected: str) -> None:
    text = said(value, CONFIRMED | {"column": column})
    assert text.startswith(f"The sweep's promise {expected}")
    assert "by chance" in text


def test_a_training_that_was_changed_cannot_be_compared() -> None:
    text = said(5.0, training__images=12800, optimizer__lr_ratio=0.5)
    assert text == (
        "The sweep's promise (4.5 to 5.5 in test_ab_mae, the mean of 3 seeds) says nothing of this "
        "training: optimizer.lr_ratio is 0.5, not 0.25; training.images is 12800, not 6400."
    )
    assert verdict({"confirmed": CONFIRMED}, None, SEARCHED, {"test_ab_mae": 5.0}).endswith(
        "what was confirmed is not in the file."
    )


@pytest.mark.parametrize("value", [None, float("nan")])
def test_what_was_not_measured_cannot_be_compared(value: float | None) -> None:
    assert "test_ab_mae was not measured" in said(value)


@pytest.mark.parametrize(
    ("origin", "column"),
    [
        (None, "val_ab_mae"),
        ({}, "val_ab_mae"),
        ({"values": 3}, "val_ab_mae"),
        ({"values": {"val_psnr": 3.0, "val_ssim": 1.0}}, "val_psnr"),
        ({"values": {"test_psnr": 3.0, "val_ssim": 1.0}}, "val_psnr"),
        ({"values": {"cost_gmac": 3.0, "val_colorfulness": 1.0, "val_ssim": 1.0}}, "val_ssim"),
        ({"values": {"eval_psnr": 3.0}}, "val_ab_mae"),
    ],
)
def test_the_objective(origin: Any, column: str) -> None:
    assert objective_of(origin, SEARCHED) == column


def test_better() -> None:
    assert is_better("val_psnr", 3, 2) and not is_better("val_psnr", 2, 2)
    assert is_better("val_ab_mae", 2, 3) and not is_better("val_ab_mae", 3, 3)
