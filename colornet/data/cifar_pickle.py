"""Read the pickles of CIFAR-10 without running them.

A pickle is a program. Its opcodes are looked through first: only those that a batch is made of are
admitted, and no more of them than Python's reader can bear, which a few bytes make reserve 64 GB
for its memo, and two megabytes of nested tuples overflow the stack when they are hashed. That
reader then builds the values; the five names that a batch holds are stand-ins which check what they
are given, and any other is refused. What is held is in proportion to the file.
"""

import io
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pickletools import genops, markobject
from typing import Any

import numpy as np

_OPCODES = {
    *("PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE"),
    *("BININT", "BININT1", "BININT2", "LONG1", "BINSTRING", "SHORT_BINSTRING"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES"),
    *("EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM", "SETITEMS"),
    *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
    *("BINPUT", "LONG_BINPUT", "MEMOIZE", "BINGET", "LONG_BINGET"),
    *("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"),
}
_PUTS = {"BINPUT", "LONG_BINPUT", "MEMOIZE"}
_TUPLES = {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}
_MOST_TUPLES = 20
"""That are no arguments of a call: an array takes five. Hashing one recurses through all in it, as
often as they occur there: at most 2^20 times."""
_LARGEST_INTEGER = 2**63
"""Larger ones may be chosen to collide in a dictionary."""


class Refused(ValueError):
    """What a pickle holds is not what a batch is made of."""


class PickledBytes:
    """An array of bytes: its shape and content, once both are known."""

    array: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        """Take version, shape, dtype, whether columns come first, and the content."""
        if type(state) is not tuple or len(state) != 5:
            raise Refused("its array is described in a strange way")
        _, shape, kind, columns_first, content = state
        if not isinstance(kind, _ByteType):
            raise Refused("its array is not of bytes")
        if type(shape) is not tuple or len(shape) > 4 or any(type(n) is not int for n in shape):
            raise Refused("its array has a strange shape")
        content = content.encode("latin1") if type(content) is str else content
        if type(content) is not bytes or any(n < 0 for n in shape):
            raise Refused("its array is torn")
        order = "F" if columns_first in (True, 1) else "C"
        self.array = np.frombuffer(content, np.uint8).reshape(shape, order=order)


class _ByteType:
    """NumPy's dtype of bytes, whose byte order and alignment mean nothing."""

    def __setstate__(self, state: Any) -> None:
        if type(state) is not tuple or any(
            type(part) not in (int, str, type(None)) for part in state
        ):
            raise Refused("its array is not of bytes")


@dataclass(eq=False, slots=True)
class _Name:
    """A name that a batch may hold. Not the function itself, whose attributes could be changed.

    Attributes:
        call: what a call of it does; None where a batch only names it.
    """

    call: Callable[..., Any] | None

    def __call__(self, *arguments: Any) -> Any:
        if self.call is None:
            raise Refused("it calls what it may only name")
        return self.call(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise Refused("it changes what is no array")


def _array(subtype: Any = None, *shape_and_type: Any) -> PickledBytes:
    plain = all(type(part) in (tuple, str, bytes) for part in shape_and_type)
    if subtype is not _NAMES["numpy", "ndarray"] or not plain:
        raise Refused("it makes an array in a strange way")
    return PickledBytes()


def _byte_type(name: Any = None, *flags: Any) -> _ByteType:
    if name not in ("u1", "|u1") or any(type(flag) not in (int, bool) for flag in flags):
        raise Refused("its array is not of bytes")
    return _ByteType()


def _encode(text: Any = None, encoding: Any = None, *more: Any) -> bytes:
    """How Python 3 writes bytes in protocol 2."""
    if type(text) is not str or encoding not in ("latin1", "latin-1") or more:
        raise Refused("it encodes something strange")
    return text.encode("latin1")


_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): _Name(_array),
    ("numpy._core.multiarray", "_reconstruct"): _Name(_array),
    ("numpy", "ndarray"): _Name(None),
    ("numpy", "dtype"): _Name(_byte_type),
    ("_codecs", "encode"): _Name(_encode),
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise Refused(f"it names '{module}.{name}'"[:80] + ", which no batch does")
        return _NAMES[module, name]


def read_pickle(content: bytes) -> Any:
    """Read a pickle of protocol 2 to 4 that is made of numbers, text, lists and arrays of bytes.

    Text that Python 2 wrote is read as Latin-1; arrays become `PickledBytes`.

    Raises:
        Refused: torn, or it holds anything else. Nothing has been run.
    """
    try:
        _check_opcodes(content)
        value = _Reader(io.BytesIO(content), encoding="latin1").load()
    except Refused:
        raise
    # Python's reader raises what the operations on its values do, and two of its own.
    except (
        *(ValueError, LookupError, OverflowError, TypeError, AttributeError),
        *(EOFError, pickle.UnpicklingError),
    ) as error:
        raise Refused(" ".join(str(error).split())[:120] or "it is torn") from error
    if not isinstance(value, dict):
        return value
    if any(type(key) not in (str, bytes) for key in value):
        raise Refused("it has a dictionary of something else than names")
    names = (key.decode("latin1") if type(key) is bytes else key for key in value)
    return dict(zip(names, value.values(), strict=True))


def _check_opcodes(content: bytes) -> None:
    """Raise Refused for a program that no batch is, or that leaves values behind."""
    depth, marks, tuples, waiting = 0, list[int](), 0, False
    for code, argument, _ in genops(content):
        if code.name not in _OPCODES:
            raise Refused(f"it does what no batch does: {code.name}")
        if waiting and code.name not in _PUTS:  # a tuple, and what becomes of it
            tuples += code.name != "REDUCE"
        waiting = code.name in _TUPLES or (waiting and code.name in _PUTS)
        if tuples > _MOST_TUPLES:
            raise Refused("its tuples lie in each other")
        if isinstance(argument, int) and (
            abs(argument) >= _LARGEST_INTEGER
            or (code.name.endswith("BINPUT") and argument > len(content))
        ):
            raise Refused("it has a number that no batch has")
        if code.name == "MARK":
            marks.append(depth)
            continue
        taken = len(code.stack_before)
        if markobject in code.stack_before:
            depth, taken = marks.pop(), taken - 2
        depth += len(code.stack_after) - taken
    if depth:
        raise Refused("it is torn")
