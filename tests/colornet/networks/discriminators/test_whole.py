"""The discriminator of README 001's PyTorch variants."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from colornet.config.sections.discriminators import Whole
from colornet.errors import InputError
from colornet.networks.discriminators.whole import build


def options(**values: object) -> Whole:
    return Whole(kind="whole", **values)  # ty: ignore[invalid-argument-type]


def test_weights(weights: Callable) -> None:
    """3·64·16 + 64, then 64, 128, 256 -> twice as many of 4x4 with biases and norms, 512·16 + 1."""
    convolutions = 3 * 64 * 16 + 64 + sum((n * 16 + 1) * 2 * n for n in (64, 128, 256)) + 512 * 16
    assert weights(options(), 3, 32) == (convolutions + 1 + 2 * (128 + 256 + 512), 1_792)


@pytest.mark.parametrize("size", [8, 12, 32, 33, 64])
def test_one_judgment_of_any_size(size: int) -> None:
    network = build(options(widths=(1, 2, 2, 2)), 3, size)
    assert network(torch.rand(2, 3, size, size)).shape == (2, 1, 1, 1)


def test_the_first_and_the_last_layer_have_no_norm() -> None:
    network = build(options(widths=(1, 2, 2), norm="spectral"), 3, 8)
    convolutions = [one for one in network.modules() if isinstance(one, nn.Conv2d)]
    assert [hasattr(one, "parametrizations") for one in convolutions] == [False, True, True, False]


@pytest.mark.parametrize(("size", "most"), [(7, 3), (4, 3), (3, 2)])
def test_a_picture_that_is_too_small_is_refused(size: int, most: int) -> None:
    with pytest.raises(InputError, match=rf"of {size} px to nothing\.\nTake at most {most} widths"):
        build(options(), 3, size)
    assert build(options(widths=(1,) * most), 3, size)
