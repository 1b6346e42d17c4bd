"""What every architecture, whatever its file, keeps to."""

from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList

import colornet
from colornet.config.paths import TAGS
from colornet.config.sections.discriminators import Patch
from colornet.config.sections.generators import Generator, Norm, UNet
from colornet.networks.build import (
    build_discriminator,
    build_generator,
    discriminator_core,
    generator_core,
)
from colornet.seeds import noise_seed

CPU = torch.device("cpu")
PACKAGE = Path(colornet.__file__).parent / "networks"
GENERATORS = sorted(TAGS["generator"][1])
DISCRIMINATORS = sorted(TAGS["discriminator"][1])
NORMS = get_args(Norm)
NETWORKS = [("generator", kind) for kind in GENERATORS]
NETWORKS += [("discriminator", kind) for kind in DISCRIMINATORS]
LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
SMALL: dict[str, dict[str, Any]] = {
    "unet": {"width": 2},
    "pix2pix_unet": {"width": 2, "depth": 4},
    "deconv_unet": {"widths": (2, 4, 4)},
    "pooled_unet": {"width": 2, "depth": 2},
    "upsampling_unet": {"width": 2},
    "encoder_decoder": {"width": 2},
    "valid_unet": {"width": 2},
    "patch": {"width": 2, "layers": 2},
    "pixel": {"width": 2},
    "dense": {"widths": (2, 4), "hidden": (8,)},
    "strided_dense": {"width": 2},
    "whole": {"widths": (2, 4, 4)},
}
"""Options under which an architecture is quick; its defaults where it has none here."""


def small(section: str, kind: str, **options: object) -> Any:
    return TAGS[section][1][kind](kind=kind, **SMALL.get(kind, {}), **options)  # ty: ignore


def generator(kind: str, inputs: int = 1, outputs: int = 2, **options: Any) -> nn.Module:
    return generator_core(small("generator", kind, **options), inputs, outputs)


def core_of(section: str, kind: str, **options: Any) -> nn.Module:
    """From one channel, whichever network it is."""
    section_options = small(section, kind, **options)
    if section == "generator":
        return generator_core(section_options, 1, 2)
    return discriminator_core(section_options, 1, 32)


def number(network: nn.Module, kind: type[nn.Module]) -> int:
    return sum(isinstance(module, kind) for module in network.modules())


def buffers(network: nn.Module) -> list[Tensor]:
    return [buffer.clone() for buffer in network.buffers()]


