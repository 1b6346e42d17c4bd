"""A study: a question with its space, objectives and budget, from one YAML file.

`spaces.loading.load_study` reads a file or a built-in name and refuses everything that would fail
later. The resolved study (`Study.to_data`) is complete: a sweep is run, resumed and reported from
it alone.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from colornet.config.columns import COLUMNS
from colornet.config.config import Config, parse_config, upgraded, upgraded_paths
from colornet.config.paths import apply_overrides
from colornet.config.validation import MOST_SEEDS, MOST_TRIALS, validate
from colornet.errors import InputError
from spaces.dimensions import Dimension, Point, active_part, place_point
from spaces.earlier import EarlierSweep
from spaces.grid import count_points, grid_points

log = logging.getLogger("colorsweep")
STARTUP_TRIALS: Mapping[str, int] = {"tpe": 10, "gp": 8}
"""Of each sampler that learns from earlier trials: how many it draws before. For TPE it is Optuna's
default of `n_startup_trials`."""
GP_DIMENSIONS = 8
"""Dimensions up to which `auto` is a Gaussian process."""
GP_TRIALS = 200
"""Trials up to which it is: as many as it is fitted to."""
AUTO_GRACE, LEAST_GRACE = 0.5, 0.1
"""`grace: auto` begins with the one and goes no lower than the other."""
EVERY_TICK = ("median",)
"""Stopping rules that compare trials at every tick after `grace`; the others do at rungs."""
RUNGS = ("asha", "hyperband")
"""Stopping rules that compare trials at rungs."""
FEW_ROUNDS = 4
"""Rounds, of the trials that run at a time, below which a sampler that learns is hardly better than
random."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Budget(_Part):
    """When a sweep has done enough: whichever comes first.

    Room is left for the trainings that confirm, which count for all but `trials`.
    """

    trials: int | None = Field(None, ge=1, le=MOST_TRIALS)
    """Trials of the search; a grid and a compared design know their own number."""
    images: int | None = Field(None, ge=1)
    """Pictures seen by all trainings together."""
    wall_hours: float | None = Field(None, gt=0)
    """Hours in which any trial ran."""
    gpu_hours: float | None = Field(None, gt=0)
    """Hours of training times cards per trial."""
    money: float | None = Field(None, gt=0)
    """In the currency of `price_per_gpu_hour`."""
    price_per_gpu_hour: float | None = Field(None, gt=0)
    when_spent: Literal["finish", "cut"] = "finish"
    """Trials that run when it is spent are allowed to end, or are cut off."""

    @property
    def is_limited(self) -> bool:
        """Whether there is any other limit than a number of trials."""
        return any((self.images, self.wall_hours, self.gpu_hours, self.money))

    @model_validator(mode="after")
    def _money_has_a_price(self) -> "Budget":
        if self.money is not None and self.price_per_gpu_hour is None:
            raise ValueError("money needs price_per_gpu_hour, what an hour of one card costs")
        return self


