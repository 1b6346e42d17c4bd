"""Adversarial losses: one entry of `ADVERSARIAL` each, by the name the config uses.

All take the discriminator's logits (any shape) and give a scalar, the mean over elements. The
discriminator's loss is half the sum over real and fake (Isola et al. 2017), so that at equilibrium
it is ln 2 for bce, 0.25 for lsgan and 1 for hinge.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class AdversarialLoss:
    """What the two players minimise.

    Attributes:
        discriminator: (real logits, fake logits, target for real) -> scalar; the target is 1, or
            less with one-sided label smoothing.
        generator: (fake logits) -> scalar.
    """

    discriminator: Callable[[Tensor, Tensor, float], Tensor]
    generator: Callable[[Tensor], Tensor]


def _bce(logits: Tensor, target: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def _bce_discriminator(real: Tensor, fake: Tensor, real_target: float) -> Tensor:
    return (_bce(real, real_target) + _bce(fake, 0.0)) / 2


def _bce_generator(fake: Tensor) -> Tensor:
    """Non-saturating: the generator maximises log D (Goodfellow et al. 2014, section 3)."""
    return _bce(fake, 1.0)


def _lsgan_discriminator(real: Tensor, fake: Tensor, real_target: float) -> Tensor:
    """Least squares (Mao et al. 2017, equation 2 with a = 0, b = 1)."""
    return ((real - real_target).square().mean() + fake.square().mean()) / 2


def _lsgan_generator(fake: Tensor) -> Tensor:
    return (fake - 1).square().mean()


def _hinge_discriminator(real: Tensor, fake: Tensor, _real_target: float) -> Tensor:
    """Hinge (Lim & Ye 2017); it has margins in place of labels, so nothing to smooth."""
    return (functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()) / 2


def _hinge_generator(fake: Tensor) -> Tensor:
    return -fake.mean()


ADVERSARIAL: dict[str, AdversarialLoss] = {
    "bce": AdversarialLoss(_bce_discriminator, _bce_generator),
    "lsgan": AdversarialLoss(_lsgan_discriminator, _lsgan_generator),
    "hinge": AdversarialLoss(_hinge_discriminator, _hinge_generator),
}
