"""Writing YAML, and finding the built-in files by name."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from colornet.config.config import Config, parse_config
from colornet.config.paths import apply_overrides, known_paths
from colornet.config.reading import parse_yaml as parse_yaml
from colornet.config.reading import plain_tag, yaml_value
from colornet.config.reading import read_yaml as read_yaml
from colornet.errors import InputError, did_you_mean

PRESETS = Path(__file__).parent / "presets"


def parse_value(text: str) -> Any:
    """A value given on the command line, read as YAML: `1e-4`, `[sea, village]`, `null`."""
    try:
        return yaml_value(text, "")
    except InputError:
        return text


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):
    """Writes with libyaml, 20 times as fast as Python does, what YAML 1.2 reads back equal."""

    def ignore_aliases(self, data: Any) -> bool:
        """Whatever is there twice is written twice."""
        return True

    def resolve(self, kind: type, value: Any, implicit: tuple[bool, bool]) -> str:
        """The tag that a scalar has without one; PyYAML's are those of YAML 1.1."""
        if kind is yaml.ScalarNode and implicit[0]:
            return plain_tag(value)
        return super().resolve(kind, value, implicit)


# With escapes where YAML would change it, such as line ends of other systems.
_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"'
    ),
)


def to_yaml(values: Mapping[str, Any], *, compact: bool = False) -> str:
    """YAML text of nested plain data, keys in their order, which is read back equal.

    Args:
        compact: lists and mappings that hold no others are written in a line each.
    """
    return yaml.dump(
        _plain(values),
        Dumper=_Dumper,
        default_flow_style=None if compact else False,
        sort_keys=False,
        allow_unicode=True,
        width=2**31 - 1,  # folded keys are not read back
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def builtin_names(folder: Path) -> list[str]:
    """Names of the built-in YAML files in a folder, sorted."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def find_yaml(name: str, folder: Path, what: str) -> Path:
    """The YAML file behind a built-in name or a path.

    Args:
        name: a built-in name, or a path (anything with a `/` or a YAML suffix).
        what: `study` or `preset`, for messages.

    Raises:
        InputError: when there is neither.
    """
    builtin = folder / f"{name}.yaml"
    if "/" not in name and os.path.isfile(builtin):  # False where Path raises: a name too long
        return builtin
    path = Path(os.path.expanduser(name))
    if os.path.isfile(path) or (os.path.exists(path) and path.is_fifo()):
        return path
    if "/" in name or path.suffix in (".yaml", ".yml"):
        raise InputError(f"{name}: not found.\nGive a YAML file or the name of a built-in {what}.")
    hint = did_you_mean(name, builtin_names(folder))
    raise InputError(f"{name}: no built-in {what} of that name, and no file.\n{hint}")


def preset_values(name: str) -> dict[str, Any]:
    """The complete config data of a built-in preset. Raises InputError for an unknown name."""
    path = PRESETS / f"{name}.yaml"
    if not path.exists():
        hint = did_you_mean(name, builtin_names(PRESETS))
        raise InputError(f"{name}: no preset of that name.\n{hint}")
    return parse_config(read_yaml(path), f"preset {name}").to_dict()


def load_config(name: str, overrides: Mapping[str, Any] | None = None) -> Config:
    """The config behind a preset's name, a YAML file, or the `final` part of a best.yaml.

    Raises:
        InputError: unknown name, unknown path in `overrides`, or a value that does not fit.
    """
    path = find_yaml(name, PRESETS, "preset")
    values = read_yaml(path)
    if "final" in values and "from" in values:
        values = values["final"]
    overrides = overrides or {}
    check_paths(overrides, "--set")
    values = apply_overrides(parse_config(values, name).to_dict(), overrides)
    return parse_config(values, f"{name} with --set" if overrides else name)


def check_paths(overrides: Mapping[str, Any], origin: str) -> None:
    """Raise InputError for a dotted path that no config has.

    The pictures of `evaluate_on` are given as a whole or, as null, left out: changed piece by piece
    they would no longer be the same for all that is compared.
    """
    paths = known_paths()
    for path, value in overrides.items():
        if path == "evaluate_on" and value is None:
            continue
        if path.partition(".")[0] == "evaluate_on":
            raise InputError(
                f"{origin}: {path}: the pictures that judge are given as a whole, by a study's "
                "evaluate_on.\nChange them in the file, or leave them out with evaluate_on=null."
            )
        if path not in paths:
            raise InputError(f"{origin}: {path}: no such config path.\n{did_you_mean(path, paths)}")
