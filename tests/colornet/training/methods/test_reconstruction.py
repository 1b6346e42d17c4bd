"""The distance to the true colors, term by term and in every space."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from colornet.config.sections.losses import Reconstruction
from colornet.pictures import Prediction, colors
from colornet.training.methods.player import Batch
from colornet.training.methods.reconstruction import reconstruction

Batches = Callable[..., Batch]


def off(batch: Batch, by: float) -> Prediction:
    """A prediction whose ab are off by this everywhere."""
    pictures = batch.pictures
    return Prediction("ab", (pictures.ab + by).requires_grad_(), pictures.lightness)


@pytest.mark.parametrize(
    ("options", "total"),
    [
        ({"l1_weight": 10.0}, 2.0),
        ({"l1_weight": 0.0, "mse_weight": 10.0}, 0.4),
        ({"l1_weight": 0.0, "huber_weight": 10.0}, 0.15),
        ({"l1_weight": 0.0, "huber_weight": 10.0, "huber_delta": 0.5}, 0.2),
        ({"l1_weight": 10.0, "mse_weight": 10.0, "huber_weight": 10.0}, 2.55),
        ({"l1_weight": 0.0}, 0.0),
    ],
)
def test_terms_and_weights(options: dict[str, Any], total: float, batch: Batches) -> None:
    found, terms = reconstruction(Reconstruction(**options), off(batch(), 0.2), batch().pictures)
    assert found.item() == pytest.approx(total, abs=1e-6)
    assert terms["loss_l1"].item() == pytest.approx(0.2)
    assert ("loss_mse" in terms) is ("mse_weight" in options)
    assert ("loss_huber" in terms) is ("huber_weight" in options)


@pytest.mark.parametrize("on", ["ab", "lab", "rgb"])
def test_the_truth_has_no_distance_and_others_have_one_that_is_followed(
    on: Any, batch: Batches
) -> None:
    pictures = batch().pictures
    true = Prediction("ab", pictures.ab, pictures.lightness)
    assert reconstruction(Reconstruction(on=on), true, pictures)[0] < 0.3  # 8 bits and kornia
    wrong = off(batch(), 0.1)
    total, _ = reconstruction(Reconstruction(on=on), wrong, pictures)
    (gradient,) = torch.autograd.grad(total, wrong.values)
    assert total > 1 and gradient.abs().max() > 0


@pytest.mark.parametrize("space", ["lab", "rgb"])
def test_each_space_has_its_own_units(space: Any, batch: Batches) -> None:
    pictures = batch().pictures
    values = colors(pictures, space) + 0.25
    prediction = Prediction(space, values, pictures.lightness)
    _, terms = reconstruction(Reconstruction(on=space), prediction, pictures)
    assert terms["loss_l1"].item() == pytest.approx(0.25)


def test_lightness_counts_by_its_weight(batch: Batches) -> None:
    pictures = batch().pictures
    values = pictures.lab + torch.tensor([0.3, 0.0, 0.0]).view(1, 3, 1, 1)
    prediction = Prediction("lab", values, pictures.lightness)
    for weight in (0.0, 1.0, 2.0):
        options = Reconstruction(on="lab", lightness_weight=weight)
        _, terms = reconstruction(options, prediction, pictures)
        assert terms["loss_l1"].item() == pytest.approx(0.1 * weight)
