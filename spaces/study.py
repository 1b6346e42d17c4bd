"""A study: a question with its space, objectives and budget, from one YAML file.

`spaces.loading.load_study` reads a file or a built-in name and refuses everything that would fail
later. The resolved study (`Study.to_data`) is complete: a sweep is run, resumed and reported from
it alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from colornet.config import Config, parse_config
from colornet.measures import COLUMNS
from colornet.paths import apply_overrides
from colornet.validation import validate
from spaces.distributions import Dimension, place_point


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Budget(_Part):
    """When a sweep has done enough."""

    trials: int = Field(ge=1)


class Resources(_Part):
    """What one trial gets, and how many run at a time."""

    gpus: Literal["auto"] | Annotated[float, Field(ge=0)] = "auto"
    """Cards per trial; a share such as 0.25 packs four on one. auto: one where there are any."""
    concurrent: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"


class Decide(_Part):
    """Which configuration wins."""

    by: str
    subject_to: dict[str, str] = Field(default_factory=dict)


class StudyFile(_Part):
    """A study as people write it."""

    version: Literal[1]
    question: str = Field(min_length=1)
    asked_in: list[str] = Field(default_factory=list)
    base: str
    fixed: dict[str, Any] = Field(default_factory=dict)
    space: dict[str, Any]
    start_from: list[dict[str, Any]] = Field(default_factory=list)
    objectives: dict[str, Literal["minimize", "maximize"]] = Field(min_length=1)
    decide: Decide | None = None
    final: dict[str, Any] = Field(default_factory=dict)
    sampler: Literal["tpe", "random"] = "tpe"
    seed: int = Field(0, ge=0, lt=2**32)
    seeds: Literal["shared", "fresh"] = "shared"
    budget: Budget
    resources: Resources = Resources()
    quick: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """A resolved study.

    Attributes:
        space: dimensions by name, parents before those their conditions govern.
        base_config: complete config data with `fixed` in it, onto which points are placed.
        notes: what a user should know of how it was resolved.
    """

    name: str
    file: StudyFile
    space: Mapping[str, Dimension]
    base_config: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def dimensions(self) -> list[Dimension]:
        """The dimensions in the order in which they are drawn."""
        return list(self.space.values())

    def config(self, point: Mapping[str, Any], seed: int) -> Config:
        """The config of a point, trained with a seed.

        Raises:
            InputError: when its settings do not fit each other.
        """
        values = place_point(self.base_config, point, self.dimensions)
        values = apply_overrides(values, {"training.seed": seed})
        return parse_config(values, f"{self.name}: point {dict(point)}")

    def to_data(self) -> dict[str, Any]:
        """The resolved study as plain data, for the sweep's `study.yaml`."""
        data = self.file.model_dump(mode="json", exclude={"quick", "space"})
        described = {name: one for group in COLUMNS.values() for name, one in group.items()}
        return {
            **data,
            "name": self.name,
            "space": {name: dimension.to_data() for name, dimension in self.space.items()},
            "base_config": dict(self.base_config),
            "metrics": {
                name: {"unit": metric.unit, "goal": metric.goal, "label": metric.label}
                for name, metric in described.items()
            },
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any], origin: str) -> "Study":
        """The study of a sweep that is already there. Raises InputError when it does not fit."""
        written = {key: data[key] for key in data if key in StudyFile.model_fields}
        return cls(
            name=data["name"],
            file=validate(StudyFile, written, origin),
            space={n: Dimension.from_data(n, spec) for n, spec in data["space"].items()},
            base_config=data["base_config"],
        )
