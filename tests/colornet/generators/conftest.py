"""Counting a generator's weights as Keras does."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from colornet.networks import generator_core
from colornet.sections.generators import Generator

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
