"""A dimension of a search as columns of a fit, and the contrasts that are tested in it.

Of an ordered dimension the thirds of its range are compared (of its logarithm where distances are
ratios); of a choice each value with the others; a value beside the range with the range as it was
tried. Only regions with at least `FEWEST` trials are tested.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from reports.analysis.regression import polynomials
from reports.format import bound_text, listed, setting_text
from reports.tables import setting_key, setting_keys
from spaces.dimensions import Dimension

FEWEST = 3
"""Fewest trials of a region that is tested."""
FEWEST_FINISHED = 2
"""Fewest of them that finished, where others were stopped early and are imputed."""
GRID = 15
"""Places over which a third is averaged."""
THIRDS = ("lower", "middle", "upper")


class Region(NamedTuple):
    """A part of a dimension.

    Attributes:
        kind: lower, middle or upper third, `tried` (the range as its trials lie in it), or `value`.
        low, high: its limits; NaN for a value.
        value: None for a part of the range.
        inside: (N,) which trials lie in it.
    """

    kind: str
    low: float
    high: float
    value: Any
    inside: np.ndarray

    @property
    def text(self) -> str:
        """`0.05 to 0.29` or `bce`."""
        if self.kind == "value":
            return setting_text(self.value)
        return f"{bound_text(self.low)} to {bound_text(self.high)}"

    @property
    def phrase(self) -> str:
        """`the upper third (1.7 to 10)` or `bce`."""
        if self.kind == "value":
            return self.text
        if self.kind == "tried":
            return f"its range ({self.text})"
        return f"the {self.kind} third ({self.text})"


class Contrast(NamedTuple):
    """The mean over some regions minus that over others.

    Attributes:
        kind: `trend` (upper minus lower), `bend` (outer minus middle), `special` or `level`.
        weights: (K,) of the dimension's columns.
        lean: (J,) the same of its lean columns.
    """

    kind: str
    first: tuple[Region, ...]
    second: tuple[Region, ...]
    weights: np.ndarray
    lean: np.ndarray

    @property
    def sides(self) -> tuple[str, str]:
        """Both sides in words: `the upper third (1.7 to 10)`, `the mean of bce and hinge`."""
        return _phrase(self.first), _phrase(self.second)


def _phrase(regions: tuple[Region, ...]) -> str:
    if len(regions) == 1:
        return regions[0].phrase
    names = listed([region.text for region in regions])
    return f"the mean of {names if regions[0].kind == 'value' else f'the outer thirds ({names})'}"


class Block(NamedTuple):
    """A dimension's columns in a fit.

    Attributes:
        active: (N,) trials in which it has a value.
        ranged: (N,) those in which that is in its range; none of a choice.
        columns: (N, K), 0 where it is inactive and of mean 0 where it is not.
        lean: (N, J) those columns of which interactions are products.
        regions: with enough trials, in order.
        is_tested: whether trials finished in all regions that have enough.
    """

    dimension: Dimension
    active: np.ndarray
    ranged: np.ndarray
    columns: np.ndarray
    lean: np.ndarray
    regions: tuple[Region, ...]
    contrasts: tuple[Contrast, ...]
    is_tested: bool = True


def block_of(
    dimension: Dimension,
    points: Sequence[dict[str, Any]],
    degree: int,
    finished: np.ndarray | None = None,
) -> Block:
    """A dimension as columns: polynomials up to `degree`, or an indicator per value of a choice.

    Whether early values foretell the end is known only where trials finished. What learns slowly
    and ends better is stopped wherever it was tried, and imputed as if it went on like the others:
    nothing is compared where most trials of a region lie beyond those that finished.

    Args:
        finished: (N,) which trials finished, the others being imputed; None if all did.
    """
    active = np.array([dimension.name in point for point in points], dtype=bool)
    values = [point.get(dimension.name) for point in points]
    if dimension.is_categorical or dimension.low is None or dimension.high is None:
        block = _choice(dimension, values, active)
    else:
        block = _ordered(dimension, values, active, degree)
    if finished is None or finished.all() or _is_tested(block, finished):
        return block
    # Imputed ends of an untested region bend the fit in all of them.
    return block._replace(contrasts=(), is_tested=False)


def _is_tested(block: Block, finished: np.ndarray) -> bool:
    """Whether in each region enough trials finished, and at most half lie beyond those that did."""
    ended = block.columns[block.ranged & finished, :1]
    low, high = ended.min(initial=math.inf), ended.max(initial=-math.inf)
    compared = [
        region for contrast in block.contrasts for region in contrast.first + contrast.second
    ]
    for region in (*block.regions, *compared):
        among = region.inside
        if region.kind != "value":  # the first column rises with the setting
            among = among & (block.columns[:, 0] >= low) & (block.columns[:, 0] <= high)
        enough = (region.inside & finished).sum() >= FEWEST_FINISHED
        if not enough or 2 * among.sum() < region.inside.sum():
            return False
    return True


def _choice(dimension: Dimension, values: list[Any], active: np.ndarray) -> Block:
    regions = _values_tried(dimension, values, active)
    # The first value is the base that the other indicators are measured from.
    columns = _centered([region.inside.astype(float) for region in regions[1:]], active)
    unit = np.eye(len(regions))[:, 1:]
    enough = [index for index, region in enumerate(regions) if region.inside.sum() >= FEWEST]
    contrasts = []
    for index in enough[1:] if len(enough) == 2 else enough if len(enough) > 2 else ():
        others = [other for other in enough if other != index]
        # A value against the mean of the others, not against the base, which nobody chose.
        weights = unit[index] - unit[others].mean(0)
        second = tuple(regions[other] for other in others)
        contrasts.append(Contrast("level", (regions[index],), second, weights, weights))
    large_regions = tuple(regions[index] for index in enough)
    none = np.zeros_like(active)
    return Block(dimension, active, none, columns, columns, large_regions, tuple(contrasts))


def _ordered(dimension: Dimension, values: list[Any], active: np.ndarray, degree: int) -> Block:
    beside = active & _beside(dimension, values)
    ranged = active & ~beside
    numbers = np.where(ranged, np.array(values, dtype=object), math.nan).astype(float)
    # On [-1, 1] Legendre's polynomials are orthogonal, which keeps the fit well conditioned.
    places = _places(dimension, numbers)
    shapes = np.where(ranged[:, None], polynomials(np.where(ranged, places, 0.0), degree), 0.0)
    columns = _centered(list(shapes.T), ranged)
    mean = shapes[ranged].mean(0) if ranged.any() else np.zeros(degree)
    regions: list[Region] = []
    shape = []
    for region, grid in _thirds_tried(dimension, places, ranged):
        if region.inside.sum() >= FEWEST:
            regions.append(region)
            shape.append(polynomials(grid, degree).mean(0) - mean)
    # A third is the mean of the polynomials over it, less their mean over the trials, as columns
    # are centered: a contrast of thirds is then a weighted sum of coefficients.
    contrasts = _of_thirds(regions, shape)
    lean = columns[:, :1]
    if beside.any():
        columns = np.column_stack([columns, beside.astype(float)])
        contrasts = [c._replace(weights=np.append(c.weights, 0.0)) for c in contrasts]
        if beside.sum() >= FEWEST and ranged.sum() >= FEWEST:
            in_range = numbers[ranged]
            tried = Region("tried", float(in_range.min()), float(in_range.max()), None, ranged)
            special = Region("value", math.nan, math.nan, *(dimension.special or (None,)), beside)
            weights = np.append(np.zeros(degree), 1.0)
            contrasts.append(Contrast("special", (special,), (tried,), weights, np.zeros(1)))
    return Block(dimension, active, ranged, columns, lean, tuple(regions), tuple(contrasts))


def regions_of(dimension: Dimension, points: Sequence[dict[str, Any]]) -> tuple[Region, ...]:
    """All regions of a dimension: thirds and a special value, or values.

    Of a choice the values that any of the points has.
    """
    active = np.array([dimension.name in point for point in points], dtype=bool)
    values = [point.get(dimension.name) for point in points]
    if dimension.is_categorical or dimension.low is None or dimension.high is None:
        return tuple(_values_tried(dimension, values, active))
    beside = active & _beside(dimension, values)
    numbers = np.where(active & ~beside, np.array(values, dtype=object), math.nan).astype(float)
    thirds = _thirds_tried(dimension, _places(dimension, numbers), active & ~beside)
    special = [Region("value", math.nan, math.nan, value, beside) for value in dimension.special]
    return (*(region for region, _ in thirds), *special)


def _beside(dimension: Dimension, values: list[Any]) -> np.ndarray:
    """Which values are the special one, or none."""
    return np.array([value is None or value in dimension.special for value in values], dtype=bool)


def _values_tried(dimension: Dimension, values: list[Any], active: np.ndarray) -> list[Region]:
    """A region for each value of a choice that occurs."""
    keys = np.array(list(map(setting_key, values)), dtype=object)
    settings = dict(zip(keys[active], np.array(values, dtype=object)[active], strict=True))
    names = [key for key in setting_keys(dimension, settings.values()) if key in settings]
    return [
        Region("value", math.nan, math.nan, settings[name], active & (keys == name))
        for name in names
    ]


def _thirds_tried(
    dimension: Dimension, places: np.ndarray, ranged: np.ndarray
) -> list[tuple[Region, np.ndarray]]:
    """Each third of a range, and the places that it is averaged over."""
    thirds = []
    for name, low, high, grid in _thirds(dimension):
        limits = _values(dimension, np.array([low, high]))
        # The outer thirds hold what lies beyond the range, too (`start_from` may).
        upper = places < high if name != "upper" else places <= np.inf
        lower = places >= low if name != "lower" else places >= -np.inf
        inside = ranged & lower & upper
        thirds.append((Region(name, float(limits[0]), float(limits[1]), None, inside), grid))
    return thirds


def _of_thirds(regions: list[Region], shape: list[np.ndarray]) -> list[Contrast]:
    """Upper minus lower third and outer ones minus middle one, as far as there are trials."""
    if len(regions) < 2:
        return []
    trend = shape[-1] - shape[0]
    contrasts = [Contrast("trend", (regions[-1],), (regions[0],), trend, trend[:1])]
    if len(regions) == 3 and len(trend) > 1:
        bend = (shape[0] + shape[2]) / 2 - shape[1]
        outer = (regions[0], regions[2])
        contrasts.append(Contrast("bend", outer, (regions[1],), bend, bend[:1]))
    return contrasts


def _thirds(dimension: Dimension) -> list[tuple[str, float, float, np.ndarray]]:
    """Name, limits and places of each third, from -1 to 1; of a range with steps only these."""
    thirds = []
    for name, low in zip(THIRDS, (-1.0, -1 / 3, 1 / 3), strict=True):
        high = low + 2 / 3
        grid = low + (np.arange(GRID) + 0.5) / GRID * (high - low)
        if (spacing := dimension.spacing) is not None:
            assert dimension.low is not None and dimension.high is not None
            ends = (float(v) for v in _values(dimension, np.array([low, high])))
            low_at, high_at = ((end - dimension.low) / spacing for end in ends)
            # A step at the limit belongs to the third whatever rounding makes of it.
            first, last = math.ceil(low_at - 1e-9), math.floor(high_at + 1e-9)
            steps = np.unique(np.linspace(first, last, 50).round()) if last >= first else []
            grid = _places(dimension, dimension.low + spacing * np.array(steps, dtype=float))
            grid = grid[(grid >= low - 1e-9) & ((grid < high - 1e-9) | (name == "upper"))]
        if len(grid):
            thirds.append((name, low, high, grid))
    return thirds


def _places(dimension: Dimension, values: np.ndarray) -> np.ndarray:
    """Values of a range as places from -1 to 1."""
    low, high = _ends(dimension)
    scaled = np.log(values) if dimension.is_log else values
    return 2 * (scaled - low) / (high - low) - 1 if high > low else np.zeros(len(values))


def _values(dimension: Dimension, places: np.ndarray) -> np.ndarray:
    low, high = _ends(dimension)
    scaled = low + (places + 1) / 2 * (high - low)
    return np.exp(scaled) if dimension.is_log else scaled


def _ends(dimension: Dimension) -> tuple[float, float]:
    assert dimension.low is not None and dimension.high is not None
    low, high = float(dimension.low), float(dimension.high)
    return (math.log(low), math.log(high)) if dimension.is_log else (low, high)


def _centered(columns: list[np.ndarray], active: np.ndarray) -> np.ndarray:
    """(N, K) columns less their means over the active trials, 0 elsewhere."""
    stacked = np.array(columns, dtype=float).reshape(len(columns), len(active)).T
    if not active.any():
        return stacked
    return np.where(active[:, None], stacked - stacked[active].mean(0), 0.0)
