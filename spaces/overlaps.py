"""Refuses settings that are given twice: by two dimensions, or by `fixed` and a dimension.

Of two values only one is trained, and the records would show the other.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from colornet.config.paths import covering, flatten
from colornet.errors import InputError
from spaces.dimensions import Dimension, is_same

SEED = "training.seed"
"""The setting that every trial gets from the study itself."""
Needs = dict[str, tuple[Any, ...]]
"""Values that dimensions must have, by name."""


def check_unique_settings(values: Mapping[str, Any], origin: str) -> None:
    """Raise InputError where two keys of a mapping set the same: a part of the other, or a rival.

    Args:
        values: by config path or study key; `space.NAME` is the dimension NAME.
    """
    named = {key.removeprefix("space."): key for key in reversed(list(values))}
    for key in values:
        for other in covering(key.removeprefix("space.")):
            if named.get(other, key) != key:
                raise InputError(
                    f"{origin}: {named[other]} and {key}: set the same thing.\n"
                    "Remove one of the two."
                )


def needs(
    dimension: Dimension, space: Mapping[str, Dimension], allowed: tuple[Any, ...] | None = None
) -> Needs | None:
    """Values that dimensions must have for one to be active; None when it never is.

    Args:
        allowed: values of the dimension itself, where not all are meant.
    """
    needed: Needs | None = {} if allowed is None else {dimension.name: allowed}
    for parent, values in dimension.when.items():
        needed = intersect(needed, needs(space[parent], space, values))
    return needed


def first_point(dimension: Dimension, space: Mapping[str, Dimension], value: Any) -> dict[str, Any]:
    """The least part of a point in which a dimension has a value."""
    needed = needs(dimension, space, (value,)) or {}
    return {name: values[0] for name, values in needed.items()}


def intersect(first: Needs | None, second: Needs | None) -> Needs | None:
    """What two dimensions need at once; None when that cannot be."""
    if first is None or second is None:
        return None
    both = {**first, **second}
    for name in first.keys() & second.keys():
        both[name] = tuple(
            value for value in first[name] if any(is_same(value, other) for other in second[name])
        )
    return both if all(both.values()) else None


def check_overlaps(space: Mapping[str, Dimension], origin: str) -> None:
    """Raise InputError for a config path that two dimensions set in one and the same point."""
    set_by: dict[str, dict[str, tuple[Any, ...] | None]] = {}
    """By config path and dimension: the values with which it sets the path, None for all."""
    for name, dimension in space.items():
        if dimension.type != "bundle":
            set_by.setdefault(name, {})[name] = None
        for label, paths in dimension.labels.items():
            for path in paths:
                labels = set_by.setdefault(path, {})
                labels[name] = (*(labels.get(name) or ()), label)
    for path, setting in set_by.items():
        for wider in covering(path):
            pairs = product(set_by.get(wider, {}).items(), setting.items())
            for (other, others), (name, values) in pairs:
                needed = needs(space[name], space, values), needs(space[other], space, others)
                if name != other and intersect(*needed) is not None:
                    paths = path if path == wider else f"{path} and {wider}"
                    raise InputError(
                        f"{origin}: space.{name} and space.{other}: both set {paths}.\n"
                        "Leave it to one of them, or keep them apart with `when`."
                    )


def check_fixed(
    fixed: Mapping[str, Any],
    space: Mapping[str, Dimension],
    origin: str,
    overrides: Mapping[str, Any],
) -> None:
    """Raise InputError for a fixed setting that no trial has, as a dimension always sets it.

    Args:
        overrides: the settings of the command line.
    """
    for path, value in settings(fixed).items():
        for name, labels in setters(path, space):
            always = labels is None or len(labels) == len(space[name].labels)
            if always and not space[name].when:
                raise InputError(
                    f"{fixed_where(path, overrides, origin)}: {value!r}: no trial would have it, "
                    f"as space.{name} sets {path} in each.\nRemove one of the two."
                )


def fixed_where(path: str, overrides: Mapping[str, Any], origin: str) -> str:
    """How messages name a fixed setting: by its option, or by where the study has it."""
    return f"--set: {path}" if path in settings(overrides) else f"{origin}: fixed.{path}"


def settings(fixed: Mapping[str, Any]) -> dict[str, Any]:
    """What is fixed by its own path, where a whole section is given, too."""
    by_path: dict[str, Any] = {}
    for path, value in fixed.items():
        by_path |= flatten({path: value})
    return by_path


def override_notes(overrides: Mapping[str, Any], space: Mapping[str, Dimension]) -> Iterator[str]:
    """Sentences about settings of the command line that some labels of a bundle set otherwise."""
    for path, value in settings(overrides).items():
        for name, labels in setters(path, space):
            if labels:
                yield f"{path} is {value!r}, but not where {name} is {' or '.join(labels)}"


def setters(
    path: str, space: Mapping[str, Dimension]
) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """The dimensions that set a path, with the labels of a bundle that do."""
    over = set(covering(path))
    for name, dimension in space.items():
        if dimension.type != "bundle":
            if name in over:
                yield name, None
            continue
        labels = tuple(label for label, paths in dimension.labels.items() if over & paths.keys())
        if labels:
            yield name, labels


def check_seed(
    fixed: Mapping[str, Any],
    dimensions: Iterable[Dimension],
    origin: str,
    overrides: Mapping[str, Any],
) -> None:
    """Raise InputError where a study sets the seed of trainings, which each trial is given.

    Args:
        overrides: the settings of the command line.
    """
    where = [fixed_where(SEED, overrides, origin)] if SEED in fixed else []
    for dimension in dimensions:
        head = f"{origin}: space.{dimension.name}"
        where += [head] if dimension.name == SEED else []
        labels = [label for label, paths in dimension.labels.items() if SEED in paths]
        where += [f"{head}.bundle.{label}.{SEED}" for label in labels]
        where += [f"{head}.when.{SEED}"] if SEED in dimension.when else []
    if where:
        raise InputError(
            f"{where[0]}: each trial gets its seed from the study.\n"
            "Set the study's `seed`, or `seeds: fresh` for one of each trial's own; to compare "
            "seeds give `replicates`."
        )
