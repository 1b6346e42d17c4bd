"""What all sections of a config share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, le=1)]
"""A part of a whole, and not nothing."""
Rate = Annotated[float, Field(ge=0, lt=1)]
"""A probability, a decay or a part that is never the whole."""
Weight = Annotated[float, Field(ge=0)]
"""What a term counts for; 0 leaves it out."""


class Section(BaseModel):
    """Base of all sections: frozen, unknown keys refused, no silent conversion of text."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
