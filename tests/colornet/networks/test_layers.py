"""Layers leave no trace while frozen, begin as their names say, and pad as TensorFlow does."""

import copy
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from colornet.config.sections.generators import Activation, Init, Norm, UNet
from colornet.networks.layers import (
    ACTIVATIONS,
    BatchNorm,
    Dropout,
    Enlarge,
    InstanceNorm,
    activation,
    conv_block,
    has_bias,
    initialize,
    part_dropout,
    same_padding,
    spectral_norm,
    with_norm,
)


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def frozen(layer: nn.Module) -> nn.Module:
    return layer.requires_grad_(False)


def state(layer: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in layer.state_dict().items()}


def unchanged(layer: nn.Module, before: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


def test_activations_are_those_of_the_config() -> None:
    assert set(ACTIVATIONS) == set(get_args(Activation))
    values = {name: activation(name)(torch.tensor(-1.0)).item() for name in ACTIVATIONS}
    assert len(set(values.values())) == len(ACTIVATIONS)
    assert values["leaky_relu"] == pytest.approx(-0.2)
    assert values["leaky_relu_0.3"] == pytest.approx(-0.3)


def test_a_frozen_batch_norm_normalizes_by_the_batch_and_keeps_nothing() -> None:
    layer = frozen(BatchNorm(2))
    before, x = state(layer), torch.randn(4, 2, 3, 3, generator=stream()) * 5 + 7
    assert layer(x).mean().abs() < 1e-5
    assert unchanged(layer, before)


def test_a_learning_batch_norm_is_torchs_own() -> None:
    own, torchs = BatchNorm(2), nn.BatchNorm2d(2)
    x = torch.randn(4, 2, 3, 3, generator=stream()) * 5 + 7
    assert torch.equal(own(x), torchs(x))
    assert unchanged(own, state(torchs))
    assert torch.equal(own.eval()(x), torchs.eval()(x))


def test_batch_statistics_are_used_in_evaluation_when_asked_for() -> None:
    x = torch.randn(4, 2, 3, 3, generator=stream()) * 5 + 7
    assert BatchNorm(2, batch_statistics=True).eval()(x).mean().abs() < 1e-5
    assert BatchNorm(2).eval()(x).mean() > 5


@pytest.mark.parametrize("learning", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_a_single_value_per_channel_takes_the_running_statistics(
    learning: bool, training: bool
) -> None:
    layer = BatchNorm(2, batch_statistics=True).train(training).requires_grad_(learning)
    before, x = state(layer), torch.tensor([3.0, -2.0]).view(1, 2, 1, 1)
    assert torch.allclose(layer(x), x, atol=1e-4)
    assert unchanged(layer, before)


def test_a_nan_does_not_stay_in_a_frozen_batch_norm() -> None:
    layer = frozen(BatchNorm(1))
    assert layer(torch.full((2, 1, 2, 2), torch.nan)).isnan().all()
    assert layer.eval()(torch.zeros(2, 1, 2, 2)).isfinite().all()


def test_instance_norm_leaves_single_values_and_learns_nothing() -> None:
    layer, point = InstanceNorm(3), torch.randn(2, 3, 1, 1, generator=stream())
    assert layer(point) is point
    picture = torch.randn(2, 3, 4, 4, generator=stream()) + 9
    assert layer(picture).mean(dim=(2, 3)).abs().max() < 1e-5
    assert not list(layer.parameters())


def test_dropout_at_evaluation() -> None:
    x = torch.ones(1000)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert 400 < (Dropout(0.5, at_evaluation=True).eval()(x) == 0).sum() < 600
    assert set(Dropout(0.5)(x).tolist()) == {0.0, 2.0}


def test_enlarge_adds_pixels_between_the_same_colors() -> None:
    x = torch.linspace(0, 1, 8).expand(1, 1, 6, 8)
    large = Enlarge(3)(x)
    assert large.shape == (1, 1, 9, 11)
    assert large.min() == 0 and large.max() == 1
    assert (large.diff(dim=3) >= 0).all()


@pytest.mark.parametrize(
    ("kernel", "stride", "first"),
    [(2, 1, 0), (3, 1, 1), (4, 1, 1), (5, 1, 2), (3, 2, 0), (4, 2, 1)],
)
def test_padding_is_tensorflows(kernel: int, stride: int, first: int) -> None:
    """The tap `first` of the kernel lies on the first pixel: the odd padding is behind."""
    convolution = nn.Conv2d(1, 1, kernel, stride, bias=False)
    nn.init.zeros_(convolution.weight)
    convolution.weight.data[0, 0, first, first] = 1.0
    picture = torch.rand(1, 1, 8, 8, generator=stream())
    assert torch.equal(
        nn.Sequential(*same_padding(convolution))(picture), picture[..., ::stride, ::stride]
    )


def test_what_each_norm_adds() -> None:
    kinds = {norm: with_norm(nn.Conv2d(3, 4, 3), norm, 4) for norm in get_args(Norm)}
    assert [len(layers) for layers in kinds.values()] == [1, 2, 2, 1]
    assert isinstance(kinds["batch"][1], BatchNorm)
    assert isinstance(kinds["instance"][1], InstanceNorm)
    assert [norm for norm in kinds if has_bias(norm)] == ["none", "spectral"]
    assert "parametrizations.weight.0.u" in dict(kinds["spectral"][0].named_buffers())


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(3, 8, 3), nn.ConvTranspose2d(8, 3, 4), nn.Linear(20, 6)]
)
def test_a_spectral_layer_has_norm_one_from_the_start(layer: nn.Module) -> None:
    spectral_norm(layer)
    initialize(layer, "he", stream())
    weight = layer.weight
    assert isinstance(weight, Tensor)
    outputs_first = weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else weight
    assert torch.linalg.matrix_norm(outputs_first.flatten(1), 2).item() == pytest.approx(
        1, rel=0.05
    )


