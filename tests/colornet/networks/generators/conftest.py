"""Counting a generator's weights as Keras does."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from colornet.config.sections.generators import Generator
from colornet.networks.build import generator_core

Weights = Callable[[Generator, int, int], tuple[int, int]]


@pytest.fixture
def weights() -> Weights:
    """(trainable, running statistics) of options from `inputs` to `outputs` channels."""

    def count(options: Generator, inputs: int, outputs: int) -> tuple[int, int]:
        with torch.device("meta"):
            core = generator_core(options, inputs, outputs)
        norms = [one for one in core.modules() if isinstance(one, nn.BatchNorm2d)]
        return (
            sum(weight.numel() for weight in core.parameters()),
            sum(2 * norm.num_features for norm in norms),
        )

    return count
