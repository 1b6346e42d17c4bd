"""The U-Net of README 001 in Keras."""

from collections.abc import Callable

from torch import nn

from colornet.config.sections.generators import PooledUNet
from colornet.networks.generators.pooled_unet import build


def test_weights_of_readme_001(weights: Callable) -> None:
    assert weights(PooledUNet(kind="pooled_unet"), 1, 3) == (31_044_419, 13_696)


def test_kernels_are_pairs_of_three_and_one_of_two_per_step_up() -> None:
    network = build(PooledUNet(kind="pooled_unet", width=2, depth=2), 1, 3)
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert sorted(layer.kernel_size[0] for layer in layers) == [1, 2, 2, *[3] * 10]
    assert sum(isinstance(module, nn.MaxPool2d) for module in network.modules()) == 2