def test_a_spectral_layer_moves_its_estimate_only_while_it_learns() -> None:
    layer = spectral_norm(nn.Conv2d(3, 8, 3))
    initialize(layer, "normal", stream())
    x = torch.rand(1, 3, 5, 5, generator=stream())
    for quiet in (frozen(layer), layer.requires_grad_(True).eval()):
        before = state(quiet)
        quiet(x)
        assert unchanged(quiet, before)
    before = state(layer)
    layer.train()(x).sum().backward()
    assert not unchanged(layer, before)
    assert all(weights.grad is not None for weights in layer.parameters())


def test_a_spectral_norm_is_as_exact_under_autocast() -> None:
    layer = spectral_norm(nn.Linear(20, 6)).eval()
    initialize(layer, "normal", stream())
    weight = layer.weight
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer.weight, weight)  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize(
    ("init", "deviation"),
    [
        ("normal", 0.02),
        ("glorot", (2 / 900) ** 0.5),
        ("he", (2 / 450) ** 0.5),
        ("lecun", (1 / 450) ** 0.5),
        ("pytorch", (1 / 1350) ** 0.5),
    ],
)
def test_first_weights(init: str, deviation: float) -> None:
    layer = nn.Conv2d(50, 50, 3)
    initialize(layer, init, stream())
    assert layer.weight.std().item() == pytest.approx(deviation, rel=0.03)
    assert abs(layer.weight.mean().item()) < deviation / 30
    assert layer.bias is not None
    assert layer.bias.abs().max() <= (450**-0.5 if init == "pytorch" else 0)
    assert bool(layer.bias.any()) is (init == "pytorch")


@pytest.mark.parametrize("init", get_args(Init))
def test_the_same_stream_gives_the_same_weights(init: str) -> None:
    def build(seed: int) -> nn.Module:
        network = nn.Sequential(nn.Conv2d(1, 4, 3), BatchNorm(4), spectral_norm(nn.Linear(3, 2)))
        initialize(network, init, stream(seed))
        return network

    first, second, other = build(0), build(0), build(1)
    assert unchanged(first, state(second))
    assert not unchanged(first, state(other))
    scales = first[1].weight  # ty: ignore[not-subscriptable]
    assert bool((scales != 1).any()) is (init == "normal")


@pytest.mark.parametrize(
    ("place", "dropped"),
    [
        ("bottleneck", {"bottleneck"}),
        ("inner", {"inner"}),
        ("decoder", {"decoder", "inner"}),
        ("everywhere", {"encoder", "bottleneck", "decoder", "inner"}),
    ],
)
def test_places_of_dropout(place: str, dropped: set[str]) -> None:
    options = UNet(dropout=0.5, dropout_place=place)  # ty: ignore[invalid-argument-type]
    parts = {
        "encoder": part_dropout(options, "encoder"),
        "bottleneck": part_dropout(options, "bottleneck"),
        "decoder": part_dropout(options, "decoder"),
        "inner": part_dropout(options, "decoder", inner=True),
    }
    assert {name for name, layers in parts.items() if layers} == dropped
    assert not part_dropout(UNet(dropout_place=place), "decoder", True)  # ty: ignore


def test_a_block_is_convolution_norm_activation_dropout() -> None:
    options = UNet(
        activation="elu", decoder_activation="silu", dropout=0.5, dropout_at_evaluation=True
    )
    kinds = [type(one) for one in conv_block(options, "decoder", nn.Conv2d(1, 2, 1), 2, inner=True)]
    assert kinds == [nn.Conv2d, BatchNorm, nn.SiLU, Dropout]
    kinds = [type(one) for one in conv_block(options, "encoder", nn.Conv2d(1, 2, 1), 2)]
    assert kinds == [nn.Conv2d, BatchNorm, nn.ELU]


def test_a_spectral_layer_can_be_copied_and_restored() -> None:
    layer = spectral_norm(nn.Conv2d(3, 8, 3)).eval()
    initialize(layer, "he", stream())
    restored = spectral_norm(nn.Conv2d(3, 8, 3)).eval()
    restored.load_state_dict(layer.state_dict())
    x = torch.rand(1, 3, 5, 5, generator=stream())
    assert torch.equal(copy.deepcopy(layer)(x), layer(x))
    assert torch.equal(restored(x), layer(x))
