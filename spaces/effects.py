"""Settings that do not reach every training, though nothing sets them otherwise by name.

A tag takes the options with it that its new variant lacks (`generator.depth` with `deconv_unet`),
a loss those that mean nothing to it, and the final training may change what was searched.
"""

from collections.abc import Mapping
from typing import Any

from colornet.config.config import parse_config
from colornet.config.paths import apply_overrides, covering, flatten
from colornet.errors import InputError
from spaces.dimensions import Dimension
from spaces.overlaps import first_point, fixed_where, settings
from spaces.study import Study


def check_fixed_reach(study: Study, origin: str, overrides: Mapping[str, Any]) -> list[str]:
    """Sentences about fixed settings that trials with some value of a dimension do not have.

    Args:
        overrides: the settings of the command line.

    Raises:
        InputError: for one that no trial has.
    """
    notes = []
    on_line = settings(overrides)
    for dimension in study.dimensions:
        values = dimension.probes()
        for path, without in _without(study, dimension).items():
            value = flatten(study.base_config)[path]
            if len(without) == len(values) and not dimension.when:
                raise InputError(
                    f"{fixed_where(path, overrides, origin)}: {value!r}: no trial would have it, "
                    f"as space.{dimension.name} leaves no place for it.\nRemove one of the two."
                )
            # Nobody expects a method to use another's options.
            methods = any("loss.method" in dimension.changes(value) for value in without)
            if path in on_line or not methods:
                where = " or ".join(map(str, without))
                notes.append(f"{path} is {value!r}, but not where {dimension.name} is {where}")
    return notes


def _without(study: Study, dimension: Dimension) -> dict[str, list[Any]]:
    """By fixed setting: the values of a dimension that leave no place for it, and do not set it."""
    base = flatten(study.base_config)
    judged = study.file.evaluate_on is not None
    paths = [path for path in settings(study.file.fixed) if path in base]
    paths = [path for path in paths if not (judged and path.startswith("data."))]
    values: dict[str, list[Any]] = {}
    for value in dimension.probes() if paths else ():
        point = first_point(dimension, study.space, value)
        others = {name: other for name, other in point.items() if name != dimension.name}
        before, after = (
            flatten(study.config(part, study.file.seed).to_dict()) for part in (others, point)
        )
        for path in paths:
            named = dimension.changes(value).keys() & set(covering(path))
            held = path in before and before[path] == base[path]
            if held and not named and (path not in after or after[path] != base[path]):
                values.setdefault(path, []).append(value)
    return values


def final_notes(study: Study, origin: str) -> list[str]:
    """Sentences about dimensions whose values the final training does not have.

    Raises:
        InputError: a value with which the final training is no config.
    """
    notes = []
    for dimension in study.dimensions if study.file.final else ():
        for value in dimension.probes():
            point = first_point(dimension, study.space, value)
            config = study.config(point, study.file.seed).to_dict()
            head = f"{origin}: final: where {dimension.name} is {value}"
            last = parse_config(apply_overrides(config, study.file.final), head)
            before, after = flatten(config), flatten(last.to_dict())
            paths = [path for path in dimension.changes(value) if path in before]
            if any(path not in after or after[path] != before[path] for path in paths):
                notes.append(f"the final training changes {dimension.name}, which is searched")
                break
    return notes
