"""Files that anybody may have written, as plain data: the one reader of JSON and of YAML.

Whatever a file holds, it is read in bounded time and memory, and nothing of it is run: sizes and
depths are capped, YAML's aliases and tags are refused, and what is wrong with a file is said in an
InputError that names it. YAML is version 1.2: `1e-5` is a number, `on` and `no` are text, duplicate
keys are errors.
"""

import json
import math
import os
import select
import stat
import time
from functools import cache, lru_cache
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode

from colornet.errors import InputError, error_summary

MAX_BYTES = 1_000_000
"""Of a YAML file, and of a JSON file that does not say otherwise."""
MAX_DEPTH = 64
MAX_DIGITS = 4000
"""Of a number: Python itself writes no more than 4,300."""
PATIENCE = 3.0
"""Seconds that a pipe may be silent."""
_CHUNK = 1 << 16
_YAML_TAG = "tag:yaml.org,2002:"
_PLAIN = {"null", "bool", "int", "float", "str"}


def read_text(path: str | os.PathLike[str], most: int = MAX_BYTES) -> str:
    """The text of a file, or of a pipe that somebody writes to.

    Args:
        most: bytes that it may have.

    Raises:
        InputError: not there, no file, larger, no UTF-8 text, a pipe that stays silent.
    """
    try:
        content = _read(path, most)
    except FileNotFoundError:
        raise InputError(f"{path}: not found.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        why = getattr(error, "strerror", None) or error_summary(error)
        raise InputError(f"{path}: cannot be read: {why}.") from None
    return decoded(content, str(path))


def decoded(content: bytes, origin: str) -> str:
    """Bytes as text. Raises InputError for what is no UTF-8, or holds a NUL."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{origin}: byte {error.start + 1}: is no UTF-8 text.\nSave the file as UTF-8."
        ) from None
    if "\0" in text:
        raise InputError(
            f"{origin}: character {text.index(chr(0)) + 1}: is a NUL, which no text holds.\n"
            "Save the file as UTF-8."
        )
    return text


def _read(path: str | os.PathLike[str], most: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        kind = os.fstat(descriptor).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISFIFO(kind)):
            raise InputError(f"{path}: is no file.\nGive a file of text.")
        content, until = bytearray(), time.monotonic() + PATIENCE
        while len(content) <= most:
            if stat.S_ISFIFO(kind):
                left = max(0.0, until - time.monotonic())
                if not select.select([descriptor], [], [], left)[0]:
                    raise InputError(
                        f"{path}: is a pipe that nobody writes to.\nGive a file of text."
                    )
                time.sleep(0.001)  # a pipe whose writer has not come yet is always at its end
            chunk = os.read(descriptor, min(most + 1 - len(content), _CHUNK))
            if not chunk and (content or stat.S_ISREG(kind) or time.monotonic() > until):
                return bytes(content)
            content += chunk
        raise InputError(f"{path}: is larger than {most:,} bytes, and is not read.")
    finally:
        os.close(descriptor)


def read_json(path: str | os.PathLike[str], most: int = MAX_BYTES) -> Any:
    """What a JSON file holds. Raises InputError as `read_text` and `parse_json`."""
    return parse_json(read_text(path, most), str(path))


def parse_json(text: str | bytes, origin: str) -> Any:
    """What JSON text holds; NaN and infinities, which JSON does not have, are null.

    Raises:
        InputError: no JSON, lists or mappings within each other beyond MAX_DEPTH, a number that is
            none.
    """
    plain = decoded(text, origin) if isinstance(text, bytes) else text
    try:
        value = json.loads(
            plain, parse_int=_whole, parse_float=_finite, parse_constant=lambda _: None
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{origin}: {where}: is no JSON: {error.msg}.") from None
    except ValueError as error:
        raise InputError(f"{origin}: {error}.") from None
    except RecursionError:
        raise _too_deep(origin) from None
    if _is_deep(value):
        raise _too_deep(origin)
    return value


def json_mapping(text: str | bytes, origin: str) -> dict[str, Any]:
    """The mapping in JSON text. Raises InputError as `parse_json`, and for anything else."""
    value = parse_json(text, origin)
    if not isinstance(value, dict):
        raise InputError(f"{origin}: holds no mapping.")
    return value


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"{digits[:20]}…: a number of {len(digits):,} digits, which nothing holds")
    return int(digits)


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError(f"{digits[:20]}: a number that is larger than any float")
    return number


def _is_deep(value: Any) -> bool:
    waiting = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH + 1):
        parts = (outer.values() if isinstance(outer, dict) else outer for outer in waiting)
        waiting = [part for inner in parts for part in inner if isinstance(part, dict | list)]
        if not waiting:
            return False
    return True


def _too_deep(origin: str) -> InputError:
    return InputError(f"{origin}: lists or mappings lie in each other beyond {MAX_DEPTH} levels.")


def read_yaml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The mapping in a YAML file, as plain data. Raises InputError as `read_text`, `parse_yaml`."""
    return parse_yaml(read_text(path), str(path))


def parse_yaml(text: str, origin: str) -> dict[str, Any]:
    """The mapping in YAML text, as plain data.

    Raises:
        InputError: syntax error (with its line), duplicate key, alias, tag, beyond MAX_DEPTH, or
            something else than a mapping.
    """
    value = yaml_value(text, origin)
    if not isinstance(value, dict):
        raise InputError(f"{origin}: holds no mapping.\nWrite `key: value` lines.")
    return value


def yaml_value(text: str, origin: str) -> Any:
    """What YAML text of one document holds. Raises InputError as `parse_yaml`."""
    try:
        return _Document(text, origin).read()
    except yaml.MarkedYAMLError as error:
        raise InputError(f"{_at(origin, error.problem_mark)}: not YAML: {error.problem}.") from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise InputError(f"{origin}: not YAML: {error_summary(error)}.") from None


def _at(origin: str, mark: Any) -> str:
    return f"{origin}: line {mark.line + 1}, column {mark.column + 1}" if mark else origin


@cache
def _yaml_1_2() -> YAML:
    # One for all documents: making it has ruamel look through site-packages for plug-ins.
    return YAML(typ="safe", pure=True)


@lru_cache(maxsize=4096)
def plain_tag(text: str) -> str:
    """The tag of what YAML 1.2 takes a scalar without quotes for."""
    return str(_yaml_1_2().resolver.resolve(ScalarNode, text, (True, False)))


class _Document:
    """Builds plain data from the events of libyaml, which reads 30 times as fast as Python does.

    What a plain scalar means is YAML 1.2's business, which ruamel knows.
    """

    def __init__(self, text: str, origin: str) -> None:
        self.loader = getattr(yaml, "CLoader", yaml.Loader)(text)
        self.origin = origin
        self.meaning = _yaml_1_2()
        self.scalars: dict[str, Any] = {}
        """What plain scalars mean that have been met."""

    def read(self) -> Any:
        root, documents = None, 0
        try:
            while (event := self.loader.get_event()) is not None:
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        raise self._refused(event, "not YAML: a second document is not read")
                    root = self._value(self.loader.get_event(), 0)
        finally:
            self.loader.dispose()
        return root

    def _value(self, event: Any, depth: int) -> Any:
        """What begins with an event, inside so many lists and mappings."""
        if isinstance(event, yaml.ScalarEvent):
            if event.tag is not None or not event.implicit[0]:
                return self._typed(event)
            if event.value not in self.scalars:
                self.scalars[event.value] = self._typed(event)
            return self.scalars[event.value]
        if isinstance(event, yaml.AliasEvent):
            raise self._refused(event, "not YAML: aliases are not read")
        if event.tag is not None and not event.implicit and event.tag != "!":
            raise self._refused(event, f"not YAML: the tag {event.tag[:60]} is not read")
        if depth == MAX_DEPTH:
            raise _too_deep(_at(self.origin, event.start_mark))
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(inner := self.loader.get_event(), yaml.SequenceEndEvent):
                items.append(self._value(inner, depth + 1))
            return items
        mapping: dict[Any, Any] = {}
        while not isinstance(inner := self.loader.get_event(), yaml.MappingEndEvent):
            if isinstance(inner, yaml.CollectionStartEvent):
                raise self._refused(inner, "not YAML: a key is no plain value")
            key = self._value(inner, depth + 1)
            if key in mapping:
                raise self._refused(inner, "the key is there twice")
            mapping[key] = self._value(self.loader.get_event(), depth + 1)
        return mapping

    def _typed(self, event: yaml.ScalarEvent) -> Any:
        tag = event.tag
        if tag is None or tag == "!":
            if not event.implicit[0]:
                return event.value
            tag = plain_tag(event.value)
        kind = str(tag).removeprefix(_YAML_TAG)
        # Dates are the text that they are written as.
        is_text = event.tag is None or kind in ("timestamp", "merge", "value")
        if kind == "str" or (kind not in _PLAIN and is_text):
            return event.value
        if kind not in _PLAIN:
            raise self._refused(event, f"not YAML: the tag {kind[:60]} is not read")
        if kind in ("int", "float") and len(event.value) > MAX_DIGITS:
            digits = f"{event.value[:20]}…: a number of {len(event.value):,} digits"
            raise self._refused(event, f"{digits}, which nothing holds")
        try:
            node = ScalarNode(_YAML_TAG + kind, event.value)
            return getattr(self.meaning.constructor, f"construct_yaml_{kind}")(node)
        except (ValueError, KeyError, YAMLError):
            raise self._refused(event, f"{event.value[:60]!r} is no {kind}") from None

    def _refused(self, event: yaml.Event, why: str) -> InputError:
        return InputError(f"{_at(self.origin, event.start_mark)}: {why}.")
