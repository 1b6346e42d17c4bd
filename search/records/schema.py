"""What readers rely on in records, study and provenance, checked once, where they are read.

Anybody may have written what is read. Names of trials become names of files, numbers order rows,
and JSON becomes settings: a row in which one of these is not what this project writes is left out,
and reported. Sweeps of earlier releases lack keys of the study and have others: only what is there
is checked, and code that needs a missing key reports it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from colornet.cli_result import count_text
from colornet.config.reading import json_mapping
from colornet.config.validation import MOST_SEEDS, MOST_TRIALS, parse_bound, validate
from colornet.errors import InputError

_TRIAL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""It is part of paths and of names of processes."""
_NUMBERS = {
    "trials": ["seq", "number", "attempt", "seed"],
    "ticks": ["seq", "number", "attempt", "seed", "tick"],
    "pictures": ["seq", "number", "attempt", "seed"],
}
"""Columns that are never null, and never below 0."""
_TEXT = re.compile("(?s).{1,200}")
_TEXTS = ["state", "origin", "point_id", "kind", "split", "picture_hash"]
"""Columns of such text."""
_JSON = ["point", "distributions", "system_attrs", "config"]
"""Columns of JSON mappings."""
BLANK = {"origin": "", "point_id": "", "point": "{}", "distributions": "{}", "system_attrs": "{}"}
"""In place of a null; a configuration that was not recorded stays one."""
LARGEST_COUNT = 2**53
"""Numbers above it are no counts: floats do not hold them."""
CENTURY = pd.Timestamp("2000", tz="UTC"), pd.Timestamp("2200", tz="UTC")
SECONDS = 3e9
"""A century of them."""
LONGEST_JSON = 1_000_000
LARGEST = 1e15
"""Of any amount in a study: pictures, hours, money."""


