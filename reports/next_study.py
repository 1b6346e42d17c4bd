"""The study to run after a sweep: where the best probably lies, without what makes no difference.

Regions that hold the best with `KEPT` probability become the ranges and choices; a dimension that
costs nothing anywhere is fixed at the best point's setting; the best points are where it starts.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from colornet.config.catalog import to_yaml
from colornet.config.paths import flatten
from colornet.errors import InputError
from reports.analysis.best_regions import BestRegion
from reports.analysis.decision import decide
from reports.analysis.least_difference import least_difference
from reports.answers.answer import Answer
from reports.answers.answers import answered_column, answers
from reports.format import percent_text, setting_text, significant
from reports.tables import SweepTables
from spaces.dimensions import Dimension, Point, is_same
from spaces.study import Study, StudyFile

KEPT = 0.8
"""Least probability that the best lies in what is kept of a dimension."""
STARTS = 3
"""Points of the sweep that the next study begins with."""


@dataclass(frozen=True)
class NextStudy:
    """A study file, and why it is as it is: a sentence for each dimension that changed."""

    file: dict[str, Any]
    reasons: tuple[str, ...]

    @property
    def text(self) -> str:
        """YAML with the reasons as comments."""
        return "\n".join(
            [*(f"# {reason}" for reason in self.reasons), to_yaml(self.file, compact=True).rstrip()]
        )


def next_study(sweep: SweepTables) -> NextStudy:
    """The study that goes on where a search has ended.

    Raises:
        InputError: a compared design; a sweep of which nothing can be chosen, or nothing is left
            to search.
    """
    name = sweep.records.name
    study = Study.from_data(sweep.records.study, f"{sweep.records.location}/study.yaml")
    if sweep.is_comparison:
        raise InputError(
            f"--next: {name}: is a compared design, which has no ranges to narrow.\n"
            f"Give it more seeds: colorsweep extend {sweep.argument} --replicates 3"
        )
    decision = decide(sweep)
    if decision is None:
        raise InputError(
            f"--next: {name}: no trial can be chosen, so nothing is known of its space.\n"
            f"See how they ended: colorsweep report {sweep.argument}"
        )
    made = answers(sweep, decision)
    column = answered_column(sweep, decision)
    least = least_difference(sweep, made.counted.values, column)
    best: Point = decision.points.iloc[decision.proposed]["point"]
    kept: dict[str, Dimension] = {}
    fixed: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for answer in made.dimensions:
        dimension = study.space[answer.dimension]
        narrowed, reasons[answer.dimension] = _narrowed(dimension, answer, best, least)
        if isinstance(narrowed, Dimension):
            kept[answer.dimension] = narrowed
        elif answer.dimension in best:
            fixed[answer.dimension] = narrowed
    kept = _settled(kept, fixed)
    if not kept:
        raise InputError(
            f"--next: {name}: every dimension is decided: nothing is left to search.\n"
            f"Take the best: colorsweep best {sweep.argument}"
        )
    starts = _starts(decision.points["point"][:STARTS], kept)
    changes: dict[str, Any] = {}
    for dimension_name, setting in fixed.items():
        changes |= study.space[dimension_name].changes(setting)
    changed = [f"{n}: {why}" for n, why in reasons.items() if why and (n in kept or n in fixed)]
    return NextStudy(
        _file(study, kept, changes, starts), (f"After {name}, by {column.label}.", *changed)
    )


def _narrowed(
    dimension: Dimension, answer: Answer, best: Point, least: float
) -> tuple[Dimension | Any, str]:
    """What is left of a dimension, or the setting it is fixed at; and why, empty if unchanged."""
    regions = answer.regions
    shown = answer.verdict in ("effect", "depends")
    if dimension.name in best and not shown:
        setting = best[dimension.name]
        if answer.verdict == "equivalent":
            return setting, f"fixed at {setting_text(setting)}: no visible effect"
        if regions and max(region.stake for region in regions) < least:
            return setting, f"fixed at {setting_text(setting)}: elsewhere is hardly better or worse"
    chosen: list[BestRegion] = []
    for region in sorted(regions, key=lambda region: -region.chance):
        if sum(other.chance for other in chosen) < KEPT:
            chosen.append(region)
    if len(chosen) == len(regions):
        return dimension, ""
    chance = percent_text(sum(region.chance for region in chosen))
    special = [r.region.value for r in chosen if r.region.kind == "value"]
    if dimension.is_categorical:
        left = [c for c in dimension.choices if any(is_same(c, value) for value in special)]
        if len(left) == 1:
            return left[0], f"fixed at {setting_text(left[0])}: the best in {chance}"
        labels = {label: dimension.labels[label] for label in left if label in dimension.labels}
        words = ", ".join(setting_text(setting) for setting in left)
        return replace(dimension, choices=tuple(left), labels=labels), f"{words}: {chance}"
    thirds = [r.region for r in chosen if r.region.kind != "value"]
    if not thirds:
        return special[0], f"fixed at {setting_text(special[0])}: the best in {chance}"
    lowest, highest = min(r.low for r in thirds), max(r.high for r in thirds)
    low, high = _limits(dimension, lowest, highest)
    beside = tuple(special)
    if (low, high, beside) == (dimension.low, dimension.high, dimension.special):
        return dimension, ""
    # The middle third is kept between both outer ones, whatever it is worth by itself.
    within = [r for r in regions if r in chosen or lowest <= r.region.low < highest]
    chance = percent_text(sum(region.chance for region in within))
    if low == high:
        return low, f"fixed at {setting_text(low)}: the best in {chance}"
    text = f"{setting_text(low)} to {setting_text(high)}"
    words = f"{text} or {setting_text(beside[0])}" if beside else text
    return replace(dimension, low=low, high=high, special=beside), f"{words}: {chance}"


def _limits(dimension: Dimension, low: float, high: float) -> tuple[float, float]:
    """The numbers of a range nearest to two limits inside of it, to a thousandth of their width."""
    assert dimension.low is not None and dimension.high is not None
    if dimension.spacing is None:
        # Of limits that are alike, such as 0.999 and 0.9993, more digits differ.
        digits = 2 - min(-1, math.floor(math.log10((high - low) / max(abs(low), abs(high)))))
        low, high = significant(low, digits), significant(high, digits)
        return max(low, dimension.low), min(high, dimension.high)
    steps = [(end - dimension.low) / dimension.spacing for end in (low, high)]
    first, last = math.ceil(steps[0] - 1e-9), math.floor(steps[1] + 1e-9)
    if first > last:
        first = last = round(sum(steps) / 2)
    if dimension.is_int:
        return dimension.number(first), dimension.number(last)
    # As they would be written: 0.30000000000000004 is no sum of steps of 0.1.
    start, step = Decimal(str(dimension.low)), Decimal(str(dimension.spacing))
    return float(start + first * step), float(start + last * step)


def _settled(kept: Mapping[str, Dimension], fixed: Mapping[str, Any]) -> dict[str, Dimension]:
    """Dimensions whose conditions can still be met, without those that always are."""
    settled: dict[str, Dimension] = {}
    for name, dimension in kept.items():  # parents come before what they govern
        when, is_met = {}, True
        for parent, values in dimension.when.items():
            if parent in fixed:
                is_met &= any(is_same(fixed[parent], value) for value in values)
            elif parent not in settled:
                is_met = False
            else:
                left = settled[parent]
                when[parent] = tuple(v for v in values if left.contains(v))
                is_met &= bool(when[parent])
        if is_met:
            settled[name] = replace(dimension, when=when)
    return settled


def _starts(points: Iterable[Point], kept: Mapping[str, Dimension]) -> list[Point]:
    """Points to begin with, in the space that is left, each of them once."""
    starts: list[Point] = []
    for point in points:
        start = _part(point, kept)
        if start and start not in starts:  # they may have differed in what is fixed alone
            starts.append(start)
    return starts


def _part(point: Point, kept: Mapping[str, Dimension]) -> Point:
    """What of a point is in the space that is left; nothing where it lies outside of that.

    The rest of its settings alone would be another point, which nobody tried.
    """
    part = {name: value for name, value in point.items() if name in kept}
    return part if all(kept[name].contains(value) for name, value in part.items()) else {}


def _file(
    study: Study, kept: Mapping[str, Dimension], fixed: Mapping[str, Any], starts: list[Point]
) -> dict[str, Any]:
    """A study file as people write it: without what is at its default."""
    fields = StudyFile.model_fields
    data = study.file.model_dump(mode="json", exclude={"quick", "space"})
    for part in ("budget", "resources"):
        data[part] = {key: value for key, value in data[part].items() if value is not None}
    defaults = StudyFile.model_construct().model_dump(mode="json")
    file = {k: v for k, v in data.items() if fields[k].is_required() or v != defaults.get(k)}
    file["fixed"] = {**study.file.fixed, **fixed}
    if study.file.evaluate_on is not None:
        file["evaluate_on"] = {**_judging(study, fixed), **study.file.evaluate_on}
    file["space"] = {name: _spec(dimension) for name, dimension in kept.items()}
    file["start_from"] = starts
    order = ("version", "question", "asked_in", "base", "fixed", "space", "start_from")
    keys = [*(key for key in order if key in file), *(key for key in file if key not in order)]
    optional = ("fixed", "start_from", "budget", "resources")  # empty as if they were not there
    return {key: file[key] for key in keys if key not in optional or file[key]}


def _judging(study: Study, fixed: Mapping[str, Any]) -> dict[str, Any]:
    """What keeps the common pictures as they are although pictures to train on are now fixed.

    What a study fixes of `data` holds for the common pictures, too.
    """
    before = flatten({"data": study.base_config["evaluate_on"]})
    paths = {path for path in fixed if path.startswith("data.")}
    if "data.source" in paths:  # each source has settings of its own
        paths = set(before)
    # How many to train on is nothing to those that judge.
    return {path: before[path] for path in sorted(paths - {"data.train_pictures", "data.fraction"})}


def _spec(dimension: Dimension) -> dict[str, Any]:
    """A dimension in a study's words."""
    spec: dict[str, Any] = {dimension.type: [dimension.low, dimension.high]}
    if dimension.type == "bundle":
        spec = {"bundle": {label: dict(paths) for label, paths in dimension.labels.items()}}
    elif dimension.is_categorical:
        spec = {dimension.type: list(dimension.choices)}
    if dimension.step is not None:
        spec["step"] = dimension.step
    if dimension.special:
        spec["or"] = dimension.special[0]
    if dimension.when:
        spec["when"] = {parent: list(values) for parent, values in dimension.when.items()}
    return spec
