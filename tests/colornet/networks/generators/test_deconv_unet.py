"""The U-Net of README 001 in TensorFlow, and of its PyTorch variants."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from colornet.config.sections.generators import DeconvUNet
from colornet.networks.generators.deconv_unet import build
from colornet.networks.layers import Enlarge

PLACES = (64, 64, 128, 256, 512, 512, 512, 512)


def options(**values: object) -> DeconvUNet:
    return DeconvUNet(kind="deconv_unet", **values)  # ty: ignore[invalid-argument-type]


def test_weights_of_readme_001(weights: Callable) -> None:
    assert weights(options(), 1, 3) == (16_654_851, 4_864)
    assert weights(options(widths=PLACES), 1, 3) == (42_023_811, 9_216)


def test_enlarging_takes_the_place_of_padding(weights: Callable) -> None:
    assert weights(options(enlarge=True), 1, 2) == weights(options(), 1, 2)
    padded, enlarged = (build(options(widths=(2, 4), enlarge=on), 1, 2) for on in (False, True))
    assert isinstance(padded.downs[0][0], nn.ZeroPad2d)  # ty: ignore[not-subscriptable]
    assert isinstance(enlarged.downs[0][0], Enlarge)  # ty: ignore[not-subscriptable]
    enlarged.load_state_dict(padded.state_dict())
    picture = torch.rand(1, 1, 8, 8)
    assert not torch.equal(padded(picture), enlarged(picture))


@pytest.mark.parametrize(("widths", "stride"), [((2, 4), 2), ((2, 4, 4), 4), (PLACES, 128)])
def test_all_levels_but_the_first_halve_the_picture(widths: tuple[int, ...], stride: int) -> None:
    assert options(widths=widths).stride == stride


def test_dropout_is_in_the_first_two_levels_of_the_decoder() -> None:
    modules = list(build(options(widths=(2, 2, 2, 2), dropout=0.5), 1, 2).named_modules())
    names = [name for name, module in modules if isinstance(module, nn.Dropout)]
    assert names == ["ups.0.3", "ups.1.3"]
