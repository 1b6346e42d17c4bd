"""Going on with a sweep: its study as it is now, against how it began."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from colornet.config.catalog import to_yaml
from colornet.config.config import first_settings
from colornet.errors import InputError, did_you_mean
from colornet.storage import Storage
from search.records.lease import Lease
from search.records.reader import SweepRecords, read_study, read_sweep
from search.run.changes import check_changes, code_changes, data_changes, study_changes
from search.run.create import check_data, describe
from search.run.disk import check_room
from spaces.loading import load_study
from spaces.study import Study
from spaces.trial_configs import check_final

log = logging.getLogger("colorsweep")
Edit = Callable[[dict[str, Any]], None]


def continued(
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
    Storage.at(location).refuse_strange()
    sweep = read_sweep(location)
    for problem in sweep.problems:
        log.warning("%s", problem)
    origin = f"{location}/study.yaml"
    before = _as_begun(sweep, origin)
    with Lease(location, take_over=take_over):
        found = _from_file(study, sweep.provenance, before) if study else sweep.study
        data = json.loads(json.dumps(found))
        if edit is not None:
            edit(data)
        now, packs = check_data(Study.from_data(data, origin))
        after, began = _plain(now), _plain(before)
        changes = study_changes(began, after) + code_changes(sweep.provenance)
        changes += data_changes(sweep.provenance, [describe(pack) for pack in packs])
        check_changes(changes, str(location), accept=accept)
        if after["final"] != began["final"]:
            check_final(now, origin)
        if study is None:
            for told in _not_taken(found, after, began):
                log.warning("%s: %s", origin, told)
        for change in changes:
            log.warning("Changed since the sweep began: %s", change)
        storage = Storage.at(location)
        if after != read_study(storage):
            storage.write("study.yaml", to_yaml(after).encode())
        if after != began:
            described = {**sweep.provenance, "study": after}
            storage.write("provenance.json", json.dumps(described, indent=1).encode())
    return now


def _as_begun(sweep: SweepRecords, origin: str) -> Study:
    """The study that a sweep began with, by its provenance; where that has none, the present one.

    Raises:
        InputError: it is none.
    """
    if began := sweep.provenance.get("study"):
        return Study.from_data(began, f"{sweep.location}/provenance.json: study")
    return Study.from_data(sweep.study, origin)


def _plain(study: Study) -> dict[str, Any]:
    """A study as it would be read back, with what its file leaves out."""
    return json.loads(json.dumps(study.to_data()))


def _not_taken(
    found: Mapping[str, Any], after: Mapping[str, Any], began: Mapping[str, Any]
) -> Iterator[str]:
    """What a sweep's study says that changes nothing, in sentences."""
    for key in found:
        if key not in after:
            yield f"{key}: no such key, left out. {did_you_mean(key, after)}"
    trials = found.get("trials", began["trials"])
    if trials not in (began["trials"], after["trials"]):
        yield f"trials: {trials} is not taken: {after['trials']} follow from budget.trials."


def _from_file(study: str, provenance: Mapping[str, Any], before: Study) -> dict[str, Any]:
    began = provenance.get("began") or {}
    # A sweep of before reads and splits its pictures as it began, whatever is the default now.
    settings = first_settings(before.base_config) | (began.get("settings") or {})
    loaded = load_study(study, settings, quick=bool(began.get("quick")))
    return loaded.to_data()


def more(trials: int | None, replicates: int | None, *, needed: bool) -> Edit:
    """The edit of `extend`: so many more trials of a search, or seeds of a compared design.

    Args:
        needed: whether one of the two has to be given.

    Raises:
        InputError: for what does not fit the design, also when the edit is made.
    """
    if needed and trials is None and replicates is None:
        raise InputError("extend: by what?\nGive --trials N, or --replicates N to a comparison.")

    def edit(data: dict[str, Any]) -> None:
        compared = data["design"] == "compare"
        if trials is not None and compared:
            raise InputError(
                f"--trials: {trials}: a compared design has levels x replicates.\n"
                "Give --replicates N: so many more seeds for each level."
            )
        if replicates is not None and not compared:
            raise InputError(
                f"--replicates: {replicates}: this sweep is a search.\n"
                "Give --trials N, or repeat its best with `colorsweep confirm`."
            )
        if trials is not None:
            data["budget"]["trials"] = (data["budget"].get("trials") or data["trials"]) + trials
        if replicates is not None:
            data["replicates"] += replicates

    return edit


def confirming(top: int, replicates: int) -> Edit:
    """The edit of `confirm`. Raises InputError for a compared design when the edit is made."""

    def edit(data: dict[str, Any]) -> None:
        if data["design"] == "compare":
            raise InputError(
                "confirm: a compared design has every level with several seeds already.\n"
                "Give it more of them: colorsweep extend SWEEP --replicates N"
            )
        data["confirm"] = {"top": top, "replicates": replicates}

    return edit
