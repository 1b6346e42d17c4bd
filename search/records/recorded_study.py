"""What every reader relies on in a sweep's study and provenance, checked once, where it is read.

Sweeps of earlier releases lack keys and have others: only what is there is checked, and whoever
needs what is not says so.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from colornet.config.validation import MOST_SEEDS, MOST_TRIALS, parse_bound, validate
from colornet.errors import InputError

LARGEST = 1e15
"""Of any number that is counted with: pictures, hours, money."""


def _bound(text: str) -> str:
    parse_bound(text)
    return text


Goal = Literal["minimize", "maximize"]
Number = Annotated[int | float, Field(ge=-1e300, le=1e300)]
Amount = Annotated[int | float, Field(ge=0, le=LARGEST)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Trials = Annotated[int, Field(ge=0, le=MOST_TRIALS)]
Seeds = Annotated[int, Field(ge=0, le=MOST_SEEDS)]
Bounds = dict[str, Annotated[str, AfterValidator(_bound)]]


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


def sound_provenance(found: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What of a sweep's provenance is of the shape it was written in, and what is wrong."""
    sound, problems = dict(found), []
    for key in RecordedProvenance.model_fields.keys() & found.keys():
        try:
            validate(RecordedProvenance, {key: found[key]}, "provenance.json")
        except InputError as error:
            problems.append(str(error).split("\n")[0])
            del sound[key]
    return sound, sorted(problems)


def check_study(study: Mapping[str, Any], origin: str) -> None:
    """Whether a sweep's study is of the shape it was written in.

    Raises:
        InputError: the first key that is of another, with origin and value.
    """
    try:
        validate(RecordedStudy, study, origin)
    except InputError as error:
        wrong = str(error).split("\n")[0]
        raise InputError(f"{wrong}\nPut the file back as it was.") from None
