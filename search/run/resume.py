"""Resuming a sweep: its study as it is now against how it began, and whether results may be mixed.

A sweep's own `study.yaml` is what runs; its provenance holds the study as it began. Whoever edits
the one, or gives another file, is shown the difference: more of the same goes on, another space
needs consent, and what would compare unequal things is refused.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from colornet import provenance
from colornet.cli_result import count_text
from colornet.config.catalog import to_yaml
from colornet.config.config import first_settings, parse_config
from colornet.config.paths import flatten
from colornet.errors import InputError, did_you_mean, shorten
from colornet.storage import Storage
from search.records.lease import Lease
from search.records.reader import read_study, read_sweep
from search.run.create import check_data, check_room
from spaces.dimensions import CLOSE, RANGES
from spaces.loading import load_study
from spaces.study import Study
from spaces.trial_configs import check_final

log = logging.getLogger("colorsweep")
Edit = Callable[[dict[str, Any]], None]
Effect = Literal["goes on", "needs consent", "is refused"]
EFFECTS: dict[str, Effect] = {
    # how much is done, or what is made of it, but no trial
    **dict.fromkeys(("asked_in", "budget", "confirm", "difference", "final"), "goes on"),
    **dict.fromkeys(("metrics", "name", "question", "quick", "replicates", "resources"), "goes on"),
    # how the rest is searched
    **dict.fromkeys(("constraints", "decide", "sampler", "start_from"), "needs consent"),
    "stopping": "needs consent",
}
"""What follows from a change of a study's key; of any other key it is refused."""
FOLLOWS = {"base", "evaluate_on", "fixed", "trials"}
"""Keys that are resolved into the base config, which is compared in their place, or counted."""


def resume_sweep(
    location: str,
    edit: Edit | None = None,
    study: str | None = None,
    *,
    accept: bool = False,
    take_over: bool = False,
) -> Study:
    """Check that a sweep may go on, and write down what it goes on with.

    Args:
        edit: changes the study's data in place, as `extend` and `confirm` do.
        study: a file to take the study from, with the settings that the sweep began with.
        accept: consent to a wider space or another way of searching.
        take_over: take the sweep from a driver that may be alive.

    Raises:
        InputError: no sweep, changes that would mix results or want consent, data that are gone, a
            full disk.
        InUseError: another driver runs it.
    """
    check_room(str(location))
    Storage.at(location).check_entries()
    sweep = read_sweep(location)
    for problem in sweep.problems:
        log.warning("%s", problem)
    origin = f"{location}/study.yaml"
    # Sweeps of earlier releases have no study in their provenance.
    recorded = sweep.provenance.get("study")
    where = f"{sweep.location}/provenance.json: study" if recorded else origin
    began = Study.from_data(recorded or sweep.study, where)
    with Lease(location, take_over=take_over):
        requested = sweep.study
        if study:
            options = sweep.provenance.get("began") or {}
            # A sweep of an earlier release reads and splits its pictures as it began, whatever is
            # the default now.
            settings = first_settings(began.base_config) | (options.get("settings") or {})
            loaded = load_study(study, settings, quick=bool(options.get("quick")))
            # What the sampler was told of earlier sweeps is no part of a study's file.
            requested = replace(loaded, learned_from=began.learned_from).to_data()
        data = _plain(requested)
        if edit is not None:
            edit(data)
        resumed, packs = check_data(Study.from_data(data, origin))
        after, before = (_comparable(version, where) for version in (resumed, began))
        changes = study_changes(before, after) + code_changes(sweep.provenance)
        changes += data_changes(sweep.provenance, [pack.content_hash for pack in packs])
        check_changes(changes, str(location), accept=accept)
        if after["final"] != before["final"]:
            check_final(resumed, origin)
        if study is None:
            for ignored in _ignored(requested, after, before):
                log.warning("%s: %s", origin, ignored)
        for change in changes:
            log.warning("Changed since the sweep began: %s", change)
        storage = Storage.at(location)
        if after != read_study(storage):
            storage.write("study.yaml", to_yaml(after).encode())
        if after != before:
            described = {**sweep.provenance, "study": after}
            storage.write("provenance.json", json.dumps(described, indent=1).encode())
    return resumed


