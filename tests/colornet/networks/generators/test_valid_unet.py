"""The generator of README 002."""

from collections.abc import Callable

import torch
from torch import nn

from colornet.config.sections.generators import ValidUNet
from colornet.networks.generators.valid_unet import build


def options(**values: object) -> ValidUNet:
    return ValidUNet(kind="valid_unet", **values)  # ty: ignore[invalid-argument-type]


def test_weights_of_readme_002(weights: Callable) -> None:
    assert weights(options(norm="none"), 1, 3) == (1_406_403, 0)


def test_any_size_passes_from_25_pixels_on() -> None:
    network = build(options(width=2), 1, 3)
    for side in (25, 38, 150):
        assert network(torch.rand(1, 1, side, side)).shape == (1, 3, side, side)


def test_it_sees_some_fifty_pixels() -> None:
    """Its kernels reach (5 + 3 + 3 + 3 + 3 + 5 - 6) pixels a stage, and two in the middle."""
    network = build(options(width=1, activation="elu", decoder_activation="elu"), 1, 1).eval()
    network.double()
    for weight in network.parameters():
        nn.init.constant_(weight, 0.1)
    grey = torch.zeros(1, 1, 80, 80, dtype=torch.float64, requires_grad=True)
    network(grey)[0, 0, 40, 40].backward()
    assert grey.grad is not None
    rows = grey.grad[0, 0].abs().sum(1).nonzero()
    assert rows.max() - rows.min() + 1 == 51


def test_the_middle_ends_in_tanh_whatever_the_options() -> None:
    network = build(options(width=2, activation="silu"), 1, 3)
    assert sum(isinstance(module, nn.Tanh) for module in network.modules()) == 1
