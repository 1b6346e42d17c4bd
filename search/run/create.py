"""The beginning of a sweep: its data checked and packed, its folder made. Ray is not needed yet."""

import logging
import os
import random
import re
import string
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from colornet import provenance
from colornet.config.config import Config, parse_config
from colornet.config.sections.data import DataConfig
from colornet.data.few_pictures import few_pictures
from colornet.data.packed import Pack, open_pack
from colornet.data.packs import Packs, check_packs, twins_told
from colornet.errors import InputError, first_line, why_not
from colornet.model.lightness import TrainingLightness
from colornet.reachable import check_answers
from colornet.storage import Storage
from colornet.training.budget import check_budget
from colornet.training.final_checks import refuse_secrets_in, roots
from search.records.reader import sweeps_folder
from search.records.writer import create_sweep
from search.run.disk import check_room, check_writable
from search.study_options import tell
from spaces.distributions import Dimension, Point
from spaces.grid import count_points, grid_points, levels
from spaces.study import Study

log = logging.getLogger("colorsweep")
MOST_CHOICES = 256
"""Combinations of what changes the pictures that are all packed and checked beforehand."""


def begin(study: Study, out: str | None = None, began: Mapping[str, Any] | None = None) -> str:
    """Check the data, pack it, and make the sweep's folder.

    Args:
        began: what the study was loaded with, for those who go on with its file.

    Raises:
        InputError: for data that cannot be used or a folder that is in use; nothing is written.
    """
    refuse_secrets(study)
    location = place(study, out)
    check_writable(location)
    check_room(location)
    study, packs = check_data(study)
    tell(study)
    described = {
        **provenance.collect(),
        "data": [describe(pack) | _lightness(pack) for pack in packs],
        "data_hash": packs[0].content_hash,
        "began": dict(began or {}),
        "study": study.to_data(),
    }
    if common := parse_config(study.base_config, study.name).evaluate_on:
        described["evaluation"] = describe(open_pack(common))
    try:
        create_sweep(location, study.to_data(), described)
    except OSError as error:
        raise InputError(
            f"{location}: cannot be written: {why_not(error)}.\n"
            "Give --out a place with space that you may write to."
        ) from None
    return location


def new_location(study: Study, out: str | None = None) -> str:
    """The folder or URI of a sweep that is to be submitted, by its whole path.

    Raises:
        InputError: a relative path, which means nothing on a cluster.
    """
    location = out or f"{sweeps_folder()}/{sweep_name(study.name)}"
    if "://" not in location and not location.startswith("/"):
        raise InputError(
            f"--out: {location}: is a path of this machine only.\n"
            "Give a whole path that every node of the cluster sees, or a URI "
            "(COLORSWEEP_OUT serves, too)."
        )
    return location


def place(study: Study, out: str | None) -> str:
    """The folder or URI of a sweep that is about to begin. Raises InputError where one is in use.

    Nothing is made yet.
    """
    location = os.path.expanduser(out) if out else f"{sweeps_folder()}/{sweep_name(study.name)}"
    check_answers(location)
    storage = Storage.at(location)
    try:
        free = not storage.names() and not storage.folders()
    except OSError as error:
        if storage.local is None:
            raise InputError(f"{location}: cannot be reached: {first_line(error)}.") from None
        free = False
    if not free:
        raise InputError(f"{location}: is not an empty folder.\nGive --out another one.")
    return location


def check_data(study: Study) -> tuple[Study, list[Pack]]:
    """Pack the pictures and see that budget and pictures make every trial a training.

    Returns:
        the study, and the pack of each choice of pictures that its trials have. Its budget is in
        images, unless the choices differ in training pictures: epochs are then each trial's own.

    Raises:
        InputError: for data that cannot be used; a picture that judges all trials and is trained on
            in one; no test pictures to confirm on; rungs without a common budget.
    """
    base = parse_config(study.base_config, study.name)
    common = open_pack(base.evaluate_on) if base.evaluate_on else None
    found: dict[DataConfig, Pack] = {}
    for point in _choices_of_pictures(study):
        config = study.config(point, study.file.seed)
        if config.data in found:
            continue
        check_answers(str(getattr(config.data, "root", "")))
        pack = found[config.data] = open_pack(config.data)
        if root := getattr(config.data, "root", None):
            log.warning("%s: %s", root, pack.read_as)
        origin = f"{study.name}: {point}" if point else study.name
        check_packs(Packs(pack, common), test=study.file.confirm is not None, origin=origin)
        check_budget(config.resolved(len(pack.indices("train"))), pack)
    packs = list(found.values())
    resolved = _with_budget(study, base, packs).to_dict()
    twins = [told] if (told := twins_told(packs, common)) else []
    return replace(study, base_config=resolved, notes=(*study.notes, *_few(found), *twins)), packs


