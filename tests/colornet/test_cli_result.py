"""Results of commands, and the options they share."""

import pytest

from colornet.cli_result import (
    CliResult,
    align_columns,
    count_text,
    duration_text,
    parse_settings,
    require_training_libraries,
)
from colornet.errors import InputError


def test_an_answer_has_text_and_data() -> None:
    answer = CliResult("shown", {"a": 1}, exit_code=1)
    assert (answer.text(), answer.data(), answer.exit_code) == ("shown", {"a": 1}, 1)
    assert CliResult("x").data() == {}
    assert CliResult("x").exit_code == 0


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([], ""),
        ([("",)], ""),
        ([("a", "b")], "a  b"),
        ([("a", "b"), ("long", "")], "a     b\nlong"),
        ([("é", "x"), ("ab", "y")], "é   x\nab  y"),
    ],
)
def test_aligned(rows: list[tuple[str, ...]], text: str) -> None:
    assert align_columns(rows) == text


def test_rows_of_different_length_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="shorter"):
        align_columns([("a", "b"), ("c",)])


def test_settings() -> None:
    assert parse_settings([]) == {}
    found = parse_settings(["a.b=1e-4", "c=[x, y]", "d=", "e=f=g", " f =on"])
    assert found == {"a.b": 1e-4, "c": ["x", "y"], "d": None, "e": "f=g", "f": "on"}


@pytest.mark.parametrize("settings", [["a=1", "a=2"], ["a=1", "b=2", " a =1"]])
def test_a_path_is_set_once(settings: list[str]) -> None:
    with pytest.raises(InputError, match="--set: a: is given twice") as caught:
        parse_settings(settings)
    assert len(str(caught.value).split("\n")) == 2


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ("training.epochs=3", "training.images=100"),
        ("training.images=100", "training.epochs=3"),
        ("data.train_pictures=8", "data.fraction=0.5"),
        ("discriminator.kind=patch", "discriminator=null"),
        ("space.loss.l1_weight={choice: [1, 2]}", "loss.l1_weight=3"),
        ("loss.l1_weight=3", "space.loss.l1_weight={choice: [1, 2]}"),
    ],
)
def test_nothing_is_set_in_vain(first: str, later: str) -> None:
    lost, wins = (setting.partition("=")[0] for setting in (first, later))
    with pytest.raises(InputError, match=f"^--set: {wins}: leaves nothing of {lost}.\nKeep one"):
        parse_settings([first, "training.ticks=2", later])


def test_a_part_of_what_was_set_before() -> None:
    found = parse_settings(["discriminator=null", "discriminator.kind=patch", "training.ticks=2"])
    assert list(found) == ["discriminator", "discriminator.kind", "training.ticks"]


@pytest.mark.parametrize("setting", ["", "a", "=1", "="])
def test_what_is_no_setting(setting: str) -> None:
    with pytest.raises(InputError, match=r"^--set: .* is no PATH=VALUE"):
        parse_settings([setting])


def test_missing_libraries_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"ray", "kornia"}
    monkeypatch.setattr("colornet.cli_result.find_spec", lambda name: name in installed or None)
    with pytest.raises(InputError) as caught:
        require_training_libraries("train")
    assert str(caught.value) == (
        "colorsweep train: needs torch, safetensors, not installed here.\n"
        "Install with: pip install 'colorsweep[train]'"
    )
    installed |= {"torch", "safetensors"}
    require_training_libraries("train")


def test_count_text() -> None:
    shown = [count_text(n, "GPU") for n in (0, 0.5, 1, 1.0, 1.5, 1200)]
    assert shown == ["0 GPUs", "0.5 GPU", "1 GPU", "1 GPU", "1.5 GPUs", "1,200 GPUs"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (89.4, "89 s"),
        (120, "2 min"),
        (3600, "60 min"),
        (7200, "2.0 h"),
        (1e6, "277.8 h"),
        (float("nan"), "–"),
    ],
)
def test_duration_text(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
