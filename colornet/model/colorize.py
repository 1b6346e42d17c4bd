"""Picture files in, colorized picture files out."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from colornet.data.decode import check_pixels, open_picture
from colornet.data.picture_files import find_pictures, passed_over_text, suffixes
from colornet.data.source import UnusablePicture
from colornet.errors import InputError, error_summary, os_error_reason
from colornet.model.lightness import TrainingLightness, unlike_warning
from colornet.model.model import Model, load_model
from colornet.storage import writing_atomic

MAX_PIXELS = 200_000_000
"""Larger pictures are refused before they are decoded, unless more are allowed."""
# zlib-ng: 40% of the time of its default level, and 9% more bytes for photos.
_PNG_LEVEL = 2
log = logging.getLogger("colorsweep")


@dataclass(frozen=True)
class Job:
    """A picture to colorize, and the folder and stem of its result below the output folder.

    unread: of a folder of pictures, why it cannot be read.
    """

    picture: Path
    folder: Path
    stem: str
    unread: str = ""


def find_jobs(paths: Sequence[Path], out: Path) -> list[Job]:
    """The picture files behind files and folders, in their order, each once.

    Those in folders keep the folders that they lie in. Hidden files and what lies in `out` are
    passed over; other files that are no pictures are named in a line. A folder within a folder
    that cannot be read is a job that says so.

    Raises:
        InputError: for a path that is not there, a folder that cannot be read, or when no picture
            is left.
    """
    jobs: dict[str, Job] = {}
    for path in paths:
        # os.path, since Path's own raise for names that no file system takes.
        if os.path.isdir(path):
            files = list(_inside(path, out))
        elif os.path.isfile(path):
            files = [Job(path, Path(), path.stem)]
        else:
            raise InputError(f"{path}: not found.\nGive pictures or folders of them.")
        for job in files:
            jobs.setdefault(os.path.abspath(job.picture), job)
    if not jobs:
        raise InputError(f"{paths[0]}: no pictures.\nKnown suffixes: {', '.join(suffixes())}.")
    return list(jobs.values())


def _inside(folder: Path, out: Path) -> Iterator[Job]:
    apart_from = None if os.path.realpath(folder) == os.path.realpath(out) else out
    try:
        files = find_pictures(folder, apart_from=apart_from)
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}.") from None
    if files.passed_over:
        log.warning("%s: %s", folder, passed_over_text(files.passed_over))
    for name in files.pictures:
        path = folder / name
        # A pipe or device named like a picture would block for ever.
        if os.path.isfile(path) or not os.path.exists(path):
            yield Job(path, Path(name).parent, path.stem)
    for name, reason in files.unread.items():
        yield Job(folder / name, Path(name).parent, Path(name).stem, reason)


class Colorized(NamedTuple):
    """What became of pictures.

    done: (picture, result). failed: (picture, reason). kept: (picture, file that has the name of
    its result already): whose result that is cannot be known.
    """

    done: list[tuple[Path, Path]]
    failed: list[tuple[Path, str]]
    kept: list[tuple[Path, Path]]


def colorize_files(
    model: Path,
    pictures: Sequence[Path],
    out: Path,
    *,
    size: int | None = None,
    max_pixels: int | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int, Path], None] | None = None,
) -> Colorized:
    """Colorize files, and those in folders, into `out` as PNG, each whole or not at all.

    What cannot be colorized or written costs one warning, and takes no name from others; a set of
    pictures unlike those that the model was trained on is told. Results
    of one name get numbers, in the order of the pictures, whether they are there already or not.

    Args:
        size: shorter side that the network sees, pixels; None: the training's.
        max_pixels: larger pictures are refused; None: MAX_PIXELS.
        overwrite: replace what earlier calls have made; otherwise that stays.
        progress: called with pictures done, pictures in all, and the last one.

    Raises:
        InputError: as `find_jobs`, and when the model is none or takes no such size, `out` cannot
            be made, or a result would replace a picture that was given.
    """
    jobs = find_jobs(pictures, out)
    names = _Names(out, jobs)
    loaded, trained_on = load_model(model), TrainingLightness.kept_in(model)
    if size is not None:
        loaded = loaded.at(size)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{out}: cannot be made: {os_error_reason(error)}.") from None
    outcome, unlike = Colorized([], [], []), 0
    for count, job in enumerate(jobs, start=1):
        try:
            if job.unread:
                raise UnusablePicture(job.unread)
            target = names.of(job)
            if os.path.lexists(target) and not overwrite:
                names.keep(job, target, max_pixels or MAX_PIXELS)
                outcome.kept.append((job.picture, target))
                log.info("%s: %s is there already", job.picture, target)
            else:
                result = _colorized(loaded, job.picture, max_pixels or MAX_PIXELS)
                # The result has the picture's lightness, and is upright and in sRGB.
                is_unlike = trained_on is not None and trained_on.is_unlike(result)
                _save(result, target)
                names.taken.add(_key(target))
                outcome.done.append((job.picture, target))
                unlike += is_unlike
        # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and more.
        except Exception as error:
            reason = str(error) if isinstance(error, _Unsaved) else error_summary(error)
            log.warning("%s: not colorized: %s", job.picture, reason)
            outcome.failed.append((job.picture, reason))
        if progress is not None:
            progress(count, len(jobs), job.picture)
    if warning := unlike_warning(unlike, len(outcome.done)):
        log.warning("%s: %s", model, warning)
    return outcome


@contextmanager
def _decoded(path: Path, max_pixels: int) -> Generator[Image.Image]:
    with open_picture(path) as picture:
        check_pixels(picture.width * picture.height, picture.size, max_pixels, "--max-pixels")
        picture.load()  # what is wrong with a picture shows here, some of it as RuntimeError
        yield picture


def _colorized(model: Model, path: Path, max_pixels: int) -> Image.Image:
    try:
        with _decoded(path, max_pixels) as picture:
            try:
                return model.colorize(picture)
            except RuntimeError as error:  # torch's, of memory
                raise MemoryError(error_summary(error)) from error
    except MemoryError as error:
        raise UnusablePicture(f"too large for this machine ({error_summary(error)})") from error


class _Unsaved(Exception):
    """A result that cannot be written; the message is the reason."""


def _save(picture: Image.Image, target: Path) -> None:
    """Write a PNG whole or not at all. Raises _Unsaved."""
    try:
        with writing_atomic(target) as file:
            picture.save(file, "PNG", compress_level=_PNG_LEVEL)
    except OSError as error:
        raise _Unsaved(f"cannot be written: {os_error_reason(error)}: {target}"[:300]) from error


class _Names:
    """Which result gets which name."""

    def __init__(self, out: Path, jobs: Sequence[Job]) -> None:
        self.out = out
        self.taken: set[str] = set()
        """Names that no other picture of this run may have."""
        self._wanted = Counter(_key(self._path(job, 1)) for job in jobs)
        self._given = {os.path.realpath(job.picture): job.picture for job in jobs}
        for job in jobs:
            if picture := self._given.get(os.path.realpath(self._path(job, 1))):
                raise InputError(f"{picture}: would be overwritten.\nGive -o another folder.")

    def of(self, job: Job) -> Path:
        """The place of a picture's result. Raises _Unsaved when a folder is there."""
        count, path = 1, self._path(job, 1)
        while _key(path) in self.taken or os.path.realpath(path) in self._given:
            count += 1
            path = self._path(job, count)
        if os.path.isdir(path):
            raise _Unsaved(f"cannot be written: a folder has that name: {path}"[:300])
        return path

    def keep(self, job: Job, path: Path, max_pixels: int) -> None:
        """Leave a name to a picture whose result has been there.

        Where others want that name, one that cannot be decoded raises, as it does when nothing is
        there yet: so each call numbers alike.
        """
        if self._wanted[_key(self._path(job, 1))] > 1:
            with _decoded(job.picture, max_pixels):
                pass
        self.taken.add(_key(path))

    def _path(self, job: Job, count: int) -> Path:
        return self.out / job.folder / f"{job.stem}{f'-{count}' if count > 1 else ''}.png"


def _key(path: Path) -> str:
    """What names have in common that are one on some file systems."""
    return str(path).casefold()
