"""Dimensions of a space: from a study's words to drawn points, and from points to configs.

```yaml
optimizer.lr_ratio: {loguniform: [0.05, 10]}
loss.l1_weight: {loguniform: [1, 300], or: 0}                  # a special value beside the range
training.batch_size: {int: [8, 64], step: 8}                   # 8, 16, … 64
loss.adversarial: {choice: [bce, lsgan, hinge]}
loss.label_smoothing: {uniform: [0.0, 0.3], when: {loss.adversarial: [bce, lsgan]}}
pictures: {bundle: {sea: {data.classes: [sea]}, all: {data.classes: null}}}
```

A point holds one value per active dimension: the number, the choice, or a bundle's label. For the
sampler a dimension with `or` is two parameters, `<name>:special` and the range, as the range is
conditional; everywhere else it is one.
"""

import hashlib
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from colornet.config.paths import apply_overrides
from colornet.errors import InputError

RANGES = ("uniform", "loguniform", "int", "logint")
CLOSE = 1e-8
"""Part of a step by which a number may miss it, as in Optuna."""
STEPPED = ("uniform", "int")
"""Ranges that may have a step."""
WORDS = (*RANGES, "choice", "bundle")
Point = dict[str, Any]


class Suggests(Protocol):
    """What `draw` needs of an Optuna trial."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None, log: bool
    ) -> float:
        """A real number in [low, high]."""
        ...

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        """A whole number in [low, high]."""
        ...

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices."""
        ...


@dataclass(frozen=True)
class Dimension:
    """One axis of a space.

    Attributes:
        name: a config path, or a bundle's own name.
        type: the distribution's word.
        low, high: ends of a range, both included.
        choices: values of a choice, or labels of a bundle.
        labels: what each label of a bundle sets.
        special: the values of `or` (one, or none).
        when: values that other dimensions must have for this one to be active.
        step: distance between the numbers of a range, which ends with one; None for the least.
    """

    name: str
    type: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    labels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    special: tuple[Any, ...] = ()
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    step: float | None = None

    @property
    def is_log(self) -> bool:
        """Whether the range is searched on a logarithmic scale."""
        return self.type in ("loguniform", "logint")

    @property
    def is_int(self) -> bool:
        """Whether the range holds whole numbers only."""
        return self.type in ("int", "logint")

    @property
    def is_categorical(self) -> bool:
        """Whether values have neither an order nor distances."""
        return self.type not in RANGES

    @property
    def spacing(self) -> float | None:
        """Distance between the numbers that occur; None where all do."""
        return self.step or (1 if self.is_int else None)

    @property
    def listed(self) -> tuple[Any, ...]:
        """Values by name: choices, labels, and the special one beside a range."""
        return (*self.special, *self.choices)

    @property
    def count(self) -> int | None:
        """Numbers in the range, 0 of what is none; None for endlessly many."""
        if self.type not in RANGES:
            return 0
        assert self.low is not None and self.high is not None
        if self.is_int:
            return int(self.high - self.low) // int(self.step or 1) + 1
        return None if self.step is None else round((self.high - self.low) / self.step) + 1

    def number(self, index: int) -> float:
        """The number at an index of a range with steps, from 0; computed as Optuna does."""
        assert self.low is not None and self.high is not None
        if self.is_int:
            return int(self.low) + index * int(self.step or 1)
        assert self.step is not None
        return min(max(index * self.step + self.low, self.low), self.high)

    def is_active(self, point: Mapping[str, Any]) -> bool:
        """Whether the dimension counts, given the dimensions drawn before it."""
        return all(
            parent in point and point[parent] in values for parent, values in self.when.items()
        )

    def contains(self, value: Any) -> bool:
        """Whether a value may be drawn."""
        if any(is_same(value, listed) for listed in self.listed):
            return True
        if not is_number(value) or self.low is None or self.high is None:
            return False
        if not self.step:
            return self.low <= value <= self.high and not (self.is_int and value % 1)
        # A number of steps misses a limit by a rounding error: 3 of 0.1 are more than 0.3.
        steps, most = (value - self.low) / self.step, (self.high - self.low) / self.step
        return abs(steps - round(steps)) < CLOSE and -CLOSE < steps < most + CLOSE

    def canonical(self, value: Any) -> Any:
        """A value that it has, as it is drawn: 0 of real numbers is 0.0."""
        for listed in self.listed:
            if is_same(value, listed):
                return listed
        if self.step is not None and self.low is not None:
            return self.number(round((value - self.low) / self.step))
        return int(value) if self.is_int else float(value)

    def quantile(self, share: float) -> Any:
        """The value of a range below which a share in [0, 1) of it lies."""
        assert self.low is not None and self.high is not None
        if self.step is not None:
            return self.number(int(share * (self.count or 1)))
        low, high = self.low, self.high
        if self.is_int:
            # Half a step on either side, so that after rounding the ends are as likely as the rest.
            low, high = low - 0.5, high + 0.5
        if self.is_log:
            value = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        else:
            value = low + share * (high - low)
        value = min(max(value, self.low), self.high)
        return round(value) if self.is_int else value

    def place(self, number: float) -> float:
        """Where a number of the range lies, from 0 to 1 on its own scale; outside beyond."""
        assert self.low is not None and self.high is not None
        low, high, at = (
            math.log(x) if self.is_log else float(x) for x in (self.low, self.high, number)
        )
        return (at - low) / (high - low) if high > low else 0.5

    def probes(self) -> list[Any]:
        """Values at which a config is tried before a sweep starts: ends, choices, special."""
        return [*(self.choices or (self.low, self.high)), *self.special]

    def changes(self, value: Any) -> dict[str, Any]:
        """The config paths that a value of this dimension sets."""
        return dict(self.labels[value]) if self.type == "bundle" else {self.name: value}

    def to_data(self) -> dict[str, Any]:
        """Plain data for the resolved study."""
        data: dict[str, Any] = {"type": self.type}
        if self.type in RANGES:
            data |= {"low": self.low, "high": self.high}
            data |= {"step": self.step} if self.step is not None else {}
        elif self.type == "choice":
            data["choices"] = list(self.choices)
        else:
            data["labels"] = {label: dict(paths) for label, paths in self.labels.items()}
        if self.special:
            data["special"] = self.special[0]
        if self.when:
            data["when"] = {parent: list(values) for parent, values in self.when.items()}
        return data

    @classmethod
    def from_data(cls, name: str, data: Mapping[str, Any]) -> "Dimension":
        """The dimension that `to_data` described."""
        labels = data.get("labels", {})
        return cls(
            name=name,
            type=data["type"],
            low=data.get("low"),
            high=data.get("high"),
            step=data.get("step"),
            choices=tuple(data.get("choices") or labels),
            labels=labels,
            special=(data["special"],) if "special" in data else (),
            when={parent: tuple(values) for parent, values in data.get("when", {}).items()},
        )


