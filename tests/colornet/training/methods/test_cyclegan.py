"""CycleGAN's four networks, its order of play, and that it never sees a pair."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from colornet.pictures import Pictures, colors
from colornet.training.losses import ADVERSARIAL
from colornet.training.methods.cyclegan import CycleGan
from colornet.training.methods.player import Batch
from colornet.training.steps import StepOptions, Totals, train_step

Build = Callable[..., CycleGan]
Batches = Callable[..., Batch]
LEARNED = ("loss_generator", "loss_discriminator")


@pytest.fixture
def cycle(method: Callable[..., Any]) -> Build:
    """A function of overrides per section that gives a CycleGAN."""

    def build(**sections: dict[str, object]) -> CycleGan:
        loss = {"method": "cyclegan", "label_smoothing": 0.0, **sections.pop("loss", {})}
        judges = {"conditional": False, **sections.pop("discriminator", {})}
        return method(loss=loss, discriminator=judges, **sections)

    return build


def gradients(cycle: CycleGan, batch: Batch) -> list[Tensor]:
    """Of all weights of all players, each in its turn."""
    found = []
    for player in cycle.players:
        loss = player.losses(cycle.forward_pass(batch))[f"loss_{player.name}"]
        found += torch.autograd.grad(loss, list(player.network.parameters()))
    return found


def with_other_colors(pictures: Pictures) -> Pictures:
    """The same lightness and luma, and nothing else that could be used."""
    changed = Pictures(torch.zeros_like(pictures.pixels))
    nothing = torch.full_like(pictures.ab, torch.nan)
    # Where the cached properties of Pictures keep what they computed.
    vars(changed).update(
        _split=(pictures.lightness, nothing),
        lab=torch.cat((nothing, nothing[:, :1]), 1),
        rgb=torch.cat((nothing, nothing[:, :1]), 1),
        luma=pictures.luma,
    )
    return changed


def test_generators_play_first_and_together(cycle: Build) -> None:
    built = cycle(optimizer={"generator_lr": 1e-3, "lr_ratio": 0.5})
    assert [player.name for player in built.players] == ["generator", "discriminator"]
    assert [player.learning_rate for player in built.players] == pytest.approx([1e-3, 5e-4])
    networks = [(built.generator, built.back), (built.discriminator, built.grey_network)]
    for player, pair in zip(built.players, networks, strict=True):
        expected = {parameter for network in pair for parameter in network.parameters()}
        assert set(player.network.parameters()) == expected
        (group,) = player.optimizer.param_groups
        assert set(group["params"]) == expected
    assert built.unpaired and built.discriminator is built.network


def test_it_starts_like_a_gan_of_the_same_seed(cycle: Build, method: Any) -> None:
    gan, built = method(discriminator={"conditional": False}), cycle()
    for one, two in ((gan.generator, built.generator), (gan.discriminator, built.discriminator)):
        ours, others = one.state_dict(), two.state_dict()
        assert ours.keys() == others.keys()
        assert all(torch.equal(ours[name], others[name]) for name in ours)


def test_no_two_networks_start_alike(cycle: Build) -> None:
    built = cycle()
    kernels = [
        next(p for p in network.parameters() if p.dim() == 4).flatten()[:8].tolist()
        for network in (built.generator, built.back, built.discriminator, built.grey_network)
    ]
    assert len({tuple(one) for one in kernels}) == 4


@pytest.mark.parametrize(
    ("predicts", "judged", "grey"),
    [
        ("ab", "ab", "lightness"),
        ("ab", "lab", "luma"),
        ("ab", "rgb", "lightness"),
        ("lab", "ab", "lightness"),
        ("rgb", "rgb", "lightness"),
        ("rgb", "lab", "luma"),
    ],
)
def test_no_true_color_of_the_grey_pictures_is_learned_from(
    predicts: str, judged: str, grey: str, cycle: Build, batch: Batches
) -> None:
    head = "sigmoid" if predicts == "rgb" else "tanh_110"
    built = cycle(
        loss={"identity_weight": 1.0, "r1_gamma": 1.0},
        generator={"predicts": predicts, "head": head, "input": grey},
        discriminator={"input": judged},
    )
    true = batch()
    blind = Batch(with_other_colors(true.pictures), true.others, 0, 0.0)
    for one, two in zip(gradients(built, true), gradients(built, blind), strict=True):
        assert torch.equal(one, two) and one.isfinite().all()


def test_the_order_of_the_color_pictures_does_not_matter(cycle: Build, batch: Batches) -> None:
    """Nothing pairs the two domains: whichever color picture comes beside a grey one."""
    built = cycle(loss={"identity_weight": 1.0}, generator={"norm": "instance"})
    first = batch()
    assert first.others is not None
    turned = Batch(first.pictures, Pictures(first.others.pixels.roll(3, 0)), 0, 0.0)
    for one, two in zip(gradients(built, first), gradients(built, turned), strict=True):
        assert torch.allclose(one, two, atol=1e-5)


def test_terms_add_up(cycle: Build, batch: Batches) -> None:
    built = cycle(loss={"adversarial_weight": 0.5, "cycle_weight": 7.0, "identity_weight": 3.0})
    losses = built.generator_losses(built.forward_pass(batch()))
    total = 0.5 * losses["loss_adversarial"] + 7 * losses["loss_cycle"]
    total = total + 3 * losses["loss_identity"]
    assert losses["loss_generator"].item() == pytest.approx(total.item())
    assert not losses["loss_l1"].requires_grad


def test_each_term_is_what_it_says(cycle: Build, batch: Batches) -> None:
    """Both ways and back, by hand."""
    built = cycle(loss={"identity_weight": 1.0}, generator={"norm": "none"})
    grey, color = batch().pictures.lightness, batch().others.ab  # ty: ignore
    fake_color, fake_grey = built.generator(grey), built.back(color)
    cycles = (built.back(fake_color) - grey).abs().mean()
    cycles = cycles + (built.generator(fake_grey) - color).abs().mean()
    own = (built.generator(batch().others.lightness) - color).abs().mean()  # ty: ignore
    loss = ADVERSARIAL["bce"].generator
    adversarial = loss(built.discriminator(fake_color)) + loss(built.grey_network(fake_grey))
    distance = (fake_color - batch().pictures.ab).abs().mean()
    expected = {"cycle": cycles, "identity": own, "adversarial": adversarial, "l1": distance}
    found = built.generator_losses(built.forward_pass(batch()))
    for name, value in expected.items():
        assert found[f"loss_{name}"].item() == pytest.approx(value.item(), rel=1e-5), name


@pytest.mark.parametrize("input_range", ["signed", "unit", "byte"])
def test_made_grey_comes_in_the_range_of_true_grey(
    input_range: str, cycle: Build, batch: Batches
) -> None:
    built = cycle(generator={"input_range": input_range})
    seen: list[Tensor] = []
    built.generator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    forward = built.forward_pass(batch())
    forward.fake_grey = forward.grey
    built.generator_losses(forward)
    assert torch.equal(seen[0], built.generator.grey(batch().pictures))
    assert torch.equal(seen[0], seen[1])


def test_discriminators_judge_both_domains(cycle: Build, batch: Batches) -> None:
    built = cycle(loss={"pool": 0, "r1_gamma": 1.0})
    forward = built.forward_pass(batch())
    seen: list[Tensor] = []
    for network in (built.discriminator, built.grey_network):
        network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    losses = built.discriminator_losses(forward)
    assert batch().others is not None
    real_color = colors(batch().others, "ab")  # ty: ignore
    expected = [real_color, forward.prediction.values, forward.grey, forward.fake_grey]
    assert all(torch.equal(one, two) for one, two in zip(seen, expected, strict=True))
    # Untrained judges cannot tell: the mean of both is one game's equilibrium.
    plain = losses["loss_discriminator"] - 0.5 * losses["loss_penalty"]
    assert plain.item() == pytest.approx(0.693, abs=0.05)


def test_discriminators_leave_no_trace_in_the_generators(cycle: Build, batch: Batches) -> None:
    built = cycle()
    built.discriminator_losses(built.forward_pass(batch()))["loss_discriminator"].backward()
    for network in (built.generator, built.back):
        assert all(parameter.grad is None for parameter in network.parameters())
    for network in (built.discriminator, built.grey_network):
        assert all(parameter.grad is not None for parameter in network.parameters())


def test_a_scene_enters_the_pools_once(cycle: Build, batch: Batches) -> None:
    built = cycle(loss={"pool": 20, "discriminator_steps": 3})
    for step in range(2):
        train_step(built, batch(step), StepOptions(1.0), Totals())
    assert len(built.pool.held) == len(built.grey_pool.held) == 16
    assert built.pool.held[0].shape == (2, 16, 16) and built.grey_pool.held[0].shape == (1, 16, 16)


def test_steps_are_those_made_by_hand(cycle: Build, batch: Batches) -> None:
    """The paper's equations with least squares, on copies of the networks, in plain torch."""
    rate, ratio, weight = 1e-3, 0.5, 7.0
    built = cycle(
        # With norms some weights have no effect, and Adam makes full steps of their roundings.
        generator={"norm": "none"},
        discriminator={"norm": "none"},
        loss={"adversarial": "lsgan", "cycle_weight": weight, "pool": 0},
        optimizer={"generator_lr": rate, "lr_ratio": ratio},
    )
    networks = (built.generator, built.back, built.discriminator, built.grey_network)
    to_color, to_grey, of_color, of_grey = copies = copy.deepcopy(networks)
    adams = [
        torch.optim.Adam([p for network in pair for p in network.parameters()], lr=lr, betas=betas)
        for pair, lr in ((copies[:2], rate), (copies[2:], rate * ratio))
        for betas in [built.players[0].optimizer.defaults["betas"]]
    ]
    for step in range(3):
        train_step(built, batch(step), StepOptions(1.0), Totals())
        grey, color = batch(step).pictures.lightness, batch(step).others.ab  # ty: ignore
        fake_color, fake_grey = to_color(grey), to_grey(color)
        fooled = sum(
            (discriminator(fake) - 1).square().mean()
            for discriminator, fake in ((of_color, fake_color), (of_grey, fake_grey))
        )
        back = (to_grey(fake_color) - grey).abs().mean() + (
            to_color(fake_grey) - color
        ).abs().mean()
        told = sum(
            (discriminator(real) - 1).square().mean() + discriminator(fake.detach()).square().mean()
            for discriminator, real, fake in (
                (of_color, color, fake_color),
                (of_grey, grey, fake_grey),
            )
        )
        for adam, loss in zip(adams, (fooled + weight * back, told / 4), strict=True):
            adam.zero_grad()
            loss.backward(inputs=adam.param_groups[0]["params"])
        for adam in adams:
            adam.step()
        for network, copied in zip(networks, copies, strict=True):
            for one, two in zip(network.parameters(), copied.parameters(), strict=True):
                bound = 1e-3 * float(two.grad.abs().max())
                assert torch.allclose(one.grad, two.grad, rtol=0, atol=bound)
                assert torch.allclose(one, two, rtol=0, atol=0.01 * rate * ratio)
