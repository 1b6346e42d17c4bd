"""Dotted paths into configs: `optimizer.lr_ratio`, as studies and `--set` name settings."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from colornet.config.config import Config
from colornet.config.sections.base import Section
from colornet.config.sections.data import DATA
from colornet.config.sections.discriminators import DISCRIMINATORS
from colornet.config.sections.generators import GENERATORS
from colornet.config.sections.losses import LABELED, METHODS, OF_LABELS, AdversarialOptions
from colornet.config.sections.optimizer import SCHEDULES


def _variants(union: Any, tag: str) -> tuple[str, dict[str, type[Section]]]:
    return tag, {
        get_args(variant.model_fields[tag].annotation)[0]: variant for variant in get_args(union)
    }


TAGS: dict[str, tuple[str, dict[str, type[Section]]]] = {
    "data": _variants(DATA, "source"),
    "generator": _variants(GENERATORS, "kind"),
    "discriminator": _variants(DISCRIMINATORS, "kind"),
    "loss": _variants(METHODS, "method"),
    "schedule": _variants(SCHEDULES, "kind"),
}
"""Sections with variants: the tag that chooses one, and the options of each."""
_RIVALS = {
    "training.images": "epochs",
    "training.epochs": "images",
    "data.fraction": "train_pictures",
    "data.train_pictures": "fraction",
}
_OF_NO_USE = {"wgan_gp": ("r1_gamma", "gate_accuracy"), "none": ("r1_gamma",)}
_WITHOUT_MEANING: dict[str, dict[str, tuple[str, ...]]] = {
    "loss.adversarial": {
        name: (*(() if name in LABELED else OF_LABELS), *_OF_NO_USE.get(name, ()))
        for name in get_args(AdversarialOptions.model_fields["adversarial"].annotation)
    }
}
"""What falls back to its default when a path gets a value under which it means nothing."""


def apply_overrides(values: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Set dotted paths in nested config data; the result is not yet validated.

    Tags (`data.source`, `loss.method`, …) are set first, and options that the new variant lacks
    are dropped; so are rivals of what is set (`training.epochs` of `training.images`) and what has
    no meaning any more (`loss.label_smoothing` with hinge). With a change to a method without an
    adversarial loss the discriminator is dropped, with one to `cyclegan` it is made unconditional.
    """
    result = {
        key: dict(part) if isinstance(part, Mapping) else part for key, part in values.items()
    }
    tags = (f"{section}.{tag}" for section, (tag, _) in TAGS.items())
    first = [*tags, *_WITHOUT_MEANING]

    turns = {path: (turn, 0) for turn, path in enumerate(first)}
    for path in sorted(overrides, key=lambda path: turns.get(path, (len(first), path.count(".")))):
        _set_path(result, path, overrides[path])
    return result


def _set_path(values: dict[str, Any], path: str, value: Any) -> None:
    section, _, key = path.partition(".")
    if not key:
        values[section] = dict(value) if isinstance(value, Mapping) else value
        return
    part = values.get(section)
    part = dict(part) if isinstance(part, Mapping) else {}
    tag, kinds = TAGS.get(section, ("", {}))
    if key == tag and isinstance(value, str) and part.get(tag) != value and value in kinds:
        part = {name: old for name, old in part.items() if name in kinds[value].model_fields}
        if path == "loss.method" and not issubclass(kinds[value], AdversarialOptions):
            values["discriminator"] = None
        elif value == "cyclegan" and isinstance(values.get("discriminator"), Mapping):
            values["discriminator"] = {**values["discriminator"], "conditional": False}
    part.pop(_RIVALS.get(path, ""), None)
    if isinstance(value, str):
        for option in _WITHOUT_MEANING.get(path, {}).get(value, ()):
            part.pop(option, None)
    part[key] = value
    values[section] = part


def covering(path: str) -> Iterator[str]:
    """Paths that leave nothing of what a path was set to: itself, those around it, its rival."""
    keys = path.split(".")
    for length in range(len(keys), 0, -1):
        yield ".".join(keys[:length])
    if path in _RIVALS:
        yield f"{keys[0]}.{_RIVALS[path]}"


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested config data as {dotted path: value}, each path after a prefix."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        nested = isinstance(value, Mapping)
        flat |= flatten(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return flat


def known_paths() -> list[str]:
    """Every dotted path that some config has, sorted."""
    paths = {"discriminator"}
    for name, field in Config.model_fields.items():
        for kind in TAGS[name][1].values() if name in TAGS else [field.annotation]:
            if isinstance(kind, type) and issubclass(kind, Section):
                paths |= {f"{name}.{key}" for key in kind.model_fields}
    return sorted(paths)
