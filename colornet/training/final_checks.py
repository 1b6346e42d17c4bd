"""What a final training checks before anything is started; torch-free, so that it is quick."""

import logging
import re
import socket
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from colornet.config.catalog import read_yaml, to_yaml
from colornet.config.config import Config, parse_config
from colornet.config.paths import apply_overrides, flatten
from colornet.config.sections.data import FolderData
from colornet.data.packs import check_budget, few_pictures_warning, leakage_warning, open_packs
from colornet.data.picture_files import format_mismatch
from colornet.errors import InputError
from colornet.model.folder import WEIGHTS
from colornet.redaction import find_secret
from colornet.storage import Storage, check_reachable, write_atomic

log = logging.getLogger("colorsweep")


def prepare(config: Config, folder: Path, *, quiet: bool = False) -> Config:
    """Pack the pictures, check the budget, and make the folder this training's.

    The pictures of `evaluate_on` are packed too: where there are any, the model is measured on
    their test pictures in the end. May be called again for the same training, `quiet` of what a
    user was told before.

    Returns:
        the config with its budget in images.

    Raises:
        InputError: the folder holds another training or a model, or the data cannot be used.
    """
    _check_folder(folder)
    for root in roots(config):
        check_reachable(root)
    packs = open_packs(config)
    pack = packs.training
    count = len(pack.indices("train"))
    if not quiet:
        if root := getattr(config.data, "root", None):
            log.warning("%s: %s", root, pack.read_as)
        few = few_pictures_warning(count, config.data.source)
        for warning in filter(None, (leakage_warning([pack], packs.common), few)):
            log.warning("%s", warning)
    config = config.resolved(count)
    check_budget(config, pack)
    _claim(folder, config)
    return config


def check_reading(config: Config, there: Collection[str] | None) -> None:
    """See that this machine takes the same files for pictures as the one that began.

    Args:
        there: that one's `suffixes()`; None where they are not known.

    Raises:
        InputError: it does not, and the config's folders have such files.
    """
    if there is None:
        return
    for data in (config.data, config.evaluate_on):
        # The first rules know no format that is not read everywhere.
        if not isinstance(data, FolderData) or data.rules == 1 or "://" in data.root:
            continue
        if wrong := format_mismatch(Path(data.root).expanduser(), there):
            raise InputError(f"{socket.gethostname()}: {wrong}")


def refuse_secrets_in(values: Mapping[str, Any], origin: str, owner: str) -> None:
    """Raise InputError where what will be written for others to read holds a secret.

    Args:
        values: nested plain data.
        owner: whose files they are.
    """
    path = find_secret({path: str(value) for path, value in flatten(values).items()})
    if path is not None:
        raise InputError(
            f"{origin}: {path}: holds a secret, which the files of {owner} would show.\n"
            "Take it out: nodes read secrets from their environment."
        )


def roots(config: Config) -> list[str]:
    """Where a config's pictures are: folders, files and URIs."""
    locations = [getattr(section, "root", None) for section in (config.data, config.evaluate_on)]
    return list(dict.fromkeys(str(location) for location in locations if location))


def model_name(config: str, origin: Any) -> str:
    """From a sweep's and a point's name: a folder's own name, whatever a file says."""
    if isinstance(origin, Mapping) and {"sweep", "point_id"} <= origin.keys():
        return re.sub("[^A-Za-z0-9._-]+", "-", f"{origin['sweep']}-{origin['point_id']}")
    return Path(config).stem


def scale_rates(config: Config, chosen_with: int, rule: str) -> tuple[Config, str]:
    """Let learning rates follow a batch that is not the one that they were chosen with.

    How many workers share a batch makes no difference to them.

    Args:
        chosen_with: batch size at which the rates were chosen.
        rule: `none`; `linear`: times the batches' ratio (Goyal et al. 2017), `sqrt`: times its root
            (Krizhevsky 2014).

    Returns:
        the config with its rates, and a sentence on them for the card.
    """
    batch = config.training.batch_size
    factor = (batch / chosen_with) ** {"none": 0.0, "linear": 1.0, "sqrt": 0.5}[rule]
    rate = config.optimizer.generator_lr
    if factor == 1.0:
        return config, f"Learning rates as chosen, for batches of {batch} (--scale-lr {rule})."
    values = apply_overrides(config.to_dict(), {"optimizer.generator_lr": rate * factor})
    return parse_config(values, f"--scale-lr {rule}"), (
        f"Learning rates times {factor:.4g}, for batches of {batch} in place of {chosen_with} "
        f"(--scale-lr {rule})."
    )


def _check_folder(folder: Path) -> None:
    if (folder / "training" / "config.yaml").exists() or not folder.exists():
        Storage.at(folder).check_entries()
        return
    if not folder.is_dir() or any(folder.iterdir()):
        held = "already holds a model" if (folder / WEIGHTS).exists() else "is not empty"
        raise InputError(f"{folder}: {held}.\nGive --out another folder, or delete this one.")


def _claim(folder: Path, config: Config) -> None:
    mine = folder / "training" / "config.yaml"
    if not mine.exists():
        write_atomic(mine, to_yaml(config.to_dict()).encode())
    elif parse_config(read_yaml(mine), str(mine)) != config:
        raise InputError(
            f"{folder}: holds the unfinished training of another config.\n"
            "Give --out another folder, or delete this one."
        )
