"""What a study may ask: metrics that exist, and weights that mean the same in all its trials."""

from colornet.errors import InputError, did_you_mean
from colornet.measures import COSTS, DIAGNOSTICS, METRICS, metric_of
from colornet.paths import flatten
from colornet.validation import parse_bound
from spaces.distributions import Dimension
from spaces.study import Study, StudyFile

WEIGHTS = ("loss.l1_weight", "loss.mse_weight", "loss.huber_weight")
"""Dimensions in the units of `loss.on`."""


def check_columns(file: StudyFile, origin: str) -> None:
    """Raise InputError for an objective or bound on what no trial measures, or against its goal."""
    searchable = [f"val_{name}" for name in METRICS]
    searchable += [f"diag_{name}" for name in DIAGNOSTICS] + [f"cost_{name}" for name in COSTS]
    named = [("objectives", column) for column in file.objectives]
    if file.decide:
        named.append(("decide.by", file.decide.by))
        named += [("decide.subject_to", column) for column in file.decide.subject_to]
    for where, column in named:
        if column not in searchable:
            hint = did_you_mean(column, searchable)
            raise InputError(f"{origin}: {where}: {column}: unknown metric.\n{hint}")
    for column, goal in file.objectives.items():
        own = _goal(column)
        if own not in (None, goal):
            raise InputError(
                f"{origin}: objectives.{column}: {goal}: this metric is to be {own}d.\n"
                f"Write {column}: {own}."
            )
    _check_bounds(file, origin)


def _check_bounds(file: StudyFile, origin: str) -> None:
    if not file.decide:
        return
    for column, bound in file.decide.subject_to.items():
        try:
            parse_bound(bound)
        except ValueError as error:
            head = f"{origin}: decide.subject_to.{column}"
            raise InputError(f"{head}: {error}.\nWrite a comparison and a number.") from None
    if not _goal(file.decide.by):
        raise InputError(
            f"{origin}: decide.by: {file.decide.by}: is neither better high nor low.\n"
            "Decide by another metric and bound this one in subject_to."
        )


def _goal(column: str) -> str | None:
    metric = metric_of(column)
    return metric.goal if metric else None


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
