"""Why a final training has not become a model worth using, from curves made by hand."""

from typing import Any

import pytest

from colornet.training.learning_curves import reason, shortfalls

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
