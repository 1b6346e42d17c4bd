"""Read the pickles of CIFAR-10 without running them.

A pickle is a program, and Python's own reader is no safe place for a hostile one even where every
name is refused: a few bytes make it reserve 64 GB for its memo, and two megabytes of nested tuples
overflow the stack when they are hashed. So the opcodes are read here, those that a batch is made
of, into plain values and stand-ins for arrays. Nothing is imported or called by name, only text is
hashed, and what is held is in proportion to the file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pickletools import genops
from typing import Any

import numpy as np


class Refused(ValueError):
    """What a pickle holds is not what a batch is made of."""


class PickledBytes:
    """An array of bytes: its shape and content, once both are known."""

    def __init__(self) -> None:
        self.array: np.ndarray | None = None

    def build(self, state: Any) -> None:
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
    """NumPy's dtype of bytes."""

    def build(self, state: Any) -> None:
        """Byte order and alignment mean nothing for bytes."""


@dataclass(frozen=True)
class _Name:
    """A name that a batch may hold, and what a call of it gives."""

    call: Callable[[tuple[Any, ...]], Any]


def _array(arguments: tuple[Any, ...]) -> PickledBytes:
    if not arguments or arguments[0] is not _NAMES["numpy", "ndarray"]:
        raise Refused("it makes an array in a strange way")
    return PickledBytes()


def _byte_type(arguments: tuple[Any, ...]) -> _ByteType:
    name = arguments[0] if arguments else None
    if type(name) is not str or name not in ("u1", "|u1"):
        raise Refused("its array is not of bytes")
    return _ByteType()


def _encoded(arguments: tuple[Any, ...]) -> bytes:
    """How Python 3 writes bytes in protocol 2."""
    text, encoding = arguments if len(arguments) == 2 else (None, None)
    if type(text) is not str or type(encoding) is not str or encoding not in _LATIN:
        raise Refused("it encodes something strange")
    return text.encode("latin1")


def _nothing(arguments: tuple[Any, ...]) -> Any:
    raise Refused("it calls what it may only name")


_LATIN = ("latin1", "latin-1")
_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): _Name(_array),
    ("numpy._core.multiarray", "_reconstruct"): _Name(_array),
    ("numpy", "ndarray"): _Name(_nothing),
    ("numpy", "dtype"): _Name(_byte_type),
    ("_codecs", "encode"): _Name(_encoded),
}


def read_pickle(content: bytes) -> Any:
    """Read a pickle of protocol 2 to 4 that is made of numbers, text, lists and arrays of bytes.

    Text that Python 2 wrote is read as Latin-1; arrays become `PickledBytes`.

    Raises:
        Refused: torn, or it holds anything else. Nothing has been run.
    """
    machine = _Machine()
    try:
        for code, argument, _ in genops(content):
            machine.step(code.name, argument)
    except Refused:
        raise
    except (ValueError, LookupError, OverflowError) as error:
        raise Refused(" ".join(str(error).split())[:120] or "it is torn") from error
    if len(machine.stack) != 1:
        raise Refused("it is torn")
    return machine.stack[0]


class _Machine:
    """The stack, marks and memo that opcodes work on."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def step(self, code: str, argument: Any) -> None:
        if code in _LITERALS:
            self.stack.append(argument)
        elif code in _CONSTANTS:
            self.stack.append(_CONSTANTS[code]())
        elif code in _ACTIONS:
            _ACTIONS[code](self, argument)
        elif code not in _PASSED:
            raise Refused(f"it does what no batch does: {code}")

    def pop(self) -> Any:
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def tuple_to_mark(self, _: Any) -> None:
        self.stack.append(tuple(self.pop_to_mark()))

    def tuple1(self, _: Any) -> None:
        self.stack[-1:] = [(self.stack[-1],)]

    def tuple2(self, _: Any) -> None:
        self.stack[-2:] = [(self.stack[-2], self.stack[-1])]

    def tuple3(self, _: Any) -> None:
        self.stack[-3:] = [(self.stack[-3], self.stack[-2], self.stack[-1])]

    def append(self, _: Any) -> None:
        self.extend([self.pop()])

    def appends(self, _: Any) -> None:
        self.extend(self.pop_to_mark())

    def extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise Refused("it appends to what is no list")
        self.stack[-1].extend(items)

    def set_item(self, _: Any) -> None:
        value, key = self.pop(), self.pop()
        self.update([key, value])

    def set_items(self, _: Any) -> None:
        self.update(self.pop_to_mark())

    def update(self, items: list[Any]) -> None:
        target, keys = self.stack[-1], items[::2]
        if type(target) is not dict or any(type(key) not in (str, bytes) for key in keys):
            raise Refused("it has a dictionary of something else than names")
        names = [key if type(key) is str else key.decode("latin1") for key in keys]
        target.update(zip(names, items[1::2], strict=True))

    def put(self, number: int) -> None:
        self.memo[number] = self.stack[-1]

    def memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def get(self, number: int) -> None:
        self.stack.append(self.memo[number])

    def name(self, words: str) -> None:
        self.push_name(*words.split(" ", 1))

    def name_on_stack(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        if type(name) is not str or type(module) is not str:
            raise Refused("it names something strange")
        self.push_name(module, name)

    def push_name(self, module: str, name: str) -> None:
        if (module, name) not in _NAMES:
            raise Refused(f"it names '{module}.{name}'"[:80] + ", which no batch does")
        self.stack.append(_NAMES[module, name])

    def call(self, _: Any) -> None:
        arguments, name = self.pop(), self.pop()
        if type(name) is not _Name or type(arguments) is not tuple:
            raise Refused("it calls something strange")
        self.stack.append(name.call(arguments))

    def build(self, _: Any) -> None:
        state = self.pop()
        if type(self.stack[-1]) not in (PickledBytes, _ByteType):
            raise Refused("it changes what is no array")
        self.stack[-1].build(state)


_PASSED = {"PROTO", "FRAME", "STOP"}
_LITERALS = {
    *("BININT", "BININT1", "BININT2", "LONG1"),
    *("BINSTRING", "SHORT_BINSTRING"),
    *("BINUNICODE", "SHORT_BINUNICODE"),
    *("BINBYTES", "SHORT_BINBYTES"),
}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}
_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "TUPLE": _Machine.tuple_to_mark,
    "TUPLE1": _Machine.tuple1,
    "TUPLE2": _Machine.tuple2,
    "TUPLE3": _Machine.tuple3,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.name_on_stack,
    "REDUCE": _Machine.call,
    "BUILD": _Machine.build,
}