class Stopping(_Part):
    """When a trial that lags behind is stopped early."""

    rule: Literal["asha", "hyperband", "median", "none"] = "asha"
    """Of a `stopping` that names none. A study without `stopping` stops nothing (`StudyFile`)."""
    grace: Literal["auto"] | Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of the budget of pictures before which nothing is stopped. While learning rates decay
    early ranks mislead, so that less than a half is seldom worth it. auto: a half, and earlier
    rungs down to LEAST_GRACE once the trials that have finished show that ranks agree there."""
    factor: float = Field(2, gt=1)
    """One in so many goes on at a rung, and the next rung is so many times as far."""
    promote: bool = False
    """Whether a stopped trial goes on from its checkpoint once it is among the best at its rung, as
    further trials have come there, or once there are no further points and a budget is left."""

    @model_validator(mode="after")
    def _brackets_have_fixed_rungs(self) -> "Stopping":
        if self.grace == "auto" and self.rule == "hyperband":
            raise ValueError("grace: auto moves rungs, which hyperband's brackets go by: use asha")
        if self.promote and self.rule not in RUNGS:
            raise ValueError(f"promote: {self.rule} has no rungs to be promoted at: use asha")
        return self

    @property
    def sure_grace(self) -> float:
        """The share from which on trials are stopped whatever is known of early ranks."""
        return AUTO_GRACE if self.grace == "auto" else self.grace

    @property
    def one_in(self) -> float:
        """One in so many trials goes on at a rung: of the median rule the better half."""
        return 2.0 if self.rule == "median" else self.factor

    def rungs(self, ticks: int) -> list[float]:
        """Shares of the budget at which trials are compared, ascending, all below 1.

        With `grace: auto` those below `sure_grace` are only gone by once ranks agree there.

        Args:
            ticks: reporting intervals of a training, each of which is a rung to `EVERY_TICK`.
        """
        if self.rule == "none":
            return []
        first = self.sure_grace
        if self.rule in EVERY_TICK:
            first = LEAST_GRACE if self.grace == "auto" else first
            return [tick / ticks for tick in range(1, ticks) if tick / ticks >= first]
        while self.grace == "auto" and first / self.factor >= LEAST_GRACE:
            first /= self.factor
        shares, share = [], first
        while share < 1 - 1e-9:  # the product of factors may miss 1 by rounding
            shares.append(share)
            share *= self.factor
        return shares


class Confirm(_Part):
    """The best of a search, trained again with other seeds and judged on the test pictures."""

    top: int = Field(5, ge=1, le=MOST_TRIALS)
    """Configurations."""
    replicates: int = Field(3, ge=2, le=MOST_SEEDS)
    """Seeds for each of them; elsewhere a replicate is one of the trials."""


class Resources(_Part):
    """What one trial gets, and how many run at a time."""

    workers: Annotated[int, Field(ge=1)] = 1
    """Workers that train a trial together, each on a part of every batch."""
    gpus: Literal["auto"] | Annotated[float, Field(ge=0)] = "auto"
    """Cards per worker; a share such as 0.25 packs four on one. auto: one where there are any."""
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
    constraints: dict[str, str] = Field(default_factory=dict)
    """Bounds that the chosen configuration meets, and that the sampler learns to meet."""
    evaluate_on: dict[str, Any] | None = None
    """Paths of `data` that lead from the base config's pictures to those on which every trial is
    measured, in columns `eval_…`."""
    final: dict[str, Any] = Field(default_factory=dict)
    design: Literal["search", "compare"] = "search"
    """search: a sampler chooses points. compare: every combination of levels x every seed."""
    replicates: int = Field(5, ge=2, le=MOST_SEEDS)
    """Seeds of a compared design."""
    difference: float | None = Field(None, gt=0)
    """The least difference in the deciding metric that matters to the asker."""
    sampler: Literal["auto", "tpe", "gp", "random", "grid", "qmc"] = "auto"
    """auto: as `sampler_of_study` says."""
    seed: int = Field(0, ge=0, lt=2**32)
    seeds: Literal["shared", "fresh"] = "shared"
    stopping: Stopping = Stopping(rule="none")
    budget: Budget = Budget()
    confirm: Confirm | None = None
    resources: Resources = Resources()
    quick: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _design_is_whole(self) -> "StudyFile":
        if self.design == "compare":
            for key in ("stopping", "confirm", "seeds"):
                if getattr(self, key) != type(self).model_fields[key].get_default():
                    raise ValueError(
                        f"{key}: design compare trains every level in full with "
                        "every seed: leave it out"
                    )
            if self.budget.trials is not None:
                raise ValueError(
                    "budget.trials: design compare counts levels x replicates: set "
                    "replicates instead"
                )
        elif self.sampler != "grid" and self.budget.trials is None:
            raise ValueError("budget.trials: is missing. Add it: how many points to try")
        return self


@dataclass(frozen=True)
class Study:
    """A resolved study.

    Attributes:
        space: dimensions by name, parents before those their conditions govern.
        base_config: complete config data with `fixed` in it, onto which points are placed.
        notes: what a user should know of how it was resolved.
        learned_from: earlier sweeps, of which only the sampler is told.
    """

    name: str
    file: StudyFile
    space: Mapping[str, Dimension]
    base_config: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    learned_from: tuple[EarlierSweep, ...] = ()

    @property
    def dimensions(self) -> list[Dimension]:
        """The dimensions in the order in which they are drawn."""
        return list(self.space.values())

    @property
    def is_planned(self) -> bool:
        """Whether every point is known beforehand: of a compared design and of a grid."""
        return self.file.design == "compare" or self.file.sampler == "grid"

    @cached_property
    def planned(self) -> list[Point]:
        """The points that are known beforehand, in the order in which they are tried.

        `start_from` for a sampler (parts of points, which it completes), then those of a grid; of a
        compared design all levels, once.
        """
        start = [dict(point) for point in self.file.start_from]
        if not self.is_planned:
            return start
        parts = [part for point in start if (part := active_part(point, self.dimensions))]
        whole = grid_points(self.dimensions)
        return sorted(whole, key=lambda point: not any(p.items() <= point.items() for p in parts))

    @cached_property
    def trials(self) -> int:
        """Trials of the search, at most; without those that confirm.

        A sampler hands out no point twice, so there are at most as many as the space has points.
        """
        if self.file.design == "compare":
            return len(self.planned) * self.file.replicates
        wanted = self.file.budget.trials
        if self.file.sampler == "grid":
            return min(wanted or len(self.planned), len(self.planned))
        assert wanted is not None
        return count_points(self.dimensions, wanted) or wanted

    @property
    def confirming(self) -> int:
        """Trials that confirm the best of the search, at most."""
        confirm = self.file.confirm
        return min(confirm.top, self.trials) * confirm.replicates if confirm else 0

    @property
    def sampler(self) -> str:
        """The sampler that chooses the points; what `auto` comes to."""
        file = self.file
        data: dict[str, Any] = {"space": self.space, "trials": self.trials}
        data |= {"sampler": file.sampler, "objectives": file.objectives, "decide": file.decide}
        data |= {"base_config": self.base_config, "budget": {"images": file.budget.images}}
        return sampler_of_study(data)

    def config(self, point: Mapping[str, Any], seed: int) -> Config:
        """The config of a point, trained with a seed.

        Raises:
            InputError: when its settings do not fit each other.
        """
        values = place_point(self.base_config, point, self.dimensions)
        values = apply_overrides(values, {"training.seed": seed})
        return parse_config(values, f"{self.name}: point {dict(point)}")

    def log_notes(self) -> None:
        """Log, as warnings, what a user should know of how the study was resolved."""
        for note in self.notes:
            log.warning("%s", note)

    def to_data(self) -> dict[str, Any]:
        """The resolved study as plain data, for the sweep's `study.yaml`."""
        data = self.file.model_dump(mode="json", exclude={"quick", "space"})
        learned_from = [sweep.model_dump(mode="json") for sweep in self.learned_from]
        return {
            **data,
            **({"learned_from": learned_from} if learned_from else {}),
            "name": self.name,
            "trials": self.trials,
            "space": {name: dimension.to_data() for name, dimension in self.space.items()},
            "base_config": dict(self.base_config),
            "metrics": {
                name: {"unit": metric.unit, "goal": metric.goal, "label": metric.label}
                for group in COLUMNS.values()
                for name, metric in group.items()
            },
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any], origin: str) -> "Study":
        """The study of a sweep that is already there. Raises InputError when it does not fit."""
        written = {key: data[key] for key in data if key in StudyFile.model_fields}
        try:
            base = upgraded(data["base_config"], origin)
            space = data["space"]
            if base is not data["base_config"]:
                space = {name: _upgraded(spec, base) for name, spec in space.items()}
            return cls(
                name=data["name"],
                file=validate(StudyFile, written, origin),
                space={n: Dimension.from_data(n, spec) for n, spec in space.items()},
                base_config=base,
                learned_from=tuple(
                    validate(EarlierSweep, sweep, f"{origin}: learned_from")
                    for sweep in data.get("learned_from") or ()
                ),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{origin}: cannot be read: {error!r}.\nPut it back as it was."
            ) from None


