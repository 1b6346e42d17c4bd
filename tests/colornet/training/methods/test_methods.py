"""What every method keeps to, whatever its options: each player learns in its own turn and leaves
the others alone, chance is drawn only where it is asked for, and a training can be continued.
"""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from colornet.config.columns import LOSSES
from colornet.config.paths import TAGS
from colornet.config.sections.losses import AdversarialOptions, Reconstruction
from colornet.pictures import Pictures
from colornet.training import methods
from colornet.training.losses import ADVERSARIAL
from colornet.training.methods.player import Batch, Method
from colornet.training.steps import StepOptions, Totals, freeze_others, optimizer_step, train_step

Build = Callable[..., Method]
Batches = Callable[..., Batch]
Sections = Mapping[str, Mapping[str, Any]]
NAMES = sorted(TAGS["loss"][1])
CONTESTS = [name for name in NAMES if issubclass(TAGS["loss"][1][name], AdversarialOptions)]
PACE = StepOptions(1.0, clip_norm=1.0)

NETWORKS: dict[str, Sections] = {
    **{f"norm_{norm}": {"generator": {"norm": norm}, "discriminator": {"norm": norm}}
       for norm in ("none", "batch", "instance", "spectral")},
    "batch_statistics": {"generator": {"batch_statistics": True}},
    "dropout": {"generator": {"dropout": 0.3}, "discriminator": {"dropout": 0.3}},
    "predicts_lab": {"generator": {"predicts": "lab"}},
    "predicts_rgb": {"generator": {"predicts": "rgb", "head": "sigmoid"}},
    "judges_lab": {"discriminator": {"input": "lab", "input_range": "raw"}},
    "judges_rgb": {"discriminator": {"input": "rgb", "input_range": "unit"}},
    "luma": {"generator": {"input": "luma", "input_range": "byte"}},
}  # fmt: skip
GAMES: dict[str, Mapping[str, Any]] = {
    **{f"adversarial_{name}": {"adversarial": name} for name in ADVERSARIAL},
    "smoothing": {"label_smoothing": 0.1, "fake_label_smoothing": 0.1},
    "label_noise": {"label_noise": 0.1},
    "label_flips": {"label_flips": 0.4},
    "instance_noise": {"instance_noise": 0.1, "instance_noise_until": 0.5},
    "r1": {"r1_gamma": 1.0},
    "translation": {"augment": "translation"},
    "translation_cutout": {"augment": "translation_cutout"},
    "mixed": {"discriminator_batches": "mixed"},
    "alternate": {"discriminator_batches": "alternate", "r1_gamma": 1.0},
    "alternate_wgan_gp": {"discriminator_batches": "alternate", "adversarial": "wgan_gp"},
    "several_turns": {"discriminator_steps": 2, "generator_steps": 3},
    "seldom": {"discriminator_every": 2, "generator_every": 3},
    "gate_loss": {"gate_loss": 10.0},
    "gate_accuracy": {"gate_accuracy": 0.01},
}
OF_GAN: dict[str, Mapping[str, Any]] = {
    "pretrained": {"pretrain": 0.1},
    "alone": {"adversarial": "none"},
    "no_distance": {"l1_weight": 0.0},
    "all_distances": {"mse_weight": 1.0, "huber_weight": 1.0},
}
OF_CYCLEGAN: dict[str, Mapping[str, Any]] = {
    "pool": {"pool": 4},
    "no_pool": {"pool": 0},
    "identity": {"identity_weight": 1.0},
}
OWN = {"gan": OF_GAN, "cyclegan": OF_CYCLEGAN}
CHANCE = {"dropout", "label_noise", "label_flips", "instance_noise", "translation"}
CHANCE |= {"translation_cutout", "adversarial_wgan_gp", "alternate_wgan_gp", "pool"}
"""The variants that draw random numbers."""


SHARED = {"norm_batch", "norm_spectral", "dropout", "predicts_rgb", "judges_lab"}
SHARED |= {"adversarial_lsgan", "r1", "alternate", "alternate_wgan_gp", "translation_cutout"}
SHARED |= {"mixed", "several_turns", "seldom", "gate_loss"}
"""What is played with cyclegan, too, which has the same networks and contests twice."""


