"""The beginning of a sweep: its data checked and packed, its folder made. Ray is not needed yet."""

import random
import re
import string
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from colornet import provenance
from colornet.budget import check_budget
from colornet.config import parse_config
from colornet.data.packed import Pack, open_pack
from colornet.errors import InputError
from search.records import create_sweep, sweeps_folder
from spaces.study import Study


def begin(study: Study, out: str | None = None) -> Path:
    """Check the data, pack it, and make the sweep's folder.

    Raises:
        InputError: for data that cannot be used or a folder that is in use; nothing is written.
    """
    location = place(study, out)
    study, packs = check_data(study)
    described = {**provenance.collect(), "data": [_describe(pack) for pack in packs]}
    try:
        create_sweep(location, study.to_data(), {**described, "data_hash": packs[0].content_hash})
    except OSError as error:
        raise InputError(f"{location}: cannot be written: {error.strerror or error}.") from None
    return location


def place(study: Study, out: str | None) -> Path:
    """The folder of a sweep that is about to begin. Raises InputError for one that is in use."""
    location = Path(out).expanduser() if out else sweeps_folder() / _name(study.name)
    if location.exists() and (not location.is_dir() or any(location.iterdir())):
        raise InputError(f"{location}: is not an empty folder.\nGive --out another one.")
    return location


def check_data(study: Study) -> tuple[Study, list[Pack]]:
    """Pack the pictures and see that budget and pictures make a training.

    Returns:
        the study with its budget in images, and the packs, the base config's first.

    Raises:
        InputError: for data that cannot be used.
    """
    packs = _pack_all(study)
    base = parse_config(study.base_config, study.name).resolved(len(packs[0].indices("train")))
    for pack in packs:
        check_budget(base, pack)
    return replace(study, base_config=base.to_dict()), packs


def _name(study: str) -> str:
    letters = "".join(random.SystemRandom().choices(string.ascii_lowercase, k=4))
    return (
        f"{time.strftime('%Y%m%d-%H%M%S')}-{re.sub('[^A-Za-z0-9._-]+', '-', study)[:48]}-{letters}"
    )


def _pack_all(study: Study) -> list[Pack]:
    """The packed pictures of the base config, then of every choice that changes them."""
    points: list[dict[str, Any]] = [{}]
    for dimension in study.dimensions:
        paths = [path for value in dimension.probes() for path in dimension.changes(value)]
        if dimension.choices and any(path.startswith("data.") for path in paths):
            points += [{dimension.name: value} for value in dimension.probes()]
    configs = {study.config(point, study.file.seed).data: None for point in points}
    return [open_pack(data) for data in configs]


def _describe(pack: Pack) -> dict[str, Any]:
    return {name: value for name, value in pack.summary().items() if name != "path"}
