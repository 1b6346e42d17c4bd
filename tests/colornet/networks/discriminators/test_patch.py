"""The patch discriminator's shapes, and the weights of its models."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from colornet.config.sections.discriminators import Patch
from colornet.errors import InputError
from colornet.networks.discriminators.patch import build

PIX2PIX = Patch(width=64, flat_layers=1, last_kernel=4)
NAZERI = Patch(width=64, flat_layers=1, last_kernel=4, keep_size=True, bias=True)


@pytest.mark.parametrize(
    ("inputs", "expected"), [(1, 2_763_585), (2, 2_764_609), (3, 2_765_633), (6, 2_768_705)]
)
def test_weights_of_readme_003(weights: Callable, inputs: int, expected: int) -> None:
    assert weights(PIX2PIX, inputs, 256)[0] == expected


def test_weights_of_readme_001(weights: Callable) -> None:
    assert weights(NAZERI, 4, 32) == weights(NAZERI, 4, 256) == (2_767_553, 1_792)


@pytest.mark.parametrize(("layers", "side"), [(1, 16), (2, 8), (3, 4), (5, 1)])
def test_one_logit_per_patch(layers: int, side: int) -> None:
    network = build(Patch(width=2, layers=layers), 3, 32)
    assert network(torch.rand(3, 3, 32, 32)).shape == (3, 1, side, side)


@pytest.mark.parametrize(("options", "size", "side"), [(PIX2PIX, 256, 30), (NAZERI, 32, 4)])
def test_maps_of_the_models(options: Patch, size: int, side: int) -> None:
    with torch.device("meta"):
        network = build(options, 3, size)
        assert network(torch.rand(1, 3, size, size)).shape == (1, 1, side, side)


@pytest.mark.parametrize(
    ("options", "reach"), [(PIX2PIX, 70), (NAZERI, 70), (Patch(layers=3), 38), (Patch(layers=1), 8)]
)
def test_a_judgment_sees_its_patch_and_no_more(options: Patch, reach: int) -> None:
    options = options.model_copy(update={"width": 1, "norm": "none", "activation": "elu"})
    network = build(options, 1, 128).double()
    for weight in network.parameters():
        nn.init.constant_(weight, 0.1)
    picture = torch.zeros(1, 1, 128, 128, dtype=torch.float64, requires_grad=True)
    logits = network(picture)
    middle = logits.shape[2] // 2
    logits[0, 0, middle, middle].backward()
    assert picture.grad is not None
    rows = picture.grad[0, 0].abs().sum(1).nonzero()
    assert rows.max() - rows.min() + 1 == reach


def test_more_layers_than_the_picture_has_halvings_are_refused() -> None:
    with pytest.raises(InputError, match=r"discriminator.layers: 6: .*\n.*at most 5"):
        build(Patch(layers=6), 3, 32)


@pytest.mark.parametrize("flat_layers", [0, 1, 2])
@pytest.mark.parametrize("last_kernel", [3, 4])
@pytest.mark.parametrize("keep_size", [True, False])
def test_what_is_not_refused_works(flat_layers: int, last_kernel: int, keep_size: bool) -> None:
    """At every number of layers, and one layer fewer than the first that is refused, too."""
    refused = []
    for layers in range(1, 7):
        options = Patch(
            width=1,
            layers=layers,
            flat_layers=flat_layers,
            last_kernel=last_kernel,  # ty: ignore[invalid-argument-type]
            keep_size=keep_size,
        )
        try:
            network = build(options, 1, 24)
        except InputError as error:
            refused.append(layers)
            assert str(error).endswith(f"Take at most {refused[0] - 1}.")
        else:
            assert not refused
            assert min(network(torch.rand(2, 1, 24, 24)).shape) >= 1
    assert refused


def test_a_picture_that_no_number_of_layers_fits() -> None:
    with pytest.raises(InputError, match="Take larger pictures"):
        build(Patch(layers=2, flat_layers=2, last_kernel=4), 3, 6)


def test_only_norms_that_have_their_own_shift_take_the_biases_away() -> None:
    biases = {}
    for norm in ("none", "batch", "instance", "spectral"):
        network = build(Patch(width=2, norm=norm), 3, 32)
        convolutions = [one for one in network.modules() if isinstance(one, nn.Conv2d)]
        biases[norm] = [one.bias is not None for one in convolutions]
    assert biases["batch"] == biases["instance"] == [True, False, False, True]
    assert biases["none"] == biases["spectral"] == [True] * 4
