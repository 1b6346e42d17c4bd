"""Everything that is measured of a training: the names of columns, their units and directions.

A column of a tick is a prefix and a name: `train_` + LOSSES, `val_` (a training's own held-out
pictures), `eval_` (the common ones of `evaluate_on`) and `test_` + METRICS, `diag_` + DIAGNOSTICS,
`cost_` + COSTS.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """What a metric's numbers mean: unit, which way is better (None: neither), label.

    A `detail` is in the table of all trials, but not where a report compares the best few.
    """

    unit: str
    goal: Literal["minimize", "maximize"] | None
    label: str
    detail: bool = False


METRICS: dict[str, Metric] = {
    "ab_mae": Metric("Lab units", "minimize", "ab MAE"),
    "rgb_mae": Metric("of 255", "minimize", "RGB MAE", detail=True),
    "psnr": Metric("dB", "maximize", "PSNR"),
    "ssim": Metric("", "maximize", "SSIM"),
    "ciede2000": Metric("", "minimize", "CIEDE2000"),
    "auc": Metric("of 1", "maximize", "AuC", detail=True),
    "auc_rebalanced": Metric("of 1", "maximize", "AuC, rare colors alike"),
    "eps_accuracy": Metric("of pixels", "maximize", "Accuracy, L too", detail=True),
    "eps_accuracy_ab": Metric("of pixels", "maximize", "Accuracy", detail=True),
    "colorfulness": Metric("", None, "Colorfulness", detail=True),
    "colorfulness_abs": Metric("", None, "Colorfulness, absolute", detail=True),
    "colorfulness_ratio": Metric("of the truth's", None, "Colorfulness ratio"),
    "colorfulness_gap": Metric("", "minimize", "Colorfulness gap"),
    "chroma_bias": Metric("Lab units", None, "Chroma bias", detail=True),
    "ab_histogram": Metric("of 1", "minimize", "Color histogram distance"),
    "clipped_gamut": Metric("of pixels", None, "Outside sRGB", detail=True),
    "strong_ab_mae": Metric("Lab units", "minimize", "ab MAE on strong colors"),
}
"""How well held-out pictures are colorized."""

LOSSES: dict[str, Metric] = {
    "loss_generator": Metric("", None, "Generator loss"),
    "loss_discriminator": Metric("", None, "Discriminator loss"),
    "loss_l1": Metric("", None, "L1 loss"),
    "loss_mse": Metric("", None, "MSE loss"),
    "loss_huber": Metric("", None, "Huber loss"),
    "loss_adversarial": Metric("", None, "Adversarial loss"),
    "loss_penalty": Metric("", None, "Gradient penalty"),
    "loss_cycle": Metric("", None, "Cycle loss"),
    "loss_identity": Metric("", None, "Identity loss"),
}
"""What the players minimize, and its terms without their weights; means over a tick's steps."""

DIAGNOSTICS: dict[str, Metric] = {
    "d_acc_real_train": Metric("of pictures", None, "D right on shown real pictures"),
    "d_acc_real_val": Metric("of pictures", None, "D right on held-out real pictures"),
    "d_acc_fake_train": Metric("of pictures", None, "D right on fakes of shown pictures"),
    "d_acc_fake_val": Metric("of pictures", None, "D right on fakes of held-out pictures"),
    "d_auc_val": Metric("AUROC", None, "D tells held-out real from fake"),
    "d_gap": Metric("logits", None, "D's score of shown over held-out real pictures"),
    "d_gap_auc": Metric("AUROC", None, "D tells shown from held-out real pictures"),
    "d_pair_auc": Metric("AUROC", None, "D tells fitting from foreign colors"),
    "d_loss_norm": Metric("of chance's", None, "D loss above its floor"),
    "d_top_singular": Metric("", None, "D's greatest singular value"),
    "r_t": Metric("", None, "r_t (ADA)"),
    "r_v": Metric("", None, "r_v (ADA)"),
    "logit_absmax": Metric("logits", None, "Largest logit"),
    "g_adv_share": Metric("of the gradient", None, "Adversarial share"),
    "grad_norm_generator": Metric("", None, "Generator's gradient"),
    "grad_norm_discriminator": Metric("", None, "Discriminator's gradient"),
    "train_val_gap": Metric("Lab units", "minimize", "ab MAE, held-out minus shown pictures"),
    "overfitting": Metric("0 or 1", "minimize", "Discriminator overfits"),
    "collapsed": Metric("0 or 1", "minimize", "Contest collapsed"),
    "restores": Metric("", "minimize", "Returns to a sound tick"),
}
"""Whether this is still a GAN, and whether its discriminator (D) overfits."""

COSTS: dict[str, Metric] = {
    "step_seconds": Metric("s", "minimize", "Time in optimizer steps"),
    "evaluation_seconds": Metric("s", "minimize", "Time in evaluation"),
    "diagnosis_seconds": Metric("s", "minimize", "Time in diagnosis"),
    "checkpoint_seconds": Metric("s", "minimize", "Time in checkpoints"),
    "images_per_second": Metric("pictures/s", "maximize", "Training pictures per second"),
    "peak_memory": Metric("MB", "minimize", "Peak memory"),
    "gmac_per_picture": Metric("GMAC", "minimize", "Generator's work per picture"),
    "training_gmac_per_picture": Metric("GMAC", "minimize", "Training work per picture"),
}
"""What a tick cost, and what a picture costs the networks in multiply-accumulates."""

KNOWN_COSTS = {"cost_gmac_per_picture", "cost_training_gmac_per_picture"}
"""Columns of costs that follow from a config, before anything is trained."""

COLUMNS = {
    "train": LOSSES,
    "val": METRICS,
    "eval": METRICS,
    "test": METRICS,
    "diag": DIAGNOSTICS,
    "cost": COSTS,
}
"""The names behind each prefix."""


def finite_or_none(value: float) -> float | None:
    """A value for the records: null in place of NaN and infinities, which JSON lacks."""
    return value if isfinite(value) else None


def cost_column(name: str) -> str:
    """The column that a constraint names: a cost may be named without its prefix."""
    return f"cost_{name}" if name in COSTS else name


def metric_of(column: str) -> Metric | None:
    """The metric behind a column such as `val_ab_mae` or `cost_step_seconds`."""
    prefix, _, name = column.partition("_")
    return COLUMNS.get(prefix, {}).get(name)
