"""Turns, gates, and what the two players minimize, on a judge whose answers are known."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from colornet.config.sections.losses import AdversarialOptions
from colornet.training.losses import ADVERSARIAL
from colornet.training.methods.adversarial_game import AdversarialGame
from colornet.training.methods.player import Batch

Batches = Callable[..., Batch]
REAL, FAKE = torch.full((4, 3, 8, 8), 0.6), torch.full((4, 3, 8, 8), -0.2)
"""Logits 0.9 and -0.3 with the judge of these tests."""


def losses(contest: AdversarialGame, discriminator: Any, batch: Batch) -> dict[str, float]:
    found = contest.discriminator_losses(discriminator, REAL, FAKE, batch)
    return {name: loss.item() for name, loss in found.items()}


def view(seed: int) -> Tensor:
    return torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("options", "discriminator", "generator"),
    [
        ({}, [1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]),
        ({"discriminator_steps": 3}, [3] * 6, [1] * 6),
        ({"generator_steps": 2}, [1] * 6, [2] * 6),
        ({"discriminator_every": 2}, [1, 0, 1, 0, 1, 0], [1] * 6),
        ({"generator_every": 5}, [1] * 6, [1, 0, 0, 0, 0, 1]),
        ({"discriminator_every": 3, "discriminator_steps": 2}, [2, 0, 0, 2, 0, 0], [1] * 6),
        ({"adversarial": "none", "generator_every": 2, "generator_steps": 3}, [0] * 6, [1] * 6),
    ],
)
def test_turns_by_step(
    options: dict[str, Any], discriminator: list[int], generator: list[int], batch: Batches
) -> None:
    contest = AdversarialGame(AdversarialOptions(**options))
    batches = [batch(step) for step in range(6)]
    assert [contest.discriminator_turns(one) for one in batches] == discriminator
    assert [contest.generator_turns(one) for one in batches] == generator


def test_in_pretraining_the_generator_plays_alone(batch: Batches) -> None:
    options = AdversarialOptions(
        pretrain=0.3, discriminator_steps=2, generator_every=4, generator_steps=3
    )
    contest = AdversarialGame(options)
    for progress in (0.0, 0.29):
        early = batch(1, progress)
        assert not contest.is_on(early)
        assert contest.discriminator_turns(early) == 0
        assert contest.generator_turns(early) == 1
    late = batch(4, 0.3)
    assert contest.is_on(late)
    assert (contest.discriminator_turns(late), contest.generator_turns(late)) == (2, 3)


@pytest.mark.parametrize("name", sorted(ADVERSARIAL))
def test_losses_are_those_of_real_and_fake(name: Any, discriminator: Any, batch: Batches) -> None:
    contest = AdversarialGame(AdversarialOptions(adversarial=name, gradient_penalty=0.0))
    found = losses(contest, discriminator, batch())
    loss = ADVERSARIAL[name]
    real = loss.real(torch.full((4, 1, 2, 2), 0.9), torch.ones(4, 1, 1, 1))
    fake = loss.fake(torch.full((4, 1, 2, 2), -0.3), torch.zeros(4, 1, 1, 1))
    expected = pytest.approx(loss.share * (real + fake).item(), rel=1e-5)
    assert found == {"loss_discriminator": expected}
    of_generator = contest.generator_loss(discriminator, FAKE, batch())
    assert of_generator.item() == pytest.approx(loss.generator(torch.tensor(-0.3)).item(), rel=1e-5)


def test_targets_follow_the_options(discriminator: Any, batch: Batches) -> None:
    found = losses(
        AdversarialGame(AdversarialOptions(label_smoothing=0.1, fake_label_smoothing=0.2)),
        discriminator,
        batch(),
    )
    logits = torch.tensor([0.9, -0.3])
    expected = functional.binary_cross_entropy_with_logits(logits, torch.tensor([0.9, 0.2]))
    assert found["loss_discriminator"] == pytest.approx(expected.item())


def test_separate_batches_are_of_one_kind(discriminator: Any, batch: Batches) -> None:
    losses(AdversarialGame(AdversarialOptions()), discriminator, batch())
    assert [torch.equal(*pair) for pair in zip(discriminator.seen, (REAL, FAKE), strict=True)] == [
        True
    ] * 2


def test_a_mixed_batch_is_one(discriminator: Any, batch: Batches) -> None:
    """Only a normalization can tell it from separate ones."""
    mixed = losses(
        AdversarialGame(AdversarialOptions(discriminator_batches="mixed")), discriminator, batch()
    )
    (seen,) = discriminator.seen
    assert torch.equal(seen, torch.cat((REAL, FAKE)))
    assert mixed == pytest.approx(
        losses(AdversarialGame(AdversarialOptions()), discriminator, batch())
    )


@pytest.mark.parametrize("options", [{}, {"r1_gamma": 2.0}, {"adversarial": "wgan_gp"}])
def test_alternate_turns_are_of_one_kind_each_and_mean_the_same(
    options: dict[str, Any], discriminator: Any, batch: Batches
) -> None:
    contest = AdversarialGame(AdversarialOptions(discriminator_batches="alternate", **options))
    turns = []
    for step in range(4):
        discriminator.seen.clear()
        turns.append(losses(contest, discriminator, batch(step)))
        assert torch.equal(discriminator.seen[0], (REAL, FAKE)[step % 2])
        assert len(discriminator.seen) == (2 if "adversarial" in options else 1)
    assert turns[:2] == turns[2:] and turns[0] != turns[1]
    separate = losses(AdversarialGame(AdversarialOptions(**options)), discriminator, batch())
    mean = (turns[0]["loss_discriminator"] + turns[1]["loss_discriminator"]) / 2
    assert mean == pytest.approx(separate["loss_discriminator"])
    assert turns[0].get("loss_penalty") == pytest.approx(separate.get("loss_penalty"))


@pytest.mark.parametrize("options", [{"discriminator_every": 2}, {"discriminator_steps": 3}])
def test_alternation_goes_by_turns_not_by_batches(
    options: dict[str, Any], discriminator: Any, batch: Batches
) -> None:
    contest = AdversarialGame(AdversarialOptions(discriminator_batches="alternate", **options))
    for step in range(6):
        for _ in range(contest.discriminator_turns(batch(step))):
            losses(contest, discriminator, batch(step))
    kinds = [seen.mean() > 0 for seen in discriminator.seen]
    assert kinds[::2] == [True] * len(kinds[::2])
    assert kinds[1::2] == [False] * len(kinds[1::2])


def test_r1_counts_half_of_gamma_at_real_pictures(discriminator: Any, batch: Batches) -> None:
    plain = losses(AdversarialGame(AdversarialOptions()), discriminator, batch())
    found = losses(AdversarialGame(AdversarialOptions(r1_gamma=3.0)), discriminator, batch())
    # Each of 3 x 8 x 8 values moves the mean logit by 0.5 / (8 x 8).
    assert found["loss_penalty"] == pytest.approx(192 * (0.5 / 64) ** 2)
    added = found["loss_discriminator"] - plain["loss_discriminator"]
    assert added == pytest.approx(1.5 * found["loss_penalty"], rel=1e-4)
    assert not REAL.requires_grad


def test_wasserstein_counts_its_penalty(discriminator: Any, batch: Batches) -> None:
    contest = AdversarialGame(AdversarialOptions(adversarial="wgan_gp", gradient_penalty=4.0))
    found = losses(contest, discriminator, batch())
    slope = 192**0.5 * 0.5 / 64
    assert found["loss_penalty"] == pytest.approx((slope - 1) ** 2)
    assert found["loss_discriminator"] == pytest.approx(-1.2 + 4 * (slope - 1) ** 2)


@pytest.mark.parametrize("batches", ["separate", "mixed", "alternate"])
@pytest.mark.parametrize("options", [{"r1_gamma": 2.0}, {"adversarial": "wgan_gp"}])
def test_a_penalty_reaches_the_weights(
    options: dict[str, Any], batches: Any, discriminator: Any, batch: Batches
) -> None:
    contest = AdversarialGame(AdversarialOptions(discriminator_batches=batches, **options))
    penalty = contest.discriminator_losses(discriminator, REAL, FAKE, batch())["loss_penalty"]
    (gradient,) = torch.autograd.grad(penalty, discriminator.scale)
    assert gradient.abs() > 1e-4


def test_the_same_transform_for_lightness_and_color(discriminator: Any, batch: Batches) -> None:
    """A view whose colors follow from its lightness still does, wherever it was moved or cut."""
    lightness = view(0)[:, :1]
    paired = torch.cat((lightness, lightness / 2, -lightness), 1)
    contest = AdversarialGame(AdversarialOptions(augment="translation_cutout"))
    contest.discriminator_losses(discriminator, paired, paired, batch())
    contest.generator_loss(discriminator, paired, batch())
    for seen in discriminator.seen:
        assert torch.equal(seen[:, 1:2], seen[:, :1] / 2)
        assert torch.equal(seen[:, 2:], -seen[:, :1])
        assert (seen == 0).any() and not torch.equal(seen, paired)
    real, fake, again = discriminator.seen
    assert not torch.equal(real, fake) and not torch.equal(fake, again)


def test_both_players_are_shown_the_same_noise_level(discriminator: Any, batch: Batches) -> None:
    contest = AdversarialGame(AdversarialOptions(instance_noise=0.4, instance_noise_until=0.5))
    flat = torch.zeros(8, 3, 32, 32)
    contest.discriminator_losses(discriminator, flat, flat, batch(progress=0.25))
    contest.generator_loss(discriminator, flat, batch(progress=0.25))
    assert [seen.std().item() for seen in discriminator.seen] == pytest.approx([0.2] * 3, rel=0.05)
    assert not torch.equal(discriminator.seen[0], discriminator.seen[1])


GATES = [{"gate_loss": 0.4}, {"gate_accuracy": 0.9}, {"gate_loss": 0.4, "gate_accuracy": 0.9}]


@pytest.mark.parametrize("options", GATES)
def test_a_gate_opens_when_the_discriminator_does_well(
    options: dict[str, Any], discriminator: Any, batch: Batches
) -> None:
    """Losses 0.45 (all right), 0.76 (all wrong) and 0.30 (all right)."""
    contest = AdversarialGame(AdversarialOptions(**options))
    assert contest.generator_turns(batch()) == 0
    turns = []
    for scale in (0.5, -0.1, 1.0):
        discriminator.scale.data.fill_(scale)
        contest.discriminator_losses(discriminator, REAL, FAKE, batch())
        turns.append(contest.generator_turns(batch()))
    assert turns == [0 if "gate_loss" in options else 1, 0, 1]


def test_a_gate_looks_at_the_loss_without_penalty(discriminator: Any, batch: Batches) -> None:
    contest = AdversarialGame(AdversarialOptions(gate_loss=0.5, r1_gamma=1e6))
    assert losses(contest, discriminator, batch())["loss_discriminator"] > 100
    assert contest.generator_turns(batch()) == 1


def test_accuracy_is_per_picture_and_of_both_kinds(discriminator: Any, batch: Batches) -> None:
    """Three of four real pictures and half of the fake ones are judged rightly."""
    real = torch.tensor([1.0, 1.0, 1.0, -1.0]).view(4, 1, 1, 1).expand(4, 3, 8, 8)
    fake = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1).expand(2, 3, 8, 8)
    for least, turns in ((0.62, 1), (0.63, 0)):
        contest = AdversarialGame(AdversarialOptions(gate_accuracy=least))
        contest.discriminator_losses(discriminator, real, fake, batch())
        assert contest.generator_turns(batch()) == turns


def test_accuracy_of_least_squares_divides_in_the_middle(
    discriminator: Any, batch: Batches
) -> None:
    contest = AdversarialGame(AdversarialOptions(adversarial="lsgan", gate_accuracy=0.9))
    contest.discriminator_losses(discriminator, REAL / 2, FAKE, batch())  # logits 0.45 and -0.3
    assert contest.generator_turns(batch()) == 0
    contest.discriminator_losses(discriminator, REAL, FAKE, batch())
    assert contest.generator_turns(batch()) == 1


def test_with_alternate_batches_a_gate_waits_for_both_kinds(
    discriminator: Any, batch: Batches
) -> None:
    contest = AdversarialGame(AdversarialOptions(gate_loss=0.5, discriminator_batches="alternate"))
    turns = []
    for step in range(3):
        contest.discriminator_losses(discriminator, REAL, FAKE, batch(step))
        turns.append(contest.generator_turns(batch(step)))
    assert turns == [0, 1, 1]


def test_without_a_gate_nothing_is_remembered(discriminator: Any, batch: Batches) -> None:
    contest = AdversarialGame(AdversarialOptions())
    losses(contest, discriminator, batch())
    assert contest.state_dict() == {"turns": 1, "memory": {}}


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_a_resumed_contest_goes_on(turns: int, discriminator: Any, batch: Batches) -> None:
    options = AdversarialOptions(
        gate_loss=0.5, gate_accuracy=0.5, discriminator_batches="alternate"
    )
    first, second = AdversarialGame(options), AdversarialGame(options)
    for step in range(turns):
        losses(first, discriminator, batch(step))
    second.load_state_dict(first.state_dict())
    results = []
    for contest in (first, second):
        waits = contest.generator_turns(batch())
        results.append(
            (waits, losses(contest, discriminator, batch()), contest.generator_turns(batch()))
        )
    assert results[0] == results[1]
