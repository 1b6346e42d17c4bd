"""Labels, noise, penalties, running means and pools, where their values are known."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from colornet.config.sections.losses import AdversarialOptions
from colornet.training.stabilizers import (
    FakePool,
    WeightAverage,
    add_noise,
    gradient_penalty,
    labels,
    r1,
)

CPU = torch.device("cpu")


class Plane(nn.Module):
    """A judge whose logits at every patch are the inner product with known weights."""

    def __init__(self, patches: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.arange(1.0, 9.0).view(2, 2, 2) / 10)
        self.patches = patches

    def forward(self, view: Tensor) -> Tensor:
        logit = (view * self.weight).sum((1, 2, 3))
        return logit.view(-1, 1, 1, 1).expand(-1, 1, self.patches, self.patches)


@pytest.mark.parametrize(
    ("options", "real", "fake"),
    [
        ({}, 1.0, 0.0),
        ({"label_smoothing": 0.1}, 0.9, 0.0),
        ({"fake_label_smoothing": 0.2}, 1.0, 0.2),
    ],
)
def test_labels_without_chance(options: dict[str, Any], real: float, fake: float) -> None:
    before = torch.get_rng_state()
    for kind, expected in ((True, real), (False, fake)):
        targets = labels(AdversarialOptions(**options), 5, kind, CPU)
        assert targets.shape == (5, 1, 1, 1)
        assert (targets == torch.tensor(expected)).all()
    assert torch.equal(torch.get_rng_state(), before)


def test_label_noise_is_uniform_and_per_picture() -> None:
    options = AdversarialOptions(label_smoothing=0.1, label_noise=0.2)
    real, fake = (labels(options, 10_000, kind, CPU) for kind in (True, False))
    assert 0.7 <= real.min() < 0.705 and 0.895 < real.max() <= 0.9
    assert 0 <= fake.min() < 0.005 and 0.195 < fake.max() <= 0.2
    assert real.mean().item() == pytest.approx(0.8, abs=0.005)
    assert len(fake.unique()) > 9000


def test_labels_never_turn_into_their_opposite() -> None:
    options = AdversarialOptions(label_smoothing=0.4, fake_label_smoothing=0.4, label_noise=0.4)
    assert labels(options, 1000, True, CPU).min() == 0.5
    assert labels(options, 1000, False, CPU).max() == 0.5


def test_a_flipped_picture_gets_the_other_target() -> None:
    options = AdversarialOptions(label_smoothing=0.1, fake_label_smoothing=0.2, label_flips=0.3)
    for kind, own, other in ((True, 0.9, 0.2), (False, 0.2, 0.9)):
        targets = labels(options, 10_000, kind, CPU)
        flipped = (targets == torch.tensor(other)).float().mean().item()
        assert flipped == pytest.approx(0.3, abs=0.02)
        assert set(targets.unique().tolist()) == set(torch.tensor([own, other]).tolist())


def test_noise_falls_along_a_line_to_nothing() -> None:
    view = torch.full((50, 3, 16, 16), 2.0)
    options = AdversarialOptions(instance_noise=0.4, instance_noise_until=0.5)
    for progress, sigma in ((0.0, 0.4), (0.25, 0.2), (0.45, 0.04)):
        noisy = add_noise(view, options, progress)
        assert noisy.std().item() == pytest.approx(sigma, rel=0.02)
        assert noisy.mean().item() == pytest.approx(2, abs=0.01)
    before = torch.get_rng_state()
    for progress in (0.5, 0.7, 1.0):
        assert add_noise(view, options, progress) is view
    assert add_noise(view, AdversarialOptions(), 0.0) is view
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("patches", [1, 4])
def test_r1_of_a_plane_is_its_slope_squared(patches: int) -> None:
    discriminator = Plane(patches)
    views = torch.randn(3, 2, 2, 2, requires_grad=True)
    penalty = r1(views, discriminator(views))
    assert penalty.item() == pytest.approx(discriminator.weight.square().sum().item())
    (gradient,) = torch.autograd.grad(penalty, discriminator.weight)
    assert torch.allclose(gradient, 2 * discriminator.weight)


@pytest.mark.parametrize("patches", [1, 4])
def test_penalty_of_a_plane_is_its_slope_off_one(patches: int) -> None:
    discriminator = Plane(patches)
    penalty = gradient_penalty(discriminator, torch.randn(3, 2, 2, 2), torch.randn(3, 2, 2, 2))
    slope = discriminator.weight.norm()
    assert penalty.item() == pytest.approx((slope - 1).square().item())
    (gradient,) = torch.autograd.grad(penalty, discriminator.weight)
    assert torch.allclose(gradient, 2 * (slope - 1) * discriminator.weight / slope)


def test_penalty_looks_between_real_and_fake() -> None:
    seen: list[Tensor] = []
    discriminator = Plane()
    discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    real, fake = torch.zeros(500, 2, 2, 2), torch.ones(500, 2, 2, 2).requires_grad_()
    gradient_penalty(discriminator, real, fake).backward()
    (points,) = seen
    places = points.flatten(1)
    assert torch.equal(places.amin(1), places.amax(1))
    assert 0 <= places.min() < 0.02 and 0.98 < places.max() <= 1
    assert fake.grad is None


def normed() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def moved(network: nn.Module) -> nn.Module:
    for parameter in network.parameters():
        parameter.data += torch.randn_like(parameter)
    network(torch.randn(8, 3))
    return network


def test_the_mean_weighs_each_state_by_its_age() -> None:
    network, decay = normed(), 0.8
    average = WeightAverage(network, decay)
    states = []
    for _ in range(5):
        average.update(moved(network))
        states.append(network[0].weight.detach().clone())
    weights = torch.tensor([decay**age for age in range(4, -1, -1)])
    expected = sum(w * s for w, s in zip(weights / weights.sum(), states, strict=True))
    assert torch.allclose(average.network[0].weight, expected, atol=1e-6)


def test_the_first_update_takes_the_weights_as_they_are() -> None:
    network = normed()
    average = WeightAverage(network, 0.999)
    average.update(moved(network))
    for own, latest in zip(average.network.parameters(), network.parameters(), strict=True):
        assert torch.equal(own, latest)


def test_buffers_are_the_latest() -> None:
    network = normed()
    average = WeightAverage(network, 0.9)
    for _ in range(3):
        average.update(moved(network))
    for own, latest in zip(average.network.buffers(), network.buffers(), strict=True):
        assert torch.equal(own, latest)
    assert average.network[1].num_batches_tracked == 3


def test_the_mean_needs_no_gradient_and_shares_nothing() -> None:
    network = normed()
    average = WeightAverage(network, 0.5)
    assert not any(parameter.requires_grad for parameter in average.network.parameters())
    assert all(parameter.requires_grad for parameter in network.parameters())
    before = average.network[0].weight.clone()
    moved(network)
    assert torch.equal(average.network[0].weight, before)


def test_a_resumed_mean_goes_on() -> None:
    network = normed()
    whole, first = WeightAverage(network, 0.9), WeightAverage(network, 0.9)
    for _ in range(3):
        moved(network)
        whole.update(network)
        first.update(network)
    second = WeightAverage(normed(), 0.9)
    second.load_state_dict(first.state_dict())
    moved(network)
    for average in (whole, second):
        average.update(network)
    for one, two in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, two)


def fakes(first: int, count: int = 4) -> Tensor:
    return torch.arange(first, first + count, dtype=torch.float32).view(-1, 1, 1, 1)


def test_a_pool_of_nothing_is_no_pool() -> None:
    before = torch.get_rng_state()
    batch = fakes(0)
    assert FakePool(0).exchange(batch) is batch
    assert torch.equal(torch.get_rng_state(), before)


def test_a_pool_shows_new_fakes_until_it_is_full() -> None:
    pool = FakePool(6)
    before = torch.get_rng_state()
    assert torch.equal(pool.exchange(fakes(0)), fakes(0))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(pool.exchange(fakes(4, 2)), fakes(4, 2))
    assert len(pool.held) == 6


def test_a_full_pool_shows_past_fakes_half_of_the_time() -> None:
    """None is lost: the first ten are shown as they come in, all others when they leave."""
    pool = FakePool(10)
    shown = torch.cat([pool.exchange(fakes(first)) for first in range(0, 2000, 4)]).flatten()
    left = torch.cat((shown[10:], torch.cat(pool.held).flatten()))
    assert sorted(left.tolist()) == list(range(2000))
    assert (shown[10:] == torch.arange(10, 2000)).float().mean() == pytest.approx(0.5, abs=0.05)


def test_held_fakes_are_copies_without_a_graph() -> None:
    pool = FakePool(2)
    batch = fakes(1, 2).requires_grad_()
    shown = pool.exchange(batch * 1)
    batch.data.zero_()
    assert [one.item() for one in pool.held] == [1, 2]
    assert not shown.requires_grad and not any(one.requires_grad for one in pool.held)
    for first in range(3, 43, 4):
        pool.exchange(fakes(first))
        assert all(one.untyped_storage().nbytes() == 4 for one in pool.held)


@pytest.mark.parametrize("before", [0, 3])
def test_a_resumed_pool_goes_on(before: int) -> None:
    first, second = FakePool(5), FakePool(5)
    for batch in range(before):
        first.exchange(fakes(4 * batch))
    second.load_state_dict(first.state_dict())
    results = []
    for pool in (first, second):
        torch.manual_seed(3)
        results.append([pool.exchange(fakes(100 + 4 * n)) for n in range(4)])
    assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))
