"""Adversarial losses: one entry of `ADVERSARIAL` each, by the name the config uses.

All take the discriminator's logits, (N, 1, h, w), and give a scalar, the mean over elements. But
for `wgan_gp` the discriminator's loss is half the sum over real and fake (Isola et al. 2017,
section 3.3), so that a discriminator which cannot tell is at ln 2 with bce, 0.25 with lsgan and 1
with hinge.
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
    """What the two players minimise.

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


def _non_saturating(fake: Tensor) -> Tensor:
    """-log D: the generator maximises the discriminator's mistake (same, section 3; README 001)."""
    return functional.softplus(-fake).mean()


def _minimax(fake: Tensor) -> Tensor:
    """log(1 - D): the generator minimises the discriminator's success (same, equation 1).

    Its gradient vanishes where the discriminator is sure, and it has no lower bound: README 001
    gives these two as the reasons for the other one.
    """
    return -functional.softplus(fake).mean()


def _squares(logits: Tensor, targets: Tensor) -> Tensor:
    """(D - t)^2 (Mao et al. 2017, equation 2 with a = 0, b = c = 1)."""
    return (logits - targets).square().mean()


def _squares_generator(fake: Tensor) -> Tensor:
    return (fake - 1).square().mean()


def _hinge_real(logits: Tensor, _targets: Tensor) -> Tensor:
    """max(0, 1 - D) (Lim & Ye 2017; Miyato et al. 2018, equation 16)."""
    return functional.relu(1 - logits).mean()


def _hinge_fake(logits: Tensor, _targets: Tensor) -> Tensor:
    """max(0, 1 + D) (same)."""
    return functional.relu(1 + logits).mean()


def _critic_real(logits: Tensor, _targets: Tensor) -> Tensor:
    """-D (Arjovsky et al. 2017, equation 2; the penalty is in `stabilizers`)."""
    return -logits.mean()


def _critic_fake(logits: Tensor, _targets: Tensor) -> Tensor:
    return logits.mean()


def _raise(fake: Tensor) -> Tensor:
    """-D: the generator raises the logits of its pictures (both of the above)."""
    return -fake.mean()


ADVERSARIAL: dict[str, AdversarialLoss] = {
    "bce": AdversarialLoss(_bce, _bce, _non_saturating),
    "minimax": AdversarialLoss(_bce, _bce, _minimax),
    "lsgan": AdversarialLoss(_squares, _squares, _squares_generator, boundary=0.5),
    "hinge": AdversarialLoss(_hinge_real, _hinge_fake, _raise),
    "wgan_gp": AdversarialLoss(_critic_real, _critic_fake, _raise, share=1.0, boundary=None),
}


def penalty_weight(options: AdversarialOptions) -> float:
    """What `loss_penalty` counts for in `loss_discriminator`; 0 where there is none."""
    if options.adversarial == "wgan_gp":
        return options.gradient_penalty
    return options.r1_gamma / 2


def floor_and_equilibrium(options: AdversarialOptions) -> tuple[float, float] | None:
    """The discriminator's loss, without penalty, where it is sure and where it cannot tell.

    Both are expectations over the labels' chance: a discriminator that is always right still pays
    for targets that it cannot know. The share of the way between them that a loss has left says
    how much of a contest there is: 1 none can tell, 0 the discriminator has won.

    Returns:
        floor and equilibrium in the units of `loss_discriminator`; None for wgan_gp, which has
        neither, for none, and for losses of which they are not worked out here.
    """
    if options.adversarial == "hinge":
        return 0.0, 1.0
    if options.adversarial not in ("bce", "minimax", "lsgan"):
        return None
    high, high_square = _target(options.label_smoothing, options.label_noise, real=True)
    low, low_square = _target(options.fake_label_smoothing, options.label_noise, real=False)
    flips = options.label_flips
    real, fake = high + flips * (low - high), low + flips * (high - low)
    if options.adversarial == "lsgan":
        squares = (high_square + low_square) / 2
        return squares - (real**2 + fake**2) / 2, squares - ((real + fake) / 2) ** 2
    return (_entropy(real) + _entropy(fake)) / 2, _entropy((real + fake) / 2)


def _target(smoothing: float, noise: float, real: bool) -> tuple[float, float]:
    """First and second moment of a target: smoothing + U(0, noise), at most 0.5, off its label."""
    off, off_square = smoothing, smoothing**2
    if noise:
        free = min(noise, 0.5 - smoothing)
        first = (free**2 / 2 + free * (noise - free)) / noise
        second = (free**3 / 3 + free**2 * (noise - free)) / noise
        off, off_square = smoothing + first, smoothing**2 + 2 * smoothing * first + second
    return (1 - off, 1 - 2 * off + off_square) if real else (off, off_square)


def _entropy(share: float) -> float:
    """Of a coin, in nats: the cross-entropy of the best guess."""
    return -sum(p * log(p) for p in (share, 1 - share) if p > 0)


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
