"""What every architecture, whatever its file, keeps to."""

from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch import nn

import colornet
from colornet.config import ACTIVATIONS, Patch, UNet
from colornet.networks import ACTIVATIONS as LAYERS
from colornet.networks import activation, build_discriminator, build_generator
from colornet.paths import TAGS
from colornet.seeds import noise_seed

CPU = torch.device("cpu")
PACKAGE = Path(colornet.__file__).parent


@pytest.mark.parametrize("section", ["generator", "discriminator"])
def test_every_file_has_its_options_and_builds(section: str) -> None:
    files = {path.stem for path in (PACKAGE / f"{section}s").glob("[a-z]*.py")}
    kinds = TAGS[section][1]
    assert files == set(kinds)
    for kind, options in kinds.items():
        module = import_module(f"colornet.{section}s.{kind}")
        assert isinstance(module.build(options(), 32), nn.Module)


def test_activations_are_those_of_the_config() -> None:
    assert set(LAYERS) == set(ACTIVATIONS)
    values = {name: activation(name)(torch.tensor(-1.0)).item() for name in ACTIVATIONS}
    assert len(set(values.values())) == len(ACTIVATIONS)
    assert values["leaky_relu"] == pytest.approx(-0.2)


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second, other = (build_generator(UNet(), 32, seed, CPU) for seed in (0, 0, 1))
    pairs = list(zip(first.parameters(), second.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(one, two) for one, two, _ in pairs)
    assert not torch.equal(pairs[0][0], pairs[0][2])


def test_dropout_does_not_shift_the_weights() -> None:
    """Nor does whatever was drawn before, or a discriminator built in between."""
    plain = build_generator(UNet(), 32, 0, CPU)
    torch.rand(5)
    build_discriminator(Patch(), 32, 0, CPU)
    dropping = build_generator(UNet(dropout=0.5), 32, 0, CPU)
    for one, two in zip(plain.parameters(), dropping.parameters(), strict=True):
        assert torch.equal(one, two)


def test_initial_weights_are_small_and_centered() -> None:
    for module in build_generator(UNet(), 32, 0, CPU).modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.weight.numel() > 5000:
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.05)
            assert abs(module.weight.mean().item()) < 1e-3


@pytest.mark.parametrize("kind", sorted(TAGS["generator"][1]))
@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_dropout_works_exactly_when_asked_for_and_training(kind: str, rate: float) -> None:
    options = TAGS["generator"][1][kind](dropout=rate)  # ty: ignore[unknown-argument]
    generator = build_generator(options, 32, 0, CPU)
    lightness = torch.rand(4, 1, 32, 32)
    torch.manual_seed(noise_seed(0))
    for training, varies in ((True, rate > 0), (False, False)):
        generator.train(training)
        same = torch.equal(generator(lightness), generator(lightness))
        assert same is not varies
