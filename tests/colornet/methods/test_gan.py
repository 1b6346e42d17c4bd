"""The GAN's two losses, its order of play and its rates."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from colornet.config import Config
from colornet.methods.gan import Gan
from colornet.methods.player import Batch


def batch_of(gan: Gan) -> Batch:
    lightness = torch.rand(4, 1, 16, 16)
    return Batch(lightness, torch.rand(4, 2, 16, 16), gan.generator(lightness))


def test_the_discriminator_plays_first_at_its_own_rate(tiny: Callable[..., Config]) -> None:
    gan = Gan(tiny(optimizer={"generator_lr": 1e-3, "lr_ratio": 4.0}), torch.device("cpu"))
    assert [player.name for player in gan.players] == ["discriminator", "generator"]
    assert [player.learning_rate for player in gan.players] == pytest.approx([4e-3, 1e-3])


def test_generator_loss_adds_its_terms(tiny: Callable[..., Config]) -> None:
    gan = Gan(tiny(loss={"l1_weight": 30.0}), torch.device("cpu"))
    losses = gan.generator_losses(batch_of(gan))
    total = losses["loss_adversarial"] + 30 * losses["loss_l1"]
    assert losses["loss_generator"].item() == pytest.approx(total.item())


def test_without_l1_only_the_adversarial_term_counts(tiny: Callable[..., Config]) -> None:
    gan = Gan(tiny(loss={"l1_weight": 0.0}), torch.device("cpu"))
    losses = gan.generator_losses(batch_of(gan))
    assert torch.equal(losses["loss_generator"], losses["loss_adversarial"])


def test_fakes_are_detached_for_the_discriminator(tiny: Callable[..., Config]) -> None:
    gan = Gan(tiny(), torch.device("cpu"))
    gan.discriminator_losses(batch_of(gan))["loss_discriminator"].backward()
    assert all(parameter.grad is None for parameter in gan.generator.parameters())


def test_real_and_fake_pass_in_separate_batches(tiny: Callable[..., Config]) -> None:
    gan = Gan(tiny(), torch.device("cpu"))
    batch = batch_of(gan)
    seen: list[Tensor] = []
    gan.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    gan.discriminator_losses(batch)
    assert torch.equal(seen[0], batch.ab)
    assert torch.equal(seen[1], batch.prediction)


@pytest.mark.parametrize("name", ["bce", "lsgan", "hinge"])
def test_every_adversarial_loss_reaches_the_generator(
    name: str, tiny: Callable[..., Config]
) -> None:
    smoothing = 0.0 if name == "hinge" else 0.1
    loss = {"adversarial": name, "l1_weight": 0.0, "label_smoothing": smoothing}
    gan = Gan(tiny(loss=loss), torch.device("cpu"))
    gan.generator_losses(batch_of(gan))["loss_generator"].backward()
    head = gan.generator.head[0].weight.grad  # ty: ignore
    assert head is not None and head.abs().max() > 0
