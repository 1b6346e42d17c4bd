"""How the players' weights are moved, and how fast as the budget is spent."""

from typing import Annotated, Literal

from pydantic import Field

from colornet.config.sections.base import Rate, Section, Share


class Optimizer(Section):
    """Adam for both players."""

    generator_lr: float = Field(1e-3, gt=0, le=1)
    lr_ratio: float = Field(0.25, gt=0)
    """Discriminator's rate / generator's rate: the balance of the two players."""
    beta1: Rate = 0.5
    beta2: Rate = 0.999
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    """Each player's gradient is scaled down to at most this norm; null leaves it."""
    ema_decay: Rate = 0.0
    """The generator that is judged and kept is a running mean of its weights, with this decay per
    step; 0 takes the weights themselves."""


class _Schedule(Section):
    warmup: Rate = 0.05
    """Share of the budget in which the rates rise from 0."""


class Constant(_Schedule):
    """The same rates throughout."""

    kind: Literal["constant"]


class Step(_Schedule):
    """One drop."""

    kind: Literal["step"]
    at: Share = 0.82
    """Share of the budget after which the rates drop."""
    factor: Share = 0.1
    """What they are multiplied by."""


class Exponential(_Schedule):
    """A steady fall by the same factor in equal times."""

    kind: Literal["exponential"]
    every: Annotated[float, Field(gt=0)] = 0.25
    """Share of the budget in which the rates fall by `factor`."""
    factor: Share = 0.1
    floor: Rate = 0.0
    """They stay at this share of the first rates."""


class Linear(_Schedule):
    """Constant, then a straight line down."""

    kind: Literal["linear"]
    begin: Rate = 0.5
    """Share of the budget after which the rates fall."""
    floor: Rate = 0.0
    """Share of the first rates that is left at the end."""


class Cosine(_Schedule):
    """Down along half a cosine."""

    kind: Literal["cosine"] = "cosine"
    floor: Rate = 0.0
    """Share of the first rates that is left at the end."""


class Plateau(_Schedule):
    """A drop whenever val_ab_mae has not become better for a while."""

    kind: Literal["plateau"]
    patience: int = Field(3, ge=1)
    """Ticks without a new best after which the rates drop."""
    factor: Share = 0.5
    floor: Rate = 0.0
    """They stay at this share of the first rates."""


SCHEDULES = Constant | Step | Exponential | Linear | Cosine | Plateau
ScheduleConfig = Annotated[SCHEDULES, Field(discriminator="kind")]
