"""Adversarial losses at the points where their values are known, and how low they can go."""

from collections.abc import Callable
from math import log
from typing import Any, get_args

import pytest
import torch

from colornet.config.sections.losses import LABELED, AdversarialOptions, Reconstruction
from colornet.pictures import Prediction, colors
from colornet.training.losses import (
    ADVERSARIAL,
    floor_and_equilibrium,
    penalty_weight,
    reconstruction,
)
from colornet.training.methods.player import Batch
from colornet.training.stabilizers import labels

ZEROS = torch.zeros(4, 1, 3, 3)
REAL, FAKE = torch.ones(4, 1, 1, 1), torch.zeros(4, 1, 1, 1)
NAMES = sorted(ADVERSARIAL)


def judged(name: str, real: float, fake: float) -> float:
    """The discriminator's loss when it gives these logits."""
    loss = ADVERSARIAL[name]
    total = loss.real(ZEROS + real, REAL) + loss.fake(ZEROS + fake, FAKE)
    return loss.share * total.item()


def test_names_are_those_of_the_config() -> None:
    names = set(get_args(AdversarialOptions.model_fields["adversarial"].annotation))
    assert set(ADVERSARIAL) == names - {"none"}


@pytest.mark.parametrize(
    ("name", "logit", "loss"),
    [
        ("bce", 0, log(2)),
        ("minimax", 0, log(2)),
        ("lsgan", 0.5, 0.25),
        ("hinge", 0, 1),
        ("wgan_gp", 3, 0),
    ],
)
def test_discriminator_loss_when_it_cannot_tell(name: str, logit: float, loss: float) -> None:
    assert judged(name, logit, logit) == pytest.approx(loss)


