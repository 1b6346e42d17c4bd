"""The study that the options of `run`, `plan`, `submit` and `manifest` ask for.

`--data`, `--trials` and `--when-spent` are short for `--set`. Where both speak of the same setting
`--set` wins, whatever the command, and that is said.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from colornet.cli_result import parse_settings
from colornet.data.check import detect_source
from spaces.loading import load_study
from spaces.study import Study

log = logging.getLogger("colorsweep")


def asked_study(
    study: str,
    *,
    data: str | None = None,
    settings: list[str] | None = None,
    trials: int | None = None,
    quick: bool = False,
    when_spent: str | None = None,
) -> tuple[Study, dict[str, Any]]:
    """Load a study with the options of a command.

    Returns:
        the study, whose notes say which option lost to another, and what the options change of it:
        {path: value}.

    Raises:
        InputError: for whatever cannot be run.
    """
    changes, notes = changes_of(data, settings, trials, when_spent)
    loaded = load_study(study, changes, quick=quick)
    return replace(loaded, notes=(*notes, *loaded.notes)), changes


def changes_of(
    data: str | None = None,
    settings: list[str] | None = None,
    trials: int | None = None,
    when_spent: str | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """What options change of a study, {path: value}, and which of them lost to `--set`."""
    explicit = parse_settings(settings or [])
    short: dict[str, tuple[str, Any]] = {}
    if data is not None:
        root = data if "://" in data else str(Path(data).expanduser().absolute())
        found = detect_source(Path(str(explicit.get("data.root", root))))
        short["data.source"] = (f"--data {data}, which looks like {found}", found)
        short["data.root"] = (f"--data {data}", root)
    if trials is not None:
        short["budget.trials"] = (f"--trials {trials}", trials)
    if when_spent is not None:
        short["budget.when_spent"] = (f"--when-spent {when_spent}", when_spent)
    said = {path: one for path in short if (one := _said(path, explicit))}
    notes = [
        f"--set {path}={said[path][0]} wins over {option}"
        for path, (option, value) in short.items()
        if path in said and said[path][0] != value
    ]
    implied = {path: value for path, (_, value) in short.items() if path not in said}
    return {**explicit, **implied}, notes


def _said(path: str, explicit: Mapping[str, Any]) -> tuple[Any] | None:
    """The value that `--set` gives a path, by itself or with the section that it lies in."""
    if path in explicit:
        return (explicit[path],)
    section, _, key = path.partition(".")
    whole = explicit.get(section)
    return (whole[key],) if isinstance(whole, Mapping) and key in whole else None


def tell(study: Study) -> None:
    """Say on stderr what a user should know of how a study was resolved."""
    for note in study.notes:
        log.warning("%s", note)
