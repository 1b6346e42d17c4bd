"""The complete description of one training, and the one list of names.

A `Config` is frozen and complete; every setting has a dotted path (`optimizer.lr_ratio`), which is
how studies and `--set` name it. Its sections are in `colornet.config.sections`; those with variants
(`data`, `generator`, `discriminator`, `loss`, `schedule`) are unions chosen by a tag, so that an
option which a variant lacks is refused by itself.

Canonical units: L in [-1, 1], ab divided by 110, losses as means over elements, rates per step,
budgets in pictures seen.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import model_validator

from colornet.config.sections.base import Section
from colornet.config.sections.data import DataConfig, ScenesData
from colornet.config.sections.discriminators import DiscriminatorConfig
from colornet.config.sections.generators import GeneratorConfig, UNet
from colornet.config.sections.losses import (
    AdversarialOptions,
    CycleGanLoss,
    LossConfig,
    Reconstruction,
    RegressionLoss,
)
from colornet.config.sections.optimizer import Cosine, Optimizer, ScheduleConfig
from colornet.config.sections.training import Training
from colornet.config.validation import validate
from colornet.errors import InputError

VERSION = 2
_FIRST_FILES: dict[str, Any] = {"rules": 1, "max_pixels": 40_000_000, "split": "content"}
_FIRST_DATA: dict[str | None, dict[str, Any]] = {
    "folder": {**_FIRST_FILES, "layout": "auto"},
    "parquet": _FIRST_FILES,
    "cifar10": {"split": "content"},
}
"""What data sections of version 1 meant by what they left out, by their source."""


class Config(Section):
    """Everything that decides a training."""

    version: Literal[2] = 2
    about: str | None = None
    """Where the system comes from, for people."""
    data: DataConfig = ScenesData()
    evaluate_on: DataConfig | None = None
    """Pictures on which trainings with different `data` are compared: `eval_` columns."""
    generator: GeneratorConfig = UNet()
    discriminator: DiscriminatorConfig | None = None
    loss: LossConfig = RegressionLoss()
    optimizer: Optimizer = Optimizer()
    schedule: ScheduleConfig = Cosine()
    training: Training = Training(images=12800)

    @model_validator(mode="after")
    def _picture_fits(self) -> "Config":
        size, step, least = self.data.image_size, self.generator.stride, self.generator.smallest
        if size < least:
            raise ValueError(
                f"data.image_size {size} is too small for generator {self.generator.kind}: "
                f"take at least {least}"
            )
        if size % step:
            below, above = size // step * step, -(-size // step) * step
            nearest = f"{below} or {above}" if below >= 8 else str(above)
            raise ValueError(
                f"data.image_size {size} is not divisible by {step}, as generator "
                f"{self.generator.kind} needs: take {nearest}"
            )
        return self

    @model_validator(mode="after")
    def _players_agree(self) -> "Config":
        method = self.loss.method
        if not isinstance(self.loss, AdversarialOptions):
            if self.discriminator is not None:
                raise ValueError(f"loss.method {method} trains no discriminator: set it to null")
        elif self.discriminator is None:
            raise ValueError(f"loss.method {method} needs a discriminator")
        elif isinstance(self.loss, CycleGanLoss) and self.discriminator.conditional:
            raise ValueError(
                "loss.method cyclegan has no pairs to judge: set discriminator.conditional to false"
            )
        compares_lightness = isinstance(self.loss, Reconstruction) and self.loss.on == "lab"
        if compares_lightness and (predicts := self.generator.predicts) != "lab":
            raise ValueError(
                f"loss.on lab compares L too, but generator.predicts {predicts} "
                "gives none of its own: take loss.on ab or rgb"
            )
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


def parse_config(values: Mapping[str, Any], origin: str) -> Config:
    """Validate nested plain data into a Config.

    Args:
        origin: file or name that the values come from, for messages.

    Raises:
        InputError: with origin, path, value and remedy.
    """
    if not isinstance(values, Mapping):
        return validate(Config, values, origin)
    return validate(Config, upgraded(values, origin), origin)


def upgraded(values: Mapping[str, Any], origin: str) -> Mapping[str, Any]:
    """Config data of an older version in the newest one's form, with the same meaning.

    Version 1 read fewer files, by other rules, and split near duplicates apart.

    Raises:
        InputError: for a version that is not known.
    """
    version = values.get("version", VERSION)
    if version == VERSION and type(version) is int:
        return values
    if version != 1 or type(version) is not int:
        raise InputError(
            f"{origin}: version {version!r} is not known to this colorsweep, which reads 1 and 2.\n"
            "Install the colorsweep that wrote it, or a newer one."
        )
    sections = {
        name: {**_FIRST_DATA.get(section.get("source"), {}), **section}
        for name in ("data", "evaluate_on")
        if isinstance(section := values.get(name), Mapping)
        and isinstance(section.get("source"), str | None)
    }
    return {**values, "version": VERSION, **sections}


def upgraded_paths(values: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that a study of version 1 has under one label, with the same meaning.

    Args:
        values: {path: value}.
        base: config data that they change.
    """
    source = values.get("data.source")
    first = {} if source == base["data"].get("source") else _FIRST_DATA.get(source, {})
    return {**{f"data.{option}": value for option, value in first.items()}, **values}


def first_settings(base: Mapping[str, Any]) -> dict[str, Any]:
    """{path: value} of what a config's data mean as version 1 did, for a study that leaves it out.

    Args:
        base: config data of the newest version.
    """
    data = base["data"]
    first = _FIRST_DATA.get(data.get("source"), {})
    return {f"data.{name}": value for name, value in first.items() if data.get(name) == value}
