"""Adversarial losses at the points where their values are known."""

from math import log

import pytest
import torch

from colornet.config import ADVERSARIAL_LOSSES
from colornet.losses import ADVERSARIAL

ZEROS = torch.zeros(4, 1, 3, 3)


def test_names_are_those_of_the_config() -> None:
    assert set(ADVERSARIAL) == set(ADVERSARIAL_LOSSES)


@pytest.mark.parametrize(
    ("name", "logit", "loss"), [("bce", 0.0, log(2)), ("lsgan", 0.5, 0.25), ("hinge", 0.0, 1.0)]
)
def test_discriminator_loss_when_it_cannot_tell(name: str, logit: float, loss: float) -> None:
    logits = ZEROS + logit
    assert ADVERSARIAL[name].discriminator(logits, logits, 1.0).item() == pytest.approx(loss)


@pytest.mark.parametrize(
    ("name", "real", "fake"), [("bce", 50.0, -50.0), ("lsgan", 1.0, 0.0), ("hinge", 1.0, -1.0)]
)
def test_discriminator_loss_when_it_is_sure(name: str, real: float, fake: float) -> None:
    loss = ADVERSARIAL[name].discriminator(ZEROS + real, ZEROS + fake, 1.0)
    assert loss.item() == pytest.approx(0, abs=1e-6)


def test_one_sided_smoothing_has_its_floor() -> None:
    """The entropy of the smoothed label: 0.325083 for target 0.9, halved."""
    loss = ADVERSARIAL["bce"].discriminator(ZEROS + log(9), ZEROS - 50, 0.9)
    assert loss.item() == pytest.approx(0.325083 / 2, abs=1e-6)
    smoothed = ADVERSARIAL["lsgan"].discriminator(ZEROS + 0.9, ZEROS, 0.9)
    assert smoothed.item() == pytest.approx(0)


@pytest.mark.parametrize("name", sorted(ADVERSARIAL))
def test_players_pull_the_fake_logits_apart(name: str) -> None:
    fake = torch.zeros(2, 1, 2, 2, requires_grad=True)
    ADVERSARIAL[name].generator(fake).backward()
    assert fake.grad is not None and (fake.grad < 0).all()
    fake = torch.full((2, 1, 2, 2), 0.1, requires_grad=True)
    real = torch.full((2, 1, 2, 2), 0.1, requires_grad=True)
    ADVERSARIAL[name].discriminator(real, fake, 1.0).backward()
    assert fake.grad is not None and (fake.grad > 0).all()
    assert real.grad is not None and (real.grad < 0).all()
