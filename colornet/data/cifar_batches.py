"""The batch files of CIFAR-10, https://www.cs.toronto.edu/~kriz/cifar.html, both versions.

A binary batch is records of 3,073 bytes: a label, then the red, green and blue plane of 32 x 32.
A python batch is a pickle (protocol 2, written by Python 2) of `labels`, a list, and `data`, an
array (n, 3072) of the same planes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from colornet.cli_result import count_text
from colornet.data.cifar_pickle import PickledBytes, Refused, read_pickle
from colornet.errors import InputError

SIDE = 32
BYTES = 3 * SIDE * SIDE
CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


@dataclass(frozen=True)
class Batch:
    """What one file holds: labels, integers (n,), and planes, uint8 (n, 3072)."""

    labels: np.ndarray
    planes: np.ndarray


def read_binary_batch(file: Path) -> Batch:
    """Read a batch of the binary version.

    Raises:
        InputError: cannot be read, or is not made of whole records.
    """
    content = _content(file)
    if len(content) % (BYTES + 1):
        raise InputError(
            f"{file}: {len(content)} bytes: not a multiple of {BYTES + 1}, so no CIFAR-10 batch, "
            "or a torn one.\nFetch it again."
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, BYTES + 1)
    return Batch(records[:, 0].astype(np.int64), records[:, 1:])


def read_python_batch(file: Path) -> Batch:
    """Read a batch of the python version, without running anything that it says.

    Raises:
        InputError: cannot be read, is torn, or holds anything else than a batch.
    """
    values = _unpickle(file)
    labels, data = values.get("labels"), values.get("data")
    planes = data.array if isinstance(data, PickledBytes) else None
    if planes is None or planes.ndim != 2 or planes.shape[1] != BYTES:
        raise _strange(file, f"its 'data' is no array of rows of {BYTES} bytes")
    if not isinstance(labels, list) or any(type(label) is not int for label in labels):
        raise _strange(file, "its 'labels' are no list of integers")
    if len(labels) != len(planes):
        raise _strange(
            file, f"{count_text(len(labels), 'label')} for {count_text(len(planes), 'picture')}"
        )
    if any(not 0 <= label < 2**31 for label in labels):
        raise _strange(file, "a label out of range")
    return Batch(np.array(labels, np.int64), planes)


def read_python_classes(file: Path) -> tuple[str, ...]:
    """The class names in `batches.meta`. Raises InputError as `read_python_batch`."""
    names = _unpickle(file).get("label_names")
    if not isinstance(names, list) or not names or any(type(name) is not str for name in names):
        raise _strange(file, "its 'label_names' are no list of names")
    return tuple(names)


def read_text_classes(file: Path) -> tuple[str, ...]:
    """The class names in `batches.meta.txt`, one a line. Raises InputError."""
    try:
        names = tuple(_content(file).decode("utf-8").split())
    except UnicodeDecodeError as error:
        raise _strange(file, "not text") from error
    return names or CLASSES


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}.") from error


def _strange(file: Path, what: str) -> InputError:
    return InputError(
        f"{file}: not a CIFAR-10 batch: {what}.\n"
        "Fetch it again, or take the binary version (cifar-10-batches-bin)."
    )


def _unpickle(file: Path) -> Mapping[str, Any]:
    try:
        values = read_pickle(_content(file))
    except Refused as reason:
        raise _strange(file, str(reason)) from reason
    if not isinstance(values, dict):
        raise _strange(file, f"a {type(values).__name__}, not a dictionary")
    return values