def valid_rows(table: str, frame: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Which rows can be relied on, and why the others cannot.

    Args:
        frame: some columns of a table of the records.

    Returns:
        (N,) bool, and a sentence for each way in which rows are damaged.
    """
    valid, problems = np.ones(len(frame), dtype=bool), []
    checks: list[tuple[list[str], Callable[[pd.Series], Any], str]] = [
        (["trial_id"], lambda ids: ids.notna() & _match(ids, _TRIAL_ID), "is no name of a trial"),
        (_NUMBERS[table], _are_counts, "is no number that it can have"),
        (_TEXTS, lambda column: _match(column, _TEXT), "is no short text"),
        (_JSON, lambda column: _each(column, _is_mapping), "is no JSON mapping"),
        (["time"], lambda column: column.between(*CENTURY), "is no time of this century"),
        # A null is not known, and no damage.
        (["seconds"], lambda c: c.isna() | c.between(0, SECONDS), "is no time of a training"),
        (["images"], lambda c: c.isna() | c.between(0, LARGEST_COUNT), "is no number of pictures"),
    ]
    for columns, check, what in checks:
        for name in columns:
            if name not in frame:
                continue
            bad = valid & ~np.asarray(check(frame[name]), dtype=bool)
            if bad.any():
                example = _example(frame[name].to_numpy()[bad][0])
                rows = count_text(int(bad.sum()), "row")
                left_out = f"records/{table}: {rows} left out: {name} {what}"
                problems.append(f"{left_out}, such as {example}")
                valid &= ~bad
    return valid, problems


def _example(value: Any) -> str:
    try:
        return repr(value)[:60]
    # pandas cannot write a time beyond the years 1 to 9999 of Python's calendar (datetime.MINYEAR).
    except (ValueError, NotImplementedError):
        return "a time that no calendar has"


def _each(column: pd.Series, is_good: Callable[[Any], bool]) -> np.ndarray:
    """Check each value that occurs once; a null is none."""
    good = [value for value in column.dropna().unique() if is_good(value)]
    return (column.isna() | column.isin(good)).to_numpy(dtype=bool)


def _match(column: pd.Series, pattern: re.Pattern[str]) -> np.ndarray:
    return _each(column, lambda value: isinstance(value, str) and bool(pattern.fullmatch(value)))


def _is_mapping(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > LONGEST_JSON:
        return False
    try:
        json_mapping(value, "")
    except InputError:
        return False
    return True


def _are_counts(column: pd.Series) -> Any:
    # A column of another type than its schema's was refused before, except one of nulls only.
    if not pd.api.types.is_numeric_dtype(column):
        return column.notna()
    return column.between(0, LARGEST_COUNT)


Goal = Literal["minimize", "maximize"]
Number = Annotated[int | float, Field(ge=-1e300, le=1e300)]
Amount = Annotated[int | float, Field(ge=0, le=LARGEST)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Trials = Annotated[int, Field(ge=0, le=MOST_TRIALS)]
Seeds = Annotated[int, Field(ge=0, le=MOST_SEEDS)]
Bounds = dict[str, Annotated[str, AfterValidator(lambda text: parse_bound(text) and text)]]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)


class _Metric(_Part):
    unit: str | None = None
    goal: Goal | None = None
    label: str | None = None


class _Dimension(_Part):
    type: Literal["uniform", "loguniform", "int", "logint", "choice", "bundle"]
    low: Number | None = None
    high: Number | None = None
    step: Number | None = None
    choices: list[Any] | None = None
    labels: dict[str, dict[str, Any]] = Field(default_factory=dict)
    when: dict[str, list[Any]] = Field(default_factory=dict)


class _Decide(_Part):
    by: str
    subject_to: Bounds | None = None


class _Budget(_Part):
    trials: Trials | None = None
    images: Amount | None = None
    wall_hours: Amount | None = None
    gpu_hours: Amount | None = None
    money: Amount | None = None
    price_per_gpu_hour: Amount | None = None


class _Confirm(_Part):
    top: Trials = 0
    replicates: Seeds = 0


class _Stopping(_Part):
    rule: str = "none"


class _Final(_Part):  # whether it fits is said where it is used
    images: Annotated[int, Field(ge=-LARGEST, le=LARGEST)] | None = Field(
        None, alias="training.images"
    )


class _Training(_Part):
    ticks: Count | None = None
    images: Count | None = None
    epochs: Amount | None = None


class _Base(_Part):
    data: dict[str, Any] | None = None
    loss: dict[str, Any] | None = None
    training: _Training | None = None


class _EarlierTrial(_Part):
    point: dict[str, Any]
    values: list[Number] | None = None
    excess: dict[str, Number | None] = Field(default_factory=dict)


class _EarlierSweep(_Part):
    sweep: str
    trials: list[_EarlierTrial]


class RecordedStudy(_Part):
    """The shape of a sweep's study, as far as readers go by it."""

    base_config: _Base
    question: str | None = None
    name: str | None = None
    asked_in: list[Any] | None = None
    fixed: dict[str, Any] | None = None
    start_from: list[dict[str, Any]] | None = None
    objectives: dict[str, Goal] | None = None
    decide: _Decide | None = None
    constraints: Bounds | None = None
    evaluate_on: dict[str, Any] | None = None
    final: _Final | None = None
    design: str | None = None
    replicates: Seeds | None = None
    difference: Number | None = None
    sampler: str | None = None
    stopping: _Stopping | None = None
    budget: _Budget | None = None
    confirm: _Confirm | None = None
    trials: Trials | None = None
    space: dict[str, _Dimension] | None = None
    metrics: dict[str, _Metric] | None = None
    learned_from: list[_EarlierSweep] | None = None


class _Pictures(_Part):
    content_hash: str
    pictures: Count
    splits: dict[str, Count]
    lightness: dict[str, Any] | None = None


class _Began(_Part):
    settings: dict[str, Any] | None = None
    quick: bool = False


class RecordedProvenance(_Part):
    """The shape of a sweep's provenance, as far as readers go by it."""

    study: dict[str, Any] | None = None
    data: list[_Pictures] | None = None
    data_hash: str | None = None
    evaluation: _Pictures | None = None
    began: _Began | None = None
    host: str | None = None
    cpus: Count | None = None


def valid_provenance(provenance: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What of a sweep's provenance is of the shape it was written in, and what is wrong."""
    valid, problems = dict(provenance), []
    for key in RecordedProvenance.model_fields.keys() & provenance.keys():
        try:
            validate(RecordedProvenance, {key: provenance[key]}, "provenance.json")
        except InputError as error:
            problems.append(str(error).split("\n")[0])
            del valid[key]
    return valid, sorted(problems)


def validate_study(study: Mapping[str, Any], origin: str) -> None:
    """Refuse a sweep's study that is not of the shape it was written in.

    Raises:
        InputError: the first key that is of another, with origin and value.
    """
    try:
        validate(RecordedStudy, study, origin)
    except InputError as error:
        wrong = str(error).split("\n")[0]
        raise InputError(f"{wrong}\nPut the file back as it was.") from None
