"""The batch files of CIFAR-10, https://www.cs.toronto.edu/~kriz/cifar.html, both versions.

A binary batch is records of 3,073 bytes: a label, then the red, green and blue plane of 32 x 32.
A python batch is a pickle (protocol 2, written by Python 2) of `labels`, a list, and `data`, an
array (n, 3072) of the same planes. A pickle is a program. Here it may name four things only, and
gets stand-ins for them that hold bytes and cannot be changed: nothing of NumPy is reached.
"""

import codecs
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import Unpickler, UnpicklingError
from pickletools import genops
from typing import Any

import numpy as np

from colornet.errors import InputError

SIDE = 32
BYTES = 3 * SIDE * SIDE
CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
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
    labels, planes = values.get("labels"), values.get("data")
    if not isinstance(planes, _Array) or planes.rows is None:
        raise _strange(file, "its 'data' is no array of bytes")
    if not isinstance(labels, list) or any(type(label) is not int for label in labels):
        raise _strange(file, "its 'labels' are no list of integers")
    if len(labels) != len(planes.rows):
        raise _strange(file, f"{len(labels)} labels for {len(planes.rows)} pictures")
    if any(not 0 <= label < 2**31 for label in labels):
        raise _strange(file, "a label out of range")
    return Batch(np.array(labels, np.int64), planes.rows)


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
    content = _content(file)
    try:
        _check_memo(content)
        values = _Reader(io.BytesIO(content), encoding="latin1").load()
    # A damaged pickle raises nearly anything: EOFError, IndexError, KeyError, MemoryError, …
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise _strange(file, reason) from error
    if not isinstance(values, dict):
        raise _strange(file, f"a {type(values).__name__}, not a dictionary")
    return values


def _check_memo(content: bytes) -> None:
    """Refuse numbers that the reader would reserve memory for, up to 64 GB in a few bytes."""
    for code, argument, _ in genops(content):
        if code.name.endswith("PUT") and int(argument or 0) > len(content):
            raise UnpicklingError("its numbering is damaged")


class _Reader(Unpickler):
    """Reads what a batch is made of; any other name is refused before anything is called."""

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name that a batch may hold."""
        try:
            return _Allowed(_NAMES[module, name])
        except KeyError:
            raise UnpicklingError(f"it names '{module}.{name}', which no batch does") from None

    def persistent_load(self, pid: Any) -> Any:
        """Refuse: a batch refers to nothing outside."""
        raise UnpicklingError("it refers to something outside")


class _Allowed:
    """Something that a batch may call; it has no state that a batch could set."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise UnpicklingError("it changes what it may only call")


class _Bytes:
    """Stands for the dtype of bytes."""

    __slots__ = ()

    def __init__(self, name: Any = None, *_: Any) -> None:
        if name not in ("u1", "|u1"):
            raise UnpicklingError("its array is not of bytes")

    def __setstate__(self, state: Any) -> None:
        """Byte order and alignment mean nothing for bytes."""


class _Array:
    """Stands for an array: `rows` are its bytes (n, 3072) once they are known."""

    __slots__ = ("rows",)

    def __init__(self, *_: Any) -> None:
        self.rows: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        """Take version, shape, dtype, whether columns come first, and the bytes."""
        _, (count, width), kind, columns_first, content = state
        if not isinstance(kind, _Bytes) or width != BYTES or columns_first:
            raise UnpicklingError(f"its array is not of rows of {BYTES} bytes")
        content = content.encode("latin1") if isinstance(content, str) else content
        if not isinstance(content, bytes) or len(content) != count * BYTES:
            raise UnpicklingError("its array is torn")
        self.rows = np.frombuffer(content, np.uint8).reshape(-1, BYTES)


def _refuse(*_: Any) -> Any:
    raise UnpicklingError("it makes an array in a strange way")


def _encoded(text: Any, encoding: Any = None) -> bytes:
    """How Python 3 writes bytes in protocol 2."""
    if type(text) is not str or encoding not in ("latin1", "latin-1"):
        raise UnpicklingError("it encodes something strange")
    return codecs.latin_1_encode(text)[0]


_NAMES: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _refuse,
    ("numpy", "dtype"): _Bytes,
    ("_codecs", "encode"): _encoded,
}