def same(one: list[Tensor], two: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("section", ["generator", "discriminator"])
def test_every_file_has_its_options(section: str) -> None:
    files = {path.stem for path in (PACKAGE / f"{section}s").glob("[a-z]*.py")}
    assert files == set(TAGS[section][1])
    for kind in files:
        assert import_module(f"colornet.networks.{section}s.{kind}").build


@pytest.mark.parametrize(("section", "kind"), NETWORKS)
def test_nothing_bounds_or_normalizes_what_it_gives(section: str, kind: str) -> None:
    """Heads and losses bring their own activation: the last layer's numbers come out as they are.

    So the output follows that layer's weights in a straight line, through 0 and far beyond 1.
    """
    network = core_of(section, kind)
    used: list[Any] = []
    for layer in network.modules():
        if isinstance(layer, LAYERS):
            layer.register_forward_hook(lambda layer, *_: used.append(layer))
    grey = torch.rand(2, 1, 32, 32)

    def scaled(factor: float) -> Tensor:
        with torch.no_grad():
            for weight, first in zip(used[-1].parameters(), before, strict=True):
                weight.copy_(first * factor)
            return network(grey)

    with torch.no_grad():
        network(grey)
    before = [weight.clone() for weight in used[-1].parameters()]
    none, once, far = scaled(0), scaled(1), scaled(-1000)
    assert (far - none).numpy() == pytest.approx(-1000 * (once - none).numpy(), rel=1e-2, abs=1e-1)
    assert (once - none).abs().max() > 1e-3


@pytest.mark.parametrize(("section", "kind"), NETWORKS)
def test_it_has_the_norm_that_it_is_given(section: str, kind: str) -> None:
    kinds = {
        "batch": nn.BatchNorm2d,
        "instance": nn.InstanceNorm2d,
        "spectral": ParametrizationList,
    }
    for norm in NORMS:
        network = core_of(section, kind, norm=norm)
        assert {name for name, one in kinds.items() if number(network, one)} == {norm} - {"none"}


@pytest.mark.parametrize("kind", DISCRIMINATORS)
def test_a_discriminator_has_the_activation_that_it_is_given(kind: str) -> None:
    """Some have a second option, such as that of dense layers: it is set, too."""
    fields = TAGS["discriminator"][1][kind].model_fields
    others = {name: "elu" for name in fields if name.endswith("_activation")}
    network = core_of("discriminator", kind, activation="gelu", **others)
    assert number(network, nn.GELU)
    assert bool(number(network, nn.ELU)) == bool(others)
    assert not number(network, nn.LeakyReLU) + number(network, nn.ReLU)


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize("norm", NORMS)
def test_a_generator_keeps_the_size_whatever_its_norm(kind: str, norm: str) -> None:
    """At its smallest picture, one that is not square, and one picture alone; both ways."""
    options = small("generator", kind, norm=norm)
    least, step = options.smallest, options.stride
    network = generator_core(options, 1, 2)
    assert network(torch.rand(1, 1, least, least)).shape == (1, 2, least, least)
    assert network(torch.rand(3, 1, least, least + step)).shape == (3, 2, least, least + step)
    network = generator_core(options, 3, 1).eval()
    assert network(torch.rand(1, 3, least, least)).shape == (1, 1, least, least)


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_generator_sees_the_pixel_it_colors(kind: str) -> None:
    network = generator(kind, activation="elu", norm="none")
    grey = torch.rand(1, 1, 32, 32, requires_grad=True)
    network(grey)[0, :, 16, 16].sum().backward()
    assert grey.grad is not None
    assert grey.grad[0, 0, 16, 16] != 0
    assert (grey.grad != 0).float().mean() > 0.2


@pytest.mark.parametrize("kind", GENERATORS)
def test_activations_of_encoder_and_decoder_are_set_apart(kind: str) -> None:
    def count(name: type[nn.Module], **options: Any) -> int:
        return sum(isinstance(module, name) for module in generator(kind, **options).modules())

    everywhere = count(nn.GELU, activation="gelu")
    encoder = count(nn.GELU, activation="gelu", decoder_activation="silu")
    decoder = count(nn.SiLU, activation="gelu", decoder_activation="silu")
    assert encoder and decoder
    assert encoder + decoder == everywhere
    assert not count(nn.ReLU, activation="gelu")


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize("place", get_args(Generator.model_fields["dropout_place"].annotation))
def test_dropout_has_its_places(kind: str, place: str) -> None:
    """Each place has dropout, everywhere the most, and none of them by default."""

    def places(**options: Any) -> int:
        modules = generator(kind, **options).modules()
        return sum(isinstance(module, nn.Dropout) for module in modules)

    here = places(dropout=0.3, dropout_place=place)
    assert 1 <= here <= places(dropout=0.3, dropout_place="everywhere")
    most = places(dropout=0.3, dropout_place="decoder")
    assert here > most if place == "everywhere" else here <= most
    assert places(dropout_place=place) == 0


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize(("rate", "at_evaluation"), [(0.0, True), (0.5, False), (0.5, True)])
def test_dropout_works_exactly_when_asked_for(kind: str, rate: float, at_evaluation: bool) -> None:
    network = generator(
        kind, dropout=rate, dropout_at_evaluation=at_evaluation, activation="elu", init="he"
    )
    grey = torch.rand(4, 1, 32, 32)
    torch.manual_seed(noise_seed(0))
    for training in (True, False):
        network.train(training)
        varies = rate > 0 and (training or at_evaluation)
        assert torch.equal(network(grey), network(grey)) is not varies


@pytest.mark.parametrize("kind", GENERATORS)
def test_batch_statistics_reach_every_normalization(kind: str) -> None:
    network = generator(kind, batch_statistics=True)
    grey = torch.rand(4, 1, 32, 32)
    training = network(grey)
    assert torch.equal(network.eval()(grey), training)
    plain = generator(kind).eval()
    plain.load_state_dict(network.state_dict())
    assert not torch.equal(plain(grey), training)


@pytest.mark.parametrize("kind", DISCRIMINATORS)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("inputs", [1, 4])
def test_a_discriminator_gives_one_map_of_logits(kind: str, norm: str, inputs: int) -> None:
    network = discriminator_core(small("discriminator", kind, norm=norm), inputs, 32)
    logits = network(torch.rand(3, inputs, 32, 32))
    assert logits.shape[:2] == (3, 1)
    assert logits.shape[2] == logits.shape[3]
    alone = network(torch.rand(1, inputs, 32, 32))
    assert alone.shape[1:] == logits.shape[1:]
    if kind in ("dense", "strided_dense", "whole"):
        assert logits.shape == (3, 1, 1, 1)


@pytest.mark.parametrize("kind", DISCRIMINATORS)
def test_a_discriminator_judges_by_color_and_by_the_grey_beside_it(kind: str) -> None:
    network = discriminator_core(small("discriminator", kind, activation="elu"), 3, 32)
    view = torch.rand(4, 3, 32, 32, requires_grad=True)
    network(view).square().mean().backward()
    assert view.grad is not None
    assert all(view.grad[:, channel].any() for channel in range(3))


@pytest.mark.parametrize("kind", DISCRIMINATORS)
def test_a_discriminator_drops_only_while_training(kind: str) -> None:
    network = discriminator_core(small("discriminator", kind, dropout=0.5), 3, 32)
    view = torch.rand(4, 3, 32, 32)
    assert not torch.equal(network(view), network(view))
    network.eval()
    assert torch.equal(network(view), network(view))


@pytest.mark.parametrize("kind", DISCRIMINATORS)
def test_a_discriminator_always_normalizes_by_the_batch_at_hand(kind: str) -> None:
    network = discriminator_core(small("discriminator", kind, norm="batch"), 3, 32)
    view = torch.rand(4, 3, 32, 32)
    training = network(view)
    assert torch.equal(network.eval()(view), training)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("section", "kind"), NETWORKS)
