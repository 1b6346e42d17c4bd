"""The GAN's two losses, its order of play and its rates."""

from collections.abc import Callable

import pytest
import torch

from colornet.pictures import Prediction
from colornet.training.losses import ADVERSARIAL
from colornet.training.methods.gan import Gan
from colornet.training.methods.player import Batch

Build = Callable[..., Gan]
Batches = Callable[..., Batch]


def test_the_discriminator_plays_first_at_its_own_rate(method: Build) -> None:
    gan = method(optimizer={"generator_lr": 1e-3, "lr_ratio": 4.0})
    assert [player.name for player in gan.players] == ["discriminator", "generator"]
    assert [player.learning_rate for player in gan.players] == pytest.approx([4e-3, 1e-3])


def test_generator_loss_adds_its_terms(method: Build, batch: Batches) -> None:
    gan = method(loss={"l1_weight": 30.0, "mse_weight": 7.0, "adversarial_weight": 0.5})
    losses = gan.generator_losses(gan.forward_pass(batch()))
    total = 0.5 * losses["loss_adversarial"] + 30 * losses["loss_l1"] + 7 * losses["loss_mse"]
    assert losses["loss_generator"].item() == pytest.approx(total.item())


def test_without_l1_only_the_adversarial_term_counts(method: Build, batch: Batches) -> None:
    gan = method(loss={"l1_weight": 0.0})
    losses = gan.generator_losses(gan.forward_pass(batch()))
    assert torch.equal(losses["loss_generator"], losses["loss_adversarial"])


def test_without_an_adversary_there_is_one_player(method: Build, batch: Batches) -> None:
    gan = method(loss={"adversarial": "none", "label_smoothing": 0.0})
    assert [player.name for player in gan.players] == ["generator"]
    losses = gan.generator_losses(gan.forward_pass(batch()))
    assert set(losses) == {"loss_generator", "loss_l1"}


def test_pretraining_is_reconstruction_alone(method: Build, batch: Batches) -> None:
    gan = method(loss={"pretrain": 0.5})
    early, late = (
        gan.generator_losses(gan.forward_pass(batch(progress=progress))) for progress in (0.4, 0.5)
    )
    assert "loss_adversarial" not in early and "loss_adversarial" in late
    assert torch.equal(early["loss_generator"], 100 * early["loss_l1"])


def test_fakes_are_detached_for_the_discriminator(method: Build, batch: Batches) -> None:
    gan = method()
    gan.discriminator_losses(gan.forward_pass(batch()))["loss_discriminator"].backward()
    assert all(parameter.grad is None for parameter in gan.generator.parameters())


@pytest.mark.parametrize("space", ["ab", "lab", "rgb"])
def test_each_picture_is_judged_beside_its_own_lightness(
    space: str, method: Build, batch: Batches
) -> None:
    """Grey and color of a picture stay together: real first, then fake."""
    gan = method(discriminator={"input": space})
    forward = gan.forward_pass(batch())
    seen = []
    gan.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    gan.discriminator_losses(forward)
    gan.generator_losses(forward)
    pictures = batch().pictures
    own = Prediction("ab", forward.prediction.values, pictures.lightness)
    for shown, colored in zip(seen, (pictures, own, own), strict=True):
        color = {"ab": colored.ab, "lab": colored.lab, "rgb": colored.rgb * 2 - 1}[space]
        assert torch.equal(shown, torch.cat((pictures.lightness, color), 1))


@pytest.mark.parametrize("name", sorted(ADVERSARIAL))
def test_every_adversarial_loss_reaches_the_generator(
    name: str, method: Build, batch: Batches
) -> None:
    gan = method(loss={"adversarial": name, "l1_weight": 0.0, "label_smoothing": 0.0})
    gan.generator_losses(gan.forward_pass(batch()))["loss_generator"].backward()
    gradients = [parameter.grad for parameter in gan.generator.parameters()]
    assert all(gradient is not None for gradient in gradients)
    assert max(gradient.abs().max() for gradient in gradients if gradient is not None) > 0
