"""What a study may ask: metrics that exist, and weights that mean the same in all its trials."""

from colornet.config.columns import COSTS, DIAGNOSTICS, METRICS, cost_column, metric_of
from colornet.config.paths import flatten
from colornet.config.validation import parse_bound
from colornet.errors import InputError, did_you_mean
from spaces.dimensions import Dimension
from spaces.grid import count_points, levels
from spaces.study import Study, StudyFile

WEIGHTS = ("loss.l1_weight", "loss.mse_weight", "loss.huber_weight")
"""Dimensions in the units of `loss.on`."""
SAME_HELD_OUT = ("data.train_pictures", "data.fraction", "data.horizontal_flip")
"""Settings of the data that leave the held-out pictures as they are."""
MOST_POINTS = 10_000
"""Combinations of levels that a grid may have."""


def check_columns(file: StudyFile, origin: str) -> None:
    """Raise InputError for an objective or bound on what no trial measures, or against its goal."""
    searchable = [f"val_{name}" for name in METRICS]
    searchable += [f"eval_{name}" for name in METRICS] if file.evaluate_on is not None else []
    searchable += [f"diag_{name}" for name in DIAGNOSTICS] + [f"cost_{name}" for name in COSTS]
    named = [("objectives", column) for column in file.objectives]
    if file.decide:
        named.append(("decide.by", file.decide.by))
        named += [("decide.subject_to", column) for column in file.decide.subject_to]
    named += [("constraints", column) for column in map(cost_column, file.constraints)]
    for where, column in named:
        if column not in searchable:
            hint = did_you_mean(column, searchable)
            raise InputError(f"{origin}: {where}: {column}: unknown metric.\n{hint}")
    for column, goal in file.objectives.items():
        metric = metric_of(column)
        if metric and metric.goal not in (None, goal):
            raise InputError(
                f"{origin}: objectives.{column}: {goal}: this metric is to be {metric.goal}d.\n"
                f"Write {column}: {metric.goal}."
            )
    _check_bounds(file, origin)


def _check_bounds(file: StudyFile, origin: str) -> None:
    groups = {
        "decide.subject_to": file.decide.subject_to if file.decide else {},
        "constraints": file.constraints,
    }
    for where, bounds in groups.items():
        for column, bound in bounds.items():
            try:
                parse_bound(bound)
            except ValueError as error:
                head = f"{origin}: {where}.{column}"
                raise InputError(f"{head}: {error}.\nWrite a comparison and a number.") from None
    decides = metric_of(file.decide.by) if file.decide else None
    if file.decide and not (decides and decides.goal):
        raise InputError(
            f"{origin}: decide.by: {file.decide.by}: is neither better high nor low.\n"
            "Decide by another metric and bound this one in subject_to."
        )


def check_design(study: Study, origin: str) -> None:
    """Raise InputError for a space that the design, the sampler or the stopping cannot serve."""
    file = study.file
    if file.design == "compare" or file.sampler == "grid":
        word = "design compare" if file.design == "compare" else "sampler grid"
        for dimension in study.dimensions:
            if levels(dimension) is None:
                raise InputError(
                    f"{origin}: space.{dimension.name}: {word} needs levels, and a "
                    f"{dimension.type} has none.\nWrite {{choice: [a, b, …]}}."
                )
        if (count := count_points(study.dimensions, MOST_POINTS)) is None:
            raise InputError(f"{origin}: space: {word}: more than {MOST_POINTS:,} combinations.")
        if file.design == "compare" and count < 2:
            raise InputError(f"{origin}: space: design compare needs at least two levels.")
    changed = {
        path
        for dimension in study.dimensions
        for value in dimension.probes()
        for path in dimension.changes(value)
    }
    lengths = changed & {"training.images", "training.epochs"}
    if file.stopping.rule != "none" and lengths:
        raise InputError(
            f"{origin}: stopping.rule: {file.stopping.rule}: compares trials after equally many "
            f"pictures, but the space varies {min(lengths)}.\nSet stopping.rule to none."
        )
    _check_common_pictures(study, changed, origin)


def _check_common_pictures(study: Study, changed: set[str], origin: str) -> None:
    """Trials that hold out different pictures are compared on common ones, or not at all."""
    paths = sorted(p for p in changed if p.startswith("data.") and p not in SAME_HELD_OUT)
    compared = [*study.file.objectives, *([study.file.decide.by] if study.file.decide else [])]
    val = [column for column in compared if column.startswith("val_")]
    if paths and val:
        raise InputError(
            f"{origin}: {val[0]}: the space varies {paths[0]}, and with it the pictures that this "
            f"is measured on.\nGive evaluate_on, and compare eval_{val[0].removeprefix('val_')}."
        )


def check_weights(study: Study, origin: str) -> None:
    """Raise InputError where a weight is compared across different units of `loss.on`."""
    for weight in (study.space[name] for name in WEIGHTS if name in study.space):
        for other in study.dimensions:
            compared = sorted(_compared(study, other, weight))
            if len(compared) > 1:
                raise InputError(
                    f"{origin}: space.{weight.name}: {other.name} changes loss.on "
                    f"({', '.join(compared)}), in whose units this weight is.\n"
                    f"Fix one of them, or give {weight.name} a `when` that leaves one."
                )


def _compared(study: Study, other: Dimension, weight: Dimension) -> set[str]:
    """The values of `loss.on` among those of a dimension under which a weight is active."""
    allowed = weight.when.get(other.name)
    base = flatten(study.base_config)["loss.on"] if "on" in study.base_config["loss"] else ""
    return {
        str(other.changes(value).get("loss.on", base))
        for value in other.probes()
        if allowed is None or value in allowed
    } - {""}
