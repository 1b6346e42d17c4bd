"""The distance of predicted colors to the true ones."""

from torch import Tensor
from torch.nn import functional

from colornet.config.sections.losses import Reconstruction
from colornet.pictures import Pictures, Prediction, colors


def reconstruction(
    options: Reconstruction, prediction: Prediction, pictures: Pictures
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted distance, and its terms without their weights.

    Returns:
        the sum that the generator minimises, and `loss_l1` (always), `loss_mse` and `loss_huber`
        (where they count): means over elements in the units of `options.on`.
    """
    predicted, true = colors(prediction, options.on).float(), colors(pictures, options.on)
    if options.on == "lab" and options.lightness_weight != 1:
        scale = predicted.new_ones(1, 3, 1, 1)
        scale[:, 0] = options.lightness_weight
        predicted, true = predicted * scale, true * scale
    terms = {"loss_l1": functional.l1_loss(predicted, true)}
    total = options.l1_weight * terms["loss_l1"]
    if options.mse_weight:
        terms["loss_mse"] = functional.mse_loss(predicted, true)
        total = total + options.mse_weight * terms["loss_mse"]
    if options.huber_weight:
        terms["loss_huber"] = functional.huber_loss(predicted, true, delta=options.huber_delta)
        total = total + options.huber_weight * terms["loss_huber"]
    return total, terms