def _comparable(study: Study, origin: str) -> dict[str, Any]:
    """A study as plain data, whose base config has all options.

    One that is newer than the sweep is at its default.
    """
    base = parse_config(study.base_config, origin).to_dict()
    return _plain({**study.to_data(), "base_config": base})


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a study's data as they would be read back: lists for tuples, text for keys."""
    return json.loads(json.dumps(data))


def _ignored(
    requested: Mapping[str, Any], after: Mapping[str, Any], before: Mapping[str, Any]
) -> Iterator[str]:
    """What a sweep's study says that changes nothing, in sentences."""
    for key in requested:
        if key not in after:
            yield f"{key}: no such key, left out. {did_you_mean(key, after)}"
    trials = requested.get("trials", before["trials"])
    if trials not in (before["trials"], after["trials"]):
        yield f"trials: {trials} is not taken: {after['trials']} follow from budget.trials."


def extension(trials: int | None, seeds: int | None, *, needed: bool) -> Edit:
    """The edit of `extend`: so many more trials of a search, or seeds of a compared design.

    Args:
        needed: whether one of the two has to be given.

    Raises:
        InputError: for what does not fit the design, also when the edit is made.
    """
    if needed and trials is None and seeds is None:
        raise InputError("extend: by what?\nGive --trials N, or --replicates N to a comparison.")

    def edit(data: dict[str, Any]) -> None:
        compared = data["design"] == "compare"
        if trials is not None and compared:
            raise InputError(
                f"--trials: {trials}: a compared design has levels x replicates.\n"
                "Give --replicates N: so many more seeds for each level."
            )
        if seeds is not None and not compared:
            raise InputError(
                f"--replicates: {seeds}: this sweep is a search.\n"
                "Give --trials N, or repeat its best with `colorsweep confirm`."
            )
        if trials is not None:
            data["budget"]["trials"] = (data["budget"].get("trials") or data["trials"]) + trials
        if seeds is not None:
            data["replicates"] += seeds

    return edit


def confirmation(top: int, seeds: int) -> Edit:
    """The edit of `confirm`. Raises InputError for a compared design when the edit is made."""

    def edit(data: dict[str, Any]) -> None:
        if data["design"] == "compare":
            raise InputError(
                "confirm: a compared design has every level with several seeds already.\n"
                "Give it more of them: colorsweep extend SWEEP --replicates N"
            )
        data["confirm"] = {"top": top, "replicates": seeds}

    return edit


@dataclass(frozen=True)
class Change:
    """One difference: what was, what is, and what follows."""

    path: str
    before: Any
    after: Any
    effect: Effect

    def __str__(self) -> str:
        before, after = (
            "none" if value is None else shorten(str(value)) for value in (self.before, self.after)
        )
        return f"{self.path}: {before} -> {after}"


def study_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Differences between two resolved studies, as `Study.to_data` gives them."""
    changes = [*_space_changes(before["space"], after["space"]), *_without_effect(before, after)]
    for key in sorted((before.keys() | after.keys()) - FOLLOWS - {"space"}):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        effect = EFFECTS.get(key, "is refused")
        if key == "replicates" and (new or 0) < (old or 0):
            effect = "is refused"
        changes += [
            Change(path, a, b, "goes on" if path == "base_config.about" else effect)
            for path, a, b in _differences(key, old, new)
        ]
    return changes


def _without_effect(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Settings changed where the study names them, and not in the base config, which counts."""
    base = flatten(after["base_config"])
    for path, old, new in _differences("fixed", before.get("fixed"), after.get("fixed")):
        setting = path.removeprefix("fixed.")
        if new is not None and base.get(setting) != new:
            yield Change(path, old, new, "is refused")
    common = after["base_config"].get("evaluate_on")
    settings = flatten({"data": common or {}})
    was, now = before.get("evaluate_on") or {}, after.get("evaluate_on") or {}
    for path, old, new in _differences("evaluate_on", was, now):
        is_other = new is not None and settings.get(path.removeprefix("evaluate_on.")) != new
        if is_other or (common and not now):
            yield Change(path, old, new, "is refused")


