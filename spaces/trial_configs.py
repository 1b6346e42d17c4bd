"""The configs of a space, tried before anything starts: every one, or every pair of values."""

import random
from collections.abc import Iterator, Mapping
from functools import reduce
from itertools import combinations, islice, product
from typing import Any

from colornet.config.catalog import check_paths
from colornet.config.config import parse_config
from colornet.config.paths import apply_overrides
from colornet.errors import InputError
from spaces.checking import MOST_POINTS
from spaces.conditions import yaml_text
from spaces.dimensions import Point
from spaces.grid import count_points, grid_points, levels
from spaces.overlaps import first_point, intersect, needs
from spaces.study import Study

MOST_PAIRED = 4_000
"""Points that are tried of a space with more than MOST_POINTS, about half a second's."""
MOST_VALUES = 256
"""Values of a dimension that are each tried; of more only its probes are."""
MOST_OF_PAIR = 64
"""The same of each dimension of a pair."""
Part = tuple[tuple[str, Any], ...]


def check_configs(study: Study, origin: str) -> None:
    """Raise InputError where a point of the space, or the final training, is no config.

    A space of no more than MOST_POINTS is tried in full. Of a larger one each value of a dimension
    is tried, and each pair of values of two.
    """
    for dimension in study.dimensions:
        for value in dimension.probes():
            point = first_point(dimension, study.space, value)
            _try(study, point, f"{origin}: space.{dimension.name}: {value!r}")
    _check_labels(study, origin)
    whole = count_points(study.dimensions, MOST_POINTS) is not None
    points = grid_points(study.dimensions) if whole else islice(_paired(study), MOST_PAIRED)
    for point in points:
        settings = ", ".join(f"{name} {yaml_text(value)}" for name, value in point.items())
        _try(study, point, f"{origin}: space: {settings}")
    check_final(study, origin)


def check_final(study: Study, origin: str) -> None:
    """Raise InputError where the final training is no config."""
    check_paths(study.file.final, f"{origin}: final")
    final = apply_overrides(study.base_config, study.file.final)
    parse_config(final, f"{origin}: final")


def _try(study: Study, point: Point, head: str) -> None:
    try:
        study.config(point, study.file.seed)
    except InputError as error:
        lines = str(error).split("\n")
        problem = lines[0].partition("}: ")[2] or lines[0]
        raise InputError(
            f"{head}: its config is refused:\n" + "\n".join([problem, *lines[1:]][:2])
        ) from None


def _check_labels(study: Study, origin: str) -> None:
    """Raise InputError for two labels of a bundle under which the same is trained."""
    for dimension in study.dimensions:
        labels: dict[tuple[str, ...], str] = {}
        for label in dimension.labels:
            point = first_point(dimension, study.space, label)
            config = study.config(point, study.file.seed)
            # A label may be there for what is searched under it only.
            governed = (d.name for d in study.dimensions if label in d.when.get(dimension.name, ()))
            trained = (yaml_text(config.to_dict()), *governed)
            if trained in labels:
                raise InputError(
                    f"{origin}: space.{dimension.name}: {labels[trained]} and {label}: are one "
                    "level: their settings are the same.\n"
                    "Remove one; `replicates` compares seeds."
                )
            labels[trained] = label


def _paired(study: Study) -> Iterator[Point]:
    """Random points, until each value that is tried, and each pair of them, was in one."""
    rng = random.Random(0)
    tried = {d.name: levels(d, MOST_VALUES) or d.probes() for d in study.dimensions}
    seen: set[Part] = set()
    for part in _parts(study, tried):
        needed = [needs(study.space[name], study.space, (value,)) for name, value in part]
        required = reduce(intersect, needed, {})
        if part in seen or required is None:
            continue
        point: Point = {}
        for dimension in study.dimensions:
            if dimension.is_active(point):
                values = required.get(dimension.name) or tried[dimension.name]
                point[dimension.name] = rng.choice(values)
        items = list(point.items())
        seen |= {(item,) for item in items} | set(combinations(items, 2))
        yield point


def _parts(study: Study, tried: Mapping[str, list[Any]]) -> Iterator[Part]:
    """Values by themselves, then in pairs."""
    for name, values in tried.items():
        yield from (((name, value),) for value in values)
    few = {
        name: values if len(values) <= MOST_OF_PAIR else study.space[name].probes()
        for name, values in tried.items()
    }
    for name, other in combinations(few, 2):
        for value, other_value in product(few[name], few[other]):
            yield ((name, value), (other, other_value))
