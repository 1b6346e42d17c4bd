"""Regression is the mean absolute difference, and nothing else."""

from collections.abc import Callable

import pytest
import torch

from colornet.config import Config
from colornet.methods.player import Batch
from colornet.methods.regression import Regression


def test_loss_is_the_weighted_mean_difference(tiny: Callable[..., Config]) -> None:
    method = Regression(tiny(loss={"method": "regression"}), torch.device("cpu"))
    ab = torch.zeros(2, 2, 16, 16)
    losses = method.generator_losses(Batch(ab[:, :1], ab, ab + 0.25))
    assert losses["loss_l1"].item() == pytest.approx(0.25)
    assert losses["loss_generator"].item() == pytest.approx(25.0)
    assert [player.name for player in method.players] == ["generator"]
