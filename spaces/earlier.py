"""What a sampler is told of earlier sweeps, in terms of the space that it searches.

It is part of a resolved study: the earlier sweep may be gone when the search is rebuilt.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class EarlierTrial(_Part):
    """A trial of an earlier sweep."""

    point: dict[str, Any]
    """Of the space that is searched now."""
    values: list[float] | None = None
    """What it came to in what the search works towards, or would have come to; None if it was
    lost."""
    excess: dict[str, float | None] = Field(default_factory=dict)
    """By how much it violates each bound of the search; None for what is not known."""


class EarlierSweep(_Part):
    """The trials of an earlier sweep that lie in the space."""

    sweep: str
    """Its name."""
    pictures: list[str]
    """Content hashes of the sets of pictures on which it was measured, sorted."""
    trials: list[EarlierTrial] = Field(min_length=1)
