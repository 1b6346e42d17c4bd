"""Picture files in, colorized picture files out."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from colornet.data.decode import FORMATS
from colornet.errors import InputError
from colornet.model import load_model

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
MAX_PIXELS = 200_000_000
"""Larger pictures are refused before they are decoded."""
log = logging.getLogger("colorsweep")


def find_pictures(paths: Sequence[Path]) -> list[Path]:
    """The picture files behind files and folders, in their order.

    Raises:
        InputError: for a path that is not there, or when none is left.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(path.rglob("*"))
            found += [one for one in inside if one.suffix.lower() in SUFFIXES and one.is_file()]
        elif path.is_file():
            found.append(path)
        else:
            raise InputError(f"{path}: not found.\nGive pictures or folders of them.")
    if not found:
        raise InputError(f"{paths[0]}: no pictures.\nKnown suffixes: {', '.join(SUFFIXES)}.")
    return found


def colorize_files(
    model: Path, pictures: Sequence[Path], out: Path
) -> tuple[list[tuple[Path, Path]], list[tuple[Path, str]]]:
    """Colorize files into `out` as PNG.

    Returns:
        (picture, result) of those that were, and (picture, reason) of those that could not be,
        each of which also costs one warning.

    Raises:
        InputError: when the model is none, `out` cannot be made, or a result would replace a
            picture that was given.
    """
    taken: set[str] = set()
    targets = [out / _free_name(path, taken) for path in pictures]
    if mixed := {path.resolve() for path in pictures} & {path.resolve() for path in targets}:
        raise InputError(f"{min(mixed)}: would be overwritten.\nGive -o another folder.")
    loaded = load_model(model)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made: {error.strerror}.") from None
    done, failed = [], []
    for path, target in zip(pictures, targets, strict=True):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                with Image.open(path, formats=FORMATS) as picture:
                    if picture.width * picture.height > MAX_PIXELS:
                        raise ValueError(f"more than {MAX_PIXELS:,} pixels")
                    result = loaded.colorize(picture)
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            log.warning("%s: not colorized: %s", path, error)
            failed.append((path, str(error)))
            continue
        result.save(target)
        done.append((path, target))
    return done, failed


def _free_name(path: Path, taken: set[str]) -> str:
    """A file name that no other picture of this run has."""
    name, count = f"{path.stem}.png", 1
    while name in taken:
        count += 1
        name = f"{path.stem}-{count}.png"
    taken.add(name)
    return name