def variants() -> dict[str, Sections]:
    """Sections of a config by the method's name and what is peculiar about them."""
    found: dict[str, Sections] = {}
    for name in NAMES:
        losses = {**(GAMES if name in CONTESTS else {}), **OWN.get(name, {})}
        everything = {**NETWORKS, **{what: {"loss": loss} for what, loss in losses.items()}}
        for what, sections in everything.items():
            if name not in CONTESTS and "discriminator" in sections and "generator" not in sections:
                continue
            if name != "cyclegan" or what in {*SHARED, *OF_CYCLEGAN}:
                loss = {"method": name, **sections.get("loss", {})}
                found[f"{name}-{what}"] = {**sections, "loss": loss}
    return found


VARIANTS = variants()
REMEMBERING = ("norm_batch", "norm_spectral", "dropout", "alternate", "gate_loss", "seldom")
CONTINUED = [variant for variant in VARIANTS if variant.partition("-")[2] in REMEMBERING]
CONTINUED += ["gan-pretrained", "cyclegan-pool"]
"""Variants with a memory of their own."""


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> str:
    """The name of a variant, each in turn."""
    return request.param


@pytest.fixture
def build(method: Build) -> Build:
    """A function that gives the method of a variant."""

    def build(variant: str, **arguments: Any) -> Method:
        sections = {name: dict(part) for name, part in VARIANTS[variant].items()}
        loss = {"label_smoothing": 0.0, **sections.pop("loss")}
        judges = sections.pop("discriminator", {})
        if loss["method"] == "cyclegan":
            judges = {"conditional": False, **judges}
        return method(loss=loss, discriminator=judges, **sections, **arguments)

    return build


def played(method: Method, batch: Batch, pace: StepOptions = PACE) -> dict[str, float]:
    """One step's losses."""
    totals = Totals()
    train_step(method, batch, pace, totals)
    return totals.means()


