"""Counting a discriminator's weights as Keras does."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from colornet.config.sections.discriminators import Discriminator
from colornet.networks.build import discriminator_core

Weights = Callable[[Discriminator, int, int], tuple[int, int]]


@pytest.fixture
def weights() -> Weights:
    """(trainable, running statistics) of options for `inputs` channels of a size."""

    def count(options: Discriminator, inputs: int, image_size: int) -> tuple[int, int]:
        with torch.device("meta"):
            core = discriminator_core(options, inputs, image_size)
        norms = [one for one in core.modules() if isinstance(one, nn.BatchNorm2d)]
        return (
            sum(weight.numel() for weight in core.parameters()),
            sum(2 * norm.num_features for norm in norms),
        )

    return count
