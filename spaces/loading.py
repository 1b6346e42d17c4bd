"""Reading a study file, and refusing whatever would fail later."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from colornet.config.catalog import PRESETS, check_paths, find_yaml, read_yaml
from colornet.config.columns import cost_column
from colornet.config.config import parse_config
from colornet.config.paths import apply_overrides, covering, flatten, known_paths
from colornet.config.validation import validate
from colornet.errors import InputError, did_you_mean
from spaces.checking import check_columns, check_design, check_weights
from spaces.conditions import check_conditions, check_reachable, narrowed_notes
from spaces.dimensions import Dimension, in_order
from spaces.effects import check_fixed_reach, final_notes
from spaces.overlaps import (
    check_fixed,
    check_overlaps,
    check_seed,
    check_unique_settings,
    override_notes,
)
from spaces.parsing import parse_dimension
from spaces.start_points import start_points, unreached_notes, untried_notes
from spaces.study import Study, StudyFile
from spaces.trial_configs import check_configs

UNCHANGED = {"version", "space", "fixed", "quick"}
"""Keys of a study that are not given as a whole; paths and `space.NAME` change what is in them."""
STUDIES = Path(__file__).parent / "studies"
PARTS = ("budget", "resources", "decide", "stopping", "confirm")
"""Keys of a study with keys of their own, which `--set` and `quick` may change."""


def load_study(
    name: str,
    overrides: Mapping[str, Any] | None = None,
    *,
    quick: bool = False,
) -> Study:
    """Read, change and check a study.

    Args:
        name: a built-in study's name or a YAML file; a sweep's `study.yaml`, which is resolved
            already, is taken as it is.
        overrides: config paths (a dimension of that name is fixed by it) and study keys
            (`budget.trials`), as `--set` gives them.
        quick: apply the study's `quick` changes first.

    Raises:
        InputError: for whatever cannot be run, before anything starts.
    """
    path = find_yaml(name, STUDIES, "study")
    origin = name if path.parent == STUDIES else str(path)
    values = read_yaml(path)
    if "base_config" in values:
        return _read_resolved(values, origin, changed=quick or bool(overrides))
    validate(StudyFile, values, origin)
    check_unique_settings(values.get("quick") or {}, f"{origin}: quick")
    small, _ = _change(values, values.get("quick") or {}, f"{origin}: quick")
    if quick:
        values = small
    values, notes = _change(values, overrides or {}, "--set")
    file = validate(StudyFile, values, origin)
    study = _resolve(path.stem, file, origin, overrides or {})
    check_columns(study.file, origin)
    check_weights(study, origin)
    check_configs(study, origin)
    notes += check_fixed_reach(study, origin, overrides or {})
    notes += final_notes(study, origin)
    _resolve(path.stem, validate(StudyFile, small, f"{origin}: quick"), f"{origin}: quick")
    notes += override_notes(overrides or {}, study.space)
    notes += narrowed_notes(file.space, study.space)
    notes += unreached_notes(study.file.start_from, study.file.budget.trials)
    notes += untried_notes(file.start_from, study.space, flatten(study.base_config))
    return replace(study, notes=tuple(notes))


def _read_resolved(values: Mapping[str, Any], origin: str, *, changed: bool) -> Study:
    """The study of another sweep. Raises InputError when it is to be changed, or was damaged."""
    if changed:
        raise InputError(
            f"{origin}: is a sweep's own study, whose settings are resolved already.\n"
            "Run it without --set, --data, --trials and --quick, or give the study it came from."
        )
    study = Study.from_data(values, origin)
    check_columns(study.file, origin)
    check_weights(study, origin)
    check_configs(study, origin)
    return study


def _change(
    values: Mapping[str, Any], overrides: Mapping[str, Any], origin: str
) -> tuple[dict[str, Any], list[str]]:
    """Apply config paths (into `fixed`), study keys and dimensions (`space.<name>`).

    Returns:
        The changed study, and which dimensions were fixed.
    """
    changed = dict(values)
    changed["fixed"] = dict(values.get("fixed") or {})
    changed["space"] = dict(values.get("space") or {})
    notes = []
    paths = known_paths()
    for path, value in overrides.items():
        section, _, key = path.partition(".")
        if path in paths:
            if changed["space"].pop(path, None) is not None:
                notes.append(f"{path} is fixed at {value!r} and no longer searched")
            others = {k: old for k, old in changed["fixed"].items() if path not in covering(k)}
            changed["fixed"] = {**others, path: value}
        elif section == "space" and key:
            if key not in changed["space"]:
                hint = did_you_mean(key, changed["space"])
                raise InputError(f"{origin}: {path}: no dimension.\n{hint}")
            changed["space"][key] = value
        elif section in PARTS and key:
            changed[section] = {**(changed.get(section) or {}), key: value}
        elif path in StudyFile.model_fields and path not in UNCHANGED:
            changed[path] = value
        else:
            names = [*paths, *(StudyFile.model_fields.keys() - UNCHANGED), "budget.trials"]
            names += [f"space.{name}" for name in changed["space"]]
            # A name of a letter or two is near to too many others for a hint.
            hint = did_you_mean(path, names) if len(path) > 2 else "It is no config path."
            raise InputError(f"{origin}: {path}: no such config path or study key.\n{hint}")
    return changed, notes


def _resolve(
    name: str, file: StudyFile, origin: str, overrides: Mapping[str, Any] | None = None
) -> Study:
    base_path = find_yaml(file.base, PRESETS, "preset")
    base = parse_config(read_yaml(base_path), f"{origin}: base: {file.base}").to_dict()
    for key in ("fixed", "final", "evaluate_on"):
        check_paths(settings := getattr(file, key) or {}, f"{origin}: {key}")
        check_unique_settings(settings, f"{origin}: {key}")
    base = parse_config(apply_overrides(base, file.fixed), f"{origin}: fixed").to_dict()
    if file.evaluate_on is not None:
        base["evaluate_on"] = _common_pictures(base, file.evaluate_on, origin)
    file = file.model_copy(
        update={"constraints": {cost_column(key): bound for key, bound in file.constraints.items()}}
    )
    parsed = [parse_dimension(key, spec, origin) for key, spec in file.space.items()]
    check_seed(file.fixed, parsed, origin, overrides or {})
    parsed = check_conditions(parsed, base, origin)
    active = _settle_conditions(parsed, flatten(base), origin)
    space = {dimension.name: dimension for dimension in in_order(active, origin)}
    if not space:
        raise InputError(f"{origin}: space: nothing is left to search.\nFree a dimension.")
    check_reachable(space, origin)
    check_overlaps(space, origin)
    # What is fixed of the data counts for the pictures that judge, where these are others.
    judged = file.evaluate_on is not None
    for_trials = {p: v for p, v in file.fixed.items() if not (judged and p.startswith("data."))}
    check_fixed(for_trials, space, origin, overrides or {})
    not_searched = {**flatten(base), **{key: None for key in file.space if key not in space}}
    start = start_points(file.start_from, space, not_searched, origin)
    study = Study(name, file.model_copy(update={"start_from": start}), space, base)
    check_design(study, origin)
    return study


def _common_pictures(
    base: Mapping[str, Any], changes: Mapping[str, Any], origin: str
) -> dict[str, Any]:
    """The data section that `evaluate_on` describes."""
    for path in changes:
        if not path.startswith("data."):
            raise InputError(f"{origin}: evaluate_on: {path}: is no path of data.")
    whole = {"data": {**base["data"], "train_pictures": None, "fraction": 1.0}}
    changed = apply_overrides({**base, **whole}, changes)
    return parse_config(changed, f"{origin}: evaluate_on").to_dict()["data"]


def _settle_conditions(
    dimensions: Sequence[Dimension], base: Mapping[str, Any], origin: str
) -> list[Dimension]:
    """Conditions on what is not searched are decided here, by the base config's value."""
    names = {dimension.name for dimension in dimensions}
    settled = []
    for dimension in dimensions:
        open_conditions = {}
        holds = True
        for parent, values in dimension.when.items():
            if parent in names:
                open_conditions[parent] = values
            elif parent in base:
                holds &= base[parent] in values
            else:
                hint = did_you_mean(parent, [*names, *base])
                raise InputError(
                    f"{origin}: space.{dimension.name}.when: {parent}: no dimension.\n{hint}"
                )
        if holds:
            settled.append(replace(dimension, when=open_conditions))
    count = len(dimensions)
    while len(settled) < count:  # what hangs on those that went is never active either
        count, left = len(settled), {dimension.name for dimension in settled}
        settled = [dimension for dimension in settled if set(dimension.when) <= left]
    return settled
