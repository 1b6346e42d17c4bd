"""Regression is the distance to the true colors, and nothing else."""

from collections.abc import Callable

import pytest

from colornet.training.methods.player import Batch
from colornet.training.methods.regression import Regression


def test_loss_is_the_weighted_mean_difference(
    method: Callable[..., Regression], batch: Callable[..., Batch]
) -> None:
    regression = method(loss={"method": "regression"})
    forward = regression.forward_pass(batch())
    losses = regression.generator_losses(forward)
    difference = (forward.prediction.ab - forward.batch.pictures.ab).abs().mean().item()
    assert losses["loss_l1"].item() == pytest.approx(difference)
    assert losses["loss_generator"].item() == pytest.approx(100 * difference)
    assert [player.name for player in regression.players] == ["generator"]
