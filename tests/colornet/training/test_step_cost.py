"""What a training step costs a picture: forward, backward, all turns."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from colornet.config.config import Config
from colornet.evaluation.cost import count, count_step
from colornet.pictures import Pictures
from colornet.training.methods import gan
from colornet.training.methods.player import Batch
from colornet.training.step_cost import cost_columns, training_macs
from colornet.training.steps import Pace, Totals, play

Build = Callable[..., Config]


def test_a_regression_costs_up_to_three_times_its_forward(tiny: Build) -> None:
    config = tiny(loss={"method": "regression"})
    forward = count(config).generator_macs
    # Forward, gradients of weights, gradients of inputs: all but those of the picture.
    assert 2.5 * forward < training_macs(config) < 3 * forward


def test_it_is_what_a_real_step_does(tiny: Build) -> None:
    config = tiny()
    method = gan.build(config, torch.device("cpu"))
    pixels = torch.randint(0, 256, (4, 16, 16, 3), dtype=torch.uint8)
    batch = Batch(Pictures(pixels), None, 0, 1.0)
    done = count_step(lambda: play(method, batch, Pace(1.0), Totals()))
    assert training_macs(config) == done / 4


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({}, {"generator_steps": 2}),
        ({}, {"discriminator_steps": 3}),
        ({"discriminator_every": 2}, {}),
        ({"generator_every": 5}, {}),
        ({"adversarial": "none", "label_smoothing": 0.0}, {}),
        ({}, {"r1_gamma": 1.0}),
        (
            {"adversarial": "hinge", "label_smoothing": 0.0},
            {"adversarial": "wgan_gp", "label_smoothing": 0.0},
        ),
    ],
)
def test_turns_and_penalties_count(tiny: Build, less: dict[str, Any], more: dict[str, Any]) -> None:
    assert training_macs(tiny(loss=less)) < training_macs(tiny(loss=more))


def test_gates_and_pretraining_are_counted_as_over(tiny: Build) -> None:
    waiting = {"gate_loss": 0.1, "gate_accuracy": 0.9, "pretrain": 0.5}
    assert training_macs(tiny(loss=waiting)) == training_macs(tiny())


def test_columns_are_in_billions(tiny: Build) -> None:
    config = tiny()
    columns = cost_columns(config)
    assert columns["cost_gmac_per_picture"] == count(config).generator_macs / 1e9
    assert columns["cost_training_gmac_per_picture"] == training_macs(config) / 1e9