@pytest.mark.parametrize(
    ("name", "real", "fake", "loss"),
    [
        ("bce", 50, -50, 0),
        ("minimax", 50, -50, 0),
        ("lsgan", 1, 0, 0),
        ("hinge", 1, -1, 0),
        ("hinge", 9, -9, 0),
        ("wgan_gp", 2, -3, -5),
    ],
)
def test_discriminator_loss_when_it_is_sure(
    name: str, real: float, fake: float, loss: float
) -> None:
    assert judged(name, real, fake) == pytest.approx(loss, abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_players_pull_the_fake_logits_apart(name: str) -> None:
    loss = ADVERSARIAL[name]
    fake = torch.zeros(2, 1, 2, 2, requires_grad=True)
    loss.generator(fake).backward()
    assert fake.grad is not None and (fake.grad < 0).all()
    real, fake = (torch.full((4, 1, 2, 2), 0.1, requires_grad=True) for _ in range(2))
    (loss.real(real, REAL) + loss.fake(fake, FAKE)).backward()
    assert fake.grad is not None and (fake.grad > 0).all()
    assert real.grad is not None and (real.grad < 0).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_sure_judgments_stay_finite(name: str, logit: float) -> None:
    logits = (ZEROS + logit).requires_grad_()
    loss = ADVERSARIAL[name]
    for value in (loss.generator(logits), loss.real(logits, REAL), loss.fake(logits, FAKE)):
        (gradient,) = torch.autograd.grad(value, logits)
        assert value.isfinite() and gradient.isfinite().all()


def test_minimax_takes_back_what_the_discriminator_gains() -> None:
    logits = torch.linspace(-3, 3, 9).view(1, 1, 3, 3)
    loss = ADVERSARIAL["minimax"]
    assert torch.equal(loss.generator(logits), -loss.fake(logits, FAKE[:1]))


def test_minimax_leaves_no_gradient_where_the_discriminator_is_sure() -> None:
    """The first reason of README 001 against it."""
    sure = torch.full((1, 1, 1, 1), -30.0, requires_grad=True)
    (vanishing,) = torch.autograd.grad(ADVERSARIAL["minimax"].generator(sure), sure)
    (lasting,) = torch.autograd.grad(ADVERSARIAL["bce"].generator(sure), sure)
    assert abs(vanishing.item()) < 1e-12
    assert lasting.item() == pytest.approx(-1)


@pytest.mark.parametrize("name", LABELED)
def test_each_picture_has_its_own_target(name: str) -> None:
    logits = torch.randn(2, 1, 3, 3)
    targets = torch.tensor([0.9, 0.2]).view(2, 1, 1, 1)
    loss = ADVERSARIAL[name].real
    apart = [loss(logits[[n]], targets[[n]]).item() for n in range(2)]
    assert loss(logits, targets).item() == pytest.approx(sum(apart) / 2)
    assert loss(logits, targets.flip(0)).item() != pytest.approx(sum(apart) / 2)


@pytest.mark.parametrize(
    ("options", "floor", "equilibrium"),
    [
        ({}, 0, 1.386294),
        ({"adversarial": "minimax"}, 0, 1.386294),
        ({"label_smoothing": 0.1}, 0.325083, 1.376278),
        ({"label_smoothing": 0.1, "fake_label_smoothing": 0.1}, 0.650166, 1.386294),
        ({"label_noise": 0.1}, 0.397030, 1.386294),
        ({"label_smoothing": 0.05, "fake_label_smoothing": 0.05}, 0.397030, 1.386294),
        ({"label_flips": 0.1}, 0.650166, 1.386294),
        ({"adversarial": "lsgan"}, 0, 0.5),
        ({"adversarial": "hinge"}, 0, 2),
    ],
)
def test_floor_and_equilibrium(options: dict[str, Any], floor: float, equilibrium: float) -> None:
    """Known for the whole sum over real and fake; here it is half of it."""
    expected = (floor / 2, equilibrium / 2)
    assert floor_and_equilibrium(AdversarialOptions(**options)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", [name for name in NAMES if ADVERSARIAL[name].boundary is not None])
def test_nothing_is_told_apart_at_the_boundary(name: Any) -> None:
    """There real and fake cost the same, and the discriminator is at its equilibrium."""
    loss = ADVERSARIAL[name]
    boundary = ZEROS + loss.boundary
    real, fake = loss.real(boundary, REAL).item(), loss.fake(boundary, FAKE).item()
    assert real == pytest.approx(fake)
    if limits := floor_and_equilibrium(AdversarialOptions(adversarial=name)):
        assert loss.share * (real + fake) == pytest.approx(limits[1])


@pytest.mark.parametrize("name", ["wgan_gp", "none"])
def test_no_floor_without_judgments(name: Any) -> None:
    assert floor_and_equilibrium(AdversarialOptions(adversarial=name)) is None


def test_the_floor_of_an_unknown_loss_is_not_that_of_another() -> None:
    assert floor_and_equilibrium(AdversarialOptions.model_construct(adversarial="unknown")) is None


@pytest.mark.parametrize("name", ["bce", "lsgan"])
@pytest.mark.parametrize(
    "options",
    [
        {"label_smoothing": 0.2, "label_noise": 0.1},
        {"label_noise": 0.3, "label_flips": 0.1},
        {"label_smoothing": 0.4, "fake_label_smoothing": 0.1, "label_noise": 0.3},
    ],
)
def test_no_judgment_is_better_than_the_floor(name: Any, options: dict[str, Any]) -> None:
    """The best constant logits on very many drawn labels reach it, and others do not."""
    game = AdversarialOptions(adversarial=name, **options)
    expected = floor_and_equilibrium(game)
    assert expected is not None
    targets = [labels(game, 100_000, real, ZEROS.device) for real in (True, False)]

    def loss(real: float, fake: float) -> float:
        means = [real, fake] if name == "lsgan" else [log(p / (1 - p)) for p in (real, fake)]
        terms = [
            ADVERSARIAL[name].real(torch.full_like(one, mean), one)
            for one, mean in zip(targets, means, strict=True)
        ]
        return sum(term.item() for term in terms) / 2

    real, fake = (one.mean().item() for one in targets)
    assert loss(real, fake) == pytest.approx(expected[0], abs=3e-3)
    assert loss(real - 0.05, fake) > loss(real, fake) < loss(real, fake + 0.05)
    middle = (real + fake) / 2
    assert loss(middle, middle) == pytest.approx(expected[1], abs=3e-3)


def test_weight_of_the_penalty() -> None:
    assert penalty_weight(AdversarialOptions()) == 0
    assert penalty_weight(AdversarialOptions(r1_gamma=3.0)) == 1.5
    assert penalty_weight(AdversarialOptions(adversarial="wgan_gp", gradient_penalty=7.0)) == 7


Batches = Callable[..., Batch]


def off(batch: Batch, by: float) -> Prediction:
    """A prediction whose ab are off by this everywhere."""
    pictures = batch.pictures
    return Prediction("ab", (pictures.ab + by).requires_grad_(), pictures.lightness)


@pytest.mark.parametrize(
    ("options", "total"),
    [
        ({"l1_weight": 10.0}, 2.0),
        ({"l1_weight": 0.0, "mse_weight": 10.0}, 0.4),
        ({"l1_weight": 0.0, "huber_weight": 10.0}, 0.15),
        ({"l1_weight": 0.0, "huber_weight": 10.0, "huber_delta": 0.5}, 0.2),
        ({"l1_weight": 10.0, "mse_weight": 10.0, "huber_weight": 10.0}, 2.55),
        ({"l1_weight": 0.0}, 0.0),
    ],
)
def test_terms_and_weights(options: dict[str, Any], total: float, batch: Batches) -> None:
    found, terms = reconstruction(Reconstruction(**options), off(batch(), 0.2), batch().pictures)
    assert found.item() == pytest.approx(total, abs=1e-6)
    assert terms["loss_l1"].item() == pytest.approx(0.2)
    assert ("loss_mse" in terms) is ("mse_weight" in options)
    assert ("loss_huber" in terms) is ("huber_weight" in options)


@pytest.mark.parametrize("on", ["ab", "lab", "rgb"])
def test_the_truth_has_no_distance_and_others_have_one_that_is_followed(
    on: Any, batch: Batches
) -> None:
    pictures = batch().pictures
    true = Prediction("ab", pictures.ab, pictures.lightness)
    assert reconstruction(Reconstruction(on=on), true, pictures)[0] < 0.3  # 8 bits and kornia
    wrong = off(batch(), 0.1)
    total, _ = reconstruction(Reconstruction(on=on), wrong, pictures)
    (gradient,) = torch.autograd.grad(total, wrong.values)
    assert total > 1 and gradient.abs().max() > 0


@pytest.mark.parametrize("space", ["lab", "rgb"])
def test_each_space_has_its_own_units(space: Any, batch: Batches) -> None:
    pictures = batch().pictures
    values = colors(pictures, space) + 0.25
    prediction = Prediction(space, values, pictures.lightness)
    _, terms = reconstruction(Reconstruction(on=space), prediction, pictures)
    assert terms["loss_l1"].item() == pytest.approx(0.25)


def test_lightness_counts_by_its_weight(batch: Batches) -> None:
    pictures = batch().pictures
    values = pictures.lab + torch.tensor([0.3, 0.0, 0.0]).view(1, 3, 1, 1)
    prediction = Prediction("lab", values, pictures.lightness)
    for weight in (0.0, 1.0, 2.0):
        options = Reconstruction(on="lab", lightness_weight=weight)
        _, terms = reconstruction(options, prediction, pictures)
        assert terms["loss_l1"].item() == pytest.approx(0.1 * weight)
