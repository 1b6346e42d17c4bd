"""Combinations of loss options that mean nothing are refused, with the way out."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from colornet.config.sections.losses import (
    LABELED,
    OF_LABELS,
    AdversarialOptions,
    CycleGanLoss,
    GanLoss,
    RegressionLoss,
)

CYCLE = {"method": "cyclegan"}
NAMES = get_args(AdversarialOptions.model_fields["adversarial"].annotation)


@pytest.mark.parametrize("name", sorted({*NAMES} - {*LABELED}))
@pytest.mark.parametrize("option", OF_LABELS)
def test_labels_need_a_loss_that_has_them(name: Any, option: str) -> None:
    with pytest.raises(ValidationError, match=f"{option} needs labels.*{', '.join(LABELED)}"):
        GanLoss(adversarial=name, **{option: 0.1})
    assert GanLoss(adversarial="minimax", **{option: 0.1})


@pytest.mark.parametrize(
    ("loss", "options", "message"),
    [
        (GanLoss, {"adversarial": "wgan_gp", "r1_gamma": 1.0}, "rivals"),
        (GanLoss, {"adversarial": "wgan_gp", "gate_accuracy": 0.9}, "gate_accuracy.*null"),
        (CycleGanLoss, {**CYCLE, "adversarial": "wgan_gp", "gate_accuracy": 0.9}, "null"),
        (GanLoss, {"adversarial": "none", "l1_weight": 0.0}, "nothing to learn"),
        (GanLoss, {"pretrain": 0.1, "l1_weight": 0.0}, "pretrain.*l1_weight"),
        (CycleGanLoss, {**CYCLE, "adversarial": "none"}, "true colors"),
        (CycleGanLoss, {**CYCLE, "pretrain": 0.1}, "paired"),
        (RegressionLoss, {"l1_weight": 0.0}, "nothing to learn"),
    ],
)
def test_what_means_nothing_is_refused(loss: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        loss(**options)


@pytest.mark.parametrize(
    ("loss", "options"),
    [
        (GanLoss, {"adversarial": "wgan_gp", "gate_loss": 0.5}),
        (GanLoss, {"adversarial": "hinge", "gate_accuracy": 0.9, "r1_gamma": 1.0}),
        (GanLoss, {"adversarial": "none"}),
        (GanLoss, {"l1_weight": 0.0}),
        (GanLoss, {"pretrain": 0.1, "l1_weight": 0.0, "mse_weight": 1.0}),
        (CycleGanLoss, CYCLE),
        (RegressionLoss, {"l1_weight": 0.0, "huber_weight": 1.0}),
    ],
)
def test_what_means_something_is_not(loss: Any, options: dict[str, Any]) -> None:
    assert loss(**options)
