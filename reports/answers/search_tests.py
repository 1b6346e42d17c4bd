"""Everything that is asked of a search, with p values adjusted for all of it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from reports.analysis.directions import Direction, direction
from reports.analysis.effects import (
    Effect,
    Model,
    Pair,
    effects,
    joined,
    p_best_inside,
    p_joined,
    pairs,
)
from reports.analysis.lost_trials import Lost
from reports.analysis.statistics import adjusted, shown
from reports.tables import Column

Key = tuple[str, ...]


class Findings(NamedTuple):
    """Everything that is asked of a search, with p adjusted for all of it.

    Attributes:
        directions: of ordered dimensions with trials enough.
        p: by (effect, dimension, number), (same, dimension), (inside, dimension), (direction,
            dimension), (pair, dimension, dimension) and (lost, number).
    """

    column: Column
    model: Model
    effects: dict[str, tuple[Effect, ...]]
    directions: dict[str, Direction]
    pairs: tuple[Pair, ...]
    lost: tuple[Lost, ...]
    p: dict[Key, float]
    count: int


def find(model: Model, lost: Sequence[Lost], column: Column) -> Findings:
    """Estimate, look for interactions, and adjust every p for all others."""
    asked, directions = pairs(model), _directions(model)
    ranked = {("direction", name): one.p for name, one in directions.items()}

    def whole_family() -> dict[Key, float]:
        crossed = {("pair", *one[:2]): one.p for one in asked}
        return _p_values(model, lost, column) | ranked | crossed

    family = whole_family()
    together = adjusted(family)
    chosen = [one for one in asked if shown(together["pair", one.first, one.second])]
    model = joined(model, chosen)
    if model.joined:
        sure = [one._replace(p=max(one.p, p_joined(model, one))) for one in chosen]
        left = {(one.first, one.second): one for one in sure}
        asked = [left.get((one.first, one.second), one) for one in asked]
        family = whole_family()
        together = adjusted(family)
    known = {name: effects(model, name) for name in model.terms}
    return Findings(
        column, model, known, directions, tuple(asked), tuple(lost), together, len(family)
    )


def _directions(model: Model) -> dict[str, Direction]:
    found = {name: direction(model, name) for name in model.terms}
    return {name: one for name, one in found.items() if one is not None}


def _p_values(model: Model, lost: Sequence[Lost], column: Column) -> dict[Key, float]:
    found: dict[Key, float] = {}
    for name in model.terms:
        known = effects(model, name)
        found |= {("effect", name, str(at)): one.p for at, one in enumerate(known)}
        if known and _whole(model, name):
            found["same", name] = max(one.same for one in known)
            found["inside", name] = p_best_inside(model, name, column.sign)
    found |= {("lost", str(at)): one.p for at, one in enumerate(lost)}
    return {key: p for key, p in found.items() if not math.isnan(p)}


def _whole(model: Model, name: str) -> bool:
    """Whether all is asked that would have to be nothing for a dimension to be without effect."""
    one = model.terms[name]
    if len(effects(model, name)) < len(one.contrasts):
        return False
    kinds = {contrast.kind for contrast in one.contrasts}
    if one.dimension.categorical:
        return len(one.regions) == len(one.dimension.choices)
    few = one.dimension.spacing is not None and len(one.regions) == 2
    beside = not one.dimension.special or "special" in kinds
    return ("bend" in kinds or few) and beside
