"""What pydantic finds is said in sentences."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from colornet.config.validation import parse_bound, validate
from colornet.errors import InputError


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Cat(_Strict):
    kind: Literal["cat"]
    lives: int = 9


class Dog(_Strict):
    kind: Literal["dog"]
    tricks: list[str] = Field(default_factory=list)


class Zoo(_Strict):
    name: str
    animal: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    share: float = Field(0.5, ge=0, lt=1)
    order: Literal["up", "down"] = "up"


def said(values: Any) -> str:
    with pytest.raises(InputError) as caught:
        validate(Zoo, values, "zoo.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "zoo.yaml: name: is missing.\nAdd it."),
        ({"name": "a", "nam": 1}, "zoo.yaml: nam: unknown key.\nDid you mean 'name'?"),
        (
            {"name": "a", "share": "0.5"},
            "zoo.yaml: share: '0.5': is text, not a number.\nWrite it without quotes.",
        ),
        (
            {"name": "a", "order": "dwon"},
            "zoo.yaml: order: 'dwon': unknown.\nDid you mean 'down'?",
        ),
        (
            {"name": "a", "animal": {"kind": "cow"}},
            "zoo.yaml: animal.kind: 'cow': unknown.\nKnown: cat, dog.",
        ),
        ({"name": "a", "animal": {}}, "zoo.yaml: animal.kind: is missing.\nAdd it: cat, dog."),
        (
            {"name": "a", "animal": {"kind": "cat", "tricks": []}},
            "zoo.yaml: animal.tricks: unknown key.\nKnown: kind, lives.",
        ),
        (
            {"name": "a", "animal": {"kind": "dog", "tricks": ["sit", 3]}},
            "zoo.yaml: animal.tricks.1: 3: input should be a valid string.",
        ),
    ],
)
def test_one_mistake(values: dict[str, Any], message: str) -> None:
    assert said(values) == message


@pytest.mark.parametrize("values", [None, [], "text", 3, [["name", "a"]]])
def test_something_else_than_a_mapping(values: Any) -> None:
    assert said(values).startswith("zoo.yaml: ")
    assert "\n" not in said(values)


def test_several_mistakes_name_the_first_and_count_the_rest() -> None:
    message = said({"name": 1, "share": 2.0, "animal": {"kind": "cat", "lives": None}})
    assert len(message.split("\n")) <= 3
    assert message.startswith("zoo.yaml: name: 1: ")
    assert message.endswith("(2 more: animal.lives, share)")


@pytest.mark.parametrize("value", ["x" * 10_000, ["y" * 5000], "a\nb\nc\nd"])
def test_long_values_are_cut_and_stay_on_their_line(value: Any) -> None:
    message = said({"name": "a", "share": value})
    assert len(message) < 200
    assert len(message.split("\n")) <= 3


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 1.0, True])
def test_numbers_outside(value: Any) -> None:
    assert said({"name": "a", "share": value}).startswith("zoo.yaml: share: ")


def test_what_is_right_is_built() -> None:
    zoo = validate(Zoo, {"name": "a", "animal": {"kind": "dog", "tricks": ["sit"]}}, "zoo.yaml")
    assert zoo == Zoo(name="a", animal=Dog(kind="dog", tricks=["sit"]))


@pytest.mark.parametrize(
    ("text", "bound"),
    [("<= 8", ("<=", 8.0)), ("<8", ("<", 8.0)), (" >= -1e-3 ", (">=", -1e-3)), (">0", (">", 0.0))],
)
def test_bounds(text: str, bound: tuple[str, float]) -> None:
    assert parse_bound(text) == bound


@pytest.mark.parametrize(
    "text", ["", "8", "<=", "== 8", "<= eight", "< 8 9", "=< 8", "<= nan", "<= inf"]
)
def test_what_is_no_bound(text: str) -> None:
    with pytest.raises(ValueError):
        parse_bound(text)
