"""What a training step costs, counted on torch's meta device, where nothing is computed."""

from functools import lru_cache
from importlib import import_module
from math import lcm

import torch

from colornet.config.config import Config
from colornet.config.sections.losses import Game
from colornet.evaluation.cost import count, count_step
from colornet.pictures import Pictures
from colornet.training.methods.player import Batch
from colornet.training.steps import Pace, Totals, play

_PICTURES = 2
"""In a counted batch: the least that batch normalisation takes."""


def cost_columns(config: Config) -> dict[str, float | int | None]:
    """The columns of a training's ticks that stay the same throughout, in GMAC a picture."""
    generator, training = _counted(config)
    return {
        "cost_gmac_per_picture": generator / 1e9,
        "cost_training_gmac_per_picture": training / 1e9,
    }


@lru_cache(maxsize=64)
def _counted(config: Config) -> tuple[int, float]:
    return count(config).generator_macs, training_macs(config)


def training_macs(config: Config) -> float:
    """Multiply-accumulates for each picture of a training step, forward and backward.

    All players' turns at their rates, after a pretraining and with open gates.
    """
    loss, cycle = config.loss, 1
    if isinstance(loss, Game):
        cycle = lcm(loss.discriminator_every, loss.generator_every)
        loss = loss.model_copy(update={"gate_loss": None, "gate_accuracy": None})
    config = config.model_copy(update={"loss": loss})
    meta = torch.device("meta")
    size = config.data.image_size
    with torch.device(meta):
        method = import_module(f"colornet.training.methods.{loss.method}").build(config, meta)
        pixels = torch.empty((_PICTURES, size, size, 3), dtype=torch.uint8)

        def steps() -> None:
            for step in range(cycle):
                batch = Batch(Pictures(pixels), Pictures(pixels), step, progress=1.0)
                play(method, batch, Pace(0.0), Totals())

        return count_step(steps) / (_PICTURES * cycle)
