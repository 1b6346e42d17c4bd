"""Checkpoints: a folder that is there whole or not at all, and that knows when it is damaged.

```
<attempt>/tick-000005/                     after tick 5
<attempt>/tick-000005-images-00000004096/  interrupted later, before tick 6
    state.pt        weights, optimizers, random states, counters
    history.json    every tick reported so far, readable without torch
    manifest.json   SHA-256 of both, and of itself
```

torch is imported only where tensors are written or read: finding, verifying and reading the history
work without it.
"""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from colornet.config.reading import json_mapping, read_json, read_text
from colornet.errors import InputError, StorageError, find_os_error
from colornet.storage import sha256_file, sync_folder, write_atomic, writing_atomic

VERSION = 1
MAX_HISTORY = 256_000_000
"""Bytes."""
_INFINITE = 2.0**1023
KEPT = 2
"""Checkpoints kept per attempt: the newest, and the one before in case the newest is damaged."""
MANIFEST, _STATE, _HISTORY = "manifest.json", "state.pt", "history.json"
_NAME = re.compile(r"tick-(\d{6,})(?:-images-(\d{11,}))?")


def name(tick: int, images: int | None = None) -> str:
    """The folder name of a checkpoint after `tick`, or within the next one after `images`."""
    return f"tick-{tick:06d}" if images is None else f"tick-{tick:06d}-images-{images:011d}"


def save(folder: Path, state: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> Path:
    """Write a checkpoint and delete the attempt's older ones but for one.

    Args:
        folder: the checkpoint's own folder, `<attempt>/<name(...)>`; replaced if it is there.
        state: tensors and plain data that `torch.load(weights_only=True)` reads.
        history: the metrics of every tick so far.

    Returns:
        `folder`, flushed to the disk under its final name.

    Raises:
        StorageError: the disk is full or takes no more; the older ones are still there.
    """
    try:
        _save(folder, state, history)
    except (OSError, RuntimeError) as error:  # torch has one of its own for a full disk
        if find_os_error(error) is None:
            raise
        raise StorageError.at(folder.parent, error) from error
    for older in _found(folder.parent.glob("tick-*"))[KEPT:]:
        _remove(older)
    return folder


def _save(folder: Path, state: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> None:
    import torch

    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder.parent))
    try:
        with writing_atomic(temporary / _STATE) as file:
            torch.save(dict(state), file)
        rows = [dict(row) for row in history]
        write_atomic(temporary / _HISTORY, json.dumps(rows, allow_nan=False).encode())
        sums = {part: sha256_file(temporary / part) for part in (_HISTORY, _STATE)}
        write_atomic(temporary / MANIFEST, _manifest(sums))
        if folder.exists():
            _remove(folder)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(folder.parent)


def load(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """State and history of a checkpoint.

    Raises:
        InputError: when it is no checkpoint, damaged, or holds more than tensors and plain data.
    """
    import torch

    if not verify(path):
        raise InputError(
            f"{path}: not a complete checkpoint, or damaged.\n"
            "Resume from another one, or start again without it."
        )
    try:
        state = torch.load(path / _STATE, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    # torch's reader raises what pickle, archives and disks do, and advises to run what it refuses.
    except Exception as error:
        raise InputError(
            f"{path / _STATE}: holds something else than tensors and plain data, which is neither "
            "read nor run.\nIt was not written by colorsweep: start again without this folder."
        ) from error
    if not isinstance(state, dict):
        raise InputError(f"{path / _STATE}: holds no state of a training.")
    return state, history(path)


def verify(path: Path) -> bool:
    """Whether all files are there and every byte is what was written."""
    try:
        written = read_text(path / MANIFEST)
        sums = json_mapping(written, MANIFEST)["files"]
        return (
            set(sums) == {_STATE, _HISTORY}
            and written.encode() == _manifest(sums)
            and all(sha256_file(path / part) == sums[part] for part in sums)
        )
    except (OSError, ValueError, KeyError, TypeError, InputError):
        return False


def latest(folder: Path) -> Path | None:
    """The furthest checkpoint that verifies, of all attempts under `folder`.

    Args:
        folder: holds `attempt-*/tick-*`, or `tick-*` itself.
    """
    checkpoints = _found([*folder.glob("attempt-*/tick-*"), *folder.glob("tick-*")])
    return next((path for path in checkpoints if verify(path)), None)


def history(path: Path) -> list[dict[str, Any]]:
    """The metrics of every tick up to this checkpoint, in order. Raises InputError."""
    return ticks_in(read_json(path / _HISTORY, MAX_HISTORY), path / _HISTORY)


def ticks_in(rows: Any, origin: Path) -> list[dict[str, Any]]:
    """Ticks as a training has left them: numbers by name, `tick` among them.

    Args:
        rows: what a file held.
        origin: the file, for messages.

    Raises:
        InputError: they are something else.
    """
    if wrong := _wrong_in(rows):
        raise InputError(f"{origin}: {wrong}.\nRemove it to go on without it.")
    return rows


def _wrong_in(rows: Any) -> str:
    """What no list of ticks holds, in words; nothing where all is sound."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return "holds no list of ticks"
    for row in rows:
        if type(row.get("tick")) is not int:
            return "holds a tick without its number"
        for column, value in row.items():
            if value is not None and not (type(value) in (int, float) and abs(value) < _INFINITE):
                return f"tick {row['tick']}: {column}: is no number"
    return ""


def _found(paths: Iterable[Path]) -> list[Path]:
    """Checkpoints among paths, the furthest first; of equal ones that of the last attempt."""
    ranked = []
    for path in paths:
        if match := _NAME.fullmatch(path.name):
            attempt = re.split(r"\D", path.parent.name)[-1]
            order = (int(match[1]), int(match[2] or 0), int(attempt or 0))
            ranked.append((order, path))
    return [path for _, path in sorted(ranked, reverse=True)]


def _manifest(sums: Mapping[str, str]) -> bytes:
    """The manifest of these checksums, byte for byte: it holds the checksum of its own content."""
    content = {"files": dict(sorted(sums.items())), "version": VERSION}
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return json.dumps(content | {"sha256": digest}, indent=1).encode()


def _remove(folder: Path) -> None:
    """Delete a checkpoint so that a crash on the way leaves none that looks whole."""
    doomed = Path(tempfile.mkdtemp(prefix=".deleting-", dir=folder.parent))
    folder.rename(doomed / folder.name)
    shutil.rmtree(doomed, ignore_errors=True)
