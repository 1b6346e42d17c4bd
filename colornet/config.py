"""The complete description of one training, and the one list of names.

A `Config` is frozen and complete; every setting has a dotted path (`optimizer.lr_ratio`), which is
how studies and `--set` name it. Sections with variants (`data`, `generator`, `discriminator`,
`loss`) are unions chosen by a tag, so that an option which a variant lacks is refused by itself.

Canonical units: L in [-1, 1], ab divided by 110, losses as means over elements, rates per step,
budgets in pictures seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from colornet.errors import InputError
from colornet.validation import validate

ACTIVATIONS = ("relu", "leaky_relu", "elu", "gelu", "silu")
ADVERSARIAL_LOSSES = ("bce", "lsgan", "hinge")
SCHEDULES = ("constant", "cosine")

Share = Annotated[float, Field(gt=0, le=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class Metric:
    """What a metric's numbers mean: unit, which way is better (None: neither), label."""

    unit: str
    goal: Literal["minimize", "maximize"] | None
    label: str


METRICS: dict[str, Metric] = {
    "ab_mae": Metric("Lab units", "minimize", "ab MAE"),
    "rgb_mae": Metric("of 255", "minimize", "RGB MAE"),
    "psnr": Metric("dB", "maximize", "PSNR"),
    "ssim": Metric("", "maximize", "SSIM"),
    "colorfulness": Metric("", None, "Colorfulness"),
    "colorfulness_ratio": Metric("of the truth's", None, "Colorfulness ratio"),
    "colorfulness_gap": Metric("", "minimize", "Colorfulness gap"),
    "strong_ab_mae": Metric("Lab units", "minimize", "ab MAE on strong colors"),
}
LOSSES: dict[str, Metric] = {
    "loss_generator": Metric("", None, "Generator loss"),
    "loss_discriminator": Metric("", None, "Discriminator loss"),
    "loss_l1": Metric("", None, "L1 loss"),
    "loss_adversarial": Metric("", None, "Adversarial loss"),
}
COSTS: dict[str, Metric] = {
    "step_seconds": Metric("s", "minimize", "Time in optimizer steps"),
    "evaluation_seconds": Metric("s", "minimize", "Time in evaluation"),
    "checkpoint_seconds": Metric("s", "minimize", "Time in checkpoints"),
}


def metric_of(column: str) -> Metric | None:
    """The metric behind a column such as `val_ab_mae` or `cost_step_seconds`."""
    prefix, _, name = column.partition("_")
    known = {"train": LOSSES, "val": METRICS, "test": METRICS, "cost": COSTS}.get(prefix, {})
    return known.get(name)


class Section(BaseModel):
    """Base of all sections: frozen, unknown keys refused, no silent conversion of text."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class _Data(Section):
    image_size: int = Field(32, ge=8, le=2048)
    """Side of the square pictures, pixels."""
    classes: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None
    """Only these classes; null takes all."""
    fraction: Share = 1.0
    """Share of the training pictures that is used."""
    train_pictures: int | None = Field(None, ge=1)
    """Number of training pictures that is used; not together with `fraction`."""
    skip_grey: bool = True
    """Leave out pictures without color."""
    horizontal_flip: bool = True
    """Mirror training pictures at random."""

    @model_validator(mode="after")
    def _one_way_to_shrink(self) -> "_Data":
        if self.train_pictures is not None and self.fraction < 1:
            raise ValueError("fraction and train_pictures both shrink the set: give one of them")
        return self


class ScenesData(_Data):
    """Procedural landscapes, drawn on the spot; classes mountains, sea, meadow, village."""

    source: Literal["scenes"] = "scenes"
    pictures: int = Field(2560, ge=20)
    """Pictures drawn in all, before they are split 80/10/10."""
    seed: int = Field(0, ge=0)
    """Another seed draws other pictures."""


class FolderData(_Data):
    """A tree of picture files; its first level of folders are the classes."""

    source: Literal["folder"]
    root: str
    """The folder, or one that `colorsweep data pack` made."""
    list: str | None = None
    """File that lists the pictures to take, one path under `root` a line."""
    max_bad_fraction: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Share of unreadable files above which nothing is trained."""
    max_pixels: int = Field(40_000_000, ge=1)
    """Pictures with more pixels are not decoded."""


DataConfig = Annotated[ScenesData | FolderData, Field(discriminator="source")]


class UNet(Section):
    """U-Net with `depth` stride-2 levels and skip connections."""

    kind: Literal["unet"] = "unet"
    width: int = Field(16, ge=1)
    """Channels of the first level; doubled at each level up to eight times."""
    depth: int = Field(4, ge=1, le=8)
    dropout: Rate = 0.0
    """Dropout rate in the inner decoder levels, while training."""
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "silu"] = "relu"


