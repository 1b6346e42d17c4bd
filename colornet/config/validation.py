"""Pydantic's errors as sentences: file, field, value, remedy, in at most three lines."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from colornet.errors import InputError, did_you_mean

MOST_TRIALS, MOST_SEEDS = 1_000_000, 10_000
"""Of a study: more is a slip of the pen, and takes long to count with."""
Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], values: Any, origin: str) -> Model:
    """Build `model` from plain data.

    Raises:
        InputError: the first thing that is wrong, with origin, path, value and remedy, and how
            many more there are.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        message = _sentence(model, errors[0], values, origin)
        if len(errors) > 1:
            paths = [".".join(_path(other, values)) for other in errors[1:6]]
            others = ", ".join(dict.fromkeys(path or "the whole" for path in paths))
            message += f"\n({len(errors) - 1} more: {others})"
        raise InputError(message) from None


def _sentence(model: type[BaseModel], error: Any, values: Any, origin: str) -> str:
    path = _path(error, values)
    where = ".".join(path)
    kind, context = error["type"], error.get("ctx", {})
    head = f"{origin}: {where}" if where else origin
    if kind == "extra_forbidden":
        owners = _candidates(model, error["loc"][:-1])
        choices = owners[0].model_fields if owners else ()
        return f"{head}: unknown key.\n{did_you_mean(str(error['loc'][-1]), choices)}"
    if kind == "missing":
        return f"{head}: is missing.\nAdd it."
    value = f"{head}: {_short(error['input'])}"
    if kind in ("union_tag_invalid", "literal_error"):
        expected = context.get("expected_tags") or context.get("expected", "")
        choices = [word.strip(" '") for word in re.split(r",| or ", expected)]
        written = error["input"]
        if kind == "union_tag_invalid":
            tag, written = context["discriminator"].strip("'"), context["tag"]
            value = f"{head}.{tag}: {_short(written)}"
        return f"{value}: unknown.\n{did_you_mean(str(written), choices)}"
    if kind == "union_tag_not_found":
        choices = set().union(*map(_tags, _candidates(model, error["loc"])))
        named = context["discriminator"].strip("'")
        return f"{head}.{named}: is missing.\nAdd it: {', '.join(sorted(choices))}."
    if kind == "value_error":
        return f"{head}: {context['error']}"
    if kind.split("_")[0] == "bool":
        return f"{value}: is neither true nor false.\nWrite true or false, without quotes."
    if isinstance(error["input"], str) and kind.split("_")[0] in ("int", "float"):
        return f"{value}: is text, not a number.\nWrite it without quotes."
    return f"{value}: {error['msg'][0].lower()}{error['msg'][1:]}."


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _path(error: Any, values: Any) -> list[str]:
    """The keys a user wrote: pydantic's location without the names of union members."""
    path: list[str] = []
    here = values
    loc, missing = error["loc"], error["type"] == "missing"
    for index, part in enumerate(loc):
        inside = isinstance(here, Mapping) and part in here
        if inside or (isinstance(here, list) and isinstance(part, int) and part < len(here)):
            here = here[part]
        elif not missing or index < len(loc) - 1:
            continue
        path.append(str(part))
    return path


def _candidates(model: type[BaseModel], loc: Sequence[Any]) -> list[type[BaseModel]]:
    """The models that may occur at a location."""
    candidates: list[type[BaseModel]] = [model]
    for part in loc:
        narrowed = [model for model in candidates if part in _tags(model) | {model.__name__}]
        if narrowed:
            candidates = narrowed
            continue
        fields = [model.model_fields[part] for model in candidates if part in model.model_fields]
        candidates = [inner for field in fields for inner in _models(field.annotation)]
    return candidates


def _tags(model: type[BaseModel]) -> set[str]:
    tags = [model.model_fields.get(name) for name in ("kind", "source", "method")]
    return {value for tag in tags if tag for value in get_args(tag.annotation)}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def parse_bound(text: str) -> tuple[str, float]:
    """`<= 8` as ("<=", 8.0). Raises ValueError when it is something else."""
    match = re.fullmatch(r"\s*(<=|<|>=|>)\s*(\S+)\s*", str(text))
    if match is None or not math.isfinite(limit := float(match[2])):
        raise ValueError(f"{text!r} is no bound such as '<= 8'")
    return match[1], limit
