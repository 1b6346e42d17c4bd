"""The U-Net's shapes, reach and size."""

import pytest
import torch

from colornet.config import ACTIVATIONS, UNet
from colornet.generators.unet import build


def parameters(options: UNet) -> int:
    return sum(parameter.numel() for parameter in build(options, 32).parameters())


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_colors_have_the_size_of_the_picture(depth: int, name: str) -> None:
    generator = build(UNet(width=2, depth=depth, activation=name), 32)  # ty: ignore
    ab = generator(torch.rand(2, 1, 32, 64))
    assert ab.shape == (2, 2, 32, 64)
    assert ab.abs().max() < 1


def test_widths_double_up_to_eight_times() -> None:
    assert parameters(UNet(width=16)) == 1_034_626
    assert parameters(UNet(width=8)) < parameters(UNet(width=16)) / 3.9
    layers = build(UNet(width=4, depth=6), 64).modules()
    widths = [layer.num_features for layer in layers if isinstance(layer, torch.nn.BatchNorm2d)]
    assert widths == [8, 16, 32, 32, 32, 32, 32, 32, 32, 16, 8, 4]


def test_every_pixel_sees_the_whole_picture_and_itself() -> None:
    generator = build(UNet(width=4, activation="leaky_relu"), 32).eval()
    lightness = torch.rand(1, 1, 32, 32, requires_grad=True)
    generator(lightness)[0, :, 16, 16].sum().backward()
    assert lightness.grad is not None
    assert (lightness.grad[0, 0] != 0).float().mean() > 0.9


def test_dropout_follows_the_inner_half_of_the_decoder() -> None:
    modules = list(build(UNet(dropout=0.3, depth=4), 32).named_modules())
    names = [name for name, module in modules if isinstance(module, torch.nn.Dropout)]
    assert names == ["ups.0.3", "ups.1.3"]