def _few(packs: Mapping[DataConfig, Pack]) -> list[str]:
    """A note on the smallest choice of pictures, where that has too few to learn from."""
    said = [
        (len(pack.indices("train")), note)
        for data, pack in packs.items()
        if (note := few_pictures(len(pack.indices("train")), data.source))
    ]
    return [min(said)[1]] if said else []


def _with_budget(study: Study, base: Config, packs: list[Pack]) -> Config:
    """The base config with its budget in images, where that is the same for all pictures."""
    counts = {len(pack.indices("train")) for pack in packs}
    rule, epochs = study.file.stopping.rule, base.training.epochs
    if epochs is None or len(counts) == 1:
        return base.resolved(counts.pop())
    if rule != "none":
        raise InputError(
            f"{study.name}: stopping.rule: {rule}: compares trials after equally many pictures, "
            f"but an epoch has {min(counts):,} to {max(counts):,}.\n"
            "Give the budget as training.images, or set stopping.rule to none."
        )
    return base


def refuse_secrets(study: Study) -> None:
    """Raise InputError where a study holds a secret, which its files would show to others."""
    refuse_secrets_in(study.to_data(), study.name, "a sweep")


def picture_roots(study: Study) -> list[str]:
    """Where the pictures of a study's trials are: folders, files and URIs."""
    configs = [study.config(point, study.file.seed) for point in _choices_of_pictures(study)]
    return list(dict.fromkeys(root for config in configs for root in roots(config)))


def sweep_name(study: str) -> str:
    """A new name for a sweep: date, study and four letters."""
    letters = "".join(random.SystemRandom().choices(string.ascii_lowercase, k=4))
    return (
        f"{time.strftime('%Y%m%d-%H%M%S')}-{re.sub('[^A-Za-z0-9._-]+', '-', study)[:48]}-{letters}"
    )


def _choices_of_pictures(study: Study) -> list[Point]:
    """The parts of points that choose pictures, in every combination that trials have.

    Of a range without levels the ends stand for all. Where combinations are more than MOST_CHOICES,
    each value stands alone: a trial packs what is missing, and checks what it packs.
    """
    changing = [one.name for one in study.dimensions if _changes_data(one)]
    needed = set(changing)
    for dimension in reversed(study.dimensions):  # Parents stand before those that they govern.
        if dimension.name in needed:
            needed |= dimension.when.keys()
    listed = [
        _listed(one) if one.name in changing else _condition(one, study)
        for one in study.dimensions
        if one.name in needed
    ]
    if count_points(listed, MOST_CHOICES) is None:
        listed = [one for one in listed if one.name in changing]
        return [{one.name: value} for one in listed for value in one.probes()]
    points = grid_points(listed)
    return [{name: point[name] for name in changing if name in point} for point in points]


def _changes_data(dimension: Dimension) -> bool:
    paths = [path for value in dimension.probes() for path in dimension.changes(value)]
    return any(path.startswith("data.") for path in paths)


def _listed(dimension: Dimension) -> Dimension:
    """A dimension with levels: its own, or the ends of a range."""
    if levels(dimension) is not None:
        return dimension
    return replace(dimension, type="choice", choices=tuple(dimension.probes()), special=())


def _condition(dimension: Dimension, study: Study) -> Dimension:
    """A dimension that only governs others: the values that they name, and one that none names."""
    named = [value for one in study.dimensions for value in one.when.get(dimension.name, ())]
    other = [value for value in dimension.probes() if value not in named][:1]
    values = tuple(dict.fromkeys([*named, *other]))
    return replace(dimension, type="choice", choices=values, labels={}, special=())


def _lightness(pack: Pack) -> dict[str, Any]:
    """What models of these pictures keep of them."""
    measured = TrainingLightness.of(pack)
    return {"lightness": measured.to_data()} if measured else {}


def describe(pack: Pack) -> dict[str, Any]:
    """A pack's summary for provenance."""
    return {name: value for name, value in pack.summary().items() if name != "path"}