def snapshot(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(network: nn.Module, before: Mapping[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_every_method_has_its_file() -> None:
    """The others there are parts of methods."""
    files = {path.stem for path in Path(methods.__path__[0]).glob("[a-z]*.py")}
    assert files - {"player", "adversarial_game"} == set(NAMES)


def test_losses_are_named_and_chance_is_drawn_where_it_is_asked_for(
    variant: str, build: Build, batch: Batches
) -> None:
    """An option that is off shifts no stream."""
    method, totals = build(variant), Totals()
    for step in (0, 6):
        before = torch.get_rng_state()
        train_step(method, batch(step, progress=0.2), PACE, totals)
    drawn = not torch.equal(torch.get_rng_state(), before)
    assert drawn is (variant.partition("-")[2] in CHANCE)
    losses = totals.means()
    expected = {
        f"{what}_{player.name}" for player in method.players for what in ("loss", "grad_norm")
    }
    assert expected | {"loss_l1"} <= set(losses)
    assert {name for name in losses if name.startswith("loss")} <= set(LOSSES)
    assert all(abs(loss) < 1e6 for loss in losses.values())


def test_a_turn_changes_its_player_alone(variant: str, build: Build, batch: Batches) -> None:
    """Weights and statistics of the others stay bit-identical, and get no gradient."""
    method = build(variant)
    played(method, batch(progress=0.2))
    for player in method.players:
        others = [other.network for other in method.players if other is not player]
        for network in others:
            network.zero_grad()
        seen = batch(1, progress=0.2)
        forward = method.forward_pass(seen)
        own, states = snapshot(player.network), [snapshot(network) for network in others]
        with freeze_others(player, method.players):
            optimizer_step(player, player.losses(forward)[f"loss_{player.name}"], PACE, seen)
        assert not same(player.network, own)
        for network, state in zip(others, states, strict=True):
            assert same(network, state)
            assert all(parameter.grad is None for parameter in network.parameters())
            assert all(parameter.requires_grad for parameter in network.parameters())


def test_instance_noise_that_has_ended_draws_nothing(build: Build, batch: Batches) -> None:
    method = build("gan-instance_noise")
    before = torch.get_rng_state()
    played(method, batch(progress=0.5))
    assert torch.equal(torch.get_rng_state(), before)


def saved(method: Method) -> dict[str, Any]:
    """What a checkpoint holds, through its file format."""
    file = io.BytesIO()
    players = {player.name: player.state_dict() for player in method.players}
    state = {"players": players, "method": method.state_dict(), "noise": torch.get_rng_state()}
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("variant", CONTINUED)
def test_a_continued_training_is_the_same(variant: str, build: Build, batch: Batches) -> None:
    whole = build(variant)
    for step in range(3):
        played(whole, batch(step, step / 10))
    state = saved(whole)
    expected = [played(whole, batch(step, step / 10)) for step in range(3, 5)]
    resumed = build(variant)
    for player in resumed.players:
        player.load_state_dict(state["players"][player.name])
    resumed.load_state_dict(state["method"])
    torch.set_rng_state(state["noise"])
    assert [played(resumed, batch(step, step / 10)) for step in range(3, 5)] == expected
    for one, two in zip(whole.players, resumed.players, strict=True):
        assert same(one.network, two.network.state_dict())


@pytest.mark.parametrize(
    "variant",
    ["gan-translation_cutout", "cyclegan-pool", *(f"{name}-norm_batch" for name in NAMES)],
)
def test_a_step_can_be_counted(variant: str, build: Build, batch: Batches) -> None:
    """On the meta device, which computes nothing and has no values to look at."""
    meta = torch.device("meta")
    with meta:
        method = build(variant, device=meta)
        pixels = Pictures(torch.empty(2, 16, 16, 3, dtype=torch.uint8))
        for step in range(4):
            train_step(method, Batch(pixels, pixels, step, 1.0), PACE, Totals())


@pytest.mark.parametrize("name", CONTESTS)
@pytest.mark.parametrize(
    ("what", "discriminator", "generator"),
    [("several_turns", [2] * 6, [3] * 6), ("seldom", [1, 0] * 3, [1, 0, 0] * 2)],
)
def test_players_learn_as_often_as_they_have_turns(
    name: str,
    what: str,
    discriminator: list[int],
    generator: list[int],
    build: Build,
    batch: Batches,
) -> None:
    method = build(f"{name}-{what}")
    for step in range(6):
        totals = Totals()
        train_step(method, batch(step), PACE, totals)
        assert totals.counts.get("loss_discriminator", 0) == discriminator[step]
        assert totals.counts.get("loss_generator", 0) == generator[step]


@pytest.mark.parametrize(
    ("name", "what", "turns"),
    [
        *((name, "norm_batch", 1) for name in NAMES),
        *((name, "several_turns", 3) for name in CONTESTS),
    ],
)
def test_a_prediction_is_made_once_a_turn(
    name: str, what: str, turns: int, build: Build, batch: Batches
) -> None:
    """CycleGAN's generator also goes back from the grey pictures that were made."""
    method, calls = build(f"{name}-{what}"), []
    method.generator.register_forward_hook(lambda *_: calls.append(1))
    played(method, batch())
    assert len(calls) == turns * (2 if name == "cyclegan" else 1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("at_evaluation", [False, True])
def test_generators_drop_exactly_as_they_are_told(
    name: str, rate: float, at_evaluation: bool, method: Build, batch: Batches
) -> None:
    options = {"dropout": rate, "dropout_at_evaluation": at_evaluation}
    built = method(loss={"method": name}, discriminator={"conditional": False}, generator=options)
    generator = built.generator

    def drops() -> bool:
        first, second = (generator.colorize(batch().pictures).ab for _ in range(2))
        return not torch.equal(first, second)

    played(built, batch())
    assert drops() is (rate > 0)
    generator.eval()
    assert drops() is (rate > 0 and at_evaluation)


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_discriminators_drop_in_both_players_turns(
    rate: float, method: Build, batch: Batches
) -> None:
    built = method(discriminator={"dropout": rate})
    forward = built.forward_pass(batch())
    for player in built.players:
        with freeze_others(player, built.players):
            first, second = (player.losses(forward)[f"loss_{player.name}"].item() for _ in range(2))
        assert (first != second) is (rate > 0)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if issubclass(TAGS["loss"][1][name], Reconstruction)]
)
def test_it_learns(name: str, method: Build, batch: Batches) -> None:
    built = method(loss={"method": name}, optimizer={"generator_lr": 5e-3})
    first = played(built, batch())["loss_l1"]
    for step in range(1, 50):
        last = played(built, batch(step))["loss_l1"]
    assert last < first / 2