def test_a_frozen_network_keeps_nothing_of_what_it_saw(section: str, kind: str, norm: str) -> None:
    network = core_of(section, kind, norm=norm)
    before = buffers(network)
    network.requires_grad_(False)
    network(torch.rand(4, 1, 32, 32))
    assert same(buffers(network), before)
    network.requires_grad_(True)
    network(torch.rand(4, 1, 32, 32))
    assert same(buffers(network), before) is (norm in ("none", "instance"))


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second, other = (build_generator(UNet(), seed, CPU) for seed in (0, 0, 1))
    pairs = list(zip(first.parameters(), second.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(one, two) for one, two, _ in pairs)
    assert not torch.equal(pairs[0][0], pairs[0][2])


def test_dropout_does_not_shift_the_weights() -> None:
    """Nor does whatever was drawn before, or a discriminator built in between."""
    plain = build_generator(UNet(), 0, CPU)
    torch.rand(5)
    build_discriminator(Patch(), 32, 0, CPU)
    dropping = build_generator(UNet(dropout=0.5), 0, CPU)
    for one, two in zip(plain.parameters(), dropping.parameters(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize(("predicts", "outputs"), [("ab", 2), ("lab", 3), ("rgb", 3)])
def test_a_generator_has_the_channels_it_predicts(predicts: str, outputs: int) -> None:
    head = "tanh" if predicts == "rgb" else "tanh_110"
    options = UNet(width=2, predicts=predicts, head=head)  # ty: ignore[invalid-argument-type]
    network = build_generator(options, 0, CPU)
    assert network(torch.rand(2, 1, 16, 16)).shape == (2, outputs, 16, 16)


@pytest.mark.parametrize(("judged", "channels"), [("ab", 2), ("lab", 3), ("rgb", 3)])
@pytest.mark.parametrize("conditional", [True, False])
def test_a_discriminator_has_the_channels_it_judges(
    judged: str, channels: int, conditional: bool
) -> None:
    options = Patch(width=2, input=judged, conditional=conditional)  # ty: ignore
    network = build_discriminator(options, 16, 0, CPU)
    assert network(torch.rand(2, channels + conditional, 16, 16)).shape == (2, 1, 2, 2)
