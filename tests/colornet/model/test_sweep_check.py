"""Whether a sweep's promise was kept, in a sentence."""

from typing import Any

import pytest

from colornet.config.catalog import load_config
from colornet.model.sweep_check import (
    compare_with_sweep,
    is_better,
    objective_column,
    reason,
    shortfalls,
)

SEARCHED = load_config("unet-small", {"training.images": 6400})
CONFIRMED = {"column": "test_ab_mae", "mean": 5.0, "low": 4.5, "high": 5.5, "replicates": 3}


def said(value: Any, confirmed: Any = CONFIRMED, **changes: Any) -> str:
    """What is said of a value, after a training with these changes."""
    trained = load_config(
        "unet-small",
        {"training.images": 6400, **{k.replace("__", "."): v for k, v in changes.items()}},
    )
    metrics = {(confirmed or CONFIRMED).get("column"): value}
    return compare_with_sweep({"confirmed": confirmed}, SEARCHED, trained, metrics)


@pytest.mark.parametrize("confirmed", [None, [], "x", 3])
def test_nothing_was_confirmed(confirmed: Any) -> None:
    expected = "The sweep promised nothing: this configuration was not confirmed by replicates."
    assert compare_with_sweep({"confirmed": confirmed}, None, SEARCHED, {}) == expected
    assert compare_with_sweep({}, None, SEARCHED, {}) == expected


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
    assert compare_with_sweep(
        {"confirmed": CONFIRMED}, None, SEARCHED, {"test_ab_mae": 5.0}
    ).endswith("what was confirmed is not in the file.")


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
    assert objective_column(origin, SEARCHED) == column


def test_better() -> None:
    assert is_better("val_psnr", 3, 2) and not is_better("val_psnr", 2, 2)
    assert is_better("val_ab_mae", 2, 3) and not is_better("val_ab_mae", 3, 3)


MANY = 50_000


def curves(held_out: list[float | None], learned: list[float]) -> list[dict[str, Any]]:
    """Ticks with these errors on held-out and on training pictures."""
    return [
        {"val_ab_mae": held, "diag_train_val_gap": None if held is None else held - own}
        for held, own in zip(held_out, learned, strict=True)
    ]


def test_held_out_errors_that_rise_while_the_others_fall() -> None:
    said = reason(curves([9.2, 8.9, 9.0, 9.4, 9.6], [9.0, 8.0, 7.0, 5.0, 4.2]), MANY, "folder")
    assert said.startswith(
        "It overfits: from tick 2 of 5 on, the error on held-out pictures rose from 8.9 to 9.6 "
        "while that on training pictures fell from 8 to 4.2."
    )


def test_errors_that_are_far_apart_without_a_rise() -> None:
    said = reason(curves([9.2, 8.9, 8.9], [9.0, 7.0, 4.0]), MANY, "folder")
    assert said.startswith(
        "It overfits: the error is 4 on training pictures and 8.9 on held-out ones."
    )


def test_few_pictures_are_named_as_the_cause() -> None:
    overfitted = curves([8.9, 9.6], [8.0, 4.2])
    assert "163 training pictures are few" in reason(overfitted, 163, "folder")
    assert "50,000 training pictures are too few for so long a training" in reason(
        overfitted, MANY, "folder"
    )


def test_a_training_that_learns_too_little() -> None:
    said = reason(curves([12.0, 11.0, 10.0], [12.0, 11.0, 10.0]), MANY, "folder")
    assert said.startswith(
        "It has not learned enough: the error on training pictures fell from 12 to 10."
    )
    assert "--set training.images" in said


@pytest.mark.parametrize("learned", [[12.0, 12.0, 12.0], [12.0], [12.0, 11.9, 11.9]])
def test_a_training_that_hardly_learns(learned: list[float]) -> None:
    """Whether it was too short or its rates were wrong its curves do not tell."""
    said = reason(curves([one + 0.1 for one in learned], learned), MANY, "folder")
    assert said.startswith("It has hardly learned: ")
    assert "A longer training" in said and "or other rates" in said


@pytest.mark.parametrize(
    "history", [[], curves([None], [1.0]), [{}], curves([float("nan")], [1.0])]
)
def test_nothing_was_measured(history: list[dict[str, Any]]) -> None:
    assert reason(history, MANY, "folder") == "What its curves would say was not measured."


TESTED = {"test_ab_mae": 8.0, "test_ab_mae_baseline": 8.69, "val_ab_mae": 8.1, "val_psnr": 24.0}


def test_a_good_model_falls_short_of_nothing() -> None:
    assert shortfalls(TESTED, None, "val_ab_mae") == []
    assert shortfalls(TESTED, {"values": {"val_ab_mae": 8.1}}, "val_ab_mae") == []
    assert shortfalls({}, {"values": {"val_ab_mae": 8.1}}, "val_ab_mae") == []


@pytest.mark.parametrize("error", [8.69, 9.62])
def test_no_better_than_one_color(error: float) -> None:
    (said,) = shortfalls(TESTED | {"test_ab_mae": error}, None, "val_ab_mae")
    assert said.endswith(f"{error / 8.69:.2f} times the error of the best single color.")


def test_worse_than_the_trial_it_comes_from() -> None:
    (said,) = shortfalls(TESTED, {"values": {"val_ab_mae": 7.5}}, "val_ab_mae")
    assert said == "It is worse than the sweep's own trial: val_ab_mae 8.1, not 7.5."
    (said,) = shortfalls(TESTED, {"values": {"val_psnr": 25.0}}, "val_psnr")
    assert said == "It is worse than the sweep's own trial: val_psnr 24, not 25."


@pytest.mark.parametrize(
    ("confirmed", "worse"),
    [
        ({"mean": 7.0, "low": 6.5, "high": 7.5}, True),
        ({"mean": 7.9, "low": 7.6, "high": 8.2}, False),
        ({"mean": 7.9, "low": None, "high": None}, True),
    ],
)
def test_worse_than_the_replicates_it_comes_from(confirmed: Any, worse: bool) -> None:
    origin = {"confirmed": {"column": "test_ab_mae", **confirmed}, "values": {"val_ab_mae": 1.0}}
    said = shortfalls(TESTED, origin, "val_ab_mae")
    assert [one.partition(":")[0] for one in said] == (
        ["It is worse than the sweep's own replicates"] if worse else []
    )
