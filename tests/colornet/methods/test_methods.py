"""What every method keeps to: each player learns in its own turn and leaves the others alone."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch import Tensor

from colornet import methods
from colornet.config import LOSSES, Config
from colornet.methods.player import Batch, Method
from colornet.paths import TAGS
from colornet.steps import only, play

NAMES = sorted(TAGS["loss"][1])
SIZE = 16


def build(config: Config) -> Method:
    module = import_module(f"colornet.methods.{config.loss.method}")
    return module.build(config, torch.device("cpu"))


def pictures(seed: int = 0) -> tuple[Tensor, Tensor]:
    stream = torch.Generator().manual_seed(seed)
    lightness = torch.rand(8, 1, SIZE, SIZE, generator=stream) * 2 - 1
    return lightness, torch.cat((lightness, -lightness), 1) / 2


def snapshot(network: torch.nn.Module) -> list[Tensor]:
    return [value.detach().clone() for value in network.state_dict().values()]


def same(network: torch.nn.Module, before: list[Tensor]) -> bool:
    now = network.state_dict().values()
    return all(torch.equal(one, two) for one, two in zip(now, before, strict=True))


def test_every_file_has_its_options() -> None:
    files = {path.stem for path in Path(methods.__path__[0]).glob("[a-z]*.py")}
    assert files - {"player"} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_losses_are_named_finite_scalars(name: str, tiny: Callable[..., Config]) -> None:
    method = build(tiny(loss={"method": name}))
    losses = play(method, pictures(), 0, 1.0, None)
    assert set(losses) <= set(LOSSES)
    assert {f"loss_{player.name}" for player in method.players} <= set(losses)
    assert all(loss.shape == () and loss.isfinite() for loss in losses.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_turn_changes_its_player_alone(name: str, tiny: Callable[..., Config]) -> None:
    """Weights and buffers of the others stay bit-identical, and get no gradient."""
    method = build(tiny(loss={"method": name}))
    play(method, pictures(), 0, 1.0, None)
    lightness, ab = pictures(1)
    batch = Batch(lightness, ab, method.generator(lightness))
    for player in method.players:
        others = [other.network for other in method.players if other is not player]
        before = [snapshot(network) for network in others]
        own = snapshot(player.network)
        for network in others:
            network.zero_grad()
        with only(player, method.players):
            player.optimizer.zero_grad()
            player.losses(batch)[f"loss_{player.name}"].backward()
            player.optimizer.step()
        assert not same(player.network, own)
        for network, state in zip(others, before, strict=True):
            assert same(network, state)
            assert all(parameter.grad is None for parameter in network.parameters())
            assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_the_generator_predicts_once_per_step(name: str, tiny: Callable[..., Config]) -> None:
    method = build(tiny(loss={"method": name}))
    calls = []
    method.generator.register_forward_hook(lambda *_: calls.append(1))
    play(method, pictures(), 0, 1.0, None)
    assert len(calls) == 1


@pytest.mark.parametrize("name", NAMES)
def test_it_learns(name: str, tiny: Callable[..., Config]) -> None:
    method = build(tiny(loss={"method": name}, optimizer={"generator_lr": 5e-3}))
    first = play(method, pictures(), 0, 1.0, None)["loss_l1"]
    for step in range(1, 60):
        last = play(method, pictures(), step, 1.0, None)["loss_l1"]
    assert last < first / 2


def test_a_player_may_play_less_often(tiny: Callable[..., Config]) -> None:
    method = build(tiny())
    object.__setattr__(method.players[0], "every", 3)
    played = ["loss_discriminator" in play(method, pictures(), n, 1.0, None) for n in range(6)]
    assert played == [True, False, False, True, False, False]
