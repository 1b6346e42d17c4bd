"""The files of a model folder, without torch.

`model.safetensors` holds the generator's weights, `manifest.json` their SHA-256 and what the
training pictures' lightness was like (`colornet.model.lightness`), `config.yaml` the complete
config it was trained with, `card.md` what people should know. The generators that a sweep keeps
have their SHA-256 beside them in the same way.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from colornet.config.catalog import to_yaml
from colornet.config.config import Config
from colornet.config.reading import json_mapping
from colornet.errors import InputError, error_summary
from colornet.storage import Storage, write_atomic

WEIGHTS, CONFIG, CARD, MANIFEST = "model.safetensors", "config.yaml", "card.md", "manifest.json"
VERSION = 1
"""Of a manifest."""
_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_INTEGERS = {"I64", "I32", "I16", "I8", "U8", "BOOL"}
"""Kinds of numbers that weights and counts may be, by safetensors' names; NumPy has no BF16."""
_HEADER = 8
"""Bytes of a safetensors file that say how long its header is, which describes the tensors."""


def write_model(
    folder: Path,
    weights: bytes,
    config: Config,
    card: str,
    lightness: Mapping[str, Any] | None = None,
) -> None:
    """Write a model folder; files of the same names are replaced, the weights last.

    Args:
        weights: a safetensors file of the generator's `state_dict()`.
        config: what it was trained with.
        card: Markdown for people.
        lightness: `TrainingLightness.to_data()`, None where it was not measured.
    """
    write_atomic(folder / CONFIG, to_yaml(config.to_dict()).encode())
    write_atomic(folder / CARD, card.encode())
    write_atomic(folder / MANIFEST, manifest(weights, lightness))
    write_atomic(folder / WEIGHTS, weights)


def check_model(folder: Path) -> None:
    """Raise InputError when a folder is not there or lacks what a model consists of."""
    if not os.path.lexists(folder):
        raise InputError(
            f"{folder}: not found.\n"
            "Give the folder that `colorsweep train` or `best --model` wrote, by its path."
        )
    for name in (WEIGHTS, CONFIG):
        if not (folder / name).is_file():
            raise InputError(
                f"{folder}: not a model folder: it has no {name}.\n"
                "Give the folder that `colorsweep train` or `best --model` wrote."
            )


def manifest(weights: bytes, lightness: Mapping[str, Any] | None = None) -> bytes:
    """What is written beside weights, to know later that they are the same.

    Args:
        lightness: as for `write_model`.
    """
    described: dict[str, Any] = {"version": VERSION, "sha256": hashlib.sha256(weights).hexdigest()}
    if lightness is not None:
        described["lightness"] = dict(lightness)
    return json.dumps(described, indent=1).encode()


def manifest_name(weights: str) -> str:
    """Where the manifest of kept weights lies: `t00000.json` for `t00000.safetensors`."""
    return weights.removesuffix(".safetensors") + ".json"


def read_weights(folder: Storage, name: str, beside: str = MANIFEST) -> bytes:
    """Weights that are whole and finite.

    Args:
        name: of a safetensors file.
        beside: the name of its manifest; what was written before there were any has none.

    Raises:
        FileNotFoundError: there are no weights.
        InputError: they are not those that were written, or hold a number that is not finite.
    """
    weights, origin = folder.read(name), f"{folder.root}/{name}"
    manifest_text = None
    with suppress(FileNotFoundError):
        manifest_text = folder.text(beside)
    if manifest_text is not None:
        written = json_mapping(manifest_text, f"{folder.root}/{beside}")
        if (version := written.get("version")) != VERSION or isinstance(version, bool):
            raise InputError(
                f"{folder.root}/{beside}: version {version!r} is not known to this colorsweep, "
                f"which reads {VERSION}.\nInstall the colorsweep that wrote it, or a newer one."
            )
        expected = written.get("sha256")
        if hashlib.sha256(weights).hexdigest() != expected:
            raise InputError(
                f"{origin}: not the weights that were written: their SHA-256 is not that of "
                f"{beside}.\nCopy them again from where they were whole, or train again."
            )
    for tensor, values in _tensors(weights, origin):
        if not np.isfinite(values).all():
            raise InputError(
                f"{origin}: not the weights of a model: {tensor} holds numbers that are not "
                "finite.\nTrain again, or take another model."
            )
    return weights


def _tensors(weights: bytes, origin: str) -> Iterator[tuple[str, np.ndarray]]:
    """The tensors of floats in a safetensors file, by name, as float32.

    Raises:
        InputError: it is no such file, or holds numbers of a kind that no model here has.
    """
    try:
        length = int.from_bytes(weights[:_HEADER], "little")
        described: dict[str, Any] = json_mapping(weights[_HEADER : _HEADER + length], origin)
        content = memoryview(weights)[_HEADER + length :]
        described.pop("__metadata__", None)
        for name, tensor in described.items():
            if (kind := tensor["dtype"]) in _INTEGERS:
                continue
            if kind not in _FLOATS:
                raise ValueError(f"{name} is of {kind}, not of {', '.join(_FLOATS)}")
            first, last = tensor["data_offsets"]
            values = np.frombuffer(content[first:last], _FLOATS[kind])
            if kind == "BF16":  # the upper half of a float32
                values = (values.astype(np.uint32) << 16).view(np.float32)
            with np.errstate(over="ignore"):
                yield name, values.astype(np.float32)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, InputError) as error:
        raise InputError(f"{origin}: not the weights of a model: {error_summary(error)}.") from None
