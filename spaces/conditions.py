"""Conditions that can be met: `when` names values that its dimensions, or the base config, have."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from colornet.config.config import parse_config
from colornet.config.paths import apply_overrides, flatten
from colornet.errors import InputError, did_you_mean
from spaces.dimensions import RANGES, Dimension, is_same
from spaces.overlaps import needs


def check_conditions(
    dimensions: Sequence[Dimension], base: Mapping[str, Any], origin: str
) -> list[Dimension]:
    """The dimensions, with conditions that name values as the parents spell them.

    Args:
        base: the base config's data, on which conditions on what is not searched are decided.

    Raises:
        InputError: for a value that the parent never has, or a path that a bundle sets.
    """
    by_name = {dimension.name: dimension for dimension in dimensions}
    bundled = {
        path: dimension.name
        for dimension in dimensions
        for paths in dimension.labels.values()
        for path in paths
    }
    flat, seen = flatten(base), set()
    checked = []
    for dimension in dimensions:
        when = dict(dimension.when)
        for parent, values in dimension.when.items():
            head = f"{origin}: space.{dimension.name}.when: {parent}"
            if parent in by_name:
                for value in values:
                    if not by_name[parent].contains(value):
                        raise InputError(
                            f"{head}: {value!r}: {parent} never has that value.\n"
                            f"{remedy(value, by_name[parent])}"
                        )
                when[parent] = tuple(map(by_name[parent].canonical, values))
            elif parent in bundled:
                raise InputError(
                    f"{head}: is set by space.{bundled[parent]}, not a dimension itself.\n"
                    f"Name its labels: when: {{{bundled[parent]}: [label, …]}}."
                )
            elif parent in flat:
                for value in values:
                    if (parent, repr(value)) not in seen and not is_same(value, flat[parent]):
                        seen.add((parent, repr(value)))
                        _check_possible(base, parent, value, head)
        checked.append(replace(dimension, when=when))
    return checked


def _check_possible(base: Mapping[str, Any], path: str, value: Any, head: str) -> None:
    """Raise InputError for a value that no config has at a path."""
    try:
        parse_config(apply_overrides(base, {path: value}), "when")
    except InputError as error:
        first, *more = str(error).split("\n")
        if first.startswith(f"when: {path}: "):
            problem = first.removeprefix(f"when: {path}: ")
            raise InputError("\n".join([f"{head}: {problem}", *more][:3])) from None


def check_reachable(space: Mapping[str, Dimension], origin: str) -> None:
    """Raise InputError for conditions that exclude each other, or that no draw ever meets."""
    for dimension in space.values():
        for parent, values in dimension.when.items():
            drawn = space[parent]
            for value in values if drawn.count is None else ():
                if not any(is_same(value, special) for special in drawn.special):
                    raise InputError(
                        f"{origin}: space.{dimension.name}.when: {parent}: {value:g}: is never "
                        f"drawn, being one of endlessly many.\nMake {parent} a choice, or give the "
                        "value beside its range as `or`."
                    )
        if needs(dimension, space) is None:
            parents = " and ".join(dimension.when)
            raise InputError(
                f"{origin}: space.{dimension.name}.when: no trial meets it: {parents} never have "
                "those values together.\nName values that occur in one trial."
            )


def remedy(value: Any, dimension: Dimension) -> str:
    """How to name a value that a dimension has, instead of one that it has not."""
    text = str(value).lower()
    for listed in dimension.listed:
        if text in (str(listed).lower(), yaml_text(listed)):
            return f"Write {yaml_text(listed)}."
    if any(isinstance(listed, bool) for listed in dimension.listed):
        return "Write true or false."
    if dimension.type not in RANGES:
        return did_you_mean(str(value), map(str, dimension.choices))
    steps = f" in steps of {dimension.step:g}" if dimension.step else ""
    beside = f", or {yaml_text(dimension.special[0])}" if dimension.special else ""
    return f"It lies from {dimension.low:g} to {dimension.high:g}{steps}{beside}."


def yaml_text(value: Any) -> str:
    """A plain value as it is written in a study file: text in quotes where it needs them."""
    if not isinstance(value, str):
        return json.dumps(value, default=str)
    if value.isidentifier() and value not in ("true", "false", "null"):
        return value
    return "'" + value.replace("'", "''") + "'"


def narrowed_notes(file_space: Mapping[str, Any], space: Mapping[str, Dimension]) -> Iterator[str]:
    """Sentences about what is searched less than the file says.

    These are dimensions that are never active, and ranges whose end no step reaches.
    """
    for name, spec in file_space.items():
        if name not in space:
            yield f"{name} is never active with what is fixed, and not searched"
            continue
        dimension = space[name]
        if dimension.step is not None and dimension.high != spec[dimension.type][1]:
            yield (
                f"{name} ends at {dimension.high:.16g}: no step of {dimension.step:.16g} from "
                f"{dimension.low:.16g} reaches {spec[dimension.type][1]:.16g}"
            )
