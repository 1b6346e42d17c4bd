"""What a training costs: weights, multiplications a picture and a step, memory.

Weights say little about cost: the generator of README 002 has 1.4 million and takes four times the
multiplications of pix2pix's 54 million. Both are counted on torch's meta device, where nothing is
computed.
"""

import re
import resource
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import import_module
from math import lcm
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from colornet.config.config import Config
from colornet.config.sections.discriminators import DiscriminatorConfig
from colornet.config.sections.generators import GeneratorConfig
from colornet.config.sections.losses import AdversarialOptions, LossConfig
from colornet.networks.build import build_on_meta, discriminator_core, generator_core
from colornet.pictures import CHANNELS, Pictures
from colornet.training.methods.player import Batch
from colornet.training.steps import StepOptions, Totals, train_step

_PICTURES = 2
"""In a counted batch: the least that batch normalization takes."""
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
"""What the kernel wants to see to begin the peak anew (proc(5))."""


@dataclass(frozen=True)
class Cost:
    """The size and price of a config's networks; all 0 for a discriminator that is not there.

    Attributes:
        generator_parameters: weights that are learned; cyclegan's of both generators.
        generator_non_trainable: running means and variances of batch normalization, as Keras
            counts them.
        discriminator_parameters, discriminator_non_trainable: the same; cyclegan's of both.
        generator_macs: multiply-accumulates of convolutions and dense layers to colorize one
            picture of the config's size.
        discriminator_macs: the same to judge one picture once.
    """

    generator_parameters: int
    generator_non_trainable: int
    generator_macs: int
    discriminator_parameters: int
    discriminator_non_trainable: int
    discriminator_macs: int


def count(config: Config) -> Cost:
    """Count a config's networks.

    Raises:
        InputError: when the discriminator leaves nothing of the picture, or a network is too large.
    """
    size, generator, discriminator = config.data.image_size, config.generator, config.discriminator
    colors = CHANNELS[generator.predicts]
    unpaired = config.loss.method == "cyclegan"
    generators = [
        build_on_meta("generator", partial(generator_core, generator, inputs, outputs))
        for inputs, outputs in [(1, colors), *([(colors, 1)] if unpaired else [])]
    ]
    discriminators, channels = [], 0
    if discriminator is not None:
        channels = CHANNELS[discriminator.input] + discriminator.conditional
        discriminators = [
            build_on_meta("discriminator", partial(discriminator_core, discriminator, inputs, size))
            for inputs in [channels, *([1] if unpaired else [])]
        ]
    return Cost(*_counts(generators, 1, size), *_counts(discriminators, channels, size))


def _counts(networks: Sequence[nn.Module], inputs: int, size: int) -> tuple[int, int, int]:
    """Weights and running statistics of all networks, and the first one's work on a picture."""
    if not networks:
        return 0, 0, 0
    parameters = sum(weights.numel() for network in networks for weights in network.parameters())
    modules = [module for network in networks for module in network.modules()]
    norms = [module for module in modules if isinstance(module, nn.BatchNorm2d)]
    picture = torch.empty(1, inputs, size, size, device="meta")
    with torch.no_grad():
        macs = count_step(partial(networks[0].eval(), picture))
    return parameters, sum(2 * norm.num_features for norm in norms), macs


def count_step(run: Callable[[], object]) -> int:
    """Multiply-accumulates of all convolutions and dense layers in what `run` does.

    Forward and backward, of all networks, on whatever device; `run` computes what it would have
    without being counted.
    """
    counter = FlopCounterMode(display=False)
    # In place of the counter's record of modules, whose hooks break gradients of gradients.
    counter.mod_tracker = nullcontext()  # ty: ignore[invalid-assignment]
    counter.mod_tracker.parents = {"Global"}
    with counter:
        run()
    return counter.get_total_flops() // 2  # a multiplication and an addition are two of them


@lru_cache(maxsize=64)
def cost_columns(config: Config) -> Mapping[str, float | int | None]:
    """The columns of a training's ticks that stay the same throughout, in GMAC a picture."""
    return {
        "cost_gmac_per_picture": count(config).generator_macs / 1e9,
        "cost_training_gmac_per_picture": training_macs(config) / 1e9,
    }


def training_macs(config: Config) -> float:
    """Multiply-accumulates for each picture of a training step, forward and backward.

    All players' turns at their rates, after a pretraining and with open gates.
    """
    return _step_macs(config.generator, config.discriminator, config.loss, config.data.image_size)


@lru_cache(maxsize=256)
def _step_macs(
    generator: GeneratorConfig,
    discriminator: DiscriminatorConfig | None,
    loss: LossConfig,
    size: int,
) -> float:
    """`training_macs` of what it depends on, which the trials of a study mostly share."""
    cycle = 1
    if isinstance(loss, AdversarialOptions):
        # After so many steps the players' rates repeat.
        cycle = lcm(loss.discriminator_every, loss.generator_every)
        loss = loss.model_copy(update={"gate_loss": None, "gate_accuracy": None})
    base = Config()
    data = base.data.model_copy(update={"image_size": size})
    parts = {"data": data, "generator": generator, "discriminator": discriminator, "loss": loss}
    config = base.model_copy(update=parts)
    meta = torch.device("meta")
    with torch.device(meta):
        method = import_module(f"colornet.training.methods.{loss.method}").build(config, meta)
        pixels = torch.empty((_PICTURES, size, size, 3), dtype=torch.uint8)

        def steps() -> None:
            for step in range(cycle):
                batch = Batch(Pictures(pixels), Pictures(pixels), step, progress=1.0)
                train_step(method, batch, StepOptions(0.0), Totals())

        return count_step(steps) / (_PICTURES * cycle)


class PeakMemory:
    """The peak of the device's memory, or of the process's on a CPU, reading by reading."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.read()

    def read(self) -> float:
        """Megabytes (10^6 bytes) at the peak since the last reading."""
        if self.device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(self.device)
            torch.cuda.reset_peak_memory_stats(self.device)
            return peak / 1e6
        # Where this is not Linux: the peak since the process began.
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with suppress(OSError):
            if match := re.search(r"VmHWM:\s*(\d+) kB", _STATUS.read_text()):
                kilobytes = int(match[1])
        with suppress(OSError):  # where the kernel forbids it, the peak is the process's
            _RESET.write_text(_RESET_PEAK)
        return kilobytes * 1024 / 1e6
