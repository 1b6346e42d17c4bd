"""The 256-pixel generator of README 000."""

from collections.abc import Callable

import pytest
import torch

from colornet.config.sections.generators import UpsamplingUNet
from colornet.networks.generators.upsampling_unet import build


def test_weights_of_readme_000(weights: Callable) -> None:
    """4,729,922 in all, as its README counts them."""
    trainable, statistics = weights(UpsamplingUNet(kind="upsampling_unet"), 1, 2)
    assert (trainable, statistics) == (4_726_082, 3_840)
    assert trainable + statistics == 4_729_922


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_it_may_be_deeper(depth: int) -> None:
    network = build(UpsamplingUNet(kind="upsampling_unet", width=2, depth=depth), 1, 2)
    assert network(torch.rand(2, 1, 16, 32)).shape == (2, 2, 16, 32)
