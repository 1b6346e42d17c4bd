"""On which pictures a sweep was judged: what makes its numbers comparable with those of another."""

from collections.abc import Iterable, Mapping
from typing import Any

COMMON = "eval_"
"""Columns that begin like that are measured on the common pictures of `evaluate_on`."""


def judged_on(columns: Iterable[str], data: Iterable[str], common: str | None) -> list[str]:
    """Content hashes of the pictures on which columns are measured, sorted.

    Args:
        data: of the sets that are trained on, whose held-out pictures judge in `val_…`.
        common: of the common ones.
    """
    of_common = {column.startswith(COMMON) for column in columns}
    hashes = set(data) if False in of_common else set()
    return sorted(hashes | ({common} if common and True in of_common else set()))


def recorded_pictures(columns: Iterable[str], provenance: Mapping[str, Any]) -> list[str]:
    """The same by a sweep's provenance; empty where that does not tell."""
    common = (provenance.get("evaluation") or {}).get("content_hash")
    data = [pack["content_hash"] for pack in provenance.get("data") or ()]
    return judged_on(columns, data, common)


def splits(columns: Iterable[str], base_config: Mapping[str, Any]) -> dict[str, str | None]:
    """How the pictures were split of which the held-out ones judge, by section of the config."""
    sections = {"evaluate_on" if column.startswith(COMMON) else "data" for column in columns}
    return {section: (base_config.get(section) or {}).get("split") for section in sorted(sections)}
