"""A new sweep: its data checked and packed, its folder made. Ray is not needed yet."""

import logging
import os
import random
import re
import shutil
import string
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from colornet import provenance
from colornet.config.config import Config, parse_config
from colornet.config.sections.data import DataConfig
from colornet.data.packed import Pack, open_pack
from colornet.data.packs import (
    Packs,
    check_budget,
    check_packs,
    few_pictures_warning,
    leakage_warning,
)
from colornet.errors import InputError, error_summary, os_error_reason
from colornet.model.lightness import TrainingLightness
from colornet.storage import Storage, check_reachable
from colornet.training.final_checks import refuse_secrets_in, roots
from search.core.learn_from import check_pictures
from search.records.reader import sweeps_folder
from search.records.writer import create_sweep
from spaces.dimensions import Dimension, Point
from spaces.grid import count_points, grid_points, levels
from spaces.study import Study

log = logging.getLogger("colorsweep")
MOST_CHOICES = 256
"""Combinations of what changes the pictures that are all packed and checked beforehand: each pack
takes seconds to minutes."""
SPARE = 32 * 2**20
"""Bytes of a disk that are to stay free: room for the records of a sweep, which then stops cleanly
when a checkpoint no longer fits."""


def new_sweep(study: Study, out: str | None = None, began: Mapping[str, Any] | None = None) -> str:
    """Check the data, pack it, and make the sweep's folder.

    Args:
        began: what the study was loaded with, for `resume --study`, which loads it again.

    Raises:
        InputError: for data that cannot be used or a folder that is in use; nothing is written.
    """
    refuse_secrets(study)
    location = free_location(study, out)
    check_writable(location)
    check_room(location)
    study, packs = check_data(study)
    common = parse_config(study.base_config, study.name).evaluate_on
    judging = open_pack(common) if common else None
    study.log_notes()
    described = {
        **provenance.collect(),
        "data": [_describe(pack, lightness=True) for pack in packs],
        "data_hash": packs[0].content_hash,
        "began": dict(began or {}),
        "study": study.to_data(),
    }
    if judging is not None:
        described["evaluation"] = _describe(judging, lightness=False)
    try:
        create_sweep(location, study.to_data(), described)
    except OSError as error:
        raise _not_writable(location, error) from None
    return location


def whole_location(study: Study, out: str | None = None) -> str:
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


def free_location(study: Study, out: str | None) -> str:
    """The folder or URI of a sweep that is about to begin; nothing is made yet.

    Raises:
        InputError: there is something already.
    """
    location = os.path.expanduser(out) if out else f"{sweeps_folder()}/{sweep_name(study.name)}"
    check_reachable(location)
    storage = Storage.at(location)
    try:
        free = not storage.names() and not storage.folders()
    except OSError as error:
        if storage.local is None:
            raise InputError(f"{location}: cannot be reached: {error_summary(error)}.") from None
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
            in one; no test pictures to confirm on; rungs without a common budget; an earlier sweep
            that is learned from and was judged on other pictures.
    """
    base = parse_config(study.base_config, study.name)
    common = open_pack(base.evaluate_on) if base.evaluate_on else None
    packs: dict[DataConfig, Pack] = {}
    for point in _choices_of_pictures(study):
        config = study.config(point, study.file.seed)
        if config.data in packs:
            continue
        check_reachable(str(getattr(config.data, "root", "")))
        pack = packs[config.data] = open_pack(config.data)
        if root := getattr(config.data, "root", None):
            log.warning("%s: %s", root, pack.read_as)
        origin = f"{study.name}: {point}" if point else study.name
        check_packs(Packs(pack, common), test=study.file.confirm is not None, origin=origin)
        check_budget(config.resolved(len(pack.indices("train"))), pack)
    each = list(packs.values())
    hashes = [pack.content_hash for pack in each]
    check_pictures(study, hashes, common.content_hash if common else None)
    notes = list(study.notes)
    counts = [(len(pack.indices("train")), data.source) for data, pack in packs.items()]
    # One note, on the smallest choice of pictures that has too few to learn from.
    notes += [
        few for count, source in sorted(counts) if (few := few_pictures_warning(count, source))
    ][:1]
    notes += [twins] if (twins := leakage_warning(each, common)) else []
    base_config = _with_budget(study, base, each).to_dict()
    return replace(study, base_config=base_config, notes=tuple(notes)), each


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

    Of a range without levels only the ends are taken. Where there are more than MOST_CHOICES
    combinations, each value is taken by itself: a trial packs what is missing, and checks what it
    packs.
    """
    changing = [
        dimension.name
        for dimension in study.dimensions
        if any(
            path.startswith("data.")
            for value in dimension.probes()
            for path in dimension.changes(value)
        )
    ]
    needed = set(changing)
    for dimension in reversed(study.dimensions):  # parents come before those that they govern
        if dimension.name in needed:
            needed |= dimension.when.keys()
    listed = [
        _listed(dimension) if dimension.name in changing else _condition(dimension, study)
        for dimension in study.dimensions
        if dimension.name in needed
    ]
    if count_points(listed, MOST_CHOICES) is None:
        listed = [dimension for dimension in listed if dimension.name in changing]
        return [{dimension.name: value} for dimension in listed for value in dimension.probes()]
    points = grid_points(listed)
    return [{name: point[name] for name in changing if name in point} for point in points]


def _listed(dimension: Dimension) -> Dimension:
    """A dimension with levels: its own, or the ends of a range."""
    if levels(dimension) is not None:
        return dimension
    return replace(dimension, type="choice", choices=tuple(dimension.probes()), special=())


def _condition(dimension: Dimension, study: Study) -> Dimension:
    """A dimension that only governs others: the values that they name, and one that none names."""
    named = [v for governed in study.dimensions for v in governed.when.get(dimension.name, ())]
    other = [value for value in dimension.probes() if value not in named][:1]
    values = tuple(dict.fromkeys([*named, *other]))
    return replace(dimension, type="choice", choices=values, labels={}, special=())


def _describe(pack: Pack, *, lightness: bool) -> dict[str, Any]:
    """A pack's summary for provenance, without where it lies, which is this machine's business.

    Args:
        lightness: whether with the lightness that models of its pictures keep.
    """
    summary = {name: value for name, value in pack.summary().items() if name != "path"}
    if lightness and (measured := TrainingLightness.of(pack)):
        summary["lightness"] = measured.to_data()
    return summary


def check_writable(location: str) -> None:
    """Raise InputError where a sweep's folder could not be made; a URI is not looked at."""
    if "://" in location:
        return
    parent = nearest(Path(location))
    if not parent.is_dir():
        raise InputError(f"{location}: cannot be written: {parent} is no folder.")
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".colorsweep-", dir=parent))
    except OSError as error:
        raise _not_writable(location, error) from None


def _not_writable(location: str, error: OSError) -> InputError:
    return InputError(
        f"{location}: cannot be written: {os_error_reason(error)}.\n"
        "Give --out a place with space that you may write to."
    )


def check_room(location: str) -> None:
    """Raise InputError where a disk is as good as full; a URI is not looked at."""
    if "://" in location:
        return
    free = shutil.disk_usage(nearest(Path(location))).free
    if free < SPARE:
        raise InputError(
            f"{location}: {free / 1e6:.1f} MB are free there, and a sweep wants {SPARE / 1e6:.0f} "
            "at least.\nFree some space, or begin on another disk with --out."
        )


def nearest(location: Path) -> Path:
    """What is there already in which a path would be made: a folder, if it can be made at all."""
    path = location.absolute()
    while not os.path.lexists(path):
        path = path.parent
    return path
