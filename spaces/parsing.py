"""One entry of a study's `space`, from what people wrote to a Dimension."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from colornet.config.columns import metric_of
from colornet.config.paths import known_paths
from colornet.errors import InputError, did_you_mean
from spaces.conditions import yaml_text
from spaces.dimensions import RANGES, STEPPED, WORDS, Dimension, is_number
from spaces.overlaps import check_unique_settings

BESIDE = ("step", "or", "when")
"""Words that go with a distribution."""
MOST_STEPS = 10_000_000
"""Steps that a range may have."""
COLUMNS_OF_TRIALS = {
    *("attempt", "config", "ended", "flags", "gpu_hours", "host", "images", "money", "number"),
    *("origin", "point", "point_id", "rank", "reason", "seconds", "seed", "seq", "started"),
    *("state", "tick", "time", "trial", "trial_id", "version"),
}
"""Beside metrics; a table of trials has a column for each dimension, too."""
UNSEEN = ("Cc", "Cf", "Zs", "Zl", "Zp")
"""Categories of characters that are not seen: controls, joiners, spaces."""
SMALLEST, LARGEST = 1e-300, 1e300
"""Ends of a range of real numbers, except 0: samplers take logarithms and differences of them."""
MOST_WHOLE = 2**53
"""Whole numbers up to this are floats, too, as samplers draw them."""
NARROWEST = 1e-6
"""The least width of a range, as a part of its larger end. In a narrower one samplers draw numbers
beyond its ends, by rounding, and come to the end of those within."""


def parse_dimension(name: str, spec: Any, origin: str) -> Dimension:
    """Read one entry of `space`.

    Raises:
        InputError: with origin, dimension, value and remedy.
    """
    head = f"{origin}: space.{name}"
    if not isinstance(spec, Mapping):
        raise InputError(f"{head}: {spec!r}: no distribution.\nWrite e.g. {{uniform: [0, 1]}}.")
    for key in spec.keys() - {*WORDS, *BESIDE}:
        hint = did_you_mean(str(key), (*WORDS, *BESIDE))
        raise InputError(f"{head}: {key}: unknown distribution word.\n{hint}")
    words = [word for word in WORDS if word in spec]
    if len(words) != 1:
        raise InputError(f"{head}: needs one distribution.\nKnown: {', '.join(WORDS)}.")
    word, value = words[0], spec[words[0]]
    when = _parse_when(head, spec.get("when", {}))
    if word != "bundle" and name not in (config_paths := known_paths()):
        raise InputError(f"{head}: no such config path.\n{did_you_mean(name, config_paths)}")
    if word in RANGES:
        low, high = _parse_range(f"{head}.{word}", word, value)
        ranged = Dimension(name, word, low, high, when=when)
        if "step" in spec:
            ranged = _parse_step(head, spec["step"], ranged)
        if "or" not in spec:
            return ranged
        return replace(ranged, special=_parse_special(head, spec["or"], ranged))
    for key in ("step", "or"):
        if key in spec:
            remedy = "Leave it out" if key == "step" else f"Add {spec[key]!r} to the {word}"
            raise InputError(f"{head}: {key}: stands beside a range.\n{remedy}.")
    if word == "choice":
        return Dimension(name, word, choices=_parse_choices(head, value), when=when)
    labels = _parse_bundle(head, value)
    _check_bundle_name(head, name)
    return Dimension(name, word, choices=tuple(labels), labels=labels, when=when)


def _check_bundle_name(head: str, name: str) -> None:
    if not visible_text(name) or ":" in name:
        raise InputError(
            f"{head}: {name!r}: is no name for a bundle: it is empty, or has a colon, as only "
            "the sampler's own names have.\nCall it e.g. variants."
        )
    if name in COLUMNS_OF_TRIALS or metric_of(name):
        raise InputError(
            f"{head}: is a column of what is recorded of a trial; a bundle has a name of its own.\n"
            f"Call it e.g. {name}s."
        )
    if name in known_paths():
        raise InputError(
            f"{head}: is a config path; a bundle has a name of its own.\n"
            f"Call it e.g. {name.rpartition('.')[2]}s."
        )


def _parse_range(head: str, word: str, value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise InputError(f"{head}: {value!r}: is no range.\nWrite [low, high].")
    for end in value:
        if isinstance(end, str):
            raise InputError(f"{head}: {end!r}: is text, not a number.\nWrite it without quotes.")
        if not is_number(end):
            raise InputError(f"{head}: {end!r}: is no finite number.\nWrite [low, high].")
        if word in ("int", "logint") and not float(end).is_integer():
            raise InputError(f"{head}: {end}: is no whole number.\nTake uniform or loguniform.")
    low, high = value
    if low >= high:
        raise InputError(f"{head}: [{low}, {high}]: low is not below high.\nSwap or widen them.")
    if word.startswith("log") and low <= 0:
        raise InputError(
            f"{head}: [{low}, {high}]: a logarithmic range starts above 0.\n"
            f"Raise {low}; a 0 beside the range is written `or: 0`."
        )
    _check_ends(head, value, whole=word in ("int", "logint"))
    return (int(low), int(high)) if word in ("int", "logint") else (float(low), float(high))


def _check_ends(head: str, value: Sequence[float], *, whole: bool) -> None:
    """Raise InputError for a range whose numbers samplers cannot tell apart."""
    for end in value:
        if whole and abs(end) > MOST_WHOLE:
            raise InputError(
                f"{head}: {end}: is a whole number that no float tells from the next.\n"
                f"Stay below {MOST_WHOLE:,}."
            )
        if not whole and end and not SMALLEST <= abs(end) <= LARGEST:
            side = "near to" if abs(end) < SMALLEST else "far from"
            raise InputError(
                f"{head}: {end}: is so {side} 0 that no sampler draws it.\n"
                f"Stay between {SMALLEST:g} and {LARGEST:g}, or take 0."
            )
    low, high = value
    if not whole and high - low < NARROWEST * max(abs(low), abs(high)):
        raise InputError(
            f"{head}: [{low}, {high}]: the ends are so close that few numbers lie between them.\n"
            "Widen the range, or write a choice."
        )


def _parse_step(head: str, value: Any, ranged: Dimension) -> Dimension:
    """The range with a step; where no step reaches its end, it ends with the last one."""
    if ranged.type not in STEPPED:
        raise InputError(
            f"{head}: step: a {ranged.type} takes none, as its distances are ratios.\n"
            f"Write {ranged.type.removeprefix('log')}, or a choice."
        )
    assert ranged.low is not None and ranged.high is not None
    if not is_number(value) or value <= 0:
        raise InputError(f"{head}: step: {value!r}: is no number above 0.\nWrite e.g. step: 8.")
    if ranged.is_int and value % 1:
        raise InputError(f"{head}: step: {value}: is no whole number.\nTake uniform.")
    low, step = Decimal(str(ranged.low)), Decimal(str(value))
    length = Decimal(str(ranged.high)) - low  # as written: of floats 0.5 - 0.4 is less than 0.1
    if step > length:
        raise InputError(
            f"{head}: step: {value}: is longer than the range from {ranged.low:g} to "
            f"{ranged.high:g}.\nShorten it."
        )
    if length > MOST_STEPS * step:
        raise InputError(
            f"{head}: step: {value}: makes more than {MOST_STEPS:,} values from {ranged.low:g} to "
            f"{ranged.high:g}.\nTake a longer step, or leave it out."
        )
    high = low + length // step * step
    if ranged.is_int:
        return replace(ranged, step=int(value), high=int(high))
    if (Decimal(str(float(high))) - low) % step:  # Optuna would end the range with another number
        raise InputError(
            f"{head}: step: {value}: adds up to numbers of more digits than are kept.\n"
            f"Write it, and the ends, with fewer: {value:.6g}."
        )
    return replace(ranged, step=float(value), high=float(high))


def _parse_special(head: str, value: Any, ranged: Dimension) -> tuple[Any, ...]:
    if not (value is None or isinstance(value, str | bool) or is_number(value)):
        raise InputError(f"{head}.or: {value!r}: is no plain value.\nWrite one number or word.")
    if ranged.contains(value):
        raise InputError(f"{head}.or: {value!r}: lies in the range.\nLeave it out.")
    return (value,)


def _parse_choices(head: str, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list) or not value:
        raise InputError(f"{head}.choice: {value!r}: is no list of values.\nWrite [a, b].")
    for choice in value:
        if not (choice is None or isinstance(choice, str | bool) or is_number(choice)):
            raise InputError(
                f"{head}.choice: {choice!r}: is no plain value.\nName such values in a bundle."
            )
    seen: dict[str, Any] = {}
    for choice in value:
        # 1 and 1.0 are one level, and nobody could tell 1 from '1' in what is reported.
        whole = is_number(choice) and float(choice).is_integer()
        text = (
            visible_text(choice)
            if isinstance(choice, str)
            else yaml_text(int(choice) if whole else choice)
        )
        if text in seen:
            raise InputError(
                f"{head}.choice: {value!r}: holds a value twice: {seen[text]!r} and {choice!r}.\n"
                "Remove one."
            )
        seen[text] = choice
    return tuple(value)


def visible_text(text: str) -> str:
    """A text as it looks: composed, without characters that are not seen."""
    seen = (" " if unicodedata.category(sign) in UNSEEN else sign for sign in text)
    return unicodedata.normalize("NFC", " ".join("".join(seen).split()))


def _parse_bundle(head: str, value: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(value, Mapping) or not value:
        raise InputError(f"{head}.bundle: {value!r}: is no mapping.\nWrite label: {{path: value}}.")
    config_paths = known_paths()
    seen: dict[str, Any] = {}
    for label, paths in value.items():
        if not isinstance(label, str) and not is_number(label):
            raise InputError(
                f"{head}.bundle: {yaml_text(label)}: is no text to YAML, but a "
                f"{type(label).__name__}.\nQuote the label: '{yaml_text(label)}'."
            )
        if label != str(label) and str(label) in value:
            raise InputError(f"{head}.bundle: {label} and '{label}': are one label.\nRename one.")
        if not (text := visible_text(str(label))):
            raise InputError(f"{head}.bundle: {label!r}: is an empty label.\nName it.")
        if text in seen:
            raise InputError(
                f"{head}.bundle: {seen[text]!a} and {label!a}: look alike.\nRename one."
            )
        seen[text] = label
        if not isinstance(paths, Mapping) or not paths:
            raise InputError(f"{head}.bundle.{label}: sets nothing.\nWrite {{path: value}}.")
        for path in paths:
            if path not in config_paths:
                hint = did_you_mean(str(path), config_paths)
                raise InputError(f"{head}.bundle.{label}: {path}: no such config path.\n{hint}")
        check_unique_settings(paths, f"{head}.bundle.{label}")
    return {str(label): dict(paths) for label, paths in value.items()}


def _parse_when(head: str, value: Any) -> dict[str, tuple[Any, ...]]:
    if not isinstance(value, Mapping):
        raise InputError(f"{head}.when: {value!r}: no mapping.\nWrite {{dimension: [values]}}.")
    for parent, values in value.items():
        if values == []:
            raise InputError(f"{head}.when: {parent}: names no value.\nWrite [value, …].")
    return {
        str(parent): tuple(values) if isinstance(values, list) else (values,)
        for parent, values in value.items()
    }
