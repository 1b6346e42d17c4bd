"""Looking leaves no trace; the greatest singular value is that of a decomposition."""

import copy

import pytest
import torch
from torch import nn

from colornet.evaluation.network_probes import top_singular_value, unchanged
from colornet.networks.layers import BatchNorm, spectral

CPU = torch.device("cpu")


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), BatchNorm(4), spectral(nn.Conv2d(4, 4, 3)), nn.Dropout(0.5)
    )


def test_modes_frozen_weights_statistics_and_chance_are_as_before() -> None:
    seen = network()
    seen[0].eval()
    seen[1].requires_grad_(False)
    modes = [module.training for module in seen.modules()]
    learned = [weight.requires_grad for weight in seen.parameters()]
    state, chance = copy.deepcopy(seen.state_dict()), torch.get_rng_state()
    with unchanged([seen, seen], CPU):
        seen.train()
        assert not any(weight.requires_grad for weight in seen.parameters())
        assert not torch.equal(seen(torch.randn(3, 2, 8, 8)), seen(torch.randn(3, 2, 8, 8)))
    assert [module.training for module in seen.modules()] == modes
    assert [weight.requires_grad for weight in seen.parameters()] == learned
    assert torch.equal(torch.get_rng_state(), chance)
    assert all(torch.equal(value, state[name]) for name, value in seen.state_dict().items())


def test_everything_is_put_back_when_looking_fails() -> None:
    seen, chance = network(), torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), unchanged([seen], CPU):
        seen.eval()
        torch.rand(3)
        _ = 1 / 0
    assert seen.training
    assert all(weight.requires_grad for weight in seen.parameters())
    assert torch.equal(torch.get_rng_state(), chance)


def test_the_greatest_singular_value_of_any_layer() -> None:
    seen = nn.Sequential(nn.Conv2d(3, 8, 4), nn.Flatten(), nn.Linear(200, 16), nn.Linear(16, 1))
    with torch.no_grad():
        seen[2].weight *= 5
    values = [
        torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2).item()
        for layer in (seen[0], seen[2], seen[3])
    ]
    chance = torch.get_rng_state()
    assert top_singular_value(seen) == pytest.approx(max(values), rel=0.05)
    assert top_singular_value(seen) <= max(values) * 1.0001
    assert torch.equal(torch.get_rng_state(), chance)


def test_spectral_normalisation_keeps_it_at_1() -> None:
    layer = spectral(nn.Linear(20, 10))
    for _ in range(100):
        layer(torch.zeros(1, 20))
    layer.eval()
    assert top_singular_value(nn.Sequential(layer)) == pytest.approx(1.0, rel=0.05)


def test_weights_of_zero_have_a_singular_value_of_0() -> None:
    layer = nn.Linear(3, 2)
    nn.init.zeros_(layer.weight)
    assert top_singular_value(layer) == 0.0
