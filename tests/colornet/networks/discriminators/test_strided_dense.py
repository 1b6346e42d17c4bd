"""The 256-pixel discriminator of README 000."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from colornet.config.sections.discriminators import StridedDense
from colornet.errors import InputError
from colornet.networks.discriminators.strided_dense import build


def options(**values: object) -> StridedDense:
    return StridedDense(kind="strided_dense", **values)  # ty: ignore[invalid-argument-type]


def test_weights_of_readme_000(weights: Callable) -> None:
    """455,457 in all, as its README counts them."""
    assert weights(options(), 2, 256) == (455_457 - 896, 896)


def test_the_last_dropout_has_its_own_rate() -> None:
    network = build(options(width=2, dropout=0.25, last_dropout=0.5), 2, 16)
    rates = [one.p for one in network.modules() if isinstance(one, nn.Dropout)]
    assert rates == [0.25, 0.25, 0.5]


@pytest.mark.parametrize("size", [16, 17, 31, 40, 50])
def test_any_size_from_16_pixels_on(size: int) -> None:
    assert build(options(width=1), 2, size)(torch.rand(2, 2, size, size)).shape == (2, 1, 1, 1)


def test_a_picture_that_is_too_small_is_refused() -> None:
    with pytest.raises(InputError, match=r"data\.image_size: 15: too small .*\nTake at least 16"):
        build(options(), 2, 15)