def sampler_of_study(study: Mapping[str, Any]) -> str:
    """The sampler of a resolved study, as plain data: what it names, or what `auto` comes to.

    `auto` is `gp` where one metric decides over no more than GP_DIMENSIONS dimensions in no more
    than GP_TRIALS trials, else `tpe`. Median regret in standard deviations of random points, of
    simulated searches (`tests/benchmarks/landscapes.py`) of 24 trainings' pictures, 4 at a time,
    with `asha`; better: in how many of the pairs of one seed `gp` was.

    | surface                | dimensions | gp   | tpe  | better   |
    |------------------------|------------|------|------|----------|
    | valley                 | 4          | 0.15 | 0.26 | 10 of 10 |
    | curves                 | 5          | 0.08 | 0.13 | 10 of 10 |
    | branin-edge            | 5          | 0.02 | 0.12 | 9 of 10  |
    | hartmann6              | 6          | 2.32 | 4.17 | 6 of 10  |
    | mixed                  | 6          | 0.26 | 0.31 | 5 of 11  |
    | colorization-diverging | 6          | 0.36 | 0.50 | 5 of 10  |
    | the same, 8 idle ones  | 14         | 0.58 | 0.39 | 3 of 5   |

    Args:
        study: has sampler, space, trials, budget, base_config, objectives, and decide, which may be
            None.
    """
    if (named := str(study.get("sampler"))) != "auto":
        return named
    decides_one = bool(study.get("decide")) or len(study["objectives"]) == 1
    trials, images = int(study["trials"]), (study.get("budget") or {}).get("images")
    if images and (of_one := study["base_config"]["training"]["images"]):
        # Those that are stopped early have mostly seen half of their pictures.
        trials = min(trials, 2 * images // of_one)
    is_small = len(study["space"]) <= GP_DIMENSIONS and trials <= GP_TRIALS
    return "gp" if decides_one and is_small else "tpe"


def derived_seed(*parts: int) -> int:
    """A seed of its own for every sequence of numbers, below 2**32."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _upgraded(spec: Mapping[str, Any], base: Mapping[str, Any]) -> Mapping[str, Any]:
    """A dimension's data, with what its labels meant in configs of version 1."""
    if "labels" not in spec:
        return spec
    labels = {label: upgraded_paths(paths, base) for label, paths in spec["labels"].items()}
    return {**spec, "labels": labels}
