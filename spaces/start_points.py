"""The points that a search starts from, as their dimensions spell them, and notes on them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from colornet.errors import InputError, did_you_mean
from spaces.conditions import remedy
from spaces.dimensions import Dimension, Point, is_same
from spaces.overlaps import setters


def start_points(
    points: Sequence[Mapping[str, Any]],
    space: Mapping[str, Dimension],
    fixed: Mapping[str, Any],
    origin: str,
) -> list[Point]:
    """Parts of points, each value as its dimension spells it.

    Args:
        fixed: values of what is not searched, by config path or dimension.

    Raises:
        InputError: for a value that a dimension never has, or a point that is listed twice.
    """
    spelled: list[Point] = []
    active: list[Point] = []
    for index, point in enumerate(points):
        canonical = {}
        for name, value in point.items():
            head = f"{origin}: start_from[{index}]: {name}"
            if name not in space:
                for other, labels in setters(name, space):
                    value = labels[0] if labels else "…"
                    raise InputError(
                        f"{head}: is set by space.{other}, and not searched by itself.\n"
                        f"Name that instead: {{{other}: {value}}}."
                    )
                if name not in fixed:
                    raise InputError(f"{head}: no dimension.\n{did_you_mean(name, space)}")
            elif not space[name].contains(value):
                raise InputError(
                    f"{head}: {value!r}: lies outside the dimension's range.\n"
                    f"{remedy(value, space[name])}"
                )
            canonical[name] = space[name].canonical(value) if name in space else value
        spelled.append(canonical)
        counts = {name: value for name, value in canonical.items() if name not in space}
        for dimension in space.values():
            if dimension.name in canonical and dimension.is_active(counts):
                counts[dimension.name] = canonical[dimension.name]
        whole = all(d.name in canonical for d in space.values() if d.is_active(counts))
        if whole and counts in active:
            first = active.index(counts)
            raise InputError(
                f"{origin}: start_from[{index}]: is the same point as start_from[{first}].\n"
                "Remove one; replicates are the business of confirm, or of design compare."
            )
        active.append(counts if whole else {})
    return spelled


def untried_notes(
    points: Sequence[Mapping[str, Any]], space: Mapping[str, Dimension], base: Mapping[str, Any]
) -> Iterator[str]:
    """Sentences about values of starting points that are not tried, or not surely.

    Args:
        base: the base config by path.
    """
    for index, point in enumerate(points):
        for name, value in point.items():
            if name not in space and not (name in base and is_same(base[name], value)):
                why = f"it is fixed at {base[name]!r}" if name in base else "it is not searched"
                yield f"start_from[{index}]: {name} {value!r} is not tried: {why}"
        inactive: set[str] = set()
        for dimension in space.values():
            for parent, values in dimension.when.items():
                listed = " or ".join(map(str, values))
                if parent in inactive or (parent in point and point[parent] not in values):
                    inactive.add(dimension.name)
                    why = f"is not tried: {parent} is not {listed} there"
                elif parent not in point:
                    why = f"counts only where {parent} is drawn as {listed}"
                else:
                    continue
                if dimension.name in point:
                    value = point[dimension.name]
                    yield f"start_from[{index}]: {dimension.name} {value!r} {why}"
                    break


def unreached_notes(points: Sequence[Mapping[str, Any]], trials: int | None) -> Iterator[str]:
    """A sentence about the starting points for which a search has no trials.

    Args:
        trials: of the search; None where it knows its own number.
    """
    if trials is not None and len(points) > trials:
        last = len(points) - 1
        which = f"start_from[{trials}]" + (f" to start_from[{last}]" if last > trials else "")
        yield f"{which} {'are' if last > trials else 'is'} not tried: budget.trials is {trials:,}"
