"""What a command answers: text for people, data for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from math import isfinite
from typing import Any

from colornet.errors import InputError


@dataclass(frozen=True)
class CliResult:
    """A command's result.

    Attributes:
        shown: what people read.
        values: the same as plain data, without NaN.
        exit_code: of the process.
    """

    message: str
    values: Mapping[str, Any] = field(default_factory=dict)
    exit_code: int = 0

    def text(self) -> str:
        """For people, on stdout."""
        return self.message

    def data(self) -> Mapping[str, Any]:
        """For programs, as JSON on stdout."""
        return self.values


def align_columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as text columns, two spaces apart; numbers are the caller's to format."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """`--set PATH=VALUE` options as {path: value}, values read as YAML.

    Raises:
        InputError: for one without `=`, a path that is set twice, or one of which a later option
            leaves nothing: `training.epochs` before `training.images`, or a dimension before its
            path.
    """
    from colornet.config.catalog import parse_value
    from colornet.config.paths import covering

    parsed = {}
    for setting in settings:
        path, equals, value = setting.partition("=")
        if not equals or not path:
            raise InputError(f"--set: {setting!r}: is no PATH=VALUE.\nE.g. training.images=4000.")
        if (path := path.strip()) in parsed:
            raise InputError(f"--set: {path}: is given twice, at last as {value}.\nKeep one.")
        config_path = path.removeprefix("space.")
        lost = [other for other in parsed if config_path in covering(other.removeprefix("space."))]
        if lost:
            raise InputError(f"--set: {path}: leaves nothing of {lost[0]}.\nKeep one.")
        parsed[path] = parse_value(value)
    return parsed


def require_training_libraries(command: str) -> None:
    """Raise InputError when the libraries of `colorsweep[train]` are not installed."""
    missing = [name for name in ("torch", "ray", "kornia", "safetensors") if not find_spec(name)]
    if missing:
        raise InputError(
            f"colorsweep {command}: needs {', '.join(missing)}, not installed here.\n"
            "Install with: pip install 'colorsweep[train]'"
        )


def duration_text(seconds: float) -> str:
    """`9.5 s`, `48 s`, `12 min`, `3.4 h`; a dash where it is not known."""
    if not isfinite(seconds):
        return "–"
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def count_text(number: float, word: str) -> str:
    """`0 trials`, `0.5 GPU`, `1 trial`, `1,200 trials`."""
    text = f"{number:,g}" if number % 1 else f"{int(number):,}"
    return f"{text} {word}" if 0 < number <= 1 else f"{text} {word}s"
