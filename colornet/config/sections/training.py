"""The budget and conduct of a training."""

from typing import Literal

from pydantic import Field, model_validator

from colornet.config.sections.base import Section


class Training(Section):
    """Budget and conduct of a training."""

    images: int | None = Field(None, ge=1)
    """Pictures seen by the generator in all."""
    epochs: float | None = Field(None, gt=0)
    """The same budget as passes over the training pictures; resolved to `images`."""
    ticks: int = Field(20, ge=1, le=10_000)
    """Reporting intervals."""
    batch_size: int = Field(32, ge=1)
    """Pictures a step; over all ranks, where a training spans several."""
    sync_batch_norm: bool = False
    """Whether batch normalization takes its statistics over all ranks, rather than each its own."""
    seed: int = Field(0, ge=0, lt=2**32)
    checkpoint_every: int = Field(5, ge=1)
    """Ticks between checkpoints."""
    restores: int = Field(0, ge=0, le=20)
    """How often a training that diverges goes back to its last sound tick, with half the rates."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 autocast on a GPU, float32 on a CPU."""

    @model_validator(mode="after")
    def _one_budget(self) -> "Training":
        if (self.images is None) == (self.epochs is None):
            raise ValueError("give the budget as either images or epochs")
        return self
