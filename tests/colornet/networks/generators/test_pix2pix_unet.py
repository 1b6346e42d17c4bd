"""The U-Net of pix2pix, weight by weight."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from colornet.config.sections.generators import Pix2PixUNet
from colornet.networks.generators.pix2pix_unet import build

FULL = Pix2PixUNet(kind="pix2pix_unet")


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [(1, 2, 54_409_858), (2, 1, 54_408_833), (3, 3, 54_413_955)],
)
def test_weights_of_readme_003(weights: Callable, inputs: int, outputs: int, expected: int) -> None:
    assert weights(FULL, inputs, outputs) == (expected, 9_856)


def small(**options: object) -> nn.Module:
    return build(Pix2PixUNet(kind="pix2pix_unet", width=2, **options), 1, 2)  # ty: ignore


@pytest.mark.parametrize(
    ("depth", "places"),
    [(8, [1, 2, 3]), (7, [1, 2]), (6, [1]), (5, [1]), (3, [1]), (2, [0])],
)
def test_dropout_is_in_the_inner_blocks_after_the_first(depth: int, places: list[int]) -> None:
    modules = list(small(depth=depth, dropout=0.5).named_modules())
    names = [name for name, module in modules if isinstance(module, nn.Dropout)]
    assert names == [f"ups.{place}.3" for place in places]


def test_the_first_and_the_innermost_convolution_have_no_norm() -> None:
    kinds = [[type(one).__name__ for one in down] for down in small(depth=3).downs]  # ty: ignore
    assert kinds == [["Conv2d"], ["ReLU", "Conv2d", "BatchNorm"], ["ReLU", "Conv2d"]]


def test_a_picture_of_one_innermost_pixel_trains_alone() -> None:
    network = small(depth=4)
    network(torch.rand(1, 1, 16, 16)).sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())
