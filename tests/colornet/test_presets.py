"""Every preset is complete and takes a step."""

from importlib import import_module

import pytest
import torch

from colornet.catalog import PRESETS, builtin_names, load_config, preset_values, read_yaml
from colornet.paths import flatten
from colornet.steps import play

NAMES = builtin_names(PRESETS)


def test_there_are_some() -> None:
    assert {"unet-small", "pix2pix-small"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_a_step(name: str) -> None:
    config = load_config(name)
    method = import_module(f"colornet.methods.{config.loss.method}")
    size = config.data.image_size
    pictures = torch.rand(2, 1, size, size), torch.rand(2, 2, size, size)
    losses = play(method.build(config, torch.device("cpu")), pictures, 0, 1.0, None)
    assert all(loss.isfinite() for loss in losses.values())


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_decides_a_training(name: str) -> None:
    """Nothing that shapes the result is left to a default somewhere else."""
    written = set(flatten(read_yaml(PRESETS / f"{name}.yaml")))
    complete = flatten(preset_values(name))
    left_out = {path for path in complete if path not in written}
    assert left_out <= {
        "data.classes",
        "data.fraction",
        "data.horizontal_flip",
        "data.seed",
        "data.skip_grey",
        "data.train_pictures",
        "discriminator.dropout",
        "training.epochs",
        "training.seed",
    }
