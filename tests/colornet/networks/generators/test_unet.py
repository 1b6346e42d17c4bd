"""The U-Net's widths, reach and dropout."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from colornet.config.sections.generators import UNet
from colornet.networks.generators.unet import build


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_the_output_has_the_size_of_the_picture(depth: int) -> None:
    network = build(UNet(width=2, depth=depth), 1, 2)
    assert network(torch.rand(2, 1, 32, 64)).shape == (2, 2, 32, 64)


def test_widths_double_up_to_eight_times(weights: Callable) -> None:
    assert weights(UNet(width=16), 1, 2) == (1_034_626, 1_184)
    layers = build(UNet(width=4, depth=6), 1, 2).modules()
    widths = [layer.num_features for layer in layers if isinstance(layer, nn.BatchNorm2d)]
    assert widths == [8, 16, 32, 32, 32, 32, 32, 32, 32, 16, 8, 4]


def test_without_a_mean_to_take_them_away_there_are_biases(weights: Callable) -> None:
    plain, batch = (weights(UNet(norm=norm), 1, 2)[0] for norm in ("none", "batch"))
    assert plain == batch - 1_184 // 2  # a bias for a scale and a shift


def test_every_pixel_sees_the_whole_picture_and_itself() -> None:
    network = build(UNet(width=4, activation="leaky_relu"), 1, 2).eval()
    grey = torch.rand(1, 1, 32, 32, requires_grad=True)
    network(grey)[0, :, 16, 16].sum().backward()
    assert grey.grad is not None
    assert (grey.grad[0, 0] != 0).float().mean() > 0.9


def test_dropout_follows_the_inner_half_of_the_decoder() -> None:
    modules = list(build(UNet(dropout=0.3, depth=4), 1, 2).named_modules())
    names = [name for name, module in modules if isinstance(module, nn.Dropout)]
    assert names == ["ups.0.3", "ups.1.3"]
