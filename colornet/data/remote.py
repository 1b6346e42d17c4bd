"""Packs on storage that only has URIs: put there once, copied once to each node that trains.

```
<URI>/pictures.npy  index.json  sums.json     sums.json, written last: bytes and SHA-256 of both
```
A node keeps its copy in the cache, under the hash of `sums.json`: what is put at the same URI
later is another pack.
"""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from colornet.config.reading import json_mapping
from colornet.data.build import INDEX, PICTURES, locked
from colornet.errors import InputError, error_summary, os_error_reason
from colornet.storage import (
    Storage,
    cache_folder,
    sha256_file,
    sync_folder,
    write_atomic,
    writing_atomic,
)

SUMS = "sums.json"
CHUNK = 2**22
SPARE = 2**28
"""Bytes that a node's disk keeps free."""


def put_pack(folder: Path, uri: str) -> None:
    """Copy a pack to a URI.

    Raises:
        InputError: something else is there, or it cannot be written.
    """
    storage = Storage.at(uri)
    sums = {name: _described(folder / name) for name in (PICTURES, INDEX)}
    text = json.dumps(sums, indent=1).encode()
    try:
        there = storage.names()
        if there and not (SUMS in there and storage.read(SUMS) == text):
            raise InputError(f"{uri}: is not empty.\nPack into a new folder.")
        if there:
            return
        for name in sums:
            with (folder / name).open("rb") as source, storage.open_output(name) as target:
                shutil.copyfileobj(source, target, CHUNK)
        storage.write(SUMS, text)
    except OSError as error:
        raise InputError(f"{uri}: cannot be written: {error_summary(error)}.") from None


def fetch_pack(uri: str) -> Path:
    """This node's copy of the pack at a URI, made when it is not there yet.

    Safe to call from many processes at once: one copies, the others wait.

    Raises:
        InputError: there is no pack, it cannot be read, it is damaged, or the disk is too small.
    """
    storage = Storage.at(uri)
    try:
        text = storage.text(SUMS).encode()
        sums = json_mapping(text, SUMS)
        needed = sum(int(described["bytes"]) for described in sums.values())
    except FileNotFoundError:
        raise InputError(
            f"data.root: {uri}: no pack is there.\n"
            f"Put one there: colorsweep data pack PICTURES -o {uri}"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, InputError) as error:
        raise InputError(f"data.root: {uri}: cannot be read: {error_summary(error)}.") from None
    folder = cache_folder() / "packs" / f"remote-{hashlib.sha256(text).hexdigest()[:24]}"
    try:
        with locked(folder):
            if not (folder / SUMS).is_file():
                _check_space(uri, folder, needed)
                _copy(storage, sums, text, folder)
    except OSError as error:
        raise InputError(
            f"{uri}: cannot be copied to {folder}: {os_error_reason(error)}."
        ) from None
    return folder


def _copy(storage: Storage, sums: dict[str, Any], text: bytes, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".fetching-", dir=folder.parent))
    try:
        for name, expected in sums.items():
            if name not in (PICTURES, INDEX):
                raise InputError(f"{storage.location}: damaged: {SUMS} names {name}.")
            copy = temporary / name
            with storage.open_file(name, whole=False) as source, writing_atomic(copy) as target:
                shutil.copyfileobj(source, target, CHUNK)
            if _described(copy) != expected:
                raise InputError(
                    f"{storage.location}: damaged: {name} is not what was packed.\n"
                    "Remove the folder and pack it again."
                )
        write_atomic(temporary / SUMS, text)
        temporary.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise InputError(f"{storage.location}: cannot be copied: {error_summary(error)}.") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _described(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256_file(path)}


def _check_space(uri: str, folder: Path, needed: int) -> None:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if needed + SPARE > free:
        raise InputError(
            f"{uri}: its {needed / 1e9:,.1f} GB do not fit into {existing}, where "
            f"{free / 1e9:,.1f} GB are free.\n"
            "Pack fewer or smaller pictures (data.fraction, data.image_size), or set "
            "COLORSWEEP_CACHE to a larger disk on every node."
        )
