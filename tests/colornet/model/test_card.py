"""The model card."""

from typing import Any

import pytest

from colornet.config.catalog import load_config
from colornet.model.card import model_card

METRICS = {
    "images": 12800,
    "seconds": 90.0,
    "test_ab_mae": 5.0,
    "test_ab_mae_grey": 25.0,
    "test_ab_mae_mean": 21.0,
    "test_ab_mae_median": 20.0,
    "test_ab_mae_baseline": 20.0,
    "test_psnr": 30.125,
    "test_ssim": None,
    "test_colorfulness_ratio": 0.98,
    "test_colorfulness_gap": 2.5,
}
DATA = {
    "pictures": 2560,
    "splits": {"train": 2048, "val": 256, "test": 256},
    "content_hash": "abc123",
    "image_size": 32,
}


def card(metrics: dict[str, Any] | None = None, origin: dict[str, Any] | None = None) -> str:
    return model_card("mine", load_config("pix2pix-small"), metrics or METRICS, DATA, origin)


def test_the_test_metrics_beside_their_baselines() -> None:
    lines = card().splitlines()
    assert lines[0] == "# mine"
    assert "| ab MAE | 5 | Lab units |" in lines
    assert "| PSNR | 30.12 | dB |" in lines
    assert (
        "One color everywhere would be off by 20 Lab units at best (grey 25, mean 21, median 20); "
        "the model's error is 0.25 times that."
    ) in lines


@pytest.mark.parametrize("metrics", [METRICS, METRICS | {"test_psnr": None, "seconds": None}])
def test_what_does_not_apply_is_a_dash(metrics: dict[str, Any]) -> None:
    text = card(metrics)
    assert "| SSIM | – |  |" in text
    assert "| ab MAE on strong colors | – | Lab units |" in text
    assert "None" not in text.split("## Config")[0]


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (["test_ab_mae_grey"], "20 Lab units at best (mean 21, median 20); the model's error is"),
        (
            ["test_ab_mae_grey", "test_ab_mae_mean", "test_ab_mae_median"],
            "20 Lab units at best; the model's error is",
        ),
        (["test_ab_mae"], "20 Lab units at best (grey 25, mean 21, median 20).\n"),
        (["images"], "for 0 pictures seen"),
    ],
)
@pytest.mark.parametrize("as_null", [True, False])
def test_of_what_was_not_recorded_nothing_is_said(
    gone: list[str], said: str, *, as_null: bool
) -> None:
    kept = {name: value for name, value in METRICS.items() if name not in gone}
    assert said in card(kept | dict.fromkeys(gone) if as_null else kept)


def test_data_config_and_use() -> None:
    text = card()
    assert "2,560 pictures (2,048 train, 256 val, 256 test), content hash `abc123`." in text
    assert "| `optimizer.lr_ratio` | 0.25 |" in text
    assert "colorsweep colorize FOLDER_OF_THIS_CARD PICTURE" in text
    assert "12,800 pictures seen at 32 pixels in 1.5 minutes" in text


def test_where_it_comes_from_is_said_when_known() -> None:
    assert "## From" not in card()
    assert "## From\n\n- sweep: s1\n- point_id: p1\n" in card(
        origin={"sweep": "s1", "point_id": "p1"}
    )


@pytest.mark.parametrize("metrics", [{}, {"test_ab_mae": 0.0, "test_ab_mae_baseline": 0.0}])
def test_a_set_without_colored_test_pictures_still_has_a_card(metrics: dict[str, Any]) -> None:
    text = card({"images": 640, "seconds": 3.0, **metrics})
    assert ("| ab MAE | – | Lab units |" in text) is (not metrics)
    assert "No test pictures with color" in text


def test_which_pictures_it_was_measured_on_is_said_when_others_judged() -> None:
    common = {**DATA, "image_size": 64, "content_hash": "def456"}
    config = load_config("pix2pix-small")
    text = model_card("mine", config, METRICS, DATA, common=common)
    measured = "Measured on the 256 test pictures of `evaluate_on` at 64 pixels, content hash"
    assert f"## On the test pictures\n\n{measured} `def456`.\n\n| metric" in text
    assert "content hash `abc123`" in text
    assert "evaluate_on` at" not in card()


def test_on_other_splits_their_own_baseline_counts() -> None:
    metrics = {name.replace("test_", "val_"): value for name, value in METRICS.items()}
    config = load_config("pix2pix-small")
    text = model_card("mine", config, metrics, DATA, split="val")
    assert "## On the val pictures" in text
    assert "the model's error is 0.25 times that." in text
    del metrics["val_ab_mae_baseline"]
    assert "No val pictures with color" in model_card("mine", config, metrics, DATA, split="val")


def test_the_training_pictures_lightness() -> None:
    lightness = {"image_size": 32, "mean": [61.5, 190.25], "flat": [0.125, 0.5]}
    config = load_config("pix2pix-small")
    text = model_card("mine", config, METRICS, DATA | {"lightness": lightness})
    said = "L* in 0 to 255: mean 61.5 to 190, flat 0.125 to 0.5."
    assert said in text
    assert "L*" not in model_card("mine", config, METRICS, DATA | {"lightness": None})
    assert "L*" not in card()
