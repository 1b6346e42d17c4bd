"""Which columns of a Parquet file hold the pictures, their classes and their splits."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from colornet.config.reading import parse_json
from colornet.errors import InputError, did_you_mean

SPLIT = "split"
_LABELS = (
    *("label", "labels", "fine_label", "class", "class_name", "class_label", "category"),
    "coarse_label",
)
"""Names of columns of classes; of several the first, the finest, is taken."""


@dataclass(frozen=True)
class Columns:
    """The columns to read.

    picture: binary column, or a struct with a field `bytes`, as Hugging Face writes pictures.
    label: column of integers or text; None: no classes.
    names: class names by integer, where the file has them.
    split: whether there is a column that names each picture's split.
    """

    picture: str
    label: str | None
    names: tuple[str, ...]
    split: bool

    def class_of(self, value: int | str | None) -> str:
        """The class that a value of the label column means."""
        if isinstance(value, int) and 0 <= value < len(self.names):
            return self.names[value]
        return "" if value is None or value == -1 else str(value)


def find_columns(
    schema: pa.Schema, where: str, picture: str | None = None, label: str | None = None
) -> Columns:
    """Find the columns, or check those that were named.

    Args:
        where: the file, for messages.
        picture, label: columns by name; None looks for them.

    Raises:
        InputError: no column of pictures or several, or a named one that cannot be read.
    """
    chosen = _picture_column(schema, where, picture)
    if label is None:
        usable = (name for name in _LABELS if name != chosen and _holds_labels(schema, name))
        label = next(usable, None)
    elif not _holds_labels(schema, label):
        what = _type(schema, label)
        raise InputError(
            f"{where}: data.label: '{label}': {what}, not classes.\n"
            f"{did_you_mean(label, [name for name in schema.names if _holds_labels(schema, name)])}"
        )
    split = schema.names.count(SPLIT) == 1 and _is_text(schema.field(SPLIT).type)
    return Columns(chosen, label, _class_names(schema, label), split and label != SPLIT)


def _picture_column(schema: pa.Schema, where: str, named: str | None) -> str:
    candidates = [column.name for column in schema if _holds_pictures(column.type)]
    if named is not None:
        # Both the column and its field may be meant: image, image.bytes.
        for name in (named, named.removesuffix(".bytes")):
            if candidates.count(name) == 1:
                return name
        what = _type(schema, named)
        raise InputError(
            f"{where}: data.column: '{named}': {what}, not encoded pictures.\n"
            f"{did_you_mean(named, candidates)}"
        )
    if not candidates:
        raise InputError(
            f"{where}: no column of encoded pictures, only {', '.join(schema.names)[:200]}.\n"
            "A column of bytes is needed, or one with a field `bytes`."
        )
    if len(candidates) > 1:
        raise InputError(
            f"{where}: {len(candidates)} columns may be the pictures: "
            f"{', '.join(candidates)[:200]}.\n"
            f"Say which with data.column, such as data.column={candidates[0]}."
        )
    return candidates[0]


def _holds_pictures(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind) and (field := kind.get_field_index("bytes")) >= 0:
        kind = kind.field(field).type
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _holds_labels(schema: pa.Schema, name: str) -> bool:
    if schema.names.count(name) != 1:
        return False
    kind = schema.field(name).type
    return pa.types.is_integer(kind) or _is_text(kind)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _type(schema: pa.Schema, name: str) -> str:
    """What a column is, in words."""
    if (count := schema.names.count(name)) == 1:
        return str(schema.field(name).type)[:60]
    return f"{count} columns" if count else "no such column"


def _class_names(schema: pa.Schema, label: str | None) -> tuple[str, ...]:
    """Names of the integers in Hugging Face's description of the columns, where there are any."""
    try:
        described: Any = parse_json((schema.metadata or {})[b"huggingface"], "huggingface")
        names = described["info"]["features"][label]["names"]
    # Anything may be written there, and without it the integers serve.
    except (KeyError, TypeError, InputError):
        return ()
    texts = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return tuple(names) if texts else ()
