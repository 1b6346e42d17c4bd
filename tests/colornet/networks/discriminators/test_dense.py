"""The discriminators with dense layers of READMEs 000, 001 and 002."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from colornet.config.catalog import load_config
from colornet.config.sections.discriminators import Dense
from colornet.errors import InputError
from colornet.networks.discriminators.dense import build


def options(**values: object) -> Dense:
    return Dense(kind="dense", **values)  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize(
    ("preset", "inputs", "size", "expected"),
    [
        ("encoder-decoder-32", 2, 32, 2_163_457),
        ("keras-cifar", 4, 32, 3_916_353),
        ("keras-places", 4, 256, 4_045_377),
        ("rgb-150", 3, 150, 3_480_769),
    ],
)
def test_weights_of_the_readmes(
    weights: Callable, preset: str, inputs: int, size: int, expected: int
) -> None:
    assert weights(load_config(preset).discriminator, inputs, size)[0] == expected


def test_dropout_before_or_after_pooling() -> None:
    def kinds(before: bool) -> list[str]:
        network = build(
            options(
                widths=(2, 3),
                convolutions=1,
                hidden=(),
                norm="none",
                dropout=0.5,
                dropout_before_pool=before,
                pool_last=False,
            ),
            1,
            8,
        )
        return [type(one).__name__ for one in network.children()]

    after = ["Conv2d", "LeakyReLU", "MaxPool2d", "Dropout", "Conv2d", "LeakyReLU", "Dropout"]
    assert kinds(False)[:7] == after
    assert kinds(True)[2:4] == ["Dropout", "MaxPool2d"]


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel", [2, 3, 4])
def test_kernels_of_every_size(padding: str, kernel: int) -> None:
    network = build(options(widths=(2, 3), kernels=(kernel,), padding=padding, hidden=()), 1, 24)
    assert network(torch.rand(2, 1, 24, 24)).shape == (2, 1, 1, 1)


def test_kernels_are_one_for_all_or_one_each() -> None:
    with pytest.raises(ValueError, match="kernels has 2 sizes for the 3 blocks"):
        options(widths=(2, 2, 2), kernels=(3, 5))


@pytest.mark.parametrize(
    ("padding", "size", "block"), [("same", 4, 3), ("valid", 10, 2), ("valid", 4, 1)]
)
def test_a_picture_that_is_too_small_is_refused(padding: str, size: int, block: int) -> None:
    with pytest.raises(
        InputError, match=rf"block {block} leaves nothing of a picture of {size} px"
    ):
        build(options(widths=(2, 2, 2), padding=padding), 1, size)


def test_a_spectral_norm_reaches_the_hidden_layers() -> None:
    network = build(options(widths=(2, 2), hidden=(4,), norm="spectral"), 1, 8)
    linear = [one for one in network.modules() if isinstance(one, nn.Linear)]
    assert [hasattr(one, "parametrizations") for one in linear] == [True, False]