def _differences(key: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """The leaves in which two values differ."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        yield key, old, new
        return
    before, after = flatten(old), flatten(new)
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            yield f"{key}.{path}", before.get(path), after.get(path)


def _space_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            widened = old is not None and new is not None and _contains(new, old)
            effect: Effect = "needs consent" if widened else "is refused"
            yield Change(f"space.{name}", _span(old), _span(new), effect)


def _contains(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Whether every point of an older dimension lies in the newer one, and means the same."""
    if new["type"] != old["type"] or new.get("when") != old.get("when"):
        return False
    if new["type"] in RANGES:
        special = "special" not in old or new.get("special") == old["special"]
        inside = new["low"] <= old["low"] and old["high"] <= new["high"]
        return special and inside and _steps_on(new, old)
    if new["type"] == "choice":
        return all(choice in new["choices"] for choice in old["choices"])
    return all(new["labels"].get(label) == paths for label, paths in old["labels"].items())


def _steps_on(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Whether every number of an older range is a step of the newer one."""
    least = 1 if new["type"] in ("int", "logint") else None
    step, before = new.get("step") or least, old.get("step") or least
    if step is None:
        return True
    if before is None:
        return False
    begins, follows = (old["low"] - new["low"]) / step, before / step
    return all(abs(steps - round(steps)) < CLOSE for steps in (begins, follows))


def _span(dimension: Mapping[str, Any] | None) -> str | None:
    """What a dimension ranges over, in words."""
    if dimension is None:
        return None
    if "choices" in dimension or "labels" in dimension:
        text = str(dimension.get("choices") or dimension["labels"])
    else:
        text = f"{dimension['type']} [{dimension['low']:g}, {dimension['high']:g}]"
        text += f" in steps of {dimension['step']:g}" if dimension.get("step") else ""
    text += f" or {dimension['special']}" if "special" in dimension else ""
    return text + (f" when {dimension['when']}" if dimension.get("when") else "")


def data_changes(before: Mapping[str, Any], now: Sequence[str]) -> list[Change]:
    """Sets of pictures that differ from those at the sweep's beginning.

    Args:
        before: the sweep's provenance.
        now: content hashes of the pictures as they are, in the order of the provenance.
    """
    then = [pack["content_hash"] for pack in before.get("data", [])]
    if not then or then == [*now]:
        return []
    changed = [
        Change(f"pictures[{index}]", old[:12], new[:12], "is refused")
        for index, (old, new) in enumerate(zip(then, now, strict=False))
        if old != new
    ]
    before_and_after = [count_text(len(hashes), "set") for hashes in (then, now)]
    return changed or [Change("pictures", *before_and_after, "is refused")]


def code_changes(before: Mapping[str, Any]) -> list[Change]:
    """Another commit or other versions than at the beginning: reported, as results may differ."""
    now = provenance.collect()
    paths = {"git_commit", "python", "packages"}
    then = flatten({key: before[key] for key in paths & before.keys()})
    after = flatten({key: now[key] for key in paths})
    return [
        Change(path, then[path], after.get(path), "goes on")
        for path in sorted(then)
        if then[path] is not None and then[path] != after.get(path)
    ]


def check_changes(changes: Sequence[Change], location: str, *, accept: bool) -> None:
    """Raise InputError when results would be mixed, or when consent is needed and not given."""
    listed = {}
    for effect in ("is refused", "needs consent"):
        texts = [str(change) for change in changes if change.effect == effect]
        rest = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
        listed[effect] = "; ".join(texts[:3]) + rest
    if refused := listed["is refused"]:
        raise InputError(
            f"{location}: {refused}.\n"
            "Results from before and after could not be compared: start a new sweep."
        )
    if (to_accept := listed["needs consent"]) and not accept:
        raise InputError(
            f"{location}: the study has changed: {to_accept}.\n"
            "Go on with --accept, or put study.yaml back as it was."
        )
