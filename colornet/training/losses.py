"""What is minimized: adversarial losses, one entry of `ADVERSARIAL` each, and the reconstruction.

Adversarial ones take the discriminator's logits, (N, 1, h, w), and give a scalar, the mean over
elements. But for `wgan_gp` the discriminator's loss is half the sum over real and fake (Isola et
al. 2017, section 3.3), so that a discriminator which cannot tell is at ln 2 with bce, 0.25 with
lsgan and 1 with hinge.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import log

from torch import Tensor
from torch.nn import functional

from colornet.config.sections.losses import AdversarialOptions, Reconstruction
from colornet.pictures import Pictures, Prediction, colors


@dataclass(frozen=True)
class AdversarialLoss:
    """What the two players minimize.

    Attributes:
        real: (logits of real pictures, their targets) -> scalar.
        fake: (logits of fake pictures, their targets) -> scalar. Targets are (N, 1, 1, 1), one a
            picture; losses without labels do not look at them.
        generator: (logits of fake pictures) -> scalar.
        share: what `real` and `fake` each count for in the discriminator's loss.
        boundary: the logit above which a picture is judged real; None where there is no such.
    """

    real: Callable[[Tensor, Tensor], Tensor]
    fake: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    share: float = 0.5
    boundary: float | None = 0.0


def _bce(logits: Tensor, targets: Tensor) -> Tensor:
    """-t log D - (1 - t) log(1 - D), D = sigmoid(logit) (Goodfellow et al. 2014, equation 1)."""
    return functional.binary_cross_entropy_with_logits(logits, targets.expand_as(logits))


def _squares(logits: Tensor, targets: Tensor) -> Tensor:
    """(D - t)^2 (Mao et al. 2017, equation 2 with a = 0, b = c = 1)."""
    return (logits - targets).square().mean()


ADVERSARIAL: dict[str, AdversarialLoss] = {
    # -log D: the generator maximizes the discriminator's mistake (Goodfellow et al. 2014, section
    # 3; README 001). As logits, -log sigmoid(x) is softplus(-x), exact where the sigmoid is 0.
    "bce": AdversarialLoss(_bce, _bce, lambda fake: functional.softplus(-fake).mean()),
    # log(1 - D): it minimizes the discriminator's success (same, equation 1). Its gradient vanishes
    # where the discriminator is sure, and it has no lower bound: README 001's reasons for `bce`.
    "minimax": AdversarialLoss(_bce, _bce, lambda fake: -functional.softplus(fake).mean()),
    # (D - 1)^2 (Mao et al. 2017, equation 2, c = 1); half way between the labels is undecided.
    "lsgan": AdversarialLoss(
        _squares, _squares, lambda fake: (fake - 1).square().mean(), boundary=0.5
    ),
    # max(0, 1 - D) and max(0, 1 + D); the generator -D (Lim & Ye 2017; Miyato et al. 2018,
    # equations 16 and 17).
    "hinge": AdversarialLoss(
        real=lambda logits, _targets: functional.relu(1 - logits).mean(),
        fake=lambda logits, _targets: functional.relu(1 + logits).mean(),
        generator=lambda fake: -fake.mean(),
    ),
    # -D and D (Arjovsky et al. 2017, equation 2); the penalty is in `stabilizers`. A critic's value
    # is known up to a constant, so that no logit parts real from fake.
    "wgan_gp": AdversarialLoss(
        real=lambda logits, _targets: -logits.mean(),
        fake=lambda logits, _targets: logits.mean(),
        generator=lambda fake: -fake.mean(),
        share=1.0,
        boundary=None,
    ),
}


def penalty_weight(options: AdversarialOptions) -> float:
    """What `loss_penalty` counts for in `loss_discriminator`; 0 where there is none."""
    if options.adversarial == "wgan_gp":
        return options.gradient_penalty
    return options.r1_gamma / 2


def floor_and_equilibrium(options: AdversarialOptions) -> tuple[float, float] | None:
    """The discriminator's loss, without penalty, where it is sure and where it cannot tell.

    Both are expectations over the random labels: a discriminator that is always right still pays
    for targets that it cannot know. Where a loss lies between them says how far the two players
    are balanced: at 1 the discriminator cannot tell, at 0 it has won.

    Returns:
        floor and equilibrium in the units of `loss_discriminator`; None for wgan_gp, which has
        neither, for none, and for losses of which they are not worked out here.
    """
    if options.adversarial == "hinge":
        return 0.0, 1.0
    if options.adversarial not in ("bce", "minimax", "lsgan"):
        return None
    # Means of the targets t that real and fake pictures get, and of t^2; flips mix the two.
    high, high_square = _target(options.label_smoothing, options.label_noise, real=True)
    low, low_square = _target(options.fake_label_smoothing, options.label_noise, real=False)
    flips = options.label_flips
    real, fake = high + flips * (low - high), low + flips * (high - low)
    if options.adversarial == "lsgan":
        # E (D - t)^2 is least at D = E t, where it is E t^2 - (E t)^2: for each kind by itself at
        # the floor, for both alike at the equilibrium.
        squares = (high_square + low_square) / 2
        return squares - (real**2 + fake**2) / 2, squares - ((real + fake) / 2) ** 2
    # The cross-entropy is least at sigmoid(D) = E t, where it is the entropy of a coin of that
    # bias (Goodfellow et al. 2014, proposition 1): -p log p - (1 - p) log(1 - p), in nats.
    entropies = [
        -sum(p * log(p) for p in (share, 1 - share) if p > 0)
        for share in (real, fake, (real + fake) / 2)
    ]
    return (entropies[0] + entropies[1]) / 2, entropies[2]


def _target(smoothing: float, noise: float, real: bool) -> tuple[float, float]:
    """First and second moment of a target: smoothing + U(0, noise), at most 0.5, off its label."""
    off, off_square = smoothing, smoothing**2
    if noise:
        # U(0, noise) cut at `free`: its moments below it, and what lies beyond counted as `free`.
        free = min(noise, 0.5 - smoothing)
        first = (free**2 / 2 + free * (noise - free)) / noise
        second = (free**3 / 3 + free**2 * (noise - free)) / noise
        off, off_square = smoothing + first, smoothing**2 + 2 * smoothing * first + second
    return (1 - off, 1 - 2 * off + off_square) if real else (off, off_square)


def reconstruction(
    options: Reconstruction, prediction: Prediction, pictures: Pictures
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted distance, and its terms without their weights.

    Returns:
        the sum that the generator minimizes, and `loss_l1` (always), `loss_mse` and `loss_huber`
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