def is_same(first: Any, second: Any) -> bool:
    """Whether two values are one and the same level: 0 is 0.0, but True is no 1."""
    return first == second and isinstance(first, bool) == isinstance(second, bool)


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, one that a float can hold."""
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return numeric and abs(value) <= sys.float_info.max


def in_order(dimensions: Sequence[Dimension], origin: str) -> list[Dimension]:
    """Dimensions with those that a condition names before those that it governs.

    Raises:
        InputError: for a circle of conditions.
    """
    by_name = {dimension.name: dimension for dimension in dimensions}
    ordered: dict[str, Dimension] = {}

    def visit(dimension: Dimension, path: tuple[str, ...]) -> None:
        if dimension.name in path:
            circle = " -> ".join([*path, dimension.name])
            raise InputError(f"{origin}: space: conditions go in a circle: {circle}.")
        for parent in dimension.when:
            visit(by_name[parent], (*path, dimension.name))
        ordered.setdefault(dimension.name, dimension)

    for dimension in dimensions:
        visit(dimension, ())
    return list(ordered.values())


def draw(trial: Suggests, dimensions: Sequence[Dimension]) -> Point:
    """Draw a point: one value per active dimension, in order (parents first)."""
    point: Point = {}
    for dimension in dimensions:
        if dimension.is_active(point):
            point[dimension.name] = _suggest(trial, dimension)
    return point


def _suggest(trial: Suggests, dimension: Dimension) -> Any:
    name = dimension.name
    if dimension.type not in RANGES:
        return trial.suggest_categorical(name, dimension.choices)
    if dimension.special:
        which = trial.suggest_categorical(f"{name}:special", ("range", "special"))
        if which == "special":
            return dimension.special[0]
    low, high = dimension.low or 0.0, dimension.high or 0.0
    log, step = dimension.is_log, dimension.step
    if dimension.is_int:
        return trial.suggest_int(name, int(low), int(high), step=int(step or 1), log=log)
    return trial.suggest_float(name, low, high, step=step, log=log)


def active_part(part: Mapping[str, Any], dimensions: Sequence[Dimension]) -> Point:
    """The values in a part of a point that its own values leave active, of these dimensions."""
    active: Point = {}
    inactive: set[str] = set()
    for dimension in dimensions:
        for parent, values in dimension.when.items():
            if parent in inactive or (parent in active and active[parent] not in values):
                inactive.add(dimension.name)
        if dimension.name in part and dimension.name not in inactive:
            active[dimension.name] = part[dimension.name]
    return active


def sampler_params(point: Mapping[str, Any], dimensions: Sequence[Dimension]) -> dict[str, Any]:
    """A point, or part of one, as the parameters that `draw` asks the sampler for."""
    params: dict[str, Any] = {}
    for dimension in dimensions:
        if dimension.name not in point:
            continue
        value = point[dimension.name]
        is_special = value in dimension.special
        if dimension.special:
            params[f"{dimension.name}:special"] = "special" if is_special else "range"
        if not is_special:
            params[dimension.name] = value
    return params


def point_id(point: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits that identify a point, whatever the order of its keys."""
    canonical = json.dumps(dict(point), sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def place_point(
    base: Mapping[str, Any], point: Mapping[str, Any], dimensions: Sequence[Dimension]
) -> dict[str, Any]:
    """Config data of a point: the base with what the point's dimensions set."""
    changes: dict[str, Any] = {}
    for dimension in dimensions:
        if dimension.name in point:
            changes |= dimension.changes(point[dimension.name])
    return apply_overrides(base, changes)
