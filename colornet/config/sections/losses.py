"""Methods and what they minimize: one options class per method, chosen by `method`.

A method's file in `colornet/training/methods/` has its name. Weights are in canonical units:
losses are means over elements, of L / 50 - 1 and ab / 110, or of RGB in [0, 1].
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from colornet.config.sections.base import Rate, Section, Share, Weight

LABELED = ("bce", "minimax", "lsgan")
"""Adversarial losses that compare with labels."""
OF_LABELS = ("label_smoothing", "fake_label_smoothing", "label_noise", "label_flips")
"""Options that only they have a use for."""


class Reconstruction(Section):
    """The distance to the true colors."""

    on: Literal["ab", "lab", "rgb"] = "ab"
    """What is compared."""
    l1_weight: Weight = 100.0
    """Weight of the mean |difference|."""
    mse_weight: Weight = 0.0
    """Weight of the mean squared difference."""
    huber_weight: Weight = 0.0
    """Weight of the mean Huber distance: squared / 2 below `huber_delta`, linear above."""
    huber_delta: Annotated[float, Field(gt=0)] = 0.1
    lightness_weight: Weight = 1.0
    """With `on: lab`, what a difference of L counts for beside one of a or b."""

    @property
    def reconstructs(self) -> bool:
        """Whether the distance counts at all."""
        return self.l1_weight + self.mse_weight + self.huber_weight > 0


class AdversarialOptions(Section):
    """The adversarial loss, and how the two players take turns."""

    adversarial: Literal["bce", "minimax", "lsgan", "hinge", "wgan_gp", "none"] = "bce"
    """none trains the generator alone, on the rest of its loss."""
    adversarial_weight: Weight = 1.0
    """What the adversarial term counts for in the generator's loss."""
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """The discriminator's target for real pictures is 1 minus this."""
    fake_label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """The discriminator's target for fake pictures is this."""
    label_noise: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """Targets are moved towards 0.5 by a random amount up to this."""
    label_flips: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """Share of pictures that the discriminator is told the wrong label of."""
    instance_noise: Weight = 0.0
    """Standard deviation of the noise on all that the discriminator sees, in its input's range."""
    instance_noise_until: Share = 1.0
    """Share of the budget over which that noise falls to 0."""
    r1_gamma: Weight = 0.0
    """Weight of the squared gradient of D at real pictures, halved (Mescheder et al. 2018)."""
    gradient_penalty: Weight = 10.0
    """With wgan_gp, weight of the penalty on gradients off norm 1 (Gulrajani et al. 2017)."""
    augment: Literal["none", "translation", "translation_cutout"] = "none"
    """What real and fake pictures go through before the discriminator (Zhao et al. 2020)."""
    discriminator_steps: int = Field(1, ge=1, le=10)
    """Turns of the discriminator in a batch."""
    generator_steps: int = Field(1, ge=1, le=10)
    """Turns of the generator in a batch."""
    discriminator_every: int = Field(1, ge=1, le=20)
    """The discriminator learns at every n-th batch."""
    generator_every: int = Field(1, ge=1, le=20)
    """The generator learns at every n-th batch."""
    discriminator_batches: Literal["separate", "mixed", "alternate"] = "separate"
    """Real and fake pictures in batches of their own, in one, or in turns of one kind each."""
    gate_loss: Annotated[float, Field(gt=0)] | None = None
    """The generator waits while the discriminator's loss is above this."""
    gate_accuracy: Share | None = None
    """The generator waits while the discriminator is right about fewer pictures than this share."""
    pretrain: Rate = 0.0
    """First share of the budget in which the generator learns the reconstruction alone."""

    @model_validator(mode="after")
    def _options_have_meaning(self) -> "AdversarialOptions":
        if self.adversarial not in LABELED:
            for name in OF_LABELS:
                if getattr(self, name):
                    raise ValueError(
                        f"{name} needs labels, and the {self.adversarial} loss has none: set it "
                        f"to 0, or adversarial to {', '.join(LABELED)}"
                    )
        if self.adversarial == "wgan_gp" and self.r1_gamma:
            raise ValueError("r1_gamma and wgan_gp's gradient_penalty are rivals: set it to 0")
        if self.adversarial == "wgan_gp" and self.gate_accuracy is not None:
            raise ValueError(
                "gate_accuracy asks whether the discriminator is right, and wgan_gp's judges "
                "nothing real or fake: set it to null"
            )
        return self


class RegressionLoss(Reconstruction):
    """The generator alone, on the distance to the true colors."""

    method: Literal["regression"] = "regression"

    @model_validator(mode="after")
    def _has_a_term(self) -> "RegressionLoss":
        if not self.reconstructs:
            raise ValueError("l1_weight, mse_weight and huber_weight are all 0: nothing to learn")
        return self


class GanLoss(Reconstruction, AdversarialOptions):
    """GAN with a distance to the true colors (pix2pix, Isola et al. 2017)."""

    method: Literal["gan"] = "gan"

    @model_validator(mode="after")
    def _has_a_term(self) -> "GanLoss":
        if self.adversarial == "none" and not self.reconstructs:
            raise ValueError("adversarial none and no l1, mse or huber weight: nothing to learn")
        if self.pretrain and not self.reconstructs:
            raise ValueError("pretrain learns the reconstruction alone: give it an l1_weight")
        return self


class CycleGanLoss(AdversarialOptions):
    """Two generators and two discriminators on unpaired pictures (Zhu et al. 2017).

    A discriminator of `input: ab` cannot tell colors from those of the opposite lightness, which
    the cycle finds its way back from just as well; one of `input: lab` can.
    """

    method: Literal["cyclegan"]
    cycle_weight: Weight = 10.0
    """Weight of the mean |difference| after grey -> color -> grey, and color -> grey -> color."""
    identity_weight: Weight = 0.0
    """Weight of the mean |difference| between a color picture and what the generator makes of that
    picture's own lightness. With a generator that reads only lightness this pairs the pictures."""
    pool: int = Field(50, ge=0)
    """Past fakes that the discriminators are shown now and then (Shrivastava et al. 2017)."""

    @model_validator(mode="after")
    def _is_a_game(self) -> "CycleGanLoss":
        if self.adversarial == "none":
            raise ValueError("adversarial none leaves cyclegan nothing that asks for true colors")
        if self.pretrain:
            raise ValueError("pretrain needs paired pictures, and cyclegan has none: set it to 0")
        return self


METHODS = RegressionLoss | GanLoss | CycleGanLoss
LossConfig = Annotated[METHODS, Field(discriminator="method")]
