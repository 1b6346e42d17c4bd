"""The 32-pixel generator of README 000."""

from collections.abc import Callable

import pytest
import torch

from colornet.config.sections.generators import EncoderDecoder
from colornet.networks.generators.encoder_decoder import build


def options(**values: object) -> EncoderDecoder:
    return EncoderDecoder(kind="encoder_decoder", **values)  # ty: ignore[invalid-argument-type]


def test_weights_of_readme_000(weights: Callable) -> None:
    """380,930 in all, 832 of them not trainable."""
    assert weights(options(), 1, 2) == (380_930 - 832, 832)


def test_normalization_comes_after_the_activation() -> None:
    kinds = [type(one).__name__ for one in build(options(width=2, depth=1), 1, 2)]  # ty: ignore
    assert kinds == [
        *("Conv2d", "ReLU", "Conv2d", "ReLU", "BatchNorm", "MaxPool2d"),
        *("Conv2d", "ReLU", "BatchNorm"),
        *("Upsample", "Conv2d", "ReLU", "BatchNorm", "Conv2d", "ReLU", "Conv2d"),
    ]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_it_may_be_deeper(depth: int) -> None:
    network = build(options(width=2, depth=depth), 1, 2)
    assert network(torch.rand(2, 1, 16, 32)).shape == (2, 2, 16, 32)