class Patch(Section):
    """Convolutional discriminator that judges overlapping patches of (L, ab)."""

    kind: Literal["patch"] = "patch"
    width: int = Field(16, ge=1)
    layers: int = Field(3, ge=1, le=6)
    dropout: Rate = 0.0


class RegressionLoss(Section):
    """The generator alone, on the distance to the true colors."""

    method: Literal["regression"] = "regression"
    l1_weight: float = Field(100.0, gt=0)


class GanLoss(Section):
    """Conditional GAN with an L1 term (pix2pix, Isola et al. 2017)."""

    method: Literal["gan"] = "gan"
    adversarial: Literal["bce", "lsgan", "hinge"] = "bce"
    l1_weight: float = Field(100.0, ge=0)
    """Weight of mean |ab difference| (ab / 110) beside an adversarial loss of weight 1."""
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """The discriminator's target for real pictures is 1 minus this; bce and lsgan only."""

    @model_validator(mode="after")
    def _smoothing_has_labels(self) -> "GanLoss":
        if self.adversarial == "hinge" and self.label_smoothing:
            raise ValueError(
                "label_smoothing needs labels, and the hinge loss has none: set it to 0"
            )
        return self


class Optimizer(Section):
    """Adam for both players."""

    generator_lr: float = Field(1e-3, gt=0, le=1)
    lr_ratio: float = Field(0.25, gt=0)
    """Discriminator's rate / generator's rate: the balance of the two players."""
    beta1: Rate = 0.5
    beta2: Rate = 0.999
    schedule: Literal["constant", "cosine"] = "cosine"
    """After the warm-up: constant, or falling to 0 along a cosine."""
    warmup: Rate = 0.05
    """Share of the budget in which the rates rise from 0."""


class Training(Section):
    """Budget and conduct of a training."""

    images: int | None = Field(None, ge=1)
    """Pictures seen by the generator in all."""
    epochs: float | None = Field(None, gt=0)
    """The same budget as passes over the training pictures; resolved to `images`."""
    ticks: int = Field(20, ge=1, le=10_000)
    """Reporting intervals."""
    batch_size: int = Field(32, ge=1)
    seed: int = Field(0, ge=0, lt=2**32)
    checkpoint_every: int = Field(5, ge=1)
    """Ticks between checkpoints."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 autocast on a GPU, float32 on a CPU."""

    @model_validator(mode="after")
    def _one_budget(self) -> "Training":
        if (self.images is None) == (self.epochs is None):
            raise ValueError("give the budget as either images or epochs")
        return self


class Config(Section):
    """Everything that decides a training."""

    version: Literal[1] = 1
    data: DataConfig = ScenesData()
    generator: UNet = UNet()
    discriminator: Patch | None = None
    loss: Annotated[RegressionLoss | GanLoss, Field(discriminator="method")] = RegressionLoss()
    optimizer: Optimizer = Optimizer()
    training: Training = Training(images=12800)

    @model_validator(mode="after")
    def _sections_agree(self) -> "Config":
        step = 2**self.generator.depth
        if self.data.image_size % step:
            raise ValueError(
                f"data.image_size {self.data.image_size} is not divisible by {step} "
                f"(2 to the power of generator.depth): take {_nearest(self.data.image_size, step)}"
            )
        needs = self.loss.method != "regression"
        if needs and self.discriminator is None:
            raise ValueError(f"loss.method {self.loss.method} needs a discriminator")
        if not needs and self.discriminator is not None:
            raise ValueError("loss.method regression trains no discriminator: set it to null")
        return self

    def to_dict(self) -> dict[str, Any]:
        """Nested plain data, complete, that `parse_config` reads back."""
        return self.model_dump(mode="json")

    def resolved(self, train_pictures: int) -> "Config":
        """The same config with its budget in `training.images`.

        Args:
            train_pictures: pictures in the training split.
        """
        if self.training.epochs is None:
            return self
        images = max(1, round(self.training.epochs * train_pictures))
        training = self.training.model_copy(update={"images": images, "epochs": None})
        return self.model_copy(update={"training": training})


def _nearest(size: int, step: int) -> str:
    below, above = size // step * step, -(-size // step) * step
    return f"{below} or {above}" if below >= 8 else str(above)


def parse_config(values: Mapping[str, Any], origin: str) -> Config:
    """Validate nested plain data into a Config.

    Args:
        origin: file or name that the values come from, for messages.

    Raises:
        InputError: with origin, path, value and remedy.
    """
    if isinstance(values, Mapping) and (version := values.get("version", 1)) != 1:
        raise InputError(
            f"{origin}: version {version!r} is not known to this colorsweep, which reads 1.\n"
            "Install the colorsweep that wrote it, or a newer one."
        )
    return validate(Config, values, origin)
