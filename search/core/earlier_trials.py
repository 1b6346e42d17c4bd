"""The trials of an earlier sweep as points of another space.

A trial is taken for what it trained, not for what its study called it: its whole config has a value
for each dimension of the new space, also for those that its own study did not search.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple

from optuna.trial import TrialState

from colornet.config.paths import flatten
from colornet.errors import InputError
from search.core.curves import Curves
from search.core.target import LastReport, Target
from search.core.trial_states import to_optuna
from search.records.reader import CONFIRM, SweepRecords
from spaces.dimensions import Dimension, Point, is_number, is_same
from spaces.earlier import EarlierTrial
from spaces.study import Study

OF_NO_MATTER = ("about", "training.seed", "training.epochs", "evaluate_on")
"""Paths, or beginnings of paths, that may differ: pictures are compared by themselves, and what
epochs come to is in `training.images`."""
NO_CONFIG = "the rest of the config"
"""Where a trial lies outside whose point is no config of the study."""
_MISSING = object()


class EndedTrial(NamedTuple):
    """What a trial trained, and what it came to or would have come to; None if it was lost."""

    point: Point
    seed: int
    report: LastReport | None


@dataclass
class PlacedTrials:
    """Those trials that lie in a space.

    Attributes:
        outside: how many lie outside of it in a dimension, by its name.
        differing: paths of the config in which any differs from what the study trains there.
    """

    trials: list[EarlierTrial] = field(default_factory=list)
    outside: Counter[str] = field(default_factory=Counter)
    differing: set[str] = field(default_factory=set)


def ended_trials(sweep: SweepRecords, before: Study, target: Target) -> Iterator[EndedTrial]:
    """Trials of a search that tell something, stopped ones by what they would have come to.

    Args:
        before: the sweep's study.
        target: what is told of them.
    """
    rows = sweep.trials[sweep.trials["origin"] != CONFIRM].to_dict("records")
    last = {str(name): metrics for name, metrics in sweep.last.to_dict("index").items()}
    reports = {row["trial_id"]: target.report(last.get(row["trial_id"], {})) for row in rows}
    states = {row["trial_id"]: to_optuna(row["state"], reports[row["trial_id"]]) for row in rows}
    finished = {
        name: reports[name] for name, told in states.items() if told.state == TrialState.COMPLETE
    }
    points = {row["trial_id"]: json.loads(row["point"]) for row in rows}
    counted = [
        row["trial_id"]
        for row in rows
        if row["trial_id"] in finished
        or (row["state"] == "pruned" and values_of(reports[row["trial_id"]]))
    ]
    curves = Curves(target)
    curves.rebuild(sweep.ticks)
    ends = curves.finals(before.dimensions, {name: points[name] for name in counted}, finished)
    for row in rows:
        name = row["trial_id"]
        report = finished.get(name) or ends.get(name)
        is_lost = states[name].state == TrialState.PRUNED and row["state"] != "pruned"
        if is_lost or (report is not None and values_of(report)):
            yield EndedTrial(points[name], int(row["seed"]), report)


def values_of(report: LastReport) -> list[float] | None:
    """What was measured, None unless all of it is finite."""
    values = [value for value in report.values if value is not None and isfinite(value)]
    return values if len(values) == len(report.values) else None


def place_trials(study: Study, before: Study, ended: Sequence[EndedTrial]) -> PlacedTrials:
    """Earlier trials in a study's space.

    Args:
        before: the study in which they were trained.
    """
    placed = PlacedTrials()
    nothing = Target.of(study).report({}).excess
    for trial in ended:
        config = before.config(trial.point, trial.seed).to_dict()
        point, outside = _point(study.dimensions, json.loads(json.dumps(config)))
        try:
            same = study.config(point, trial.seed).to_dict() if outside is None else {}
        except InputError:
            outside = NO_CONFIG
        if outside is not None:
            placed.outside[outside] += 1
            continue
        placed.differing |= set(_differing(config, same))
        report = trial.report
        values, excess = (None, nothing) if report is None else (values_of(report), report.excess)
        placed.trials.append(EarlierTrial(point=point, values=values, excess=dict(excess)))
    return placed


def _point(dimensions: Sequence[Dimension], config: Mapping[str, Any]) -> tuple[Point, str | None]:
    """The point that a config is, or the first dimension outside of which it lies."""
    point: Point = {}
    for dimension in dimensions:
        if dimension.is_active(point):
            value = _setting(dimension, config)
            if value is _MISSING:
                return point, dimension.name
            point[dimension.name] = value
    return point, None


def _setting(dimension: Dimension, config: Mapping[str, Any]) -> Any:
    """The value that a dimension has in a config; `_MISSING` where it has none there."""
    if dimension.type == "bundle":
        fitting = [
            label
            for label, paths in dimension.labels.items()
            if all(_same(_read(config, path), value) for path, value in paths.items())
        ]
        # One that sets more of it says more: others are a part of it.
        return max(fitting, key=lambda label: len(dimension.labels[label]), default=_MISSING)
    value = _read(config, dimension.name)
    for listed in dimension.listed:
        if _same(value, listed):
            return listed
    inside = is_number(value) and not dimension.is_categorical and dimension.contains(value)
    return dimension.canonical(value) if inside else _MISSING


def _read(config: Mapping[str, Any], path: str) -> Any:
    value: Any = config
    for key in path.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return _MISSING
        value = value[key]
    return value


def _same(value: Any, listed: Any) -> bool:
    return is_same(value, list(listed) if isinstance(listed, tuple) else listed)


def _differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Paths in which two configs differ; a length is compared where both have one."""
    before, after = flatten(then), flatten(now)
    for path in before.keys() | after.keys():
        old, new = before.get(path), after.get(path)
        unknown = path == "training.images" and None in (old, new)
        if old != new and not unknown and not path.startswith(OF_NO_MATTER):
            yield path
