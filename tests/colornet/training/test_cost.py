"""What networks cost, against figures that were counted elsewhere."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from colornet.config.catalog import load_config
from colornet.config.config import Config, parse_config
from colornet.errors import InputError
from colornet.pictures import Pictures
from colornet.training.cost import Cost, PeakMemory, cost_columns, count, count_step, training_macs
from colornet.training.methods import gan
from colornet.training.methods.player import Batch
from colornet.training.steps import StepOptions, Totals, train_step


@pytest.mark.parametrize(
    ("preset", "generator", "discriminator"),
    [
        ("encoder-decoder-32", 0.161, 0.026),
        ("nazeri-cifar", 0.337, 0.052),
        ("keras-cifar", 0.852, 0.068),
        ("pix2pix", 5.98, 3.15),
        ("nazeri-places", 9.19, 3.30),
        ("rgb-150", 23.55, 1.89),
        ("keras-places", 54.5, 4.38),
    ],
)
def test_multiplications_a_picture(preset: str, generator: float, discriminator: float) -> None:
    """Billions, as measured for the READMEs' systems."""
    cost = count(load_config(preset))
    assert cost.generator_macs / 1e9 == pytest.approx(generator, rel=3e-3)
    assert cost.discriminator_macs / 1e9 == pytest.approx(discriminator, rel=2e-2)


def test_without_a_discriminator_there_is_none_to_count() -> None:
    assert count(load_config("unet-small")) == Cost(1_034_626, 1_184, 26_427_392, 0, 0, 0)


def test_cyclegan_counts_both_networks_of_each_and_one_forward() -> None:
    """The sum of U-Nets 1 -> 2 and 2 -> 1, and of judges of two channels and of one."""
    cost, paired = count(load_config("cyclegan")), count(load_config("pix2pix"))
    assert cost.generator_parameters == 54_409_858 + 54_408_833
    assert cost.generator_non_trainable == 2 * 9_856
    assert cost.discriminator_parameters == 2_764_609 + 2_763_585
    assert cost.generator_macs == paired.generator_macs
    assert cost.discriminator_macs < paired.discriminator_macs


def test_a_spectral_norm_costs_no_multiplications_a_picture() -> None:
    batch, spectral = (count(load_config(f"{name}-cifar")) for name in ("batchnorm", "spectral"))
    assert spectral.discriminator_macs == batch.discriminator_macs
    assert spectral.discriminator_non_trainable == 0
    assert spectral.discriminator_parameters == batch.discriminator_parameters - 1_792


def test_the_price_of_a_picture_grows_with_its_pixels() -> None:
    small, large = (
        count(load_config("pix2pix-small", {"data.image_size": size})) for size in (32, 64)
    )
    assert large.generator_macs == 4 * small.generator_macs
    assert large.generator_parameters == small.generator_parameters
    assert all(type(value) is int for value in vars(small).values())


def test_a_picture_that_is_too_small_is_told() -> None:
    config = parse_config(
        {
            "generator": {"kind": "unet", "depth": 1},
            "discriminator": {"kind": "patch", "layers": 6},
            "loss": {"method": "gan"},
        },
        "test",
    )
    with pytest.raises(InputError, match=r"discriminator\.layers: 6"):
        count(config)


def layers() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.ConvTranspose2d(4, 2, 2, 2), nn.Flatten(), nn.Linear(8, 3)
    )


def test_a_step_counts_forward_and_backward() -> None:
    """By hand: 4·9 at one pixel, 4·2·4 there, 8·3; twice that for the gradients but the input's."""
    network, pictures = layers(), torch.rand(5, 1, 3, 3)
    forward = 36 + 32 + 24
    assert count_step(lambda: network(pictures)) == 5 * forward
    assert count_step(lambda: network(pictures).sum().backward()) == 5 * (3 * forward - 36)
    assert count_step(lambda: None) == 0


def test_counting_changes_nothing() -> None:
    def step(network: nn.Module) -> None:
        torch.manual_seed(1)
        drop = nn.functional.dropout(network(torch.linspace(0, 1, 45).view(5, 1, 3, 3)), 0.5)
        drop.square().sum().backward()

    plain, counted = layers(), layers()
    step(plain)
    count_step(lambda: step(counted))
    for one, two in zip(plain.parameters(), counted.parameters(), strict=True):
        assert one.grad is not None and two.grad is not None
        assert torch.equal(one.grad, two.grad)


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
    done = count_step(lambda: train_step(method, batch, StepOptions(1.0), Totals()))
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


MEGABYTES = 200


def test_a_peak_is_seen_once() -> None:
    memory = PeakMemory(torch.device("cpu"))
    before = memory.read()
    np.ones(MEGABYTES * 1_000_000, np.uint8).sum()
    peak = memory.read()
    assert peak - before > 0.9 * MEGABYTES
    assert memory.read() < peak - 0.5 * MEGABYTES
