"""Every preset is complete and can be built; the READMEs' systems have the weights they had.

A new preset needs no line here.
"""

from collections import Counter
from functools import cache
from typing import Any

import pytest

from colornet.config.catalog import PRESETS, builtin_names, load_config, preset_values, read_yaml
from colornet.config.config import parse_config
from colornet.config.paths import flatten
from colornet.config.sections.losses import GanLoss
from colornet.config.sections.optimizer import Exponential
from colornet.training.cost import Cost, count

NAMES = builtin_names(PRESETS)
COUNTS = {
    "batchnorm-cifar": (16_654_722, 4_864, 2_766_529, 1_792),
    "colornet-500": (42_023_811, 9_216, 2_767_553, 1_792),
    "cyclegan": (54_409_858 + 54_408_833, 19_712, 2_764_609 + 2_763_585, 3_584),
    "cyclegan-small": (2_069_363, 2_368, 84_258, 384),
    "encoder-decoder-256": (4_726_082, 3_840, 454_561, 896),
    "encoder-decoder-32": (380_098, 832, 2_163_457, 0),
    "keras-cifar": (31_044_419, 13_696, 3_916_353, 2_944),
    "keras-places": (31_044_419, 13_696, 4_045_377, 2_944),
    "nazeri-cifar": (16_654_851, 4_864, 2_767_553, 1_792),
    "nazeri-places": (42_023_811, 9_216, 2_767_553, 1_792),
    "pix2pix": (54_409_858, 9_856, 2_765_633, 1_792),
    "pix2pix-small": (1_034_626, 1_184, 42_513, 192),
    "rgb-150": (1_406_403, 0, 3_480_769, 0),
    "spectral-cifar": (16_654_722, 4_864, 2_764_737, 0),
    "unet": (54_409_858, 9_856, 0, 0),
    "unet-small": (1_034_626, 1_184, 0, 0),
}
"""Weights and running statistics of the generator, then of the discriminator: as the READMEs and
their repositories have them, the small ones and the PyTorch ones as counted here. Only of systems
whose weights are known from elsewhere, or must not change."""
OFF = (None, False, 0, 1, "none", "separate")
"""What an option may be left out at: without effect."""


@cache
def cost_of(name: str) -> Cost:
    """Builds the networks, and passes a picture of the preset's size through them."""
    return count(load_config(name))


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_it_has_the_weights_of_its_system(name: str) -> None:
    cost = cost_of(name)
    assert COUNTS[name] == (
        cost.generator_parameters,
        cost.generator_non_trainable,
        cost.discriminator_parameters,
        cost.discriminator_non_trainable,
    )


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_built(name: str) -> None:
    cost = cost_of(name)
    assert cost.generator_parameters and cost.generator_macs
    assert bool(cost.discriminator_parameters) == (load_config(name).discriminator is not None)


@pytest.mark.parametrize("name", NAMES)
def test_it_round_trips_and_says_what_it_is(name: str) -> None:
    config = load_config(name)
    assert parse_config(config.to_dict(), name) == config
    assert config.about, f"{name}.yaml: give it an 'about' line: `colorsweep presets` shows it"


@cache
def usual_paths() -> frozenset[str]:
    """Settings that most presets which have them write out: an option that is added is none."""
    having = Counter(path for name in NAMES for path in flatten(preset_values(name)))
    writing = Counter(path for name in NAMES for path in flatten(written_in(name)))
    return frozenset(path for path in having if 2 * writing[path] > having[path])


def written_in(name: str) -> dict[str, Any]:
    return read_yaml(PRESETS / f"{name}.yaml")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_usual_that_has_an_effect_is_left_to_a_default(name: str) -> None:
    complete, written = flatten(preset_values(name)), flatten(written_in(name))
    loud = {path: value for path, value in complete.items() if value not in OFF}
    missing = {path: loud[path] for path in sorted(loud.keys() & usual_paths() - written.keys())}
    assert not missing, f"{name}.yaml: write these out, with the values that are meant"


@pytest.mark.parametrize("name", NAMES)
def test_dropout_says_where(name: str) -> None:
    written = flatten(read_yaml(PRESETS / f"{name}.yaml"))
    says = "generator.dropout_place" in written
    assert says or not written.get("generator.dropout"), f"{name}.yaml: write dropout_place"


def test_weights_in_lab_units_are_converted() -> None:
    """Mean |L|, |a|, |b| in Lab units x 10 and x 100; mean |ab| / 127 x 0.99 and x 0.985."""
    for name, weight in (("keras-cifar", 10), ("keras-places", 100)):
        loss = load_config(name).loss
        assert isinstance(loss, GanLoss)
        assert loss.l1_weight == pytest.approx(weight * 110)
        assert loss.l1_weight * loss.lightness_weight == pytest.approx(weight * 50)
    for name, weight in (("batchnorm-cifar", 0.99), ("spectral-cifar", 0.985)):
        loss = load_config(name).loss
        assert isinstance(loss, GanLoss)
        assert loss.l1_weight / 110 == pytest.approx(weight / 127)
        assert loss.adversarial_weight == pytest.approx(1 - weight)


@pytest.mark.parametrize(
    ("name", "pictures", "steps", "rate"),
    [
        ("nazeri-cifar", 50_000, 1e4, 3e-4),
        ("nazeri-places", 1_803_460, 5e5, 3e-4),
        ("batchnorm-cifar", 50_000, 6e4, 3e-4),
        ("spectral-cifar", 50_000, 4e4, 2e-4),
    ],
)
def test_steps_of_a_schedule_are_shares_of_the_budget(
    name: str, pictures: int, steps: float, rate: float
) -> None:
    config = load_config(name)
    schedule, training = config.schedule, config.training
    assert isinstance(schedule, Exponential) and training.epochs is not None
    share = steps * training.batch_size / (training.epochs * pictures)
    assert schedule.every == pytest.approx(share, rel=1e-3)
    assert schedule.floor * config.optimizer.generator_lr == pytest.approx(1e-6)
    assert config.optimizer.generator_lr == rate
    assert schedule.warmup == 0
